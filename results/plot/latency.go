package plot

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"

	"dualbank/results"
	"dualbank/results/unit"
)

func latencyPicture(sets []results.SetLatency) *Picture {
	all := results.MergeSets(sets)
	if len(all) == 0 {
		return nil
	}
	return &Picture{
		Name:  "latency",
		Title: "Latency of a set: share of sets done within a time",
		note:  "Both axes logarithmic; upwards each step is ten times rarer. Rings are sets that collected garbage (GC).",
		words: latencyWords(all),
		body:  func(w vg.Length) part { return latencyBody(all, w) },
	}
}

func latencyWords(all []results.Latencies) []string {
	var out []string
	for _, l := range all {
		s := fmt.Sprintf("%s: of %s half end within %s, 99 %% within %s, the slowest takes %s; ",
			l.Name, unit.Plural(len(l.All), "set"), unit.Duration(l.Quantile(0.5)), unit.Duration(l.Quantile(0.99)), unit.Duration(l.Max()))
		if lo, hi, ok := l.GCRange(); ok {
			s += fmt.Sprintf("%s collected garbage and took %s to %s.", unit.Count(l.NGC), unit.Duration(lo), unit.Duration(hi))
		} else {
			s += "none collected garbage."
		}
		out = append(out, s)
	}
	return out
}

// rarity maps a share of sets to a height: 90 % is one step up, 99 % two, 99.9 % three.
func rarity(share float64) float64 { return -math.Log10(1 - share) }

func latencyBody(all []results.Latencies, w vg.Length) part {
	const (
		axis   = 56
		height = 270
		top    = 10
	)
	rows := vg.Length(len(all))
	table := 26 + 20*rows
	if narrow(w) {
		table = 12 + 36*rows
	}
	return part{height: top + height + 44 + table, draw: func(p pen) {
		lo, hi, n := math.Inf(1), 0.0, 1
		for _, l := range all {
			lo, hi, n = min(lo, l.All[0]), max(hi, l.Max()), max(n, len(l.All))
		}
		// A time of 0, as with all costs switched off, is on the left edge.
		hi = max(hi, 1e-9) * 1.3
		lo = max(lo/1.3, hi*1e-9)
		peak := rarity(1-0.5/float64(n)) * 1.06
		c := newChart(p.w, axis, top, height, logarithmic(lo, hi), func(share float64) float64 { return rarity(share) / peak })
		var shares []tick
		for _, share := range []float64{0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999} {
			if rarity(share) > peak {
				break
			}
			shares = append(shares, tick{share, fmt.Sprintf("%.6g %%", math.Round(share*1e8)/1e6)})
		}
		ticks := decades(lo, hi, unit.Duration)
		p.levels(c, shares)
		p.columns(c, ticks)
		p.underneath(c.foot(), ticks, c.x)
		p.base(c)
		p.below(c, "simulated time of one set")

		for i, l := range all {
			// Later curves are thinner, so that both show where they coincide.
			p.latencyCurve(l, max(1.5, 4-1.5*vg.Length(i)), series[i%len(series)], c)
		}
		for i, l := range all {
			p.latencyMarks(l, series[i%len(series)], c)
		}
		p.latencyTable(all, top+height+44)
	}}
}

// latencyCurve draws the step function of one workload.
func (p pen) latencyCurve(l results.Latencies, width vg.Length, s *shade, c *chart) {
	n := float64(len(l.All))
	p.stair(len(l.All), width, s, c.y(0), func(i int) (vg.Length, vg.Length) { return c.x(l.All[i]), c.y((float64(i) + 0.5) / n) })
}

// latencyMarks draws the rings of garbage collections and the marks of p50, p99 and the maximum.
func (p pen) latencyMarks(l results.Latencies, s *shade, c *chart) {
	n := float64(len(l.All))
	lastX, lastY := vg.Length(-1e9), vg.Length(-1e9)
	for i := len(l.All) - 1; i >= 0; i-- {
		if !l.GC[i] {
			continue
		}
		cx, cy := c.x(l.All[i]), c.y((float64(i)+0.5)/n)
		if lastX-cx < 5 && cy-lastY < 5 && lastX > 0 {
			continue
		}
		p.tip(fmt.Sprintf("%s: a set with garbage collection takes %s", l.Name, unit.Duration(l.All[i])))
		p.ring(cx, cy, 3.5, s)
		lastX, lastY = cx, cy
	}
	p.tip(fmt.Sprintf("%s: half of the sets take at most %s", l.Name, unit.Duration(l.Quantile(0.5))))
	p.mark(c.x(l.Quantile(0.5)), c.y(0.5), markP50, s)
	if n >= 100 {
		p.tip(fmt.Sprintf("%s: 99 %% of the sets take at most %s", l.Name, unit.Duration(l.Quantile(0.99))))
		p.mark(c.x(l.Quantile(0.99)), c.y(0.99), markP99, s)
	}
	p.tip(fmt.Sprintf("%s: the slowest set takes %s", l.Name, unit.Duration(l.Max())))
	p.mark(c.x(l.Max()), c.y(1-0.5/n), markMax, s)
	p.tip("")
}

// latencyTable draws the legend with the figures. Narrow pictures have the figures on a line below each name.
func (p pen) latencyTable(all []results.Latencies, y vg.Length) {
	if !narrow(p.w) {
		columns := []column{
			{"sets", p.w * 0.42, noMark},
			{"with GC", p.w * 0.54, noMark},
			{"p50 (median)", p.w * 0.70, markP50},
			{"p99", p.w * 0.85, markP99},
			{"max", p.w, markMax},
		}
		var rows [][]string
		for _, l := range all {
			rows = append(rows, []string{
				l.Name, unit.Count(len(l.All)), unit.Count(l.NGC), unit.Duration(l.Quantile(0.5)), unit.Duration(l.Quantile(0.99)), unit.Duration(l.Max()),
			})
		}
		p.legendTable(y, columns[0].right-100, "workload", columns, rows)
		return
	}
	body, name := lettering(bodySize, false, ink), lettering(bodySize, true, ink)
	for i, l := range all {
		at := y + 12 + vg.Length(i)*36
		p.swatch(at+4, i)
		p.text(28, at+4, left, name, fitted(fmt.Sprintf("%s, %s, %s with GC", l.Name, unit.Plural(len(l.All), "set"), unit.Count(l.NGC)), name, p.w-28))
		x := vg.Length(28)
		for k, v := range []float64{l.Quantile(0.5), l.Quantile(0.99), l.Max()} {
			p.mark(x+6, at+16, k, series[i%len(series)])
			label := unit.Duration(v)
			p.text(x+18, at+20, left, body, label)
			x += 18 + body.Width(label) + 16
		}
	}
}

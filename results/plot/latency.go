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
		// A time of zero, as with all costs switched off, sits on the left edge.
		hi = max(hi, 1e-9) * 1.3
		lo = max(lo/1.3, hi*1e-9)
		peak := rarity(1-0.5/float64(n)) * 1.06
		x := func(v float64) vg.Length {
			return axis + (p.w-axis)*vg.Length(math.Log(max(v, lo)/lo)/math.Log(hi/lo))
		}
		y := func(share float64) vg.Length { return top + height - height*vg.Length(rarity(share)/peak) }

		small := lettering(smallSize, false, muted)
		for _, share := range []float64{0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999} {
			if rarity(share) > peak {
				break
			}
			p.line(axis, y(share), p.w, y(share), 1, grid)
			p.text(axis-6, y(share)+4, right, small, fmt.Sprintf("%.6g %%", math.Round(share*1e8)/1e6))
		}
		var ticks []tick
		for _, t := range latencyTicks(lo, hi) {
			p.line(x(t.value), top, x(t.value), top+height, 1, grid)
			ticks = append(ticks, t)
		}
		p.underneath(top+height, ticks, x)
		p.line(axis, top+height, p.w, top+height, 1.5, ink)
		p.text(axis+(p.w-axis)/2, top+height+33, center, lettering(smallSize, false, ink), "simulated time of one set")

		for i, l := range all {
			// Later curves are thinner, so that both show where they coincide.
			p.latencyCurve(l, max(1.5, 4-1.5*vg.Length(i)), series[i%len(series)], x, y)
		}
		for i, l := range all {
			p.latencyMarks(l, series[i%len(series)], x, y)
		}
		p.latencyTable(all, top+height+44)
	}}
}

// latencyTicks are decades, with 2 and 5 between where the range is short.
func latencyTicks(lo, hi float64) []tick {
	steps := []float64{1}
	if math.Log10(hi/lo) < 2.5 {
		steps = []float64{1, 2, 5}
	}
	var out []tick
	for e := math.Floor(math.Log10(lo)); e <= math.Log10(hi); e++ {
		for _, m := range steps {
			if v := m * math.Pow(10, e); v >= lo*(1-1e-9) && v <= hi {
				out = append(out, tick{v, unit.Duration(v)})
			}
		}
	}
	return out
}

// latencyCurve draws the stair of one workload, without the steps that are too small to see.
func (p pen) latencyCurve(l results.Latencies, width vg.Length, s *shade, x func(float64) vg.Length, y func(float64) vg.Length) {
	n := float64(len(l.All))
	p.stair(len(l.All), width, s, y(0), func(i int) (vg.Length, vg.Length) { return x(l.All[i]), y((float64(i) + 0.5) / n) })
}

// latencyMarks draws the rings of garbage collections and the marks of p50, p99 and the maximum.
func (p pen) latencyMarks(l results.Latencies, s *shade, x func(float64) vg.Length, y func(float64) vg.Length) {
	n := float64(len(l.All))
	lastX, lastY := vg.Length(-1e9), vg.Length(-1e9)
	for i := len(l.All) - 1; i >= 0; i-- {
		if !l.GC[i] {
			continue
		}
		cx, cy := x(l.All[i]), y((float64(i)+0.5)/n)
		if lastX-cx < 5 && cy-lastY < 5 && lastX > 0 {
			continue
		}
		p.ring(cx, cy, 3.5, s)
		lastX, lastY = cx, cy
	}
	p.mark(x(l.Quantile(0.5)), y(0.5), markP50, s)
	if n >= 100 {
		p.mark(x(l.Quantile(0.99)), y(0.99), markP99, s)
	}
	p.mark(x(l.Max()), y(1-0.5/n), markMax, s)
}

// ring draws a small circle with the surface inside.
func (p pen) ring(x, y, r vg.Length, s *shade) {
	var path vg.Path
	path.Arc(p.at(x, y), r, 0, 2*math.Pi)
	path.Close()
	p.c.SetColor(surface)
	p.c.Fill(path)
	p.c.SetLineWidth(1.5)
	p.c.SetLineDash(nil, 0)
	p.c.SetColor(s)
	p.c.Stroke(path)
}

// The marks differ in shape, not only in place.
const (
	markP50 = iota // a triangle
	markP99        // a diamond
	markMax        // a square
)

func (p pen) mark(x, y vg.Length, kind int, s *shade) {
	corners := func(r vg.Length) []vg.Point {
		switch kind {
		case markP50:
			return []vg.Point{p.at(x, y-r), p.at(x+r, y+r*0.8), p.at(x-r, y+r*0.8)}
		case markP99:
			return []vg.Point{p.at(x, y-r), p.at(x+r, y), p.at(x, y+r), p.at(x-r, y)}
		default:
			r *= 0.8
			return []vg.Point{p.at(x-r, y-r), p.at(x+r, y-r), p.at(x+r, y+r), p.at(x-r, y+r)}
		}
	}
	p.area(surface, corners(8.5)...)
	p.area(ink, corners(7)...)
	p.area(s, corners(4.5)...)
}

// latencyTable is legend and figures in one.
func (p pen) latencyTable(all []results.Latencies, y vg.Length) {
	head, body, name := lettering(smallSize, false, muted), lettering(bodySize, false, ink), lettering(bodySize, true, ink)
	swatch := func(y vg.Length, i int) {
		p.line(0, y-4, 22, y-4, 3, series[i%len(series)])
	}
	if narrow(p.w) {
		for i, l := range all {
			at := y + 12 + vg.Length(i)*36
			swatch(at+4, i)
			p.text(28, at+4, left, name, fitted(fmt.Sprintf("%s, %s, %s with GC", l.Name, unit.Plural(len(l.All), "set"), unit.Count(l.NGC)), name, p.w-28))
			cx := vg.Length(28)
			for k, v := range []float64{l.Quantile(0.5), l.Quantile(0.99), l.Max()} {
				p.mark(cx+6, at+16, k, series[i%len(series)])
				label := unit.Duration(v)
				p.text(cx+18, at+20, left, body, label)
				cx += 18 + body.Width(label) + 16
			}
		}
		return
	}
	cols := []vg.Length{p.w * 0.42, p.w * 0.54, p.w * 0.70, p.w * 0.85, p.w}
	p.text(28, y+14, left, head, "workload")
	for k, label := range []string{"sets", "with GC", "p50 (median)", "p99", "max"} {
		p.text(cols[k], y+14, right, head, label)
		if k >= 2 {
			p.mark(cols[k]-head.Width(label)-12, y+10, k-2, quiet)
		}
	}
	p.line(0, y+20, p.w, y+20, 1, grid)
	for i, l := range all {
		at := y + 36 + vg.Length(i)*20
		swatch(at, i)
		p.text(28, at, left, name, fitted(l.Name, name, cols[0]-100))
		for k, v := range []string{unit.Count(len(l.All)), unit.Count(l.NGC), unit.Duration(l.Quantile(0.5)), unit.Duration(l.Quantile(0.99)), unit.Duration(l.Max())} {
			p.text(cols[k], at, right, body, v)
		}
	}
}

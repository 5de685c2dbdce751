package plot

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"

	"dualbank/results"
	"dualbank/results/unit"
)

// livePicture shows how the time of sets grows with the live data.
func livePicture(p *results.Plan) *Picture {
	if p == nil || len(p.Live) < 2 {
		return nil
	}
	name := p.Candidates[p.Shown].Name
	return &Picture{
		Name:  "live",
		Title: "Time of a set against live data, " + name,
		note:  "Logarithmic scale of simulated time. Garbage collection (GC) copies what is live: the more that is, the longer and the oftener.",
		words: liveWords(p),
		body:  func(w vg.Length) part { return liveBody(p, w) },
	}
}

func liveWords(p *results.Plan) []string {
	var out []string
	for _, l := range p.Live {
		out = append(out, fmt.Sprintf("With %s live: half of the sets end within %s, 99 %% within %s, one that collects garbage takes %s, the slowest %s.",
			unit.Size(math.Round(l.Bytes)), unit.Duration(l.P50), unit.Duration(l.P99), unit.Duration(l.GC), unit.Duration(l.Worst)))
	}
	return out
}

func liveBody(p *results.Plan, w vg.Length) part {
	curves := []curve{
		{name: "slowest", shade: vermillion, mark: markMax},
		{name: "with GC, median", shade: orange, mark: markP99, dash: []vg.Length{8, 4}},
		{name: "p99 of all", shade: green, mark: markP99, dash: []vg.Length{3, 3}},
		{name: "p50 of all", shade: blue, mark: markP50},
	}
	lo, hi, most := math.Inf(1), 0.0, 0.0
	for _, l := range p.Live {
		for i, v := range []float64{l.Worst, l.GC, l.P99, l.P50} {
			v = max(v, shortest)
			curves[i].x, curves[i].y = append(curves[i].x, l.Bytes), append(curves[i].y, v)
			lo, hi = min(lo, v), max(hi, v)
		}
		most = max(most, l.Bytes)
	}
	if most == 0 {
		most = 1
	}
	lo, hi = lo/1.5, hi*1.5
	c := newChart(w, 56, 10, 250, linear(most*1.02), logarithmic(lo, hi))
	c.wide -= 14
	var entries []entry
	for _, k := range curves {
		entries = append(entries, entry{k.shade, k.name})
	}
	key := pen{}.legend(0, w, entries)
	return part{height: c.foot() + 42 + key, draw: func(p2 pen) {
		p2.levels(c, decades(lo, hi, unit.Duration))
		for _, k := range slices.Backward(curves) {
			p2.curve(c, k)
		}
		p2.base(c)
		p2.underneath(c.foot(), byteTicks(most, max(2, int(w/110))), c.x)
		p2.below(c, "bytes of live records")
		p2.legend(c.foot()+42, w, entries)
	}}
}

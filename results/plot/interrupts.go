package plot

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"

	"dualbank/results"
	"dualbank/results/unit"
)

// waits is how long one interrupt waits in one case.
type waits struct {
	name  string // of the case
	hours float64
	results.InterruptLatency
}

// quantile is the latency that a share q of all activations does not exceed.
func (w *waits) quantile(q float64) float64 {
	for _, p := range w.Points {
		if float64(p.Within) >= q*float64(w.Activations) {
			return p.Seconds
		}
	}
	return w.Worst
}

// interruptPictures is one picture for each interrupt, in which cases are compared.
func interruptPictures(all []results.Application) []*Picture {
	var out []*Picture
	used := map[string]bool{}
	for _, name := range results.InterruptNames(all) {
		var cases []waits
		for _, a := range all {
			for _, q := range a.Interrupts {
				if q.Name == name && q.Activations > 0 {
					cases = append(cases, waits{a.Name, a.Hours, q})
				}
			}
		}
		if len(cases) == 0 {
			continue
		}
		file := "interrupts-" + slug(name)
		for n := 2; used[file]; n++ {
			file = fmt.Sprintf("interrupts-%s-%d", slug(name), n)
		}
		used[file] = true
		out = append(out, &Picture{
			Name:  file,
			Title: fmt.Sprintf("Latency of interrupt %s: share of activations served within a time", cases[0].Rhythm()),
			note:  "Both axes logarithmic: to the right it takes longer, upwards it is rarer that it takes longer still.",
			words: waitWords(cases),
			body:  func(w vg.Length) part { return waitBody(cases, w) },
		})
	}
	return out
}

func waitWords(cases []waits) []string {
	var out []string
	for _, c := range cases {
		s := fmt.Sprintf("%s: of %s half wait for %s, 99.999 %% for %s at most, the worst for %s",
			c.name, unit.Plural(c.Activations, "activation"), unit.Duration(c.quantile(0.5)), unit.Duration(c.quantile(0.99999)), unit.Duration(c.Worst))
		switch {
		case c.Deadline > 0 && c.Late == 0:
			s += "; none misses its deadline."
		case c.Deadline > 0:
			s += fmt.Sprintf("; %s an hour miss their deadline.", unit.Digits(float64(c.Late)/max(c.hours, 1e-9), 4))
		default:
			s += "."
		}
		out = append(out, s)
	}
	return out
}

func waitBody(cases []waits, w vg.Length) part {
	const (
		height = 250
		top    = 16
	)
	small := lettering(smallSize, false, muted)
	peak := 1.0
	for _, c := range cases {
		for i := range c.Points {
			peak = max(peak, c.height(i))
		}
	}
	peak *= 1.05
	every := max(1, int(math.Ceil(peak/10)))
	axis := small.Width(nines(int(peak)/every*every)) + 10
	row := vg.Length(20)
	if narrow(w) {
		row = 36
	}
	table := 26 + row*vg.Length(len(cases))
	return part{height: top + height + 44 + table, draw: func(p pen) {
		lo, hi := math.Inf(1), 0.0
		for _, c := range cases {
			lo, hi = min(lo, c.Points[0].Seconds), max(hi, c.Worst, c.Points[len(c.Points)-1].Seconds, c.Deadline)
		}
		hi = max(hi, 1e-9) * 1.5
		lo = max(lo/1.5, hi*1e-12)
		x := func(v float64) vg.Length {
			return axis + (p.w-axis)*vg.Length(math.Log(max(v, lo)/lo)/math.Log(hi/lo))
		}
		y := func(rare float64) vg.Length { return top + height - height*vg.Length(rare/peak) }

		for r := 0; float64(r) <= peak; r += every {
			p.line(axis, y(float64(r)), p.w, y(float64(r)), 1, grid)
			p.text(axis-6, y(float64(r))+4, right, small, nines(r))
		}
		ticks := latencyTicks(lo, hi)
		for _, t := range ticks {
			p.line(x(t.value), top, x(t.value), top+height, 1, grid)
		}
		p.underneath(top+height, ticks, x)
		p.line(axis, top+height, p.w, top+height, 1.5, ink)
		p.text(axis+(p.w-axis)/2, top+height+33, center, lettering(smallSize, false, ink), "from the activation to the handler, simulated time")
		if d := cases[0].Deadline; d > 0 {
			p.line(x(d), top, x(d), top+height, 1, ink, 4, 3)
			label, st := "deadline "+unit.Duration(d), lettering(smallSize, false, ink)
			at := min(max(x(d)-st.Width(label)/2, axis), p.w-st.Width(label))
			p.text(at, top-4, left, st, label)
		}
		for i, c := range cases {
			// Later curves are thinner, so that all show where they coincide.
			p.waitCurve(&c, max(1.5, 6-1.5*vg.Length(i)), series[i%len(series)], x, y)
		}
		for i, c := range cases {
			p.mark(x(c.Worst), y(c.height(len(c.Points)-1)), markMax, series[i%len(series)])
		}
		p.waitTable(cases, top+height+44, row)
	}}
}

// height is where point i of a curve is: how rare it is to wait longer. The last one is as rare as the
// number of activations lets one say.
func (w *waits) height(i int) float64 {
	longer := float64(w.Activations - w.Points[i].Within)
	return -math.Log10(max(longer, 0.5) / float64(w.Activations))
}

// nines is the share of all but one of ten, of a hundred, and so on: "99.9 %".
func nines(n int) string {
	switch n {
	case 0:
		return "0 %"
	case 1:
		return "90 %"
	case 2:
		return "99 %"
	}
	s := "99."
	for range n - 2 {
		s += "9"
	}
	return s + " %"
}

// waitCurve draws the stair of one case.
func (p pen) waitCurve(c *waits, width vg.Length, s *shade, x, y func(float64) vg.Length) {
	p.stair(len(c.Points), width, s, y(0), func(i int) (vg.Length, vg.Length) { return x(c.Points[i].Seconds), y(c.height(i)) })
}

// waitTable is legend and figures in one.
func (p pen) waitTable(cases []waits, y, row vg.Length) {
	head, body, name := lettering(smallSize, false, muted), lettering(bodySize, false, ink), lettering(bodySize, true, ink)
	missed := func(c *waits) string {
		if c.Deadline == 0 {
			return "no deadline"
		}
		return unit.Digits(float64(c.Late)/max(c.hours, 1e-9), 4)
	}
	if narrow(p.w) {
		for i, c := range cases {
			at := y + 16 + vg.Length(i)*row
			p.line(0, at-4, 22, at-4, 3, series[i%len(series)])
			p.text(28, at, left, name, fitted(c.name, name, p.w-28))
			text := "worst " + unit.Duration(c.Worst)
			if c.Deadline > 0 {
				text += ", misses in an hour " + missed(&c)
			}
			p.text(28, at+16, left, body, fitted(text, body, p.w-28))
		}
		return
	}
	cols := []vg.Length{p.w * 0.62, p.w * 0.84, p.w}
	p.text(28, y+14, left, head, "case")
	for k, label := range []string{"activations", "misses in an hour", "worst"} {
		p.text(cols[k], y+14, right, head, label)
		if k == 2 {
			p.mark(cols[k]-head.Width(label)-12, y+10, markMax, quiet)
		}
	}
	p.line(0, y+20, p.w, y+20, 1, grid)
	for i, c := range cases {
		at := y + 36 + vg.Length(i)*row
		p.line(0, at-4, 22, at-4, 3, series[i%len(series)])
		p.text(28, at, left, name, fitted(c.name, name, cols[0]-130))
		for k, v := range []string{unit.Count(c.Activations), missed(&c), unit.Duration(c.Worst)} {
			p.text(cols[k], at, right, body, v)
		}
	}
}

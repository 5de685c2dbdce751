package plot

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"

	"dualbank/results"
	"dualbank/results/unit"
)

// waits is the latency of one interrupt in one case.
type waits struct {
	name  string // of the case
	hours float64
	results.InterruptLatency
}

// quantile returns the latency that a share q of all activations does not exceed.
func (w *waits) quantile(q float64) float64 {
	for _, p := range w.Points {
		if float64(p.Within) >= q*float64(w.Activations) {
			return p.Seconds
		}
	}
	return w.Worst
}

// interruptPictures returns a picture for each interrupt, which compares the cases.
func interruptPictures(all []results.Application) []*Picture {
	var out []*Picture
	names := fileNames{}
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
		out = append(out, &Picture{
			Name:  names.next("interrupts", name),
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
			s += fmt.Sprintf("; %s an hour miss their deadline.", c.missed())
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
	peak := 1.0
	for _, c := range cases {
		for i := range c.Points {
			peak = max(peak, c.height(i))
		}
	}
	peak *= 1.05
	every := max(1, int(math.Ceil(peak/10)))
	axis := lettering(smallSize, false, muted).Width(nines(int(peak)/every*every)) + 10
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
		c := newChart(p.w, axis, top, height, logarithmic(lo, hi), linear(peak))
		var shares []tick
		for r := 0; float64(r) <= peak; r += every {
			shares = append(shares, tick{float64(r), nines(r)})
		}
		ticks := decades(lo, hi, unit.Duration)
		p.levels(c, shares)
		p.columns(c, ticks)
		p.underneath(c.foot(), ticks, c.x)
		p.base(c)
		p.below(c, "from the activation to the handler, simulated time")
		if d := cases[0].Deadline; d > 0 {
			p.line(c.x(d), top, c.x(d), c.foot(), 1, ink, 4, 3)
			label, st := "deadline "+unit.Duration(d), lettering(smallSize, false, ink)
			at := min(max(c.x(d)-st.Width(label)/2, axis), p.w-st.Width(label))
			p.text(at, top-4, left, st, label)
		}
		for i, q := range cases {
			// Later curves are thinner, so that all show where they coincide.
			p.stair(len(q.Points), max(1.5, 6-1.5*vg.Length(i)), series[i%len(series)], c.y(0), func(k int) (vg.Length, vg.Length) {
				return c.x(q.Points[k].Seconds), c.y(q.height(k))
			})
		}
		for i, q := range cases {
			p.mark(c.x(q.Worst), c.y(q.height(len(q.Points)-1)), markMax, series[i%len(series)])
		}
		p.waitTable(cases, top+height+44, row)
	}}
}

// height returns the height of point i of a curve: the negative decimal logarithm of the share that waits
// longer. Nothing waits longer than the last point; it counts half an activation.
func (w *waits) height(i int) float64 {
	longer := float64(w.Activations - w.Points[i].Within)
	return -math.Log10(max(longer, 0.5) / float64(w.Activations))
}

// nines returns the share that is n steps up: 90 %, 99 %, 99.9 %.
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

// missed returns how often in an hour the handler ran after its deadline.
func (w *waits) missed() string {
	if w.Deadline == 0 {
		return "no deadline"
	}
	return unit.Digits(float64(w.Late)/max(w.hours, 1e-9), 4)
}

// waitTable draws the legend with the figures. Narrow pictures have the figures on a line below each name.
func (p pen) waitTable(cases []waits, y, row vg.Length) {
	if !narrow(p.w) {
		columns := []column{{"activations", p.w * 0.62, noMark}, {"misses in an hour", p.w * 0.84, noMark}, {"worst", p.w, markMax}}
		var rows [][]string
		for _, c := range cases {
			rows = append(rows, []string{c.name, unit.Count(c.Activations), c.missed(), unit.Duration(c.Worst)})
		}
		p.legendTable(y, columns[0].right-130, "case", columns, rows)
		return
	}
	body, name := lettering(bodySize, false, ink), lettering(bodySize, true, ink)
	for i, c := range cases {
		at := y + 16 + vg.Length(i)*row
		p.swatch(at, i)
		p.text(28, at, left, name, fitted(c.name, name, p.w-28))
		text := "worst " + unit.Duration(c.Worst)
		if c.Deadline > 0 {
			text += ", misses in an hour " + c.missed()
		}
		p.text(28, at+16, left, body, fitted(text, body, p.w-28))
	}
}

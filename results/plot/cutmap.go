package plot

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"

	"dualbank/results"
	"dualbank/results/unit"
)

// outcome is an outcome with its shade.
type outcome struct {
	results.Outcome
	shade *shade
}

// shaded returns the outcomes of m with their shades.
func shaded(m results.CutMap) []outcome {
	var out []outcome
	for _, o := range m.Outcomes() {
		out = append(out, outcome{o, quiet})
	}
	for i, colours := 1, []*shade{vermillion, purple, blue, orange, ink, sky, yellow, green}; i < len(out); i++ {
		out[i].shade = colours[(i-1)%len(colours)]
	}
	return out
}

func cutPictures(maps []results.CutMap) []*Picture {
	var out []*Picture
	names := fileNames{}
	for _, m := range maps {
		if len(m.Rows) == 0 || m.Steps == 0 {
			continue
		}
		out = append(out, &Picture{
			Name:  names.next("cuts", m.Name),
			Title: "Power cuts by step and mode: " + m.Name,
			note:  "One block for each way a cut leaves its step; in it one lane for each outcome. Height: share of the steps there.",
			words: []string{cutWords(m)},
			body:  func(w vg.Length) part { return cutBody(m, w) },
		})
	}
	return out
}

func cutWords(m results.CutMap) string {
	var b strings.Builder
	outs := m.Outcomes()
	var bad uint64
	for _, o := range outs[1:] {
		bad += o.Cuts
	}
	fmt.Fprintf(&b, "%s: %s judged over %s (%s), ", m.Name, unit.Plural(m.Explored, "cut"), unit.Plural(m.Steps, "step"), m.Sampling)
	if bad == 0 {
		b.WriteString("none broke a rule.")
	} else {
		fmt.Fprintf(&b, "%s broke a rule: ", unit.Plural(bad, m.Counted()))
		for i, o := range outs[1:] {
			if i > 0 {
				b.WriteString("; ")
			}
			fmt.Fprintf(&b, "%s %s", unit.Count(o.Cuts), o.Label())
		}
		b.WriteString(".")
	}
	if n := len(m.Marks); n > 0 {
		fmt.Fprintf(&b, " %s marked below the map.", unit.Plural(n, "operation"))
	}
	return b.String()
}

func cutBody(m results.CutMap, w vg.Length) part {
	const (
		gap   = 2  // between lanes
		apart = 12 // between modes
		marks = 26
		foot  = 38
	)
	st := lettering(bodySize, false, ink)
	names := vg.Length(0)
	for _, r := range m.Rows {
		names = max(names, st.Width(r.Mode)+12)
	}
	names = min(names, w/3)
	outs := shaded(m)
	var entries []entry
	for _, o := range outs {
		entries = append(entries, entry{o.shade, unit.Plural(o.Cuts, m.Counted()) + ", " + o.Label()})
	}
	key := pen{}.legend(0, w, entries)
	high := vg.Length(max(6, 14-len(outs))) // of a lane
	if len(outs) == 1 {
		high = 18
	}
	row := vg.Length(len(outs))*(high+gap) + apart
	rows := vg.Length(len(m.Rows)) * row
	below := vg.Length(0)
	if len(m.Marks) > 0 {
		below = marks
	}
	return part{height: rows + 6 + below + foot + key, draw: func(p pen) {
		x := func(step float64) vg.Length {
			return names + (p.w-names)*vg.Length(step/float64(m.Steps))
		}
		for i, r := range m.Rows {
			y := vg.Length(i) * row
			p.text(0, y+(row-apart)/2+4, left, st, fitted(r.Mode, st, names-8))
			p.lanes(r.Runs, outs, m.Steps, names, y, high, gap)
		}
		y := rows + 6
		if len(m.Marks) > 0 {
			p.cutMarks(m.Marks, x, y, names)
			y += marks
		}
		p.line(names, y, p.w, y, 1.5, ink)
		ticks := countTicks(m.Steps, max(2, int((p.w-names)/90)))
		p.underneath(y, ticks, func(v float64) vg.Length { return x(v) })
		p.text(names+(p.w-names)/2, y+31, center, lettering(smallSize, false, ink), "step of the run at which the power is cut")
		p.legend(y+foot, p.w, entries)
	}}
}

// lanes draws one mode, with a lane for each outcome. A single cut among a million has a mark, and no outcome
// hides another.
func (p pen) lanes(runs []results.CutRun, outs []outcome, steps uint64, x, y, high, gap vg.Length) {
	spans := make([][]results.Span, len(outs))
	for _, run := range runs {
		k := slices.IndexFunc(outs, func(o outcome) bool { return o.Has(run) })
		spans[k] = append(spans[k], results.Span{Start: float64(run.First), End: float64(run.Last + 1), Share: 1})
	}
	for k, o := range outs {
		p.trace(spans[k], results.Span{End: float64(steps)}, x, y, p.w-x, high, o.shade, 0.35)
		y += high + gap
	}
}

// cutMarks draws the named operations as brackets, with their names where there is room.
func (p pen) cutMarks(marks []results.Span, x func(float64) vg.Length, y, from vg.Length) {
	st := lettering(smallSize, false, muted)
	end := vg.Length(-1e9)
	for _, m := range marks {
		x0 := x(m.Start)
		x1 := max(x(m.End)-1, x0+2)
		p.box(x0, y+2, x1, y+6, ink)
		wide := st.Width(m.Name)
		at := min(max((x0+x1)/2-wide/2, from), p.w-wide)
		if at < end+6 {
			continue
		}
		p.text(at, y+19, left, st, m.Name)
		end = at + wide
	}
}

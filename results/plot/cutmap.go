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

// severities are the shades of findings by severity.
var severities = map[string]*shade{"high": vermillion, "medium": orange, "low": blue}

// shaded returns the outcomes of m with the shades of their severities: those of the findings that they led to.
func shaded(m results.CutMap, findings []results.Finding) []outcome {
	var out []outcome
	for _, o := range m.Outcomes() {
		s := quiet
		if o.Rule != 0 {
			s = purple // of a finding that the report does not have
			for _, grave := range []string{"low", "medium", "high"} {
				if slices.ContainsFunc(findings, func(f results.Finding) bool {
					return f.Severity == grave && f.Rule == o.Rule && strings.HasPrefix(f.Title, o.Text)
				}) {
					s = severities[grave]
				}
			}
		}
		out = append(out, outcome{o, s})
	}
	return out
}

func cutPictures(maps []results.CutMap, findings []results.Finding) []*Picture {
	var out []*Picture
	names := fileNames{}
	for _, m := range maps {
		if len(m.Rows) == 0 || m.Steps == 0 {
			continue
		}
		out = append(out, &Picture{
			Name:  names.next("cuts", m.Name),
			Title: "Power cuts by step and mode: " + m.Name,
			note:  "From left to right, the steps of the run at which the power was cut. One block for each way a cut leaves its step; in it one lane for each outcome. Height: share of the steps there. Red is of high severity, orange of medium, blue of low.",
			words: []string{cutWords(m)},
			body:  func(w vg.Length) part { return cutBody(m, findings, w) },
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

func cutBody(m results.CutMap, findings []results.Finding, w vg.Length) part {
	const (
		head  = 20 // of a mode
		apart = 8  // between modes
		marks = 26
		foot  = 38
	)
	outs := shaded(m, findings)
	rows := vg.Length(0)
	for _, r := range m.Rows {
		rows += head + apart + laneHeight*vg.Length(len(lanes(r.Runs, outs)))
	}
	below := vg.Length(0)
	if len(m.Marks) > 0 {
		below = marks
	}
	return part{height: rows + 6 + below + foot, draw: func(p pen) {
		x := func(step float64) vg.Length { return p.w * vg.Length(step/float64(m.Steps)) }
		y := vg.Length(0)
		for _, r := range m.Rows {
			st := lettering(bodySize, true, ink)
			p.text(0, y+14, left, st, fitted("mode "+r.Mode, st, p.w))
			y += head
			for _, l := range lanes(r.Runs, outs) {
				p.lane(l, m.Counted(), m.Steps, y)
				y += laneHeight
			}
			y += apart
		}
		y += 6
		if len(m.Marks) > 0 {
			p.cutMarks(m.Marks, x, y, 0)
			y += marks
		}
		p.line(0, y, p.w, y, 1.5, ink)
		ticks := countTicks(m.Steps, max(2, int(p.w/90)))
		p.underneath(y, ticks, func(v float64) vg.Length { return x(v) })
		p.text(p.w/2, y+31, center, lettering(smallSize, false, ink), "step of the run at which the power is cut")
	}}
}

// laneHeight is the height of a lane: its name, and its steps below.
const laneHeight = 26

// cutLane is one outcome of one mode.
type cutLane struct {
	outcome
	spans []results.Span
	cuts  uint64
}

// lanes are the outcomes that a mode has, each with its steps. No outcome hides another.
func lanes(runs []results.CutRun, outs []outcome) (out []cutLane) {
	all := make([]cutLane, len(outs))
	for _, run := range runs {
		l := &all[slices.IndexFunc(outs, func(o outcome) bool { return o.Has(run) })]
		l.spans = append(l.spans, results.Span{Start: float64(run.First), End: float64(run.Last + 1), Share: 1})
		l.cuts += run.Count()
	}
	for k := range all {
		if all[k].outcome = outs[k]; all[k].cuts > 0 {
			out = append(out, all[k])
		}
	}
	return out
}

// lane draws a lane with its name. A single cut among a million has a mark.
func (p pen) lane(l cutLane, counted string, steps uint64, y vg.Length) {
	st := lettering(smallSize, false, muted)
	name := fmt.Sprintf("%s, %s", unit.Plural(l.cuts, counted), l.Label())
	p.tip(name)
	p.text(0, y+11, left, st, fitted(name, st, p.w))
	p.trace(l.spans, results.Span{End: float64(steps)}, 0, y+15, p.w, 8, l.shade, 0.35)
	p.tip("")
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

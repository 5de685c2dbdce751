package results

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
)

// cuts is how many cuts a run stands for.
func (r CutRun) cuts() uint64 {
	if r.Cuts > 0 {
		return r.Cuts
	}
	return r.Last - r.First + 1
}

// outcome is how one group of cuts ended, over all modes of a map.
type outcome struct {
	rule  int // -1 for all that are beyond maxOutcomes
	text  string
	cuts  uint64
	shade *shade
}

// maxOutcomes is how many broken rules are told apart; the rest is one.
const maxOutcomes = 10

// outcomes are the ways in which the cuts of m ended: ok first, then broken rules in the order of
// their numbers and, within a rule, of their first appearance.
func outcomes(m CutMap) []outcome {
	out := []outcome{{rule: 0, text: "ok"}}
	for _, row := range m.Rows {
		for _, run := range row.Runs {
			k := 0
			for k < len(out) && !out[k].is(run) {
				k++
			}
			if k == len(out) && len(out) > maxOutcomes {
				out = append(out, outcome{rule: -1, text: "other broken rules"})
			} else if k == len(out) {
				for k > 0 && out[k-1].rule > run.Rule {
					k--
				}
				out = slices.Insert(out, k, outcome{rule: run.Rule, text: run.Outcome})
			}
			out[k].cuts += run.cuts()
		}
	}
	out[0].shade = quiet
	for i, colours := 1, []*shade{vermillion, purple, blue, orange, ink, sky, yellow, green}; i < len(out); i++ {
		out[i].shade = colours[(i-1)%len(colours)]
	}
	return out
}

// is tells whether a run belongs to an outcome.
func (o outcome) is(run CutRun) bool {
	return o.rule == -1 || o.rule == run.Rule && (run.Rule == 0 || o.text == run.Outcome)
}

// label names an outcome.
func (o outcome) label() string {
	if o.rule > 0 {
		return fmt.Sprintf("rule %d, %s", o.rule, o.text)
	}
	return o.text
}

func cutPictures(maps []CutMap) []*picture {
	var out []*picture
	used := map[string]bool{"wear": true, "latency": true, "timeline": true, "updates": true}
	for _, m := range maps {
		if len(m.Rows) == 0 || m.Steps == 0 {
			continue
		}
		name := "cuts-" + slug(m.Name)
		for n := 2; used[name]; n++ {
			name = fmt.Sprintf("cuts-%s-%d", slug(m.Name), n)
		}
		used[name] = true
		out = append(out, &picture{
			name:  name,
			title: "Power cuts: outcome by step and mode. " + m.Name,
			note:  "One row a mode of how the cut leaves the step; from left to right the steps of the run. Tall bars are broken rules.",
			words: []string{cutWords(m)},
			body:  func(w vg.Length) part { return cutBody(m, w) },
		})
	}
	return out
}

// slug is a name for files and page anchors: letters and digits, and hyphens between.
func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 40 {
			break
		}
	}
	if out := strings.Trim(b.String(), "-"); out != "" {
		return out
	}
	return "map"
}

func cutWords(m CutMap) string {
	var b strings.Builder
	outs := outcomes(m)
	var bad uint64
	for _, o := range outs[1:] {
		bad += o.cuts
	}
	fmt.Fprintf(&b, "%s: %s judged over %s (%s), ", m.Name, plural(outs[0].cuts+bad, "cut"), plural(m.Steps, "step"), m.Sampling)
	if bad == 0 {
		b.WriteString("none broke a rule.")
	} else {
		fmt.Fprintf(&b, "%s broke a rule: ", count(bad))
		for i, o := range outs[1:] {
			if i > 0 {
				b.WriteString("; ")
			}
			fmt.Fprintf(&b, "%s: %s", o.label(), count(o.cuts))
		}
		b.WriteString(".")
	}
	if n := len(m.Marks); n > 0 {
		fmt.Fprintf(&b, " %s marked below the map.", plural(n, "operation"))
	}
	return b.String()
}

func cutBody(m CutMap, w vg.Length) part {
	const (
		row   = 34
		tall  = 28
		low   = 14
		marks = 26
		foot  = 38
	)
	st := lettering(bodySize, false, ink)
	names := vg.Length(0)
	for _, r := range m.Rows {
		names = max(names, st.Width(r.Mode)+12)
	}
	names = min(names, w/3)
	outs := outcomes(m)
	var entries []entry
	for _, o := range outs {
		entries = append(entries, entry{o.shade, o.label() + ": " + plural(o.cuts, "cut")})
	}
	key := pen{}.legend(0, w, entries)
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
			p.text(0, y+row/2+4, left, st, fitted(r.Mode, st, names-8))
			p.box(names, y+(row-low)/2, p.w, y+(row+low)/2, lane)
			p.cutRow(r.Runs, outs, x, y, row, low, tall)
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

// cutRow draws one mode: ok low and in the background, broken rules tall and never narrower than
// can be seen. Neighbours overlap to the right, so that no seam shows between them.
func (p pen) cutRow(runs []CutRun, outs []outcome, x func(float64) vg.Length, y, row, low, tall vg.Length) {
	for i := 0; i < len(runs); i++ {
		if runs[i].Rule != 0 {
			continue
		}
		first := runs[i].First
		for i+1 < len(runs) && runs[i+1].Rule == 0 && runs[i+1].First == runs[i].Last+1 {
			i++
		}
		p.box(x(float64(first)), y+(row-low)/2, max(x(float64(runs[i].Last+1)), x(float64(first))+0.5), y+(row+low)/2, quiet)
	}
	for _, run := range runs {
		if run.Rule == 0 {
			continue
		}
		s := outs[slices.IndexFunc(outs, func(o outcome) bool { return o.is(run) })].shade
		x0 := x(float64(run.First))
		p.box(x0, y+(row-tall)/2, max(x(float64(run.Last+1)), x0+2), y+(row+tall)/2, s)
	}
}

// cutMarks draws the named operations as brackets, with their names where there is room.
func (p pen) cutMarks(marks []Span, x func(float64) vg.Length, y, from vg.Length) {
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

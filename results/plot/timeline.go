package plot

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"

	"dualbank/results"
	"dualbank/results/unit"
)

func timelinePicture(t *results.Timeline) *Picture {
	if t == nil || len(t.Phases) == 0 || t.Phases[len(t.Phases)-1].End-t.Phases[0].Start < shortest {
		return nil
	}
	title := "One update over time"
	if t.Title != "" {
		title = t.Title
	}
	return &Picture{
		Name:  "timeline",
		Title: title + ": what is busy, in simulated time",
		note:  "The bar on top is to scale. Below it each phase has a time scale of its own, so that short ones can be read; the height of a trace is the share of time taken.",
		words: []string{timelineWords(t)},
		body:  func(w vg.Length) part { return timelineBody(t, w) },
	}
}

// taken returns the busy time of spans between from and to, in seconds.
func taken(spans []results.Span, from, to float64) float64 {
	var sum float64
	for _, s := range spans {
		if a, b := max(s.Start, from), min(s.End, to); b > a {
			sum += (b - a) * s.Share
		}
	}
	return sum
}

func timelineWords(t *results.Timeline) string {
	var b strings.Builder
	start, end := t.Phases[0].Start, t.Phases[len(t.Phases)-1].End
	fmt.Fprintf(&b, "The update takes %s: ", unit.Duration(end-start))
	for i, ph := range t.Phases {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", ph.Name, unit.Duration(ph.End-ph.Start))
	}
	b.WriteString(".")
	for i, tr := range t.Tracks {
		if i == 0 {
			b.WriteString(" In total: ")
		} else {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", tr.Name, unit.Duration(taken(tr.Spans, start, end)))
	}
	if len(t.Tracks) > 0 {
		b.WriteString(".")
	}
	return b.String()
}

// panes divides a width among phases. Each gets a minimum and a part that grows with the logarithm of its
// duration, so that milliseconds and minutes can be read side by side.
func panes(phases []results.Span, w, gap vg.Length) []vg.Length {
	weights := make([]float64, len(phases))
	least := math.Inf(1)
	for _, ph := range phases {
		if d := ph.End - ph.Start; d >= shortest {
			least = min(least, d)
		}
	}
	var sum float64
	for i, ph := range phases {
		weights[i] = 1
		if d := ph.End - ph.Start; d >= shortest {
			weights[i] += 0.6 * math.Log10(d/least)
		}
		sum += weights[i]
	}
	room := w - gap*vg.Length(len(phases)-1)
	out := make([]vg.Length, len(phases))
	for i := range out {
		out[i] = room * vg.Length(weights[i]/sum)
	}
	return out
}

// phaseShades are the colours of phases in every picture. Phases that do the same kind of work share one.
var phaseShades = map[string]*shade{
	"download":         blue,
	"prepare":          orange,
	"write":            sky,
	"restart":          quiet,
	"verify":           green,
	"install":          vermillion,
	"check":            yellow,
	"verify active":    yellow,
	"verify candidate": yellow,
	"erase":            vermillion,
	"copy":             purple,
	"verify installed": green,
	"reboot":           ink,
	"first boot":       ink,
	"boot":             ink,
	"start":            ink,
}

func phaseShade(name string, i int) *shade {
	if s := phaseShades[name]; s != nil {
		return s
	}
	return []*shade{sky, yellow, quiet, purple}[i%4]
}

func timelineBody(t *results.Timeline, w vg.Length) part {
	const (
		gap   = 6
		scale = 16 // height of the bar that is to scale
		fan   = 26 // from there to the panes
		head  = 38
		row   = 36
		trace = 20
		foot  = 24
	)
	names := vg.Length(0) // width of the tracks' names, left of the traces
	st := lettering(bodySize, false, ink)
	rowHeight := vg.Length(row)
	if narrow(w) {
		rowHeight += 16 // names above the traces
	} else {
		for _, tr := range t.Tracks {
			names = max(names, st.Width(tr.Name)+14)
		}
		names = min(names, w/4)
	}
	widths := panes(t.Phases, w-names, gap)
	bold, small := lettering(bodySize, true, ink), lettering(smallSize, false, muted)
	keyed := false // the names do not fit over their panes: number the phases
	for i, ph := range t.Phases {
		keyed = keyed || max(bold.Width(ph.Name), small.Width(unit.Duration(ph.End-ph.Start))) > widths[i]
	}
	key := vg.Length(0)
	if keyed {
		key = 12 + 18*vg.Length(len(t.Phases))
	}
	tracks := vg.Length(len(t.Tracks)) * rowHeight
	return part{height: scale + fan + head + tracks + foot + key, draw: func(p pen) {
		start, end := t.Phases[0].Start, t.Phases[len(t.Phases)-1].End
		whole := func(v float64) vg.Length { return names + (p.w-names)*vg.Length((v-start)/(end-start)) }
		if names > 0 {
			p.text(0, 12, left, small, "to scale")
		}
		x := names
		for i, ph := range t.Phases {
			s := phaseShade(ph.Name, i)
			a, b := whole(ph.Start), whole(ph.End)
			p.box(min(a, p.w-1), 0, max(b, a+1), scale, s)
			if i > 0 { // from the boundary in the whole to that between the panes
				p.line(a, scale, x-gap/2, scale+fan, 1, quiet)
			}
			p.box(x, scale+fan, x+widths[i], scale+fan+4, s)
			if keyed {
				p.text(x+2, scale+fan+22, left, bold, fmt.Sprint(i+1))
			} else {
				p.text(x+2, scale+fan+19, left, bold, ph.Name)
				p.text(x+2, scale+fan+33, left, small, unit.Duration(ph.End-ph.Start))
			}
			y := vg.Length(scale + fan + head)
			for k, tr := range t.Tracks {
				p.trace(tr.Spans, ph, x, y+rowHeight-row+(row-trace)/2, widths[i], trace, trackShade(tr.Name, k), 0.12)
				y += rowHeight
			}
			pane := p.inner(x, y, widths[i], foot)
			d := ph.End - ph.Start
			n := max(1, int(widths[i]/60))
			ticks := timeTicks(d, n)
			if i > 0 && len(ticks) > 1 {
				ticks = ticks[1:] // every pane begins at 0; the first says so
			}
			pane.underneath(0, ticks, func(v float64) vg.Length { return widths[i] * vg.Length(v/max(d, shortest)) })
			x += widths[i] + gap
		}
		y := vg.Length(scale + fan + head)
		for _, tr := range t.Tracks {
			total := unit.Duration(taken(tr.Spans, start, end))
			if names > 0 {
				p.text(0, y+row/2+1, left, st, fitted(tr.Name, st, names-8))
				p.text(0, y+row/2+15, left, small, total)
			} else {
				p.text(0, y+15, left, st, tr.Name)
				p.text(p.w, y+15, right, small, total)
			}
			y += rowHeight
		}
		y += foot + 12
		if keyed {
			for i, ph := range t.Phases {
				p.box(0, y+3, 10, y+13, phaseShade(ph.Name, i))
				p.text(16, y+13, left, st, fmt.Sprintf("%d  %s, %s", i+1, ph.Name, unit.Duration(ph.End-ph.Start)))
				y += 18
			}
		}
	}}
}

// trackShade returns the colour of a track: stalls and masked interrupts differ from busy flash.
func trackShade(name string, i int) *shade {
	switch {
	case strings.Contains(name, "stall"):
		return vermillion
	case strings.Contains(name, "mask"):
		return ink
	case strings.Contains(name, "running"):
		return green
	case strings.Contains(name, "bank"):
		return []*shade{blue, sky}[i%2]
	}
	return series[i%len(series)]
}

// trace draws the busy share of the time, column by column, as heights up to h. Every span shows, however
// short, with at least the share least of the height.
func (p pen) trace(spans []results.Span, ph results.Span, x, y, w, h vg.Length, s *shade, least float64) {
	const column = 1.0
	p.box(x, y, x+w, y+h, lane)
	d := ph.End - ph.Start
	if d < shortest {
		return
	}
	n := max(1, int(float64(w)/column))
	busy := make([]float64, n)
	for _, sp := range spans {
		a, b := max(sp.Start, ph.Start), min(sp.End, ph.End)
		if b < a || sp.Share <= 0 || a == b && sp.Start != sp.End {
			continue
		}
		fa, fb := (a-ph.Start)/d*float64(n), (b-ph.Start)/d*float64(n)
		for i := min(int(fa), n-1); i < n && (float64(i) < fb || i == int(fa)); i++ {
			part := min(fb, float64(i+1)) - max(fa, float64(i))
			busy[i] += max(part, 1e-9) * sp.Share
		}
	}
	level := func(i int) vg.Length {
		if busy[i] == 0 {
			return 0
		}
		return snap(h * vg.Length(min(1, max(least, busy[i]))))
	}
	var path vg.Path
	for i := 0; i < n; {
		j := i
		for j < n && level(j) == level(i) {
			j++
		}
		if v := level(i); v > 0 {
			x0, x1 := x+w*vg.Length(i)/vg.Length(n), x+w*vg.Length(j)/vg.Length(n)
			x0, x1 = snap(min(x0, x+w-1.5)), snap(max(x1, min(x0+1.5, x+w)))
			top, foot := snap(y+h-v), snap(y+h)
			polygon(&path, p.at(x0, top), p.at(x1, top), p.at(x1, foot), p.at(x0, foot))
		}
		i = j
	}
	if len(path) > 0 {
		p.c.SetColor(s)
		p.c.Fill(path)
	}
}

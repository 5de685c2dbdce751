package plot

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"

	"dualbank/results"
	"dualbank/results/unit"
)

// collectionPictures returns a picture for each garbage collection.
func collectionPictures(all []results.Collection) []*Picture {
	var out []*Picture
	names := fileNames{}
	for _, c := range all {
		if c.End < shortest || len(c.Tracks) == 0 {
			continue
		}
		title, note := "what is busy", "The height of a trace is the share of time taken."
		if len(c.Interrupts) > 0 {
			title += ", and how long interrupts wait"
			note += " Below: how long an interrupt waits that comes at that time, on a logarithmic scale."
		}
		out = append(out, &Picture{
			Name:  names.next("gc", c.Name),
			Title: "One garbage collection, " + c.Name + ": " + title + ", in simulated time",
			note:  note,
			words: []string{collectionWords(&c)},
			body:  func(w vg.Length) part { return collectionBody(&c, w) },
		})
	}
	return out
}

func collectionWords(c *results.Collection) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: a set with garbage collection takes %s.", c.Name, unit.Duration(c.End))
	for i, t := range c.Tracks {
		if i == 0 {
			b.WriteString(" In total: ")
		} else {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", t.Name, unit.OrNever(taken(t.Spans, 0, c.End)))
	}
	b.WriteString(".")
	for i := range c.Interrupts {
		q := &c.Interrupts[i]
		n, worst := delayed(q)
		if n == 0 {
			fmt.Fprintf(&b, " Interrupt %s always waits for %s.", q.Name, unit.Duration(q.Usual))
			continue
		}
		fmt.Fprintf(&b, " Of interrupt %s, which usually waits for %s, %s longer, up to %s.", q.Name, unit.Duration(q.Usual), unit.Plural(n, "activation")+" must wait", unit.Duration(worst))
	}
	return b.String()
}

// delayed returns the number of activations that had to wait, and the longest wait.
func delayed(q *results.InterruptDelays) (n uint64, worst float64) {
	for _, d := range q.Delays {
		n += d.Count
		worst = max(worst, d.Until-d.First)
	}
	return n, worst
}

func collectionBody(c *results.Collection, w vg.Length) part {
	const (
		row   = 34
		trace = 20
		plot  = 120 // height of an interrupt's waits
		above = 24  // its name
		foot  = 24
	)
	st, small := lettering(bodySize, false, ink), lettering(smallSize, false, muted)
	names := vg.Length(0) // width of the tracks' names, left of the traces
	rowHeight := vg.Length(row)
	if narrow(w) {
		rowHeight += 16 // names above the traces
		names = 52      // for the scale of the waits
	} else {
		for _, t := range c.Tracks {
			names = max(names, st.Width(t.Name)+14)
		}
		names = min(names, w/4)
	}
	tracks := vg.Length(len(c.Tracks)) * rowHeight
	plots := vg.Length(len(c.Interrupts)) * (above + plot + 10)
	return part{height: tracks + plots + foot + 18, draw: func(p pen) {
		whole := results.Span{Start: 0, End: c.End}
		y := vg.Length(0)
		for k, t := range c.Tracks {
			total := unit.OrNever(taken(t.Spans, 0, c.End))
			if narrow(p.w) {
				p.text(0, y+13, left, st, t.Name)
				p.text(p.w, y+13, right, small, total)
			} else {
				p.text(0, y+row/2-2, left, st, fitted(t.Name, st, names-8))
				p.text(0, y+row/2+12, left, small, total)
			}
			p.trace(t.Spans, whole, names, y+rowHeight-row+(row-trace)/2, p.w-names, trace, trackShade(t.Name, k), 0.12)
			y += rowHeight
		}
		for i := range c.Interrupts {
			q := &c.Interrupts[i]
			label := "waits of interrupt " + q.Name
			if _, worst := delayed(q); worst > 0 {
				label += ", up to " + unit.Duration(worst)
			}
			p.text(names, y+above-8, left, st, fitted(label, st, p.w-names))
			p.waitsOverTime(q, c.End, names, y+above, p.w-names, plot)
			y += above + plot + 10
		}
		x := func(v float64) vg.Length { return names + (p.w-names)*vg.Length(v/c.End) }
		p.line(names, y, p.w, y, 1.5, ink)
		p.underneath(y, timeTicks(c.End, max(2, int((p.w-names)/80))), x)
		p.text(names+(p.w-names)/2, y+foot+12, center, lettering(smallSize, false, ink), "simulated time from the beginning of the set")
	}}
}

// waitsOverTime draws the waits of an interrupt over time on a logarithmic scale: for each column of pixels
// the longest. Activations early in a delay wait longest.
func (p pen) waitsOverTime(q *results.InterruptDelays, end float64, x0, y0, w, h vg.Length) {
	const column = 1.0
	_, worst := delayed(q)
	lo := max(q.Usual, 1e-9) / 2
	hi := max(worst, q.Deadline, 10*lo) * 2
	y := func(v float64) vg.Length {
		return y0 + h - h*vg.Length(math.Log(max(v, lo)/lo)/math.Log(hi/lo))
	}
	p.box(x0, y0, x0+w, y0+h, lane)
	small := lettering(smallSize, false, muted)
	step := 1.0
	for math.Log10(hi/lo)/step > 5 {
		step++
	}
	for e := math.Ceil(math.Log10(lo)); e <= math.Log10(hi); e += step {
		at := y(math.Pow(10, e))
		p.line(x0, at, x0+w, at, 1, grid)
		p.text(x0-6, at+4, right, small, unit.Duration(math.Pow(10, e)))
	}
	n := max(1, int(float64(w)/column))
	longest := make([]float64, n)
	for _, d := range q.Delays {
		// The activations fall on a line from the first one's wait to the last one's.
		last := d.First + float64(d.Count-1)*q.Period
		if d.First > end {
			break
		}
		from, to := int(d.First/end*float64(n)), int(min(last/end, 1)*float64(n))
		for i := max(from, 0); i <= min(to, n-1); i++ {
			at := max(d.First, float64(i)/float64(n)*end)
			longest[i] = max(longest[i], d.Until-at)
		}
	}
	var path vg.Path
	for i := 0; i < n; {
		j := i + 1
		for j < n && longest[j] == longest[i] {
			j++
		}
		if longest[i] > q.Usual {
			a, b := snap(x0+w*vg.Length(i)/vg.Length(n)), snap(x0+w*vg.Length(j)/vg.Length(n))
			top, foot := snap(y(longest[i])), snap(y(q.Usual))
			polygon(&path, p.at(a, top), p.at(b, top), p.at(b, foot), p.at(a, foot))
		}
		i = j
	}
	if len(path) > 0 {
		p.c.SetColor(purple)
		p.c.Fill(path)
	}
	p.line(x0, y(q.Usual), x0+w, y(q.Usual), 1.5, purple)
	if q.Deadline > 0 {
		p.line(x0, y(q.Deadline), x0+w, y(q.Deadline), 1, ink, 4, 3)
		st := lettering(smallSize, false, ink)
		p.text(x0+w-4, y(q.Deadline)-4, right, st, "deadline "+unit.Duration(q.Deadline))
	}
}

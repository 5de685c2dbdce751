package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"

	"dualbank/results"
	"dualbank/results/unit"
)

// series of a line plot: points from left to right, as a line with marks.
type curve struct {
	name  string
	shade *shade
	mark  int
	dash  []vg.Length
	x, y  []float64
	aside []vg.Length // how far right of its x each point is drawn; nil: not at all
}

// at is where point i is drawn.
func (k *curve) at(c *chart, i int) (x, y vg.Length) {
	x, y = c.x(k.x[i]), c.y(k.y[i])
	if k.aside != nil {
		x += k.aside[i]
	}
	return x, y
}

// chart is a plot of curves over axes that map values to lengths.
type chart struct {
	w, axis, top, height vg.Length
	loX, hiX, loY, hiY   float64 // loY and hiY are of a logarithmic scale
	logX                 bool
	right                vg.Length // free on the right, of a logarithmic x
}

func (c *chart) x(v float64) vg.Length {
	wide := c.w - c.axis - 14
	if c.logX {
		return c.axis + 14 + (wide-14-c.right)*vg.Length(math.Log(v/c.loX)/math.Log(c.hiX/c.loX))
	}
	return c.axis + wide*vg.Length((v-c.loX)/(c.hiX-c.loX))
}

func (c *chart) y(v float64) vg.Length {
	return c.top + c.height - c.height*vg.Length(math.Log(max(v, c.loY)/c.loY)/math.Log(c.hiY/c.loY))
}

// draw draws a curve: line, then marks.
func (p pen) curve(c *chart, k curve) {
	for i := 1; i < len(k.x); i++ {
		x0, y0 := k.at(c, i-1)
		x1, y1 := k.at(c, i)
		p.line(x0, y0, x1, y1, 2.5, k.shade, k.dash...)
	}
	for i := range k.x {
		x, y := k.at(c, i)
		p.mark(x, y, k.mark, k.shade)
	}
}

// levels draws the lines of a logarithmic scale with their labels.
func (p pen) levels(c *chart, ticks []tick) {
	st := lettering(smallSize, false, muted)
	for _, t := range ticks {
		p.line(c.axis, c.y(t.value), c.w, c.y(t.value), 1, grid)
		p.text(c.axis-6, c.y(t.value)+4, right, st, t.label)
	}
}

// decades are ticks of a logarithmic scale.
func decades(lo, hi float64, label func(v float64) string) (out []tick) {
	steps := []float64{1}
	if math.Log10(hi/lo) < 2.5 {
		steps = []float64{1, 2, 5}
	}
	for e := math.Floor(math.Log10(lo)); e <= math.Log10(hi); e++ {
		for _, m := range steps {
			if v := m * math.Pow(10, e); v >= lo*(1-1e-9) && v <= hi*(1+1e-9) {
				out = append(out, tick{v, label(v)})
			}
		}
	}
	return out
}

// placeNames are how the legend calls the places of a store.
func placeName(place string) string {
	switch place {
	case "start", "end":
		return "at the " + place + " of the upper half"
	case "lower":
		return "in the lower half, beside the code"
	case "external":
		return "on external flash"
	}
	return "layout " + place
}

// lifetimePicture shows how long stores of several sizes last.
func lifetimePicture(p *results.Plan) *Picture {
	if p == nil {
		return nil
	}
	var ran []results.PlanCandidate
	for _, c := range p.Candidates {
		if c.Ran && c.Years > 0 {
			ran = append(ran, c)
		}
	}
	if len(ran) == 0 {
		return nil
	}
	note := "Both axes logarithmic. Years until the first sector has been erased as often as it is rated for; the dashed line is what is wished."
	if p.Law != "" {
		note += " Bars: from when 1 % of the devices have a sector that failed until half of them have."
	}
	return &Picture{
		Name: "lifetime", Title: "Life of the store against its size, in years", note: note,
		words: lifetimeWords(p, ran),
		body:  func(w vg.Length) part { return lifetimeBody(p, ran, w) },
	}
}

func lifetimeWords(p *results.Plan, ran []results.PlanCandidate) []string {
	text, _ := p.Verdict()
	out := []string{text + "."}
	for _, c := range ran {
		s := fmt.Sprintf("%s: %s", c.Name, unit.Years(c.Years))
		if p.Law != "" {
			s += fmt.Sprintf(", 1 %% of the devices have a failed sector after %s, half of them after %s", unit.Years(c.P1), unit.Years(c.P50))
		}
		out = append(out, s+".")
	}
	return out
}

func lifetimeBody(p *results.Plan, ran []results.PlanCandidate, w vg.Length) part {
	var places []string
	lo, hi := math.Inf(1), p.Years
	sizes := map[float64]bool{}
	for _, c := range ran {
		if !slices.Contains(places, c.Place) {
			places = append(places, c.Place)
		}
		lo, hi = min(lo, c.Years), max(hi, c.Years)
		if p.Law != "" {
			lo, hi = min(lo, max(c.P1, c.Years/1e3)), max(hi, c.P50)
		}
		sizes[float64(c.Bytes)] = true
	}
	if p.Years > 0 {
		lo = min(lo, p.Years)
	}
	c := &chart{w: w, axis: 48, top: 10, height: 250, loY: lo / 1.5, hiY: hi * 1.6, logX: true}
	if len(places) > 1 {
		c.right = 8
	}
	var ticks []tick
	for s := range sizes {
		ticks = append(ticks, tick{s, unit.Size(s)})
	}
	slices.SortFunc(ticks, func(a, b tick) int { return int(math.Copysign(1, a.value-b.value)) })
	c.loX, c.hiX = ticks[0].value, ticks[len(ticks)-1].value
	if c.loX == c.hiX {
		c.loX, c.hiX = c.loX/2, c.hiX*2
	}
	shadeOf := func(place string) *shade { return series[slices.Index(places, place)%len(series)] }
	var entries []entry
	for _, place := range places {
		entries = append(entries, entry{shadeOf(place), "KVStore " + placeName(place)})
	}
	entries = append(entries, entry{vermillion, "wished: " + unit.Years(p.Years)})
	key := pen{}.legend(0, w, entries)
	return part{height: c.top + c.height + 42 + key, draw: func(p2 pen) {
		p2.levels(c, decades(c.loY, c.hiY, func(v float64) string { return unit.Digits(v, 3) }))
		if p.Years > 0 {
			p2.line(c.axis, c.y(p.Years), w, c.y(p.Years), 2, vermillion, 6, 4)
		}
		for _, place := range places {
			k := curve{shade: shadeOf(place), mark: slices.Index(places, place) % 3}
			for _, cand := range ran {
				if cand.Place == place {
					// Stores of one size in several places stand side by side: they often last equally long.
					var beside []string
					for _, o := range ran {
						if o.Bytes == cand.Bytes {
							beside = append(beside, o.Place)
						}
					}
					aside := 12 * (vg.Length(slices.Index(beside, place)) - vg.Length(len(beside)-1)/2)
					k.x, k.y, k.aside = append(k.x, float64(cand.Bytes)), append(k.y, cand.Years), append(k.aside, aside)
					if p.Law != "" && cand.P50 > 0 {
						x := c.x(float64(cand.Bytes)) + aside
						p2.line(x, c.y(cand.P1), x, c.y(cand.P50), 5, k.shade)
						p2.line(x-7, c.y(cand.P1), x+7, c.y(cand.P1), 2.5, k.shade)
						p2.line(x-7, c.y(cand.P50), x+7, c.y(cand.P50), 2.5, k.shade)
					}
				}
			}
			p2.curve(c, k)
		}
		p2.lifetimeLabels(c, p, ran)
		p2.line(c.axis, c.top+c.height, w, c.top+c.height, 1.5, ink)
		p2.underneath(c.top+c.height, ticks, c.x)
		p2.text(c.axis+(w-c.axis)/2, c.top+c.height+33, center, lettering(smallSize, false, ink), "size of the KVStore, both areas")
		p2.legend(c.top+c.height+42, w, entries)
	}}
}

// lifetimeLabels writes the years at each point, on the side where there is room.
func (p pen) lifetimeLabels(c *chart, plan *results.Plan, ran []results.PlanCandidate) {
	for _, cand := range ran {
		st := lettering(smallSize, false, ink)
		label := unit.Digits(cand.Years, 3)
		if plan.Best >= 0 && plan.Candidates[plan.Best].Name == cand.Name {
			st, label = lettering(smallSize, true, ink), label+" *"
		}
		x, y := c.x(float64(cand.Bytes)), c.y(cand.Years)
		// Of several stores of one size that last differently those that last less have their labels below.
		said, above := false, []string{}
		for _, o := range ran {
			if o.Bytes == cand.Bytes && o.Place != cand.Place && (o.Years > cand.Years || o.Years == cand.Years && o.Place > cand.Place) {
				said = said || unit.Digits(o.Years, 3) == unit.Digits(cand.Years, 3)
				if text := unit.Digits(o.Years, 3); !slices.Contains(above, text) {
					above = append(above, text)
				}
			}
		}
		if said {
			continue // another one's label says it
		}
		if n := len(above); n > 0 {
			y += 15 + 15*vg.Length(n)
		}
		wide := st.Width(label)
		if plan.Law != "" {
			// Under the line to the right of the bar; the last one above the line to the left.
			if x+14+wide > p.w {
				p.text(x-14, y-8, right, st, label)
			} else {
				p.text(x+14, y+16, left, st, label)
			}
			continue
		}
		p.text(min(max(x-wide/2, c.axis), p.w-wide), y-12, left, st, label)
	}
}

// livePicture shows how the time of sets grows with what the store holds.
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
	c := &chart{w: w, axis: 56, top: 10, height: 250, loX: 0, hiX: most * 1.02, loY: lo / 1.5, hiY: hi * 1.5}
	var entries []entry
	for _, k := range curves {
		entries = append(entries, entry{k.shade, k.name})
	}
	key := pen{}.legend(0, w, entries)
	return part{height: c.top + c.height + 42 + key, draw: func(p2 pen) {
		p2.levels(c, decades(c.loY, c.hiY, unit.Duration))
		for _, k := range slices.Backward(curves) {
			p2.curve(c, k)
		}
		p2.line(c.axis, c.top+c.height, w, c.top+c.height, 1.5, ink)
		p2.underneath(c.top+c.height, byteTicks(most, max(2, int(w/110))), c.x)
		p2.text(c.axis+(w-c.axis)/2, c.top+c.height+33, center, lettering(smallSize, false, ink), "bytes of live records")
		p2.legend(c.top+c.height+42, w, entries)
	}}
}

// byteTicks are ticks from 0 to hi bytes at powers of two, no more than n after the first.
func byteTicks(hi float64, n int) []tick {
	step := 1.0
	for step*float64(n) < hi {
		step *= 2
	}
	var out []tick
	for v := 0.0; v <= hi; v += step {
		label := "0"
		if v > 0 {
			label = strings.ReplaceAll(unit.Size(v), ".0 ", " ")
		}
		out = append(out, tick{v, label})
	}
	return out
}

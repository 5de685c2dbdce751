package plot

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"

	"dualbank/results"
	"dualbank/results/unit"
)

// placeName returns the name of a store's place in the legend.
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

// lifetimePicture shows the life of stores of several sizes.
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
	var ticks []tick
	for s := range sizes {
		ticks = append(ticks, tick{s, unit.Size(s)})
	}
	slices.SortFunc(ticks, func(a, b tick) int { return int(math.Copysign(1, a.value-b.value)) })
	small, large := ticks[0].value, ticks[len(ticks)-1].value
	if small == large {
		small, large = small/2, large*2
	}
	lo, hi = lo/1.5, hi*1.6
	c := newChart(w, 48, 10, 250, logarithmic(small, large), logarithmic(lo, hi))
	c.from, c.wide = c.axis+14, w-c.axis-14-14
	if len(places) > 1 {
		c.wide -= 8 // for stores of one size side by side
	}
	shadeOf := func(place string) *shade { return series[slices.Index(places, place)%len(series)] }
	var entries []entry
	for _, place := range places {
		entries = append(entries, entry{shadeOf(place), "KVStore " + placeName(place)})
	}
	entries = append(entries, entry{vermillion, "wished: " + unit.Years(p.Years)})
	key := pen{}.legend(0, w, entries)
	return part{height: c.foot() + 42 + key, draw: func(p2 pen) {
		p2.levels(c, decades(lo, hi, func(v float64) string { return unit.Digits(v, 3) }))
		if p.Years > 0 {
			p2.line(c.axis, c.y(p.Years), w, c.y(p.Years), 2, vermillion, 6, 4)
		}
		for _, place := range places {
			k := curve{shade: shadeOf(place), mark: slices.Index(places, place) % 3}
			for _, cand := range ran {
				if cand.Place == place {
					// Stores of one size are drawn side by side: they often last equally long.
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
		p2.base(c)
		p2.underneath(c.foot(), ticks, c.x)
		p2.below(c, "size of the KVStore, both areas")
		p2.legend(c.foot()+42, w, entries)
	}}
}

// lifetimeLabels writes the years at each point, where there is room.
func (p pen) lifetimeLabels(c *chart, plan *results.Plan, ran []results.PlanCandidate) {
	for _, cand := range ran {
		st := lettering(smallSize, false, ink)
		label := unit.Digits(cand.Years, 3)
		if plan.Best >= 0 && plan.Candidates[plan.Best].Name == cand.Name {
			st, label = lettering(smallSize, true, ink), label+" *"
		}
		x, y := c.x(float64(cand.Bytes)), c.y(cand.Years)
		// Among stores of one size those with a shorter life have their labels further down.
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
			continue // the label of another store is the same
		}
		if n := len(above); n > 0 {
			y += 15 + 15*vg.Length(n)
		}
		wide := st.Width(label)
		if plan.Law != "" {
			// Below the line to the right of the bar; at the right edge above the line to the left.
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

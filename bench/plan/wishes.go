package plan

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"dualbank/bench"
	"dualbank/results"
	"dualbank/results/unit"
)

// The wishes that a store may not meet. Without the first one there is nothing to plan.
const (
	wishKeys     = "keys"
	wishYears    = "years"
	wishFirmware = "firmware"
	wishRoom     = "room"
	wishSet      = "longest set"
	wishRate     = "rate"
)

// miss is a wish that a store does not meet.
type miss struct {
	wish string
	text string  // in what it fails
	by   float64 // factor by which it fails, above 1
	has  string  // what it has in place of the wish, as the end of a sentence
}

// miss notes a wish that the store does not meet.
func (c *candidate) miss(m miss) {
	c.misses = append(c.misses, m)
	c.out.Unmet = append(c.out.Unmet, m.text)
}

// shortfall says how far the store is from the wishes: the sum of the logarithms of the factors by which it fails.
func (c *candidate) shortfall() float64 {
	sum := 0.0
	for _, m := range c.misses {
		sum += math.Log(max(m.by, 1))
	}
	return sum
}

// tooSmall is said of a store that the keys do not fit in.
const tooSmall = "it does not hold the keys"

// noFirmware is the miss of a store that leaves only room bytes to the firmware.
func (p *planner) noFirmware(room uint32) miss {
	has := unit.Size(float64(room))
	return miss{wishFirmware, "the firmware does not fit: there is room for " + has, float64(p.s.Update.Bytes) / float64(room), "has room for firmware of " + has}
}

// judge lists the wishes that a simulated store does not meet.
func (p *planner) judge(c *candidate) {
	o, w := &c.out, &p.s.Plan
	if o.Years > 0 && o.Years < w.Years {
		c.miss(miss{wishYears, fmt.Sprintf("it lasts %.3g of %g years", o.Years, w.Years), w.Years / o.Years, "lasts " + unit.Years(o.Years)})
	} else if p.law != nil && o.P1 > 0 && o.P1 < w.Years {
		c.miss(miss{wishYears, fmt.Sprintf("1 %% of the devices have a failed sector after %.3g of %g years", o.P1, w.Years), w.Years / o.P1, "has a failed sector in 1 % of the devices after " + unit.Years(o.P1)})
	}
	if o.WorstFill > 1 {
		share := fmt.Sprintf("%.0f %% of an area", 100*o.WorstFill)
		c.miss(miss{wishRoom, "it can run full: all values at their longest take " + share, o.WorstFill, "runs full if all values are at their longest: they take " + share})
	}
	if o.Update == 0 {
		c.miss(p.noFirmware(o.Image))
	}
	if limit := time.Duration(w.LongestSet).Seconds(); limit > 0 && o.Worst > limit {
		c.miss(miss{wishSet, "a set takes " + unit.Duration(o.Worst), o.Worst / limit, "has a slowest set of " + unit.Duration(o.Worst)})
	}
	if o.Busy > 86400 {
		c.miss(miss{wishRate, "sets take longer than there is time for", o.Busy / 86400, fmt.Sprintf("takes %.3g sets a day", p.demand.perDay*86400/o.Busy)})
	}
}

// wishes returns the wishes in words.
func (p *planner) wishes() []string {
	w := &p.s.Plan
	all := []string{p.inWords(wishYears)}
	if w.Updates > 0 {
		all = append(all, fmt.Sprintf("%s a year%s", counted(w.Updates, "update"), byDefault(w.Assumed, bench.AssumedUpdates)))
	}
	all = append(all, p.inWords(wishFirmware))
	if w.LongestSet > 0 {
		all = append(all, p.inWords(wishSet))
	}
	return all
}

// counted is a number with its noun.
func counted(n float64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%g %s", n, noun)
}

// inWords says a wish.
func (p *planner) inWords(wish string) string {
	w := &p.s.Plan
	switch wish {
	case wishYears:
		return counted(w.Years, "year") + byDefault(w.Assumed, bench.AssumedYears)
	case wishFirmware:
		return "firmware of " + unit.Size(float64(p.s.Update.Bytes)) + byDefault(w.Assumed, bench.AssumedFirmware)
	case wishSet:
		return fmt.Sprintf("no set longer than %v", time.Duration(w.LongestSet))
	case wishRoom:
		return "room for all values at their longest"
	}
	return fmt.Sprintf("%.4g sets a day%s", p.demand.perDay, byDefault(w.Assumed, bench.AssumedSets))
}

// drop returns the wishes to drop so that a store meets the rest: as few as there are, each set of them with the store
// that is closest to it. There are none if a store meets all, or if none was simulated.
func (p *planner) drop() (out []results.PlanDrop) {
	closest := map[string]int{} // store by its wishes
	fewest := math.MaxInt
	var order []string
	for i := range p.all {
		c := &p.all[i]
		if c.out.Meets() {
			return nil
		}
		if !c.out.Ran {
			continue
		}
		var wishes []string
		for _, m := range c.misses {
			wishes = append(wishes, m.wish)
		}
		key := strings.Join(wishes, ",")
		if best, ok := closest[key]; !ok || c.shortfall() < p.all[best].shortfall() {
			closest[key] = i
		}
		if !slices.Contains(order, key) {
			order = append(order, key)
		}
		fewest = min(fewest, len(wishes))
	}
	for _, key := range order {
		c := &p.all[closest[key]]
		if len(c.misses) > fewest {
			continue
		}
		d := results.PlanDrop{Candidate: closest[key]}
		var has []string
		for _, m := range c.misses {
			d.Wishes = append(d.Wishes, p.inWords(m.wish))
			has = append(has, m.has)
		}
		d.Text = fmt.Sprintf("%s meets the rest; it %s", c.out.Name, strings.Join(has, ", and "))
		out = append(out, d)
	}
	return out
}

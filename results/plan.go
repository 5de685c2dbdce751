package results

import (
	"fmt"
	"math"
	"strings"
)

// Plan is the outcome of capacity planning: which of several stores meets what is wished of a device.
// Times are in seconds of virtual time, unless they are in years.
type Plan struct {
	Demand     string          `json:"demand"` // in words: "40 keys of 16 to 600 bytes, 500 sets a day"
	Wishes     string          `json:"wishes"` // in words: "10 years, firmware of 400 KiB"
	Years      float64         `json:"years"`  // wished
	Law        string          `json:"law"`    // title of the wear law that lives were drawn by; "" if none were
	Drawn      uint32          `json:"drawn"`  // devices
	Candidates []PlanCandidate `json:"candidates"`
	Best       int             `json:"best"` // index of the smallest candidate that meets the wishes; -1 if none does
	Shown      int             `json:"shown"`
	Live       []PlanLive      `json:"live"` // of candidate Shown, by how much it holds
}

// PlanCandidate is one store.
type PlanCandidate struct {
	Name    string   `json:"name"`    // "128 KiB at the start of the upper half"
	Place   string   `json:"place"`   // "start", "end", "lower", "external", or the layout's name
	Start   uint32   `json:"start"`   // address
	Bytes   uint32   `json:"bytes"`   // of the whole store
	Sectors string   `json:"sectors"` // "4 x 16 KiB + 1 x 64 KiB"
	Unmet   []string `json:"unmet"`   // what of the wishes it does not meet; empty if it meets them all
	Ran     bool     `json:"ran"`     // it was simulated: it holds the demand

	Simulated uint64  `json:"simulated"` // sets and removes
	Rounds    int     `json:"rounds"`    // of the two areas, that were measured
	Uncertain float64 `json:"uncertain"` // percent, of the years and of what is counted by the day
	Years     float64 `json:"years"`     // until the first sector has been erased as often as it is rated for; 0: it never is, or no rating is known
	Sector    uint32  `json:"sector"`    // its address
	External  bool    `json:"external"`  // it is on a device beside the microcontroller
	Rated     uint32  `json:"rated"`     // erases that it is rated for
	P1        float64 `json:"p1"`        // years until the first sector has failed in 1 % of the devices; 0 if lives were not drawn
	P50       float64 `json:"p50"`       // in half of them
	GCPerDay  float64 `json:"gcPerDay"`

	P50Set  float64 `json:"p50Set"` // of all sets, with garbage collection and without
	P99Set  float64 `json:"p99Set"`
	P999Set float64 `json:"p999Set"`
	Worst   float64 `json:"worst"`

	PlainP50   float64 `json:"plainP50"` // of sets without garbage collection
	PlainP99   float64 `json:"plainP99"`
	PlainP999  float64 `json:"plainP999"`
	PlainWorst float64 `json:"plainWorst"`
	GCP50      float64 `json:"gcP50"` // of sets with it
	GCP99      float64 `json:"gcP99"`
	GCP999     float64 `json:"gcP999"`
	GCWorst    float64 `json:"gcWorst"`

	Busy          float64 `json:"busy"`   // seconds of a day that sets take
	Stall         float64 `json:"stall"`  // seconds of a day in which the application's code could not be fetched
	Masked        float64 `json:"masked"` // seconds of a day in which interrupts were masked
	LongestMasked float64 `json:"longestMasked"`

	Live      float64 `json:"live"`      // bytes of live records, mean
	Fill      float64 `json:"fill"`      // share of an area that they take
	WorstFill float64 `json:"worstFill"` // share with each value at its longest and room for one more record; above 1 the store can run full
	Table     uint32  `json:"table"`     // bytes of RAM that the key table takes
	TablePeak uint32  `json:"tablePeak"` // that it takes while it grows

	Image       uint32  `json:"image"`       // bytes of the largest firmware that can be updated to
	Update      float64 `json:"update"`      // of one update; 0 if the firmware does not fit
	UpdateDown  float64 `json:"updateDown"`  // of it, in which the application does not run
	UpdateStall float64 `json:"updateStall"` // of it, in which its code could not be fetched
}

// PlanLive is the time of sets in a store that holds so much.
type PlanLive struct {
	Bytes float64 `json:"bytes"` // of live records, mean
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	GC    float64 `json:"gc"` // median of sets with garbage collection
	Worst float64 `json:"worst"`
}

// Meets tells whether a candidate is all that was wished.
func (c *PlanCandidate) Meets() bool { return c.Ran && len(c.Unmet) == 0 }

// verdict is the plan in a line.
func (p *Plan) verdict() (text, severity string) {
	if p.Best < 0 {
		return fmt.Sprintf("No store that was tried meets the wishes: %s", p.Wishes), "high"
	}
	c := &p.Candidates[p.Best]
	if c.Years == 0 {
		return fmt.Sprintf("Smallest store that meets the wishes: %s", c.Name), "good"
	}
	return fmt.Sprintf("Smallest store that meets the wishes: %s, which lasts %s", c.Name, lifetime(c.Years)), "good"
}

// lifetime prints years.
func lifetime(years float64) string {
	if years >= 1000 {
		return "over 1,000 years"
	}
	return digits(years, 3) + " years"
}

// planTables are the recommendation and the figures behind it.
func planTables(p *Plan) []table {
	if p == nil {
		return nil
	}
	choose := table{Caption: "Stores that were tried: " + p.Demand + "; wished: " + p.Wishes, Head: []cell{
		{Text: "KVStore"}, number("Life"), number("GC a day"), number("Median set"), number("Slowest set"), number("Stalled a day"), number("Largest firmware"), {Text: "Meets the wishes"},
	}}
	if p.Law != "" {
		choose.Head = append(choose.Head[:2], append([]cell{number("1 % fail"), number("50 % fail")}, choose.Head[2:]...)...)
	}
	latency := table{Caption: "Sets, by whether they collect garbage (GC)", Head: []cell{
		{Text: "KVStore"}, {Text: "Sets"}, number("p50"), number("p99"), number("p99.9"), number("Worst"),
	}}
	day := table{Caption: "A day, and what the store holds", Head: []cell{
		{Text: "KVStore"}, number("Sets take"), number("Application stalled"), number("Interrupts masked"), number("At a stretch"), number("Live data"), number("Fill"), number("Fill at worst"), number("RAM for keys"), number("While it grows"),
	}}
	work := table{Caption: "Updates, and what was simulated", Head: []cell{
		{Text: "KVStore"}, {Text: "Sectors"}, {Text: "From"}, number("Update"), number("Application down"), number("Stalled"), number("Sets simulated"), number("Rounds"), number("Uncertain"),
	}}
	for i := range p.Candidates {
		c := &p.Candidates[i]
		name := c.Name
		if i == p.Best {
			name += " *"
		}
		meets := "yes"
		if !c.Meets() {
			meets = "no: " + strings.Join(c.Unmet, "; ")
		}
		if i == p.Best {
			meets = "yes: the smallest"
		}
		row := []cell{{Text: name}}
		if !c.Ran {
			for range len(choose.Head) - 3 {
				row = append(row, number(""))
			}
			choose.Rows = append(choose.Rows, append(row, number(size(float64(c.Image))), cell{Text: meets}))
			continue
		}
		years := "unknown"
		if c.Years > 0 {
			years = lifetime(c.Years)
		}
		row = append(row, number(years))
		if p.Law != "" {
			row = append(row, number(lifetime(c.P1)), number(lifetime(c.P50)))
		}
		choose.Rows = append(choose.Rows, append(row, number(digits(c.GCPerDay, 3)), number(duration(c.P50Set)), number(duration(c.Worst)), number(never(c.Stall)), number(size(float64(c.Image))), cell{Text: meets}))
		for _, l := range []struct {
			sets                  string
			p50, p99, p999, worst float64
		}{
			{"all", c.P50Set, c.P99Set, c.P999Set, c.Worst},
			{"without GC", c.PlainP50, c.PlainP99, c.PlainP999, c.PlainWorst},
			{"with GC", c.GCP50, c.GCP99, c.GCP999, c.GCWorst},
		} {
			latency.Rows = append(latency.Rows, []cell{
				{Text: c.Name}, {Text: l.sets}, number(duration(l.p50)), number(duration(l.p99)), number(duration(l.p999)), number(duration(l.worst)),
			})
		}
		day.Rows = append(day.Rows, []cell{
			{Text: c.Name},
			number(duration(c.Busy)), number(never(c.Stall)), number(never(c.Masked)), number(never(c.LongestMasked)),
			number(size(math.Round(c.Live))), number(percent(c.Fill)), number(percent(c.WorstFill)), number(size(float64(c.Table))), number(size(float64(c.TablePeak))),
		})
		update, down, stall := "does not fit", "", ""
		if c.Update > 0 {
			update, down, stall = duration(c.Update), duration(c.UpdateDown), never(c.UpdateStall)
		}
		work.Rows = append(work.Rows, []cell{
			{Text: c.Name},
			{Text: c.Sectors},
			{Text: address(c.Start), Code: true},
			number(update), number(down), number(stall),
			number(count(c.Simulated)), number(count(c.Rounds)), number("± " + digits(c.Uncertain, 2) + " %"),
		})
	}
	tables := []table{choose}
	for _, t := range []table{latency, day, work} {
		if len(t.Rows) > 0 {
			tables = append(tables, t)
		}
	}
	if len(p.Live) > 0 {
		t := table{Caption: "Time of a set by live data, " + p.Candidates[p.Shown].Name, Head: []cell{number("Live data"), number("p50"), number("p99"), number("Median with GC"), number("Worst")}}
		for _, l := range p.Live {
			t.Rows = append(t.Rows, []cell{number(size(math.Round(l.Bytes))), number(duration(l.P50)), number(duration(l.P99)), number(duration(l.GC)), number(duration(l.Worst))})
		}
		tables = append(tables, t)
	}
	return tables
}

// checkPlan wants figures that can be drawn.
func checkPlan(r *Report) error {
	p := r.Plan
	if p == nil {
		return nil
	}
	if p.Best < -1 || p.Best >= len(p.Candidates) || p.Shown < 0 || p.Shown >= max(len(p.Candidates), 1) || len(p.Candidates) == 0 && len(p.Live) > 0 {
		return fmt.Errorf("plan: best %d, shown %d of %d candidates", p.Best, p.Shown, len(p.Candidates))
	}
	if !(p.Years >= 0 && p.Years <= longest) {
		return fmt.Errorf("plan.years: %v", p.Years)
	}
	for i, c := range p.Candidates {
		at := fmt.Sprintf("plan.candidates[%d]", i)
		if c.Bytes == 0 {
			return fmt.Errorf("%s: no size", at)
		}
		if err := times(at, c.Years, c.P1, c.P50, c.GCPerDay, c.P50Set, c.P99Set, c.P999Set, c.Worst, c.PlainP50, c.PlainP99, c.PlainP999, c.PlainWorst,
			c.GCP50, c.GCP99, c.GCP999, c.GCWorst, c.Busy, c.Stall, c.Masked, c.LongestMasked, c.Live, c.Fill, c.WorstFill, c.Update, c.UpdateDown, c.UpdateStall, c.Uncertain); err != nil {
			return err
		}
	}
	for i, l := range p.Live {
		if err := times(fmt.Sprintf("plan.live[%d]", i), l.Bytes, l.P50, l.P99, l.GC, l.Worst); err != nil {
			return err
		}
		if i > 0 && l.Bytes < p.Live[i-1].Bytes {
			return fmt.Errorf("plan.live[%d]: less than before", i)
		}
	}
	return nil
}

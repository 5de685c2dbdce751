package plan

import (
	"fmt"
	"math"
	"strings"

	"dualbank/bench"
	"dualbank/results"
	"dualbank/results/unit"
)

// bench adds the figures of every simulated store to the report's benchmarks, which `dualbank compare` reads.
func (p *planner) bench() {
	s := p.s
	for i := range p.all {
		o := &p.all[i].out
		if !o.Ran {
			continue
		}
		m := []results.Metric{
			bench.Less("sim-p50-sec", o.P50Set), bench.Less("sim-p99-sec", o.P99Set), bench.Less("sim-p999-sec", o.P999Set), bench.Less("sim-worst-sec", o.Worst),
			bench.Less("GCs/day", o.GCPerDay), bench.Less("stall-sec/day", o.Stall), bench.Less("masked-sec/day", o.Masked), bench.Less("fill", o.Fill), bench.Less("open-sec", o.OpenMost),
		}
		if o.Years > 0 {
			m = append(m, bench.Exact("years", o.Years, "higher"))
		}
		if o.Update > 0 {
			m = append(m, bench.Less("update-sec", o.Update))
		}
		name := bench.BenchName("Plan", append(p.axes, "corner", s.Board.Corner, "place", o.Place, "kv", o.Bytes)...)
		p.report.Bench = append(p.report.Bench, results.Benchmark{Name: name, N: int(min(max(o.Simulated, 1), math.MaxInt32)), Metrics: m})
	}
}

// ofExternal is what follows an address on the external flash.
func ofExternal(o *results.PlanCandidate) string {
	if o.Place == string(placeExternal) {
		return " of the external flash"
	}
	return ""
}

// assumed says which wishes are defaults, and how to choose them.
func (p *planner) assumed(add func(name, value, format string, args ...any)) {
	flags := map[string]string{
		bench.AssumedYears: "--years", bench.AssumedUpdates: "--updates-per-year", bench.AssumedFirmware: "--image",
		bench.AssumedKeys: "--keys", bench.AssumedSets: "--writes-per-day",
	}
	var lacking []string
	for _, name := range p.s.Plan.Assumed {
		lacking = append(lacking, flags[name])
	}
	if n := len(lacking); n > 0 {
		add("Defaults", fmt.Sprint(n), "marked (default): neither flags nor the scenario say them; %s", strings.Join(lacking, ", "))
	}
}

// facts writes the summary at the top of the report.
func (p *planner) facts() {
	r, plan := p.report, p.report.Plan
	add := func(name, value, format string, args ...any) {
		r.Facts = append(r.Facts, results.Fact{Name: name, Value: value, Note: fmt.Sprintf(format, args...)})
	}
	o := &plan.Candidates[plan.Shown]
	switch {
	case plan.Best >= 0:
		add("Smallest store", unit.Size(float64(o.Bytes)), "of %d that were tried, which meets the wishes: %s; at 0x%08X%s, sectors %s", len(plan.Candidates), plan.Wishes, o.Start, ofExternal(o), o.Sectors)
	case !o.Ran:
		add("Smallest store", "none", "of %d that were tried can be used: %s; %s, %s", len(plan.Candidates), plan.Demand, o.Name, strings.Join(o.Unmet, "; "))
		p.assumed(add)
		return
	default:
		add("Smallest store", "none", "of %d that were tried meets the wishes: %s; what follows is of the one that comes closest, %s: %s", len(plan.Candidates), plan.Wishes, o.Name, strings.Join(o.Unmet, "; "))
	}
	for _, d := range plan.Drop {
		add("Without the wish for", strings.Join(d.Wishes, " and "), "%s", d.Text)
	}
	p.assumed(add)
	if o.Years > 0 {
		within := fmt.Sprintf("within %.2g %%, from %s sets", o.Uncertain, unit.Count(o.Simulated))
		if o.Uncertain == 0 {
			within = fmt.Sprintf("simulated to its end, %s sets", unit.Count(o.Simulated))
		}
		add("Life of the store", unit.Years(o.Years), "until %s has been erased %s times, as often as it is rated for; %s; %s", bench.PlaceOf(o.Sector, o.External), unit.Count(o.Rated), plan.Demand, within)
	} else {
		add("Life of the store", "unknown", "the part has no rating, or no sector is erased; %s", plan.Demand)
	}
	if plan.Law != "" {
		add("1 % of the devices fail", unit.Years(o.P1), "half of them after %s: the first sector that fails, of %s devices that were drawn (%s)", unit.Years(o.P50), unit.Count(plan.Drawn), plan.Law)
	}
	if o.RetentionIs != "" {
		add(fmt.Sprintf("Retention at %g °C", p.s.Plan.Celsius), o.RetentionIs, "after %g years the store's most erased sector has had %s erases; %s",
			p.s.Plan.Years, unit.Count(uint64(o.EndErases+0.5)), o.Retention)
	}
	add("Slowest set", unit.Duration(o.Worst), "99.9 %% take at most %s, half of them %s; without garbage collection the slowest takes %s", unit.Duration(o.P999Set), unit.Duration(o.P50Set), unit.Duration(o.PlainWorst))
	add("Garbage collections", fmt.Sprintf("%.3g a day", o.GCPerDay), "each takes %s, %s at the most", unit.Duration(o.GCP50), unit.Duration(o.GCWorst))
	if o.Masked > 0 {
		add("Interrupts masked", unit.Duration(o.Masked)+" a day", "%s at a stretch, when a set erases a sector", unit.Duration(o.LongestMasked))
	} else {
		add("Interrupts masked", "never", "by the store's sets")
	}
	if o.Stall > 0 {
		add("Application stalled", unit.Duration(o.Stall)+" a day", "waiting for code from the bank that is written")
	} else {
		add("Application stalled", "never", "by the store's sets: its code can be read while they write")
	}
	if o.Energy > 0 {
		note := "by the flash for sets"
		if o.CoreEnergy > 0 {
			note += fmt.Sprintf("; the core that waits for it draws %s more", unit.Energy(o.CoreEnergy))
		}
		if o.UpdateEnergy > 0 {
			note += fmt.Sprintf("; an update takes %s, waiting included", unit.Energy(o.UpdateEnergy))
		}
		if o.Battery > 0 {
			note += fmt.Sprintf("; %s of the battery a year", unit.Percent(o.Battery/100))
		}
		add("Energy", unit.Energy(o.Energy)+" a day", "%s", note)
	}
	add("Live data", unit.Size(float64(int64(o.Live+0.5))), "%.1f %% of an area; with each value at its longest, and room for one more record, %.1f %%", 100*o.Fill, 100*o.WorstFill)
	more := ""
	if n := len(plan.Live); n > 0 {
		l := &plan.Live[n-1]
		more = fmt.Sprintf("; with %s keys of the same sizes %s", unit.Count(uint64(l.Keys)), unit.Duration(l.Open))
	}
	add("Opening the store", unit.Duration(o.OpenMost), "with an area as full as it gets, %s right after a garbage collection%s; %s from a reset to the application with its store open",
		unit.Duration(o.OpenLeast), more, unit.Duration(o.Ready))
	add("RAM for the keys", unit.Size(float64(o.Table)), "%s for a moment while the table grows", unit.Size(float64(o.TablePeak)))
	if o.Update > 0 {
		add("Update, "+unit.Size(float64(p.s.Update.Bytes)), unit.Duration(o.Update), "with what the store leaves to it; for %s of it the application does not run", unit.Duration(o.UpdateDown))
		add("Largest firmware", unit.Size(float64(o.Image)), "that the slot and the application's region hold")
	} else {
		add("Largest firmware", unit.Size(float64(o.Image)), "less than the %s that are wished", unit.Size(float64(p.s.Update.Bytes)))
	}
}

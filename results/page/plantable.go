package page

import (
	"math"
	"strings"

	"dualbank/results"
	"dualbank/results/table"
	"dualbank/results/unit"
)

// planTables returns the recommendation and the figures behind it.
func planTables(p *results.Plan) []table.Table {
	if p == nil {
		return nil
	}
	choose := table.Table{Caption: "Stores that were tried: " + p.Demand + "; wished: " + p.Wishes, Head: []table.Cell{
		{Text: "KVStore"}, table.Number("Life"), table.Number("GC a day"), table.Number("Median set"), table.Number("Slowest set"), table.Number("Stalled a day"), table.Number("Largest firmware"), {Text: "Meets the wishes"},
	}}
	if p.Law != "" {
		choose.Head = append(choose.Head[:2], append([]table.Cell{table.Number("1 % fail"), table.Number("50 % fail")}, choose.Head[2:]...)...)
	}
	latency := table.Table{Caption: "Sets, by whether they collect garbage (GC)", Head: []table.Cell{
		{Text: "KVStore"}, {Text: "Sets"}, table.Number("p50"), table.Number("p99"), table.Number("p99.9"), table.Number("Worst"),
	}}
	day := table.Table{Caption: "A day, and what the store holds", Head: []table.Cell{
		{Text: "KVStore"}, table.Number("Sets take"), table.Number("Application stalled"), table.Number("Interrupts masked"), table.Number("At a stretch"), table.Number("Live data"), table.Number("Fill"), table.Number("Fill at worst"), table.Number("RAM for keys"), table.Number("While it grows"),
	}}
	work := table.Table{Caption: "Updates, and what was simulated", Head: []table.Cell{
		{Text: "KVStore"}, {Text: "Sectors"}, {Text: "From"}, table.Number("Update"), table.Number("Application down"), table.Number("Stalled"), table.Number("Sets simulated"), table.Number("Rounds"), table.Number("Uncertain"),
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
		row := []table.Cell{{Text: name}}
		if !c.Ran {
			for range len(choose.Head) - 3 {
				row = append(row, table.Number(""))
			}
			choose.Rows = append(choose.Rows, append(row, table.Number(unit.Size(float64(c.Image))), table.Cell{Text: meets}))
			continue
		}
		years := "unknown"
		if c.Years > 0 {
			years = unit.Years(c.Years)
		}
		row = append(row, table.Number(years))
		if p.Law != "" {
			row = append(row, table.Number(unit.Years(c.P1)), table.Number(unit.Years(c.P50)))
		}
		choose.Rows = append(choose.Rows, append(row, table.Number(unit.Digits(c.GCPerDay, 3)), table.Number(unit.Duration(c.P50Set)), table.Number(unit.Duration(c.Worst)), table.Number(unit.OrNever(c.Stall)), table.Number(unit.Size(float64(c.Image))), table.Cell{Text: meets}))
		for _, l := range []struct {
			sets                  string
			p50, p99, p999, worst float64
		}{
			{"all", c.P50Set, c.P99Set, c.P999Set, c.Worst},
			{"without GC", c.PlainP50, c.PlainP99, c.PlainP999, c.PlainWorst},
			{"with GC", c.GCP50, c.GCP99, c.GCP999, c.GCWorst},
		} {
			latency.Rows = append(latency.Rows, []table.Cell{
				{Text: c.Name}, {Text: l.sets}, table.Number(unit.Duration(l.p50)), table.Number(unit.Duration(l.p99)), table.Number(unit.Duration(l.p999)), table.Number(unit.Duration(l.worst)),
			})
		}
		day.Rows = append(day.Rows, []table.Cell{
			{Text: c.Name},
			table.Number(unit.Duration(c.Busy)), table.Number(unit.OrNever(c.Stall)), table.Number(unit.OrNever(c.Masked)), table.Number(unit.OrNever(c.LongestMasked)),
			table.Number(unit.Size(math.Round(c.Live))), table.Number(unit.Percent(c.Fill)), table.Number(unit.Percent(c.WorstFill)), table.Number(unit.Size(float64(c.Table))), table.Number(unit.Size(float64(c.TablePeak))),
		})
		update, down, stall := "does not fit", "", ""
		if c.Update > 0 {
			update, down, stall = unit.Duration(c.Update), unit.Duration(c.UpdateDown), unit.OrNever(c.UpdateStall)
		}
		work.Rows = append(work.Rows, []table.Cell{
			{Text: c.Name},
			{Text: c.Sectors},
			{Text: unit.Address(c.Start), Code: true},
			table.Number(update), table.Number(down), table.Number(stall),
			table.Number(unit.Count(c.Simulated)), table.Number(unit.Count(c.Rounds)), table.Number("± " + unit.Digits(c.Uncertain, 2) + " %"),
		})
	}
	tables := []table.Table{choose}
	for _, t := range []table.Table{latency, day, work} {
		if len(t.Rows) > 0 {
			tables = append(tables, t)
		}
	}
	if len(p.Live) > 0 {
		t := table.Table{Caption: "Time of a set by live data, " + p.Candidates[p.Shown].Name, Head: []table.Cell{table.Number("Live data"), table.Number("p50"), table.Number("p99"), table.Number("Median with GC"), table.Number("Worst")}}
		for _, l := range p.Live {
			t.Rows = append(t.Rows, []table.Cell{table.Number(unit.Size(math.Round(l.Bytes))), table.Number(unit.Duration(l.P50)), table.Number(unit.Duration(l.P99)), table.Number(unit.Duration(l.GC)), table.Number(unit.Duration(l.Worst))})
		}
		tables = append(tables, t)
	}
	return tables
}

package page

import (
	"dualbank/results"
	"dualbank/results/table"
	"dualbank/results/unit"
)

// applicationTables returns a table of stalls, masked interrupts and resets by case, and one for each
// interrupt.
func applicationTables(all []results.Application) []table.Table {
	if len(all) == 0 {
		return nil
	}
	t := table.Table{Caption: "Application: time stalled, time with interrupts masked, resets by the watchdog", Head: []table.Cell{
		{Text: "Case"}, table.Number("Stalled in 1 h"), table.Number("At a stretch"), table.Number("Masked in 1 h"), table.Number("At a stretch"), table.Number("Resets"),
	}}
	for i := range all {
		a := &all[i]
		t.Rows = append(t.Rows, []table.Cell{
			{Text: a.Name}, table.Number(unit.OrNever(a.Hourly(a.Stall))), table.Number(unit.OrNever(a.LongestStall)), table.Number(unit.OrNever(a.Hourly(a.Masked))), table.Number(unit.OrNever(a.LongestMasked)), table.Number(unit.Count(a.Resets)),
		})
	}
	tables := []table.Table{t}
	for _, name := range results.InterruptNames(all) {
		t := table.Table{Head: []table.Cell{{Text: "Case"}, table.Number("Activations"), table.Number("Missed in 1 h"), table.Number("Lost in 1 h"), table.Number("Worst latency")}}
		for i := range all {
			for _, q := range all[i].Interrupts {
				if q.Name != name {
					continue
				}
				t.Caption = "Interrupt " + q.Rhythm()
				missed := table.Number(unit.Digits(all[i].Hourly(float64(q.Late)), 4))
				if q.Deadline == 0 {
					missed = table.Number("no deadline")
				}
				t.Rows = append(t.Rows, []table.Cell{
					{Text: all[i].Name}, table.Number(unit.Count(q.Activations)), missed, table.Number(unit.Digits(all[i].Hourly(float64(q.Lost)), 4)), table.Number(unit.Duration(q.Worst)),
				})
			}
		}
		tables = append(tables, t)
	}
	return tables
}

package page

import (
	"slices"
	"strings"

	"dualbank/results"
	"dualbank/results/table"
	"dualbank/results/unit"
)

// updateColumns is the number of updates side by side in a table that fit a terminal.
const updateColumns = 6

// sized reports whether updates of one name differ in size.
func sized(all []results.UpdateTime) bool {
	sizes := map[string]uint32{}
	for _, u := range all {
		if n, ok := sizes[u.Name]; ok && n != u.Size {
			return true
		}
		sizes[u.Name] = u.Size
	}
	return false
}

// updateTables returns tables with a row for each phase. If sizes are compared there is a table for each name,
// with a column for each size, after one of all names.
func updateTables(all []results.UpdateTime) (tables []table.Table) {
	bySize := sized(all)
	if bySize {
		tables = append(tables, sizeTable(all))
	}
	for len(all) > 0 {
		n := 1
		for n < len(all) && n < updateColumns && (!bySize || all[n].Name == all[0].Name) {
			n++
		}
		caption := "Update time by phase"
		if bySize {
			caption += ", " + all[0].Name
		}
		tables = append(tables, updateTable(caption, all[:n], bySize))
		all = all[n:]
	}
	return tables
}

// sizeTable returns a table with a row for each name and a column for each size.
func sizeTable(all []results.UpdateTime) table.Table {
	t := table.Table{Caption: "Update time by size", Head: table.Words("Update")}
	var sizes []uint32
	var names []string
	at := map[string]map[uint32]table.Cell{}
	for _, u := range all {
		if at[u.Name] == nil {
			names = append(names, u.Name)
			at[u.Name] = map[uint32]table.Cell{}
		}
		if !slices.Contains(sizes, u.Size) {
			sizes = append(sizes, u.Size)
		}
		c := table.Number(unit.Duration(u.Total()))
		if down := u.Down(); down > 0 {
			c.Note = "down " + unit.Duration(down)
		}
		at[u.Name][u.Size] = c
	}
	slices.Sort(sizes)
	for _, s := range sizes {
		t.Head = append(t.Head, table.Number(unit.Size(float64(s))))
	}
	for _, n := range names {
		row := table.Words(n)
		for _, s := range sizes {
			c := at[n][s]
			c.Num = true
			row = append(row, c)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func updateTable(caption string, all []results.UpdateTime, bySize bool) table.Table {
	t := table.Table{Caption: caption, Head: table.Words("Phase")}
	for _, u := range all {
		if bySize {
			t.Head = append(t.Head, table.Number(unit.Size(float64(u.Size))))
		} else {
			t.Head = append(t.Head, table.Number(u.Label(all)))
		}
	}
	row := func(name string, of func(ph results.Phase) bool) {
		r, some := table.Words(name), false
		for _, u := range all {
			var sum results.Phase
			for _, ph := range u.Phases {
				if of(ph) {
					some = true
					sum.Seconds += ph.Seconds
					sum.Stall += ph.Stall
					sum.Masked += ph.Masked
				}
			}
			r = append(r, phaseCell(sum))
		}
		if some {
			t.Rows = append(t.Rows, r)
		}
	}
	for _, n := range results.PhaseNames(all) {
		row(n, func(ph results.Phase) bool { return ph.Name == n })
	}
	row("total", func(results.Phase) bool { return true })
	row("of it down", func(ph results.Phase) bool { return ph.Down })
	return t
}

// phaseCell returns the time of a phase, with the time stalled and masked as a note.
func phaseCell(ph results.Phase) table.Cell {
	c := table.Number(unit.Duration(ph.Seconds))
	var felt []string
	if ph.Stall > 0 {
		felt = append(felt, "stalled "+unit.Duration(ph.Stall))
	}
	if ph.Masked > 0 {
		felt = append(felt, "masked "+unit.Duration(ph.Masked))
	}
	c.Note = strings.Join(felt, "\n")
	return c
}

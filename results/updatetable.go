package results

import (
	"slices"
	"strings"
)

// updateColumns is the largest number of updates side by side in a table: more do not fit a terminal.
const updateColumns = 6

// sized tells whether updates of one name differ in their size.
func sized(all []UpdateTime) bool {
	sizes := map[string]uint32{}
	for _, u := range all {
		if n, ok := sizes[u.Name]; ok && n != u.Size {
			return true
		}
		sizes[u.Name] = u.Size
	}
	return false
}

// updateTables have a phase a row. Where sizes are compared there is a table for each name, with a size
// a column, and before them one of all names.
func updateTables(all []UpdateTime) (tables []table) {
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

// sizeTable has a name a row and a size a column.
func sizeTable(all []UpdateTime) table {
	t := table{Caption: "Update time by size", Head: words("Update")}
	var sizes []uint32
	var names []string
	at := map[string]map[uint32]cell{}
	for _, u := range all {
		if at[u.Name] == nil {
			names = append(names, u.Name)
			at[u.Name] = map[uint32]cell{}
		}
		if !slices.Contains(sizes, u.Size) {
			sizes = append(sizes, u.Size)
		}
		c := number(duration(u.total()))
		if down := u.down(); down > 0 {
			c.Note = "down " + duration(down)
		}
		at[u.Name][u.Size] = c
	}
	slices.Sort(sizes)
	for _, s := range sizes {
		t.Head = append(t.Head, number(size(float64(s))))
	}
	for _, n := range names {
		row := words(n)
		for _, s := range sizes {
			c := at[n][s]
			c.Num = true
			row = append(row, c)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func updateTable(caption string, all []UpdateTime, bySize bool) table {
	t := table{Caption: caption, Head: words("Phase")}
	for _, u := range all {
		if bySize {
			t.Head = append(t.Head, number(size(float64(u.Size))))
		} else {
			t.Head = append(t.Head, number(u.label(all)))
		}
	}
	row := func(name string, of func(ph Phase) bool) {
		r, some := words(name), false
		for _, u := range all {
			var sum Phase
			for _, ph := range u.Phases {
				if of(ph) {
					some = true
					sum.Seconds += ph.Seconds
					sum.Stall += ph.Stall
					sum.Masked += ph.Masked
				}
			}
			r = append(r, sum.cell())
		}
		if some {
			t.Rows = append(t.Rows, r)
		}
	}
	for _, n := range phaseNames(all) {
		row(n, func(ph Phase) bool { return ph.Name == n })
	}
	row("total", func(Phase) bool { return true })
	row("of it down", func(ph Phase) bool { return ph.Down })
	return t
}

// cell is the phase's time with what the application feels of it.
func (ph Phase) cell() cell {
	c := number(duration(ph.Seconds))
	var felt []string
	if ph.Stall > 0 {
		felt = append(felt, "stalled "+duration(ph.Stall))
	}
	if ph.Masked > 0 {
		felt = append(felt, "masked "+duration(ph.Masked))
	}
	c.Note = strings.Join(felt, "\n")
	return c
}

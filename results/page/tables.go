package page

import (
	"fmt"
	"slices"
	"strings"

	"dualbank/results"
	"dualbank/results/table"
	"dualbank/results/unit"
)

func latencyTables(sets []results.SetLatency) []table.Table {
	t := table.Table{Caption: "Latency of a set by workload", Head: []table.Cell{{Text: "Workload"}, table.Number("Sets"), table.Number("p50"), table.Number("p99"), table.Number("p99.9"), table.Number("Max"), table.Number("With GC"), table.Number("GC from"), table.Number("GC to")}}
	for _, l := range results.MergeSets(sets) {
		row := []table.Cell{{Text: l.Name}, table.Number(unit.Count(len(l.All))), table.Number(unit.Duration(l.Quantile(0.5))), table.Number(unit.Duration(l.Quantile(0.99))), table.Number(unit.Duration(l.Quantile(0.999))), table.Number(unit.Duration(l.Max())), table.Number(unit.Count(l.NGC))}
		if lo, hi, ok := l.GCRange(); ok {
			row = append(row, table.Number(unit.Duration(lo)), table.Number(unit.Duration(hi)))
		} else {
			row = append(row, table.Number(""), table.Number(""))
		}
		t.Rows = append(t.Rows, row)
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return []table.Table{t}
}

func cutTables(maps []results.CutMap) []table.Table {
	var out []table.Table
	for _, m := range maps {
		outs := m.Outcomes()
		t := table.Table{
			Caption: fmt.Sprintf("%s: %s, %s judged (%s)", m.Name, unit.Plural(m.Steps, "step"), unit.Plural(m.Explored, "cut"), m.Sampling),
			Head:    []table.Cell{{Text: "Mode"}, table.Number(map[string]string{"cut": "Cuts", "step": "Steps"}[m.Counted()])},
		}
		for _, o := range outs {
			label := o.Label()
			t.Head = append(t.Head, table.Number(strings.ToUpper(label[:1])+label[1:]))
		}
		for _, r := range m.Rows {
			sums := make([]uint64, len(outs))
			var all uint64
			for _, run := range r.Runs {
				sums[slices.IndexFunc(outs, func(o results.Outcome) bool { return o.Has(run) })] += run.Count()
				all += run.Count()
			}
			row := append(table.Words(r.Mode), table.Number(unit.Count(all)))
			for _, n := range sums {
				row = append(row, table.Number(unit.Count(n)))
			}
			t.Rows = append(t.Rows, row)
		}
		out = append(out, t)
	}
	return out
}

func wearTables(wear []results.SectorWear) []table.Table {
	if len(wear) == 0 {
		return nil
	}
	t := table.Table{Caption: "Erases by sector", Head: []table.Cell{{Text: "Sectors"}, {Text: "Start"}, table.Number("Size each"), table.Number("Bank"), {Text: "Region"}, table.Number("Erases each"), table.Number("Of rating")}}
	for i := 0; i < len(wear); {
		s, j := wear[i], i+1
		for j < len(wear) && wear[j].Size == s.Size && wear[j].BankName() == s.BankName() && wear[j].Region == s.Region && wear[j].Erases == s.Erases && wear[j].Endurance == s.Endurance {
			j++
		}
		name := fmt.Sprint(i)
		if j-1 > i {
			name = fmt.Sprintf("%d to %d", i, j-1)
		}
		rating := "unknown"
		if s.Endurance > 0 {
			rating = unit.Percent(float64(s.Erases) / float64(s.Endurance))
		}
		t.Rows = append(t.Rows, []table.Cell{
			{Text: name},
			{Text: unit.Address(s.Addr), Code: true},
			table.Number(unit.Size(float64(s.Size))), table.Number(strings.TrimPrefix(s.BankName(), "bank ")),
			{Text: results.RegionName(s.Region)},
			table.Number(unit.Count(s.Erases)), table.Number(rating),
		})
		i = j
	}
	return []table.Table{t}
}

// markMeanings are the confidence marks of sources and their meanings.
var markMeanings = [][2]string{
	{"C", "read in a primary source"},
	{"C2", "read in a third-party copy of the primary source"},
	{"M", "measured by a third party"},
	{"R", "recalled, not verified"},
	{"D", "derived by arithmetic"},
	{"A", "an assumption"},
}

func markWords(sources []results.Source) string {
	var out []string
	for _, m := range markMeanings {
		if slices.ContainsFunc(sources, func(s results.Source) bool { return s.Mark == m[0] }) {
			out = append(out, m[0]+": "+m[1])
		}
	}
	if len(out) == 0 {
		return ""
	}
	return strings.Join(out, "; ") + "."
}

func sourceTable(sources []results.Source) table.Table {
	t := table.Table{Caption: "Facts of the model", Head: table.Words("Fact", "Value", "Mark", "Source")}
	for _, s := range sources {
		t.Rows = append(t.Rows, table.Words(s.Fact, s.Value, s.Mark, s.From))
	}
	return t
}

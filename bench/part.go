package bench

import (
	"fmt"
	"io"
	"text/tabwriter"

	"dualbank/model"
)

// DescribePart writes the facts of a part as a table: what, how much, confidence mark, source.
func DescribePart(w io.Writer, p *model.Part) error {
	fmt.Fprintf(w, "%s: %s, up to %d MHz\n\n", p.Name, p.Title, p.MaxHz/1_000_000)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "fact\tvalue\tmark\tsource")
	row := func(s model.Source, fact, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", fact, fmt.Sprintf(format, args...), s.Mark, s.From)
	}
	partFacts(p, row)
	for _, pt := range p.Program {
		row(pt.Typ.Source, fmt.Sprintf("program x%d, typ", 8*pt.Width), "%v", pt.Typ.Time)
		row(pt.Max.Source, fmt.Sprintf("program x%d, max", 8*pt.Width), "%v", pt.Max.Time)
	}
	for _, et := range p.Erase {
		row(et.Typ.Source, fmt.Sprintf("erase %d KiB x%d, typ", et.Bytes/1024, 8*et.Width), "%v", et.Typ.Time)
		row(et.Max.Source, fmt.Sprintf("erase %d KiB x%d, max", et.Bytes/1024, 8*et.Width), "%v", et.Max.Time)
	}
	for _, ws := range p.WaitStates {
		row(ws.Source, fmt.Sprintf("wait states at %d-%d mV", ws.MinMV, ws.MaxMV), "1 per %d MHz, up to %d", ws.HzPerState/1_000_000, ws.Most)
	}
	return t.Flush()
}

// partFacts tells row of the facts that hold at any time and width.
func partFacts(p *model.Part, row func(s model.Source, fact, format string, args ...any)) {
	for i, bank := range p.Banks {
		sectors := ""
		for _, run := range bank.Sectors {
			sectors += fmt.Sprintf(" + %d x %d KiB", run.Count, run.Bytes/1024)
		}
		row(bank.Source, fmt.Sprintf("bank %d", i+1), "%s", sectors[min(len(sectors), 3):])
	}
	row(p.Cells.Source, "programming cells that are not erased", "%s", p.Cells.Rule)
	row(p.ReadWhileWrite.Source, "one bank can be read while the other is busy", "%s", yesNo(p.ReadWhileWrite.Value))
	row(p.Endurance.Source, "rated erases of a sector", "%d", p.Endurance.Erases)
	row(p.ReadLine.Source, "bytes of one flash read", "%d", p.ReadLine.Bytes)
}

package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/perf/benchunit"

	"dualbank/results"
	"dualbank/results/table"
	"dualbank/results/unit"
)

// unitValue prints a value as benchstat does, with its unit.
func unitValue(v float64, unit string) string {
	return benchunit.Scale(v, benchunit.ClassOf(unit)) + " " + unit
}

// WriteText writes settings that changed, then benchstat's tables of what changed, one for each unit, with the verdict
// at the end of each line, then warnings, failures and a last line with the result. all adds the figures that are the same.
func (c *Comparison) WriteText(w io.Writer, all bool) error {
	var b strings.Builder
	for _, ch := range c.Changed {
		fmt.Fprintf(&b, "changed: %s\n", ch)
	}
	if len(c.Changed) > 0 {
		b.WriteByte('\n')
	}
	var last []results.Setting
	first := true
	for _, t := range c.Tables {
		if !all {
			if t = t.changes(); len(t.Rows) == 0 {
				continue
			}
		}
		if !first {
			b.WriteByte('\n')
		}
		if first || !slices.Equal(last, t.Config) {
			for _, s := range t.Config {
				fmt.Fprintf(&b, "%s: %s\n", s.Key, s.Value)
			}
			last = t.Config
		}
		b.WriteString(t.text(c.Old, c.New))
		first = false
	}
	if len(c.Warnings) > 0 && !first {
		b.WriteByte('\n')
	}
	for _, s := range c.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", s)
	}
	if !first || len(c.Warnings) > 0 {
		b.WriteByte('\n')
	}
	for _, f := range c.Failures {
		fmt.Fprintf(&b, "failed: %s\n", f)
	}
	fmt.Fprintln(&b, c.verdict())
	_, err := io.WriteString(w, b.String())
	return err
}

// verdict returns the last line: the number of figures compared, by verdict.
func (c *Comparison) verdict() string {
	n := map[string]int{}
	for _, t := range c.Tables {
		for _, r := range t.Rows {
			n[r.Verdict]++
		}
	}
	compared := n[Same] + n[Better] + n[Worse] + n[Changed] + n[Failed]
	text := fmt.Sprintf("%s compared", unit.Plural(compared, "figure"))
	for _, v := range []string{Better, Worse, Changed, Failed, Missing, Added} {
		if n[v] > 0 {
			text += fmt.Sprintf(", %s %s", unit.Count(n[v]), v)
		}
	}
	if len(c.Failures) > 0 {
		return "FAIL: " + text
	}
	return "ok: " + text
}

// String returns the failure on one line that starts with file:line.
func (f Failure) String() string {
	place := f.File
	if f.Line > 0 {
		place = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	return fmt.Sprintf("%s: %s %s: %s", place, f.Name, f.Unit, f.Message)
}

// changes returns the table with the rows that are not the same.
func (t Table) changes() Table {
	t.Rows = slices.DeleteFunc(slices.Clone(t.Rows), func(r Row) bool { return r.Verdict == Same })
	return t
}

func (t Table) text(old, new string) string {
	head := t.Unit
	if t.Exact {
		head += ", exact"
	}
	out := table.Table{Head: []table.Cell{{Text: head}, table.Number(old), table.Number(new), table.Number("vs base"), {Text: ""}, {Text: ""}}}
	class := benchunit.ClassOf(t.Unit)
	for _, r := range t.Rows {
		var centers []float64
		for _, s := range []Side{r.Old, r.New} {
			if s.N > 0 {
				centers = append(centers, s.Center)
			}
		}
		scale := benchunit.CommonScale(centers, class)
		side := func(s Side) table.Cell {
			switch {
			case s.N == 0:
				return table.Number("")
			case t.Exact:
				return table.Number(scale.Format(s.Center))
			}
			return table.Number(scale.Format(s.Center) + " ± " + s.Range)
		}
		row := []table.Cell{{Text: r.Name}, side(r.Old), side(r.New), table.Number(r.Delta), {Text: ""}, {Text: ""}}
		if r.P != "" && !t.Exact {
			row[4].Text = "(" + r.P + ")"
		}
		if r.Verdict != Same {
			row[5].Text = r.Verdict
		}
		out.Rows = append(out.Rows, row)
	}
	if g := t.Geomean; g != nil {
		out.Rows = append(out.Rows, []table.Cell{{Text: "geomean"}, table.Number(benchunit.Scale(g.Old, class)), table.Number(benchunit.Scale(g.New, class)), table.Number(fmt.Sprintf("%+.2f%%", g.Change)), {}, {}})
	}
	return out.Text(1 << 20)
}

// WriteJSON writes the comparison as JSON.
func (c *Comparison) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(c)
}

// WriteAnnotations writes warnings and failures as GitHub's workflow commands, which show them at the
// lines they concern.
func (c *Comparison) WriteAnnotations(w io.Writer) error {
	var b strings.Builder
	for _, s := range c.Warnings {
		fmt.Fprintf(&b, "::warning title=dualbank compare::%s\n", annotated(s))
	}
	for _, f := range c.Failures {
		fmt.Fprintf(&b, "::error file=%s", annotatedProperty(f.File))
		if f.Line > 0 {
			fmt.Fprintf(&b, ",line=%d", f.Line)
		}
		fmt.Fprintf(&b, ",title=%s::%s\n", annotatedProperty(f.Unit+" of "+f.Name), annotated(f.Message))
	}
	if len(c.Failures) == 0 {
		fmt.Fprintf(&b, "::notice title=dualbank compare::%s\n", annotated(c.verdict()))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// annotated escapes the message of a workflow command.
func annotated(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// annotatedProperty escapes a property of a workflow command.
func annotatedProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

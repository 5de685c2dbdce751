package results

import (
	"fmt"
	"io"
	"strings"
)

// WriteSummary writes what a person at a terminal wants first: the facts, the update by phase, the
// findings with the command that replays each. Lines are at most width columns wide where words
// allow it; 0 stands for 100.
func WriteSummary(w io.Writer, r *Report, width int) error {
	if err := Check(r); err != nil {
		return err
	}
	if width <= 0 {
		width = 100
	}
	var b strings.Builder
	line, _ := verdict(r)
	for _, line := range []string{r.Title, r.Board, line} {
		if line != "" {
			fmt.Fprintln(&b, line)
		}
	}
	var facts table
	for _, f := range r.Facts {
		facts.Rows = append(facts.Rows, []cell{{Text: f.Name}, number(f.Value), {Text: f.Note}})
	}
	tables := append([]table{facts}, applicationTables(r.Application)...)
	tables = append(tables, planTables(r.Plan)...)
	if phases := updateTables(r.Updates); len(phases) <= 5 {
		tables = append(tables, phases...)
	} else {
		tables = append(tables, phases[0]) // the page has the rest
	}
	if len(r.Findings) > 0 {
		t := table{Caption: "Findings", Head: []cell{{Text: "Severity"}, {Text: "Rule"}, number("Cuts"), {Text: "Finding"}}}
		for _, f := range bySeverity(r) {
			t.Rows = append(t.Rows, []cell{{Text: f.Severity}, {Text: f.rule()}, number(count(f.Count)), {Text: f.Title + "\n" + f.Where + "\n" + f.Command}})
		}
		tables = append(tables, t)
	}
	for _, t := range tables {
		if len(t.Rows) > 0 {
			fmt.Fprintf(&b, "\n%s", t.text(width))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

package page

import (
	"bytes"
	"fmt"
	"html/template"

	_ "embed"

	"dualbank/results"
	"dualbank/results/compare"
	"dualbank/results/plot"
	"dualbank/results/table"
)

//go:embed index.html
var indexText string

var indexTemplate = template.Must(pageTemplate.New("index").Parse(indexText))

// Run is one results folder of an index.
type Run struct {
	Name   string // as people know it: the folder's name
	Link   string // relative address of the folder, with a slash at its end
	Report *results.Report
	// Since is how its figures differ from those of the run before; nil: there is none, or they do not compare.
	Since *compare.Comparison
	// Apart says why they do not compare; "": they do.
	Apart string
}

// index holds the data of the template index.html.
type index struct {
	Style   template.CSS
	Runs    []Run
	Answers table.Table
	Changes []changes
}

// changes are those of one run since the one before.
type changes struct {
	Title, Text string
	Table       table.Table
}

// mostChanges bounds the figures that are listed of one run.
const mostChanges = 40

// Index returns a page over several runs: the verdict of each, its answers beside those of the others, and the figures
// that differ from the run before.
func Index(runs []Run) ([]byte, error) {
	x := index{Style: template.CSS(pageStyle + "@media screen and (prefers-color-scheme: dark) {\n  " + plot.DarkRules() + "\n}\n"), Runs: runs}
	x.Answers = table.Table{ID: "table-answers", Caption: "Answers, run by run", Head: []table.Cell{{Text: "Question"}}}
	row := map[string]int{}
	for i, r := range runs {
		if err := results.Check(r.Report); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		}
		x.Answers.Head = append(x.Answers.Head, table.Cell{Text: r.Name})
		for _, f := range append([]results.Fact{{Question: "Verdict", Value: sentences(r.Report)}}, headline(r.Report.Facts)...) {
			name := f.Question
			if name == "" {
				name = f.Name
			}
			at, ok := row[name]
			if !ok {
				at = len(x.Answers.Rows)
				row[name] = at
				x.Answers.Rows = append(x.Answers.Rows, append([]table.Cell{{Text: name}}, make([]table.Cell, len(runs))...))
			}
			x.Answers.Rows[at][1+i] = table.Cell{Text: f.Value, Note: f.Note}
		}
		if i > 0 {
			x.Changes = append(x.Changes, changed(runs[i-1].Name, r, fmt.Sprintf("table-changes-%d", i)))
		}
	}
	var buf bytes.Buffer
	if err := indexTemplate.Execute(&buf, x); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	return buf.Bytes(), nil
}

// sentences are the verdicts of a report in one string.
func sentences(r *results.Report) (s string) {
	for _, v := range verdicts(r) {
		if s != "" {
			s += " "
		}
		s += v.Text
	}
	return s
}

// changed lists the figures of a run that differ from the run before.
func changed(before string, r Run, id string) changes {
	c := changes{Title: fmt.Sprintf("From %s to %s", before, r.Name)}
	if r.Since == nil {
		c.Text = "Their figures do not compare: " + r.Apart
		return c
	}
	c.Table = table.Table{ID: id, Caption: c.Title, Head: []table.Cell{{Text: "Figure"}, {Text: "Unit"}, table.Number("Before"), table.Number("Now"), table.Number("Change"), {Text: "Verdict"}}}
	left, equal := 0, 0
	for _, t := range r.Since.Tables {
		for _, f := range t.Rows {
			switch {
			case f.Verdict == compare.Same:
				equal++
				continue
			case len(c.Table.Rows) == mostChanges:
				left++
				continue
			}
			side := func(s compare.Side) table.Cell {
				if s.N == 0 {
					return table.Number("")
				}
				return table.Number(fmt.Sprintf("%.4g", s.Center))
			}
			verdict := f.Verdict
			if verdict == compare.Failed {
				verdict = compare.Worse // there is no gate here
			}
			severity := map[string]string{compare.Worse: "high", compare.Better: "good"}[verdict]
			c.Table.Rows = append(c.Table.Rows, []table.Cell{{Text: f.Name}, {Text: t.Unit}, side(f.Old), side(f.New), table.Number(f.Delta), {Text: verdict, Severity: severity}})
		}
	}
	c.Text = fmt.Sprintf("%d figures are equal.", equal)
	if left > 0 {
		c.Text += fmt.Sprintf(" %d more have changed: `dualbank compare` lists them.", left)
	}
	return c
}

package page

import (
	"fmt"
	"io"
	"strings"

	"dualbank/results"
	"dualbank/results/table"
	"dualbank/results/unit"
)

// WriteSummary writes the summary for a terminal: the facts, the update by phase, the findings with the command
// that replays each. The last column of a table is broken so that lines have at most width columns; 0 means
// 100.
func WriteSummary(w io.Writer, r *results.Report, width int) error {
	if err := results.Check(r); err != nil {
		return err
	}
	if width <= 0 {
		width = 100
	}
	var b strings.Builder
	line, _ := verdict(r)
	for _, line := range append([]string{r.Title, r.Board}, wrap(line, width)...) {
		if line != "" {
			fmt.Fprintln(&b, line)
		}
	}
	var facts table.Table
	for _, f := range r.Facts {
		facts.Rows = append(facts.Rows, []table.Cell{{Text: f.Name}, table.Number(f.Value), {Text: f.Note}})
	}
	tables := append([]table.Table{facts}, applicationTables(r.Application)...)
	tables = append(tables, planTables(r.Plan)...)
	if phases := updateTables(r.Updates); len(phases) <= 5 {
		tables = append(tables, phases...)
	} else {
		tables = append(tables, phases[0]) // the page has the rest
	}
	if len(r.Findings) > 0 {
		t := table.Table{Caption: "Findings", Head: []table.Cell{{Text: "Severity"}, {Text: "Rule"}, table.Number("Cuts"), {Text: "Finding"}}}
		for _, f := range bySeverity(r) {
			t.Rows = append(t.Rows, []table.Cell{{Text: f.Severity}, {Text: ruleOf(f)}, table.Number(unit.Count(f.Count)), {Text: f.Title + "\n" + f.Where + "\n" + f.Command}})
		}
		tables = append(tables, t)
	}
	for _, t := range tables {
		if len(t.Rows) > 0 {
			fmt.Fprintf(&b, "\n%s", t.Text(width))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteBrief writes what a reader must know first, in at most so many lines: the title, the verdict, and the answers to
// the questions that the report begins with. It reports whether there are any; without, nothing is written.
func WriteBrief(w io.Writer, r *results.Report, width, lines int) (bool, error) {
	if err := results.Check(r); err != nil {
		return false, err
	}
	if width <= 0 {
		width = 100
	}
	var answers table.Table
	for _, f := range headline(r.Facts) {
		if f.Question != "" {
			answers.Rows = append(answers.Rows, table.Words(f.Question, f.Value))
		}
	}
	if len(answers.Rows) == 0 {
		return false, nil
	}
	all := []string{r.Title}
	for _, v := range verdicts(r) {
		if strings.HasPrefix(v.Text, lasts) {
			continue // an answer says so
		}
		text := v.Text
		switch v.Severity {
		case "":
		case "good":
			text = "ok: " + text
		default:
			text = v.Severity + ": " + text
		}
		all = append(all, wrap(text, width)...)
	}
	room := lines - len(answers.Rows) - 1
	if len(all) > room {
		all = append(all[:room-1], "...")
	}
	_, err := fmt.Fprintf(w, "%s\n\n%s", strings.Join(all, "\n"), answers.Text(width))
	return true, err
}

// Brief is what a report comes to, for other programs: the words of the page's first screen, causes and findings.
type Brief struct {
	Page     string            `json:"page,omitempty"` // file of the report; "": there is none
	Title    string            `json:"title"`
	Board    string            `json:"board"`
	Command  string            `json:"command,omitempty"` // makes the report again
	Made     string            `json:"made,omitempty"`    // the program that made it
	Verdict  []Sentence        `json:"verdict"`           // what must be known first
	Facts    []results.Fact    `json:"facts"`
	Causes   []results.Cause   `json:"causes"`
	Findings []results.Finding `json:"findings"` // without their films
}

// Sentence is one of a verdict.
type Sentence struct {
	Severity string `json:"severity,omitempty"` // "high", "medium", "low", "good", or "": it is neither good nor bad
	Text     string `json:"text"`
}

// BriefOf returns what r comes to. page is the file of the report, or "".
func BriefOf(r *results.Report, page string) Brief {
	b := Brief{
		Page: page, Title: r.Title, Board: r.Board, Command: r.Command, Made: r.Made,
		Verdict: []Sentence{}, Facts: append([]results.Fact{}, r.Facts...), Causes: append([]results.Cause{}, r.Causes...), Findings: append([]results.Finding{}, bySeverity(r)...),
	}
	for _, v := range verdicts(r) {
		b.Verdict = append(b.Verdict, Sentence{v.Severity, v.Text})
	}
	for i := range b.Findings {
		b.Findings[i].Film = nil
	}
	return b
}

// wrap breaks a sentence into lines of at most width columns, at spaces.
func wrap(s string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

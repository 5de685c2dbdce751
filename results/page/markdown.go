package page

import (
	"fmt"
	"io"
	"strings"

	"dualbank/results"
	"dualbank/results/unit"
)

// mostRows bounds the findings in the markdown of a CI job.
const mostRows = 20

// WriteMarkdown writes verdict, answers and findings as markdown, for the summary of a CI job.
func WriteMarkdown(w io.Writer, r *results.Report) error {
	if err := results.Check(r); err != nil {
		return err
	}
	var b strings.Builder
	title := r.Title
	if title == "" {
		title = "dualbank report"
	}
	fmt.Fprintf(&b, "## %s\n\n%s\n\n", cellText(title), cellText(r.Board))
	for _, v := range verdicts(r) {
		fmt.Fprintf(&b, "- %s\n", cellText(v.Text))
	}
	b.WriteString("\n")
	if facts := headline(r.Facts); len(facts) > 0 {
		b.WriteString("| question | answer | |\n|---|---|---|\n")
		for _, f := range facts {
			question := f.Question
			if question == "" {
				question = f.Name
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", cellText(question), cellText(f.Value), cellText(f.Note))
		}
		b.WriteString("\n")
	}
	if all := bySeverity(r); len(all) > 0 {
		b.WriteString("| severity | finding | cuts | replay |\n|---|---|---|---|\n")
		for _, f := range all[:min(mostRows, len(all))] {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.Severity, cellText(f.Title), unit.Count(f.Count), cellText(f.Command))
		}
		if n := len(all) - mostRows; n > 0 {
			fmt.Fprintf(&b, "\n%s more.\n", unit.Plural(n, "finding"))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cellText is s as the text of a markdown table: no markup gets in.
func cellText(s string) string {
	var b strings.Builder
	for _, c := range strings.Join(strings.Fields(s), " ") {
		if strings.ContainsRune("\\`*_{}[]<>()#+!|~$&@", c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

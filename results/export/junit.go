package export

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"dualbank/results"
	"dualbank/results/unit"
)

// suites is the document that CI servers read as JUnit's.
type suites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Suites   []suite  `xml:"testsuite"`
}

type suite struct {
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Skipped  int        `xml:"skipped,attr"`
	Time     string     `xml:"time,attr"`
	Cases    []testCase `xml:"testcase"`
}

type testCase struct {
	Name    string   `xml:"name,attr"`
	Class   string   `xml:"classname,attr"`
	Time    string   `xml:"time,attr"`
	Failure *failure `xml:"failure"`
}

type failure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes the causes of r's findings as a JUnit report: a suite for each subject, a failed case for each cause and for
// each finding without one, and one that passed for each sweep without findings. There is no time: a report is the same on every machine.
func JUnit(w io.Writer, r *results.Report) error {
	all := suites{}
	at := func(subject string) *suite {
		for i := range all.Suites {
			if all.Suites[i].Name == subject {
				return &all.Suites[i]
			}
		}
		all.Suites = append(all.Suites, suite{Name: subject, Time: "0"})
		return &all.Suites[len(all.Suites)-1]
	}
	for _, e := range entries(r) {
		first := e.findings[0]
		s := at(clean(first.Subject))
		s.Tests++
		s.Failures++
		var text strings.Builder
		name, message := e.id+": "+first.Title, first.Title
		if e.cause != nil {
			name, message = e.id+": "+e.what, e.what
			fmt.Fprintf(&text, "%s\ncure     %s\n\n", leadsTo(e.cause), e.cause.Cure)
		}
		for _, f := range e.findings {
			fmt.Fprintf(&text, "%s\n%s\nwhere    %s\nexpected %s\nseen     %s\n%s\n", f.Title, ruleWords(f), f.Where, f.Expected, f.Seen, f.Command)
		}
		s.Cases = append(s.Cases, testCase{
			Name: clean(name), Class: clean(fmt.Sprintf("%s.rule%d", first.Subject, first.Rule)), Time: "0",
			Failure: &failure{Message: clean(message), Type: e.severity, Text: clean(text.String())},
		})
	}
	for i := range r.Cuts {
		m := &r.Cuts[i]
		if _, broken := m.Shares(); len(broken) == 0 {
			s := at(clean(m.Subject))
			s.Tests++
			s.Cases = append(s.Cases, testCase{Name: clean(m.Name), Class: clean(m.Subject), Time: "0"})
		}
	}
	for _, s := range all.Suites {
		all.Tests += s.Tests
		all.Failures += s.Failures
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// entry is what is told once: a cause with its findings, or a finding without one.
type entry struct {
	kind, id       string // "cause" and its name, or "finding" and its ID
	rule           string // what is broken, for tools: the same for all that are alike
	what, severity string
	cause          *results.Cause     // nil: none
	findings       []*results.Finding // the gravest first, one at least
}

// entries returns the causes of r, then the findings without one.
func entries(r *results.Report) (all []entry) {
	byID := map[string]*results.Finding{}
	for i := range r.Findings {
		byID[r.Findings[i].ID] = &r.Findings[i]
	}
	told := map[*results.Finding]bool{}
	for i := range r.Causes {
		c := &r.Causes[i]
		e := entry{"cause", c.Name, "cause/" + c.Name, c.What, c.Severity, c, nil}
		for _, id := range c.Findings {
			if f := byID[id]; f != nil && !told[f] {
				told[f] = true
				e.findings = append(e.findings, f)
			}
		}
		if len(e.findings) > 0 {
			all = append(all, e)
		}
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if told[f] {
			continue
		}
		e := entry{"finding", f.ID, fmt.Sprintf("%s/%d", f.Subject, f.Rule), f.RuleText, f.Severity, nil, []*results.Finding{f}}
		if e.what == "" {
			e.what = e.rule
		}
		all = append(all, e)
	}
	return all
}

// leadsTo says what a cause leads to, with the number of cuts.
func leadsTo(c *results.Cause) string {
	var list []string
	for _, q := range c.Consequences {
		list = append(list, fmt.Sprintf("%s (%s)", q.Text, unit.Plural(q.Count, "cut")))
	}
	return "Leads to: " + strings.Join(list, "; ") + "."
}

// ruleWords says which rule a finding breaks.
func ruleWords(f *results.Finding) string {
	s := fmt.Sprintf("breaks   rule %d of the %s", f.Rule, f.Subject)
	if f.RuleText != "" {
		s += ": " + f.RuleText
	}
	return s
}

// clean returns s without what XML cannot hold.
func clean(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' && c != '\t' || c == 0xFFFE || c == 0xFFFF {
			return 0xFFFD
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

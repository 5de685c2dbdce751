package export

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"dualbank/results"
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

// JUnit writes the findings of r as a JUnit report: a suite for each subject, a failed case for each finding, and one
// that passed for each sweep without any. There is no time: a report is the same on every machine.
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
	for i := range r.Findings {
		f := &r.Findings[i]
		s := at(clean(f.Subject))
		s.Tests++
		s.Failures++
		s.Cases = append(s.Cases, testCase{
			Name: clean(f.ID + ": " + f.Title), Class: clean(fmt.Sprintf("%s.rule%d", f.Subject, f.Rule)), Time: "0",
			Failure: &failure{Message: clean(f.Title), Type: f.Severity, Text: clean(fmt.Sprintf("%s\nwhere    %s\nexpected %s\nseen     %s\n%s\n", ruleWords(f), f.Where, f.Expected, f.Seen, f.Command))},
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

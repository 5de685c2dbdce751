package page

import (
	"fmt"
	"slices"
	"strings"

	"dualbank/results"
	"dualbank/results/table"
	"dualbank/results/unit"
)

// ruleOf returns the broken rule: "KVStore 2".
func ruleOf(f results.Finding) string { return fmt.Sprintf("%s %d", f.Subject, f.Rule) }

// severities, the gravest first.
var severities = []string{"high", "medium", "low"}

// bySeverity returns the findings of r, the gravest first, else in their order.
func bySeverity(r *results.Report) []results.Finding {
	out := slices.Clone(r.Findings)
	slices.SortStableFunc(out, func(a, b results.Finding) int {
		return slices.Index(severities, a.Severity) - slices.Index(severities, b.Severity)
	})
	return out
}

// verdict returns in one line what the power cuts showed, or the plan, and its severity. A report on update
// time alone has no verdict.
func verdict(r *results.Report) (text, severity string) {
	if r.Plan != nil {
		return r.Plan.Verdict()
	}
	var judged uint64
	for _, m := range r.Cuts {
		judged += m.Explored
	}
	if len(r.Findings) == 0 {
		if judged == 0 && len(r.Sets) == 0 && len(r.Updates) > 0 {
			return "", "" // a report on update time alone
		}
		if judged == 0 {
			return "No power cuts were tried", "medium"
		}
		return fmt.Sprintf("No findings in %s", unit.Plural(judged, "power cut")), "good"
	}
	var parts []string
	for _, s := range severities {
		n := 0
		for _, f := range r.Findings {
			if f.Severity == s {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
			if severity == "" {
				severity = s
			}
		}
	}
	text = fmt.Sprintf("%s: %s", unit.Plural(len(r.Findings), "finding"), strings.Join(parts, ", "))
	if judged > 0 {
		text += fmt.Sprintf("; %s judged", unit.Plural(judged, "power cut"))
	}
	return text, severity
}

// lasts begins the sentence on the life of the store.
const lasts = "The flash lasts"

// verdicts returns what a reader must know first, a sentence each, with its severity.
func verdicts(r *results.Report) (out []table.Cell) {
	add := func(severity, format string, args ...any) {
		out = append(out, table.Cell{Text: fmt.Sprintf(format, args...), Severity: severity})
	}
	for i := range r.Cuts {
		if s, severity := cutVerdict(&r.Cuts[i]); s != "" {
			add(severity, "%s", s)
		}
	}
	for _, f := range r.Facts {
		if f.Name == results.LifeFact && f.Value != "unknown" {
			add("", "%s %s.", lasts, f.Value)
		}
	}
	if text, severity := causesVerdict(r.Causes); text != "" {
		add(severity, "%s", text)
	}
	if text, severity := verdict(r); len(out) == 0 && text != "" {
		add(severity, "%s", text)
	}
	return out
}

// causesVerdict says whether what the cuts show is known, and what to do first.
func causesVerdict(causes []results.Cause) (text, severity string) {
	if len(causes) == 0 {
		return "", ""
	}
	unknown := 0
	var first *results.Cause
	for i := range causes {
		switch c := &causes[i]; {
		case !c.Known:
			unknown++
		case first == nil || results.Graver(c.Severity, first.Severity, c.Count, first.Count) < 0:
			first = c
		}
	}
	switch {
	case unknown > 0:
		text, severity = fmt.Sprintf("%s of %s new: nothing known removes it. Look at that first.", unit.Count(unknown), unit.Plural(len(causes), "cause")), "high"
		if unknown > 1 {
			text = fmt.Sprintf("%s of %s are new: nothing known removes them. Look at these first.", unit.Count(unknown), unit.Plural(len(causes), "cause"))
		} else {
			text = strings.Replace(text, " new:", " is new:", 1)
		}
	case first != nil:
		text = fmt.Sprintf("All of it is known behaviour of the reference, from %s; %s is the first to mend.", unit.Plural(len(causes), "cause"), first.Name)
	}
	return text, severity
}

// cutVerdict says what the power cuts of a sweep lead to.
func cutVerdict(m *results.CutMap) (text, severity string) {
	judged, _ := m.Shares()
	all, by, of := m.TimeShares()
	if all == 0 {
		return "", ""
	}
	share := func(n uint64) string { return unit.Percent(float64(n) / float64(all)) }
	switch m.Subject {
	case "update":
		var broken uint64
		for _, n := range by {
			broken += n
		}
		if broken == 0 {
			return fmt.Sprintf("No power cut of an update bricks the device, of %s that were judged.", unit.Count(judged)), "good"
		}
		if by[1] > 0 {
			return fmt.Sprintf("A power cut of an update bricks the device in %s %s.", share(by[1]), of), "high"
		}
		return fmt.Sprintf("A power cut of an update breaks a rule in %s %s, and bricks no device.", share(broken), of), "medium"
	case "KVStore":
		const opens, works = 1, 7
		var lost uint64
		for rule, n := range by {
			if rule != opens && rule != works {
				lost += n
			}
		}
		var parts []string
		if severity = "good"; by[works] > 0 {
			severity = "medium"
			parts = append(parts, fmt.Sprintf("in %s %s a later write fails", share(by[works]), of))
		}
		if lost > 0 {
			severity = "high"
			parts = append([]string{fmt.Sprintf("in %s %s a value is lost or wrong", share(lost), of)}, parts...)
		}
		if by[opens] > 0 {
			severity = "high"
			parts = append([]string{fmt.Sprintf("a store that never opens in %s %s", share(by[opens]), of)}, parts...)
			return "A power cut during a write leaves " + strings.Join(parts, "; ") + ".", severity
		}
		if len(parts) == 0 {
			return fmt.Sprintf("No power cut during a write breaks a rule of the store, of %s that were judged.", unit.Count(judged)), severity
		}
		return "Every power cut during a write leaves a store that opens; " + strings.Join(parts, "; ") + ".", severity
	}
	return "", ""
}

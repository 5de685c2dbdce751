package page

import (
	"fmt"
	"slices"
	"strings"

	"dualbank/results"
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

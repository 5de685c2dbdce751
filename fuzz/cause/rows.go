package cause

import (
	"cmp"
	"slices"
	"strings"

	"dualbank/fuzz/explore"
	"dualbank/results"
)

// Rows puts the findings of one cause together: unknown causes first, then those with the gravest findings, then those
// that most cuts show.
func Rows(findings []explore.Finding) []results.Cause {
	var rows []results.Cause
	for i := range findings {
		f := &findings[i]
		at := slices.IndexFunc(rows, func(r results.Cause) bool { return r.Name == cmp.Or(f.Cause, Unknown) })
		if at < 0 {
			at = len(rows)
			rows = append(rows, row(f))
		}
		rows[at].Add(f.ID, f.Severity, f.Symptom.Consequence(), f.Count)
		if rows[at].Within != f.Within {
			rows[at].Within = ""
		}
	}
	for i := range rows {
		slices.SortStableFunc(rows[i].Consequences, func(a, b results.Consequence) int { return results.Graver(a.Severity, b.Severity, a.Count, b.Count) })
	}
	slices.SortStableFunc(rows, func(a, b results.Cause) int {
		if a.Known != b.Known {
			if b.Known {
				return -1
			}
			return 1
		}
		return results.Graver(a.Severity, b.Severity, a.Count, b.Count)
	})
	return rows
}

// row is a cause without findings.
func row(f *explore.Finding) results.Cause {
	r := results.Cause{Name: f.Cause, Known: Known(f.Cause), Within: f.Within}
	if f.Cause == "" {
		r.Name, r.What, r.Cure = Unknown, "The campaign ended before causes were looked for.", "The same command goes on."
		return r
	}
	if !r.Known {
		r.What = "No repair and no other environment removes what these cases show: " + strings.Join(strings.Split(f.Cause, "/")[1:], ", ") + "."
		r.Cure = "Not known. Replay the case and look at the flash that it leaves."
		return r
	}
	var what, cure []string
	for name := range strings.SplitSeq(f.Cause, "+") {
		if m := explore.RemedyByName(name); m != nil {
			what, cure = append(what, m.What), append(cure, m.Cure)
		}
	}
	r.What, r.Cure = strings.Join(what, " "), strings.Join(cure, " ")
	if m := explore.RemedyByName(f.Within); m != nil && r.Name == f.Within {
		r.Within = ""
	}
	return r
}

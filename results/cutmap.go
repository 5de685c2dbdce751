package results

import (
	"fmt"
	"slices"
)

// Count returns the number of cuts that r stands for.
func (r CutRun) Count() uint64 {
	if r.Cuts > 0 {
		return r.Cuts
	}
	return r.Last - r.First + 1
}

// Outcome is how one group of cuts ended, over all modes of a map.
type Outcome struct {
	Rule int    // 0 is ok; -1 is all that are beyond maxOutcomes
	Text string // as in CutRun
	Cuts uint64
}

// maxOutcomes is the number of broken rules that are kept apart; the rest becomes one outcome.
const maxOutcomes = 10

// Outcomes returns the ways in which the cuts of m ended: ok first, then broken rules by number and, within
// a rule, by first appearance.
func (m CutMap) Outcomes() []Outcome {
	out := []Outcome{{Rule: 0, Text: "ok"}}
	for _, row := range m.Rows {
		for _, run := range row.Runs {
			k := 0
			for k < len(out) && !out[k].Has(run) {
				k++
			}
			if k == len(out) && len(out) > maxOutcomes {
				out = append(out, Outcome{Rule: -1, Text: "other broken rules"})
			} else if k == len(out) {
				for k > 0 && out[k-1].Rule > run.Rule {
					k--
				}
				out = slices.Insert(out, k, Outcome{Rule: run.Rule, Text: run.Outcome})
			}
			out[k].Cuts += run.Count()
		}
	}
	return out
}

// Has reports whether run ended this way.
func (o Outcome) Has(run CutRun) bool {
	return o.Rule == -1 || o.Rule == run.Rule && (run.Rule == 0 || o.Text == run.Outcome)
}

// Label returns the name of an outcome: "ok" or "rule 2: stored key lost".
func (o Outcome) Label() string {
	if o.Rule > 0 {
		return fmt.Sprintf("rule %d: %s", o.Rule, o.Text)
	}
	return o.Text
}

// Counted returns what the runs of m count: "cut" if they add up to the cuts judged, else "step". A sweep
// that samples steps and leaves CutRun.Cuts 0 counts steps.
func (m CutMap) Counted() string {
	var sum uint64
	for _, o := range m.Outcomes() {
		sum += o.Cuts
	}
	if sum == m.Explored {
		return "cut"
	}
	return "step"
}

// TimeShares is Shares by the time that the steps take, in nanoseconds: a cut at a random moment hits an erase of a second
// more often than a program of some microseconds. Where the times are not known, it counts cuts. of says in words what the
// shares are of.
func (m *CutMap) TimeShares() (all uint64, broken map[int]uint64, of string) {
	broken = map[int]uint64{}
	for _, row := range m.Rows {
		for _, run := range row.Runs {
			all += run.Time
			if run.Rule > 0 {
				broken[run.Rule] += run.Time
			}
		}
	}
	if all == 0 {
		all, broken = m.Shares()
		return all, broken, "of the cuts"
	}
	return all, broken, "of the time that the flash works"
}

// Shares returns how many cuts were judged, and how many of them break each rule.
func (m *CutMap) Shares() (all uint64, broken map[int]uint64) {
	broken = map[int]uint64{}
	for _, row := range m.Rows {
		for _, run := range row.Runs {
			all += run.Count()
			if run.Rule > 0 {
				broken[run.Rule] += run.Count()
			}
		}
	}
	return all, broken
}

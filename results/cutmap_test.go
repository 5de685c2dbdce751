package results_test

import (
	"testing"

	"dualbank/results"
	"dualbank/results/internal/sample"
	"dualbank/results/unit"
)

func TestOutcomesOfACutMap(t *testing.T) {
	m := sample.Cuts()[0]
	outs := m.Outcomes()
	got := ""
	for _, o := range outs {
		got += o.Label() + "=" + unit.Count(o.Cuts) + "; "
	}
	if want := "ok=388,080; rule 2: stored key lost=2,882; rule 3: neither old nor new=303; rule 7: next set fails=1; "; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	m.Rows = nil
	for i := range 30 {
		m.Rows = append(m.Rows, results.CutRow{Runs: []results.CutRun{{First: 0, Last: 1, Rule: 30 - i, Outcome: "x"}}})
	}
	outs = m.Outcomes()
	if last := outs[len(outs)-1]; len(outs) != 12 || last.Cuts != 40 || last.Label() != "other broken rules" {
		t.Errorf("%d outcomes, the last %+v", len(outs), last)
	}
}

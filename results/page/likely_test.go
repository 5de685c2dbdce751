package page

import (
	"bytes"
	"strings"
	"testing"

	"dualbank/results"
)

// TestLikely: the page and the verdict say shares of time where times are known, and shares of cuts elsewhere.
func TestLikely(t *testing.T) {
	r := &results.Report{Title: "t", Findings: []results.Finding{{ID: "a", Subject: "update", Severity: "high", Title: "broken", Rule: 1, Count: 1, Share: 0.25}}}
	r.Cuts = []results.CutMap{{Subject: "update", Steps: 100, Explored: 100, Rows: []results.CutRow{{Mode: "torn", Runs: []results.CutRun{
		{First: 0, Last: 98, Outcome: "ok", Time: 99}, {First: 99, Last: 99, Rule: 1, Outcome: "broken", Time: 33},
	}}}}}
	for _, timed := range []bool{true, false} {
		want := "25 % of the time that the flash works"
		if !timed {
			want = "1 % of the cuts"
			r.Cuts[0].Rows[0].Runs[0].Time, r.Cuts[0].Rows[0].Runs[1].Time, r.Findings[0].Share = 0, 0, 0
		}
		if text, severity := cutVerdict(&r.Cuts[0]); !strings.Contains(text, "bricks the device in "+want) || severity != "high" {
			t.Errorf("timed %v: %s", timed, text)
		}
		html, err := Page(r)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(html, []byte("<dt>Likelihood</dt><dd>a power cut shows it in 25 %")) != timed {
			t.Errorf("timed %v: the page says how likely the finding is, or does not", timed)
		}
	}
}

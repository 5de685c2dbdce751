package job

import (
	"fmt"
	"strings"
	"testing"

	"dualbank/bench"
	"dualbank/model"
	"dualbank/results"
)

// TestLikelihoods: the likeliest cause is that with the most time, and not the most cuts; without causes it is the likeliest
// finding. A store's share is also told of a year.
func TestLikelihoods(t *testing.T) {
	j := &job{report: &results.Report{
		Cuts: []results.CutMap{{Subject: "KVStore"}, {Subject: "update"}},
		Findings: []results.Finding{
			{ID: "a", Subject: "KVStore", Title: "often", Count: 900, Share: 0.1},
			{ID: "b", Subject: "KVStore", Title: "long", Count: 2, Share: 0.3},
			{ID: "c", Subject: "update", Title: "counted alone", Count: 5},
		},
		Causes: []results.Cause{{What: "What is often.", Cure: "Mend it.", Findings: []string{"a"}}, {What: "What is long.", Cure: "Mend that.", Findings: []string{"b"}}},
	}, sets: &bench.Sets{Cycles: 1000, Counters: model.Counters{Erasing: 9, Programming: 1}}}
	for _, causes := range []bool{true, false} {
		if !causes {
			j.report.Causes = nil
		}
		var facts []string
		j.likelihoods(func(name, value, format string, args ...any) {
			facts = append(facts, name+" | "+value+" | "+fmt.Sprintf(format, args...))
		})
		want := "Likeliest finding, KVStore | 30 % | of the time that the flash works in a set or a remove: long; that is"
		if causes {
			want = "Likeliest cause, KVStore | 30 % | of the time that the flash works in a set or a remove: What is long. Mend that; that is"
		}
		// 1 % of a year is 3.65 days.
		if got := strings.Join(facts, "\n"); len(facts) != 1 || !strings.HasPrefix(got, want) || !strings.Contains(got, " of the 3.65 d a year") {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

package results_test

import (
	"math"
	"strings"
	"testing"

	"dualbank/results"
	"dualbank/results/internal/sample"
)

func TestPlanCheck(t *testing.T) {
	for want, change := range map[string]func(p *results.Plan){
		"plan: best 8, shown 2 of 8 candidates":    func(p *results.Plan) { p.Best = 8 },
		"plan: best -2, shown 2 of 8 candidates":   func(p *results.Plan) { p.Best = -2 },
		"plan: best 2, shown 8 of 8 candidates":    func(p *results.Plan) { p.Shown = 8 },
		"plan.years: NaN":                          func(p *results.Plan) { p.Years = math.NaN() },
		"plan.candidates[1]: no size":              func(p *results.Plan) { p.Candidates[1].Bytes = 0 },
		"plan.candidates[0][7]: -1 is not a time ": func(p *results.Plan) { p.Candidates[0].Worst = -1 },
		"plan.live[3]: less than before":           func(p *results.Plan) { p.Live[3].Bytes = 1 },
		"plan.live[0][2]: +Inf is not a time":      func(p *results.Plan) { p.Live[0].P99 = math.Inf(1) },
	} {
		p := sample.Plan("")
		change(p)
		if err := results.Check(&results.Report{Plan: p}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

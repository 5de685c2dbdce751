package results_test

import (
	"strings"
	"testing"

	"dualbank/results"
	"dualbank/results/internal/sample"
)

// TestCheckApplication holds Check to what no run leaves.
func TestCheckApplication(t *testing.T) {
	for _, c := range []struct {
		change func(r *results.Report)
		want   string
	}{
		{func(r *results.Report) { r.Application[1].Masked = -1 }, "application[1][3]: -1 is not a time in seconds"},
		{func(r *results.Report) { r.Application[0].Interrupts[0].Worst = 2 * results.LongestTime }, "application[0].interrupts[0][2]: 2e+12 is not a time"},
		{func(r *results.Report) {
			a := &r.Application[0]
			a.Interrupts = append(a.Interrupts, a.Interrupts[0])
		}, "application[0].interrupts[1]: control is there twice"},
		{func(r *results.Report) { r.Application[0].Interrupts[0].Points[1].Within = 3 }, "application[0].interrupts[0].points[1]: 0.001 s, 3 activations: less than before"},
		{func(r *results.Report) { r.Application[0].Interrupts[0].Activations++ }, "application[0].interrupts[0]: 36000001 activations, its points have 36000000"},
		{func(r *results.Report) { r.Collections[1].Tracks[1].Spans[1].Start = 0.2 }, "collections[1].tracks[1].spans[1]: 0.2 to 0.384: ends before it starts"},
		{func(r *results.Report) { r.Collections[0].Interrupts[0].Delays[0].Count = 0 }, "collections[0].interrupts[0].delays[0]: 0 activations from 0.0001 s on, served at 0.2501 s: out of order"},
		{func(r *results.Report) { r.Collections[0].Interrupts[0].Delays[0].Count = 2600 }, "collections[0].interrupts[0].delays[0]: 2600 activations"},
	} {
		r := sample.Report()
		c.change(r)
		if err := results.Check(r); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

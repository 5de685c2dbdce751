package results_test

import (
	"slices"
	"testing"

	"dualbank/results"
)

func TestPercentileIsNearestRank(t *testing.T) {
	l := results.SetLatency{Plain: []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, GC: []float64{2.5}}.Merge()
	for _, c := range []struct{ q, want float64 }{{0.5, 4}, {0.99, 9}, {1, 9}, {0, 1}, {0.1, 1}, {0.2, 2}, {0.3, 2.5}} {
		if got := l.Quantile(c.q); got != c.want {
			t.Errorf("quantile(%v) = %v, want %v", c.q, got, c.want)
		}
	}
	if !slices.Equal(l.GC, []bool{false, false, true, false, false, false, false, false, false, false}) {
		t.Errorf("GC marks %v", l.GC)
	}
}

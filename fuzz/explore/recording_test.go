package explore

import (
	"slices"
	"testing"

	"dualbank/model"
)

func TestSampling(t *testing.T) {
	r := &Recording{Steps: 1010}
	r.Calls = []Call{{First: 0, Size: 1000, step: 1, Kind: model.Program}, {First: 1000, Size: 5120, step: 512, Kind: model.Erase}}
	all, what := r.Pick(0, 1)
	if len(all) != 1010 || what != "every step" {
		t.Errorf("%d steps, %s", len(all), what)
	}
	some, what := r.Pick(100, 1)
	if len(some) < 90 || len(some) > 130 || what == "every step" || !slices.IsSorted(some) {
		t.Errorf("%d steps, %s", len(some), what)
	}
	for _, s := range []uint64{0, 3, 996, 999, 1000, 1009} {
		if !slices.Contains(some, s) {
			t.Errorf("step %d is left out", s)
		}
	}
}

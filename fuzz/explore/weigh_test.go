package explore_test

import (
	"slices"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
)

// TestWeigh: every step's time is counted once, whichever steps are chosen; steps that are all chosen have their own.
func TestWeigh(t *testing.T) {
	f, err := model.New(model.Config{Part: part.Plain("plain", 0, []uint32{512, 512}, cell.AND), Unit: 1})
	if err != nil {
		t.Fatal(err)
	}
	r := explore.Record(f)
	f.Erase(0, 512)
	f.Program(0, make([]byte, 10))
	f.Erase(0, 1024)
	f.Program(512, make([]byte, 3))
	f.Observe(nil)
	took := func(c *explore.Call) uint64 {
		if c.Kind == model.Erase {
			return 1000
		}
		return 7
	}
	const total = 3*1000 + 13*7
	var all []uint64
	for i := range r.Steps {
		all = append(all, i)
	}
	for _, tt := range []struct{ steps, want []uint64 }{
		{[]uint64{0}, []uint64{total}},
		{[]uint64{0, 12}, []uint64{1000, 10*7 + 2*1000 + 3*7}},
		{[]uint64{0, 1, 5, 11, 12, 13}, []uint64{1000, 7, 4 * 7, 5*7 + 1000, 1000, 3 * 7}},
		{all, nil},
	} {
		got := explore.Weigh(r, tt.steps, took)
		sum := uint64(0)
		for i, w := range got {
			sum += w
			if tt.want == nil && w != took(r.Call(tt.steps[i])) {
				t.Errorf("step %d has %d", i, w)
			}
		}
		if sum != total || tt.want != nil && !slices.Equal(got, tt.want) {
			t.Errorf("steps %v: %v, in all %d of %d, want %v", tt.steps, got, sum, total, tt.want)
		}
	}
}

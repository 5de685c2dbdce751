package kv

import (
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/internal/long"
)

// TestMinimize: what comes out is smaller, breaks the same rule in the same way, and replays.
func TestMinimize(t *testing.T) {
	long.Test(t)
	s := sweep(t, Sweep{Device: small, Seed: 2, Collections: 3, MaxCuts: 2500})
	ops, left := 0, 0
	for _, f := range s.Findings {
		before := f.Case.Len()
		f.Minimize(200, explore.Env{})
		ops += before
		left += f.Case.Len()
		if f.Case.Len() > before {
			t.Errorf("%s: %d operations became %d", f.ID, before, f.Case.Len())
		}
		shows(t, &f, nil)
		if f.Symptom.String() == "the store does not open: READ_FAILED" && f.Place.Op == "set" && f.Case.Len() > 2 {
			t.Errorf("%s: one or two operations are enough, %d are left", f.ID, f.Case.Len())
		}
	}
	// What needs a full area to show keeps the operations that fill it.
	if left*2 > ops {
		t.Errorf("%d operations of %d are left over all findings", left, ops)
	}
}

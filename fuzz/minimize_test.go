package fuzz

import (
	"io"
	"testing"
)

// TestMinimize: what comes out is smaller, breaks the same rule in the same way, and replays.
func TestMinimize(t *testing.T) {
	s := sweep(t, KVSweep{Device: small, Seed: 1, Collections: 3, MaxCuts: 2500})
	ops, left := 0, 0
	for _, f := range s.Findings {
		before := len(f.KV.Ops)
		f.Minimize(200)
		ops += before
		left += len(f.KV.Ops)
		if len(f.KV.Ops) > before {
			t.Errorf("%s: %d operations became %d", f.ID, before, len(f.KV.Ops))
		}
		if broken, err := f.Replay(io.Discard); err != nil || !broken {
			t.Errorf("%s (%s): the minimised case: broken %v, %v", f.ID, f.Symptom, broken, err)
		}
		if f.Symptom == "the store does not open: READ_FAILED" && f.Place.Op == "set" && len(f.KV.Ops) > 2 {
			t.Errorf("%s: one or two operations are enough, %d are left", f.ID, len(f.KV.Ops))
		}
	}
	// What needs a full area to show keeps the operations that fill it.
	if left*2 > ops {
		t.Errorf("%d operations of %d are left over all findings", left, ops)
	}
}

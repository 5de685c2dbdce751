package fuzz

import (
	"context"
	"strings"

	"dualbank/kvstore"
)

// T is what Explore needs of a *testing.T.
type T interface {
	Helper()
	Errorf(format string, args ...any)
}

// Explore sweeps a store of your own in an ordinary Go test: store makes it on a device, c says on
// which device, with which seed and modes. Every finding is an error of the test that tells what to
// replay.
func Explore(t T, store func(kvstore.BlockDevice) kvstore.Store, c KVSweep) {
	t.Helper()
	c.New = store
	s, err := SweepKV(context.Background(), c, nil)
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	for i := range s.Findings {
		f := &s.Findings[i]
		var story strings.Builder
		if broken, err := f.ReplayOn(store, &story); err != nil || !broken {
			t.Errorf("%s: %d cuts break rule %d, but not when replayed (%v): is the store a function of its flash?", f.Symptom, f.Count, f.Rule, err)
			continue
		}
		t.Errorf("%d cuts\n%s", f.Count, &story)
	}
}

package sut

import (
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/kvstore"
)

// TestRepairsHaveWords: whatever may be the cause of a finding has a sentence for what goes wrong and one for the cure.
func TestRepairsHaveWords(t *testing.T) {
	n := 0
	for r := range kvstore.AllRepairs.Each() {
		n++
		if m := explore.RemedyByName(r.String()); m == nil || m.What == "" || m.Cure == "" || m.Environment {
			t.Errorf("repair %v has no words: add it to remedies.go", r)
		}
	}
	if n != len(repairs) {
		t.Errorf("%d repairs, words for %d: remove what is gone from remedies.go", n, len(repairs))
	}
}

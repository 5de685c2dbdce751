package kvstore

import (
	"slices"
	"testing"
)

func TestRepairNames(t *testing.T) {
	if n := len(slices.Collect(AllRepairs.Each())); n != len(repairNames) {
		t.Fatalf("%d repairs, %d names", n, len(repairNames))
	}
	seen := map[string]bool{}
	for r := range AllRepairs.Each() {
		if back, err := ParseRepairs(r.String()); err != nil || back != r || seen[r.String()] {
			t.Errorf("%q is read as %v, %v", r, back, err)
		}
		seen[r.String()] = true
	}
	if r := RepairLock.With(RepairLogTail).Without(RepairLock); r != RepairLogTail || r.Has(RepairLock) {
		t.Errorf("With and Without: %v", r)
	}
	if r, err := ParseRepairs("all"); err != nil || r != AllRepairs {
		t.Errorf("all: %v, %v", r, err)
	}
	if r, err := ParseRepairs("lock,log-tail"); err != nil || r != RepairLock|RepairLogTail {
		t.Errorf("two: %v, %v", r, err)
	}
	if _, err := ParseRepairs("lock,lokc"); err == nil {
		t.Error("lokc is no repair")
	}
}

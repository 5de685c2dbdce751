package kv

import (
	"slices"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/kvstore"
	"dualbank/model"
)

// TestCleanCase: a clean case is the same without what its store has beside the reference, and leaves the case as it is.
func TestCleanCase(t *testing.T) {
	c := &Case{Profile: "MbedCE", Defects: kvstore.DefectNoReadBack, Repairs: kvstore.RepairLock, After: kvstore.RepairLogTail, Judge: JudgeWalk}
	clean := c.Clean().(*Case)
	if clean.Defects != 0 || clean.Repairs != 0 || clean.After != 0 || clean.Judge != JudgeWalk || c.Defects == 0 || c.Repairs == 0 || c.After == 0 {
		t.Errorf("%+v of %+v", clean, c)
	}
}

// TestRepairsAfter: only a case that is judged after a fault or an attack has repairs after it.
func TestRepairsAfter(t *testing.T) {
	for _, judge := range judges {
		c := &Case{Judge: judge}
		want := judge != JudgeLive && judge != JudgeWatchdog
		if _, ok := c.With([]string{kvstore.RepairLock.String()}, true); ok != want {
			t.Errorf("judge %s: %v, want %v", judge, ok, want)
		}
		with, ok := c.With([]string{kvstore.RepairLock.String()}, false)
		if !ok || with.(*Case).Repairs != kvstore.RepairLock || with.(*Case).After != 0 {
			t.Errorf("judge %s: %+v", judge, with)
		}
	}
}

// TestShrinkKeepsTheLast: however small a case gets, the step that is judged stays, with its fault if it has to have one.
func TestShrinkKeepsTheLast(t *testing.T) {
	plain := func(key string) script.Step {
		return script.Step{Op: script.Op{Kind: script.Set, Key: key, Size: 100}}
	}
	fault := plain("last")
	fault.Fault = explore.Fault{Mode: model.Fail, At: 7}
	attack := script.Step{Attack: &script.Attack{What: attackRemove, Key: "a"}}
	for _, c := range []struct {
		name  string
		judge string
		last  script.Step
		left  int
	}{
		{"error", JudgeError, fault, 1},
		{"cut", JudgeCut, fault, 1},
		{"cut without a fault", JudgeCut, plain("last"), 0},
		{"live", JudgeLive, plain("last"), 1},
		{"attack", JudgeAttack, attack, 1},
		{"walk", JudgeWalk, fault, 0},
		{"watchdog", JudgeWatchdog, plain("last"), 1},
	} {
		k := &Case{Judge: c.judge, Keys: []string{"a", "b", "last"}, Steps: []script.Step{plain("a"), plain("b"), c.last}}
		var got *Case
		k.Shrink(func(o explore.Case) bool {
			got = o.(*Case)
			if n := len(got.Steps); c.left == 1 && (n == 0 || got.Steps[n-1].Key != c.last.Key || (got.Steps[n-1].Fault.Mode == nil) != (c.last.Fault.Mode == nil) && c.judge == JudgeError) {
				t.Errorf("%s: a case without its last step is tried: %v", c.name, got.Steps)
			}
			return true
		})
		if got == nil || len(got.Steps) != c.left || len(k.Steps) != 3 {
			t.Errorf("%s: %v is left, want %d steps", c.name, got, c.left)
			continue
		}
		if want := script.Keys(got.Steps); len(want) > 0 && !slices.Equal(got.Keys, want) {
			t.Errorf("%s: keys %q are left, want %q", c.name, got.Keys, want)
		}
	}
}

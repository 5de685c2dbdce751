package edge

import (
	"slices"
	"strings"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/model"
)

// resets cuts a reset at every step: of a store with either area active, and of a SecureStore whose keys are protected
// in all ways. All keys are there then, or none, and the store works. A trial has the steps of one place.
func resets(t *trial, n int) (bool, error) {
	type kind struct {
		device      explore.Device
		secure      bool
		collections int
	}
	secure := explore.Device{Sectors: "24x512", Unit: 8, Size: 12288}
	kinds := []kind{{small(8), false, 0}, {small(8), false, 1}, {small(8), false, 2}, {small(1), false, 2}, {secure, true, 0}, {secure, true, 2}}
	const most = 4 // erases and programs in two stores
	if n >= len(kinds)*most {
		return false, nil
	}
	k, n := kinds[n/most], n%most
	keys := script.ResetKeys
	if k.secure {
		keys = script.SecureResetKeys
	}
	ops := script.ToReset(1, k.collections, keys)
	steps := script.Steps(ops)
	s, err := t.open(&k.device, k.secure, script.Keys(steps), sut.LongestValue(steps))
	if err != nil {
		return false, err
	}
	last := len(ops) - 1
	for i := range last {
		if s.perform(&ops[i]) != nil && ops[i].Kind != script.Reserved { // which a SecureStore has its root of trust in
			return true, nil
		}
	}
	software := func(dev kvstore.BlockDevice) sut.Store { return kvstore.NewTDB(dev, t.c.options()) }
	if k.secure {
		software = func(dev kvstore.BlockDevice) sut.Store { return sut.NewSecureStore(dev, t.c.options()) }
	}
	fork, err := sut.NewRun(s.F, &k.device, software, script.Keys(steps), nil, sut.LongestValue(steps))
	if err != nil {
		return false, err
	}
	fork.Own = s.Own
	var hits []string // what each step of the reset changes
	s.F.Mark()
	s.F.Boot()
	if fork.Store.Open() != nil {
		return true, nil
	}
	s.F.Observe(func(e *model.Event) {
		what := e.Kind.String()
		if k.secure {
			what += " " + sut.SecurePart(&k.device, e.Addr)
		}
		for range e.Steps {
			if e.Kind != model.Read {
				hits = append(hits, what)
			}
		}
	})
	err = sut.Do(&ops[last], fork.Store, s.F)
	s.F.Observe(nil)
	s.F.Rollback()
	if err != nil {
		return true, nil
	}
	place := []string{"erase internal", "program internal", "erase external", "program external"}[n]
	if !k.secure {
		place, _, _ = strings.Cut(place, " ")
	}
	if n > 1 && !k.secure || !slices.Contains(hits, place) {
		return true, nil
	}
	t.part("cut in %s", place)
	for at, hit := range hits {
		if hit != place {
			continue
		}
		for m, mode := range plainModes {
			t.cuts++
			s.F.Mark()
			fork.Exp.CopyFrom(&s.Exp)
			fork.Before.CopyFrom(&s.Exp)
			if fork.Reopen(sut.RuleOpens, "clean-reboot") {
				step := script.Step{Op: ops[last], Fault: explore.Fault{Mode: mode, At: uint64(at), Seed: uint64(4*at + m)}}
				done := fork.Perform(&step)
				fork.Expect(&step, done)
				if fork.Resetting = true; done.Off && fork.Reopen(sut.RuleOpens, "") {
					fork.Look("")
				}
			}
			t.take(fork.Bad)
			fork.Bad = nil
			s.F.Rollback()
		}
	}
	return true, nil
}

package cause

import (
	"io"
	"slices"

	"dualbank/fuzz/explore"
)

// seeds is how many seeds a remedy must hold with where cells read differently from time to time.
const seeds = 20

// near bounds the steps at which a fault is tried that a repair may have moved.
const near = 24

// trial is a case under changes.
type trial struct {
	c    explore.Curable
	want explore.Symptom
	base []explore.Symptom // what the case shows as it is
	as   explore.Violation // of these the one that is wanted
	free bool              // faults may be anywhere in the case, and what follows them, too
	env  explore.Env
}

// newTrial replays c as it is. ok is false if it does not show the symptom.
func newTrial(c explore.Curable, want explore.Symptom, env explore.Env) (t *trial, ok bool) {
	env.Want = nil
	t = &trial{c: c, want: want, env: env}
	re, err := c.Replay(io.Discard, env)
	if err != nil {
		return t, false
	}
	t.free = re.Moves
	for _, v := range re.Bad {
		t.base = append(t.base, v.Symptom)
		if v.Symptom == want {
			t.as = v
		}
	}
	return t, slices.Contains(t.base, want)
}

// shows reports whether a changed case breaks the rule in the same way still: with the same symptom, or with one of
// the same kind at the same moment that it did not have before. An error is of a case that cannot be run.
func (t *trial) shows(c explore.Case) (bool, error) {
	re, err := c.Replay(io.Discard, t.env)
	if err != nil {
		return false, err
	}
	for _, v := range re.Bad {
		s := v.Symptom
		if s == t.want || s.Rule == t.want.Rule && s.Kind == t.want.Kind && s.When == t.want.When && !slices.Contains(t.base, s) {
			return true, nil
		}
	}
	return false, nil
}

// without reports whether no seed of c shows the symptom. Only what is left to chance needs more than one.
func (t *trial) without(c explore.Case, chance bool) bool {
	shows, err := t.shows(c)
	if err != nil || shows {
		return false
	}
	again, ok := c.(explore.Curable)
	for n := uint64(1); chance && ok && n < seeds; n++ {
		if shows, err := t.shows(again.Again(n)); err != nil || shows {
			return false
		}
	}
	return true
}

// environment returns the remedy of the environment that removes the symptom; "": none does.
func (t *trial) environment() string {
	for _, name := range t.c.Remedies() {
		if !environmental(name) {
			continue
		}
		if c, ok := t.c.With([]string{name}, false); ok && t.without(c, true) {
			return name
		}
	}
	return ""
}

// environmental reports whether a remedy changes what the software runs on.
func environmental(name string) bool {
	r := explore.RemedyByName(name)
	return r != nil && r.Environment
}

// repairs are the names of the repairs that can be tried where the environment removes the symptom, too (within), or
// does not ("").
func (t *trial) repairs(within string) []string {
	return slices.DeleteFunc(slices.Clone(t.c.Remedies()), func(name string) bool {
		r := explore.RemedyByName(name)
		return r != nil && (r.Environment || r.For != "" && r.For != within)
	})
}

// undecided reports whether a fault leaves cells that read differently from read to read.
func (t *trial) undecided() bool { return class(t.c.Modes()) == "weak" }

// late reports whether repairs that work from the boot after the fault on remove the symptom.
func (t *trial) late(names ...string) bool {
	c, ok := t.c.With(names, true)
	return ok && t.without(c, t.undecided())
}

// early reports whether repairs that work from the start remove the symptom. They may move the steps, so the fault is
// tried at every step that does the same.
func (t *trial) early(names ...string) bool {
	c, ok := t.c.With(names, false)
	if !ok {
		return false
	}
	if shows, _ := t.shows(c); shows {
		return false
	}
	tried := 0
	for other := range c.(explore.Curable).Near() {
		if tried++; !t.without(other, t.undecided()) {
			return false
		}
		if tried == near {
			break
		}
	}
	return tried > 0
}

// cures are the repairs that remove the symptom alone: those that do after the fault, if any does.
func (t *trial) cures(within string) (names []string) {
	for _, removes := range []func(...string) bool{t.late, t.early} {
		for _, name := range t.repairs(within) {
			if removes(name) {
				names = append(names, name)
			}
		}
		if names != nil {
			break
		}
	}
	return names
}

// pair is the first pair of repairs that removes the symptom.
func (t *trial) pair(within string) (names []string) {
	all := t.repairs(within)
	for _, removes := range []func(...string) bool{t.late, t.early} {
		for i, a := range all {
			for _, b := range all[i+1:] {
				if removes(a, b) {
					return []string{a, b}
				}
			}
		}
	}
	return nil
}

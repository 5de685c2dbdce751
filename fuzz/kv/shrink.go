package kv

import (
	"slices"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
)

// Shrink offers cases with fewer steps, smaller values, simpler faults and fewer keys.
func (c *Case) Shrink(try func(explore.Case) bool) {
	s := &shrinker{Shrinker: explore.Shrinker[*Case]{Now: c, Try: try, Copy: (*Case).clone}}
	if last := len(c.Steps) - 1; c.Judge != JudgeWalk && (c.Judge != JudgeCut || c.Steps[last].Fault.Mode != nil) {
		s.fixed = 1 // the last step is the one that is judged
	}
	for again := true; again; {
		again = s.steps()
		if c.Judge == JudgeWatchdog {
			break // a replay takes long, and what is in the values does not matter
		}
		again = again || s.values()
		again = s.faults() || again
	}
	s.keys()
}

// shrinker makes a case smaller, step by step.
type shrinker struct {
	explore.Shrinker[*Case]
	fixed int // steps at the end that must stay
}

// steps leaves out steps.
func (s *shrinker) steps() bool {
	return explore.Shorten(len(s.Now.Steps)-s.fixed, func(from, to int) bool {
		return s.With(func(c *Case) { c.Steps = slices.Delete(c.Steps, from, to) })
	})
}

// values makes values smaller.
func (s *shrinker) values() (smaller bool) {
	for i := range s.Now.Steps {
		for step := range s.Now.Steps[i].Smaller() {
			if s.With(func(c *Case) { c.Steps[i] = step }) {
				smaller = true
				break
			}
		}
	}
	return smaller
}

// faults leaves out faults, and makes those that stay simpler.
func (s *shrinker) faults() (smaller bool) {
	for i := range s.Now.Steps {
		step := &s.Now.Steps[i]
		if step.Fault.Mode == nil {
			continue
		}
		if s.Now.Judge == JudgeWalk && s.With(func(c *Case) { c.Steps[i].Fault, c.Steps[i].Then = explore.Fault{}, nil }) {
			smaller = true
			continue
		}
		if len(step.Then) > 0 && s.With(func(c *Case) { c.Steps[i].Then = nil }) {
			smaller = true
		}
		smaller = step.Fault.Simplify(func(f explore.Fault) bool {
			return s.With(func(c *Case) { c.Steps[i].Fault = f })
		}) || smaller
	}
	return smaller
}

// keys forgets those that no step uses.
func (s *shrinker) keys() {
	used := script.Keys(s.Now.Steps)
	unused := func(k string) bool { return !slices.Contains(used, k) }
	if !slices.ContainsFunc(s.Now.Keys, unused) || len(used) == 0 {
		return
	}
	s.With(func(c *Case) {
		c.Keys = slices.DeleteFunc(slices.Clone(c.Keys), unused)
		c.Once = slices.DeleteFunc(slices.Clone(c.Once), unused)
	})
}

package update

import (
	"slices"

	"dualbank/fuzz/explore"
)

// Shrink offers cases with fewer steps, fewer and simpler faults, and smaller images. What a watchdog resets
// stays as it is: its time is what matters.
func (c *Case) Shrink(try func(explore.Case) bool) {
	s := &shrinker{Shrinker: explore.Shrinker[*Case]{Now: c, Try: try, Copy: (*Case).clone}}
	switch c.Judge {
	case JudgeWalk:
		s.free = true
	case JudgeWatchdog:
		return
	}
	for again := true; again; {
		again = s.steps()
		again = s.fewerFaults() || again
		if c.Judge != JudgeLife { // a life shows where sizes matter
			again = s.images() || again
		}
		again = s.simplerFaults() || again
	}
}

// shrinker makes a case smaller, step by step.
type shrinker struct {
	explore.Shrinker[*Case]
	free bool // every step and fault may be left out; else the last one is what is judged
}

// steps leaves out steps. An update that is cut needs all of them.
func (s *shrinker) steps() bool {
	n := len(s.Now.Steps)
	switch {
	case s.Now.Judge == JudgeCut:
		return false
	case !s.free:
		n--
	}
	return explore.Shorten(n, func(from, to int) bool {
		return s.With(func(c *Case) { c.Steps = slices.Delete(c.Steps, from, to) })
	})
}

// fewerFaults leaves out faults: those of the boots after a fault, or a fault with these.
func (s *shrinker) fewerFaults() (smaller bool) {
	for i := range s.Now.Steps {
		if s.Now.Steps[i].Fault.Mode == nil {
			continue
		}
		if s.free && s.With(func(c *Case) { c.Steps[i].Fault, c.Steps[i].In, c.Steps[i].Then = explore.Fault{}, "", nil }) {
			smaller = true
			continue
		}
		if len(s.Now.Steps[i].Then) > 0 && s.With(func(c *Case) { c.Steps[i].Then = nil }) {
			smaller = true
		}
	}
	return smaller
}

// images makes images smaller, those that are downloaded and then the first one.
func (s *shrinker) images() (smaller bool) {
	for i := range s.Now.Steps {
		if s.Now.Steps[i].Do == Download && s.image(func(c *Case) *uint32 { return &c.Steps[i].Size }) {
			smaller = true
		}
	}
	return s.image(func(c *Case) *uint32 { return &c.First }) || smaller
}

// image makes the image smaller whose size is where of says.
func (s *shrinker) image(of func(c *Case) *uint32) bool {
	now := *of(s.Now)
	for _, n := range []uint32{1, now / 2} {
		if n == 0 || n >= now {
			continue
		}
		// A smaller image has fewer steps: the cut may have to move along.
		moved := func(c *Case) {
			*of(c) = n
			last := &c.Steps[len(c.Steps)-1]
			last.Fault.At = last.Fault.At * uint64(n) / uint64(now)
		}
		if s.With(func(c *Case) { *of(c) = n }) || s.Now.Judge == JudgeCut && s.With(moved) {
			return true
		}
	}
	return false
}

// simplerFaults tries simpler modes and earlier steps for faults.
func (s *shrinker) simplerFaults() (smaller bool) {
	for i := range s.Now.Steps {
		smaller = s.Now.Steps[i].Fault.Simplify(func(f explore.Fault) bool {
			return s.With(func(c *Case) { c.Steps[i].Fault = f })
		}) || smaller
	}
	return smaller
}

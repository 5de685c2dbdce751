package explore

import (
	"io"
	"slices"

	"dualbank/model"
)

// Minimize looks for a simpler case that breaks the same rule in the same way and place. It replays at most
// tries cases, keeps the best, and returns how many it replayed.
func (f *Finding) Minimize(tries int, env Env) int { return f.MinimizeIf(tries, env, nil) }

// MinimizeIf is Minimize with the cases alone that keep takes, too; nil: all.
func (f *Finding) MinimizeIf(tries int, env Env, keep func(Case) bool) int {
	m := &minimizer{f: f, env: env, keep: keep, left: tries}
	m.env.Want = nil
	if !m.try(f.Case) {
		return 1
	}
	f.Case.Shrink(m.try)
	return tries - m.left
}

type minimizer struct {
	f    *Finding
	env  Env
	keep func(Case) bool
	left int
}

// try replays c and keeps it if it breaks the rule as the finding does.
func (m *minimizer) try(c Case) bool {
	if m.left == 0 {
		return false
	}
	m.left--
	re, err := c.Replay(io.Discard, m.env)
	if err != nil {
		return false
	}
	for _, v := range re.Bad {
		if v.Symptom != m.f.Symptom {
			continue
		}
		place := m.f.Place
		if re.Where != nil {
			if p, known := re.Where(v); known {
				place = p
			}
		}
		if place != m.f.Place && !re.Moves {
			continue
		}
		if m.keep != nil && !m.keep(c) {
			return false
		}
		m.f.Case, m.f.Place, m.f.Expected, m.f.Seen = c, place, v.Expected, v.Seen
		if re.Moves {
			m.f.Modes = slices.Sorted(slices.Values(re.Modes))
		}
		return true
	}
	return false
}

// Shrinker makes a case smaller, change by change: the Shrink methods of the cases are built on it.
type Shrinker[C Case] struct {
	Now  C               // the smallest case that was taken
	Try  func(Case) bool // offers a case, and reports whether it is taken
	Copy func(C) C       // returns a case that may be changed while C stays
}

// With offers a copy of the case with a change, and reports whether it was taken.
func (s *Shrinker[C]) With(change func(C)) bool {
	c := s.Copy(s.Now)
	change(c)
	if !s.Try(c) {
		return false
	}
	s.Now = c
	return true
}

// Shorten leaves out runs of the first n steps, long runs first. without offers the case without the steps
// from one to another, and reports whether it was taken; n is then less by so many.
func Shorten(n int, without func(from, to int) bool) (smaller bool) {
	for run := n; run > 0; run /= 2 {
		for from := 0; from+run <= n; {
			if without(from, from+run) {
				smaller = true
				n -= run
				continue
			}
			from += run
		}
	}
	return smaller
}

// Simplify tries simpler modes and earlier steps for a fault. with offers the case with another fault, and
// reports whether it was taken.
func (f Fault) Simplify(with func(Fault) bool) (smaller bool) {
	if f.Mode == nil {
		return false
	}
	take := func(g Fault) bool {
		if !with(g) {
			return false
		}
		f, smaller = g, true
		return true
	}
	for _, mode := range []model.Mode{model.Before, model.After} {
		if f.Mode == mode || f.Mode == model.Fail {
			break
		}
		if take(Fault{Mode: mode, At: f.At}) {
			break
		}
	}
	for at := f.At / 2; at < f.At; at += max(1, (f.At-at)/2) {
		if take(Fault{Mode: f.Mode, At: at, Seed: f.Seed}) {
			at = f.At / 2
		}
	}
	return smaller
}

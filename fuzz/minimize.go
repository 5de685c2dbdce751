package fuzz

import (
	"io"
	"slices"

	"dualbank/model"
)

// Minimize looks for a smaller case that breaks the same rule in the same way and place: fewer operations,
// smaller values, fewer keys, an earlier cut, a simpler mode; for an update smaller images, for a life fewer
// events; for an input fewer bytes. It replays at most tries cases and keeps the best. It returns how many it replayed. Findings of
// stores of your own are left as they are.
func (f *Finding) Minimize(tries int) int {
	if f.KV != nil && f.KV.Profile == ownStore {
		return 0
	}
	if f.Input != nil {
		return f.minimizeInput(tries)
	}
	m := &minimizer{f: f, left: tries}
	if !m.breaks(*f) {
		return 1
	}
	switch {
	case f.KV != nil:
		m.workload()
	case f.Update != nil:
		m.update()
	case f.Life != nil:
		m.life()
	case f.Watchdog != nil:
		m.watchdog()
	}
	return tries - m.left
}

// Length is the number of operations of the finding's case, of events of a life, of bytes of an update's
// images or of an input.
func (f *Finding) Length() int {
	switch {
	case f.KV != nil:
		return len(f.KV.Ops)
	case f.Life != nil:
		return len(f.Life.Steps)
	case f.Update != nil:
		return int(f.Update.Old) + int(f.Update.New)
	case f.Watchdog != nil:
		return len(f.Watchdog.Ops) + int(f.Watchdog.New)
	case f.Input != nil:
		return len(f.Input.Bytes) / 2
	}
	return 0
}

type minimizer struct {
	f    *Finding
	left int
}

// breaks replays c and keeps it if it breaks the rule as the finding does.
func (m *minimizer) breaks(c Finding) bool {
	if m.left == 0 {
		return false
	}
	m.left--
	re, _, err := c.replay(nil, io.Discard)
	if err != nil {
		return false
	}
	for _, v := range re.bad {
		if v.Rule == m.f.Rule && v.Symptom == m.f.Symptom && m.placed(re, v) {
			c.Expected, c.Seen = v.Expected, v.Seen
			*m.f = c
			return true
		}
	}
	return false
}

// placed tells that v shows where the finding does, as far as that is known.
func (m *minimizer) placed(re *replayed, v Violation) bool {
	if re.where == nil {
		return true
	}
	p, known := re.where(v)
	return !known || p == m.f.Place
}

// shorten leaves out runs of the operations before number last, long runs first. without keeps the case
// without those from one to another, if it still breaks the rule.
func (m *minimizer) shorten(last func() int, without func(from, to int) bool) (smaller bool) {
	for n := last(); n > 0; n /= 2 {
		for from := 0; from+n <= last(); {
			if without(from, from+n) {
				smaller = true
				continue
			}
			from += n
		}
		if m.left == 0 {
			return smaller
		}
	}
	return smaller
}

// cut tries simpler modes and earlier steps for the cut that at finds in a case.
func (m *minimizer) cut(with func(f Finding, change func(*CutCase)) Finding, at func() CutCase) (smaller bool) {
	if at().Mode == noCut {
		return false
	}
	for _, mode := range []model.Mode{model.Before, model.After} {
		if at().Mode == mode.String() {
			break
		}
		if m.breaks(with(*m.f, func(c *CutCase) { c.Mode, c.Seed = mode.String(), 0 })) {
			smaller = true
			break
		}
	}
	for step := at().Step / 2; step < at().Step && m.left > 0; step += max(1, (at().Step-step)/2) {
		if m.breaks(with(*m.f, func(c *CutCase) { c.Step = step })) {
			smaller = true
			step = at().Step / 2
		}
	}
	return smaller
}

// workload makes a case of the KVStore smaller.
func (m *minimizer) workload() {
	cut := func(f Finding, change func(*CutCase)) Finding {
		return withKV(f, func(c *KVCase) { change(&c.Cut) })
	}
	for again := true; again && m.left > 0; {
		again = m.operations() || m.values()
		again = m.cut(cut, func() CutCase { return m.f.KV.Cut }) || again
	}
	m.keys()
}

// withKV is f with a case that is changed.
func withKV(f Finding, change func(c *KVCase)) Finding {
	c := *f.KV
	change(&c)
	f.KV = &c
	return f
}

// operations removes operations before the one that is cut.
func (m *minimizer) operations() (smaller bool) {
	return m.shorten(func() int { return m.f.KV.Cut.Op }, func(from, to int) bool {
		return m.breaks(withKV(*m.f, func(c *KVCase) {
			c.Ops = slices.Delete(slices.Clone(c.Ops), from, to)
			c.Cut.Op -= to - from
		}))
	})
}

// values halves the sizes of values.
func (m *minimizer) values() (smaller bool) {
	for i := range m.f.KV.Ops {
		for _, size := range []int{0, 1, m.f.KV.Ops[i].Size / 2} {
			if size >= m.f.KV.Ops[i].Size {
				continue
			}
			if m.breaks(withKV(*m.f, func(c *KVCase) {
				c.Ops = slices.Clone(c.Ops)
				c.Ops[i].Size = size
				c.Ops[i].Piece = min(c.Ops[i].Piece, size)
			})) {
				smaller = true
				break
			}
		}
	}
	return smaller
}

// keys forgets those that no operation uses.
func (m *minimizer) keys() {
	used := keysOf(m.f.KV.Ops)
	unused := func(k string) bool { return !slices.Contains(used, k) }
	if !slices.ContainsFunc(m.f.KV.Keys, unused) || !slices.ContainsFunc(m.f.KV.Keys, func(k string) bool { return !unused(k) }) {
		return
	}
	m.breaks(withKV(*m.f, func(c *KVCase) {
		c.Keys = slices.DeleteFunc(slices.Clone(c.Keys), unused)
		c.Once = slices.DeleteFunc(slices.Clone(c.Once), unused)
	}))
}

package fuzz

import (
	"io"
	"slices"

	"dualbank/model"
)

// Minimize looks for a smaller case that breaks the same rule in the same way: fewer operations,
// smaller values, fewer keys, an earlier cut, a simpler mode. It replays at most tries cases and
// keeps the best. It returns how many it replayed. Findings of updates and of stores of your own are
// left as they are.
func (f *Finding) Minimize(tries int) int {
	if f.KV == nil || f.KV.Profile == ownStore {
		return 0
	}
	m := &minimizer{f: f, left: tries}
	if !m.breaks(*f.KV) {
		return 1
	}
	for again := true; again && m.left > 0; {
		again = m.operations() || m.values()
		again = m.cut() || again
	}
	m.keys()
	return tries - m.left
}

type minimizer struct {
	f    *Finding
	left int
}

// breaks replays c and keeps it if it breaks the rule as the finding does.
func (m *minimizer) breaks(c KVCase) bool {
	if m.left == 0 {
		return false
	}
	m.left--
	re, err := c.replay(io.Discard, nil)
	if err != nil {
		return false
	}
	for _, v := range re.bad {
		if v.Rule == m.f.Rule && v.Symptom == m.f.Symptom {
			m.f.Expected, m.f.Seen = v.Expected, v.Seen
			*m.f.KV = c
			return true
		}
	}
	return false
}

// operations removes runs of operations before the one that is cut, long runs first.
func (m *minimizer) operations() (smaller bool) {
	for n := m.f.KV.Cut.Op; n > 0; n /= 2 {
		for from := 0; from+n <= m.f.KV.Cut.Op; {
			c := *m.f.KV
			c.Ops = slices.Delete(slices.Clone(c.Ops), from, from+n)
			c.Cut.Op -= n
			if m.breaks(c) {
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

// values halves the sizes of values.
func (m *minimizer) values() (smaller bool) {
	for i := range m.f.KV.Ops {
		for _, size := range []int{0, 1, m.f.KV.Ops[i].Size / 2} {
			if size >= m.f.KV.Ops[i].Size {
				continue
			}
			c := *m.f.KV
			c.Ops = slices.Clone(c.Ops)
			c.Ops[i].Size = size
			c.Ops[i].Piece = min(c.Ops[i].Piece, size)
			if m.breaks(c) {
				smaller = true
				break
			}
		}
	}
	return smaller
}

// cut tries simpler modes and earlier steps.
func (m *minimizer) cut() (smaller bool) {
	if m.f.KV.Cut.Mode == noCut {
		return false
	}
	for _, mode := range []model.Mode{model.Before, model.After} {
		c := *m.f.KV
		if c.Cut.Mode == mode.String() {
			break
		}
		c.Cut.Mode, c.Cut.Seed = mode.String(), 0
		if m.breaks(c) {
			smaller = true
			break
		}
	}
	for step := m.f.KV.Cut.Step / 2; step < m.f.KV.Cut.Step && m.left > 0; step += max(1, (m.f.KV.Cut.Step-step)/2) {
		c := *m.f.KV
		c.Cut.Step = step
		if m.breaks(c) {
			smaller = true
			step = c.Cut.Step / 2
		}
	}
	return smaller
}

// keys forgets those that no operation uses.
func (m *minimizer) keys() {
	c := *m.f.KV
	used := keysOf(c.Ops)
	c.Keys = slices.DeleteFunc(slices.Clone(c.Keys), func(k string) bool { return !slices.Contains(used, k) })
	c.Once = slices.DeleteFunc(slices.Clone(c.Once), func(k string) bool { return !slices.Contains(used, k) })
	if len(c.Keys) > 0 {
		m.breaks(c)
	}
}

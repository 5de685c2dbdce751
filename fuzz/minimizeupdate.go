package fuzz

import "slices"

// update makes a case of an update smaller: without the second cut, with smaller images, an earlier cut.
func (m *minimizer) update() {
	with := func(f Finding, change func(c *UpdateCase)) Finding {
		c := *f.Update
		change(&c)
		f.Update = &c
		return f
	}
	cut := func(f Finding, change func(*CutCase)) Finding {
		return with(f, func(c *UpdateCase) { change(&c.Cut) })
	}
	if m.f.Update.Then != nil {
		m.breaks(with(*m.f, func(c *UpdateCase) { c.Then = nil }))
	}
	for again := true; again && m.left > 0; {
		again = false
		for _, size := range []func(*UpdateCase) *uint32{
			func(c *UpdateCase) *uint32 { return &c.New },
			func(c *UpdateCase) *uint32 { return &c.Old },
		} {
			now := *size(m.f.Update)
			for _, n := range []uint32{1, now / 2} {
				if n == 0 || n >= now {
					continue
				}
				// A smaller image has fewer steps: the cut may have to move along.
				moved := func(c *UpdateCase) {
					*size(c) = n
					c.Cut.Step = c.Cut.Step * uint64(n) / uint64(now)
				}
				if m.breaks(with(*m.f, func(c *UpdateCase) { *size(c) = n })) || m.breaks(with(*m.f, moved)) {
					again = true
					break
				}
			}
		}
		again = m.cut(cut, func() CutCase { return m.f.Update.Cut }) || again
	}
}

// life leaves out events before the last one.
func (m *minimizer) life() {
	m.shorten(func() int { return len(m.f.Life.Steps) - 1 }, func(from, to int) bool {
		c, f := *m.f.Life, *m.f
		c.Steps = slices.Delete(slices.Clone(c.Steps), from, to)
		f.Life = &c
		return m.breaks(f)
	})
}

// watchdog leaves out operations before the one that is reset. An update stays as large as it is: its time is
// what matters.
func (m *minimizer) watchdog() {
	m.shorten(func() int { return len(m.f.Watchdog.Ops) - 1 }, func(from, to int) bool {
		c, f := *m.f.Watchdog, *m.f
		c.Ops = slices.Delete(slices.Clone(c.Ops), from, to)
		f.Watchdog = &c
		return m.breaks(f)
	})
}

package update

import (
	"iter"
	"slices"

	"dualbank/boot"
	"dualbank/fuzz/explore"
)

// Remedies are the names of those that can be tried on the case.
func (c *Case) Remedies() (names []string) {
	names = append(c.On.Remedies(), explore.EnvironmentOf(c.Modes(), c.Watchdog)...)
	if c.Client == own && c.Loader == own {
		return names
	}
	for r := range boot.AllRepairs.Without(c.Boot.Repairs).Each() {
		names = append(names, r.String())
	}
	return names
}

// With is the case with further remedies. With late the repairs are those of the software that a device boots after
// the fault.
func (c *Case) With(names []string, late bool) (explore.Case, bool) {
	o := c.clone()
	for _, name := range names {
		if fault, dog, ok := explore.InEnvironment(name, c.Watchdog); ok {
			o.faults().Change(fault)
			o.Watchdog = dog
			continue
		}
		if on, ok := o.On.With(name); ok {
			o.On = on
			continue
		}
		r, err := boot.ParseRepairs(name)
		if err != nil || late && c.Judge != JudgeCut {
			return nil, false
		}
		if late {
			o.After = o.After.With(r)
		} else {
			o.Boot.Repairs = o.Boot.Repairs.With(r)
		}
	}
	return o, true
}

// faults are those of the case.
func (c *Case) faults() explore.Faults {
	return func(yield func(*explore.Fault, *[]explore.Fault) bool) {
		for i := range c.Steps {
			if !yield(&c.Steps[i].Fault, &c.Steps[i].Then) {
				return
			}
		}
	}
}

// Again is the case with other seeds of its faults.
func (c *Case) Again(n uint64) explore.Case {
	o := c.clone()
	o.faults().Change(func(f explore.Fault) explore.Fault { return f.Again(n) })
	return o
}

// Modes are those of the faults of the case.
func (c *Case) Modes() []string { return c.faults().Modes() }

// ECC reports whether the part has ECC.
func (c *Case) ECC() bool { return c.On.ECC() }

// Near yields the case with its fault at the steps of the same operation, from where it is outward.
func (c *Case) Near() iter.Seq[explore.Case] {
	return func(yield func(explore.Case) bool) {
		if c.Judge != JudgeCut {
			yield(c)
			return
		}
		last := len(c.Steps) - 1
		sweep, err := c.sweep(explore.Env{})
		if err != nil {
			return
		}
		sweep.New = c.Steps[0].Size
		u, err := record(sweep, installing(c.Steps[0].undisturbed()))
		if err != nil {
			return
		}
		op := opInstall
		if c.Steps[last].Do == Download {
			op = c.Steps[last].In.op()
		}
		i := slices.Index(operations, op)
		for at := range explore.Outward(c.Steps[last].Fault.At, u.rec.Ops[i+1]-u.rec.Ops[i]) {
			o := c.clone()
			o.Steps[last].Fault.At = at
			if !yield(o) {
				return
			}
		}
	}
}

package edge

import (
	"fmt"
	"io"
	"iter"
	"strings"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/update"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/part"
)

// Case is one trial of a probe, which runs from nothing.
type Case struct {
	Probe   string          `json:"probe"`                  // name of one of Probes
	Trial   int             `json:"trial"`                  // number of the trial, from 0 on
	Profile string          `json:"profile"`                // whose behaviour the stores show
	Repairs kvstore.Repairs `json:"repairs,omitempty"`      // of the stores, beside those of the profile
	Boot    boot.Repairs    `json:"boot_repairs,omitempty"` // of client and bootloader
	Defects explore.Planted `json:"defects,omitempty"`      // defects of the past that the software shows
	On      string          `json:"device"`                 // for people: what it ran on
}

func init() { explore.Register("edge", func() explore.Case { return new(Case) }) }

// Device says in words on what the case runs.
func (c *Case) Device() string { return c.On }

// Variant is the profile.
func (c *Case) Variant() string { return c.Profile }

// Len is 1: a trial is as small as it gets.
func (c *Case) Len() int { return 1 }

// Shrink offers nothing.
func (c *Case) Shrink(func(explore.Case) bool) {}

// Clean is the case without defects of the past.
func (c *Case) Clean() explore.Case {
	clean := *c
	clean.Defects, clean.Repairs, clean.Boot = nil, 0, 0
	return &clean
}

// Remedies are the names of the repairs that can be tried: those of the software that the probe looks at.
func (c *Case) Remedies() (names []string) {
	p, err := c.check()
	switch {
	case err != nil:
	case p.Subject == update.SubjectName:
		for r := range boot.AllRepairs.Without(c.loader(boot.Config{}).Repairs).Each() {
			names = append(names, r.String())
		}
	default:
		profile, _ := kvstore.ParseProfile(c.Profile)
		for r := range kvstore.AllRepairs.Without(c.Repairs.With(profile.Repairs())).Each() {
			names = append(names, r.String())
		}
	}
	return names
}

// With is the case with further repairs, from the start.
func (c *Case) With(names []string, late bool) (explore.Case, bool) {
	o := *c
	for _, name := range names {
		if r, err := kvstore.ParseRepairs(name); err == nil {
			o.Repairs = o.Repairs.With(r)
		} else if r, err := boot.ParseRepairs(name); err == nil {
			o.Boot = o.Boot.With(r)
		} else {
			return nil, false
		}
	}
	return &o, !late
}

// Near yields the case: its faults are those of its trial.
func (c *Case) Near() iter.Seq[explore.Case] {
	return func(yield func(explore.Case) bool) { yield(c) }
}

// Again is the case: nothing in a trial is left to chance.
func (c *Case) Again(uint64) explore.Case { return c }

// Modes are none: a trial has all faults that it needs in it.
func (c *Case) Modes() []string { return nil }

// ECC reports whether the case runs on a part with ECC.
func (c *Case) ECC() bool {
	name, _, _ := strings.Cut(c.On, ",")
	p, err := part.ByName(name)
	return err == nil && p.ECC.Bytes != 0
}

// Replay runs the trial and tells w what it does.
func (c *Case) Replay(w io.Writer, _ explore.Env) (*explore.Replayed, error) {
	p, err := c.check()
	if err != nil {
		return nil, err
	}
	t := &trial{c: c, w: w}
	if more, err := t.of(p); err != nil {
		return nil, err
	} else if !more {
		return nil, fmt.Errorf("edge.trial: %q has no trial %d", c.Probe, c.Trial)
	}
	re := &explore.Replayed{}
	for _, b := range t.bad {
		re.Bad = append(re.Bad, b.v)
	}
	if t.f != nil {
		re.Base, re.Image = t.base, make([]byte, t.size)
		t.f.Peek(re.Base, re.Image)
	}
	re.Where = func(v explore.Violation) (explore.Place, bool) {
		for _, b := range t.bad {
			if b.v.Symptom == v.Symptom {
				return b.at, true
			}
		}
		return explore.Place{}, false
	}
	return re, nil
}

// check finds what would make a case impossible to run.
func (c *Case) check() (*Probe, error) {
	if _, ok := kvstore.ParseProfile(c.Profile); !ok {
		return nil, fmt.Errorf("edge.profile: %q is unknown: use MbedCE, MbedOS or Hardened", c.Profile)
	}
	for key := range c.Defects {
		if key != kv.Planted && key != update.Planted {
			return nil, fmt.Errorf("edge.defects: %q is unknown: use %s and %s", key, kv.Planted, update.Planted)
		}
	}
	if c.Trial < 0 {
		return nil, fmt.Errorf("edge.trial: %d is no number of a trial: use 0 or more", c.Trial)
	}
	for i := range Probes {
		if p := &Probes[i]; p.Name == c.Probe {
			return p, nil
		}
	}
	return nil, fmt.Errorf("edge.probe: %q is unknown", c.Probe)
}

// options are those of a store under test.
func (c *Case) options() kvstore.Options {
	profile, _ := kvstore.ParseProfile(c.Profile) // check has looked
	return kvstore.Options{Profile: profile, Defects: kvstore.Defects(c.Defects[kv.Planted]), Repairs: c.Repairs, Memo: true}
}

// loader is the configuration cfg of client and bootloader under test.
func (c *Case) loader(cfg boot.Config) boot.Config {
	cfg.Defects = boot.Defects(c.Defects[update.Planted])
	if cfg.BootRetries == 0 {
		cfg.BootRetries = 3
	}
	if cfg.CopyRetries == 0 {
		cfg.CopyRetries = 1
	}
	cfg.ResetReason = true
	if cfg.Repairs = c.Boot; c.Profile == kvstore.Hardened.String() {
		cfg.Repairs = boot.AllRepairs
	}
	return cfg
}

// trial is one run of a probe.
type trial struct {
	c    *Case
	w    io.Writer
	bad  []broken
	cuts uint64 // faults tried, states looked at
	at   explore.Place

	f          *model.Flash // of the device under test; nil: none yet
	base, size uint32       // of what an image shows
}

// broken is a rule that a trial broke.
type broken struct {
	v  explore.Violation
	at explore.Place
}

// of runs the trial of its case; more is false if there is none of this number.
func (t *trial) of(p *Probe) (more bool, err error) {
	t.at = explore.Place{Op: p.Name}
	return p.run(t, t.c.Trial)
}

// part says what is special about what follows, for its place.
func (t *trial) part(what string, args ...any) {
	t.at.Part = fmt.Sprintf(what, args...)
	t.tell("%s: %s", t.at.Op, t.at.Part)
}

// tell tells the story of the trial.
func (t *trial) tell(what string, args ...any) { fmt.Fprintf(t.w, "trial    "+what+"\n", args...) }

// report notes a violation; the same symptom at the same place once.
func (t *trial) report(s explore.Symptom, expected, seen string) {
	t.take([]explore.Violation{{Symptom: s, Expected: expected, Seen: seen}})
}

// take takes violations over.
func (t *trial) take(bad []explore.Violation) {
	for _, v := range bad {
		known := false
		for _, b := range t.bad {
			known = known || b.v.Symptom == v.Symptom && b.at == t.at
		}
		if !known {
			t.bad = append(t.bad, broken{v, t.at})
		}
	}
}

// flash makes the device.
func (t *trial) flash(d *explore.Device) (*model.Flash, error) {
	f, err := d.Flash()
	if err != nil {
		return nil, err
	}
	t.f, t.base, t.size = f, d.Base, d.Size
	if t.size == 0 {
		t.base, t.size = f.Start(), f.Size()
	}
	t.c.On = d.String()
	fmt.Fprintf(t.w, "device   %v\n", d)
	return f, nil
}

package kv

import (
	"fmt"
	"slices"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/model"
)

// walk is a run with faults anywhere in it, and in the boots after them. The store is looked at after every
// fault and at the end.
type walk struct {
	*sut.Run
	o       *explore.Outcome
	logs    []sut.Log              // of what the store keeps its records in
	look    func(when string) bool // reads everything back
	begins  func(s *script.Step)   // is called before every operation; nil: nothing is
	repair  func()                 // replaces the store after the first fault; nil: it stays
	filming bool
}

// newWalk is a walk of the steps of c, on its store s or on that of its profile.
func newWalk(r *sut.Run, logs []sut.Log, o *explore.Outcome) *walk {
	r.Serial()
	r.Own = map[string]bool{sut.MasterKey: true}
	t := &walk{Run: r, o: o, logs: logs}
	t.look = r.Look
	return t
}

// walkPlain performs the run of c on one store.
func walkPlain(c *Case, o *explore.Outcome) error {
	f, err := c.On.Flash()
	if err != nil {
		return err
	}
	profile, _ := kvstore.ParseProfile(c.Profile) // check has looked
	var store *kvstore.TDBStore
	opts := kvstore.Options{Profile: profile, Defects: c.Defects, Repairs: c.Repairs}
	software := func(dev kvstore.BlockDevice) sut.Store {
		store = kvstore.NewTDB(dev, opts)
		return store
	}
	r, err := sut.NewRun(f, &c.On, software, script.Keys(c.Steps), nil, sut.LongestValue(c.Steps))
	if err != nil {
		return err
	}
	t := newWalk(r, []sut.Log{{Store: store}}, o)
	if c.After != 0 {
		t.repair = func() {
			opts.Repairs = opts.Repairs.With(c.After)
			t.Replace(software)
			t.logs[0].Store = store
		}
	}
	if t.Store.Open() != nil {
		return nil // a geometry that cannot be split
	}
	for i := range c.Steps {
		t.filmed(c, i)
		if sound, _ := t.step(&c.Steps[i]); !sound {
			return nil
		}
	}
	t.end()
	o.Interesting = o.Interesting || store.Collections() > 0
	return nil
}

// filmed begins the film of a replay with the first fault or, if there is none, with the last step.
func (t *walk) filmed(c *Case, i int) {
	if t.o.Film != nil && !t.filming && (c.Steps[i].Fault.Mode != nil || c.Steps[i].Attack != nil || i == len(c.Steps)-1) {
		profile, _ := kvstore.ParseProfile(c.Profile)
		t.filming = true
		t.Film(t.o.Film, profile)
	}
}

// note hands over what was found in a step.
func (t *walk) note(at explore.Place) {
	t.o.Note(t.Bad, at)
	t.Bad = t.Bad[:0]
}

// take keeps the image of the flash for a replay.
func (t *walk) take() { t.o.Take(t.F, t.Device.Base, t.Device.Size) }

// placeOf is where a step is, for a finding.
func placeOf(s *script.Step) explore.Place {
	p := explore.Place{Op: sut.OpCode(s.Kind), Part: "no-fault"}
	if s.Fault.Mode != nil {
		p.Part = "fault/" + s.Fault.Mode.String()
		if len(s.Then) > 0 {
			p.Part += sut.AndBoot
		}
	}
	return p
}

// step does a step, and after a fault or an error boots and looks. sound is false where nothing more can be
// learned from the run.
func (t *walk) step(s *script.Step) (sound bool, err error) {
	if t.begins != nil {
		t.begins(s)
	}
	t.Seen = t.F.Counters()
	defer func() {
		t.Inside()
		t.note(placeOf(s))
		t.visited(s, err, sound)
	}()
	for i := range t.logs {
		t.logs[i].Was = t.logs[i].End()
	}
	d := t.Perform(s)
	err = d.Err
	t.Bounded(sut.OpCode(s.Kind), d.Steps)
	failed := !d.Off && err != nil && s.Fault.Mode == model.Fail
	if d.Off || failed {
		t.o.Hits(s.Fault.Mode)
	}
	t.Expect(s, d)
	switch {
	case err == nil:
		t.accepted(s)
		return !d.Off || t.recover(s, d.Off), nil
	case !d.Off && sut.Refused(err, s):
		return true, err // and nothing has changed
	case !d.Off && !failed && s.Kind == script.Reboot:
		t.Report(explore.Symptom{Rule: sut.RuleOpens, Kind: sut.KindNotOpen, Error: sut.ErrorName(err)}, "open succeeds", err.Error())
		return false, err
	}
	return t.recover(s, d.Off), err
}

// accepted judges a set that succeeded: nothing replaces what was written once.
func (t *walk) accepted(s *script.Step) {
	if !s.Kind.Sets() && s.Kind != script.Remove {
		return
	}
	k := &t.Before.Keys[t.Before.Index[s.Key]]
	if k.Now != nil && !k.Either && k.Flags&kvstore.FlagWriteOnce != 0 {
		t.Report(explore.Symptom{Rule: sut.RuleWriteOnce, Kind: "once-taken", Op: sut.OpCode(s.Kind)}, "write protected", "success")
	}
}

// recover boots, with the faults of the step that are left, and looks. After an error it boots too: the
// reference's table and its idea of the active area may then not be those of the flash (docs/findings.md, 9
// and 10), so that what a reboot finds is what matters here.
func (t *walk) recover(s *script.Step, off bool) bool {
	if t.repair != nil {
		t.repair()
		t.repair = nil
	}
	for _, f := range s.Then {
		t.take()
		t.F.Boot()
		t.F.Arm(f.Cut())
		err := t.Store.Open()
		off := t.F.Off()
		t.F.Disarm()
		if off || err != nil && f.Mode == model.Fail {
			t.o.Hits(f.Mode)
			continue
		}
		if err != nil {
			break // and once more, to be judged
		}
	}
	when := ""
	switch {
	case off:
	case s.Fault.Mode == model.Fail:
		when = sut.AfterDeviceError
	default:
		when = "error"
	}
	t.take()
	if !t.Reopen(sut.RuleOpens, when) || !t.look(when) {
		return false
	}
	if i := t.Flight; i >= 0 && s.Kind.Sets() {
		// The value says whether the flags are those of the set, too.
		if k := &t.Exp.Keys[i]; k.Now != nil && !sut.Same(t.Before.Keys[i].Now, k.Now) {
			k.Flags, k.Loose = s.Flags, false
		}
	}
	return true
}

// again boots undisturbed, and looks.
func (t *walk) again(when string) bool {
	t.take()
	return t.Reopen(sut.RuleOpens, when) && t.look(when)
}

// end looks at a run that came to its end: while the store runs, after a clean reboot, and after more sets.
func (t *walk) end() {
	defer t.note(explore.Place{Op: "end-of-run", Part: "no-fault"})
	t.Flight, t.Resetting = -1, false
	t.take()
	if t.look("end") && t.again("clean-reopen") {
		t.works()
	}
}

// works is rule 7 at the end of a run: a set succeeds, if not the first then the one after it, unless there
// is no room.
func (t *walk) works() {
	for i := range t.Exp.Keys {
		k := &t.Exp.Keys[i]
		flags := k.Flags
		if k.Now == nil {
			flags = 0
		}
		if flags&kvstore.FlagWriteOnce != 0 {
			continue
		}
		s := &script.Step{Op: script.Op{Kind: script.Set, Key: k.Name, Size: 18, Seed: 18, Flags: flags}}
		sound, err := t.step(s)
		if err != nil && sound {
			sound, err = t.step(s)
		}
		switch {
		case !sound:
		case err == kvstore.ErrWriteProtected:
			continue // a set that was cut has made it so
		case err == kvstore.ErrInvalidArgument && t.Refusable(k.Name):
			continue
		case err == nil:
			t.Flight = -1
			t.again(sut.AfterEndSet)
		case err != kvstore.ErrMediaFull:
			t.Report(explore.Symptom{Rule: sut.RuleWorks, Kind: sut.KindEndSetFails, Error: sut.ErrorName(err)}, "set succeeds", fmt.Sprintf("set %q: %v", k.Name, err))
		}
		return
	}
}

// visited notes where a step has led.
func (t *walk) visited(s *script.Step, err error, sound bool) {
	if !t.o.Step() {
		return
	}
	what := []uint64{explore.Number(string(s.Kind)), 0, 0, uint64(len(s.Then)), 0}
	if err != nil {
		what[1] = explore.Number(sut.ErrorName(err))
	}
	if s.Fault.Mode != nil {
		what[2] = explore.Number(s.Fault.Mode.String())
	}
	if sound {
		what[4] = 1
	}
	t.o.Visit(what...)
	for i := range t.logs {
		l := &t.logs[i]
		now := l.End()
		if now.Unit == 0 {
			continue
		}
		collected := min(now.Collections-l.Was.Collections, 2)
		t.o.Visit(append(slices.Clone(what), uint64(i), collected, uint64(now.Active), edge(now.Size-now.Free, now.Unit))...)
	}
}

// edge is how near to an edge n bytes are, in program units.
func edge(n, unit uint32) uint64 {
	switch {
	case n < 4*unit:
		return uint64(n / unit)
	case n < 64:
		return 8
	case n < 512:
		return 9
	}
	return 10
}

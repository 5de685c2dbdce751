package kv

import (
	"bytes"
	"fmt"
	"slices"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/kvstore/secure"
	"dualbank/model"
)

// secureWalk is a walk of a SecureStore, with attacks on its external region.
type secureWalk struct {
	*walk
	sec    *sut.SecureStore
	forger *forger
	steps  []script.Step
	doing  *script.Step // the operation under way

	// What an attacker has kept: what each key held that nothing protects from a replay, and the states
	// of the external region before every operation.
	base, size uint32
	past       map[string][][]byte
	states     [][]byte
	attacks    bool // there are any, in this input
	attacked   int  // attacks since the last operation: the flash is a fork
}

// walkSecure performs the run of c on a SecureStore.
func walkSecure(c *Case, o *explore.Outcome) error {
	f, dev, err := c.On.Region()
	if err != nil {
		return err
	}
	profile, _ := kvstore.ParseProfile(c.Profile) // check has looked
	t := &secureWalk{steps: c.Steps, past: map[string][][]byte{}}
	t.attacks = slices.ContainsFunc(c.Steps, func(s script.Step) bool { return s.Attack != nil })
	if t.forger, err = newForger(f, &c.On, profile); err != nil {
		return err
	}
	opts := kvstore.Options{Profile: profile, Defects: c.Defects, Repairs: c.Repairs}
	software := func(dev kvstore.BlockDevice) sut.Store {
		t.sec = sut.NewSecureStore(dev, opts)
		return t.sec
	}
	r, err := sut.NewRun(f, &c.On, software, script.Keys(c.Steps), nil, sut.LongestValue(c.Steps))
	if err != nil {
		return err
	}
	if t.sec.Err != nil {
		return nil
	}
	split, skip := sut.SecureSplit(dev)
	t.base, t.size = split+skip, dev.Size()-split-skip
	t.walk = newWalk(r, []sut.Log{{Store: t.sec.Internal}, {Store: t.sec.External}}, o)
	if c.After != 0 {
		t.repair = func() {
			opts.Repairs = opts.Repairs.With(c.After)
			t.Replace(software)
			t.logs[0].Store, t.logs[1].Store = t.sec.Internal, t.sec.External
		}
	}
	t.look, t.begins = t.lookSecure, t.begin
	if t.Store.Open() != nil {
		return nil // a geometry that cannot be split
	}
	for i := range c.Steps {
		t.filmed(c, i)
		if s := &c.Steps[i]; s.Attack != nil {
			t.attack(s.Attack)
		} else if !t.settle() || !t.operate(s) {
			return nil
		}
	}
	if t.settle() {
		t.end()
	}
	t.leak(explore.Place{Op: "end-of-run", Part: "no-fault"})
	o.Interesting = o.Interesting || t.sec.External.Collections()+t.sec.Internal.Collections() > 0
	return nil
}

// operate performs an operation.
func (t *secureWalk) operate(s *script.Step) (sound bool) {
	if t.attacks {
		state := make([]byte, t.size)
		t.F.Peek(t.Device.Base+t.base, state)
		t.states = append(t.states, state)
	}
	if s.Kind == script.Reserved {
		// The device key is the internal store's reserved data: there is one for ever.
		if err := t.sec.Key.Inject(make([]byte, len(sut.RootOfTrust))); err != secure.ErrKeyExists {
			t.Report(explore.Symptom{Rule: sut.RuleReserved, Kind: "second-key"}, secure.ErrKeyExists.Error(), fmt.Sprint(err))
		}
		t.note(placeOf(s))
		return true
	}
	sound, _ = t.step(s)
	if sound && s.Kind == script.Reset {
		// The key went with the internal store: a device is given it anew.
		if err := t.sec.Key.Inject(sut.RootOfTrust); err != nil {
			return false
		}
	}
	if t.F.Off() || s.Fault.Mode != nil {
		t.leak(placeOf(s))
	}
	return sound
}

// begin keeps what the attacker keeps: what an operation may store without protection from a replay.
func (t *secureWalk) begin(s *script.Step) {
	t.doing = s
	if s.Kind.Sets() && s.Flags&sut.Guards == 0 {
		t.past[s.Key] = append(t.past[s.Key], s.Value())
	}
}

// lookSecure reads everything back. What a cut has made unreadable between the two stores is known to
// happen; rule 10 wants that it does not stay so.
func (t *secureWalk) lookSecure(when string) bool {
	t.Exp.Reserved = sut.ValueState{} // of which a SecureStore has none
	i := t.Flight
	if i < 0 || t.doing == nil {
		return t.Run.Look(when)
	}
	k := &t.Exp.Keys[i]
	was, next, open := t.Before.Keys[i], k.Other, k.Either
	flags := t.doing.Flags
	if t.doing.Kind == script.Remove {
		flags = 0
	}
	guarded := (was.Now != nil && was.Flags&sut.Guards != 0) || flags&sut.Guards != 0
	if guarded {
		when = explore.After(sut.OfProtectedKey, when)
	}
	n := len(t.Bad)
	if t.Run.Look(when) {
		// Which of the two values it is says which of the two protections it has.
		switch {
		case !open || k.Either:
		case sut.Same(was.Now, next):
			k.Flags &= flags
		case sut.Same(k.Now, next):
			k.Flags, k.Loose = flags, false
		}
		return true
	}
	if v, err := t.Get(k.Name); err == nil || v != nil || len(t.Bad) != n+1 {
		return false // more is wrong than the key in flight
	}
	if t.doing.Kind == script.Remove {
		flags = was.Flags
	}
	if !t.ComeBack(flags) {
		return false
	}
	if flags&sut.Guards == 0 {
		t.past[k.Name] = append(t.past[k.Name], bytes.Clone(k.Now))
	}
	when = explore.After(when, "came-back")
	return t.Reopen(sut.RuleOpens, when) && t.Run.Look(when)
}

// leak looks for confidential values in the image.
func (t *secureWalk) leak(at explore.Place) {
	if v, found := sut.Leaks(t.Image(), t.steps); found {
		t.take()
		t.o.Note([]explore.Violation{v}, at)
	}
}

// settle leaves the fork that attacks were tried on.
func (t *secureWalk) settle() (sound bool) {
	if t.attacked == 0 {
		return true
	}
	t.attacked = 0
	t.F.Rollback()
	defer t.note(explore.Place{Op: "reboot", Part: "no-fault"})
	t.Flight = -1
	return t.Reopen(sut.RuleOpens, "clean-reboot")
}

// attack changes the external region and looks at what the store makes of it.
func (t *secureWalk) attack(a *script.Attack) {
	if slices.Contains(t.o.Hit, model.Weak.String()) {
		return // what is missing then need not have been removed by an attacker
	}
	defer t.note(explore.Place{Op: "attack", Part: a.What})
	if t.attacked++; t.attacked == 1 {
		t.F.Mark()
	}
	forged := a.Key != "" && t.attacked == 1
	if a.Key != "" {
		if !t.forge(a) {
			return
		}
	} else if !t.damage(a) {
		return
	}
	t.o.Interesting = true
	t.take()
	t.F.Boot()
	if t.Store.Open() != nil {
		return // whoever can write the flash can do that
	}
	for i := range t.Exp.Keys {
		k := t.Exp.Keys[i]
		may := sut.Leeway{Missing: true, Failures: true, Other: func(v []byte) bool { return t.had(k.Name, v) }}
		if forged {
			// The records are sound but for the one: nothing else may be different.
			may.Failures = false
			may.Missing = a.What == attackRemove && k.Name == a.Key
			if k.Name != a.Key {
				may.Other = func([]byte) bool { return false }
			}
		}
		t.Believes(&k, may)
	}
}

// had reports whether a key held v without protection.
func (t *secureWalk) had(key string, v []byte) bool {
	for _, p := range t.past[key] {
		if bytes.Equal(p, v) {
			return true
		}
	}
	return false
}

// forge rewrites the record of a key.
func (t *secureWalk) forge(a *script.Attack) bool {
	var earlier [][]byte
	if len(t.states) > 0 {
		t.F.Mark()
		t.F.Poke(t.Device.Base+t.base, t.states[a.Image%len(t.states)])
		if t.forger.raw.Open() == nil {
			buf := make([]byte, len(t.Buf)+64)
			if n, err := t.forger.raw.Get(a.Key, buf, 0); err == nil {
				earlier = append(earlier, buf[:n])
			}
		}
		t.F.Rollback()
	}
	t.F.Boot()
	return t.forger.hit(a.Key, a.What, earlier)
}

// damage changes bytes of the external region.
func (t *secureWalk) damage(a *script.Attack) bool {
	at := t.base + a.At%t.size
	from, size := at, uint32(1)
	state := []byte(nil)
	if len(t.states) > 0 {
		state = t.states[a.Image%len(t.states)]
	}
	sector := func() {
		for from = t.base; from+t.F.SectorSize(t.Device.Base+from) <= at; from += t.F.SectorSize(t.Device.Base + from) {
		}
		size = t.F.SectorSize(t.Device.Base + from)
	}
	switch a.What {
	case script.AttackErase, script.AttackRestore:
		sector()
	case script.AttackCut:
		size = t.base + t.size - at
	case script.AttackReplay:
		from, size = t.base, t.size
	}
	p := make([]byte, size)
	t.F.Peek(t.Device.Base+from, p)
	switch a.What {
	case script.AttackFlip:
		p[0] ^= 1 << a.Bit
	case script.AttackZero:
		p[0] = 0
	case script.AttackErase, script.AttackCut:
		for i := range p {
			p[i] = 0xFF
		}
	default:
		if state == nil {
			return false
		}
		copy(p, state[from-t.base:])
	}
	return t.F.Poke(t.Device.Base+from, p)
}

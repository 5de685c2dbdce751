package fuzz

import (
	"bytes"
	"fmt"
	"slices"

	"dualbank/kvstore"
	"dualbank/model"
)

// secureTrial is a SecureStore that operations, faults and attacks are tried on.
type secureTrial struct {
	trial
	sec    *secureStore
	forger *forger
	ops    []Op
	flight *KVStep // the step under way

	// What an attacker has kept: what each key held that nothing protects from a replay, and the states
	// of the external region before every operation.
	base, size uint32
	past       map[string][][]byte
	states     [][]byte
	attacks    bool // there are any, in this input
	attacked   int  // attacks since the last operation: the flash is a fork
}

// run performs the run and looks at the store after every fault and attack, and at the end.
func (in *SecureInput) run(o *outcome) error {
	f, dev, err := in.Device.region()
	if err != nil {
		return err
	}
	t := &secureTrial{past: map[string][][]byte{}}
	for i := range in.Steps {
		if in.Steps[i].Attack != nil {
			t.attacks = true
		} else {
			t.ops = append(t.ops, in.Steps[i].Op)
		}
	}
	if t.forger, err = newForger(f, &in.Device, in.Profile); err != nil {
		return err
	}
	t.sec = newSecureStore(dev, kvstore.Options{Profile: in.Profile, Defects: o.planted.KV})
	if t.sec.err != nil {
		return nil
	}
	split, skip := secureSplit(dev)
	t.base, t.size = split+skip, dev.Size()-split-skip
	t.trial = *newTrial(f, t.sec, []sealed{{store: t.sec.Internal, base: in.Device.Base, size: split}, {store: t.sec.External, base: in.Device.Base + t.base, size: t.size}}, &in.Device, t.ops, o)
	t.look, t.begins = t.lookSecure, t.begin
	if t.store.Open() != nil {
		return nil // a geometry that cannot be split
	}
	for i := range in.Steps {
		if s := &in.Steps[i]; s.Attack != nil {
			t.attack(s.Attack)
		} else if !t.settle() || !t.operate(&s.KVStep) {
			return nil
		}
	}
	if t.settle() {
		t.end()
	}
	t.leak(Place{Op: "end of the run", Part: "without a fault"})
	o.interesting = o.interesting || t.sec.External.Collections()+t.sec.Internal.Collections() > 0
	return nil
}

// operate performs an operation.
func (t *secureTrial) operate(s *KVStep) (sound bool) {
	if t.attacks {
		state := make([]byte, t.size)
		t.f.Peek(t.device.Base+t.base, state)
		t.states = append(t.states, state)
	}
	if s.Kind == OpReserved {
		// The device key is the internal store's reserved data: there is one for ever.
		if err := t.sec.Key.Inject(make([]byte, len(rootOfTrust))); err != kvstore.ErrKeyExists {
			t.report(RuleReserved, "a second device key is accepted", kvstore.ErrKeyExists.Error(), fmt.Sprint(err))
		}
		t.note(s.place())
		return true
	}
	sound, _ = t.perform(s)
	if sound && s.Kind == OpReset {
		// The key went with the internal store: a device is given it anew.
		if err := t.sec.Key.Inject(rootOfTrust); err != nil {
			return false
		}
	}
	if t.f.Off() || s.Mode != nil {
		t.leak(s.place())
	}
	return sound
}

// begin keeps what the attacker keeps: what an operation may store without protection from a replay.
func (t *secureTrial) begin(s *KVStep) {
	t.flight = s
	if s.Kind.sets() && kvstore.Flags(s.Flags)&guards == 0 {
		t.past[s.Key] = append(t.past[s.Key], s.value())
	}
}

// lookSecure reads everything back. What a cut has made unreadable between the two stores is known to
// happen; rule 10 wants that it does not stay so.
func (t *secureTrial) lookSecure(when string) bool {
	t.exp.reserved = valueState{} // of which a SecureStore has none
	i := t.trial.flight
	if i < 0 || t.flight == nil {
		return t.kvJudge.look(when)
	}
	k := &t.exp.keys[i]
	was, next, open := t.before.keys[i], k.other, k.either
	flags := kvstore.Flags(t.flight.Flags)
	if t.flight.Kind == OpRemove {
		flags = 0
	}
	guarded := (was.now != nil && was.flags&guards != 0) || flags&guards != 0
	if guarded {
		when = " of a protected key" + when
	}
	n := len(t.bad)
	if t.kvJudge.look(when) {
		// Which of the two values it is says which of the two protections it has.
		switch {
		case !open || k.either:
		case same(was.now, next):
			k.flags &= flags
		case same(k.now, next):
			k.flags = flags
		}
		return true
	}
	if v, err := t.get(k.name); err == nil || v != nil || len(t.bad) != n+1 {
		return false // more is wrong than the key in flight
	}
	if t.flight.Kind == OpRemove {
		flags = was.flags
	}
	if !t.comeBack(flags) {
		return false
	}
	if flags&guards == 0 {
		t.past[k.name] = append(t.past[k.name], bytes.Clone(k.now))
	}
	when += ", which came back"
	return t.reopen(RuleOpens, when) && t.kvJudge.look(when)
}

// leak looks for confidential values in the image.
func (t *secureTrial) leak(at Place) {
	image := make([]byte, t.device.Size)
	t.f.Peek(t.device.Base, image)
	if v, found := leaks(image, t.ops); found {
		t.o.take(t.f, t.device.Base, t.device.Size)
		t.o.note([]Violation{v}, at)
	}
}

// settle leaves the fork that attacks were tried on.
func (t *secureTrial) settle() (sound bool) {
	if t.attacked == 0 {
		return true
	}
	t.attacked = 0
	t.f.Rollback()
	defer t.note(Place{Op: "reboot", Part: "without a fault"})
	t.trial.flight = -1
	return t.reopen(RuleOpens, " after a clean reboot")
}

// attack changes the external region and looks at what the store makes of it.
func (t *secureTrial) attack(a *Attack) {
	if slices.Contains(t.o.hit, model.Weak.String()) {
		return // what is missing then need not have been removed by somebody
	}
	defer t.note(Place{Op: "attack", Part: a.What})
	if t.attacked++; t.attacked == 1 {
		t.f.Mark()
	}
	forged := a.Key != "" && t.attacked == 1
	if a.Key != "" {
		if !t.forge(a) {
			return
		}
	} else if !t.damage(a) {
		return
	}
	t.o.interesting = true
	t.o.take(t.f, t.device.Base, t.device.Size)
	t.f.Boot()
	if t.store.Open() != nil {
		return // anybody who can write the flash can do that
	}
	for i := range t.exp.keys {
		k := t.exp.keys[i]
		may := leeway{missing: true, failures: true, other: func(v []byte) bool { return t.had(k.name, v) }}
		if forged {
			// The records are sound but for the one: nothing else may be different.
			may.failures = false
			may.missing = a.What == "remove" && k.name == a.Key
			if k.name != a.Key {
				may.other = func([]byte) bool { return false }
			}
		}
		t.believes(&k, may)
	}
}

// had tells whether a key held v without protection.
func (t *secureTrial) had(key string, v []byte) bool {
	for _, p := range t.past[key] {
		if bytes.Equal(p, v) {
			return true
		}
	}
	return false
}

// forge rewrites the record of a key.
func (t *secureTrial) forge(a *Attack) bool {
	var earlier [][]byte
	if len(t.states) > 0 {
		t.f.Mark()
		t.f.Poke(t.device.Base+t.base, t.states[a.Image%len(t.states)])
		if t.forger.raw.Open() == nil {
			buf := make([]byte, len(t.buf)+64)
			if n, err := t.forger.raw.Get(a.Key, buf, 0); err == nil {
				earlier = append(earlier, buf[:n])
			}
		}
		t.f.Rollback()
	}
	t.f.Boot()
	return t.forger.hit(a.Key, a.What, earlier)
}

// damage changes bytes of the external region.
func (t *secureTrial) damage(a *Attack) bool {
	at := t.base + a.At%t.size
	from, size := at, uint32(1)
	state := []byte(nil)
	if len(t.states) > 0 {
		state = t.states[a.Image%len(t.states)]
	}
	sector := func() {
		for from = t.base; from+t.f.SectorSize(t.device.Base+from) <= at; from += t.f.SectorSize(t.device.Base + from) {
		}
		size = t.f.SectorSize(t.device.Base + from)
	}
	switch a.What {
	case attackErase, attackRestore:
		sector()
	case attackCut:
		size = t.base + t.size - at
	case attackReplay:
		from, size = t.base, t.size
	}
	p := make([]byte, size)
	t.f.Peek(t.device.Base+from, p)
	switch a.What {
	case attackFlip:
		p[0] ^= 1 << a.Bit
	case attackZero:
		p[0] = 0
	case attackErase, attackCut:
		for i := range p {
			p[i] = 0xFF
		}
	default:
		if state == nil {
			return false
		}
		copy(p, state[from-t.base:])
	}
	return t.f.Poke(t.device.Base+from, p)
}

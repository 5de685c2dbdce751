package fuzz

import (
	"encoding/binary"
	"fmt"
	"strings"

	"dualbank/kvstore"
	"dualbank/model"
)

// trial is a store that the operations and faults of an input are tried on, step by step.
type trial struct {
	*kvJudge
	o      *outcome
	device *Device
	logs   []sealed               // of what the store keeps its records in
	look   func(when string) bool // reads everything back
	begins func(s *KVStep)        // is told of every operation; nil: nobody is
	// What the reference is known for, and later looks are to be told apart by.
	halfReserved bool // the reserved data is of a set that was cut
	revived      bool // an open took records behind the log's end for its own
}

func newTrial(f *model.Flash, store kvstore.Store, logs []sealed, d *Device, ops []Op, o *outcome) *trial {
	o.ecc = d.Part != "" // eccInputs
	longest := 64
	for i := range ops {
		longest = max(longest, ops[i].Size)
	}
	j := &kvJudge{
		f: f, store: store, w: &kvRun{}, limit: d.stepsAllowed(), own: map[string]bool{"TDBS": true},
		buf: make([]byte, longest+1), flight: -1,
	}
	j.exp = *newExpectation(keysOf(ops))
	j.before.copyFrom(&j.exp)
	j.listed = make([]int, len(j.exp.keys))
	return &trial{kvJudge: j, o: o, device: d, logs: logs}
}

// The ends of symptoms that tell what led to them.
const (
	ofHalfReserved = ", whose set was cut"
	ofRevived      = ", with records of an earlier life behind the log"
)

// note hands over what the judge has found in a step.
func (t *trial) note(at Place) {
	for i := range t.bad {
		switch v := &t.bad[i]; {
		case v.Rule == RuleReserved && t.halfReserved:
			v.Symptom += ofHalfReserved
		case t.revived:
			v.Symptom += ofRevived
		}
	}
	t.o.note(t.bad, at)
	t.bad = t.bad[:0]
}

// sealed is a store's log, and where its end was when a set last made sure that no record follows it.
type sealed struct {
	store *kvstore.TDBStore
	base  uint32 // address of the store
	size  uint32
	was   logEnd // before the present operation
	at    logEnd
}

// logEnd is where a log ends, and how many collections have made it what it is.
type logEnd struct {
	kvstore.Layout
	collections uint64
}

func (l *sealed) end() logEnd { return logEnd{l.store.Layout(), l.store.Collections()} }

// seal notes that a set has succeeded: where the log has grown, its end is good.
func (t *trial) seal() {
	for i := range t.logs {
		if l := &t.logs[i]; l.end() != l.was {
			l.at = l.end()
		}
	}
}

// follow looks, before a boot, whether a record of an earlier life follows a log whose end no set has looked at
// since a collection: the next open takes it for a new one. busy is the key of the set that was cut,
// whose record lies there too.
func (t *trial) follow(busy string) {
	for i := range t.logs {
		l := &t.logs[i]
		now := l.end()
		if now == l.at || now.Unit == 0 || now.Free+recordHeader > now.Size {
			continue
		}
		at := l.base + now.Base[now.Active] + now.Free
		var head [recordHeader]byte
		t.f.Peek(at, head[:])
		if binary.LittleEndian.Uint32(head[:]) != recordMagic {
			continue
		}
		key := make([]byte, min(uint32(binary.LittleEndian.Uint16(head[12:])), now.Size-now.Free-recordHeader))
		t.f.Peek(at+roundUp(recordHeader, now.Unit), key)
		if busy != "" && strings.HasPrefix(string(key), busy) {
			continue
		}
		if dev, err := t.f.Region(l.base, l.size); err == nil {
			p, err := kvstore.Inspect(still{dev, t.f, l.base}, kvstore.MbedCE)
			t.revived = t.revived || err == nil && p.Areas[now.Active].Free > now.Free
		}
	}
}

// still is a region of a flash whose power may be off.
type still struct {
	*model.Region
	f    *model.Flash
	base uint32
}

// Read shows what the cells hold.
func (s still) Read(addr uint32, p []byte) error {
	if !s.f.Peek(s.base+addr, p) {
		return model.ErrRange
	}
	return nil
}

// recordHeader is the size of a record's header (tdbstore.md).
const recordHeader = 24

// place is where a step is, for a finding.
func (s *KVStep) place() Place {
	p := Place{Op: s.Kind.plain(), Part: "without a fault"}
	if s.Fault.Mode != nil {
		p.Part = "fault " + s.Mode.String()
		if len(s.Then) > 0 {
			p.Part += " and another in the boot after it"
		}
	}
	return p
}

// perform does a step, and after a fault or an error boots and looks. sound is false where nothing more
// can be learned from the run.
func (t *trial) perform(s *KVStep) (sound bool, err error) {
	if t.begins != nil {
		t.begins(s)
	}
	t.counted = t.f.Counters()
	defer func() {
		t.inside()
		t.note(s.place())
		t.visited(s, err, sound)
	}()
	t.before.copyFrom(&t.exp)
	t.flight, t.resetting = -1, false
	if s.Kind == OpReboot {
		t.follow("")
	}
	for i := range t.logs {
		t.logs[i].was = t.logs[i].end()
	}
	first := t.f.Steps()
	if s.Kind == OpReboot {
		first = 0
	}
	if s.Fault.Mode == nil {
		err = s.do(t.store, t.f)
	} else {
		err = s.doCut(t.store, t.f, s.cut(s.Seed))
	}
	off := t.f.Off()
	t.f.Disarm()
	t.bounded("a "+s.Kind.plain(), first)
	failed := !off && err != nil && s.Mode == model.Fail
	if off || failed {
		t.o.hits(s.Mode)
	}
	if err == nil {
		t.accepted(s)
		t.exp.apply(&s.Op, s.value(), succeeded)
		if s.Kind.sets() || s.Kind == OpRemove && t.before.keys[t.before.index[s.Key]].now != nil {
			t.seal()
		}
		return !off || t.recover(s, off), nil
	}
	if !off && refused(err, s) {
		return true, err // and nothing has changed
	}
	t.exp.apply(&s.Op, s.value(), maybe)
	if i, ok := t.exp.index[s.Key]; ok {
		t.flight = i
	}
	if !off && !failed && s.Kind == OpReboot {
		t.report(RuleOpens, "the store does not open: "+name(err), "open succeeds", err.Error())
		return false, err
	}
	t.halfReserved = t.halfReserved || s.Kind == OpReserved
	return t.recover(s, off), err
}

// accepted judges a set that succeeded: nothing replaces what was written once.
func (t *trial) accepted(s *KVStep) {
	if s.Kind.sets() || s.Kind == OpRemove {
		k := &t.before.keys[t.before.index[s.Key]]
		if k.now != nil && !k.either && k.flags&kvstore.FlagWriteOnce != 0 {
			t.report(RuleWriteOnce, "a write-once key takes another "+s.Kind.plain(), "write protected", "success")
		}
	}
}

// recover boots, with the faults of the step that are left, and looks. After an error it boots too: the
// reference's table and its idea of the active area may then not be those of the flash (docs/findings.md, 9
// and 10), so that what a reboot finds is what matters here.
func (t *trial) recover(s *KVStep, off bool) bool {
	if off {
		t.follow(s.Key)
	} else {
		t.follow("")
	}
	for i, f := range s.Then {
		t.o.take(t.f, t.device.Base, t.device.Size)
		t.f.Boot()
		t.f.Arm(f.cut(s.Seed + uint64(i) + 1))
		err := t.store.Open()
		off := t.f.Off()
		t.f.Disarm()
		if off || err != nil && f.Mode == model.Fail {
			t.o.hits(f.Mode)
			t.follow(s.Key)
			continue
		}
		if err != nil {
			break // and once more, to be judged
		}
		t.follow("")
	}
	when := ""
	switch {
	case off:
	case s.Mode == model.Fail:
		when = " after a device error"
	default:
		when = " after an error"
	}
	t.o.take(t.f, t.device.Base, t.device.Size)
	if !t.reopen(RuleOpens, when) || !t.look(when) {
		return false
	}
	if i := t.flight; i >= 0 && s.Kind.sets() {
		// The value says whether the flags are those of the set, too.
		if k := &t.exp.keys[i]; k.now != nil && !same(t.before.keys[i].now, k.now) {
			k.flags = kvstore.Flags(s.Flags)
		}
	}
	return true
}

// again boots undisturbed, and looks.
func (t *trial) again(when string) bool {
	t.follow("")
	t.o.take(t.f, t.device.Base, t.device.Size)
	return t.reopen(RuleOpens, when) && t.look(when)
}

// end looks at a run that came to its end: while the store runs, after a clean reboot, and after more sets.
func (t *trial) end() {
	defer t.note(Place{Op: "end of the run", Part: "without a fault"})
	t.flight, t.resetting = -1, false
	t.o.take(t.f, t.device.Base, t.device.Size)
	if t.look(" at the end") && t.again(" after a clean reopen") {
		t.works()
	}
}

// works is rule 7 at the end of a run: a set succeeds, if not the first then the one after it, unless there
// is no room.
func (t *trial) works() {
	for i := range t.exp.keys {
		k := &t.exp.keys[i]
		flags := k.flags
		if k.now == nil {
			flags = 0
		}
		if flags&kvstore.FlagWriteOnce != 0 {
			continue
		}
		s := &KVStep{Op: Op{Kind: OpSet, Key: k.name, Size: 18, Seed: 18, Flags: uint32(flags)}}
		sound, err := t.perform(s)
		if err != nil && sound {
			sound, err = t.perform(s)
		}
		switch {
		case !sound:
		case err == kvstore.ErrWriteProtected:
			continue // a set that was cut has made it so
		case err == nil:
			t.flight = -1
			t.again(" after a set at the end")
		case err != kvstore.ErrMediaFull:
			t.report(RuleWorks, "a set at the end fails, and so does another: "+name(err), "set succeeds", fmt.Sprintf("set %q: %v", k.name, err))
		}
		return
	}
}

// refused tells that the store turned the operation down before it touched anything.
func refused(err error, s *KVStep) bool {
	switch err {
	case kvstore.ErrWriteProtected, kvstore.ErrInvalidArgument:
		return true
	case kvstore.ErrWriteFailed:
		return s.Kind == OpReserved && s.Fault.Mode == nil // it is set already
	}
	return false
}

func (s *KVStep) String() string { return fmt.Sprint(&s.Op) }

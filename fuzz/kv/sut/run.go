package sut

import (
	"errors"
	"fmt"
	"slices"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/part"
	"dualbank/model/random"
)

// Run is a store at work on a flash, what it must hold, and what was found wrong with it. It performs steps,
// boots and looks; how a run is judged (after cuts, between operations, under attack ...) is up to those
// that embed it.
type Run struct {
	dev    *model.Region
	F      *model.Flash
	Device *explore.Device
	Store  Store
	can    script.Abilities
	Limit  uint64          // steps that an open or a set may take
	Own    map[string]bool // keys that the store itself lists: no matter of cuts
	fixed  []bool          // by key: the judge must not write to it

	Exp    Expectation // now
	Before Expectation // before the operation that was performed last
	Flight int         // key of the operation that may be done or not, or -1
	// resetting is true until the first look after a reset that may be done or not.
	Resetting bool

	Bad    []explore.Violation
	Second *SecondCut     // the second cut that is over; nil: there was none
	Seen   model.Counters // what inside has looked at

	Buf    []byte
	name   [256]byte
	values []byte // for SmallValue
	listed []int  // by key: generation in which it was listed
	gen    int
	order  []int // key by its place in the latest lists

	scenes
}

// SecondCut says where a second cut was, for what is told of a violation.
type SecondCut struct {
	What string // it interrupted
	Key  string // that was being set
	Cut  model.Cut
}

// NewRun is a store of software on f, which expects keys to be missing. longest is the size in bytes of the
// longest value.
func NewRun(f *model.Flash, d *explore.Device, software Software, keys, once []string, longest int) (*Run, error) {
	dev, err := f.Region(d.Base, d.Size)
	if err != nil {
		return nil, err
	}
	r := &Run{
		dev: dev, F: f, Device: d, Store: software(dev), Limit: stepsAllowed(d), fixed: make([]bool, len(keys)), Flight: -1,
		Exp: *NewExpectation(keys), Before: *NewExpectation(keys), Buf: make([]byte, longest+1), listed: make([]int, len(keys)),
	}
	r.can = Abilities(r.Store)
	for i, k := range keys {
		r.fixed[i] = slices.Contains(once, k)
	}
	return r, nil
}

// Replace puts another store in the place of the one at work, not yet open.
func (r *Run) Replace(software Software) { r.Store = software(r.dev) }

// Serial makes the device a serial NOR flash, as far as errors go: its driver passes each one on, where FlashIAP
// tries a step again.
func (r *Run) Serial() { r.dev.SetTries(1) }

// exception is what a read of a unit raises that the ECC cannot correct.
func (r *Run) exception() string {
	if r.F.Part().ECCError.Value == part.ECCNMI {
		return "NMI"
	}
	return "bus fault"
}

// stepsAllowed is the most steps that an open or a set may take: three times what it takes to program the
// whole region once.
func stepsAllowed(d *explore.Device) uint64 { return uint64(3*d.Size/d.Unit + 64) }

// LongestValue is the size in bytes of the longest value of steps, and at least that of what judges write.
func LongestValue(steps []script.Step) int {
	longest := 64
	for i := range steps {
		longest = max(longest, steps[i].Size)
	}
	return longest
}

// Done is how an operation ended.
type Done struct {
	Err   error
	Off   bool   // the power was cut
	Steps uint64 // program and erase steps that it took, those of a reboot included
}

// Perform does the operation of s, with the fault of s if there is one. What follows from it for what the
// store must hold is up to expect.
func (r *Run) Perform(s *script.Step) (d Done) {
	r.Before.CopyFrom(&r.Exp)
	r.Flight, r.Resetting = -1, false
	first := r.F.Steps()
	if s.Kind == script.Reboot {
		first = 0
	}
	if r.film != nil {
		r.Begins(&s.Op, r.Exp.Wanted)
	}
	if s.Fault.Mode == nil {
		d.Err = Do(&s.Op, r.Store, r.F)
	} else {
		d.Err = DoCut(&s.Op, r.Store, r.F, s.Fault.Cut())
	}
	r.Ends(d.Err, r.F.Off(), s.Fault.Mode != nil)
	d.Off, d.Steps = r.F.Off(), r.F.Steps()-first
	r.F.Disarm()
	return d
}

// Expect brings what the store must hold to the moment after an operation: it is done; or it was refused and
// has changed nothing; or it is done or not.
func (r *Run) Expect(s *script.Step, d Done) {
	switch {
	case d.Err == nil:
		r.Exp.Apply(&s.Op, s.Value(), Succeeded)
	case !d.Off && Refused(d.Err, s):
	default:
		r.inFlight(s)
	}
}

// inFlight expects an operation to be done or not.
func (r *Run) inFlight(s *script.Step) {
	r.Exp.Apply(&s.Op, s.Value(), Maybe)
	if i, ok := r.Exp.Index[s.Key]; ok {
		r.Flight = i
	}
}

// Report notes a violation; the same symptom once.
func (r *Run) Report(s explore.Symptom, expected, seen string) {
	if slices.ContainsFunc(r.Bad, func(v explore.Violation) bool { return v.Symptom == s }) {
		return
	}
	if c := r.Second; c != nil {
		seen += fmt.Sprintf("; the second cut came in %s %q, after %d steps, mode %v", c.What, c.Key, c.Cut.Step, c.Cut.Mode)
	}
	r.Bad = append(r.Bad, explore.Violation{Symptom: s, Expected: expected, Seen: seen, Second: r.Second != nil})
}

// Reopen powers up and opens the store.
func (r *Run) Reopen(rule int, when string) bool {
	r.F.Boot()
	if r.film != nil {
		r.boots(r.Exp.Wanted)
	}
	err := r.Store.Open()
	r.Ends(err, false, false)
	if n := r.F.Steps(); n > r.Limit {
		r.Report(explore.Symptom{Rule: RuleBounded, Kind: "open-too-long"}, fmt.Sprintf("at most %d", r.Limit), fmt.Sprintf("%d steps", n))
	}
	if err != nil {
		s := explore.Symptom{Rule: rule, Kind: KindNotOpen, When: when, Error: ErrorName(err)}
		if _, halts := errors.AsType[*kvstore.FatalError](err); halts {
			s.Kind = KindHalts
		}
		if r.F.Faulted() {
			s.Kind, s.Error = KindNoBoot, r.exception()
		}
		seen := "open fails: " + err.Error()
		if u, ok := r.Store.(interface{ Undefined() kvstore.Undefined }); ok && u.Undefined() != 0 {
			seen += "; undefined behaviour of the reference: " + u.Undefined().String()
		}
		r.Report(s, "open succeeds", seen)
		return false
	}
	r.Unlocked("open", "an open", 0)
	return true
}

// Unlocked looks whether a call left the lock as it found it, held so many times.
func (r *Run) Unlocked(op, which string, before int) {
	if n := LocksHeld(r.Store); n != before {
		kind := "lock-held"
		if n < before {
			kind = "lock-released"
		}
		r.Report(explore.Symptom{Rule: RuleWorks, Kind: kind, Op: op}, fmt.Sprintf("held %d times", before), fmt.Sprintf("held %d times after %s", n, which))
	}
}

// Bounded is rule 9 for an operation that took so many steps.
func (r *Run) Bounded(op string, steps uint64) {
	if steps > r.Limit {
		r.Report(explore.Symptom{Rule: RuleBounded, Kind: "too-long", Op: op}, fmt.Sprintf("at most %d", r.Limit), fmt.Sprintf("%d steps", steps))
	}
}

// Inside is rule 8, by what the flash has counted since it was looked at last.
func (r *Run) Inside() {
	before, after := r.Seen, r.F.Counters()
	r.Seen = after
	again := after.NotErased - before.NotErased
	if again > 0 {
		r.Report(explore.Symptom{Rule: RuleRegion, Kind: KindNotErased}, "units that are erased", fmt.Sprintf("%d times", again))
	}
	if n := after.Refused - before.Refused; n > again {
		r.Report(explore.Symptom{Rule: RuleRegion, Kind: "refused"}, "programs and erases within the region, on its units", fmt.Sprintf("%d refused", n))
	}
}

// Set writes a key. A set that fails is tried once more, to tell a store that has lost its balance from one
// that has stopped working.
func (r *Run) Set(i int, rnd *random.Source, which string) bool {
	k := &r.Exp.Keys[i]
	v := r.SmallValue(rnd)
	first, locks := r.F.Steps(), LocksHeld(r.Store)
	r.Sets(k.Name, v)
	err := r.Store.Set(k.Name, v, 0)
	r.Ends(err, false, false)
	r.Bounded(string(script.Set), r.F.Steps()-first)
	r.Unlocked(string(script.Set), which, locks)
	if err == nil {
		k.Holds(v, 0)
		return true
	}
	if r.F.Faulted() {
		r.Report(explore.Symptom{Rule: RuleWorks, Kind: kindFaults, Op: which, Error: r.exception()}, "set succeeds", fmt.Sprintf("set %q: %v", k.Name, err))
		return false
	}
	r.Sets(k.Name, v)
	again := r.Store.Set(k.Name, v, 0)
	r.Ends(again, false, false)
	if again == nil {
		k.Holds(v, 0)
		r.Report(explore.Symptom{Rule: RuleWorks, Kind: kindSetFailsOnce, Op: which, Error: ErrorName(err)}, "set succeeds", fmt.Sprintf("set %q: %v; the same set again succeeds", k.Name, err))
		return true
	}
	k.May(v, 0)
	r.Report(explore.Symptom{Rule: RuleWorks, Kind: "set-fails-twice", Op: which, Error: ErrorName(err)}, "set succeeds", fmt.Sprintf("set %q: %v; the same set again: %v", k.Name, err, again))
	return true
}

// Pick draws a key that may be rewritten, not the one to leave alone if there is another; -1 if there is none.
func (r *Run) Pick(rnd *random.Source, leave int) int {
	start := rnd.Intn(len(r.Exp.Keys))
	for n := range r.Exp.Keys {
		if i := (start + n) % len(r.Exp.Keys); i != leave && !r.Fixed(i) {
			return i
		}
	}
	if leave >= 0 && r.Fixed(leave) {
		return -1
	}
	return leave
}

// Refusable reports whether a store may refuse a key as an invalid argument, as Hardened does: one of 128 bytes, the
// master record's, and one whose hash another key has that is there or may be.
func (r *Run) Refusable(key string) bool {
	hash := kvstore.CRC([]byte(key))
	return len(key) >= kvstore.MaxKey || key == MasterKey || slices.ContainsFunc(r.Exp.Keys, func(k Key) bool {
		return k.Name != key && (k.Now != nil || k.Either) && kvstore.CRC([]byte(k.Name)) == hash
	})
}

// Fixed reports whether a key can no longer be set, or may not be: a write-once key.
func (r *Run) Fixed(i int) bool { return r.fixed[i] }

// SmallValue is a small value, as most are. Values are cut off a block, since a judge makes some for every cut.
func (r *Run) SmallValue(rnd *random.Source) []byte {
	n := 8 + rnd.Intn(56)
	if len(r.values) < n {
		r.values = make([]byte, 4096)
	}
	v := r.values[:n:n]
	r.values = r.values[n:]
	rnd.Fill(v)
	return v
}

// Image is the store's region as it is.
func (r *Run) Image() []byte {
	p := make([]byte, r.Device.Size)
	r.F.Peek(r.Device.Base, p)
	return p
}

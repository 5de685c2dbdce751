package fuzz

import (
	"fmt"
	"strings"

	"dualbank/kvstore"
	"dualbank/model"
)

// KVInput is a run of a KVStore that a fuzzer chose byte by byte: geometry, operations, and faults in
// any of them, so that cuts nest as deep as the fuzzer likes. It is the one body of both engines.
type KVInput struct {
	Device  Device
	Profile kvstore.Profile
	Steps   []KVStep
}

// KVStep is one operation of a run, with the fault that hits it if there is one.
type KVStep struct {
	Op
	Fault model.Mode // nil: none
	At    uint64     // steps of the operation that complete before the fault
}

// inputGeometries are small, so that a run is short and areas fill quickly.
var inputGeometries = []string{"8x512", "4x512", "2x1K", "2x2K", "4x1K+1x4K", "32x128", "1x1K+2x512", "3x512"}

var inputKeys = []string{"a", "b", "c", "dd", twins[0], twins[1], longestKey, "once", "TDB"}

var inputModes = []model.Mode{nil, model.Before, model.After, model.Torn, model.Prefix, model.Fail}

// DecodeKV reads an input from bytes. Every string of bytes is a run; unused bytes are left over.
func DecodeKV(data []byte) KVInput {
	next := func() int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b)
	}
	// MbedOS differs by one defect that is known, and that hides others: a record that ends just with
	// the area.
	in := KVInput{Profile: kvstore.MbedCE}
	in.Device = Device{Sectors: inputGeometries[next()%len(inputGeometries)], Unit: 1 << (next() % 6)}
	sizes, err := ParseSectors(in.Device.Sectors)
	if err != nil {
		panic(err) // the list above is wrong
	}
	for _, n := range sizes {
		in.Device.Size += n
	}
	kinds := []OpKind{OpSet, OpSet, OpSet, OpSet, OpRemove, OpPieces, OpAbandon, OpReserved, OpReset, OpReboot}
	for len(data) > 0 && len(in.Steps) < 200 {
		var s KVStep
		s.Kind = kinds[next()%len(kinds)]
		if s.Kind.keyed() {
			s.Key = inputKeys[next()%len(inputKeys)]
			if s.Key == "once" && s.Kind.sets() {
				s.Flags = uint32(kvstore.FlagWriteOnce)
			}
		}
		if s.Kind.sets() || s.Kind == OpAbandon || s.Kind == OpReserved {
			s.Size = next()
			if s.Kind == OpReserved {
				s.Size %= 65
			} else if s.Size >= 128 {
				s.Size = (s.Size - 127) * 4
			}
			s.Seed = uint64(next())
		}
		if s.Kind == OpPieces || s.Kind == OpAbandon {
			s.Piece = 1 + next()%max(s.Size, 1)
		}
		// A reset that is cut brings old areas back to life in the reference: known, too.
		if s.Kind != OpReboot && s.Kind != OpReset {
			if b := next(); b < 32*len(inputModes) && b%32 < 16 {
				s.Fault = inputModes[b/32]
				s.At = uint64(next()) | uint64(next()%8)<<8
			}
		}
		in.Steps = append(in.Steps, s)
	}
	return in
}

// Run performs the run and looks at the store after every fault and at the end. It returns the
// violations, and whether the run got anywhere worth following: a collection, or a fault that hit.
func (in *KVInput) Run() (bad []Violation, interesting bool, err error) {
	f, err := in.Device.flash()
	if err != nil {
		return nil, false, err
	}
	dev, err := f.Region(in.Device.Base, in.Device.Size)
	if err != nil {
		return nil, false, err
	}
	var ops []Op
	longest := 64
	for _, s := range in.Steps {
		ops = append(ops, s.Op)
		longest = max(longest, s.Size)
	}
	store := kvstore.NewTDB(dev, kvstore.Options{Profile: in.Profile})
	j := &kvJudge{
		f: f, store: store, limit: in.Device.stepsAllowed(), own: map[string]bool{"TDBS": true},
		buf: make([]byte, longest+1), flight: -1,
	}
	j.exp = *newExpectation(keysOf(ops))
	j.before.copyFrom(&j.exp)
	j.listed = make([]int, len(j.exp.keys))
	if store.Open() != nil {
		return nil, false, nil // a geometry that cannot be split
	}
	for i := range in.Steps {
		s := &in.Steps[i]
		hit, sound := in.step(j, s)
		interesting = interesting || hit
		if !sound {
			return j.bad, true, nil
		}
	}
	j.flight = -1
	j.look(" at the end")
	if j.reopen(RuleOpens, " at the end") {
		j.look(" after a clean reopen")
	}
	return j.bad, interesting || store.Collections() > 0, nil
}

// step performs one operation. sound is false where nothing more can be learned from the run.
func (in *KVInput) step(j *kvJudge, s *KVStep) (hit, sound bool) {
	f := j.f
	if s.Fault != nil {
		f.Arm(model.Cut{Step: s.At, Mode: s.Fault, Seed: s.Seed<<16 | s.At})
	}
	j.before.copyFrom(&j.exp)
	j.flight, j.resetting = -1, false
	collected := collections(j.store)
	err := s.do(j.store, f)
	f.Disarm()
	if err == nil {
		j.exp.apply(&s.Op, s.value(), succeeded)
		return false, true
	}
	if !f.Off() && refused(err, s) {
		return false, true // and nothing has changed
	}
	j.exp.apply(&s.Op, s.value(), maybe)
	if !f.Off() {
		if s.Kind == OpReboot {
			j.report(RuleOpens, "the store does not open: "+name(err), "open succeeds", err.Error())
			return true, false
		}
		if s.Fault != nil || collections(j.store) == collected {
			// After a device error in a collection, or a collection that found no room, the reference's
			// table and its idea of the active area are not those of the flash (docs/findings.md). That
			// is known; what a reboot then finds is what matters here.
			return true, j.reopen(RuleOpens, " after a device error") && j.look(" after a device error")
		}
		return false, true
	}
	if i, ok := j.exp.index[s.Key]; ok {
		j.flight = i
	}
	return true, j.reopen(RuleOpens, "") && j.look("")
}

// refused tells that the store turned the operation down before it touched anything.
func refused(err error, s *KVStep) bool {
	switch err {
	case kvstore.ErrWriteProtected, kvstore.ErrInvalidArgument:
		return true
	case kvstore.ErrWriteFailed:
		return s.Kind == OpReserved && s.Fault == nil // it is set already
	}
	return false
}

// KnownDefect tells that a violation is one that the reference is known for (docs/findings.md), so
// that a guided search looks for others. Sizes in a header that is half written wrap, and the read
// they lead to runs off the device.
func KnownDefect(v Violation) bool {
	return v.Rule == RuleOpens && strings.HasPrefix(v.Symptom, "the store does not open: READ_FAILED")
}

// RunInput is the body of the guided search for both engines: 1 for an input worth following, 0 for
// another. What the reference is known for is worth following too; with strict anything else that is
// broken is a panic, so that the engine keeps the input.
func RunInput(data []byte, strict bool) int {
	in := DecodeKV(data)
	bad, interesting, err := in.Run()
	if err != nil {
		panic(err)
	}
	for _, v := range bad {
		if strict && !KnownDefect(v) {
			panic(fmt.Sprintf("rule %d is broken: %s: expected %s, seen %s\n%v", v.Rule, v.Symptom, v.Expected, v.Seen, &in))
		}
	}
	if interesting || len(bad) > 0 {
		return 1
	}
	return 0
}

func (in *KVInput) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v, profile %v\n", &in.Device, in.Profile)
	for i := range in.Steps {
		s := &in.Steps[i]
		fmt.Fprintf(&b, "%4d %v", i, &s.Op)
		if s.Fault != nil {
			fmt.Fprintf(&b, "; %v after %d steps", s.Fault, s.At)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

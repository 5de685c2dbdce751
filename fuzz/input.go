package fuzz

import (
	"fmt"
	"slices"
	"strings"

	"dualbank/kvstore"
	"dualbank/model"
)

// KVInput is a run of a KVStore that a fuzzer chose byte by byte: geometry, operations, and faults in
// any of them and in the boots after them, so that cuts nest as deep as the fuzzer likes.
type KVInput struct {
	Device  Device
	Profile kvstore.Profile
	Steps   []KVStep
}

// KVStep is one operation of a run, with the faults that hit it.
type KVStep struct {
	Op
	Fault
	Then []Fault // in the boots that follow Fault, one after the other
}

// inputGeometries are small, so that a run is short and areas fill quickly.
var inputGeometries = []string{"8x512", "4x512", "2x1K", "2x2K", "4x1K+1x4K", "32x128", "1x1K+2x512", "3x512"}

var inputKeys = []string{"a", "b", "c", "dd", twins[0], twins[1], longestKey, "once", "TDB"}

// inputModes are those of cuts that leave cells which keep what they read as, and errors.
var inputModes = []model.Mode{nil, model.Before, model.After, model.Torn, model.Prefix, model.Fail}

// eccInputs is a region on a part with ECC.
var eccInputs = Device{Part: "stm32l496zg", Unit: 8, Base: 0x080F0000, Size: 12 * 2048}

// device reads a device and the modes of the faults on it. One in eight runs is on flash with ECC, one with
// cells that do not keep what they read as: what only they show would hide what others do.
func (c *choices) device(geometries []string) (Device, []model.Mode) {
	d := inputDevice(geometries[c.of(len(geometries))], c.of(6))
	switch c.of(8) {
	case 6:
		return eccInputs, append(slices.Clone(inputModes), model.ECC)
	case 7:
		return d, append(slices.Clone(inputModes), model.Weak)
	}
	return d, inputModes
}

// DecodeKV reads an input from bytes. Every string of bytes is a run; unused bytes are left over.
func DecodeKV(data []byte) *KVInput { return decodeKV(&choices{data: data}) }

func decodeKV(c *choices) *KVInput {
	// MbedOS differs by one defect that is known, and that hides others: a record that ends just with
	// the area.
	in := &KVInput{Profile: kvstore.MbedCE}
	var modes []model.Mode
	in.Device, modes = c.device(inputGeometries)
	kinds := []OpKind{OpSet, OpSet, OpSet, OpSet, OpRemove, OpPieces, OpAbandon, OpReserved, OpReset, OpReboot}
	for len(in.Steps) < 200 && c.more() {
		var s KVStep
		s.Kind = kinds[c.of(len(kinds))]
		if s.Kind.keyed() {
			s.Key = inputKeys[c.of(len(inputKeys))]
			if s.Key == "once" && s.Kind.sets() {
				s.Flags = uint32(kvstore.FlagWriteOnce)
			}
		}
		if s.Kind.sets() || s.Kind == OpAbandon || s.Kind == OpReserved {
			s.Size = c.size()
			if s.Kind == OpReserved {
				s.Size %= 65
			}
			s.Seed = uint64(c.next())
		}
		if s.Kind == OpPieces || s.Kind == OpAbandon {
			s.Piece = 1 + c.of(max(s.Size, 1))
		}
		// A reset that is cut brings old areas back to life in the reference: known, too.
		if s.Kind != OpReset && c.of(32) >= 16 {
			if s.Fault = c.fault(modes); s.Mode != nil {
				s.Then = c.recovery(modes[1:])
			}
		}
		in.Steps = append(in.Steps, s)
	}
	return in
}

// inputDevice is a device of these sectors, and nothing else on it.
func inputDevice(sectors string, unit int) Device {
	d := Device{Sectors: sectors, Unit: 1 << unit}
	sizes, err := ParseSectors(sectors)
	if err != nil {
		panic(err) // the lists of geometries are wrong
	}
	for _, n := range sizes {
		d.Size += n
	}
	return d
}

// size is that of a value: each up to 127 bytes, then steps of 4.
func (c *choices) size() int {
	n := c.next()
	if n >= 128 {
		n = (n - 127) * 4
	}
	return n
}

// run performs the run and looks at the store after every fault and at the end.
func (in *KVInput) run(o *outcome) error {
	f, dev, err := in.Device.region()
	if err != nil {
		return err
	}
	ops := make([]Op, len(in.Steps))
	for i := range in.Steps {
		ops[i] = in.Steps[i].Op
	}
	store := kvstore.NewTDB(dev, kvstore.Options{Profile: in.Profile, Defects: o.planted.KV})
	t := newTrial(f, store, []sealed{{store: store, base: in.Device.Base, size: in.Device.Size}}, &in.Device, ops, o)
	t.look = t.kvJudge.look
	if t.store.Open() != nil {
		return nil // a geometry that cannot be split
	}
	for i := range in.Steps {
		if sound, _ := t.perform(&in.Steps[i]); !sound {
			return nil
		}
	}
	t.end()
	o.interesting = o.interesting || collections(t.store) > 0
	return nil
}

func (in *KVInput) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v, profile %v\n", &in.Device, in.Profile)
	for i := range in.Steps {
		s := &in.Steps[i]
		fmt.Fprintf(&b, "%4d %v", i, &s.Op)
		tell(&b, s.Fault, s.Then)
	}
	return b.String()
}

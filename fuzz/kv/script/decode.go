package script

import (
	"slices"

	"dualbank/fuzz/explore"
	"dualbank/kvstore"
	"dualbank/model"
)

// inputGeometries are small, so that a run is short and areas fill quickly.
var inputGeometries = []string{"8x512", "4x512", "2x1K", "2x2K", "4x1K+1x4K", "32x128", "1x1K+2x512", "3x512"}

var inputKeys = []string{"a", "b", "c", "dd", Twins[0], Lone, LongestKey, "once", "TDB"}

// inputModes are those of cuts that leave cells which keep what they read as, and errors.
var inputModes = []model.Mode{nil, model.Before, model.After, model.Torn, model.Prefix, model.Fail}

// eccInputs is a region on a part with ECC.
var eccInputs = explore.Device{Part: "stm32l496zg", Unit: 8, Base: 0x080F0000, Size: 12 * 2048}

// device reads a device and the modes of the faults on it. One in eight runs is on flash with ECC, one with
// cells that do not keep what they read as: what only they show would hide what others do.
func device(c *explore.Choices, geometries []string) (explore.Device, []model.Mode) {
	d := inputDevice(geometries[c.Of(len(geometries))], c.Of(6))
	switch c.Of(8) {
	case 6:
		return eccInputs, append(slices.Clone(inputModes), model.ECC)
	case 7:
		return d, append(slices.Clone(inputModes), model.Weak)
	}
	return d, inputModes
}

// Decode reads a run of one store from bytes: geometry, operations, and faults in any of them and in the
// boots after them, so that cuts nest as deep as the fuzzer likes. Any bytes are a run.
func Decode(c *explore.Choices) (explore.Device, []Step) {
	d, modes := device(c, inputGeometries)
	var steps []Step
	kinds := []OpKind{Set, Set, Set, Set, Remove, Pieces, Abandon, Reserved, Reset, Reboot}
	for len(steps) < 200 && c.More() {
		var s Step
		s.Kind = kinds[c.Of(len(kinds))]
		if s.Kind.Keyed() {
			s.Key = inputKeys[c.Of(len(inputKeys))]
			if s.Key == "once" && s.Kind.Sets() {
				s.Flags = kvstore.FlagWriteOnce
			}
		}
		if s.Kind.Sets() || s.Kind == Abandon || s.Kind == Reserved {
			s.Size = size(c)
			if s.Kind == Reserved {
				s.Size %= 65
			}
			s.Seed = uint64(c.Next())
		}
		if s.Kind == Pieces || s.Kind == Abandon {
			s.Piece = 1 + c.Of(max(s.Size, 1))
		}
		// A reset that is cut brings old areas back to life in the reference: known, too.
		if s.Kind != Reset && c.Of(32) >= 16 {
			s.faulted(c, modes)
		}
		steps = append(steps, s)
	}
	return d, steps
}

// faulted reads the faults of a step.
func (s *Step) faulted(c *explore.Choices, modes []model.Mode) {
	if s.Fault = c.Fault(modes); s.Fault.Mode == nil {
		return
	}
	s.Then = c.Recovery(modes[1:])
	s.Fault.Seed = s.Seed<<16 | s.Fault.At
	for i := range s.Then {
		s.Then[i].Seed = (s.Seed+uint64(i)+1)<<16 | s.Then[i].At
	}
}

// inputDevice is a device of these sectors, and nothing else on it.
func inputDevice(sectors string, unit int) explore.Device {
	d := explore.Device{Sectors: sectors, Unit: 1 << unit}
	sizes, err := explore.ParseSectors(sectors)
	if err != nil {
		panic(err) // the lists of geometries are wrong
	}
	for _, n := range sizes {
		d.Size += n
	}
	return d
}

// size is that of a value: each up to 127 bytes, then steps of 4.
func size(c *explore.Choices) int {
	n := c.Next()
	if n >= 128 {
		n = (n - 127) * 4
	}
	return n
}

package results

import (
	"fmt"
	"slices"

	"dualbank/results/unit"
)

// Film is a finding step by step: the flash of its device from shortly before the cut to the end of the recovery,
// what lies on it, and what the software believes of it. A page steps through it (package page).
type Film struct {
	Base    uint32   `json:"base"`            // address of the first byte shown
	Sectors []uint32 `json:"sectors"`         // bytes of each sector, from Base on
	Erased  byte     `json:"erased"`          // what an erased byte reads as
	Start   []Patch  `json:"start"`           // bytes before the first frame; what no patch covers is erased
	Partial bool     `json:"partial"`         // of a large flash: bytes are kept around what changes alone
	Frames  []Frame  `json:"frames"`          // in order, at most MaxFrames
	Cut     int      `json:"cut"`             // index of the frame that the fault leaves; -1: there is no fault
	Early   int      `json:"early,omitempty"` // frames that were left out before the first
	Late    int      `json:"late,omitempty"`  // frames that were left out before the last
}

// MaxFrames bounds the frames of a film.
const MaxFrames = 96

// Patch is a run of bytes. Fill, with Size, stands for equal bytes.
type Patch struct {
	Addr uint32 `json:"at"`
	Data []byte `json:"data,omitempty"`
	Size uint32 `json:"size,omitempty"` // bytes of Fill, where Data is empty
	Fill byte   `json:"fill,omitempty"`
}

// Frame is the flash after one access, or after something else that is worth a look.
type Frame struct {
	Scene   string   `json:"scene"`             // what the device does: "set \"k00\", 32 bytes"
	Text    string   `json:"text"`              // what happened: "program 4 bytes at 0x08100084"
	Patches []Patch  `json:"patches,omitempty"` // bytes that differ from the frame before
	Boxes   []Box    `json:"boxes,omitempty"`   // what lies elsewhere than in the frame before; an empty Kind: nothing does any more
	Belief  []Belief `json:"belief,omitempty"`  // what the software's table says, where it has changed
	Keys    []Wanted `json:"keys,omitempty"`    // what must hold for each key, where that has changed
	Closed  bool     `json:"closed,omitempty"`  // the software has no table: it is not open, or the power is off
}

// Box is something that lies on the flash.
type Box struct {
	Addr uint32 `json:"at"`
	Size uint32 `json:"size"`
	Kind string `json:"kind"` // one of BoxKinds
	Text string `json:"text,omitempty"`
}

// BoxKinds are what can lie on a flash, with what each means, for people.
var BoxKinds = [][2]string{
	{"live", "live record: the newest of its key"},
	{"dead", "dead record: a later one replaces it"},
	{"tombstone", "tombstone: its key was removed"},
	{"stale", "stale record of an earlier life of the area: an open does not see it"},
	{"torn", "bytes behind the log that are neither erased nor a whole record"},
	{"reserved", "reserved data: the device key"},
	{"master", "master record: its version decides which area is active"},
	{"damaged", "present, and not valid"},
	{"header", "header of a firmware image"},
	{"image", "firmware"},
}

// Belief is one entry of the software's table in RAM.
type Belief struct {
	Key  string `json:"key"`
	Addr uint32 `json:"at"` // of the record that the entry points to; 0 with an empty Key: the table is empty
}

// Wanted is what must hold for a key.
type Wanted struct {
	Key  string `json:"key"`
	Text string `json:"text"` // "the 32 bytes stored or missing"
}

// check returns an error for what no film has.
func (f *Film) check() error {
	size := uint64(0)
	for _, n := range f.Sectors {
		size += uint64(n)
	}
	if len(f.Sectors) == 0 || size > 1<<32 || len(f.Sectors) > 1<<16 {
		return fmt.Errorf("film.sectors: %d with %d bytes in all: want some, and up to 4 GiB", len(f.Sectors), size)
	}
	if len(f.Frames) == 0 || len(f.Frames) > MaxFrames || f.Cut >= len(f.Frames) || f.Cut < -1 {
		return fmt.Errorf("film: %d frames, the cut in frame %d: want 1 to %d, and the cut in one of them", len(f.Frames), f.Cut, MaxFrames)
	}
	inside := func(at uint32, n uint64) bool { return at >= f.Base && uint64(at-f.Base)+n <= size }
	patches := func(where string, ps []Patch) error {
		for i, p := range ps {
			if !inside(p.Addr, max(uint64(len(p.Data)), uint64(p.Size))) {
				return fmt.Errorf("film.%s[%d]: %s is outside the film's flash", where, i, unit.Address(p.Addr))
			}
		}
		return nil
	}
	if err := patches("start", f.Start); err != nil {
		return err
	}
	for i := range f.Frames {
		fr := &f.Frames[i]
		if err := patches(fmt.Sprintf("frames[%d].patches", i), fr.Patches); err != nil {
			return err
		}
		for j, b := range fr.Boxes {
			known := b.Kind == "" || slices.ContainsFunc(BoxKinds, func(k [2]string) bool { return k[0] == b.Kind })
			if !known || !inside(b.Addr, uint64(b.Size)) {
				return fmt.Errorf("film.frames[%d].boxes[%d]: %q at %s is no box of the film's flash", i, j, b.Kind, unit.Address(b.Addr))
			}
		}
	}
	return nil
}

package fuzz

import (
	"fmt"
	"strings"

	"dualbank/kvstore"
	"dualbank/model"
)

// SecureInput is a run of a SecureStore on its two regions that a fuzzer chose byte by byte: operations on
// keys of every kind of protection, faults in them and in the boots after them, and attacks on the
// external region.
type SecureInput struct {
	Device  Device
	Profile kvstore.Profile
	Steps   []SecureStep
}

// SecureStep is one step of it: an operation, or an attack.
type SecureStep struct {
	KVStep
	Attack *Attack
}

// Attack is what somebody with access to the external region does to it. Attacks that follow each other add
// up; the next operation finds the flash as it was before them.
type Attack struct {
	What  string // a name of rawAttacks, or of attacks on records
	Key   string // whose record is attacked
	At    uint32 // offset in the external region, taken modulo its size
	Bit   int    // to turn over
	Image int    // the state of the region before so many operations is put back, modulo how many there were
}

// The attacks on bytes rather than records.
const (
	attackFlip    = "turn a bit over"
	attackZero    = "clear a byte"
	attackErase   = "erase a sector"
	attackCut     = "erase everything from an address on"
	attackReplay  = "put everything back as it was"
	attackRestore = "put a sector back as it was"
)

var rawAttacks = []string{attackFlip, attackZero, attackErase, attackCut, attackReplay, attackRestore}

// secureGeometries leave the internal store, a third of them, and the external one, two sectors less than
// the rest, two sectors at least.
var secureGeometries = []string{"24x512", "12x512", "12x1K", "3x512+6x1K", "24x256", "4x1K+2x2K+4x1K"}

// secureKeys are protected by their names too, see protection.
var secureKeys = []string{"n0", "n1", "o0", "c0", "r0", "x0", twins[0], twins[1], longestKey}

// secureFlags are what a set asks for; the last is unknown to every store.
var secureFlags = []kvstore.Flags{
	0, 0, 0, kvstore.FlagConfidential, kvstore.FlagReplayProtection, kvstore.FlagReplayProtection | kvstore.FlagConfidential,
	kvstore.FlagWriteOnce, kvstore.FlagWriteOnce | kvstore.FlagConfidential, kvstore.FlagWriteOnce | kvstore.FlagReplayProtection, 1 << 2,
}

// DecodeSecure reads an input from bytes. Every string of bytes is a run.
func DecodeSecure(data []byte) *SecureInput { return decodeSecure(&choices{data: data}) }

func decodeSecure(c *choices) *SecureInput {
	in := &SecureInput{Profile: kvstore.MbedCE}
	var modes []model.Mode
	in.Device, modes = c.device(secureGeometries)
	kinds := []OpKind{OpSet, OpSet, OpSet, OpSet, OpRemove, OpRemove, OpPieces, OpAbandon, OpReserved, OpReset, OpReboot, "", "", ""}
	for len(in.Steps) < 100 && c.more() {
		var s SecureStep
		if s.Kind = kinds[c.of(len(kinds))]; s.Kind == "" {
			s.Attack = c.attack()
			in.Steps = append(in.Steps, s)
			continue
		}
		if s.Kind.keyed() {
			k := c.of(len(secureKeys))
			s.Key = secureKeys[k]
			if s.Kind != OpRemove {
				flags := secureFlags[c.of(len(secureFlags))] | protection(s.Key)
				s.Flags, s.Size = uint32(flags), c.size()
				// No two kinds of values are alike, so that a confidential one is nowhere to be read.
				s.Seed = uint64(c.next()) | uint64(flags)<<8 | uint64(k)<<40
			}
		}
		if s.Kind == OpPieces || s.Kind == OpAbandon {
			// Of a confidential value each piece begins a fresh counter block: others than these cannot
			// be read back as they were written, in the reference (docs/kvstore-findings.md).
			s.Piece = 16 * (1 + c.of(max(s.Size/16, 1)))
		}
		if s.Kind != OpReset && s.Kind != OpReserved && c.of(32) >= 16 {
			if s.Fault = c.fault(modes); s.Mode != nil {
				s.Then = c.recovery(modes[1:])
			}
		}
		in.Steps = append(in.Steps, s)
	}
	return in
}

// attack reads an attack.
func (c *choices) attack() *Attack {
	n := c.of(len(rawAttacks) + len(attacks))
	if n >= len(rawAttacks) {
		return &Attack{What: attacks[n-len(rawAttacks)].name, Key: secureKeys[c.of(len(secureKeys))], Image: c.next()}
	}
	a := &Attack{What: rawAttacks[n]}
	if a.What != attackReplay {
		a.At = uint32(c.next()) | uint32(c.next())<<8
	}
	switch a.What {
	case attackFlip:
		a.Bit = c.of(8)
	case attackReplay, attackRestore:
		a.Image = c.next()
	}
	return a
}

func (a *Attack) String() string {
	s := "attack: " + a.What
	switch a.What {
	case attackFlip:
		return fmt.Sprintf("%s, bit %d at 0x%X", s, a.Bit, a.At)
	case attackZero, attackErase, attackCut:
		return fmt.Sprintf("%s, at 0x%X", s, a.At)
	case attackReplay:
		return fmt.Sprintf("%s, state %d", s, a.Image)
	case attackRestore:
		return fmt.Sprintf("%s, at 0x%X, state %d", s, a.At, a.Image)
	}
	return fmt.Sprintf("%s, of %q, state %d", s, a.Key, a.Image)
}

func (in *SecureInput) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v, profile %v, SecureStore: the internal store in the first third\n", &in.Device, in.Profile)
	for i := range in.Steps {
		s := &in.Steps[i]
		if s.Attack != nil {
			fmt.Fprintf(&b, "%4d %v\n", i, s.Attack)
			continue
		}
		fmt.Fprintf(&b, "%4d %v", i, &s.Op)
		tell(&b, s.Fault, s.Then)
	}
	return b.String()
}

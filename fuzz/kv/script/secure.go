package script

import (
	"dualbank/fuzz/explore"
	"dualbank/kvstore"
)

// secureGeometries leave the internal store, a third of them, and the external one, two sectors less than
// the rest, two sectors at least.
var secureGeometries = []string{"24x512", "12x512", "12x1K", "3x512+6x1K", "24x256", "4x1K+2x2K+4x1K"}

// secureKeys are protected by their names too, see Protection.
var secureKeys = []string{"n0", "n1", "o0", "c0", "r0", "x0", Twins[0], Lone, LongestKey}

// secureFlags are what a set asks for; the last is unknown to every store.
var secureFlags = []kvstore.Flags{
	0, 0, 0, kvstore.FlagConfidential, kvstore.FlagReplayProtection, kvstore.FlagReplayProtection | kvstore.FlagConfidential,
	kvstore.FlagWriteOnce, kvstore.FlagWriteOnce | kvstore.FlagConfidential, kvstore.FlagWriteOnce | kvstore.FlagReplayProtection, 1 << 2,
}

// Protection is how the values of a key are protected, by the first letter of its name.
func Protection(key string) kvstore.Flags {
	if key == "" {
		return 0
	}
	switch key[0] {
	case 'c':
		return kvstore.FlagConfidential
	case 'r', 0x01: // names that begin like a SecureStore's own, too
		return kvstore.FlagReplayProtection
	case 'x':
		return kvstore.FlagConfidential | kvstore.FlagReplayProtection
	}
	return 0
}

// DecodeSecure reads a run of a SecureStore on its two regions from bytes: operations on keys of every kind
// of protection, faults in them and in the boots after them, and attacks on the external region. Any bytes
// are a run.
func DecodeSecure(c *explore.Choices) (explore.Device, []Step) {
	d, modes := device(c, secureGeometries)
	var steps []Step
	kinds := []OpKind{Set, Set, Set, Set, Remove, Remove, Pieces, Abandon, Reserved, Reset, Reboot, "", "", ""}
	for len(steps) < 100 && c.More() {
		var s Step
		if s.Kind = kinds[c.Of(len(kinds))]; s.Kind == "" {
			s.Attack = decodeAttack(c)
			steps = append(steps, s)
			continue
		}
		if s.Kind.Keyed() {
			k := c.Of(len(secureKeys))
			s.Key = secureKeys[k]
			if s.Kind != Remove {
				flags := secureFlags[c.Of(len(secureFlags))] | Protection(s.Key)
				s.Flags, s.Size = flags, size(c)
				// No two kinds of values are alike, so that a confidential one is nowhere to be read.
				s.Seed = uint64(c.Next()) | uint64(flags)<<8 | uint64(k)<<40
			}
		}
		if s.Kind == Pieces || s.Kind == Abandon {
			// Of a confidential value each piece begins a fresh counter block: others than these cannot
			// be read back as they were written, in the reference (docs/kvstore-findings.md).
			s.Piece = 16 * (1 + c.Of(max(s.Size/16, 1)))
		}
		if s.Kind != Reset && s.Kind != Reserved && c.Of(32) >= 16 {
			s.faulted(c, modes)
		}
		steps = append(steps, s)
	}
	return d, steps
}

// decodeAttack reads an attack.
func decodeAttack(c *explore.Choices) *Attack {
	n := c.Of(len(rawAttacks) + len(RecordAttacks))
	if n >= len(rawAttacks) {
		return &Attack{What: RecordAttacks[n-len(rawAttacks)], Key: secureKeys[c.Of(len(secureKeys))], Image: c.Next()}
	}
	a := &Attack{What: rawAttacks[n]}
	if a.What != AttackReplay {
		a.At = uint32(c.Next()) | uint32(c.Next())<<8
	}
	switch a.What {
	case AttackFlip:
		a.Bit = c.Of(8)
	case AttackReplay, AttackRestore:
		a.Image = c.Next()
	}
	return a
}

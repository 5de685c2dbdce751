package fuzz

import (
	"slices"
	"strings"
)

// knownDefect is a way in which the reference is known to break a rule (docs/findings.md), told as
// narrowly as a violation allows, so that a guided search looks for others.
type knownDefect struct {
	name   string
	reason string
	is     func(b *breach, o *outcome) bool
}

// knows tells whether what is broken is a known defect, and its name.
func (t *Target) knows(b *breach, o *outcome) (name string, known bool) {
	for _, k := range t.known {
		if k.is(b, o) {
			return k.name, true
		}
	}
	return "", false
}

// news are the violations of an outcome that are not known.
func (t *Target) news(o *outcome) (fresh []breach) {
	for i := range o.bad {
		if _, known := t.knows(&o.bad[i], o); !known {
			fresh = append(fresh, o.bad[i])
		}
	}
	return fresh
}

// Known to both kinds of stores.
var (
	sizesWrap = knownDefect{
		"sizes-wrap", "finding 1: sizes in a header that is half written wrap, and the read they lead to runs off the device",
		func(b *breach, o *outcome) bool {
			return b.Rule == RuleOpens && strings.HasPrefix(b.Symptom, "the store does not open: READ_FAILED") && len(o.hit) > 0
		},
	}
	revivedRecords = knownDefect{
		"revived-records", "finding 17: after a set that failed and collected garbage nothing erases what follows the log; a valid record of an earlier life there counts at the next open",
		func(b *breach, _ *outcome) bool {
			return (b.Rule >= RuleDurable && b.Rule <= RuleNoMore || b.Rule == RuleWriteOnce || b.Rule == RuleWorks || b.Rule == RuleSecret) && strings.HasSuffix(b.Symptom, ofRevived)
		},
	}
)

// What only some flash shows.
var (
	notErased = knownDefect{
		"not-erased", "finding 2: what a cut leaves behind the log is programmed over, which flash with ECC refuses",
		func(b *breach, o *outcome) bool {
			return o.ecc && b.Rule == RuleRegion && b.Symptom == "the store programs units that are not erased, where they have to be"
		},
	}
	heldUnit = knownDefect{
		"held-unit", "finding 3: a unit that is held in RAM and cannot be programmed is in the way of every later write, the collection's that would clear its place included; after a reboot the next set comes to the same place",
		func(b *breach, o *outcome) bool {
			return o.ecc && b.Rule == RuleWorks && b.Symptom == "a set at the end fails, and so does another: WRITE_FAILED" ||
				o.ecc && b.Rule == RuleSecret && b.Symptom == "a key that a cut has made unreadable stays so" && strings.HasSuffix(b.Seen, ": write failed")
		},
	}
	weakCells = knownDefect{
		"weak-cells", "finding 4: a record whose cells read differently from time to time is there and is not there",
		func(b *breach, o *outcome) bool {
			lost := b.Rule >= RuleOpens && b.Rule <= RuleWorks || b.Rule == RuleSecret && strings.HasPrefix(b.Symptom, "a key that a cut has made unreadable")
			return slices.Contains(o.hit, "weak") && lost
		},
	}
)

var kvKnown = []knownDefect{
	sizesWrap, revivedRecords, notErased, heldUnit, weakCells,
	{
		"unreadable-unit", "finding 6: a unit that a cut has left unreadable is not erased, and an open that comes to it fails",
		func(b *breach, o *outcome) bool {
			return slices.Contains(o.hit, "ecc") && b.Rule == RuleOpens && strings.HasSuffix(b.Symptom, " after a set at the end: READ_FAILED")
		},
	},
	{
		"half-set-reserved-data", "finding 16: of reserved data whose set was cut, or failed, one copy may be whole; it reads back, and is lost with a cut in the collection that erases its area",
		func(b *breach, o *outcome) bool {
			return b.Rule == RuleReserved && strings.HasSuffix(b.Symptom, ofHalfReserved) && len(o.hit) > 0
		},
	},
}

var secureKnown = []knownDefect{
	sizesWrap, revivedRecords, notErased, heldUnit, weakCells,
	{
		"two-stores", "finding 8: the record and its rollback protection entry are written one after the other; a cut or an error in between leaves a key that fails its check",
		func(b *breach, o *outcome) bool {
			return b.Rule == RuleAtomic && strings.HasPrefix(b.Symptom, "the key in flight cannot be read: RBP_AUTHENTICATION_FAILED of a protected key") && len(o.hit) > 0
		},
	},
	{
		"write-once-for-ever", "finding 8: a write-once key that was left so can be neither set nor removed",
		func(b *breach, o *outcome) bool {
			return b.Rule == RuleSecret && len(o.hit) > 0 &&
				(b.Symptom == "a key that a cut has made unreadable stays so" && strings.HasSuffix(b.Seen, ": write protected") ||
					b.Symptom == "a key that a cut has made unreadable cannot be removed: WRITE_PROTECTED")
		},
	},
	{
		"full-area", "finding 10: where live data fills an area, sets and removes are refused, and so is what would bring a key back",
		func(b *breach, o *outcome) bool {
			return b.Rule == RuleSecret && len(o.hit) > 0 &&
				(b.Symptom == "a key that a cut has made unreadable stays so" && strings.HasSuffix(b.Seen, ": media full") ||
					b.Symptom == "a key that a cut has made unreadable cannot be removed: MEDIA_FULL")
		},
	},
	{
		"undefined-remove", "a remove of a record that fails its check and has an entry reads a variable that was never set (secure.md): ErrUndefined here",
		func(b *breach, o *outcome) bool {
			return b.Rule == RuleSecret && b.Symptom == "a key that a cut has made unreadable cannot be removed: UNDEFINED" && len(o.hit) > 0
		},
	},
}

package sut

import (
	"slices"
	"strings"

	"dualbank/fuzz/explore"
)

// The ways in which the reference is known to break a rule (docs/findings.md), told as narrowly as a violation
// allows, so that a guided search looks for others.

// Known to both kinds of stores.
var (
	sizesWrap = explore.KnownDefect{
		Name:   "sizes-wrap",
		Reason: "finding 1: sizes in a header that is half written wrap, and the read they lead to runs off the device",
		Is: func(b *explore.Breach, o *explore.Outcome) bool {
			s := &b.Symptom
			return s.Rule == RuleOpens && (s.Kind == KindNotOpen || s.Kind == KindHalts) && s.When == "" && strings.HasPrefix(s.Error, "READ_FAILED") && len(o.Hit) > 0
		},
	}
	revivedRecords = explore.KnownDefect{
		Name:   "revived-records",
		Reason: "finding 17: after a set that failed and collected garbage nothing erases what follows the log; a valid record of an earlier life there counts at the next open",
		Is: func(b *explore.Breach, _ *explore.Outcome) bool {
			rule := b.Symptom.Rule
			return (rule >= RuleDurable && rule <= RuleNoMore || rule == RuleWriteOnce || rule == RuleWorks || rule == RuleSecret) && b.Symptom.Cause == CauseRevived
		},
	}
)

// What only some flash shows.
var (
	notErased = explore.KnownDefect{
		Name:   "not-erased",
		Reason: "finding 2: what a cut leaves behind the log is programmed over, which flash with ECC refuses",
		Is: func(b *explore.Breach, o *explore.Outcome) bool {
			return o.ECC && b.Symptom.Rule == RuleRegion && b.Symptom.Kind == KindNotErased
		},
	}
	heldUnit = explore.KnownDefect{
		Name:   "held-unit",
		Reason: "finding 3: a unit that is held in RAM and cannot be programmed is in the way of every later write, the collection's that would clear its place included; after a reboot the next set comes to the same place",
		Is: func(b *explore.Breach, o *explore.Outcome) bool {
			s := &b.Symptom
			return o.ECC && (s.Rule == RuleWorks && s.Kind == KindEndSetFails && s.Error == "WRITE_FAILED" ||
				s.Rule == RuleSecret && s.Kind == KindStaysUnreadable && b.Error == "WRITE_FAILED")
		},
	}
	weakCells = explore.KnownDefect{
		Name:   "weak-cells",
		Reason: "finding 4: a record whose cells read differently from time to time is there and is not there",
		Is: func(b *explore.Breach, o *explore.Outcome) bool {
			s := &b.Symptom
			lost := s.Rule >= RuleOpens && s.Rule <= RuleWorks || s.Rule == RuleSecret && (s.Kind == KindNotRemovable || s.Kind == KindStaysUnreadable)
			return slices.Contains(o.Hit, "weak") && lost
		},
	}
	unreadableUnit = explore.KnownDefect{
		Name:   "unreadable-unit",
		Reason: "finding 6: a unit that a cut has left unreadable is not erased, and a boot that comes to it ends in an exception",
		Is: func(b *explore.Breach, o *explore.Outcome) bool {
			s := &b.Symptom
			return slices.Contains(o.Hit, "ecc") && (s.Kind == KindNoBoot || s.Kind == kindFaults)
		},
	}
)

// KnownPlain are those of a TDBStore.
var KnownPlain = []explore.KnownDefect{
	sizesWrap, revivedRecords, notErased, heldUnit, weakCells, unreadableUnit,
	{
		Name:   "half-set-reserved-data",
		Reason: "finding 16: of reserved data whose set was cut, or failed, one copy may be whole; it reads back, and is lost with a cut in the collection that erases its area",
		Is: func(b *explore.Breach, o *explore.Outcome) bool {
			return b.Symptom.Rule == RuleReserved && b.Symptom.Cause == CauseHalfReserved && len(o.Hit) > 0
		},
	},
}

// KnownSecure are those of a SecureStore.
var KnownSecure = []explore.KnownDefect{
	revivedRecords, notErased, heldUnit, weakCells, unreadableUnit,
	{
		Name:   "two-stores",
		Reason: "finding 8: the record and its rollback protection entry are written one after the other; a cut or an error in between leaves a key that fails its check",
		Is: func(b *explore.Breach, o *explore.Outcome) bool {
			s := &b.Symptom
			first, _, _ := strings.Cut(s.When, "+")
			return s.Rule == RuleAtomic && s.Kind == KindUnreadable && s.Op == InFlight && s.Error == "RBP_AUTHENTICATION_FAILED" && first == OfProtectedKey && len(o.Hit) > 0
		},
	},
	{
		Name:   "write-once-for-ever",
		Reason: "finding 8: a write-once key that was left so can be neither set nor removed",
		Is:     func(b *explore.Breach, o *explore.Outcome) bool { return unreadable(b, o, "WRITE_PROTECTED") },
	},
	{
		Name:   "full-area",
		Reason: "finding 10: where live data fills an area, sets and removes are refused, and so is what would bring a key back",
		Is:     func(b *explore.Breach, o *explore.Outcome) bool { return unreadable(b, o, "MEDIA_FULL") },
	},
	{
		Name:   "undefined-remove",
		Reason: "a remove of a record that fails its check and has an entry reads a variable that was never set (secure.md): ErrUndefined here",
		Is: func(b *explore.Breach, o *explore.Outcome) bool {
			return b.Symptom.Rule == RuleSecret && b.Symptom.Kind == KindNotRemovable && b.Symptom.Error == undefined && len(o.Hit) > 0
		},
	},
}

// unreadable reports whether a key that a cut has made unreadable stays so, or cannot be removed, with this
// error.
func unreadable(b *explore.Breach, o *explore.Outcome, err string) bool {
	s := &b.Symptom
	return s.Rule == RuleSecret && len(o.Hit) > 0 &&
		(s.Kind == KindStaysUnreadable && b.Error == err || s.Kind == KindNotRemovable && s.Error == err)
}

package kvstore

import (
	"fmt"
	"iter"
	"math/bits"
	"strings"
)

// Repairs are switches that mend defects of the reference, each by itself, over MbedCE or MbedOS. The profile
// Hardened is MbedCE with all of them. The record format stays. docs/repairs.md says of each what goes wrong, what
// to change in the C++, what it costs, and which finding proves it. The zero value is the reference as it is.
type Repairs uint64

const (
	// RepairWrappedSizes: a record whose sizes wrap at 1<<32 does not fit, and ends the log.
	RepairWrappedSizes Repairs = 1 << iota
	// RepairLogTail: an open looks for what an unfinished set has left behind the log. If there is something,
	// the next set collects garbage first.
	RepairLogTail
	// RepairHeldUnit: a held program unit that cannot be programmed is dropped, not tried again.
	RepairHeldUnit
	// RepairLock: every way out of a set releases the lock that the set took, once.
	RepairLock

	repairsEnd
)

// AllRepairs is the set of every repair.
const AllRepairs = repairsEnd - 1

// repairNames are in the order of the constants.
var repairNames = [...]string{
	"wrapped-sizes",
	"log-tail",
	"held-unit",
	"lock",
}

// Has reports whether any of x is among r.
func (r Repairs) Has(x Repairs) bool { return r&x != 0 }

// With is r and x together.
func (r Repairs) With(x Repairs) Repairs { return r | x }

// Without is r but for x.
func (r Repairs) Without(x Repairs) Repairs { return r &^ x }

// Each returns the repairs of r one by one, each as a set of its own.
func (r Repairs) Each() iter.Seq[Repairs] {
	return func(yield func(Repairs) bool) {
		for left := r; left != 0; left &= left - 1 {
			if !yield(left & -left) {
				return
			}
		}
	}
}

// String lists the names, separated by commas; "" if there is none.
func (r Repairs) String() string {
	var names []string
	for one := range r.Each() {
		if i := bits.TrailingZeros64(uint64(one)); i < len(repairNames) {
			names = append(names, repairNames[i])
		} else {
			names = append(names, fmt.Sprintf("1<<%d", i))
		}
	}
	return strings.Join(names, ",")
}

// ParseRepairs reads what String writes; "all" is every repair. The error names what is unknown.
func ParseRepairs(text string) (Repairs, error) {
	switch text {
	case "":
		return 0, nil
	case "all":
		return AllRepairs, nil
	}
	var r Repairs
next:
	for name := range strings.SplitSeq(text, ",") {
		for i, known := range repairNames {
			if name == known {
				r |= 1 << i
				continue next
			}
		}
		return 0, fmt.Errorf("repair %q is unknown: use all or some of %v", name, AllRepairs)
	}
	return r, nil
}

// MarshalText writes what String does.
func (r Repairs) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads it.
func (r *Repairs) UnmarshalText(b []byte) (err error) {
	*r, err = ParseRepairs(string(b))
	return err
}

// tailWindow is how many bytes behind an empty header's place an open looks at for RepairLogTail: a set programs the
// key first, so that what it left begins there.
const tailWindow = 128

// lookBehind notes, at the end of an open, whether an unfinished set has left something behind the log. What
// follows in the next erase unit is erased before a record comes to it.
func (s *TDBStore) lookBehind() error {
	addr := s.base[s.active] + s.free
	if s.unitStart(addr) == addr {
		return nil
	}
	end := min(s.nextStart(addr), addr+s.headerUp+max(tailWindow, s.unit))
	blank, err := s.blank(addr, end)
	s.unclean = !blank
	return err
}

// endSet releases the lock of an incremental set that is over without its finalize, for RepairLock.
func (s *TDBStore) endSet() {
	if s.opts.Repairs.Has(RepairLock) {
		s.inc.pending = false
		s.locks--
	}
}

package kvstore

import (
	"iter"

	"dualbank/internal/named"
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
	// RepairFailedCollection: after a garbage collection that failed the RAM table is built anew, so that it has
	// no offsets of the other area.
	RepairFailedCollection
	// RepairFullRemove: a remove that finds no room for its tombstone collects garbage without the key.
	RepairFullRemove
	// RepairMasterFirst: a garbage collection switches the areas once its master record reads back. If it does
	// not, the old area goes on, and the next set collects again.
	RepairMasterFirst
	// RepairVersionWrap: where the version wraps, so that an open would take the old area, that area is cleaned.
	RepairVersionWrap
	// RepairEarlierLife: an erase unit that starts just behind a record, or behind a garbage collection's last
	// one, is erased ahead of the header that makes them count.
	RepairEarlierLife
	// RepairResetOrder: a reset erases the standby area first, and if it fails opens the store again.
	RepairResetOrder
	// RepairExactFit: a set leaves the last program unit of an area free, where MbedOS does not believe a record.
	// A record that ends there is read.
	RepairExactFit
	// RepairSectorStarts: the starts of erase units are those of the device, also where a unit is not aligned to
	// its own size.
	RepairSectorStarts
	// RepairLongKey: a key of 128 bytes is ErrInvalidArgument.
	RepairLongKey
	// RepairMasterKey: a set or a remove of the master record's key TDBS is ErrInvalidArgument.
	RepairMasterKey
	// RepairMasterListed: the master record is no key: it is neither listed nor copied.
	RepairMasterListed
	// RepairEqualHashes: keys are compared byte by byte, and a new key whose hash another key has is
	// ErrInvalidArgument.
	RepairEqualHashes
	// RepairTableFreed: an open that fails frees its table once.
	RepairTableFreed
	// RepairReservedRead: a copy of the reserved data that cannot be read does not hide the other one.
	RepairReservedRead
	// RepairReservedSet: reserved data is written to the active area first. An open restores a copy that is
	// missing.
	RepairReservedSet
	// RepairUndecided: where a program unit may be programmed again (Rewritable), an open programs what a cut may
	// have left between two values again, so that it is decided: the record that was last, or zeros over what
	// is none. A set programs the magic number first, so that an open can tell.
	RepairUndecided
	// RepairMaskedReads: reads go through a driver that masks the exception of an ECC error (FaultMasker). What
	// cannot be read at open is no record, and is cleared as RepairLogTail does.
	RepairMaskedReads
	// RepairTwoStores: while a SecureStore changes a protected key, its entry in the rollback protection store
	// holds the old and the new MAC. What a cut leaves is settled by the record that is there. A reset is noted
	// there, and finished by the next open.
	RepairTwoStores
	// RepairRemoveEntry: the remove of a record that fails its checks removes its entry, too.
	RepairRemoveEntry
	// RepairSecretPieces: confidential data that is added in pieces is one key stream.
	RepairSecretPieces
	// RepairSetState: a get or an info of a SecureStore does not end a set that was begun.
	RepairSetState
	// RepairOffset: a get of a SecureStore at an offset beyond the value is ErrInvalidSize for every size.
	RepairOffset
	// RepairAuthentic: a get of a SecureStore that fails leaves nothing in the caller's buffer.
	RepairAuthentic
	// RepairLongRoot: a device key of 32 bytes derives keys of 16, too.
	RepairLongRoot
	// RepairDirectAccess: the direct access to the device key splits the region as TDBStore does.
	RepairDirectAccess
	// RepairPartitionName: a name leads to the partition of just that name.
	RepairPartitionName

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
	"failed-collection",
	"full-remove",
	"master-first",
	"version-wrap",
	"earlier-life",
	"reset-order",
	"exact-fit",
	"sector-starts",
	"long-key",
	"master-key",
	"master-listed",
	"equal-hashes",
	"table-freed",
	"reserved-read",
	"reserved-set",
	"undecided-cells",
	"masked-reads",
	"two-stores",
	"remove-entry",
	"secret-pieces",
	"set-state",
	"offset",
	"authentic",
	"long-root",
	"direct-access",
	"partition-name",
}

// Has reports whether any of x is among r.
func (r Repairs) Has(x Repairs) bool { return r&x != 0 }

// With is r and x together.
func (r Repairs) With(x Repairs) Repairs { return r | x }

// Without is r but for x.
func (r Repairs) Without(x Repairs) Repairs { return r &^ x }

// Each yields the repairs of r one by one, each as a set of its own.
func (r Repairs) Each() iter.Seq[Repairs] { return named.Each(r) }

// String lists the names, separated by commas; "" if there is none.
func (r Repairs) String() string { return named.String(r, repairNames[:]) }

// ParseRepairs reads what String writes; "all" is every repair. The error names what is unknown.
func ParseRepairs(text string) (Repairs, error) {
	return named.Parse[Repairs]("repair", text, repairNames[:])
}

// MarshalText writes what String does.
func (r Repairs) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads it.
func (r *Repairs) UnmarshalText(b []byte) (err error) {
	*r, err = ParseRepairs(string(b))
	return err
}

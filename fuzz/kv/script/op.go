package script

import (
	"fmt"
	"slices"

	"dualbank/kvstore"
	"dualbank/model/random"
)

// OpKind is a call of the KVStore API, or a reboot.
type OpKind string

// The kinds of operations.
const (
	Set      OpKind = "set"
	Remove   OpKind = "remove"
	Pieces   OpKind = "pieces"   // an incremental set, in pieces of Piece bytes
	Abandon  OpKind = "abandon"  // an incremental set that is begun and left after its first piece
	Reserved OpKind = "reserved" // set the reserved data
	Reset    OpKind = "reset"    // remove everything
	Reboot   OpKind = "reboot"   // power off between two operations, and open again
)

var kinds = []OpKind{Set, Remove, Pieces, Abandon, Reserved, Reset, Reboot}

// Op is one operation. A value is told by its size and the seed of its bytes, so that a script stays
// readable.
type Op struct {
	Kind  OpKind
	Key   string        // of Keyed kinds
	Size  int           // bytes of the value
	Seed  uint64        // of the value's bytes
	Piece int           // bytes of a piece
	Flags kvstore.Flags // that a set asks for
}

// Sets reports whether the operation gives its key a value.
func (k OpKind) Sets() bool { return k == Set || k == Pieces }

// Keyed reports whether the operation has a key.
func (k OpKind) Keyed() bool { return k.Sets() || k == Remove || k == Abandon }

// valued reports whether the operation has a value.
func (k OpKind) valued() bool { return k.Sets() || k == Reserved || k == Abandon }

// Value makes the bytes that the operation sets.
func (o *Op) Value() []byte {
	v := make([]byte, o.Size)
	random.New(o.Seed).Fill(v)
	return v
}

// String is the operation for people: without the seed of its value.
func (o *Op) String() string {
	s := string(o.Kind)
	if o.Kind.Keyed() {
		s += fmt.Sprintf(" %q", o.Key)
	}
	if o.Kind.valued() {
		s += fmt.Sprintf(", %d bytes", o.Size)
	}
	if o.Kind == Pieces || o.Kind == Abandon {
		s += fmt.Sprintf(" in pieces of %d", o.Piece)
	}
	if o.Flags != 0 {
		s += fmt.Sprintf(", flags 0x%X", uint32(o.Flags))
	}
	return s
}

// check finds what makes an operation impossible to perform.
func (o *Op) check() error {
	switch {
	case !slices.Contains(kinds, o.Kind):
		return fmt.Errorf("%q is unknown: use set, pieces, abandon, remove, reserved, reset or reboot", o.Kind)
	case o.Size < 0 || o.Size > 1<<24:
		return fmt.Errorf("%d bytes are out of range: use 0 to 16777216", o.Size)
	case o.Piece < 0 || o.Kind == Pieces && o.Size/max(o.Piece, 1) > 1<<16:
		return fmt.Errorf("pieces of %d bytes are out of range: use up to 65536 pieces", o.Piece)
	case o.Kind.Keyed() != (o.Key != ""):
		return fmt.Errorf("key %q does not fit %q: sets and removes have a key, others have none", o.Key, o.Kind)
	}
	return nil
}

// Abilities are what a store can do beside open, set, get, remove and list.
type Abilities struct {
	Reserved bool          // it keeps reserved data
	Pieces   bool          // it takes a value in pieces
	Reset    bool          // it removes everything in one call
	Flags    kvstore.Flags // that a set may have
	Keeps    bool          // it cannot remove a key
	Key      int           // bytes of the longest key; 0: any
	Value    int           // bytes of the longest value; 0: any
}

// All is a store that can do everything.
var All = Abilities{Reserved: true, Pieces: true, Reset: true, Flags: ^kvstore.Flags(0)}

// Fit is the operation as a store of these abilities can do it; ok is false where it cannot.
func (a Abilities) Fit(o Op) (fit Op, ok bool) {
	o.Flags &= a.Flags
	if a.Value > 0 {
		o.Size = min(o.Size, a.Value)
	}
	if a.Key > 0 && len(o.Key) > a.Key {
		return o, false
	}
	switch o.Kind {
	case Reserved:
		return o, a.Reserved
	case Remove:
		return o, !a.Keeps
	case Reset:
		return o, a.Reset
	case Abandon:
		return o, a.Pieces
	case Pieces:
		if !a.Pieces {
			o.Kind, o.Piece = Set, 0
		}
	}
	return o, true
}

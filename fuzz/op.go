package fuzz

import (
	"errors"
	"fmt"

	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/random"
)

// OpKind is a call of the KVStore API, or a reboot.
type OpKind string

// The kinds of operations of a KVStore workload.
const (
	OpSet      OpKind = "set"
	OpRemove   OpKind = "remove"
	OpPieces   OpKind = "pieces"   // an incremental set, in pieces of Piece bytes
	OpAbandon  OpKind = "abandon"  // an incremental set that is begun and left after its first piece
	OpReserved OpKind = "reserved" // set the reserved data
	OpReset    OpKind = "reset"    // remove everything
	OpReboot   OpKind = "reboot"   // power off between two operations, and open again
)

// Op is one operation of a KVStore workload. A value is told by its size and the seed of its bytes,
// so that a script stays readable.
type Op struct {
	Kind  OpKind `json:"op"`
	Key   string `json:"key,omitempty"`
	Size  int    `json:"size,omitempty"`
	Seed  uint64 `json:"seed,omitempty"`
	Piece int    `json:"piece,omitempty"`
	Flags uint32 `json:"flags,omitempty"`
}

// sets tells whether the operation gives its key a value.
func (k OpKind) sets() bool { return k == OpSet || k == OpPieces }

// keyed tells whether the operation has a key.
func (k OpKind) keyed() bool { return k.sets() || k == OpRemove || k == OpAbandon }

// known tells whether there is such an operation.
func (k OpKind) known() bool { return k.keyed() || k == OpReserved || k == OpReset || k == OpReboot }

// value makes the bytes that the operation sets.
func (o *Op) value() []byte {
	v := make([]byte, o.Size)
	random.New(o.Seed).Fill(v)
	return v
}

func (o *Op) String() string {
	s := string(o.Kind)
	if o.Kind.keyed() {
		s += fmt.Sprintf(" %q", o.Key)
	}
	if o.Kind.sets() || o.Kind == OpReserved || o.Kind == OpAbandon {
		s += fmt.Sprintf(", %d bytes", o.Size)
	}
	if o.Kind == OpPieces || o.Kind == OpAbandon {
		s += fmt.Sprintf(" in pieces of %d", o.Piece)
	}
	if o.Flags != 0 {
		s += fmt.Sprintf(", flags 0x%X", o.Flags)
	}
	return s
}

// do performs the operation. A key that cannot be removed because it is missing is as it should be.
func (o *Op) do(s kvstore.Store, f *model.Flash) error {
	switch o.Kind {
	case OpSet:
		return s.Set(o.Key, o.value(), kvstore.Flags(o.Flags))
	case OpPieces:
		v := o.value()
		if err := s.SetStart(o.Key, uint32(len(v)), kvstore.Flags(o.Flags)); err != nil {
			return err
		}
		for len(v) > 0 {
			n := min(len(v), max(o.Piece, 1))
			if err := s.SetAdd(v[:n]); err != nil {
				return err
			}
			v = v[n:]
		}
		return s.SetFinalize()
	case OpAbandon:
		v := o.value()
		if err := s.SetStart(o.Key, uint32(len(v)), kvstore.Flags(o.Flags)); err != nil {
			return err
		}
		return s.SetAdd(v[:min(len(v), o.Piece)])
	case OpRemove:
		if err := s.Remove(o.Key); !errors.Is(err, kvstore.ErrItemNotFound) {
			return err
		}
		return nil
	case OpReserved:
		r, ok := s.(reserver)
		if !ok {
			return fmt.Errorf("the store keeps no reserved data")
		}
		return r.SetReserved(o.value())
	case OpReset:
		return s.Reset()
	case OpReboot:
		f.Boot()
		return s.Open()
	}
	return fmt.Errorf("operation %q is unknown", o.Kind)
}

// doCut performs the operation under a fault plan. The plan of a reboot begins with the boot, which
// empties the one before.
func (o *Op) doCut(s kvstore.Store, f *model.Flash, cut model.Cut) error {
	if o.Kind == OpReboot {
		f.Boot()
		f.Arm(cut)
		return s.Open()
	}
	f.Arm(cut)
	return o.do(s, f)
}

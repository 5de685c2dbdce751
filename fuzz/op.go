package fuzz

import (
	"fmt"

	"dualbank/model"
)

// OpKind is a call of the KVStore API, or a reboot.
type OpKind string

// The kinds of operations of a KVStore workload.
const (
	OpSet      OpKind = "set"
	OpRemove   OpKind = "remove"
	OpReserved OpKind = "reserved" // set the reserved data
	OpReboot   OpKind = "reboot"   // power off between two operations, and open again
)

// Op is one operation of a KVStore workload. A value is told by its size and the seed of its bytes,
// so that a script stays readable.
type Op struct {
	Kind  OpKind `json:"op"`
	Key   string `json:"key,omitempty"`
	Size  int    `json:"size,omitempty"`
	Seed  uint64 `json:"seed,omitempty"`
	Flags uint32 `json:"flags,omitempty"`
}

// value makes the bytes that the operation sets.
func (o *Op) value() []byte {
	v := make([]byte, o.Size)
	model.NewRand(o.Seed).Fill(v)
	return v
}

func (o *Op) String() string {
	switch o.Kind {
	case OpSet:
		if o.Flags != 0 {
			return fmt.Sprintf("set %q, %d bytes, flags 0x%X", o.Key, o.Size, o.Flags)
		}
		return fmt.Sprintf("set %q, %d bytes", o.Key, o.Size)
	case OpRemove:
		return fmt.Sprintf("remove %q", o.Key)
	case OpReserved:
		return fmt.Sprintf("set %d bytes of reserved data", o.Size)
	}
	return string(o.Kind)
}

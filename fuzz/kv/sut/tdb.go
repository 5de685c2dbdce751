package sut

import (
	"dualbank/fuzz/kv/script"
	"dualbank/kvstore"
)

// MasterKey is the key of TDBStore's master record.
const MasterKey = "TDBS"

// Constants of a record on flash (tdbstore.md).
const (
	RecordMagic  = 0x54686683
	RecordHeader = 24 // bytes
)

// RecordSize is the number of bytes that the record of op takes on flash.
func RecordSize(op *script.Op, unit uint32) uint32 {
	size := uint32(0)
	if op.Kind.Sets() || op.Kind == script.Abandon {
		size = uint32(op.Size)
	}
	return RoundUp(RecordHeader, unit) + RoundUp(uint32(len(op.Key))+size, unit)
}

func RoundUp(n, to uint32) uint32 { return (n + to - 1) / to * to }

// Log is a store's log, as a walk follows it.
type Log struct {
	Store *kvstore.TDBStore
	Was   LogEnd // before the present operation
}

// LogEnd is where a log ends, and how many collections have made it what it is.
type LogEnd struct {
	kvstore.Layout
	Collections uint64
}

// End is where the log ends now.
func (l *Log) End() LogEnd { return LogEnd{l.Store.Layout(), l.Store.Collections()} }

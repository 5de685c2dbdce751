package sut

import (
	"encoding/binary"
	"strings"

	"dualbank/fuzz/kv/script"
	"dualbank/kvstore"
	"dualbank/model"
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

// CheckedLog is a store's log, and where its end was when a set last made sure that no record follows it.
type CheckedLog struct {
	Store   *kvstore.TDBStore
	Base    uint32 // address of the store
	Size    uint32
	Was     logEnd // before the present operation
	checked logEnd
}

// logEnd is where a log ends, and how many collections have made it what it is.
type logEnd struct {
	kvstore.Layout
	Collections uint64
}

func (l *CheckedLog) End() logEnd { return logEnd{l.Store.Layout(), l.Store.Collections()} }

// Written notes that a set has succeeded: where the log has grown, the store has checked its new end.
func (l *CheckedLog) Written() {
	if l.End() != l.Was {
		l.checked = l.End()
	}
}

// Revives reports whether, on the flash as it is, a record of an earlier life follows a log whose end no set has
// checked since a collection: the next open takes it for a new one. busy is the key of the set that was cut,
// whose record lies there too.
func (l *CheckedLog) Revives(f *model.Flash, busy string) bool {
	now := l.End()
	if now == l.checked || now.Unit == 0 || now.Free+RecordHeader > now.Size {
		return false
	}
	at := l.Base + now.Base[now.Active] + now.Free
	var head [RecordHeader]byte
	f.Peek(at, head[:])
	if binary.LittleEndian.Uint32(head[:]) != RecordMagic {
		return false
	}
	key := make([]byte, min(uint32(binary.LittleEndian.Uint16(head[12:])), now.Size-now.Free-RecordHeader))
	f.Peek(at+RoundUp(RecordHeader, now.Unit), key)
	if busy != "" && strings.HasPrefix(string(key), busy) {
		return false
	}
	dev, err := f.Region(l.Base, l.Size)
	if err != nil {
		return false
	}
	p, err := kvstore.Inspect(unpowered{dev, f, l.Base}, kvstore.MbedCE)
	return err == nil && p.Areas[now.Active].Free > now.Free
}

// unpowered is a region of a flash whose power may be off.
type unpowered struct {
	*model.Region
	f    *model.Flash
	base uint32
}

// Read shows what the cells hold.
func (u unpowered) Read(addr uint32, p []byte) error {
	if !u.f.Peek(u.base+addr, p) {
		return model.ErrRange
	}
	return nil
}

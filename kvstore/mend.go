package kvstore

import (
	"bytes"
	"encoding/binary"
	"math"
)

// Rewritable is a device that says whether a program unit may be programmed again with what it holds, or with
// fewer bits: NOR cells without ECC. RepairUndecided needs it.
type Rewritable interface{ Rewritable() bool }

// FaultMasker is a device whose driver can read with the exception of an uncorrectable ECC error masked. From the
// call on such a read is an error. RepairMaskedReads needs it.
type FaultMasker interface{ MaskFaults() }

// prepare derives what the repairs make of the measured device.
func (s *TDBStore) prepare() {
	r := s.opts.Repairs
	s.limit, s.longest, s.headFrom = s.area, math.MaxUint32, 0
	if r == 0 {
		return
	}
	s.aligned = s.aligned || r.Has(RepairSectorStarts)
	if r.Has(RepairExactFit) {
		s.limit -= s.unit
	}
	if r.Has(RepairWrappedSizes) {
		s.longest = s.area
	}
	if d, ok := s.dev.(Rewritable); ok && r.Has(RepairUndecided) {
		if s.rewrites = d.Rewritable(); s.rewrites && s.unit == 1 {
			s.headFrom = magicSize
		}
	}
	if d, ok := s.dev.(FaultMasker); ok && r.Has(RepairMaskedReads) {
		d.MaskFaults()
		s.masked = true
	}
}

// mend makes good, at the end of an open, what a cut has left.
func (s *TDBStore) mend(valid [2]bool) error {
	if s.rewrites {
		if err := s.decide(valid); err != nil {
			return err
		}
	}
	if s.rewrites || s.opts.Repairs.Has(RepairLogTail) {
		if err := s.lookBehind(); err != nil {
			return err
		}
	}
	if s.opts.Repairs.Has(RepairReservedSet) {
		s.mendReserved()
	}
	return nil
}

// tailWindow is how many bytes behind an empty header's place an open looks at: a set programs the key first, so
// that what it left begins there.
const tailWindow = 128

// magicSize is the size of a record's magic number in bytes.
const magicSize = 4

// lookBehind notes whether an unfinished set has left something behind the log. What follows in the next erase unit
// is erased before a record comes to it.
func (s *TDBStore) lookBehind() error {
	addr := s.base[s.active] + s.free
	if s.unitStart(addr) == addr {
		return nil
	}
	end := min(s.nextStart(addr), addr+s.headerUp+max(tailWindow, s.unit))
	if s.rewrites && end-addr > magicSize {
		// A magic number that is not whole is all there is, and the next set programs it again.
		var magic [magicSize]byte
		if err := s.read(addr, magic[:]); err != nil {
			return err
		}
		if magicBegun(magic[:]) {
			addr += magicSize
		}
	}
	blank, err := s.blank(addr, end)
	if s.unreadable(err) {
		blank, err = false, nil
	}
	s.unclean = s.unclean || !blank
	return err
}

// endSet ends a set whose data could not be added, and releases its lock, for RepairLock.
func (s *TDBStore) endSet() {
	if s.opts.Repairs.Has(RepairLock) {
		s.inc.pending = false
		s.locks--
	}
}

// decide programs again what the last program before a power loss may have left between two values: the end of a
// header. Of a record that reads as valid it is programmed with what it is; what is no record gets zeros for its
// magic number.
func (s *TDBStore) decide(valid [2]bool) error {
	for area := range valid {
		if err := s.decideRecord(area, s.master, valid[area]); err != nil {
			return err
		}
	}
	if s.last != s.master {
		if err := s.decideRecord(s.active, s.last, true); err != nil {
			return err
		}
	}
	if s.free+headerSize > s.area {
		return nil
	}
	return s.decideRecord(s.active, s.free, false)
}

// decideRecord decides the header at off of an area, which reads as a record or does not.
func (s *TDBStore) decideRecord(area int, off uint32, valid bool) error {
	addr := s.base[area] + off
	if valid {
		if err := s.load(area, off, 0); err != nil {
			if err == ErrInvalidData {
				err = errUndecided
			}
			return err
		}
		key, data := s.rec.key, s.rec.data
		putHeader(s.lead[:], s.rec.flags, uint16(len(key)), uint32(len(data)))
		s.crcWork(crcOffset + len(key) + len(data))
		sum := ieeeAdd(ieeeAdd(ieeeAdd(0, s.lead[:crcOffset]), key), data)
		copy(s.head[:], s.lead[:crcOffset])
		binary.LittleEndian.PutUint32(s.head[crcOffset:], storeCRC(sum))
		from := (headerSize - 1) &^ (s.unit - 1)
		return s.rewrite(addr+from, s.head[from:])
	}
	h := s.head[:]
	if err := s.read(addr, h); err != nil {
		return err
	}
	rest := h[magicSize:]
	switch magic := binary.LittleEndian.Uint32(h); {
	case magic == 0, magicBegun(h), h[0] == 0xFF, // the rest may lie in an erase unit that comes next
		magic == recordMagic && bytes.Equal(rest, erasedHeader[magicSize:]):
		return nil // it is none for good, or no more of a header was begun
	}
	clear(h[:magicSize])
	return s.rewrite(addr, h[:magicSize])
}

// unreadable reports whether err is of a unit that was left so by a cut, with RepairMaskedReads.
func (s *TDBStore) unreadable(err error) bool {
	damaged := s.damaged
	s.damaged = false
	return err == ErrReadFailed && damaged
}

// magicBegun reports whether a header begins with nothing, or with a magic number of which some bits are missing.
// A set programs the magic number first: no more of its record is there.
func magicBegun(h []byte) bool {
	magic := binary.LittleEndian.Uint32(h)
	return magic != recordMagic && magic&recordMagic == recordMagic
}

// errUndecided: cells read differently from one read to the next.
var errUndecided = &Error{"UNDECIDED", "cells read differently from read to read"}

var erasedHeader = bytes.Repeat([]byte{0xFF}, headerSize)

// rewrite programs p over what is at addr, at once.
func (s *TDBStore) rewrite(addr uint32, p []byte) error {
	if err := s.program(addr, p); err != nil {
		return err
	}
	return s.flush()
}

// rebuild makes the RAM table what the active area holds. If it cannot be read the store is closed.
func (s *TDBStore) rebuild() {
	s.table = s.table[:0]
	s.next.from, s.next.to = 0, 0
	if s.scan(s.logStart()) != nil {
		s.open = false
	}
}

// logStart is the offset that a scan begins at.
func (s *TDBStore) logStart() uint32 {
	if s.opts.Repairs.Has(RepairMasterListed) {
		return s.first
	}
	return s.master
}

// switchBack makes the old area the active one again after a collection whose master record failed. What the other
// one has of it must not count at the next open: it is erased, and no set is done before a collection is.
func (s *TDBStore) switchBack() {
	s.active = 1 - s.active
	s.version--
	s.failures++
	if s.held && s.at-s.base[1-s.active] < s.area {
		s.held = false
	}
	s.unclean = true
	_ = s.eraseHead(1 - s.active)
	s.rebuild()
}

// settleVersion cleans the old area if an open would take it for the newer one: the version has wrapped. A cut
// before is a collection that was not: both areas hold the same.
func (s *TDBStore) settleVersion() error {
	version := [2]uint16{s.version - 1, s.version - 1}
	if version[s.active] = s.version; newer(version) == s.active {
		return nil
	}
	return s.clean(1 - s.active)
}

// removeFull removes a key for whose tombstone there is no room: a collection leaves it out.
func (s *TDBStore) removeFull(key string) error {
	n := copy(s.key[:], key)
	s.key[n] = 0
	i, _, err := s.find(s.key[:n+1], n)
	if err != nil {
		return err
	}
	if s.rec.flags&FlagWriteOnce != 0 {
		return ErrWriteProtected
	}
	return s.collectWithout(i)
}

// wipeMended is wipe with the standby area first: until the active area is erased nothing is lost. After a failure
// what the flash holds is read again.
func (s *TDBStore) wipeMended() error {
	err := s.eraseHead(1 - s.active)
	if err == nil {
		err = s.eraseHead(s.active)
	}
	if err == nil {
		s.empty()
		err = s.writeMaster()
	}
	if err != nil {
		locks := s.locks
		if s.Open() != nil {
			s.open = false
		}
		s.locks = locks
	}
	return err
}

// mendReserved restores the copy of the reserved data that a cut has left missing. An error is left to the next
// open, and to the collections, which write both.
func (s *TDBStore) mendReserved() {
	active, standby := s.wholeCopy(s.active), s.wholeCopy(1-s.active)
	switch {
	case active && !standby:
		if s.rewrites && s.wholeCopy(s.active) {
			_ = s.rewrite(s.base[s.active]+reservedSize, s.reservedBuf[reservedSize:])
		}
		_ = s.clean(1 - s.active)
		_ = s.flush()
	case standby && !active:
		if blank, err := s.blank(s.base[s.active], s.base[s.active]+s.master); err == nil && blank {
			s.fillReserved()
			_ = s.rewrite(s.base[s.active], s.reservedBuf[:])
		}
	case !active && s.rewrites:
		// A set that was cut: it stays undone.
		for _, base := range s.base {
			trailer := s.reservedBuf[reservedSize:]
			if s.read(base+reservedSize, trailer) == nil && !bytes.Equal(trailer, erasedHeader[:trailerSize]) && !isZero(trailer) {
				clear(trailer)
				_ = s.rewrite(base+reservedSize, trailer)
			}
		}
	}
}

func isZero(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}

// wholeCopy reports whether an area has the reserved data whole, and leaves it in reservedBuf.
func (s *TDBStore) wholeCopy(area int) bool {
	_, err := s.reservedCopy(s.base[area])
	return err == nil
}

// fillReserved makes the bytes behind the reserved data in reservedBuf read as erased.
func (s *TDBStore) fillReserved() {
	for i := int(binary.LittleEndian.Uint16(s.reservedBuf[reservedSize+2:])); i < reservedSize; i++ {
		s.reservedBuf[i] = 0xFF
	}
}

// setReserved sets the reserved data in the active area, reads it back, and copies it to the standby area. A cut
// leaves it set or not; an open tells, and makes the copy.
func (s *TDBStore) setReserved(data []byte) error {
	base := s.base[s.active]
	if blank, err := s.blank(base, base+s.master); err != nil || !blank {
		if err := s.collect(); err != nil { // the other area has an erased place
			return err
		}
		base = s.base[s.active]
	}
	buf := s.reservedBuf[:]
	copy(buf, data)
	trailer := buf[reservedSize:]
	binary.LittleEndian.PutUint16(trailer, trailerSize)
	binary.LittleEndian.PutUint16(trailer[2:], uint16(len(data)))
	s.crcWork(len(data))
	binary.LittleEndian.PutUint32(trailer[4:], CRC(data))
	s.fillReserved()
	if err := s.rewrite(base, buf); err != nil {
		return err
	}
	if !s.wholeCopy(s.active) {
		return ErrWriteFailed
	}
	if err := s.clean(1 - s.active); err != nil {
		return err
	}
	return s.flush()
}

package kvstore

import "math/bits"

// Stamped is a device that can tell whether bytes are still the ones that were read before, as a
// simulation can and a chip cannot.
type Stamped interface {
	// Stamp identifies what n bytes at addr hold: equal stamps of equal ranges mean equal bytes. ok is
	// false where nothing can be said.
	Stamp(addr, n uint32) (stamp [2]uint64, ok bool)
}

// memo keeps the records that were read and found valid. A record whose bytes are the same, by their
// stamp, is the same record: reading and checking it again would give the same answer.
type memo struct {
	dev   Stamped
	shift uint    // log2 of the bytes that no two records begin in
	index []int32 // by address>>shift: place in kept, counted from 1
	kept  []kept

	grain  uint32 // bytes of an area between two stops of a scan
	passed [2][]stop
}

type kept struct {
	stamp [2]uint64
	addr  uint32
	size  uint32 // bytes from the start of the header to the end of the data
	rec   record
	bytes []byte // of key and data
}

// stop is a scan of an area on its way, at the last record that begins in a grain. While the bytes up to the
// end of the grain are the same, so is all that the scan has learned, and it can go on from here.
type stop struct {
	off   uint32    // of the record that comes next; 0: the scan never came here
	grain [2]uint64 // stamp of the grain, which tells soonest that something has changed
	stamp [2]uint64 // of all bytes up to the end of the grain
	table []entry
	keys  int
}

// newMemo is nil for a device without stamps.
func newMemo(dev BlockDevice, unit, size, area uint32) *memo {
	d, ok := dev.(Stamped)
	if !ok {
		return nil
	}
	// Fewer stops cost more records to scan again, more of them more tables to copy.
	shift := uint(bits.TrailingZeros32(max(unit, 16)))
	m := &memo{dev: d, shift: shift, index: make([]int32, size>>shift+1), grain: max(area/32, 512)}
	for i := range m.passed {
		m.passed[i] = make([]stop, area/m.grain)
	}
	return m
}

// pass keeps the scan of the active area before the record at off, which ends at behind, if that one is the
// last to begin in a grain.
func (s *TDBStore) pass(off, behind uint32) {
	m := s.memo
	i := off / m.grain
	passed := m.passed[s.active]
	if behind/m.grain == i || int(i) >= len(passed) {
		return
	}
	stamp, ok := m.dev.Stamp(s.base[s.active], (i+1)*m.grain)
	if !ok {
		return
	}
	p := &passed[i]
	p.off, p.stamp, p.keys = off, stamp, s.keys
	p.grain, _ = m.dev.Stamp(s.base[s.active]+i*m.grain, m.grain)
	p.table = append(p.table[:0], s.table...)
}

// resume goes on with the latest scan of the active area that holds still. It returns the offset of the next
// record, start if no scan holds.
func (s *TDBStore) resume(start uint32) uint32 {
	m := s.memo
	passed := m.passed[s.active]
	for i := len(passed) - 1; i >= 0; i-- {
		p := &passed[i]
		if p.off == 0 {
			continue
		}
		stamp, ok := m.dev.Stamp(s.base[s.active]+uint32(i)*m.grain, m.grain)
		if !ok {
			break // and so it is for every stop
		}
		if stamp != p.grain {
			continue
		}
		if stamp, ok := m.dev.Stamp(s.base[s.active], uint32(i+1)*m.grain); ok && stamp == p.stamp {
			s.table = append(s.table[:0], p.table...)
			s.keys = p.keys
			return p.off
		}
	}
	return start
}

// recall puts the record at addr into s.rec, if it is known and its bytes are the same. A unit that is
// held in RAM hides what the device has.
func (s *TDBStore) recall(addr uint32) bool {
	m := s.memo
	i := m.index[addr>>m.shift]
	if i == 0 || s.held {
		return false
	}
	k := &m.kept[i-1]
	if k.addr != addr {
		return false
	}
	if stamp, ok := m.dev.Stamp(addr, k.size); !ok || stamp != k.stamp {
		return false
	}
	s.rec = k.rec
	return true
}

// remember keeps the record in s.rec, which was read at addr and takes size bytes.
func (s *TDBStore) remember(addr, size uint32) {
	m := s.memo
	if s.held {
		return
	}
	stamp, ok := m.dev.Stamp(addr, size)
	if !ok {
		return
	}
	i := &m.index[addr>>m.shift]
	if *i == 0 {
		m.kept = append(m.kept, kept{})
		*i = int32(len(m.kept))
	}
	k := &m.kept[*i-1]
	k.stamp, k.addr, k.size, k.rec = stamp, addr, size, s.rec
	k.bytes = append(append(k.bytes[:0], s.rec.key...), s.rec.data...)
	n := len(s.rec.key)
	k.rec.key, k.rec.data = k.bytes[:n:n], k.bytes[n:]
}

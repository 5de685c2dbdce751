package kvstore

import "math/bits"

// Stamped is a device that knows whether bytes have changed since they were read. A simulation does, a chip does
// not.
type Stamped interface {
	// Stamp identifies what n bytes at addr hold: equal stamps of equal ranges mean equal bytes. ok is
	// false if that is unknown.
	Stamp(addr, n uint32) (stamp [2]uint64, ok bool)
	// Unchanged reports whether n bytes at addr still have the stamp. The store then goes on with what it knows of
	// them, as if it had read them.
	Unchanged(addr, n uint32, stamp [2]uint64) bool
}

// memo caches records that were read and found valid. The key is the stamp of a record's bytes: while it is the
// same, reading and checking the record again would give the same result.
type memo struct {
	dev   Stamped
	shift uint    // log2 of a number of bytes in which only one record can start
	index []int32 // by address>>shift: place in cache, counted from 1
	cache []cached

	grain       uint32 // bytes of an area between two checkpoints of a scan
	checkpoints [2][]checkpoint
}

// cached is a valid record.
type cached struct {
	stamp [2]uint64
	addr  uint32
	size  uint32 // bytes from the start of the header to the end of the data
	rec   record
	bytes []byte // of key and data
}

// checkpoint is the state of an area scan after the last record that starts in one grain. While the bytes up to
// the end of the grain are unchanged, a scan can continue from here.
type checkpoint struct {
	off   uint32    // of the next record; 0: no scan came here
	grain [2]uint64 // stamp of the grain, compared first
	stamp [2]uint64 // stamp of all bytes up to the end of the grain
	table []entry
	keys  int
}

// newMemo returns nil for a device without stamps.
func newMemo(dev BlockDevice, unit, size, area uint32) *memo {
	d, ok := dev.(Stamped)
	if !ok {
		return nil
	}
	// With fewer checkpoints more records are scanned again, with more of them more tables are copied.
	shift := uint(bits.TrailingZeros32(max(unit, 16)))
	m := &memo{dev: d, shift: shift, index: make([]int32, size>>shift+1), grain: max(area/32, 512)}
	for i := range m.checkpoints {
		m.checkpoints[i] = make([]checkpoint, area/m.grain)
	}
	return m
}

// pass keeps a checkpoint of the active area's scan before the record at off, which ends at behind, if it is the
// last record that starts in a grain.
func (s *TDBStore) pass(off, behind uint32) {
	m := s.memo
	i := off / m.grain
	checkpoints := m.checkpoints[s.active]
	if behind/m.grain == i || int(i) >= len(checkpoints) {
		return
	}
	stamp, ok := m.dev.Stamp(s.base[s.active], (i+1)*m.grain)
	if !ok {
		return
	}
	p := &checkpoints[i]
	p.off, p.stamp, p.keys = off, stamp, s.keys
	p.grain, _ = m.dev.Stamp(s.base[s.active]+i*m.grain, m.grain)
	p.table = append(p.table[:0], s.table...)
}

// resume restores the latest checkpoint of the active area whose bytes are unchanged. It returns the offset of
// the next record, or start if there is none.
func (s *TDBStore) resume(start uint32) uint32 {
	m := s.memo
	checkpoints := m.checkpoints[s.active]
	for i := len(checkpoints) - 1; i >= 0; i-- {
		p := &checkpoints[i]
		if p.off == 0 {
			continue
		}
		stamp, ok := m.dev.Stamp(s.base[s.active]+uint32(i)*m.grain, m.grain)
		if !ok {
			break // so it is for every checkpoint
		}
		if stamp != p.grain {
			continue
		}
		if m.dev.Unchanged(s.base[s.active], uint32(i+1)*m.grain, p.stamp) {
			s.table = append(s.table[:0], p.table...)
			s.keys = p.keys
			return p.off
		}
	}
	return start
}

// recall puts the record at addr into s.rec and reports true, if it is cached and its bytes are unchanged. It
// does not if a program unit is held in RAM, which hides what the device has.
func (s *TDBStore) recall(addr uint32) bool {
	m := s.memo
	i := m.index[addr>>m.shift]
	if i == 0 || s.held {
		return false
	}
	k := &m.cache[i-1]
	if k.addr != addr {
		return false
	}
	if !m.dev.Unchanged(addr, k.size, k.stamp) {
		return false
	}
	s.rec = k.rec
	return true
}

// remember caches the record in s.rec, which was read at addr and takes size bytes.
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
		m.cache = append(m.cache, cached{})
		*i = int32(len(m.cache))
	}
	k := &m.cache[*i-1]
	k.stamp, k.addr, k.size, k.rec = stamp, addr, size, s.rec
	k.bytes = append(append(k.bytes[:0], s.rec.key...), s.rec.data...)
	n := len(s.rec.key)
	k.rec.key, k.rec.data = k.bytes[:n:n], k.bytes[n:]
}

package kvstore

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
	unit  uint32
	index []int32 // by address / unit: place in kept, counted from 1
	kept  []kept
}

type kept struct {
	stamp [2]uint64
	size  uint32 // bytes from the start of the header to the end of the data
	rec   record
	bytes []byte // of key and data
}

// newMemo is nil for a device without stamps.
func newMemo(dev BlockDevice, unit, size uint32) *memo {
	d, ok := dev.(Stamped)
	if !ok {
		return nil
	}
	return &memo{dev: d, unit: unit, index: make([]int32, size/unit)}
}

// recall puts the record at addr into s.rec, if it is known and its bytes are the same. A unit that is
// held in RAM hides what the device has.
func (s *TDBStore) recall(addr uint32) bool {
	m := s.memo
	i := m.index[addr/m.unit]
	if i == 0 || s.held {
		return false
	}
	k := &m.kept[i-1]
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
	i := &m.index[addr/m.unit]
	if *i == 0 {
		m.kept = append(m.kept, kept{})
		*i = int32(len(m.kept))
	}
	k := &m.kept[*i-1]
	k.stamp, k.size, k.rec = stamp, size, s.rec
	k.bytes = append(append(k.bytes[:0], s.rec.key...), s.rec.data...)
	n := len(s.rec.key)
	k.rec.key, k.rec.data = k.bytes[:n:n], k.bytes[n:]
}

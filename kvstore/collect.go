package kvstore

import "encoding/binary"

// workSize is the reference's work buffer, in bytes, or a program unit if that is larger: the piece
// in which a collection copies.
const workSize = 64

// collect copies the records of the RAM table to the other area and makes that one active.
func (s *TDBStore) collect() error { return s.collectWithout(-1) }

// collectWithout leaves out the key at place gone of the RAM table; -1: none.
func (s *TDBStore) collectWithout(gone int) error {
	r := s.opts.Repairs
	to, err := s.copyAll(gone)
	if err == nil && r.Has(RepairEarlierLife) && to < s.area {
		err = s.eraseStarting(1-s.active, to, 1)
	}
	if err != nil {
		s.failures++
		if r.Has(RepairFailedCollection) {
			s.unclean = s.unclean || s.inc.pending
			s.rebuild()
		}
		return err
	}
	s.free = to
	s.active = 1 - s.active
	s.version++
	s.collections++
	err = s.writeMaster()
	if err == nil && r.Has(RepairVersionWrap) {
		err = s.settleVersion()
	}
	if r.Has(RepairMasterFirst) {
		if err == nil {
			err = s.load(s.active, s.master, 0)
		}
		if err != nil {
			s.collections--
			s.switchBack()
			return err
		}
	}
	if err == nil {
		s.unclean = false
	}
	if gone >= 0 {
		s.table = append(s.table[:gone], s.table[gone+1:]...)
		s.shift(gone, -1)
	}
	return err
}

// copyAll cleans the other area and copies the records there but for the one at place gone, up to offset to. The
// table has their new offsets one by one, also if it fails.
func (s *TDBStore) copyAll(gone int) (to uint32, err error) {
	if err := s.clean(1 - s.active); err != nil {
		return 0, err
	}
	to = s.first
	for i := range s.table {
		if i == gone {
			continue
		}
		e := &s.table[i]
		next, err := s.copyRecord(e.offset, to)
		if err != nil {
			return 0, err
		}
		e.offset, to = to, next
	}
	return to, nil
}

// copyRecord copies the record at off of the active area to offset to of the other one: the header,
// padded with zero bytes, then the rest in pieces, padding included.
func (s *TDBStore) copyRecord(off, to uint32) (next uint32, err error) {
	if off+headerSize > s.area {
		return 0, ErrReadFailed
	}
	src, dst := s.base[s.active]+off, s.base[1-s.active]+to
	h := s.work[:s.headerUp]
	if err := s.read(src, h[:headerSize]); err != nil {
		return 0, err
	}
	total := recordSize(s.unit, uint32(binary.LittleEndian.Uint16(h[12:])), binary.LittleEndian.Uint32(h[16:]))
	if to+total > s.area && !s.opts.Defects.Has(DefectCopyPastEnd) {
		return 0, ErrMediaFull
	}
	if err := s.eraseStarting(1-s.active, to, total); err != nil {
		return 0, err
	}
	if !s.opts.Defects.Has(DefectHeaderPadding) {
		clear(h[headerSize:])
	}
	if err := s.program(dst, h); err != nil {
		return 0, err
	}
	for done := s.headerUp; done != total; {
		n := min(total-done, max(workSize, s.unit))
		if off+done+n > s.area {
			return 0, ErrReadFailed
		}
		p := s.work[:n]
		if err := s.read(src+done, p); err != nil {
			return 0, err
		}
		if err := s.program(dst+done, p); err != nil {
			return 0, err
		}
		done += n
	}
	return to + total, nil
}

// writeMaster writes the master record of the active area, by the path of every set.
func (s *TDBStore) writeMaster() error {
	data := s.masterBuf[:]
	binary.LittleEndian.PutUint16(data, s.version)
	binary.LittleEndian.PutUint16(data[2:], revision)
	binary.LittleEndian.PutUint32(data[4:], 0)
	s.mastering = true
	err := s.set(masterKey, data, 0)
	s.mastering = false
	return err
}

// clean readies an area: it erases the head and puts the reserved data back.
func (s *TDBStore) clean(area int) error {
	n, err := s.reserved()
	found := err == nil
	if err := s.eraseHead(area); err != nil {
		return err
	}
	if !found {
		return nil
	}
	for i := n; i < reservedSize; i++ {
		// The reference writes what an uninitialised buffer holds.
		s.reservedBuf[i] = 0xFE
	}
	if s.opts.Repairs.Has(RepairReservedSet) {
		s.fillReserved()
	}
	return s.program(s.base[area], s.reservedBuf[:])
}

// eraseHead erases the units that hold reserved data, master record and one program unit more.
func (s *TDBStore) eraseHead(area int) error {
	from, to := s.base[area], s.base[area]+s.first+s.unit
	if s.opts.Defects.Has(DefectShortClean) {
		to -= s.unit
	}
	if to > s.geometry.size {
		return ErrWriteFailed
	}
	if !s.aligned {
		return s.eraseUnits(area, 0, to-from, true)
	}
	return s.erase(s.unitStart(from), s.nextStart(to))
}

// eraseUnits erases, in one call, the erase units that start in a range of an area, or all that it
// touches. It is for devices whose erase units are not aligned to their own size: the reference takes
// the remainder of an address by the unit's size for the distance from the unit's start. Where the
// range that comes out does not begin and end on such multiples, the write buffer refuses it.
func (s *TDBStore) eraseUnits(area int, off, size uint32, touched bool) error {
	var from, to uint32
	found := false
	for addr, end := s.base[area]+off, s.base[area]+off+size; addr < end; {
		unit := s.dev.EraseSize(addr)
		dist := unit - addr%unit
		if touched || dist == unit {
			if !found {
				from, found = addr-addr%unit, true
			}
			to = addr + dist
		}
		addr += min(dist, end-addr)
	}
	switch {
	case !found:
		return nil
	case to > s.geometry.size, from%s.dev.EraseSize(from) != 0, to%s.dev.EraseSize(to-1) != 0:
		return ErrWriteFailed
	}
	return s.erase(from, to)
}

// reserved reads the reserved data from the first area that has it whole, and leaves data and trailer in
// reservedBuf.
func (s *TDBStore) reserved() (size int, err error) {
	none := error(ErrItemNotFound)
	for _, base := range s.base {
		size, err := s.reservedCopy(base)
		if err == ErrReadFailed && s.opts.Repairs.Has(RepairReservedRead) {
			if !s.unreadable(err) {
				none = err
			}
			continue // where exceptions are masked, the copy is one whose write was cut
		}
		if err != ErrItemNotFound {
			return size, err
		}
	}
	return 0, none
}

// reservedCopy reads the copy of the reserved data in the area at base.
func (s *TDBStore) reservedCopy(base uint32) (size int, err error) {
	trailer := s.reservedBuf[reservedSize:]
	if err := s.read(base+reservedSize, trailer); err != nil {
		return 0, err
	}
	n := binary.LittleEndian.Uint16(trailer[2:])
	if binary.LittleEndian.Uint16(trailer) != trailerSize || n > reservedSize {
		return 0, ErrItemNotFound
	}
	data := s.reservedBuf[:n]
	if err := s.read(base, data); err != nil {
		return 0, err
	}
	s.crcWork(int(n))
	if CRC(data) != binary.LittleEndian.Uint32(trailer[4:]) {
		return 0, ErrItemNotFound
	}
	return int(n), nil
}

// Reserved copies the reserved data into buf and returns its size, at most 64 bytes. ErrItemNotFound
// if none was set, ErrInvalidSize if buf is too small.
func (s *TDBStore) Reserved(buf []byte) (int, error) {
	if !s.open {
		return 0, ErrNotReady
	}
	s.call()
	n, err := s.reserved()
	if err != nil {
		return 0, err
	}
	if len(buf) < n && s.opts.Defects.Has(DefectReservedOverrun) {
		buf = buf[:min(n, cap(buf))]
	} else if len(buf) < n {
		return 0, ErrInvalidSize
	}
	return copy(buf, s.reservedBuf[:n]), nil
}

// SetReserved sets the reserved data, once: ErrWriteFailed if it is there already, ErrInvalidSize for
// more than 64 bytes, ErrDevice if the device fails while the last program unit is written out.
func (s *TDBStore) SetReserved(data []byte) error {
	if !s.open {
		return ErrNotReady
	}
	if len(data) > reservedSize {
		return ErrInvalidSize
	}
	s.call()
	if _, err := s.reserved(); err == nil {
		return ErrWriteFailed
	}
	if s.opts.Repairs.Has(RepairReservedSet) {
		return s.setReserved(data)
	}
	if err := s.clean(1 - s.active); err != nil {
		return err
	}
	var trailer [trailerSize]byte
	binary.LittleEndian.PutUint16(trailer[:], trailerSize)
	binary.LittleEndian.PutUint16(trailer[2:], uint16(len(data)))
	s.crcWork(len(data))
	binary.LittleEndian.PutUint32(trailer[4:], CRC(data))
	for _, base := range s.opts.Defects.reservedCopies(s) {
		if err := s.program(base, data); err != nil {
			return err
		}
		if err := s.program(base+reservedSize, trailer[:]); err != nil {
			return err
		}
		if s.flush() != nil {
			return ErrDevice // the reference hands the device's own code on
		}
	}
	return nil
}

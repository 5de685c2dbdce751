package kvstore

import "encoding/binary"

// The format of a TDBStore area; all integers are little-endian.
//
//	0     reserved data, 64 bytes
//	64    reserved trailer: trailer size (u16, 8), data size (u16), CRC of the data (u32)
//	up(72) master record: key "TDBS", area version (u16), store revision (u16, 1), zero (u32)
//	then  records, each on a program unit: header padded to the unit, key, data, padding
const (
	reservedSize = 64
	trailerSize  = 8

	headerSize  = 24
	crcOffset   = 20 // of the CRC in the header; the CRC covers what is before it
	recordMagic = 0x54686683
	revision    = 1

	masterKey  = "TDBS"
	masterData = 8

	// MaxKey is the longest key a call accepts, in bytes. TDBStore itself cannot read a record back
	// whose key is that long, so 127 is the longest that can be set.
	MaxKey = 128
)

// masterName is masterKey with its terminator.
var masterName = []byte(masterKey + "\x00")

// recordSize is the number of bytes a record takes on flash; it wraps at 1<<32.
func recordSize(unit, key, data uint32) uint32 { return up(headerSize, unit) + up(key+data, unit) }

// record is a record as last read by TDBStore.load.
type record struct {
	key, data []byte // in the store's work buffer
	flags     Flags
	total     uint32 // bytes of key and data
	next      uint32 // offset behind the record, on a program unit
}

// putHeader writes the first 20 bytes of a record header.
func putHeader(h []byte, flags Flags, key uint16, data uint32) {
	_ = h[crcOffset-1]
	binary.LittleEndian.PutUint32(h, recordMagic)
	binary.LittleEndian.PutUint16(h[4:], headerSize)
	binary.LittleEndian.PutUint16(h[6:], revision)
	binary.LittleEndian.PutUint32(h[8:], uint32(flags))
	binary.LittleEndian.PutUint16(h[12:], key)
	binary.LittleEndian.PutUint16(h[14:], 0)
	binary.LittleEndian.PutUint32(h[16:], data)
}

// forbidden marks the bytes a key may not hold. The zero byte, which ends a key in C, is among them.
var forbidden = func() (f [256]bool) {
	for _, c := range []byte(" */?:;\"|<>\\\x00") {
		f[c] = true
	}
	return f
}()

// ValidKey reports whether key may be a key, as Mbed's KVStore::is_valid_key does: 1 to MaxKey characters, none of
// them blank, zero or one of */?:;"|<>\.
func ValidKey(key string) bool {
	if len(key) == 0 || len(key) > MaxKey {
		return false
	}
	for i := 0; i < len(key); i++ {
		if forbidden[key[i]] {
			return false
		}
	}
	return true
}

// fits says whether a record with key and data behind its header at off fits in the area. Sums wrap
// at 1<<32 as in the reference: what looks as if it fitted only because of that runs off the area
// while it is read, and is ErrReadFailed.
func (s *TDBStore) fits(off, total uint32) error {
	end := off + s.headerUp + total
	switch {
	case end > s.area, end == s.area && (s.opts.Profile == MbedOS && !s.opts.Repairs.Has(RepairExactFit) || s.opts.Defects.Has(DefectExactFit)):
		return ErrInvalidData
	case uint64(off)+uint64(s.headerUp)+uint64(total) > uint64(s.area):
		if s.opts.Repairs.Has(RepairWrappedSizes) {
			return ErrInvalidData
		}
		return ErrReadFailed
	}
	return nil
}

// load reads the record at off of area and checks it, CRC included. total is what key and data are
// expected to take, so that one read of the device does; 0 if unknown. It is exact about what it
// reads: the header, its padding, key and data.
func (s *TDBStore) load(area int, off, total uint32) error {
	if off+headerSize > s.area {
		return ErrReadFailed
	}
	addr := s.base[area] + off
	if s.memo != nil && s.recall(addr) {
		return nil
	}
	if total == 0 || s.headerUp+total > s.area-off {
		total = 0
		if err := s.read(addr, s.work[:headerSize]); err != nil {
			return err
		}
	} else {
		s.room(s.headerUp + total)
		if s.read(addr, s.work[:s.headerUp+total]) != nil {
			// Which part failed decides what the caller sees: read again, piece by piece.
			total = 0
			if err := s.read(addr, s.work[:headerSize]); err != nil {
				return err
			}
		}
	}
	return s.check(addr, off, total)
}

// check checks the record at off, whose header is in the work buffer, and whose key and data are too
// if they take have bytes; otherwise it reads them.
func (s *TDBStore) check(addr, off, have uint32) error {
	h := s.work[:headerSize]
	key, total, err := s.sizes(h)
	if err != nil {
		return err
	}
	if err := s.fits(off, total); err != nil {
		return err
	}
	if total != have {
		s.room(s.headerUp + total)
		h = s.work[:headerSize]
		if err := s.read(addr+s.headerUp, s.work[s.headerUp:s.headerUp+total]); err != nil {
			return err
		}
	}
	s.crcWork(crcOffset + int(total))
	s.rec.flags, s.rec.total = Flags(binary.LittleEndian.Uint32(h[8:])), total
	s.rec.next = off + s.headerUp + up(total, s.unit)
	sum := binary.LittleEndian.Uint32(h[crcOffset:])
	// The CRC covers header, key and data without the CRC field and the padding between: close the gap.
	body := s.work[s.headerUp-crcOffset : s.headerUp+total]
	copy(body, h[:crcOffset])
	if CRC(body) != sum {
		return ErrInvalidData
	}
	s.rec.key, s.rec.data = body[crcOffset:crcOffset+key], body[crcOffset+key:]
	if s.memo != nil {
		s.remember(addr, s.headerUp+total)
	}
	return nil
}

// sizes takes the sizes of the key and of key and data out of a header.
func (s *TDBStore) sizes(h []byte) (key, total uint32, err error) {
	key, data := uint32(binary.LittleEndian.Uint16(h[12:])), binary.LittleEndian.Uint32(h[16:])
	if binary.LittleEndian.Uint32(h) != recordMagic || key == 0 || key >= MaxKey {
		return 0, 0, ErrInvalidData
	}
	if key+data < data {
		return 0, 0, s.opts.Defects.wrapped()
	}
	return key, key + data, nil
}

// loadHeader reads header and key of the record at off of the active area and trusts them. A size that
// wraps is not found out, and next comes out wrapped too.
func (s *TDBStore) loadHeader(off uint32) error {
	if off+headerSize > s.area {
		return ErrReadFailed
	}
	addr := s.base[s.active] + off
	h := s.work[:headerSize]
	if err := s.read(addr, h); err != nil {
		return err
	}
	key, total, err := s.sizes(h)
	if err != nil {
		return err
	}
	if s.fits(off, total) == ErrInvalidData {
		return ErrInvalidData
	}
	if uint64(off)+uint64(s.headerUp)+uint64(key) > uint64(s.area) {
		return ErrReadFailed
	}
	s.rec.flags, s.rec.total = Flags(binary.LittleEndian.Uint32(h[8:])), total
	s.rec.next = up(off+s.headerUp+total, s.unit)
	s.crcWork(crcOffset + int(key))
	s.room(s.headerUp + key)
	s.rec.key = s.work[s.headerUp : s.headerUp+key]
	return s.read(addr+s.headerUp, s.rec.key)
}

// room makes the work buffer hold n bytes, and keeps what is in it. n is at most the size of an area
// and a header.
func (s *TDBStore) room(n uint32) {
	if uint32(len(s.work)) < n {
		s.work = append(s.work, make([]byte, n-uint32(len(s.work)))...)
		s.work = s.work[:cap(s.work)]
	}
}

package kvstore

import (
	"encoding/binary"
	"slices"
)

// What the tests of package kvstore_test use of this package's own. They are in a package of their own because
// SecureStore and the partitions are built on this one.
const (
	MasterKey  = masterKey
	MasterData = masterData
	HeaderSize = headerSize
	CRCOffset  = crcOffset
)

var (
	TraceFiles     = traceFiles
	ExchangeTraces = exchangeTraces
	TraceNumber    = traceNumber
	TraceKey       = traceKey
	Unhex          = unhex
	ToHex          = tohex
	AllKeys        = allKeys
	List           = list
	OpenTDB        = openTDB
	RawRecord      = rawRecord
	CollidingKeys  = collidingKeys
	Keys32         = keys32
)

// Pending reports whether a set was begun and not finished.
func (s *TDBStore) Pending() bool { return s.inc.pending }

// PaddedHeader is the bytes of a header with its padding.
func (s *TDBStore) PaddedHeader() uint32 { return s.headerUp }

// Profile is the store's profile.
func (s *TDBStore) Profile() Profile { return s.opts.Profile }

// FillsArea reports whether a key's record ends with the area, but for padding.
func (s *TDBStore) FillsArea() bool {
	return slices.ContainsFunc(s.table, func(e entry) bool { return e.offset+s.headerUp+e.total == s.area })
}

// StaleNext reports whether a whole record lies where the next one comes.
func (s *TDBStore) StaleNext() bool { return s.load(s.active, s.free, 0) == nil }

// Skip moves an iterator behind a record that cannot be read.
func (it *KeyIterator) Skip() { it.index++ }

// DropMaster takes the master record out of the table, where an open put it: an attacker's write rebuilds the
// table without it. An open incremental set keeps the table as it is.
func (s *TDBStore) DropMaster() {
	if !s.inc.pending {
		s.table = slices.DeleteFunc(s.table, func(e entry) bool { return e.offset == s.master })
	}
}

// Put writes a record whatever lies there: the table forgets the key first, unless the store refuses the flags.
func (s *TDBStore) Put(key string, v RawValue) error {
	if v.Flags&^settable == 0 {
		if i, err := s.index(key); err == nil {
			s.table = slices.Delete(s.table, i, i+1)
		}
	}
	if err := s.Set(key, v.Value, v.Flags); err != nil {
		return err
	}
	s.DropMaster()
	return nil
}

// index is the place of key in the store's table.
func (s *TDBStore) index(key string) (int, error) {
	i, _, err := s.find(append([]byte(key), 0), len(key))
	return i, err
}

// Patch flips bits of the value of a record where it lies in cells, from byte at on, or from the end if at is
// negative, and mends the record's CRC or does not.
func (s *TDBStore) Patch(cells []byte, key string, at int, bits []byte, mend bool) error {
	i, err := s.index(key)
	if err != nil {
		return err
	}
	record := cells[s.base[s.active]+s.table[i].offset:]
	h := record[:headerSize]
	name, total, err := s.sizes(h)
	if err != nil {
		return err
	}
	body := record[s.headerUp : s.headerUp+total]
	value := body[name:]
	if at < 0 {
		at += len(value)
	}
	if at < 0 || at+len(bits) > len(value) {
		return ErrInvalidSize
	}
	for i, b := range bits {
		value[at+i] ^= b
	}
	if mend {
		binary.LittleEndian.PutUint32(h[crcOffset:], storeCRC(ieeeAdd(ieeeAdd(0, h[:crcOffset]), body)))
	}
	s.DropMaster()
	return nil
}

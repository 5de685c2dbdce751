// Package logstore is the store of examples/logstore.c in Go: the same design, the same flash operations in the same
// order. It shows how a store in Go comes under the harness, and the tests compare the two.
//
//  1. New makes a store on a device; Open finds the area in use and scans its log.
//  2. Set and Remove append a record; Get and Iterate read the last one of a key.
//  3. When an area is full, its live records are copied into the other one.
//
// An area begins with a header {magic, generation, its complement, CRC}; the valid header with the higher generation
// names the area in use. Records follow: {magic, flags, key length, value length, CRC}, key, value, padded to the
// program unit. The last record of a key counts. The header of an area that was copied into is written last.
//
// After a power cut cells may read differently from read to read. So every open drives what a cut may have left
// undecided to one side: the header and the last record are programmed again where the part allows that, a header
// that is neither valid nor erased is overwritten with zeros, and the end of the log is marked, so that nothing is
// ever appended to a unit whose program may have begun.
package logstore

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"dualbank/kvstore"
)

const (
	head     = 16
	maxKey   = 128
	maxValue = 1024
	maxKeys  = 64

	areaMagic   = 0x41474F4C
	recordMagic = 0x52474F4C

	writeOnce = 1
	removed   = 0x80
)

// Device is a block device that says more than others: model.Region.
type Device interface {
	kvstore.BlockDevice
	Clears() bool // a program of what is not erased clears bits
	Fresh() bool  // nothing was ever written to the device
}

// Store is the store. Defect leaves a precaution out, as in the C source; 0: none.
type Store struct {
	dev    Device
	defect int

	table      []entry
	start, end [2]uint32
	active     int
	generation uint32
	tail       uint32
	dirty      bool // behind the last record there is something that is none
	record     [head + maxKey + maxValue + 256]byte
	key        [maxKey]byte
}

type entry struct {
	at, n, hash uint32 // first byte of the record, bytes of the value, CRC of the key
	key, flags  byte   // bytes of the key
}

// New makes a store on dev.
func New(dev Device, defect int) *Store { return &Store{dev: dev, defect: defect} }

var le = binary.LittleEndian

func all(p []byte, v byte) bool {
	for _, b := range p {
		if b != v {
			return false
		}
	}
	return true
}

func (s *Store) up(n uint32) uint32 {
	u := s.dev.ProgramUnit()
	return (n + u - 1) / u * u
}

// read and write give the errors that db_read and db_program give.
func (s *Store) read(at uint32, p []byte) error {
	if s.dev.Read(at, p) != nil {
		return kvstore.ErrReadFailed
	}
	return nil
}

func (s *Store) program(at uint32, p []byte) error {
	if s.dev.Program(at, p) != nil {
		return kvstore.ErrWriteFailed
	}
	return nil
}

func (s *Store) erase(at, n uint32) error {
	if s.dev.Erase(at, n) != nil {
		return kvstore.ErrWriteFailed
	}
	return nil
}

// areas splits the device in two at the sector boundary that is nearest to its middle, from below.
func (s *Store) areas() {
	at := uint32(0)
	for at+s.dev.EraseSize(at) <= s.dev.Size()/2 {
		at += s.dev.EraseSize(at)
	}
	s.start, s.end = [2]uint32{0, at}, [2]uint32{at, s.dev.Size()}
	if s.end[1]-s.start[1] > at {
		s.end[1] = s.start[1] + at
	}
}

func (s *Store) headerValid(h []byte) bool {
	if s.defect == 1 {
		return le.Uint32(h) == areaMagic
	}
	return le.Uint32(h) == areaMagic && le.Uint32(h[4:]) == ^le.Uint32(h[8:]) && le.Uint32(h[12:]) == crc32.ChecksumIEEE(h[:12])
}

func (s *Store) writeHeader(a int, generation uint32) error {
	b := s.record[:s.up(head)]
	for i := range b {
		b[i] = 0xFF
	}
	le.PutUint32(b, areaMagic)
	le.PutUint32(b[4:], generation)
	le.PutUint32(b[8:], ^generation)
	le.PutUint32(b[12:], crc32.ChecksumIEEE(b[:12]))
	return s.program(s.start[a], b)
}

func (s *Store) find(key string) *entry {
	hash := crc32.ChecksumIEEE([]byte(key))
	for i := range s.table {
		e := &s.table[i]
		if e.hash == hash && int(e.key) == len(key) && s.read(e.at+head, s.key[:e.key]) == nil && string(s.key[:e.key]) == key {
			return e
		}
	}
	return nil
}

// enter brings the table up to a record.
func (s *Store) enter(key string, at, n uint32, flags byte) error {
	e := s.find(key)
	if flags&removed != 0 {
		if e != nil {
			*e = s.table[len(s.table)-1]
			s.table = s.table[:len(s.table)-1]
		}
		return nil
	}
	if e == nil {
		if len(s.table) == maxKeys {
			return kvstore.ErrMediaFull
		}
		s.table = append(s.table, entry{})
		e = &s.table[len(s.table)-1]
	}
	*e = entry{at, n, crc32.ChecksumIEEE([]byte(key)), byte(len(key)), flags}
	return nil
}

// crc is the CRC of the record in record, whose value has n bytes.
func (s *Store) crc(n uint32) uint32 {
	if s.defect == 7 {
		n = 0
	}
	return crc32.Update(crc32.ChecksumIEEE(s.record[:12]), crc32.IEEETable, s.record[head:head+uint32(s.record[5])+n])
}

// load reads the record at into record, and returns its length; 0: it is none.
func (s *Store) load(at uint32) uint32 {
	r := s.record[:]
	if s.read(at, r[:head]) != nil || le.Uint32(r) != recordMagic {
		return 0
	}
	k, n := uint32(r[5]), le.Uint32(r[8:])
	if k == 0 || k > maxKey || n > maxValue || s.up(head+k+n) > s.end[s.active]-at {
		return 0
	}
	if s.read(at+head, r[head:head+k+n]) != nil || bytes.IndexByte(r[head:head+k], 0) >= 0 {
		return 0
	}
	if crc := s.crc(n); s.defect != 2 && le.Uint32(r[12:]) != crc {
		return 0
	}
	return head + k + n
}

// scan reads the log. The last record or mark is left in record: last is where it stands, n its length; 0: none.
func (s *Store) scan() (last, n uint32, err error) {
	s.table, s.dirty = s.table[:0], false
	var h [head]byte
	for s.tail = s.start[s.active] + s.up(head); s.tail+s.up(head) <= s.end[s.active]; s.tail += s.up(n) {
		if s.read(s.tail, h[:]) != nil {
			s.dirty = true
			break
		}
		if all(h[:], 0xFF) {
			break
		}
		last = s.tail
		if all(h[:], 0) {
			n = head
			clear(s.record[:head])
			continue
		}
		if n = s.load(s.tail); n == 0 {
			s.dirty = true
			break
		}
		if err := s.enter(string(s.record[head:head+uint32(s.record[5])]), s.tail, le.Uint32(s.record[8:]), s.record[4]); err != nil {
			return 0, 0, err
		}
	}
	return last, n, nil
}

// append programs the record in record, n bytes, at the end of the log.
func (s *Store) append(n uint32) error {
	b := s.record[:s.up(n)]
	for i := n; i < uint32(len(b)); i++ {
		b[i] = 0xFF
	}
	err := s.program(s.tail, b)
	s.tail += uint32(len(b))
	if err != nil {
		s.dirty = true
	}
	return err
}

// compact copies what lives into the other area, unless all is to go.
func (s *Store) compact(empty bool) error {
	if s.defect != 13 {
		s.dirty = true // until the other area is in use: where this fails, nothing more may be appended
	}
	to := 1 - s.active
	n := s.end[to] - s.start[to]
	if s.defect == 10 {
		n = s.dev.EraseSize(s.start[to])
	}
	if err := s.erase(s.start[to], n); err != nil {
		return err
	}
	if s.defect == 3 {
		if err := s.writeHeader(to, s.generation+1); err != nil {
			return err
		}
	}
	s.tail = s.start[to] + s.up(head)
	for i := 0; i < len(s.table) && !empty; i++ {
		n := s.load(s.table[i].at)
		if n == 0 {
			return kvstore.ErrReadFailed
		}
		if err := s.append(n); err != nil {
			return err
		}
	}
	if s.defect != 3 {
		next := s.generation + 1
		if s.defect == 12 {
			next--
		}
		if err := s.writeHeader(to, next); err != nil {
			return err
		}
	}
	s.active = to
	s.generation++
	s.dirty = false
	if empty {
		s.table = s.table[:0]
	}
	at := s.start[to] + s.up(head)
	for i := range s.table {
		e := &s.table[i]
		e.at = at
		at += s.up(head + uint32(e.key) + e.n)
	}
	return nil
}

// Open reads the log, and mends what a power cut has left.
func (s *Store) Open() error {
	s.areas()
	if s.dev.Fresh() {
		if err := s.writeHeader(0, 1); err != nil {
			return err
		}
	}
	var h [2][head]byte
	var valid [2]bool
	for a := range valid {
		valid[a] = s.read(s.start[a], h[a][:]) == nil && s.headerValid(h[a][:])
	}
	switch {
	case !valid[0] && !valid[1]:
		return kvstore.ErrInvalidData
	case valid[0] && valid[1]:
		s.active = 0
		if s.defect != 4 && int32(le.Uint32(h[1][4:])-le.Uint32(h[0][4:])) > 0 {
			s.active = 1
		}
	case valid[1]:
		s.active = 1
	default:
		s.active = 0
	}
	s.generation = le.Uint32(h[s.active][4:])
	if s.dev.Clears() && s.defect != 5 {
		if err := s.writeHeader(s.active, s.generation); err != nil {
			return err
		}
	}
	if a := 1 - s.active; !valid[a] && (s.read(s.start[a], s.record[:head]) != nil || !all(s.record[:head], 0xFF)) {
		if s.dev.Clears() {
			clear(s.record[:s.up(head)])
			if err := s.program(s.start[a], s.record[:s.up(head)]); err != nil {
				return err
			}
		} else if err := s.erase(s.start[a], s.dev.EraseSize(s.start[a])); err != nil {
			return err
		}
	}
	last, n, err := s.scan()
	if err != nil {
		return err
	}
	if s.defect == 6 {
		s.dirty = false
	}
	if s.dirty {
		return s.compact(false)
	}
	if s.dev.Clears() && n != 0 && s.defect != 11 {
		end := s.tail
		s.tail = last
		if err := s.append(n); err != nil {
			return err
		}
		s.tail = end
	}
	if s.tail+s.up(head) > s.end[s.active] {
		return nil
	}
	clear(s.record[:s.up(head)])
	return s.append(head)
}

// Close ends the use of the store.
func (s *Store) Close() error { return nil }

func (s *Store) put(key string, value []byte, flags byte) error {
	n := head + uint32(len(key)+len(value))
	if e := s.find(key); e == nil && len(s.table) == maxKeys {
		return kvstore.ErrMediaFull
	}
	if s.dirty || s.tail+s.up(n) > s.end[s.active] {
		if err := s.compact(false); err != nil {
			return err
		}
		if s.tail+s.up(n) > s.end[s.active] {
			return kvstore.ErrMediaFull
		}
	}
	at, r := s.tail, s.record[:]
	le.PutUint32(r, recordMagic)
	r[4], r[5], r[6], r[7] = flags, byte(len(key)), 0xFF, 0xFF
	le.PutUint32(r[8:], uint32(len(value)))
	copy(r[head:], key)
	copy(r[head+len(key):], value)
	le.PutUint32(r[12:], s.crc(uint32(len(value))))
	if err := s.append(n); err != nil {
		return err
	}
	return s.enter(key, at, uint32(len(value)), flags)
}

// Set stores value under key.
func (s *Store) Set(key string, value []byte, flags kvstore.Flags) error {
	if key == "" || len(key) > maxKey || len(value) > maxValue {
		return kvstore.ErrInvalidArgument
	}
	e := s.find(key)
	if e != nil && e.flags&writeOnce != 0 && s.defect != 14 {
		return kvstore.ErrWriteProtected
	}
	if s.defect == 9 && e != nil {
		if err := s.put(key, nil, removed); err != nil {
			return err
		}
	}
	return s.put(key, value, byte(flags)&writeOnce)
}

// Get reads the value of key from offset on.
func (s *Store) Get(key string, buf []byte, offset uint32) (int, error) {
	e := s.find(key)
	if e == nil {
		return 0, kvstore.ErrItemNotFound
	}
	if offset > e.n {
		return 0, kvstore.ErrInvalidSize
	}
	n := min(len(buf), int(e.n-offset))
	return n, s.read(e.at+head+uint32(e.key)+offset, buf[:n])
}

// Info returns size and flags of key.
func (s *Store) Info(key string) (kvstore.Info, error) {
	e := s.find(key)
	if e == nil {
		return kvstore.Info{}, kvstore.ErrItemNotFound
	}
	return kvstore.Info{Size: e.n, Flags: kvstore.Flags(e.flags)}, nil
}

// Remove deletes key.
func (s *Store) Remove(key string) error {
	e := s.find(key)
	switch {
	case e == nil:
		return kvstore.ErrItemNotFound
	case e.flags&writeOnce != 0:
		return kvstore.ErrWriteProtected
	}
	return s.put(key, nil, removed)
}

// Reset removes every key.
func (s *Store) Reset() error {
	for s.defect == 8 && len(s.table) > 0 {
		key := make([]byte, s.table[0].key)
		if err := s.read(s.table[0].at+head, key); err != nil {
			return err
		}
		if err := s.put(string(key), nil, removed); err != nil {
			return err
		}
	}
	return s.compact(true)
}

// SetStart is not there: the store has no sets in pieces.
func (s *Store) SetStart(string, uint32, kvstore.Flags) error { return kvstore.ErrInvalidArgument }

// SetAdd is not there.
func (s *Store) SetAdd([]byte) error { return kvstore.ErrInvalidArgument }

// SetFinalize is not there.
func (s *Store) SetFinalize() error { return kvstore.ErrInvalidArgument }

// Iterate lists the keys that begin with prefix.
func (s *Store) Iterate(prefix string) (kvstore.Iterator, error) {
	it := &iterator{}
	for i := range s.table {
		e := &s.table[i]
		if err := s.read(e.at+head, s.key[:e.key]); err != nil {
			return nil, err
		}
		key, _, _ := bytes.Cut(s.key[:e.key], []byte{0})
		if bytes.HasPrefix(key, []byte(prefix)) {
			it.keys = append(it.keys, string(key))
		}
	}
	return it, nil
}

type iterator struct{ keys []string }

// Next returns the next key.
func (it *iterator) Next() (string, error) {
	if len(it.keys) == 0 {
		return "", kvstore.ErrItemNotFound
	}
	key := it.keys[0]
	it.keys = it.keys[1:]
	return key, nil
}

// Close frees the iterator.
func (it *iterator) Close() error { return nil }

package kvstore

import "fmt"

// Profile is whose behaviour a TDBStore shows, known defects included.
type Profile uint8

const (
	// MbedCE is the maintained fork. A record may end exactly at the end of its area.
	MbedCE Profile = iota
	// MbedOS is Arm's last release: a record that ends exactly at the end of its area is written but
	// cannot be read.
	MbedOS
	// Hardened is MbedCE with AllRepairs.
	Hardened
)

func (p Profile) String() string {
	switch p {
	case MbedCE:
		return "MbedCE"
	case MbedOS:
		return "MbedOS"
	case Hardened:
		return "Hardened"
	}
	return fmt.Sprintf("Profile(%d)", uint8(p))
}

// Profiles are all profiles.
var Profiles = []Profile{MbedCE, MbedOS, Hardened}

// Repairs are those that the profile has by itself.
func (p Profile) Repairs() Repairs {
	if p == Hardened {
		return AllRepairs
	}
	return 0
}

// ParseProfile finds a profile by what its String method says.
func ParseProfile(name string) (Profile, bool) {
	for _, p := range Profiles {
		if p.String() == name {
			return p, true
		}
	}
	return 0, false
}

// Options are the choices of a TDBStore.
type Options struct {
	Profile Profile
	// NoCRCScan is the reference's KVSTORE_RAM_TABLE_NO_CRC_CHECK: the scan at open trusts the headers
	// and does not read the data.
	NoCRCScan bool
	// Defects are defects of the past that the store shows beside those of its profile.
	Defects Defects
	// Repairs mend defects of the profile.
	Repairs Repairs
	// CPU is told of the work beside the flash; nil on a device.
	CPU CPU
	// Memo lets the store skip reading and checking a record again that it has read before and that has
	// not changed since, on a device that can tell (Stamped). Results are the same; reads and CPU work
	// are fewer, so it is for judging states, not for measuring time.
	Memo bool
}

// FatalError is where the reference halts the system (MBED_ERROR) while it opens a store. The flash
// is left as it is, so every open of the image ends the same way.
type FatalError struct {
	Err  *Error // what went wrong
	Text string // the reference's message
}

func (e *FatalError) Error() string {
	return fmt.Sprintf("fatal: mbed_error %s %q", e.Err.Name, e.Text)
}

func (e *FatalError) Unwrap() error { return e.Err }

// tableStart is the number of keys the RAM table has room for after an open.
const tableStart = 16

// entry is a key in the RAM table.
type entry struct {
	hash   uint32 // store CRC of the key; the table descends by it
	offset uint32 // of the record in the active area
	total  uint32 // bytes of key and data, as last seen: a hint for reading
}

// TDBStore is a log-structured store on raw flash, in two areas of which one is active. It is not
// safe for use by several goroutines at once.
type TDBStore struct {
	unitBuffer
	geometry
	opts     Options
	measured bool
	open     bool

	unit     uint32 // bytes of a program unit
	headerUp uint32 // a header padded to the program unit
	master   uint32 // offset of the master record, which ends the reserved data
	first    uint32 // offset behind the master record

	memo *memo // nil: none

	active  int
	version uint16
	free    uint32 // offset of the free space in the active area

	table []entry
	keys  int // the reference's room in the table, in keys

	inc         incremental
	iterators   [maxIterators]*KeyIterator
	iterating   int
	locks       int
	unclean     bool // with a repair: the next set collects first, as what follows the log is in its way, or the other area may count
	collections uint64
	failures    uint64

	undefined Undefined

	rec  record
	work []byte // at least as long as the longest record read so far

	masterBuf   [masterData]byte
	reservedBuf [reservedSize + trailerSize]byte
	key         [MaxKey + 1]byte             // of a look-up, with its terminator
	lead        [crcOffset + MaxKey + 1]byte // what the CRC of a new record begins with: header and key
	head        [headerSize]byte
	next        struct{ from, to uint32 } // addresses in (from, to] have their next erase unit at to

	// What repairs make of the device: see prepare.
	limit     uint32 // a set's record ends here at most; the area's size without repairs
	longest   uint32 // bytes of the longest value that is tried
	headFrom  uint32 // bytes of a header that are programmed before the key
	rewrites  bool   // a unit may be programmed again
	last      uint32 // offset of the record that the last scan found last
	mastering bool   // a master record is being written
	exact     bool   // keys are compared as a whole: RepairEqualHashes
}

// NewTDB is a TDBStore on dev, not yet open.
func NewTDB(dev BlockDevice, opts Options) *TDBStore {
	opts.Repairs |= opts.Profile.Repairs()
	return &TDBStore{unitBuffer: unitBuffer{dev: dev, drop: opts.Repairs.Has(RepairHeldUnit)}, opts: opts}
}

// Attach points the store at another device, closed and without flushing the old one: what was in
// RAM is forgotten, its memory is kept.
func (s *TDBStore) Attach(dev BlockDevice) {
	s.forget()
	s.dev, s.measured = dev, false
}

// forget loses what was in RAM.
func (s *TDBStore) forget() {
	s.open = false
	s.held = false
	s.table, s.keys = s.table[:0], tableStart
	s.inc = incremental{}
	s.iterators, s.iterating = [maxIterators]*KeyIterator{}, 0
	s.locks, s.unclean, s.damaged = 0, false, false
}

// Open reads the store from the device: it finds the active area and builds the RAM table. It may be
// called again at any time, as after a power loss: what was in RAM (an unfinished set, an
// unflushed program unit, iterators) is forgotten.
//
// A device whose erase units do not split into two equal areas is an error that says what was found;
// a *FatalError is where the reference halts; ErrReadFailed leaves the store closed.
func (s *TDBStore) Open() error {
	const most = 16 // cells that have not been decided by then are not
	err := s.openOnce()
	for try := 1; err == errUndecided && try < most; try++ {
		err = s.openOnce()
	}
	return err
}

// openOnce is one attempt of an open. errUndecided, of RepairUndecided alone, is worth another.
func (s *TDBStore) openOnce() error {
	s.forget()
	s.undefined = 0
	s.call()
	if !s.measured {
		if err := s.measure(s.dev, s.opts.Defects); err != nil {
			return err
		}
		s.measured = true
		s.unit = s.geometry.unit
		s.attach(s.geometry.size, s.unit)
		s.headerUp = up(headerSize, s.unit)
		s.master = up(reservedSize+trailerSize, s.unit)
		s.first = s.master + recordSize(s.unit, uint32(len(masterKey)), masterData)
		s.room(max(s.headerUp, s.unit, 256))
		if s.memo = nil; s.opts.Memo {
			s.memo = newMemo(s.dev, s.unit, s.geometry.size, s.area)
		}
		s.prepare()
	}
	s.next.from, s.next.to = 0, 0

	var valid [2]bool
	var version [2]uint16
	for area := range valid {
		err := s.load(area, s.master, uint32(len(masterKey))+masterData)
		if err == nil && !s.matches(masterName) {
			err = ErrItemNotFound
		}
		if err == ErrInvalidData || s.unreadable(err) {
			continue
		}
		if err != nil {
			return &FatalError{err.(*Error), "TDBSTORE: Unable to read record at init"}
		}
		// A master record with less data than a version leaves the rest undefined in the reference: zero here.
		var v [2]byte
		copy(v[:], s.rec.data)
		valid[area], version[area] = true, uint16(v[0])|uint16(v[1])<<8
	}
	switch {
	case valid[0] && valid[1]:
		s.active = newer(version)
	case valid[1]:
		s.active = 1
	case valid[0]:
		s.active = 0
	default:
		// The reference ignores how the cleaning went.
		_ = s.clean(0)
		s.active, s.version, s.free = 0, 1, s.first
		s.exact = s.opts.Repairs.Has(RepairEqualHashes)
		if err := s.writeMaster(); err != nil {
			return &FatalError{err.(*Error), "TDBSTORE: Unable to write master record at init"}
		}
		s.open = true
		return nil
	}
	s.version = version[s.active]
	if s.opts.Defects.Has(DefectEraseStandby) {
		_ = s.eraseHead(1 - s.active)
	}
	if err := s.scan(s.logStart()); err != nil {
		if s.keys > tableStart && !s.opts.Repairs.Has(RepairTableFreed) {
			s.undefined |= UndefinedHeap
		}
		return err
	}
	if s.opts.Repairs != 0 {
		if err := s.mend(valid); err != nil {
			return err
		}
	}
	s.open = true
	return nil
}

// newer is the area that an open takes of two whose master records are valid.
func newer(version [2]uint16) int {
	if version[0] > version[1] || version[0] == 0 {
		return 0
	}
	return 1
}

// scan builds the RAM table from the records of the active area from off on, up to the first that is
// invalid. An open begins at the master record, which so becomes a key.
func (s *TDBStore) scan(off uint32) error {
	s.exact = false // what the reference has written is to be read as it reads it
	err := s.scanLog(off)
	s.exact = s.opts.Repairs.Has(RepairEqualHashes)
	return err
}

func (s *TDBStore) scanLog(off uint32) error {
	next := off
	clear(s.key[:])
	if s.memo != nil {
		off = s.resume(off)
	}
	s.last = s.master
	for off+headerSize < s.area {
		next = off
		err := s.scanRecord(off)
		if err == ErrInvalidData {
			if err := s.opts.Defects.unfinished(s, off); err != nil {
				return err
			}
			break
		}
		if s.unreadable(err) {
			s.unclean = true
			break
		}
		if err != nil {
			return err
		}
		s.last = off
		flags, total := s.rec.flags, s.rec.total
		behind := s.rec.next
		if behind <= off {
			// Only with NoCRCScan: a size that wraps leads back, and the reference scans for ever.
			return &FatalError{ErrInvalidData, "TDBSTORE: scan without end at init"}
		}
		next = behind
		if s.memo != nil {
			s.pass(off, behind)
		}
		// The reference takes the key as a C string from here on. Its buffer is the same for all records.
		s.key[copy(s.key[:], s.rec.key)] = 0
		n := 0
		for s.key[n] != 0 {
			n++
		}
		i, hash, err := s.find(s.key[:MaxKey], n)
		switch {
		case n == len(masterKey) && string(s.key[:n]) == masterKey && s.opts.Repairs.Has(RepairMasterListed):
			// A copy of a master record.
		case err == ErrItemNotFound && flags&FlagDeleted != 0:
		case err == ErrItemNotFound:
			s.keys = max(s.keys, len(s.table)+1)
			s.insert(i, entry{hash, off, total})
		case err == ErrInvalidData:
			s.free = next
			return nil
		case err != nil:
			return err
		case flags&FlagDeleted != 0:
			s.table = append(s.table[:i], s.table[i+1:]...)
		default:
			s.table[i] = entry{hash, off, total}
		}
		off = behind
	}
	s.free = next
	return nil
}

// scanRecord reads the record at off of the active area for the scan.
func (s *TDBStore) scanRecord(off uint32) error {
	if s.opts.NoCRCScan {
		return s.loadHeader(off)
	}
	return s.load(s.active, off, 0)
}

// Close writes out a held program unit and ends the use of the store. It does not fail: the
// reference ignores a unit that cannot be programmed, which it tries twice.
func (s *TDBStore) Close() error {
	if s.open && s.flush() != nil {
		_ = s.flush()
	}
	s.forget()
	return nil
}

// Get reads the value of key from offset on into buf and returns how many bytes that are. The whole
// record is checked first. ErrInvalidSize if offset is beyond the value.
func (s *TDBStore) Get(key string, buf []byte, offset uint32) (int, error) {
	if err := s.lookUp(key); err != nil {
		return 0, err
	}
	if offset > uint32(len(s.rec.data)) {
		return 0, ErrInvalidSize
	}
	if offset == 0 {
		s.crcWork(crcOffset + len(s.rec.key) + len(s.rec.data))
	}
	return copy(buf, s.rec.data[offset:]), nil
}

// Info returns size and flags of key, which are as set.
func (s *TDBStore) Info(key string) (Info, error) {
	if err := s.lookUp(key); err != nil {
		return Info{}, err
	}
	s.crcWork(crcOffset + len(s.rec.key) + len(s.rec.data))
	return Info{Size: uint32(len(s.rec.data)), Flags: s.rec.flags}, nil
}

// lookUp finds the record of key and leaves it in s.rec.
//
// The reference reads a record twice, once to find it and once for the caller. Here it is read once;
// the work of the second CRC is accounted for by the callers.
func (s *TDBStore) lookUp(key string) error {
	if !ValidKey(key) {
		return ErrInvalidArgument
	}
	if !s.open {
		return ErrNotReady
	}
	s.call()
	n := copy(s.key[:], key)
	s.key[n] = 0
	_, _, err := s.find(s.key[:n+1], n)
	return err
}

// find looks a key of n bytes up in the RAM table. It stands at the start of buf, with a terminator
// behind it. The record it finds is in s.rec; ErrItemNotFound comes with the place where the key
// belongs.
func (s *TDBStore) find(buf []byte, n int) (index int, hash uint32, err error) {
	s.crcWork(n)
	hash = CRC(buf[:n])
	lo, hi := 0, len(s.table)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); s.table[mid].hash > hash {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for ; lo < len(s.table) && s.table[lo].hash == hash; lo++ {
		e := &s.table[lo]
		if err := s.load(s.active, e.offset, e.total); err != nil {
			return lo, hash, err
		}
		if s.matches(buf) {
			return lo, hash, nil
		}
	}
	return lo, hash, ErrItemNotFound
}

// matches reports whether the reference takes the record last loaded for that of the key in buf. It
// compares the key in pieces of its work buffer, and the next read replaces the verdict: a record with
// data matches any key, and of one without data the last piece of its key decides.
func (s *TDBStore) matches(buf []byte) bool {
	if s.exact {
		n := len(s.rec.key)
		return n < len(buf) && string(buf[:n]) == string(s.rec.key) && buf[n] == 0
	}
	if len(s.rec.data) > 0 {
		return true
	}
	piece := int(max(workSize, s.unit))
	for i := (len(s.rec.key) - 1) / piece * piece; i < len(s.rec.key); i++ {
		if i >= len(buf) {
			s.undefined |= UndefinedKey
			return false
		}
		if buf[i] != s.rec.key[i] {
			return false
		}
	}
	return true
}

// insert puts e at place i of the RAM table.
func (s *TDBStore) insert(i int, e entry) {
	s.table = append(s.table, entry{})
	copy(s.table[i+1:], s.table[i:])
	s.table[i] = e
}

// Reset removes every key, the reserved data too.
func (s *TDBStore) Reset() error {
	if !s.open {
		return ErrNotReady
	}
	s.call()
	s.locks++
	err := s.wipe()
	s.locks--
	return err
}

func (s *TDBStore) wipe() error {
	if s.opts.Repairs.Has(RepairResetOrder) {
		return s.wipeMended()
	}
	for area := range s.base {
		if err := s.eraseHead(area); err != nil {
			return err
		}
	}
	s.empty()
	return s.writeMaster()
}

// empty makes the store one without keys, in area 0.
func (s *TDBStore) empty() {
	s.active, s.version = 0, 1
	s.table = s.table[:0]
	s.free = s.first
	s.unclean = false
}

// LocksHeld is how often the store's recursive lock is held after the calls so far. In the reference
// some failing sets leave it held, and a failing write of a master record may release it once too
// often, hence below zero.
func (s *TDBStore) LocksHeld() int { return s.locks }

// Collections is the number of garbage collections that came to switch the areas, since NewTDB.
func (s *TDBStore) Collections() uint64 { return s.collections }

// FailedCollections is the number of garbage collections that did not come to switch the areas, since
// NewTDB. In the reference such a collection leaves offsets of the other area in the RAM table until
// the next open.
func (s *TDBStore) FailedCollections() uint64 { return s.failures }

// Table is the number of keys in the RAM table and the number it has room for. The reference takes
// 16 bytes of RAM for each key it has room for.
func (s *TDBStore) Table() (keys, room int) { return len(s.table), s.keys }

// Layout is where the store keeps its things on the device.
type Layout struct {
	Base   [2]uint32 // address of each area
	Size   uint32    // bytes of one area
	Active int       // which area is active
	Free   uint32    // offset of the free space in the active area: the bytes in use there
	Master uint32    // offset of the master record in an area
	First  uint32    // offset of the first record behind it
	Unit   uint32    // bytes of a program unit
	Limit  uint32    // offset that a set's record ends at, at most: Size but for RepairExactFit
}

// Layout is the layout of an open store.
func (s *TDBStore) Layout() Layout {
	return Layout{s.base, s.area, s.active, s.free, s.master, s.first, s.unit, s.limit}
}

// Limits are the bytes of the longest key and value that a set takes; 0: the reference's, which it may not
// keep itself.
func (s *TDBStore) Limits() (key, value int) {
	if s.opts.Repairs.Has(RepairLongKey) {
		key = MaxKey - 1
	}
	return key, 0
}

func (s *TDBStore) call() {
	if s.opts.CPU != nil {
		s.opts.CPU.Call()
	}
}

func (s *TDBStore) crcWork(n int) {
	if s.opts.CPU != nil {
		s.opts.CPU.CRC32(n)
	}
}

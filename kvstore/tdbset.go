package kvstore

import "encoding/binary"

// settable are the flags a set accepts. FlagDeleted makes it a remove.
const settable = FlagWriteOnce | FlagConfidential | FlagReplayProtection | FlagDeleted

// incremental is the one incremental set a store has; every set goes through it, and so does the
// writing of a master record.
type incremental struct {
	pending bool   // begun and not finished
	isNew   bool   // the key was not in the RAM table
	base    uint32 // offset of the record
	at      uint32 // offset of what comes next
	flags   Flags
	key     uint32 // bytes of the key
	size    uint32 // bytes of data announced
	done    uint32 // bytes of data added
	index   int    // place in the RAM table
	hash    uint32
	sum     uint32 // IEEE CRC so far
}

// Set stores value under key: a record at the end of the log, which replaces an older one.
func (s *TDBStore) Set(key string, value []byte, flags Flags) error {
	if !s.open {
		return ErrNotReady
	}
	s.call()
	return s.set(key, value, flags)
}

func (s *TDBStore) set(key string, value []byte, flags Flags) error {
	if uint64(len(value)) > 1<<32-1 {
		return ErrInvalidSize
	}
	if err := s.start(key, uint32(len(value)), flags); err != nil {
		if err == ErrMediaFull && flags&FlagDeleted != 0 && s.opts.Repairs.Has(RepairFullRemove) {
			return s.removeFull(key)
		}
		return err
	}
	if err := s.add(value); err != nil {
		return err
	}
	return s.finish(key, value, true)
}

// Remove deletes key by writing a tombstone. ErrWriteProtected for a write-once key.
func (s *TDBStore) Remove(key string) error { return s.Set(key, nil, FlagDeleted) }

// SetStart begins an incremental set. If one was begun and not finished, garbage is collected first.
func (s *TDBStore) SetStart(key string, size uint32, flags Flags) error {
	if !s.open {
		return ErrNotReady
	}
	s.call()
	return s.start(key, size, flags)
}

// SetAdd appends data. More than announced is ErrInvalidSize, and the set may go on.
func (s *TDBStore) SetAdd(data []byte) error {
	if !s.open {
		return ErrNotReady
	}
	s.call()
	return s.add(data)
}

// SetFinalize makes the record visible. Less data than announced is ErrInvalidSize and ends the set.
func (s *TDBStore) SetFinalize() error {
	if !s.open {
		return ErrNotReady
	}
	s.call()
	return s.finish("", nil, false)
}

func (s *TDBStore) start(key string, size uint32, flags Flags) error {
	if !ValidKey(key) || flags&^settable != 0 || len(key) == MaxKey && s.opts.Repairs.Has(RepairLongKey) {
		return ErrInvalidArgument
	}
	in := &s.inc
	n := uint32(len(key))
	var hash uint32
	var index int
	if key == masterKey {
		if s.opts.Repairs.Has(RepairMasterKey) && !s.mastering {
			return ErrInvalidArgument
		}
		in.base, in.isNew = s.master, false
		copy(s.lead[crcOffset:], key)
	} else {
		s.locks++
		if in.pending || s.unclean {
			if err := s.collect(); err != nil {
				return s.abandon(err)
			}
		}
		need := recordSize(s.unit, n, size)
		if size > s.longest {
			return s.abandon(ErrMediaFull)
		}
		if s.free+need > s.limit {
			if err := s.collect(); err != nil {
				return s.abandon(err)
			}
			if s.free+need > s.limit {
				return s.abandon(ErrMediaFull)
			}
		}
		// Not before: the master record of a collection goes through the same buffer.
		copy(s.lead[crcOffset:], key)
		s.lead[crcOffset+n] = 0
		var err error
		index, hash, err = s.find(s.lead[crcOffset:crcOffset+n+1], int(n))
		switch {
		case err == nil:
			if s.rec.flags&FlagWriteOnce != 0 {
				return s.abandon(ErrWriteProtected)
			}
			in.isNew = false
		case err == ErrItemNotFound && flags&FlagDeleted == 0:
			if index > 0 && s.table[index-1].hash == hash && s.opts.Repairs.Has(RepairEqualHashes) {
				return s.abandon(ErrInvalidArgument)
			}
			s.keys = max(s.keys, len(s.table)+1)
			in.isNew = true
		default:
			return s.abandon(err)
		}
		in.base = s.free
		if s.opts.Repairs.Has(RepairEarlierLife) {
			need = min(need+1, s.area-in.base)
		}
		// The reference does not look whether this erase succeeds.
		_ = s.eraseStarting(s.active, in.base, need)
		if s.rewrites {
			var magic [magicSize]byte
			binary.LittleEndian.PutUint32(magic[:], recordMagic)
			if err := s.rewrite(s.base[s.active]+in.base, magic[:]); err != nil {
				s.salvage()
				return s.abandon(err)
			}
		}
	}
	in.at = in.base + s.headerUp
	in.flags, in.key, in.size, in.done = flags, n, size, 0
	in.hash, in.index = hash, index
	in.pending = true
	putHeader(s.lead[:], flags, uint16(n), size)
	s.crcWork(crcOffset + int(n))
	in.sum = ieeeAdd(0, s.lead[:crcOffset+n])
	if err := s.program(s.base[s.active]+in.at, s.lead[crcOffset:crcOffset+n]); err != nil {
		s.salvage()
		if key == masterKey && s.opts.Repairs.Has(RepairLock) {
			in.pending = false
			return err // it took no lock
		}
		return s.abandon(err)
	}
	in.at += n
	return nil
}

// abandon ends a set that did not come to start.
func (s *TDBStore) abandon(err error) error {
	s.inc.pending = false
	s.locks--
	return err
}

func (s *TDBStore) add(data []byte) error {
	in := &s.inc
	if !in.pending {
		return ErrInvalidArgument
	}
	n := uint32(len(data))
	if in.done+n > in.size {
		return ErrInvalidSize
	}
	s.crcWork(len(data))
	in.sum = ieeeAdd(in.sum, data)
	if err := s.program(s.base[s.active]+in.at, data); err != nil {
		own := in.base == s.master
		s.salvage()
		if !own {
			s.endSet()
		}
		return err
	}
	in.at += n
	in.done += n
	return nil
}

// finish ends a set. Of a whole set, key and value are at hand and spare the CRC when the record is
// read back.
func (s *TDBStore) finish(key string, value []byte, whole bool) error {
	in := &s.inc
	if !in.pending {
		return ErrInvalidArgument
	}
	if in.done != in.size {
		return s.failed(ErrInvalidSize)
	}
	putHeader(s.head[:], in.flags, uint16(in.key), in.size)
	binary.LittleEndian.PutUint32(s.head[crcOffset:], storeCRC(in.sum))
	from := s.headFrom
	if in.base == s.master {
		from = 0
	}
	if err := s.program(s.base[s.active]+in.base+from, s.head[from:]); err != nil {
		return s.failed(err)
	}
	if err := s.flush(); err != nil {
		return s.failed(err)
	}
	if in.base == s.master {
		in.pending = false
		return nil
	}
	if err := s.readBack(key, value, whole); err != nil {
		return s.failed(err)
	}
	switch i := in.index; {
	case in.flags&FlagDeleted != 0:
		s.table = append(s.table[:i], s.table[i+1:]...)
		s.shift(i, -1)
	case in.isNew:
		s.insert(i, entry{in.hash, in.base, in.key + in.size})
		s.shift(i, 1)
	default:
		s.table[i] = entry{in.hash, in.base, in.key + in.size}
	}
	s.free = up(in.at, s.unit)
	s.clearStale()
	in.pending = false
	s.locks--
	return nil
}

// failed ends a set that came to nothing.
func (s *TDBStore) failed(err error) error {
	s.inc.pending = false
	if s.inc.base == s.master {
		return err
	}
	if collected := s.salvage(); !collected || !s.opts.Defects.Has(DefectLockHeld) {
		s.locks--
	}
	return err
}

// salvage collects garbage after a set that failed, and reports whether that succeeded: what the set left is in
// the way of the next one. A master record is written by a collection or before there is any.
func (s *TDBStore) salvage() (collected bool) {
	if s.inc.base == s.master || s.opts.Defects.Has(DefectNoCollection) {
		return false
	}
	collected = s.collect() == nil
	s.unclean = s.unclean || !collected && s.opts.Repairs.Has(RepairLogTail)
	return collected
}

// readBack reads the record just written and checks it.
func (s *TDBStore) readBack(key string, value []byte, whole bool) error {
	if s.opts.Defects.Has(DefectNoReadBack) {
		return nil
	}
	in := &s.inc
	if in.key >= MaxKey {
		return ErrInvalidData
	}
	total := in.key + in.size
	if err := s.fits(in.base, total); err != nil {
		return err
	}
	addr := s.base[s.active] + in.base
	size := s.headerUp + total
	s.room(size)
	if s.read(addr, s.work[:size]) != nil {
		return s.load(s.active, in.base, 0)
	}
	if whole && string(s.work[:headerSize]) == string(s.head[:]) &&
		string(s.work[s.headerUp:s.headerUp+in.key]) == key &&
		string(s.work[s.headerUp+in.key:size]) == string(value) {
		s.crcWork(crcOffset + int(total))
		return nil
	}
	return s.check(addr, in.base, total)
}

// clearStale erases the unit that starts at the free space if a valid record of an earlier life of
// the area happens to lie there: a later scan would take it for a new one.
func (s *TDBStore) clearStale() {
	if !s.opts.Defects.Has(DefectNoStaleCheck) && s.load(s.active, s.free, 0) == nil {
		_ = s.eraseStarting(s.active, s.free, headerSize)
	}
}

// eraseStarting erases, in one call, the erase units that start in the range.
func (s *TDBStore) eraseStarting(area int, off, size uint32) error {
	if s.opts.Defects.Has(eraseDefects) {
		if done, err := s.opts.Defects.eraseStarting(s, area, off, size); done {
			return err
		}
	}
	if !s.aligned {
		return s.eraseUnits(area, off, size, false)
	}
	addr := s.base[area] + off
	if addr <= s.next.from || addr > s.next.to {
		s.next.to = s.nextStart(addr)
		s.next.from = addr - 1
	}
	if s.next.to-addr >= size || s.next.to == s.geometry.size {
		return nil
	}
	return s.erase(s.next.to, s.nextStart(addr+size))
}

package kvstore

// Defects are switches that put defects of the reference's history back into the stores: what a harness
// must be able to find. Each was in a published version and is mended in the profiles; the comment
// names where it can be read about. The zero value is the store without any.
//
// mbed-os is github.com/ARMmbed/mbed-os.
type Defects uint64

const (
	// DefectNoCollection: a set whose write failed collects no garbage, so that what it left in the free
	// space is in the way of every later set. mbed-os pull 9200.
	DefectNoCollection Defects = 1 << iota
	// DefectNoReadBack: a record that was written is not read back: the free space is taken for erased.
	// mbed-os pull 9200, second commit; littlefs had its like (littlefs-project/littlefs pull 497).
	DefectNoReadBack
	// DefectVariableSectors: where erase units differ in size, the start of one is not recognised, and none
	// is erased before it is written to. mbed-os pull 9241.
	DefectVariableSectors
	// DefectOneSectorSize: where all erase units of area 0 have one size, those of area 1 are taken to have
	// it too. mbed-os pull 12558.
	DefectOneSectorSize
	// DefectBlankByValue: an erase unit that reads as erased is not erased before it is written to. With
	// ECC it may have been programmed, and after a power cut its cells may not hold. mbed-os pull 11349.
	DefectBlankByValue
	// DefectWrappedSize: a record whose sizes wrap is not found out; its reading runs off the device, which
	// is fatal at open. mbed-os pull 8986.
	DefectWrappedSize
	// DefectNoStaleCheck: a valid record of an earlier life that follows the last record is not looked for.
	// mbed-os issue 11862, pull 11918.
	DefectNoStaleCheck
	// DefectSingleReserved: reserved data is kept in the active area only. mbed-os pull 11987.
	DefectSingleReserved
	// DefectEraseStandby: every open erases the head of the standby area. mbed-os pull 11987, what 11349 had
	// made of it.
	DefectEraseStandby
	// DefectShortClean: cleaning an area stops where its master record ends, even if that is the end of an
	// erase unit: a record of an earlier life may follow. mbed-os pull 11987.
	DefectShortClean
	// DefectCopyPastEnd: a garbage collection does not look whether a record fits. mbed-os pull 11987.
	DefectCopyPastEnd
	// DefectLockHeld: a set that fails and collects garbage leaves the store's lock held. mbed-os issue
	// 11723, pull 11971.
	DefectLockHeld
	// DefectLastRecordFatal: an unfinished record that fills the area up to its end is fatal at open.
	// mbed-os pull 12844.
	DefectLastRecordFatal
	// DefectOddSectors: with an odd number of erase units area 0 gets one more than area 1, and an
	// assertion fails. mbed-os pull 12799.
	DefectOddSectors
	// DefectHeaderPadding: a garbage collection pads a record's header with whatever lies behind it in
	// memory. mbed-os pull 13996.
	DefectHeaderPadding
	// DefectReservedOverrun: reserved data that is longer than the caller's buffer is written past its end.
	// mbed-os issue 12822, pull 12875.
	DefectReservedOverrun
	// DefectExactFit: a record that ends just where its area ends is written and then not believed.
	// github.com/mbed-ce/mbed-os pull 449. Profile MbedOS has it.
	DefectExactFit
	// DefectIteratorIndex: sets and removes do not move open iterators. TDBStore before it was merged
	// (mbed-os pull 8667, reviewed state github.com/geky/mbed 769c0e3).
	DefectIteratorIndex
	// DefectWriteOnceUnguarded: write-once values get no rollback protection. mbed-os issue 8865, pull 8987.
	DefectWriteOnceUnguarded
	// DefectOptionalIntegrity: only values that ask for it are authenticated. mbed-os issue 8865, pull 8987.
	DefectOptionalIntegrity
	// DefectRemoveRefused: a key that fails its check against the rollback protection cannot be removed.
	// mbed-os issue 8865, pull 8987.
	DefectRemoveRefused
	// DefectTrustedFlags: the flags in the untrusted store say whether the rollback protection is asked.
	// mbed-os pull 11988.
	DefectTrustedFlags
	// DefectSliceBaseTwice: the start of a part of a device is added twice when an erase is checked.
	// mbed-os issue 11781, pull 11797.
	DefectSliceBaseTwice
)

// Has reports whether any of x is among d.
func (d Defects) Has(x Defects) bool { return d&x != 0 }

// eraseDefects are those that change which erase units are erased before a write.
const eraseDefects = DefectVariableSectors | DefectOneSectorSize | DefectBlankByValue

// eraseStarting is TDBStore.eraseStarting as it once was. done is false where it was as it is now.
func (d Defects) eraseStarting(s *TDBStore, area int, off, size uint32) (done bool, err error) {
	addr := s.base[area] + off
	switch {
	case d.Has(DefectVariableSectors):
		return len(s.runs) > 1, nil
	case d.Has(DefectOneSectorSize):
		unit := s.runs[0].unit
		if s.runs[0].end < s.base[1] {
			return false, nil // they are known to differ
		}
		from, to := upTo(addr, unit), upTo(addr+size, unit)
		if from >= addr+size || from >= s.geometry.size {
			return true, nil
		}
		return true, s.erase(from, to)
	}
	for at := s.nextStart(addr); at-addr < size && at < s.geometry.size; {
		end := s.nextStart(at + 1)
		blank, err := s.blank(at, end)
		if err == nil && !blank {
			err = s.erase(at, end)
		}
		if err != nil {
			return true, err
		}
		at = end
	}
	return true, nil
}

// blank reports whether the cells from one address to another read as erased.
func (s *TDBStore) blank(from, to uint32) (bool, error) {
	var buf [headerSize]byte
	for from < to {
		p := buf[:min(headerSize, to-from)]
		if err := s.read(from, p); err != nil {
			return false, err
		}
		for _, b := range p {
			if b != 0xFF {
				return false, nil
			}
		}
		from += uint32(len(p))
	}
	return true, nil
}

// wrapped is the error of a record whose sizes wrap.
func (d Defects) wrapped() error {
	if d.Has(DefectWrappedSize) {
		return ErrReadFailed // the key's length is taken off a sum that is smaller
	}
	return ErrInvalidData
}

// unfinished is the error of an open that finds an unfinished record at off: nil but for
// DefectLastRecordFatal, if the record fills the last erase unit up to the area's end.
func (d Defects) unfinished(s *TDBStore, off uint32) error {
	end := s.base[s.active] + s.area
	at := s.base[s.active] + off
	if !d.Has(DefectLastRecordFatal) || s.nextStart(at) < end || s.unitStart(at) == at {
		return nil
	}
	if blank, err := s.blank(end-min(s.unit, headerSize), end); blank || err != nil {
		return nil
	}
	return &FatalError{ErrInvalidData, "TDBSTORE: Unable to build RAM table at init"}
}

// split is the split of a device with an odd number of erase units.
func (d Defects) split(g *geometry, half, first, second uint32) (uint32, uint32) {
	if !d.Has(DefectOddSectors) {
		return first, second
	}
	for first < half {
		first = g.nextStart(first + 1)
	}
	return first, g.size - first
}

// reservedCopies are the areas that reserved data is written to.
func (d Defects) reservedCopies(s *TDBStore) []uint32 {
	if d.Has(DefectSingleReserved) {
		return s.base[s.active : s.active+1]
	}
	return s.base[:]
}

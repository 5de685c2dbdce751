package model

import "dualbank/model/cell"

// What follows serves software that runs elsewhere on a copy of the cells, in a child process. It reads and
// writes the copy itself, what it programmed and erased is done here afterwards, and it asks for what the copy
// cannot know.

// Peek is Flash.Peek at an address in the region.
func (r *Region) Peek(addr uint32, p []byte) bool {
	return r.inside(addr, uint64(len(p))) && r.f.Peek(r.at(addr), p)
}

// Version identifies what the cells of n bytes at addr hold, whether they read so or not: equal versions mean
// equal bytes, as surely as equal hashes of 64 bits do. The bytes are in the region.
func (r *Region) Version(addr, n uint32) [2]uint64 {
	return r.f.cells.Version(r.offset(addr), n)
}

// Snapshot keeps the cells of the whole flash as they are now: see PeekIn and VersionIn.
func (r *Region) Snapshot() *cell.Snapshot { return r.f.Snapshot() }

// PeekIn is Peek at a snapshot. The bytes are in the region.
func (r *Region) PeekIn(s *cell.Snapshot, addr uint32, p []byte) { s.Peek(r.offset(addr), p) }

// VersionIn is Version of a snapshot.
func (r *Region) VersionIn(s *cell.Snapshot, addr, n uint32) [2]uint64 {
	return s.Version(r.offset(addr), n)
}

// Scarred calls fn for every stretch in which a cell may not read as it stands, in address order.
func (r *Region) Scarred(fn func(addr, n uint32)) {
	r.f.cells.Scarred(r.offset(0), r.size, fn)
}

// SetReads says how many reads the software has made since the boot: undecided cells read differently from
// read to read.
func (r *Region) SetReads(n uint64) { r.f.cells.SetReads(n) }

// MayFail reports whether the fault plan makes a step fail with the power on.
func (r *Region) MayFail() bool { return r.f.cutAt != noCut && r.f.cut.Mode == Fail }

// Clears reports whether a program of bytes that are not erased clears bits and is not refused.
func (r *Region) Clears() bool { return r.f.cells.Clears() }

// Fresh reports whether the flash is as it was made: nothing was programmed, erased or restored, and the region is
// blank.
func (r *Region) Fresh() bool {
	return !r.f.restored && r.f.count.Programs == 0 && r.f.count.Erases == 0 && r.f.cells.Blank(r.offset(0), r.size)
}

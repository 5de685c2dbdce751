package model

import "dualbank/model/cell"

// What follows reads and writes the cells past the driver: no step, no time, no event.

// each calls fn for the parts of n bytes at addr, with the offset of each in the cells: one, or while the banks are
// swapped one a bank. It reports false as soon as fn does.
func (f *Flash) each(addr uint32, n int, fn func(at uint32, from, to int) bool) bool {
	if !f.swap {
		return fn(addr-f.base, 0, n)
	}
	return f.halves(addr, n, func(at uint32, from, to int) error {
		if !fn(at-f.base, from, to) {
			return ErrProgram
		}
		return nil
	}) == nil
}

// Peek fills p from addr on, without time or trace, whether the power is on or not. Outside the flash it
// reports false.
func (f *Flash) Peek(addr uint32, p []byte) bool {
	if !f.inside(addr, len(p)) {
		return false
	}
	return f.each(addr, len(p), func(at uint32, from, to int) bool { f.cells.Peek(at, p[from:to]); return true })
}

// Poke overwrites the cells from addr on, without time, step or trace, as a programmer on the bench
// would; ECC is right afterwards. Outside the flash it reports false.
func (f *Flash) Poke(addr uint32, p []byte) bool {
	if !f.inside(addr, len(p)) {
		return false
	}
	return f.each(addr, len(p), func(at uint32, from, to int) bool { f.cells.Poke(at, p[from:to]); return true })
}

// FillErased programs the value of erased cells into n bytes at addr, as a probe does that does not skip the
// padding of an image (without time, step or trace). They read as before; on a part with ECC the check
// bits are no longer those of an erased unit, so that it takes them for programmed
// (github.com/ARMmbed/mbed-os pull 11349 on the STM32L4). It reports false outside the flash, and for
// cells that are not erased.
func (f *Flash) FillErased(addr, n uint32) bool {
	if !f.inside(addr, int(n)) {
		return false
	}
	return f.each(addr, int(n), func(at uint32, from, to int) bool { return f.cells.Fill(at, uint32(to-from)) })
}

// Flip inverts the bits of mask at addr, as disturbance would: with ECC a single one in a unit is
// corrected, a second one makes the unit unreadable. Outside the flash it reports false.
func (f *Flash) Flip(addr uint32, mask byte) bool {
	if !f.inside(addr, 1) {
		return false
	}
	if f.swap {
		addr = f.physical(addr)
	}
	for ; mask != 0; mask &= mask - 1 {
		f.cells.Flip(addr-f.base, mask&-mask)
	}
	return true
}

// Hash is a hash of all cells and of what they hold beside bits: undecided cells, ECC errors. It costs as
// much as changed since it was last asked for.
func (f *Flash) Hash() uint64 { return f.cells.Hash() }

// Stamp identifies what n bytes from addr on hold, which lie in the flash: equal stamps of equal ranges mean equal
// bytes. ok is false while any cell does not read as it stands, and while the banks are swapped.
func (f *Flash) Stamp(addr, n uint32) (stamp [2]uint64, ok bool) {
	if f.swap {
		return stamp, false
	}
	return f.cells.Stamp(addr-f.base, n)
}

// Follow has p note which cells work depends on from now on; nil ends it.
func (f *Flash) Follow(p *cell.Footprint) { f.cells.Follow(p) }

// HashOf is a hash of what the cells of p hold. ok is false while any cell does not read as it stands.
func (f *Flash) HashOf(p *cell.Footprint) (h uint64, ok bool) { return f.cells.HashOf(p) }

// Snapshot keeps the cells as they are now. Clock, wear and counters are not in it.
func (f *Flash) Snapshot() *cell.Snapshot { return f.cells.Snapshot() }

// Restore brings the cells of s back, and ends an exception; s may come from another flash of the same part.
func (f *Flash) Restore(s *cell.Snapshot) {
	f.restored = true
	f.cells.Restore(s)
	f.off = f.Off()
	f.obey()
}

// Mark remembers the cells; Rollback returns to the latest mark and forgets it. Marks nest. Both cost
// only what changes in between, which makes a fork at every step affordable.
func (f *Flash) Mark() { f.cells.Mark() }

// Rollback undoes all changes to the cells since the latest Mark, and ends an exception.
func (f *Flash) Rollback() {
	f.cells.Rollback()
	f.off = f.Off()
	f.obey()
}

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

// Package cell is the cells of a flash, without time: what they hold, what programming them does, and what an
// interrupted operation leaves.
//
// A flash makes one Array and goes through these steps:
//
//  1. New makes an erased array of pages, copy on write: an erased stretch is one shared page of 0xFF.
//  2. Program gives the cells the data of complete accesses; the Rule says what happens to cells that are not
//     erased: they take the AND, refuse, or lose their ECC. Erase brings a stretch back to 0xFF. Read gives
//     what a read sees, Peek what the cells hold.
//  3. A fault: CutProgram and CutErase leave one access or one erase as a Mode says. A Mode changes the
//     values of the cells that were to change; a DeepMode also leaves scars: undecided bits, bits that fall at
//     a later boot, ECC units that cannot be read.
//  4. Boot ages the scars. An erase, or a program that decides the bits, removes them.
//  5. Mark and Rollback, Snapshot and Restore go back to an earlier state. Hash and Stamp identify contents
//     at the cost of the pages that changed.
//
// Invariants:
//
//   - Reads of undecided cells depend on the scar's seed and on the number of reads since the boot alone, so a
//     copy of an array reads what the original reads.
//   - Equal cells have equal hashes, whatever their history.
//   - A page belongs to the array and the mark that wrote it; all others copy it before they write.
//   - Offsets are inside the array: the caller has checked them.
package cell

// Config chooses what New builds.
type Config struct {
	Bytes  uint32 // size of the array
	Page   uint32 // bytes of a copy-on-write page: a power of two up to MaxPage that divides Bytes
	Rule   Rule
	ECC    uint32 // bytes of an ECC unit; 0: none
	Limit  byte   // programs of a word between erases, for Limited
	Access Access // of the driver that programs

	Inverted  uint32 // bits of a little-endian word that an erased cell reads as 0; 0: erased is all ones
	RowBytes  uint32 // bytes of a row of limited programs, a power of two up to Page; 0: no such rows
	RowWrites uint16 // programs of a row between erases, after which each one may clear a bit elsewhere in it
}

// Array is the cells of a flash: their values, and what interrupted operations and wear left beside. Offsets
// count bytes from its start; callers keep them inside. It is not safe for concurrent use.
type Array struct {
	image
	rule   Rule
	ecc    uint32
	limit  byte
	access Access
	count  Count

	inverted uint32
	raw      []byte // scratch for data of inverted cells
	rows     rowLimit
	unusual  bool // there is one of both

	follow *Footprint // nil: nothing is noted

	// Scratch for an interrupted step: contents before, contents intended, contents of whole ECC units before.
	have, want, before []byte
}

// Count is what happened to the cells of an array since it was made.
type Count struct {
	NotErased    uint64 // programs of units that have to be erased first, and were not: refused, or their ECC is damaged
	Reprogrammed uint64 // bytes that were programmed while not erased
	Corrected    uint64 // ECC units read with one wrong bit
	BadReads     uint64 // reads that met a unit with more
}

// New makes an erased array.
func New(c Config) *Array {
	return &Array{
		image: *newImage(c.Bytes, c.Page, c.Rule == Limited, c.RowBytes),
		rule:  c.Rule, ecc: c.ECC, limit: c.Limit, access: c.Access,
		inverted: c.Inverted, rows: rowLimit{c.RowBytes, c.RowWrites}, unusual: c.Inverted != 0 || c.RowBytes > 0,
	}
}

// Count is what was counted so far.
func (a *Array) Count() Count { return a.count }

// Read fills p with what a read from off on gives, which differs from read to read where cells are
// undecided. It reports whether all ECC units could be read; p holds what the cells hold if not.
func (a *Array) Read(off uint32, p []byte) bool {
	a.follow.need(off, uint32(len(p)))
	ok := true
	if a.scarred > 0 {
		ok = a.readScarred(off, p)
	} else {
		a.read(off, p)
	}
	if a.inverted != 0 {
		a.invert(off, p)
	}
	return ok
}

// Clean reports whether every cell reads as it was left, erased ones as all ones, and reads are not followed. Read is
// then Copy.
func (a *Array) Clean() bool { return a.scarred == 0 && a.inverted == 0 && a.follow == nil }

// Copy is Read while the array is Clean.
func (a *Array) Copy(off uint32, p []byte) { a.read(off, p) }

// Peek fills p with the cells from off on as they stand.
func (a *Array) Peek(off uint32, p []byte) {
	a.read(off, p)
	if a.inverted != 0 {
		a.invert(off, p)
	}
}

// invert turns what cells hold into what they read as, and back. Inside the array erased is all ones.
func (a *Array) invert(off uint32, p []byte) {
	for i := range p {
		p[i] ^= byte(a.inverted >> (8 * ((off + uint32(i)) & 3)))
	}
}

// cellsOf is the data p at off as the cells hold it. The result is valid until the next call.
func (a *Array) cellsOf(off uint32, p []byte) []byte {
	if a.inverted == 0 {
		return p
	}
	a.raw = append(a.raw[:0], p...)
	a.invert(off, a.raw)
	return a.raw
}

// Poke overwrites the cells from off on, whatever they held; ECC is right afterwards.
func (a *Array) Poke(off uint32, p []byte) {
	a.write(off, a.cellsOf(off, p))
	a.settle(off, uint32(len(p)))
}

// Holds reports whether the cells from off on are p and read so.
func (a *Array) Holds(off uint32, p []byte) bool {
	a.follow.need(off, uint32(len(p)))
	return a.holds(off, a.cellsOf(off, p))
}

// Erase sets n cells from off on to the erased value.
func (a *Array) Erase(off, n uint32) {
	a.follow.erase(off, n)
	a.erase(off, n)
}

// Flip inverts one bit of the cell at off. On a part with ECC the first one in a unit is corrected, a
// second one damages the unit.
func (a *Array) Flip(off uint32, bit byte) { a.flip(off, bit, a.ecc) }

// Fill programs the value of erased cells into n erased bytes at off: they read as before, but ECC units no
// longer count as erased. It reports whether all of them were erased.
func (a *Array) Fill(off, n uint32) bool {
	if !a.blank(off, n) {
		return false
	}
	if a.ecc > 0 {
		for o := off &^ (a.ecc - 1); o < off+n; o += a.ecc {
			a.scarUnit(o, &unit{kind: filled})
		}
	}
	return true
}

// Boot ages the scars by one power-up: undecided cells get a new reading; bits of an incomplete erase fall
// after their second boot.
func (a *Array) Boot() {
	a.boot(a.ecc)
	a.flicker = 0
}

// Hash is a hash of all cells and of what they hold beside bits. It costs as much as changed since it was last
// asked for.
func (a *Array) Hash() uint64 { return a.hash() }

// Stamp identifies what n cells from off on hold, by the stamps of the first page and of the last, with
// those between mixed in: equal stamps of equal ranges mean equal bytes. ok is false while any cell does not
// read as it stands.
func (a *Array) Stamp(off, n uint32) (stamp [2]uint64, ok bool) { return a.stampOf(off, n) }

// Mark remembers the present cells; Rollback returns to them and forgets the mark. Marks nest. Both cost what
// changes in between.
func (a *Array) Mark() { a.mark() }

// Rollback undoes all changes since the latest Mark.
func (a *Array) Rollback() { a.rollback() }

// Snapshot keeps the cells as they are now.
func (a *Array) Snapshot() *Snapshot { return a.snapshot() }

// Restore brings the cells of s back; s may come from another array of the same Config. Marks stay: rolling
// back undoes the restore.
func (a *Array) Restore(s *Snapshot) { a.restore(s) }

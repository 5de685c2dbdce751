package model

import (
	"fmt"
	"math"

	"dualbank/model/cell"
)

// FlashIAPTries is how often Mbed OS' FlashIAP tries a program or an erase (drivers/source/FlashIAP.cpp,
// num_write_retries).
const FlashIAPTries = 16

// Region is a stretch of a flash as a block device of its own, with addresses from 0: what Mbed OS'
// FlashIAPBlockDevice is. Operations that leave the region fail with ErrRange. A program or an erase
// that fails is tried again, FlashIAPTries times in all.
type Region struct {
	f          *Flash
	base, size uint32
	tries      int
	stays      bool
	masked     bool
}

// Region makes the region of size bytes from addr on. Both must lie on sector boundaries.
func (f *Flash) Region(addr, size uint32) (*Region, error) {
	if !f.inside(addr, int(size)) || size == 0 {
		return nil, fmt.Errorf("model: region 0x%08X+0x%X is not inside the flash 0x%08X+0x%X", addr, size, f.base, f.size)
	}
	first := f.sectors[f.sectorAt(addr)]
	last := f.sectors[f.sectorAt(addr+size-1)]
	if first.Addr != addr || last.Addr+last.Size != addr+size {
		return nil, fmt.Errorf("model: region 0x%08X+0x%X does not lie on sector boundaries: the sectors around it span 0x%08X to 0x%08X",
			addr, size, first.Addr, last.Addr+last.Size)
	}
	if f.options.at != 0 && f.sectors[f.sectorAt(addr)].Bank != f.sectors[f.sectorAt(addr+size-1)].Bank {
		return nil, fmt.Errorf("model: region 0x%08X+0x%X lies in both banks, which option bytes may swap", addr, size)
	}
	return &Region{f: f, base: addr, size: size, tries: FlashIAPTries}, nil
}

// Stay makes the region follow its cells when the banks are swapped: software that takes its address by the bank
// that runs. Otherwise it has one address, and the cells of the other bank after a swap.
func (r *Region) Stay() {
	if r.stays = true; r.f.swap {
		r.base = r.f.physical(r.base)
	}
}

// at is the address at which software finds addr of the region now.
func (r *Region) at(addr uint32) uint32 {
	if r.stays && r.f.swap {
		return r.f.physical(r.base + addr)
	}
	return r.base + addr
}

// offset is that of the cells of addr.
func (r *Region) offset(addr uint32) uint32 {
	if !r.stays && r.f.swap {
		return r.f.physical(r.base+addr) - r.f.base
	}
	return r.base + addr - r.f.base
}

// SetTries sets how often a program or an erase is tried: 1 is the driver of a serial NOR flash, which
// passes every error on.
func (r *Region) SetTries(n int) { r.tries = n }

// Rewritable reports whether a program unit may be programmed again with what it holds.
func (r *Region) Rewritable() bool {
	return r.f.part.ECC.Bytes == 0 && (r.f.part.Cells.Rule == cell.AND || r.f.part.Cells.Rule == cell.Copy)
}

// Micros is Flash.Now in whole microseconds.
func (r *Region) Micros() uint64 {
	hz := r.f.timing.hz
	return r.f.now/hz*1e6 + r.f.now%hz*1e6/hz
}

// Size is the number of bytes.
func (r *Region) Size() uint32 { return r.size }

// ProgramUnit is the driver's program unit in bytes.
func (r *Region) ProgramUnit() uint32 { return r.f.unit }

// EraseSize is the size of the sector that holds addr, or 0xFFFFFFFF outside the region.
func (r *Region) EraseSize(addr uint32) uint32 {
	if addr >= r.size {
		return math.MaxUint32
	}
	return r.f.SectorSize(r.at(addr))
}

// inside reports whether n bytes at addr lie in the region.
func (r *Region) inside(addr uint32, n uint64) bool {
	return addr <= r.size && n <= uint64(r.size-addr)
}

// Read is Flash.Read at an address in the region.
func (r *Region) Read(addr uint32, p []byte) error {
	if !r.inside(addr, uint64(len(p))) {
		if r.f.off {
			return r.f.down
		}
		r.f.count.RefusedReads++
		return ErrRange
	}
	if r.masked && !r.f.off {
		err := r.f.Read(r.at(addr), p)
		if err == ErrFault {
			r.f.off, r.f.down, err = false, nil, ErrECC
		}
		return err
	}
	return r.f.Read(r.at(addr), p)
}

// MaskFaults makes the region's reads mask the exception of a unit that the ECC cannot correct, as a driver may:
// the read fails with ErrECC, and the code goes on.
func (r *Region) MaskFaults() { r.masked = true }

// Program is Flash.Program at an address in the region.
func (r *Region) Program(addr uint32, p []byte) error {
	if !r.inside(addr, uint64(len(p))) {
		return r.refuse()
	}
	at := r.at(addr)
	err := r.f.Program(at, p)
	if err != nil && failed(err) {
		err = r.programAgain(at, p, err)
	}
	return err
}

// failed reports whether an operation failed in a way that another try may not.
func failed(err error) bool { return err == ErrInjected || err == ErrProgram || err == ErrVerify }

// programAgain is what FlashIAP does after a program failed. It hands the driver what lies in one sector, or
// one program unit if the source is not aligned, and tries that piece again from its start.
func (r *Region) programAgain(addr uint32, p []byte, err error) error {
	f := r.f
	for try := 2; failed(err) && try <= r.tries; try++ {
		at := addr + f.done
		start := max(addr, f.sectors[f.sectorAt(at)].Addr)
		if f.timing.program.unaligned {
			start = at &^ (f.unit - 1)
		}
		if start > addr {
			try = 1 // the pieces before it are done
		}
		addr, p = start, p[start-addr:]
		err = f.Program(addr, p)
	}
	return err
}

// Erase is Flash.Erase at an address in the region.
func (r *Region) Erase(addr, size uint32) error {
	if !r.inside(addr, uint64(size)) {
		return r.refuse()
	}
	addr = r.at(addr)
	err := r.f.Erase(addr, size)
	for try := 2; failed(err) && try <= r.tries; try++ {
		if done := r.f.done; done > 0 {
			try = 1 // the sectors before it are done
			addr, size = addr+done, size-done
		}
		err = r.f.Erase(addr, size)
	}
	return err
}

func (r *Region) refuse() error {
	if r.f.off {
		return r.f.down
	}
	return r.f.refuse(ErrRange)
}

// Stamp identifies what n bytes at addr hold: equal stamps of equal ranges mean equal bytes, as surely
// as equal hashes of 64 bits do. ok is false outside the region, and while any cell of the flash does not
// read as it stands.
func (r *Region) Stamp(addr, n uint32) (stamp [2]uint64, ok bool) {
	if n == 0 || !r.inside(addr, uint64(n)) {
		return stamp, false
	}
	return r.f.cells.Stamp(r.offset(addr), n)
}

// Unchanged reports whether the stamp of n bytes at addr still is stamp. The caller goes on with what it knows of them,
// as if it had read them.
func (r *Region) Unchanged(addr, n uint32, stamp [2]uint64) bool {
	now, ok := r.Stamp(addr, n)
	if !ok || now != stamp {
		return false
	}
	r.f.cells.Need(r.offset(addr), n)
	return true
}

package model

import (
	"fmt"
	"math"
)

// Region is a stretch of a flash as a block device of its own, with addresses from 0: what Mbed OS'
// FlashIAPBlockDevice is. Operations that leave the region fail with ErrRange.
type Region struct {
	f          *Flash
	base, size uint32
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
	return &Region{f, addr, size}, nil
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
	return r.f.SectorSize(r.base + addr)
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
	return r.f.Read(r.base+addr, p)
}

// Program is Flash.Program at an address in the region.
func (r *Region) Program(addr uint32, p []byte) error {
	if !r.inside(addr, uint64(len(p))) {
		return r.refuse()
	}
	return r.f.Program(r.base+addr, p)
}

// Erase is Flash.Erase at an address in the region.
func (r *Region) Erase(addr, size uint32) error {
	if !r.inside(addr, uint64(size)) {
		return r.refuse()
	}
	return r.f.Erase(r.base+addr, size)
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
	return r.f.cells.Stamp(r.base+addr-r.f.base, n)
}

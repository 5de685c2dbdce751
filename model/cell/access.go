package cell

import "math/bits"

// Access says in which pieces a driver programs: the widest that is aligned and fits, from Unit to Width
// bytes, both powers of two.
type Access struct{ Unit, Width uint32 }

// First is the number of bytes of the first access for n bytes at addr; n is at least Unit.
func (a *Access) First(addr uint32, n int) uint32 {
	w := a.Width
	for addr&(w-1) != 0 || uint64(w) > uint64(n) {
		w /= 2
	}
	return w
}

// Count is the number of accesses for n bytes at addr.
func (a *Access) Count(addr uint32, n int) uint64 {
	if a.Unit == a.Width {
		return uint64(n) >> bits.TrailingZeros32(a.Width)
	}
	return a.countRising(addr, n)
}

// countRising is Count where accesses are narrower before the first whole one and after the last.
func (a *Access) countRising(addr uint32, n int) uint64 {
	log := uint(bits.TrailingZeros32(a.Width))
	// Up to the first whole access widths rise, one for each bit of the distance; after the last one
	// they fall.
	mask := a.Width - 1
	if head := int(-addr & mask); head <= n {
		n -= head
		return uint64(bits.OnesCount32(uint32(head))) + uint64(n)>>log + uint64(bits.OnesCount32(uint32(n)&mask))
	}
	count := uint64(0)
	for n > 0 {
		w := a.First(addr, n)
		count++
		addr += w
		n -= int(w)
	}
	return count
}

// Run is the first run of equal accesses for n bytes at addr: their width, and how many.
func (a *Access) Run(addr uint32, n int) (width uint32, count uint64) {
	width = a.First(addr, n)
	if width == a.Width {
		return width, uint64(n) / uint64(width)
	}
	return width, 1
}

package kvstore

import (
	"fmt"
	"strings"
)

// maxDevice is how much of a device TDBStore uses, in bytes.
const maxDevice = 1 << 31

// run is a stretch of erase units of one size.
type run struct {
	start, end uint32 // bytes from the start of the device
	unit       uint32 // bytes of one erase unit
}

// geometry is the split of a device into erase units and of those into the store's two areas.
type geometry struct {
	size uint32 // bytes used, at most maxDevice
	unit uint32 // bytes of a program unit, a power of two
	runs []run
	// aligned: each erase unit starts at a multiple of its size, as the reference takes it to.
	aligned bool
	base    [2]uint32 // where each area starts
	area    uint32    // bytes of one area
}

// measure reads the geometry of dev. The memory of the runs is used again.
func (g *geometry) measure(dev BlockDevice, defects Defects) error {
	g.runs, g.aligned = g.runs[:0], true
	g.size, g.unit = min(dev.Size(), maxDevice), dev.ProgramUnit()
	if g.unit == 0 || g.unit&(g.unit-1) != 0 {
		return fmt.Errorf("kvstore: the device has a program unit of %d bytes; TDBStore needs a power of two", g.unit)
	}
	for addr := uint32(0); addr < g.size; {
		n := dev.EraseSize(addr)
		if n == 0 || n%g.unit != 0 || n > dev.Size()-addr {
			return fmt.Errorf("kvstore: the device gives %d bytes for the erase unit at %#x; "+
				"it must be a multiple of the program unit (%d) that ends within the device (%d bytes)", n, addr, g.unit, dev.Size())
		}
		if k := len(g.runs) - 1; k >= 0 && g.runs[k].unit == n {
			g.runs[k].end += n
		} else {
			g.runs = append(g.runs, run{addr, addr + n, n})
			g.aligned = g.aligned && addr%n == 0
		}
		addr += n
	}
	half := g.size / 2
	first := g.take(0, half)
	second := g.take(first, half)
	first, second = defects.split(g, half, first, second)
	master := up(reservedSize+trailerSize, g.unit) + recordSize(g.unit, uint32(len(masterKey)), masterData)
	switch {
	case first != second:
		return fmt.Errorf("kvstore: the areas come out unequal, %d and %d bytes, from the sectors %s; "+
			"choose a region whose sectors split into two equal halves", first, second, g.sectors())
	case first < master:
		return fmt.Errorf("kvstore: an area of %d bytes is too small, from the sectors %s; "+
			"reserved data and master record need %d bytes in each half", first, g.sectors(), master)
	}
	g.base, g.area = [2]uint32{0, first}, first
	return nil
}

// take is the sum of the erase units from addr on while it stays at or below limit.
func (g *geometry) take(addr, limit uint32) uint32 {
	sum := uint32(0)
	for _, r := range g.runs {
		if addr+sum >= r.end {
			continue
		}
		fit := (limit - sum) / r.unit * r.unit
		if left := r.end - (addr + sum); fit >= left {
			sum += left
			continue
		}
		return sum + fit
	}
	return sum
}

// nextStart is the first start of an erase unit at or behind addr, or the end of the device.
func (g *geometry) nextStart(addr uint32) uint32 {
	for i := range g.runs {
		if r := &g.runs[i]; addr < r.end {
			if addr <= r.start {
				return r.start
			}
			return r.start + upTo(addr-r.start, r.unit)
		}
	}
	return g.size
}

// unitStart is the start of the erase unit that holds addr.
func (g *geometry) unitStart(addr uint32) uint32 {
	for i := range g.runs {
		if r := &g.runs[i]; addr < r.end {
			return r.start + (addr-r.start)/r.unit*r.unit
		}
	}
	return g.size
}

// sectors spells the erase units as "4x16K+1x64K".
func (g *geometry) sectors() string {
	var b strings.Builder
	for i, r := range g.runs {
		if i > 0 {
			b.WriteByte('+')
		}
		n := (r.end - r.start) / r.unit
		if r.unit%1024 == 0 {
			fmt.Fprintf(&b, "%dx%dK", n, r.unit/1024)
		} else {
			fmt.Fprintf(&b, "%dx%d", n, r.unit)
		}
	}
	return b.String()
}

// up rounds n up to unit, a power of two; it wraps at 1<<32 as the reference does.
func up(n, unit uint32) uint32 { return (n + unit - 1) &^ (unit - 1) }

// upTo rounds n up to any unit.
func upTo(n, unit uint32) uint32 { return (n + unit - 1) / unit * unit }

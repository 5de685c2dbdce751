package inspect

import (
	"slices"

	"dualbank/kvstore"
)

// guess is a store found by its master records.
type guess struct {
	base, size uint32
	unit       uint32
	areas      int // 1: the second one has no master record, and size is the least size of one area
	units      []uint32
	about      string
}

// fits reports whether records written with this program unit have the same places.
func (g *guess) fits(unit uint32) bool {
	return slices.Contains(g.units, unit) || g.units[0] == 1 && unit == 2
}

// smallestSector is the smallest erase unit of any part, in bytes. Areas begin on multiples of it.
const smallestSector = 128

// maxStores is the largest number of stores reported, for dumps full of master records.
const maxStores = 64

// findStores pairs the master records of the dump. Two of them are the areas of one store if the log of the
// first does not reach the second. A master record within another area's log is a copy.
func (l *inspection) findStores() []guess {
	var all []kvstore.Master
	bases := map[uint32]bool{}
	for _, s := range l.dump.Segments {
		skip := -s.Addr % smallestSector // to the next possible place, which may be behind the segment
		if uint64(skip) >= uint64(len(s.Data)) {
			continue
		}
		for _, m := range kvstore.FindMasters(s.Data[skip:], smallestSector) {
			m.Area += s.Addr + skip
			if !bases[m.Area] && l.boundary(m.Area) {
				bases[m.Area] = true
				all = append(all, m)
			}
		}
	}
	var found []guess
	for len(all) > 0 && len(found) < maxStores {
		a := all[0]
		all = all[1:]
		unit, log := l.bestUnit(a)
		// Master records within the log are ordinary records.
		all = slices.DeleteFunc(all, func(m kvstore.Master) bool { return m.Area < a.Area+log })
		g := guess{base: a.Area, unit: unit, units: a.Units, areas: 1}
		i := slices.IndexFunc(all, func(m kvstore.Master) bool {
			return m.Units[0] == a.Units[0] && (m.Version == a.Version+1 || m.Version+1 == a.Version)
		})
		if i >= 0 {
			half := all[i].Area - a.Area
			if u, n := l.bestUnit(all[i]); n > log {
				g.unit = u // the longer log shows more of its unit
			}
			if uint64(half)*2 <= 1<<31 && uint64(a.Area)+2*uint64(half) <= 1<<32 {
				g.size, g.areas = 2*half, 2
				g.about = "place and size, from the two areas' master records"
				// Master records within the second area belong to it.
				all = slices.DeleteFunc(all, func(m kvstore.Master) bool { return m.Area < a.Area+2*half })
			}
		}
		if g.areas == 1 {
			// The smallest power of two that holds the log: the end of the area is unknown.
			size := uint32(512)
			for size < log && size < 1<<30 {
				size *= 2
			}
			g.size = size
			g.about = "the size of the area: the other one has no valid master record, or is not in the dump"
		}
		found = append(found, g)
	}
	return found
}

// boundary reports whether an erase unit may begin at addr.
func (l *inspection) boundary(addr uint32) bool {
	if len(l.Chip.Sectors) == 0 {
		return addr%smallestSector == 0
	}
	at := uint64(l.Chip.Base)
	for _, s := range l.Chip.Sectors {
		if at >= uint64(addr) {
			break
		}
		at += uint64(s)
	}
	return at == uint64(addr)
}

// bestUnit returns the program unit with which most records of an area's log are valid, and the log's end with
// it. Among equals the chip's unit wins, then the smallest.
func (l *inspection) bestUnit(m kvstore.Master) (unit, log uint32) {
	best := -1
	units := m.Units
	if want := l.wantedUnit(); slices.Contains(units, want) {
		units = append([]uint32{want}, units...)
	}
	for _, u := range units {
		g := guess{base: m.Area, size: l.reach(m.Area), unit: u, areas: 1}
		pic, err := kvstore.Inspect(l.device(g), l.Profile)
		if err != nil {
			continue
		}
		if n := len(pic.Areas[0].Records); n > best {
			best, unit, log = n, u, pic.Areas[0].Free
		}
	}
	if unit == 0 {
		unit, log = m.Units[0], smallestSector
	}
	return unit, log
}

// wantedUnit returns the expected program unit, 0 if it is unknown.
func (l *inspection) wantedUnit() uint32 {
	if l.Unit > 0 {
		return l.Unit
	}
	return l.Chip.Unit
}

// reach returns the number of bytes from addr on that the dump has, rounded down to a multiple of all program
// units.
func (l *inspection) reach(addr uint32) uint32 {
	for _, s := range l.dump.Segments {
		if addr >= s.Addr && uint64(addr) < s.End() {
			return uint32(min(s.End()-uint64(addr), 1<<30)) &^ 511
		}
	}
	return 0
}

// device returns a guessed store as a block device, with one erase unit for each area if the chip's are unknown.
// If only one area was found, the second reads as erased.
func (l *inspection) device(g guess) kvstore.BlockDevice {
	half := g.size / 2
	if g.areas == 1 {
		half = g.size
	}
	erase := func(uint32) uint32 { return half }
	if g.areas == 2 && len(l.Chip.Sectors) > 0 && l.halves(g.base, half) {
		erase = func(addr uint32) uint32 { return l.Chip.SectorSize(g.base + addr) }
	}
	r := &region{l.dump, g.base, 2 * half, g.unit, erase}
	if g.areas == 1 {
		return &oneArea{r}
	}
	return r
}

// halves reports whether erase units of the chip add up to two areas of half bytes from base on.
func (l *inspection) halves(base, half uint32) bool {
	for _, at := range []uint32{base, base + half, base + 2*half} {
		if !l.boundary(at) {
			return false
		}
	}
	return uint64(base)+2*uint64(half) <= uint64(l.Chip.Base)+uint64(l.Chip.Size())
}

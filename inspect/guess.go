package inspect

import (
	"slices"

	"dualbank/boot"
	"dualbank/kvstore"
)

// guess is a store that was found by its master records.
type guess struct {
	base, size uint32
	unit       uint32
	areas      int // 1: the other one has no master record, and size is that of one area, at least
	units      []uint32
	about      string
}

// fits tells whether a program unit would have left the same places.
func (g *guess) fits(unit uint32) bool {
	return slices.Contains(g.units, unit) || g.units[0] == 1 && unit == 2
}

// smallestSector is the least erase unit of any part in bytes: areas begin on multiples of it.
const smallestSector = 128

// maxStores bounds what a dump of nothing but master records leads to.
const maxStores = 64

// findStores pairs the master records of the dump. Two of which the first one's log does not reach the
// second one are the two areas of a store; one that lies within another one's log is a copy.
func (l *look) findStores() []guess {
	var all []kvstore.Master
	bases := map[uint32]bool{}
	for _, s := range l.dump.Segments {
		skip := -s.Addr % smallestSector // to the next possible place, whose address may lie behind
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
		// Master records within the log are records like any other.
		all = slices.DeleteFunc(all, func(m kvstore.Master) bool { return m.Area < a.Area+log })
		g := guess{base: a.Area, unit: unit, units: a.Units, areas: 1}
		i := slices.IndexFunc(all, func(m kvstore.Master) bool {
			return m.Units[0] == a.Units[0] && (m.Version == a.Version+1 || m.Version+1 == a.Version)
		})
		if i >= 0 {
			half := all[i].Area - a.Area
			if u, n := l.bestUnit(all[i]); n > log {
				g.unit = u // the longer log says more of its unit
			}
			if uint64(half)*2 <= 1<<31 && uint64(a.Area)+2*uint64(half) <= 1<<32 {
				g.size, g.areas = 2*half, 2
				g.about = "place and size, from the two areas' master records"
				// What lies in the second area belongs to it.
				all = slices.DeleteFunc(all, func(m kvstore.Master) bool { return m.Area < a.Area+2*half })
			}
		}
		if g.areas == 1 {
			// The smallest power of two that holds the log: what is behind it is not known.
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

// boundary tells whether an erase unit may begin at addr.
func (l *look) boundary(addr uint32) bool {
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

// bestUnit is the program unit with which most records of an area's log are found, and where the log
// ends then. Among equals it is the chip's, or the smallest.
func (l *look) bestUnit(m kvstore.Master) (unit, log uint32) {
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

// wantedUnit is the program unit that should be; 0 if nothing is known.
func (l *look) wantedUnit() uint32 {
	if l.Unit > 0 {
		return l.Unit
	}
	return l.Chip.Unit
}

// reach is how many bytes from addr on the dump has, rounded down to what any program unit divides.
func (l *look) reach(addr uint32) uint32 {
	for _, s := range l.dump.Segments {
		if addr >= s.Addr && uint64(addr) < end(s) {
			return uint32(min(end(s)-uint64(addr), 1<<30)) &^ 511
		}
	}
	return 0
}

// device is a guessed store as a block device of two erase units, one an area. Of a store with one area
// the second one is beyond the dump: nothing is read there.
func (l *look) device(g guess) kvstore.BlockDevice {
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

// halves tells whether erase units of the chip add up to two areas of half bytes from base on.
func (l *look) halves(base, half uint32) bool {
	for _, at := range []uint32{base, base + half, base + 2*half} {
		if !l.boundary(at) {
			return false
		}
	}
	return uint64(base)+2*uint64(half) <= uint64(l.Chip.Base)+uint64(l.Chip.Size())
}

// oneArea is a region of which the second half is not known and reads as erased.
type oneArea struct{ *region }

func (r *oneArea) Read(addr uint32, p []byte) error {
	if addr >= r.size/2 {
		for i := range p {
			p[i] = 0xFF
		}
		return nil
	}
	return r.region.Read(addr, p)
}

// guessedStore looks at a store that was found.
func (l *look) guessedStore(g guess) {
	pic, err := kvstore.Inspect(l.device(g), l.Profile)
	if err != nil {
		l.damage("store at 0x%08X: %v", g.base, err)
		return
	}
	l.store(Store{Start: g.base, Size: g.size, Unit: g.unit, Guessed: g.about}, pic, g.areas)
}

// findHeaders are the addresses of what looks like an internal metadata header.
func (l *look) findHeaders() (at []uint32) {
	for _, s := range l.dump.Segments {
		for _, off := range boot.FindHeaders(s.Data) {
			at = append(at, s.Addr+off)
		}
	}
	return at
}

package cell

import (
	"slices"

	"github.com/cespare/xxhash/v2"

	"dualbank/model/random"
)

// Footprint is the cells that a stretch of work depends on: those that it reads or programs before it has erased them.
// Work that is done again on equal cells of its footprint reads and leaves the same there.
type Footprint struct {
	needs []stretch // in the order of their offsets
	made  []stretch // erased on the way
}

type stretch struct{ from, to uint32 }

// Equal reports whether two footprints are of the same cells.
func (p *Footprint) Equal(o *Footprint) bool { return slices.Equal(p.needs, o.needs) }

// clear makes p that of no work.
func (p *Footprint) clear() { p.needs, p.made = p.needs[:0], p.made[:0] }

// need adds n cells from off on. p may be nil.
func (p *Footprint) need(off, n uint32) {
	if p == nil || n == 0 {
		return
	}
	s := stretch{off, off + n}
	for _, m := range p.made {
		if m.from <= s.from && s.to <= m.to {
			return
		}
	}
	// The first that ends at s.from or behind it.
	at, _ := slices.BinarySearchFunc(p.needs, s.from, func(e stretch, from uint32) int {
		if e.to < from {
			return -1
		}
		return 1
	})
	last := at
	for ; last < len(p.needs) && p.needs[last].from <= s.to; last++ {
		s.from, s.to = min(s.from, p.needs[last].from), max(s.to, p.needs[last].to)
	}
	if last == at+1 {
		p.needs[at] = s
		return
	}
	p.needs = slices.Replace(p.needs, at, last, s)
}

// erase says that n cells from off on are erased, whatever they held.
func (p *Footprint) erase(off, n uint32) {
	if p != nil {
		p.made = append(p.made, stretch{off, off + n})
	}
}

// Follow has p, which is emptied, note what is done with the cells from now on. Peek, Hash and Stamp are not noted; nil
// ends it.
func (a *Array) Follow(p *Footprint) {
	if a.follow = p; p != nil {
		p.clear()
	}
}

// Need says that work depends on n cells from off on, which it does not read: it knows by their Stamp what they hold.
func (a *Array) Need(off, n uint32) {
	if a.follow != nil {
		a.follow.need(off, n)
	}
}

// HashOf is a hash of what the cells of p hold. ok is false while any cell of the array does not read as it stands.
func (a *Array) HashOf(p *Footprint) (h uint64, ok bool) {
	if a.scarred > 0 {
		return 0, false
	}
	a.hash() // no page is stale from here on
	size := uint32(1) << a.shift
	for _, s := range p.needs {
		for off := s.from; off < s.to; {
			pg := a.pages[off>>a.shift]
			from := off & (size - 1)
			to := min(size, from+s.to-off)
			part := pg.hash
			if (from > 0 || to < size) && pg.writes == nil && pg.rows == nil {
				part = xxhash.Sum64(pg.data[from:to])
			}
			h = random.Mix(0, h) ^ part
			off += to - from
		}
	}
	return h, true
}

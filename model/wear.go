package model

import (
	"math"

	"dualbank/model/part"
	"dualbank/model/random"
)

// ageing is how the sectors of a flash age.
type ageing struct {
	law  *part.WearLaw // nil: they only count their erases
	seed uint64
}

// wearOut leaves the stuck bits of sector i after an erase: none within its life. They are the same at every erase, and
// more with age.
func (f *Flash) wearOut(i int) (stuck bool) {
	s := &f.sectors[i]
	n := f.law.StuckBits(s.life, s.erases, uint64(s.Size)*8)
	r := random.New(random.Mix(i, f.seed^0x57AC))
	for range n {
		at := r.Intn(int(s.Size) * 8)
		off, bit := s.Addr-f.base+uint32(at/8), byte(1)<<(at%8)
		var cell [1]byte
		if f.cells.Peek(off, cell[:]); cell[0]&bit != 0 {
			f.cells.Flip(off, bit)
		}
	}
	return n > 0
}

// Favour makes size bytes from addr on the area that the application erases most. Where the part has areas with
// a higher rating that hold them, the sectors in them get it, and lives in its proportion.
func (f *Flash) Favour(addr, size uint32) {
	rated := f.part.Rating(size)
	for i := range f.sectors {
		s := &f.sectors[i]
		if s.Addr-addr < size && rated > s.rated {
			s.life = uint32(min(uint64(s.life)*uint64(rated)/uint64(s.rated), math.MaxUint32))
			s.rated = rated
		}
	}
}

// ageOf is the share of its rated life that sector i has had, up to fullAge. Without a rating it is at its end.
func (f *Flash) ageOf(i int) uint64 { return ageAfter(f.sectors[i].erases, f.sectors[i].rated) }

func ageAfter(erases, rated uint32) uint64 {
	if erases >= rated {
		return fullAge
	}
	return uint64(erases) * fullAge / uint64(rated)
}

// Wear is one sector with its erase count.
type Wear struct {
	part.Sector
	Erases uint32
	Rated  uint32 // erases; 0: not known
	Life   uint32 // erases after which it fails, as drawn by a wear law; 0: never
}

// Wear lists all sectors in address order with their erase counts.
func (f *Flash) Wear() []Wear {
	w := make([]Wear, len(f.sectors))
	for i, s := range f.sectors {
		w[i] = Wear{s.Sector, s.erases, s.rated, s.life}
	}
	return w
}

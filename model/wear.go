package model

import (
	"dualbank/model/part"
	"dualbank/model/random"
)

// ageing is how the sectors of a flash age.
type ageing struct {
	law  *part.WearLaw // nil: they only count their erases
	seed uint64
}

// wearOut leaves the stuck bits of sector i after an erase. They are the same at every erase, and more
// with age.
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

package cell

import (
	"math/bits"

	"dualbank/model/random"
)

type weakMode struct{}

func (weakMode) String() string { return "weak" }

func (weakMode) Leave(cells, want []byte, erase bool, seed uint64) Outcome {
	return Torn.Leave(cells, want, erase, seed)
}

// LeaveDeep draws how far the step had come. Most of what matters to software happens at the ends of it:
// where one cell is all that makes the difference, a record reads as old at one time and as new at
// another.
func (weakMode) LeaveDeep(cells, want []byte, erase bool, _ uint32, seed uint64) (Outcome, Left) {
	r := random.New(seed)
	change := make([]byte, len(cells)) // bits that the step should change
	n := 0
	for i := range cells {
		change[i] = cells[i] ^ want[i]
		n += bits.OnesCount8(change[i])
	}
	if n == 0 {
		return NotDone, Left{}
	}
	switch stage := r.Intn(4); {
	case stage == 0: // hardly begun
		return NotDone, Left{Undecided: one(change, r.Intn(n))}
	case stage == 1 && !erase: // all but done
		copy(cells, want)
		return NotDone, Left{Undecided: one(change, r.Intn(n))}
	case stage == 1: // reads as erased, one cell will not hold
		copy(cells, want)
		return NotDone, Left{Falls: one(change, r.Intn(n))}
	case stage == 2 && erase: // reads as erased, any cell may not hold
		copy(cells, want)
		some(change, r)
		return NotDone, Left{Falls: change}
	default:
		Torn.Leave(cells, want, erase, r.Uint64())
		if stage == 2 {
			some(change, r)
		}
		return NotDone, Left{Undecided: change}
	}
}

// one keeps the k-th set bit of mask only.
func one(mask []byte, k int) []byte {
	m := make([]byte, len(mask))
	for i, b := range mask {
		n := bits.OnesCount8(b)
		if k >= n {
			k -= n
			continue
		}
		for ; k > 0; k-- {
			b &= b - 1
		}
		m[i] = b & -b
		break
	}
	return m
}

// some keeps each bit of mask with one half chance.
func some(mask []byte, r *random.Source) {
	for i := 0; i < len(mask); i += 8 {
		v := r.Uint64()
		for j := i; j < len(mask) && j < i+8; j++ {
			mask[j] &= byte(v)
			v >>= 8
		}
	}
}

type strayMode struct{}

func (strayMode) String() string { return "stray" }

func (s strayMode) Leave(cells, want []byte, erase bool, seed uint64) Outcome {
	out, _ := s.LeaveDeep(cells, want, erase, 0, seed)
	return out
}

// strayBytes is the size of a stray access into a sector on a part without ECC, in bytes.
const strayBytes = 4

// LeaveDeep programs random data: over the cells of a program, or over an aligned stretch of those of an erase.
func (strayMode) LeaveDeep(cells, _ []byte, erase bool, ecc uint32, seed uint64) (Outcome, Left) {
	r := random.New(seed)
	var left Left
	at, n := 0, len(cells)
	if erase {
		n = min(n, max(int(ecc), strayBytes))
		at = r.Intn(len(cells)/n) * n
	}
	if ecc > 0 && !all(cells[at:at+n], 0xFF) {
		left.Damaged = []uint32{uint32(at)}
	}
	data := make([]byte, n)
	r.Fill(data)
	for i, b := range data {
		cells[at+i] &= b
	}
	return NotDone, left
}

// all reports whether every byte of p is b.
func all(p []byte, b byte) bool {
	for _, c := range p {
		if c != b {
			return false
		}
	}
	return true
}

type eccMode struct{}

func (eccMode) String() string { return "ecc" }

func (eccMode) Leave(cells, want []byte, erase bool, seed uint64) Outcome {
	return Torn.Leave(cells, want, erase, seed)
}

// LeaveDeep damages the unit of a program. Of an erase it damages one unit, one in eight, half of them or
// all: how many had come how far is not known.
func (eccMode) LeaveDeep(cells, want []byte, erase bool, ecc uint32, seed uint64) (Outcome, Left) {
	r := random.New(seed)
	Torn.Leave(cells, want, erase, r.Uint64())
	if ecc == 0 {
		return NotDone, Left{}
	}
	units := uint32(len(cells)) / ecc
	one := uint32(r.Intn(int(max(units, 1)))) * ecc
	left := Left{Damaged: []uint32{one}}
	if !erase {
		return NotDone, left
	}
	share := []int{0, 1, 4, 8}[r.Intn(4)] // eighths
	for off := uint32(0); off < units*ecc; off += ecc {
		if r.Intn(8) < share && off != one {
			left.Damaged = append(left.Damaged, off)
		}
	}
	return NotDone, left
}

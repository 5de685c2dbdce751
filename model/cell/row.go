package cell

import (
	"math"

	"dualbank/model/random"
)

// rowLimit is how often a row may be programmed between erases.
type rowLimit struct {
	bytes  uint32 // 0: no limit
	writes uint16
}

// countRows counts the accesses that programmed n cells at off, row by row. Each one beyond the limit clears one
// erased bit somewhere in the row, which a vendor says may happen: with equal histories the same bits.
func (a *Array) countRows(off, n uint32) {
	for n > 0 {
		row := off &^ (a.rows.bytes - 1)
		k := min(n, row+a.rows.bytes-off)
		i, at := int(row>>a.shift), (row&(uint32(1)<<a.shift-1))/a.rows.bytes
		for range a.access.Count(off, int(k)) {
			w := &a.own(i).rows[at]
			if *w < math.MaxUint16 {
				*w++
			}
			if *w > a.rows.writes {
				a.disturb(row, uint64(*w))
			}
		}
		off, n = off+k, n-k
	}
}

// disturb clears a random bit of a row, if it is one.
func (a *Array) disturb(row uint32, writes uint64) {
	at := random.New(random.Mix(int(row), writes)).Intn(int(a.rows.bytes) * 8)
	off, bit := row+uint32(at/8), byte(1)<<(at%8)
	var cell [1]byte
	if a.read(off, cell[:]); cell[0]&bit != 0 {
		a.flip(off, bit, a.ecc)
	}
}

// Package random is the one source of chance in a run: a seeded generator, the same on every machine.
//
//  1. A consumer gets a seed from the scenario; Mix derives independent seeds from one seed and an index.
//  2. New makes a Source of the seed. It is never shared between two consumers, so that one's draws do not depend on
//     how often the other draws.
//  3. To fork a run, copy the Source by value: the copy draws what the original would have drawn.
//
// Invariants:
//
//   - Equal seeds give equal sequences, in every release: results that are published depend on them.
//   - Nothing here is fit for cryptography.
package random

import (
	"math"
	"math/bits"
)

// Source draws numbers by splitmix64. The zero value is the source with seed 0; a copy draws what the original
// would have drawn.
type Source struct{ s uint64 }

// New returns the source that starts from seed.
func New(seed uint64) *Source { return &Source{seed} }

// Uint64 returns 64 random bits.
func (r *Source) Uint64() uint64 {
	r.s += 0x9E3779B97F4A7C15
	z := r.s
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// Intn returns a number from 0 to n-1; n must be positive.
func (r *Source) Intn(n int) int {
	return int(min(r.Uint64n(uint64(n)), math.MaxInt))
}

// Uint64n returns a number from 0 to n-1; n must be positive.
func (r *Source) Uint64n(n uint64) uint64 {
	hi, _ := bits.Mul64(r.Uint64(), n)
	return hi
}

// Float64 returns a number in [0, 1).
func (r *Source) Float64() float64 { return float64(r.Uint64()>>11) / (1 << 53) }

// Fill fills p with random bytes: the outputs of Uint64 as little-endian bytes.
func (r *Source) Fill(p []byte) {
	for i := 0; i < len(p); i += 8 {
		v := r.Uint64()
		for j := i; j < len(p) && j < i+8; j++ {
			p[j] = byte(v)
			v >>= 8
		}
	}
}

// Mix spreads i and h over 64 bits: equal pairs give equal results, and neighbours have nothing in common.
func Mix(i int, h uint64) uint64 {
	h += uint64(i+1) * 0x9E3779B97F4A7C15
	h = (h ^ h>>30) * 0xBF58476D1CE4E5B9
	h = (h ^ h>>27) * 0x94D049BB133111EB
	return h ^ h>>31
}

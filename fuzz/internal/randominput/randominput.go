// Package randominput makes inputs for the tests of targets.
//
//  1. Bytes makes an input of a seed.
//  2. A test decodes it into a case, and examines that.
//
// Invariant: equal arguments give equal bytes. Only tests import this package.
package randominput

import "math/rand/v2"

// Bytes returns up to most-1 random bytes.
func Bytes(seed uint64, most int) []byte {
	r := rand.New(rand.NewPCG(seed, 7))
	b := make([]byte, r.IntN(most))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

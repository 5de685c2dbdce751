package fuzz

import (
	"math/rand/v2"
	"os"
	"testing"
)

// randomSeeds are inputs of no meaning: the formats have no invalid ones.
func randomSeeds(f *testing.F, most int) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		b := make([]byte, 40+r.IntN(most))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
}

// strict makes a broken rule that nobody knows a crasher.
var strict = os.Getenv("DUALBANK_STRICT") != ""

// FuzzKV is the guided search for cuts, device errors and operations that break a KVStore.
func FuzzKV(f *testing.F) {
	randomSeeds(f, 400)
	f.Fuzz(func(t *testing.T, data []byte) { RunInput(data, strict) })
}

// FuzzUpdate is the guided search for lives of a device that end badly.
func FuzzUpdate(f *testing.F) {
	randomSeeds(f, 150)
	f.Fuzz(func(t *testing.T, data []byte) { RunUpdateInput(data, strict) })
}

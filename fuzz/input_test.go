package fuzz

import (
	"math/rand/v2"
	"os"
	"testing"
)

// FuzzKV is the guided search with the native engine. Its seeds are random: the format has no
// invalid inputs.
func FuzzKV(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		b := make([]byte, 40+r.IntN(400))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	strict := os.Getenv("DUALBANK_STRICT") != ""
	f.Fuzz(func(t *testing.T, data []byte) { RunInput(data, strict) })
}

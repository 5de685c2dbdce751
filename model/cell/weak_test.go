package cell

import (
	"bytes"
	"testing"
)

// TestOne: of a mask's bits the one of a number is left, counted from the lowest of the first byte.
func TestOne(t *testing.T) {
	mask := []byte{0b1011_0000, 0, 0b1000_0001, 0xFF}
	k := 0
	for i, b := range mask {
		for bit := range 8 {
			if b>>bit&1 == 0 {
				continue
			}
			want := make([]byte, len(mask))
			want[i] = 1 << bit
			if got := one(mask, k); !bytes.Equal(got, want) {
				t.Errorf("bit %d: % 08b, want % 08b", k, got, want)
			}
			k++
		}
	}
	if got := one(mask, k); !bytes.Equal(got, make([]byte, len(mask))) {
		t.Errorf("a bit that is not there: % 08b", got)
	}
}

package kvstore

import (
	"math/bits"
	"strings"
	"testing"
)

func TestCRC(t *testing.T) {
	long := strings.Repeat("a key and a value that the library takes over ", 2) // from 64 bytes on
	for _, c := range []struct {
		text string
		want uint32
	}{
		{"", 0xFFFFFFFF},
		{"123456789", 0x9B63D02C},
		{"hello", 0x9E9AF793},
		{"a", 0x3D8212E8},
		{long, bitwise(long)},
	} {
		if got := CRC([]byte(c.text)); got != c.want {
			t.Errorf("CRC(%q) = %08X, want %08X", c.text, got, c.want)
		}
		for i := range len(c.text) {
			if got := storeCRC(ieeeAdd(ieeeAdd(0, []byte(c.text[:i])), []byte(c.text[i:]))); got != c.want {
				t.Errorf("CRC(%q) in two pieces at %d = %08X, want %08X", c.text, i, got, c.want)
			}
		}
	}
}

// bitwise is the CRC by its definition: polynomial 0x04C11DB7, bytes with their lowest bit first.
func bitwise(text string) uint32 {
	crc := ^uint32(0)
	for _, b := range []byte(text) {
		crc ^= uint32(bits.Reverse8(b)) << 24
		for range 8 {
			top := crc >> 31
			crc = crc<<1 ^ top*0x04C11DB7
		}
	}
	return crc
}

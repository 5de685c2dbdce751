package release

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"dualbank/boot/firmware"
)

func TestGeneratedFirmware(t *testing.T) {
	const base, size = 0x08008400, 60 << 10
	of := func(seed uint64, changed uint32, n int) []byte { return generate(seed, size, base, changed, n) }
	first := of(1, 30, 0)
	if !bytes.Equal(first, of(1, 30, 0)) || bytes.Equal(first, of(2, 30, 0)) {
		t.Error("a firmware is not its seed's alone")
	}
	if reset := binary.LittleEndian.Uint32(first[4:]); reset&1 == 0 || reset < base || reset >= base+size {
		t.Errorf("the reset vector is 0x%08X", reset)
	}
	if _, err := firmware.Read("generated.bin", first, base, size); err != nil {
		t.Error(err)
	}
	// The more changes, the larger the difference; release 3 differs more from 0 than 1 does.
	last := 0
	for _, c := range []struct {
		changed uint32
		n       int
	}{{0, 0}, {5, 1}, {30, 1}, {30, 3}, {300, 1}, {1000, 1}} {
		d, err := firmware.MakeDelta(of(1, c.changed, 0), of(1, c.changed, c.n))
		if err != nil {
			t.Fatal(err)
		}
		if len(d) <= last || len(d) > size {
			t.Errorf("release %d with %d of 1000 functions changed: a delta of %d bytes, the one before has %d", c.n, c.changed, len(d), last)
		}
		last = len(d)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint32Range(1, 5000).Draw(t, "size")
		if got := generate(rapid.Uint64().Draw(t, "seed"), n, base, rapid.Uint32Range(0, 1000).Draw(t, "changed"), rapid.IntRange(0, 5).Draw(t, "release")); len(got) != int(n) {
			t.Fatalf("%d bytes, want %d", len(got), n)
		}
	})
}

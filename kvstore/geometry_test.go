package kvstore

import (
	"fmt"
	"strings"
	"testing"

	"dualbank/internal/flashtest"
)

func TestGeometry(t *testing.T) {
	for _, c := range []struct {
		sectors string
		unit    uint32
		base    uint32 // of area 1
		err     string
	}{
		{"4x16K+1x64K", 1, 64 << 10, ""},
		{"1x64K+4x16K", 1, 64 << 10, ""},
		{"2x2K", 8, 2 << 10, ""},
		{"32x128", 8, 2 << 10, ""},
		{"3x2K", 1, 2 << 10, ""}, // the third sector is not used
		{"2x128", 1, 128, ""},
		{"3x16K+1x64K", 1, 0, "unequal, 49152 and 0 bytes, from the sectors 3x16K+1x64K"},
		{"1x4K", 1, 0, "too small, from the sectors 1x4K"},
		{"2x96", 1, 0, "too small, from the sectors 2x96; reserved data and master record need 108 bytes"},
		{"2x2K", 6, 0, "program unit of 6 bytes"},
		{"2x2K", 0, 0, "program unit of 0 bytes"},
		{"2x100", 8, 0, "100 bytes for the erase unit at 0x0"},
	} {
		t.Run(fmt.Sprintf("%s/%d", c.sectors, c.unit), func(t *testing.T) {
			s := NewTDB(flashtest.New(t, c.sectors, c.unit), Options{})
			err := s.Open()
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("Open: %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if l := s.Layout(); l.Base != [2]uint32{0, c.base} || l.Size != c.base {
				t.Errorf("layout %+v, want area 1 at %d", l, c.base)
			}
		})
	}
}

func TestEraseUnits(t *testing.T) {
	var g geometry
	if err := g.measure(flashtest.New(t, "4x16K+1x64K", 1), 0); err != nil {
		t.Fatal(err)
	}
	const k = 1 << 10
	for _, c := range []struct{ addr, next, start uint32 }{
		{0, 0, 0},
		{1, 16 * k, 0},
		{16 * k, 16 * k, 16 * k},
		{48*k + 1, 64 * k, 48 * k},
		{64*k - 1, 64 * k, 48 * k},
		{64 * k, 64 * k, 64 * k},
		{64*k + 1, 128 * k, 64 * k},
	} {
		if got := g.nextStart(c.addr); got != c.next {
			t.Errorf("nextStart(%#x) = %#x, want %#x", c.addr, got, c.next)
		}
		if got := g.unitStart(c.addr); got != c.start {
			t.Errorf("unitStart(%#x) = %#x, want %#x", c.addr, got, c.start)
		}
	}
}

package kvstore

import (
	"bytes"
	"testing"

	"dualbank/internal/flashtest"
)

func TestDirectAccess(t *testing.T) {
	root := unhex("000102030405060708090a0b0c0d0e0f")
	buf := make([]byte, 64)
	found := func(f *flashtest.Flash) bool {
		n, err := DirectAccess(f, buf, 0)
		if err != nil && err != ErrItemNotFound {
			t.Fatal(err)
		}
		return err == nil && bytes.Equal(buf[:n], root)
	}
	for _, c := range []struct {
		sectors string
		second  bool // the copy in area 1 is found
	}{{"2x2K", true}, {"4x16K+1x64K", true}, {"3x2K", false}} {
		f := flashtest.New(t, c.sectors, 8)
		if found(f) {
			t.Errorf("%s: found in a blank region", c.sectors)
		}
		s := openTDB(t, f, Options{})
		if err := s.SetReserved(root); err != nil {
			t.Fatal(err)
		}
		if !found(f) {
			t.Errorf("%s: not found in area 0", c.sectors)
		}
		f.Cells[0] ^= 0x40
		if found(f) != c.second {
			t.Errorf("%s: found in area 1: %v", c.sectors, !c.second)
		}
		f.Cells[0] ^= 0x40
		if _, err := DirectAccess(f, buf[:8], 0); err != ErrItemNotFound {
			t.Errorf("%s: buffer too small: %v", c.sectors, err)
		}
		f.BadRead = func(addr, end uint32) bool { return true }
		if found(f) {
			t.Errorf("%s: found though it cannot be read", c.sectors)
		}
	}
	if _, err := DirectAccess(flashtest.New(t, "1x128", 1), buf, 0); err != ErrItemNotFound {
		t.Errorf("region too small: %v", err)
	}
}

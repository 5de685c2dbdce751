package kvstore_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"dualbank/internal/flashtest"
	. "dualbank/kvstore"
	"dualbank/kvstore/storage"
)

// TestFindings has a reproducer for each defect of the reference that is written down in
// docs/kvstore-findings.md. The profiles show these defects; a test here that fails means that they no
// longer do.
func TestFindings(t *testing.T) {
	must := func(t *testing.T, errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	want := func(t *testing.T, what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	value := func(n int) []byte { return bytes.Repeat([]byte{0x55}, n) }
	open := func(t *testing.T, sectors string, p Profile) (*flashtest.Flash, *TDBStore) {
		f := flashtest.New(t, sectors, 1)
		return f, OpenTDB(t, f, Options{Profile: p})
	}
	// collect makes the store collect garbage and does nothing else: a set that was begun, then a call
	// that finds it.
	collect := func(t *testing.T, s *TDBStore) {
		t.Helper()
		n := s.Collections()
		must(t, s.SetStart("unfinished", 0, 0))
		want(t, "Remove", s.Remove("none"), ErrItemNotFound)
		if s.Collections() != n+1 {
			t.Fatal("no collection")
		}
	}
	read := func(s Store, key string) (string, error) {
		buf := make([]byte, 1024)
		n, err := s.Get(key, buf, 0)
		return string(buf[:n]), err
	}

	t.Run("01-record-at-the-very-end", func(t *testing.T) {
		_, s := open(t, "2x512", MbedOS)
		n := 512 - 108 - 24 - 1 // a record that fills the area
		want(t, "MbedOS, exact fit", s.Set("a", value(n), 0), ErrInvalidData)
		want(t, "MbedOS, exact fit, again", s.Set("a", value(n), 0), ErrInvalidData)
		must(t, s.Set("a", value(n-1), 0))
		_, s = open(t, "2x512", MbedCE)
		must(t, s.Set("a", value(n), 0))
	})

	t.Run("02-collection-to-the-very-end", func(t *testing.T) {
		_, s := open(t, "2x512", MbedOS)
		n := 512 - 108 - 36 - 24 - 1 // with the master record copied, the record ends with the area
		must(t, s.Set("a", value(n), 0), s.Open())
		_, err := s.Info("a")
		must(t, err)
		must(t, s.SetStart("unfinished", 0, 0))
		want(t, "Remove", s.Remove("none"), ErrMediaFull) // having collected
		_, err = s.Info("a")
		want(t, "a after a collection", err, ErrInvalidData)
		must(t, s.Open())
		_, err = s.Info("a")
		want(t, "a after a reboot", err, ErrItemNotFound)
	})

	t.Run("03-collection-without-room", func(t *testing.T) {
		// After a reboot the master record is a key, and there is no room for it in the other area.
		_, s := open(t, "2x512", MbedCE)
		must(t, s.Set("a", []byte("of a"), 0), s.Set("b", []byte("of b"), 0), s.Set("c", value(318), 0), s.Open())
		want(t, "Set", s.Set("d", nil, 0), ErrMediaFull)
		want(t, "Remove", s.Remove("c"), ErrMediaFull)
		mixed := 0
		for _, k := range []string{"a", "b", "c"} {
			if v, err := read(s, k); err != nil || k != "c" && v != "of "+k {
				mixed++
			}
		}
		if mixed == 0 || s.FailedCollections() == 0 {
			t.Errorf("%d keys are read wrong after %d failed collections", mixed, s.FailedCollections())
		}
		must(t, s.Open())
		for _, k := range []string{"a", "b"} {
			if v, err := read(s, k); err != nil || v != "of "+k {
				t.Errorf("%s after a reboot: %q, %v", k, v, err)
			}
		}
	})

	t.Run("04-record-of-an-earlier-life", func(t *testing.T) {
		_, s := open(t, "8x512", MbedCE)
		must(t, s.Set("x", value(1024-108-24-1), 0)) // ends where a sector starts
		collect(t, s)
		must(t, s.Set("y", []byte("old"), 0)) // begins there, in area 1
		collect(t, s)
		must(t, s.Remove("y")) // in area 0
		collect(t, s)
		_, err := s.Info("y")
		want(t, "y after its remove", err, ErrItemNotFound)
		must(t, s.Open())
		if v, err := read(s, "y"); v != "old" || err != nil {
			t.Errorf("y after a reboot: %q, %v", v, err)
		}
	})

	t.Run("05-rest-of-an-unfinished-set", func(t *testing.T) {
		_, s := open(t, "2x2K", MbedCE)
		must(t, s.SetStart("a", 4, 0), s.SetAdd([]byte("data")), s.Open())
		want(t, "first set", s.Set("b", []byte("data"), 0), ErrInvalidData)
		must(t, s.Set("b", []byte("data"), 0))
	})

	t.Run("06-two-stores-disagree", func(t *testing.T) {
		p := partition(t, storage.TDBExternal, Options{}, flashtest.New(t, "2x512", 1), flashtest.New(t, "16x4K", 1))
		long := strings.Repeat("k", 127)
		must(t, p.Main.Set(long, []byte("one"), FlagReplayProtection))
		must(t, p.Main.Set("b", nil, FlagReplayProtection), p.Main.Set("c", nil, FlagReplayProtection), p.Main.Set("d", nil, FlagReplayProtection))
		want(t, "Remove with no room for the tombstone", p.Main.Remove(long), ErrMediaFull)
		_, err := p.Main.Info(long)
		want(t, "Info", err, ErrRBPAuthentication)
		must(t, p.Open())
		_, err = p.Main.Info(long)
		want(t, "Info after a reboot", err, ErrRBPAuthentication)
		want(t, "Remove", p.Main.Remove(long), ErrItemNotFound)
	})

	t.Run("07-master-record-is-a-key", func(t *testing.T) {
		_, s := open(t, "2x2K", MbedCE)
		must(t, s.Open())
		it, err := s.Iterate("")
		must(t, err)
		if keys := List(t, it); !slices.Equal(keys, []string{MasterKey}) {
			t.Errorf("keys %v", keys)
		}
		must(t, s.Set("a", []byte("v"), 0), s.Set(MasterKey, nil, 0), s.Open())
		_, err = s.Info("a")
		want(t, "a after a set of TDBS and a reboot", err, ErrItemNotFound)
	})

	t.Run("08-longest-key", func(t *testing.T) {
		_, s := open(t, "2x2K", MbedCE)
		want(t, "128 bytes", s.Set(strings.Repeat("k", 128), nil, 0), ErrInvalidData)
		must(t, s.Set(strings.Repeat("k", 127), nil, 0))
	})

	t.Run("09-lock-stays-held", func(t *testing.T) {
		f, s := open(t, "2x2K", MbedCE)
		at := s.Layout().Free + HeaderSize + 1
		f.Fail = func(_ bool, addr uint32) bool { return addr == at }
		want(t, "Set", s.Set("k", []byte("v"), 0), ErrWriteFailed)
		f.Fail = nil
		must(t, s.Set("k", []byte("v"), 0))
		if s.LocksHeld() != 1 {
			t.Errorf("%d locks held", s.LocksHeld())
		}
	})

	t.Run("10-get-ends-an-incremental-set", func(t *testing.T) {
		p := partition(t, storage.TDBExternal, Options{}, flashtest.New(t, "4x4K", 8), flashtest.New(t, "16x4K", 1))
		must(t, p.Main.Set("a", nil, 0), p.Main.SetStart("b", 4, 0))
		_, err := p.Main.Info("a")
		must(t, err)
		want(t, "SetAdd", p.Main.SetAdd([]byte("data")), ErrInvalidArgument)
	})

	t.Run("11-pieces-of-a-secret", func(t *testing.T) {
		p := partition(t, storage.TDBExternal, Options{}, flashtest.New(t, "4x4K", 8), flashtest.New(t, "16x4K", 1))
		must(t, p.Main.SetStart("a", 20, FlagConfidential), p.Main.SetAdd(value(5)), p.Main.SetAdd(value(15)), p.Main.SetFinalize())
		v, err := read(p.Main, "a")
		must(t, err)
		if v[:5] != string(value(5)) || v[5:] == string(value(15)) {
			t.Errorf("read back %x", v)
		}
	})

	t.Run("12-endless-scan", func(t *testing.T) {
		f, s := open(t, "2x2K", MbedCE)
		copy(f.Cells[s.Layout().Free:], RawRecord("key", nil, 0, 0xFFFFFFA0))
		var fatal *FatalError
		if err := NewTDB(f, Options{NoCRCScan: true}).Open(); !errors.As(err, &fatal) {
			t.Errorf("open without CRC: %v", err)
		}
		want(t, "open with CRC", s.Open(), ErrReadFailed)
	})

	t.Run("13-direct-access-to-area-1", func(t *testing.T) {
		f, s := open(t, "3x2K", MbedCE)
		must(t, s.SetReserved(value(16)))
		f.Cells[0] ^= 0x40
		var buf [64]byte
		_, err := s.Reserved(buf[:])
		must(t, err)
		_, err = DirectAccess(f, buf[:], 0)
		want(t, "DirectAccess", err, ErrItemNotFound)
	})

	t.Run("14-no-place-for-the-device-key", func(t *testing.T) {
		p := partition(t, storage.TDBExternalNoRBP, Options{}, nil, flashtest.New(t, "16x4K", 1))
		want(t, "Set", p.Main.Set("a", nil, 0), ErrFailedOperation)
	})

	t.Run("15-keys-of-equal-hash", func(t *testing.T) {
		a, b := CollidingKeys()
		_, s := open(t, "2x2K", MbedCE)
		must(t, s.Set(a, []byte("of a"), 0), s.Set(b, []byte("of b"), 0))
		if v, err := read(s, a); v != "of b" || err != nil {
			t.Errorf("%s: %q, %v", a, v, err)
		}
	})

	t.Run("16-unaligned-sectors", func(t *testing.T) {
		f, s := open(t, "1x1K+4x2K+1x1K", MbedCE)
		f.Copies = true
		must(t, s.SetStart("unfinished", 0, 0))
		want(t, "Set with a collection", s.Set("a", nil, 0), ErrWriteFailed)
		must(t, s.Open())
		f.Logging = true
		must(t, s.Set("a", value(1024), 0)) // reaches into the sector from 1 KiB on
		if log := strings.Join(f.Log, ", "); strings.Contains(log, "E ") {
			t.Errorf("the sector is erased: %s", log)
		}
	})

	t.Run("17-offset-beyond-256-bytes", func(t *testing.T) {
		p := partition(t, storage.TDBExternal, Options{}, flashtest.New(t, "4x4K", 8), flashtest.New(t, "16x4K", 1))
		must(t, p.Main.Set("a", value(256), 0), p.Main.Set("b", value(255), 0))
		buf := []byte{0xCC, 0xCC}
		n, err := p.Main.Get("a", buf, 5000)
		if must(t, err); n != 2 || buf[0] != 0xCC || buf[1] != 0xCC {
			t.Errorf("Get = %d, %x", n, buf)
		}
		_, err = p.Main.Get("b", buf, 5000)
		want(t, "another size", err, ErrInvalidSize)
	})

	t.Run("18-unauthentic-bytes", func(t *testing.T) {
		p := partition(t, storage.TDBExternal, Options{}, flashtest.New(t, "4x4K", 8), flashtest.New(t, "16x4K", 1))
		must(t, p.Main.Set("a", []byte("secret"), FlagConfidential))
		v, err := RawRead(p.External, "a")
		must(t, err)
		v.Value[len(v.Value)-1] ^= 1 // of the MAC
		must(t, p.External.Set("a", v.Value, 0))
		buf := make([]byte, 6)
		_, err = p.Main.Get("a", buf, 0)
		want(t, "Get", err, ErrAuthentication)
		if string(buf) != "secret" {
			t.Errorf("the buffer holds %q", buf)
		}
	})

	t.Run("19-heap-after-a-failed-open", func(t *testing.T) {
		f, s := open(t, "2x2K", MbedCE)
		for i := range 17 {
			must(t, s.Set(string(rune('a'+i)), nil, 0))
		}
		copy(f.Cells[s.Layout().Free:], RawRecord("key", nil, 0, 0xFFFFFFA0))
		want(t, "Open", s.Open(), ErrReadFailed)
		if s.Undefined() != UndefinedHeap {
			t.Errorf("undefined: %q", s.Undefined())
		}
	})
}

package secure

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strings"
	"testing"

	"dualbank/internal/flashtest"
	"dualbank/kvstore"
)

// unfinished is a store in which no set ends.
type unfinished struct{ kvstore.Store }

func (unfinished) SetFinalize() error { return kvstore.ErrWriteFailed }

// TestFinalizeFails: the error of a set's end below reaches the caller, and nothing is noted as if it had succeeded.
func TestFinalizeFails(t *testing.T) {
	under := kvstore.NewTDB(flashtest.New(t, "16x4K", 1), kvstore.Options{})
	rbp := openTDB(t, flashtest.New(t, "4x4K", 8), kvstore.Options{})
	key := NewDeviceKey(rbp, nil)
	if err := key.Inject(make([]byte, rootSize)); err != nil {
		t.Fatal(err)
	}
	s := New(Options{Store: unfinished{under}, RBP: rbp, Key: key})
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	if err := s.Set("key", []byte("value"), kvstore.FlagReplayProtection); err != kvstore.ErrWriteFailed {
		t.Errorf("Set: %v", err)
	}
	if _, err := rbp.Info("key"); err != kvstore.ErrItemNotFound {
		t.Errorf("the rollback protection: %v", err)
	}
}

// flaky is a store of which one call fails.
type flaky struct {
	kvstore.Store
	*counted
}

// counted counts the calls of the stores that share it, and has one of them fail.
type counted struct{ calls, bad int }

var errFlaky = errors.New("this call fails")

func (c *counted) next() error {
	if c.calls++; c.calls == c.bad {
		return errFlaky
	}
	return nil
}

func (f flaky) Open() error              { return cmp.Or(f.next(), f.Store.Open()) }
func (f flaky) Close() error             { return cmp.Or(f.next(), f.Store.Close()) }
func (f flaky) Reset() error             { return cmp.Or(f.next(), f.Store.Reset()) }
func (f flaky) SetFinalize() error       { return cmp.Or(f.next(), f.Store.SetFinalize()) }
func (f flaky) SetAdd(data []byte) error { return cmp.Or(f.next(), f.Store.SetAdd(data)) }
func (f flaky) Remove(key string) error  { return cmp.Or(f.next(), f.Store.Remove(key)) }

func (f flaky) Set(key string, v []byte, flags kvstore.Flags) error {
	return cmp.Or(f.next(), f.Store.Set(key, v, flags))
}

func (f flaky) SetStart(key string, size uint32, flags kvstore.Flags) error {
	return cmp.Or(f.next(), f.Store.SetStart(key, size, flags))
}

func (f flaky) Get(key string, buf []byte, offset uint32) (int, error) {
	if err := f.next(); err != nil {
		return 0, err
	}
	return f.Store.Get(key, buf, offset)
}

func (f flaky) Info(key string) (kvstore.Info, error) {
	if err := f.next(); err != nil {
		return kvstore.Info{}, err
	}
	return f.Store.Info(key)
}

// TestFailuresBelow: a call fails if one of the calls below fails that it needs.
func TestFailuresBelow(t *testing.T) {
	const guard = kvstore.FlagReplayProtection
	for _, c := range []struct {
		name string
		call func(s *Store) error
	}{
		{"open", (*Store).Open},
		{"close", (*Store).Close},
		{"reset", (*Store).Reset},
		{"set", func(s *Store) error { return s.Set("new", []byte("value"), 0) }},
		{"set of a secret", func(s *Store) error { return s.Set("new", []byte("value"), kvstore.FlagConfidential) }},
		{"set of a guarded key", func(s *Store) error { return s.Set("guarded", []byte("value"), guard) }},
		{"get", func(s *Store) error { _, err := s.Get("plain", make([]byte, 5), 2); return err }},
		{"get of a guarded key", func(s *Store) error { _, err := s.Get("guarded", make([]byte, 5), 0); return err }},
		{"info", func(s *Store) error { _, err := s.Info("guarded"); return err }},
		{"remove", func(s *Store) error { return s.Remove("plain") }},
		{"remove of a guarded key", func(s *Store) error { return s.Remove("guarded") }},
	} {
		for _, r := range []kvstore.Repairs{0, kvstore.RepairTwoStores | kvstore.RepairRemoveEntry} {
			for _, protected := range []bool{true, false} {
				try := func(bad int) (calls int, err error) {
					under := kvstore.NewTDB(flashtest.New(t, "4x4K", 1), kvstore.Options{})
					rbp := openTDB(t, flashtest.New(t, "4x4K", 8), kvstore.Options{})
					key := NewDeviceKey(rbp, nil)
					n := &counted{}
					o := Options{Store: flaky{under, n}, Key: key, Repairs: r, Entropy: func([]byte) error { return nil }}
					if protected {
						o.RBP = flaky{rbp, n}
					}
					s := New(o)
					if err := errors.Join(key.Inject(make([]byte, rootSize)), s.Open(), s.Set("plain", []byte("value"), 0), s.Set("guarded", []byte("old"), guard)); err != nil {
						t.Fatal(err)
					}
					n.calls, n.bad = 0, bad
					err = c.call(s)
					if s.LocksHeld() != 0 {
						t.Errorf("%s, call %d below fails: the lock is held %d times", c.name, bad, s.LocksHeld())
					}
					if calls, n.bad = n.calls, 0; !protected || r == 0 {
						return calls, err
					}
					// No half of the change is left: the next open and read tell which value it is.
					buf := make([]byte, 8)
					err2 := errors.Join(under.Open(), s.Open())
					size, err3 := s.Get("guarded", buf, 0)
					gone := c.name == "reset" || c.name == "remove of a guarded key"
					if v := string(buf[:size]); err2 != nil || v != "old" && v != "value" && !(gone && err3 == kvstore.ErrItemNotFound) {
						t.Errorf("%s, call %d below fails: open %v, then guarded reads %q, %v", c.name, bad, err2, v, err3)
					}
					return calls, err
				}
				n, err := try(0)
				if err != nil || n == 0 {
					t.Fatalf("%s, repairs %v: %d calls below, %v", c.name, r, n, err)
				}
				var quiet []int
				for bad := 1; bad <= n; bad++ {
					if _, err := try(bad); err == nil {
						quiet = append(quiet, bad)
					}
				}
				// The first may be a look at what there is, which the next call repeats or nothing depends on.
				var looks []int
				if whole := c.name == "open" || c.name == "close" || c.name == "reset"; !whole && protected && r != 0 || !protected && strings.HasPrefix(c.name, "set") {
					looks = []int{1}
				}
				if c.name == "remove of a guarded key" && protected && r != 0 {
					looks = []int{1, 4} // a record that cannot be read is removed, whatever it is
				}
				if !slices.Equal(quiet, looks) {
					t.Errorf("%s, repairs %v, protected %v: no error when one of the calls %d of %d below fails, want %d", c.name, r, protected, quiet, n, looks)
				}
			}
		}
	}
}

// lax is a store that knows no write-once keys.
type lax struct{ kvstore.Store }

func (l lax) SetStart(key string, size uint32, flags kvstore.Flags) error {
	return l.Store.SetStart(key, size, flags&^kvstore.FlagWriteOnce)
}

// TestWriteOnce: a write-once key is neither removed nor replaced, whatever the store below does.
func TestWriteOnce(t *testing.T) {
	for _, protected := range []bool{true, false} {
		under := lax{kvstore.NewTDB(flashtest.New(t, "4x4K", 1), kvstore.Options{})}
		rbp := openTDB(t, flashtest.New(t, "4x4K", 8), kvstore.Options{})
		o := Options{Store: under, Key: NewDeviceKey(rbp, nil)}
		if protected {
			o.RBP = rbp
		}
		s := New(o)
		if err := errors.Join(o.Key.Inject(make([]byte, rootSize)), s.Open(), s.Set("key", []byte("value"), kvstore.FlagWriteOnce)); err != nil {
			t.Fatal(err)
		}
		if err := s.Remove("key"); err != kvstore.ErrWriteProtected {
			t.Errorf("protected %v: remove: %v", protected, err)
		}
		if err := s.Set("key", []byte("other"), kvstore.FlagWriteOnce); err != kvstore.ErrWriteProtected {
			t.Errorf("protected %v: set: %v", protected, err)
		}
		buf := make([]byte, 8)
		if n, err := s.Get("key", buf, 0); err != nil || string(buf[:n]) != "value" {
			t.Errorf("protected %v: %q, %v", protected, buf[:n], err)
		}
	}
}

// TestChange: the entry of a change under way is the new MAC, the old one, and the state.
func TestChange(t *testing.T) {
	rbp := openTDB(t, flashtest.New(t, "4x4K", 8), kvstore.Options{})
	s := New(Options{RBP: rbp, Repairs: kvstore.RepairTwoStores})
	next, old := bytes.Repeat([]byte{0xA5}, macSize), bytes.Repeat([]byte{0x3C}, macSize)
	none := make([]byte, macSize)
	for _, c := range []struct {
		name  string
		entry []byte // before; nil: none
		mac   []byte
		want  []byte
	}{
		{"a new key", nil, next, slices.Concat(next, none, []byte{1})},
		{"replaced", old, next, slices.Concat(next, old, []byte{3})},
		{"removed", old, nil, slices.Concat(none, old, []byte{2})},
		{"removed without an entry", nil, nil, slices.Concat(none, none, []byte{0})},
	} {
		if err := rbp.Reset(); err != nil {
			t.Fatal(err)
		}
		if c.entry != nil {
			if err := rbp.Set("key", c.entry, 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.announce("key", c.mac); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 64)
		if n, err := rbp.Get("key", buf, 0); err != nil || !bytes.Equal(buf[:n], c.want) {
			t.Errorf("%s: % x, %v, want % x", c.name, buf[:n], err, c.want)
		}
	}
}

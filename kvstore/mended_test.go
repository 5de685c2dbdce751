package kvstore_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"dualbank/internal/flashtest"
	. "dualbank/kvstore"
	"dualbank/kvstore/secure"
	"dualbank/kvstore/storage"

	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
)

// symptom is the smallest case of a defect that a repair mends: it reports whether the defect shows in a store with
// the repairs r.
type symptom func(t *testing.T, r Repairs) bool

// symptoms are by repair. docs/repairs.md gives them as reproducers.
var symptoms = map[Repairs]symptom{
	RepairWrappedSizes: func(t *testing.T, r Repairs) bool {
		f, s := repaired(t, "2x2K", 1, r)
		copy(f.Cells[s.Layout().Free:], RawRecord("key", nil, 0, 0xFFFFFFA0))
		return s.Open() != nil
	},
	RepairLogTail: func(t *testing.T, r Repairs) bool {
		_, s := repaired(t, "2x2K", 1, r)
		try(t, s.SetStart("a", 4, 0), s.SetAdd([]byte("data")), s.Open())
		return s.Set("b", []byte("data"), 0) != nil
	},
	RepairHeldUnit: func(t *testing.T, r Repairs) bool {
		f, s := repaired(t, "2x2K", 8, r)
		at := s.Layout().Free + HeaderSize
		f.Fail = func(erase bool, addr uint32) bool { return !erase && addr == at } // a cell that is worn out
		_ = s.Set("a", []byte("data"), 0)
		return s.Set("a", []byte("data"), 0) != nil
	},
	RepairLock: func(t *testing.T, r Repairs) bool {
		f, s := repaired(t, "2x2K", 1, r)
		at := s.Layout().Free + HeaderSize + 1
		f.Fail = func(_ bool, addr uint32) bool { return addr == at }
		_ = s.Set("k", []byte("v"), 0)
		return s.LocksHeld() != 0
	},
	RepairFailedCollection: func(t *testing.T, r Repairs) bool {
		f, s := repaired(t, "2x2K", 1, r)
		try(t, s.Set("a", []byte("of a"), 0), s.Set("b", []byte("of b"), 0), s.Set("c", []byte("of c"), 0))
		programs := 0
		f.Fail = func(erase bool, addr uint32) bool {
			programs++
			return addr >= 2048 && programs > 40 // in the second record
		}
		_ = s.SetStart("unfinished", 0, 0)
		if s.Remove("none") == nil {
			t.Error("the collection does not fail")
		}
		f.Fail = nil
		return !readsAll(s, "a", "b", "c")
	},
	RepairFullRemove: func(t *testing.T, r Repairs) bool {
		_, s := repaired(t, "2x512", 1, r)
		n := 512 - 108 - 24 - 1 - 12
		try(t, s.Set("a", bytes.Repeat([]byte{0x55}, n), 0))
		return s.Remove("a") != nil
	},
	RepairMasterFirst: func(t *testing.T, r Repairs) bool {
		f, s := repaired(t, "2x2K", 1, r)
		try(t, s.Set("a", []byte("of a"), 0))
		f.Fail = func(_ bool, addr uint32) bool { return addr >= 2048+72 && addr < 2048+108 }
		_ = s.SetStart("unfinished", 0, 0)
		_ = s.Remove("none")
		f.Fail = nil
		if s.Set("b", []byte("of b"), 0) != nil {
			return true
		}
		try(t, s.Open())
		return !readsAll(s, "a", "b")
	},
	RepairVersionWrap: func(t *testing.T, r Repairs) bool {
		f, s := repaired(t, "2x2K", 1, r)
		copy(f.Cells[72:], RawRecord(MasterKey, []byte{0xFF, 0xFF, 1, 0, 0, 0, 0, 0}, 0, MasterData))
		try(t, s.Open(), s.Set("a", []byte("of a"), 0), s.SetStart("unfinished", 0, 0))
		_ = s.Remove("none")
		try(t, s.Set("b", []byte("of b"), 0), s.Open())
		return !readsAll(s, "a", "b")
	},
	RepairEarlierLife: func(t *testing.T, r Repairs) bool {
		_, s := repaired(t, "8x512", 1, r)
		collect := func() {
			try(t, s.SetStart("unfinished", 0, 0))
			_ = s.Remove("none")
		}
		try(t, s.Set("x", bytes.Repeat([]byte{0x55}, 1024-108-24-1), 0)) // ends where a sector starts
		collect()
		try(t, s.Set("y", []byte("of y"), 0)) // begins there, in area 1
		collect()
		try(t, s.Remove("y")) // in area 0
		collect()
		try(t, s.Open())
		return readsAll(s, "y")
	},
	RepairResetOrder: func(t *testing.T, r Repairs) bool {
		f, s := repaired(t, "2x2K", 1, r)
		try(t, s.Set("a", []byte("old"), 0))
		for range 2 {
			try(t, s.SetStart("unfinished", 0, 0))
			_ = s.Remove("none")
		}
		try(t, s.Set("a", []byte("of a"), 0))
		f.Armed, f.CutAt, f.CutMode = true, f.Steps+1, 'a'
		_ = s.Reset()
		f.Off = false
		try(t, s.Open())
		_, err := s.Info("a")
		return err == nil && !readsAll(s, "a")
	},
	RepairExactFit: func(t *testing.T, r Repairs) bool {
		f := flashtest.New(t, "2x512", 1)
		s := OpenTDB(t, f, Options{Profile: MbedOS, Repairs: r})
		return s.Set("a", bytes.Repeat([]byte{0x55}, 512-108-24-1), 0) == ErrInvalidData
	},
	RepairSectorStarts: func(t *testing.T, r Repairs) bool {
		_, s := repaired(t, "1x1K+4x2K+1x1K", 1, r)
		try(t, s.SetStart("unfinished", 0, 0))
		return s.Set("a", nil, 0) != nil
	},
	RepairLongKey: func(t *testing.T, r Repairs) bool {
		_, s := repaired(t, "2x2K", 1, r)
		return s.Set(strings.Repeat("k", MaxKey), nil, 0) == ErrInvalidData
	},
	RepairMasterKey: func(t *testing.T, r Repairs) bool {
		_, s := repaired(t, "2x2K", 1, r)
		try(t, s.Set("a", []byte("of a"), 0))
		_ = s.Set(MasterKey, nil, 0)
		try(t, s.Open())
		return !readsAll(s, "a")
	},
	RepairMasterListed: func(t *testing.T, r Repairs) bool {
		_, s := repaired(t, "2x2K", 1, r)
		try(t, s.Open())
		it, err := s.Iterate("")
		try(t, err)
		return slices.Contains(List(t, it), MasterKey)
	},
	RepairEqualHashes: func(t *testing.T, r Repairs) bool {
		a, b := twins()
		_, s := repaired(t, "2x2K", 1, r)
		try(t, s.Set(a, []byte("of "+a), 0))
		_ = s.Set(b, []byte("of "+b), 0)
		return !readsAll(s, a)
	},
	RepairTableFreed: func(t *testing.T, r Repairs) bool {
		f, s := repaired(t, "2x2K", 1, r)
		for i := range 17 {
			try(t, s.Set(string(rune('a'+i)), nil, 0))
		}
		end := s.Layout().Free
		try(t, s.Set("last", nil, 0))
		f.BadRead = func(addr, _ uint32) bool { return addr == end }
		return s.Open() != nil && s.Undefined()&UndefinedHeap != 0
	},
	RepairReservedRead: func(t *testing.T, r Repairs) bool {
		f, s := repaired(t, "2x2K", 1, r)
		try(t, s.SetReserved([]byte("key")))
		f.BadRead = func(addr, end uint32) bool { return addr < 72 && end > 64 }
		_, err := s.Reserved(make([]byte, 64))
		return err != nil
	},
	RepairReservedSet: func(t *testing.T, r Repairs) bool {
		// A cut anywhere in the set, and one just behind the erase of the next collection.
		for n := range uint64(80) {
			f, s := repaired(t, "2x2K", 1, r)
			collect := func() { _ = s.Remove("none") }
			try(t, s.SetStart("unfinished", 0, 0))
			collect()
			cut := func(n uint64, call func()) {
				f.Armed, f.CutAt, f.CutMode = true, f.Steps+n, 'a'
				call()
				f.Armed, f.Off = false, false
				try(t, s.Open())
			}
			cut(n, func() { _ = s.SetReserved([]byte("root of trust")) })
			if _, err := s.Reserved(make([]byte, 64)); err != nil {
				continue
			}
			try(t, s.SetStart("unfinished", 0, 0))
			cut(1, collect)
			if _, err := s.Reserved(make([]byte, 64)); err != nil {
				return true
			}
		}
		return false
	},
	RepairUndecided: func(t *testing.T, r Repairs) bool {
		for seed := range uint64(40) {
			f, err := model.New(model.Config{Part: part.Plain("2x2K", 0, []uint32{2048, 2048}, cell.AND), Unit: 1})
			try(t, err)
			dev, err := f.Region(0, 4096)
			try(t, err)
			s := OpenTDB(t, dev, Options{Repairs: r})
			try(t, s.Set("a", []byte("of a"), 0))
			steps := f.Steps()
			try(t, s.Set("a", []byte("of a"), 0))
			f.Arm(model.Cut{Step: f.Steps() - steps - 1, Mode: model.Weak, Seed: seed}) // the last byte of the header
			_ = s.Set("a", []byte("new!"), 0)
			var read []bool
			for range 6 {
				f.Boot()
				try(t, s.Open())
				read = append(read, readsAll(s, "a"))
			}
			if len(slices.Compact(read)) > 1 {
				return true
			}
		}
		return false
	},
	RepairMaskedReads: func(t *testing.T, r Repairs) bool {
		f, s := repaired(t, "2x2K", 8, r)
		at := s.Layout().Free
		f.Fault = func(addr, end uint32) bool { return addr < at+8 && end > at }
		err := s.Open()
		return err != nil || f.Off
	},
	RepairTwoStores: func(t *testing.T, r Repairs) bool {
		internal := flashtest.New(t, "4x4K", 8)
		p := partition(t, storage.TDBExternal, Options{Repairs: r}, internal, flashtest.New(t, "16x4K", 1))
		try(t, p.Main.Set("a", []byte("of a"), FlagReplayProtection))
		internal.Fail = func(bool, uint32) bool { return true }
		_ = p.Main.Set("a", []byte("new"), FlagReplayProtection)
		internal.Fail = nil
		try(t, p.Open())
		_, err := p.Main.Info("a")
		return err != nil
	},
	RepairRemoveEntry: func(t *testing.T, r Repairs) bool {
		p := repairedSecure(t, r)
		try(t, p.Main.Set("a", []byte("of a"), FlagReplayProtection))
		forge(t, p, "a")
		return p.Main.Remove("a") != nil
	},
	RepairSecretPieces: func(t *testing.T, r Repairs) bool {
		p := repairedSecure(t, r)
		try(t, p.Main.SetStart("a", 4, FlagConfidential), p.Main.SetAdd([]byte("of ")), p.Main.SetAdd([]byte("a")), p.Main.SetFinalize())
		return !readsAll(p.Main, "a")
	},
	RepairSetState: func(t *testing.T, r Repairs) bool {
		p := repairedSecure(t, r)
		try(t, p.Main.Set("a", nil, 0), p.Main.SetStart("b", 4, 0))
		_, err := p.Main.Info("a")
		try(t, err)
		return p.Main.SetAdd([]byte("of b")) != nil || p.Main.SetFinalize() != nil || !readsAll(p.Main, "b")
	},
	RepairOffset: func(t *testing.T, r Repairs) bool {
		p := repairedSecure(t, r)
		try(t, p.Main.Set("a", make([]byte, 256), 0))
		_, err := p.Main.Get("a", make([]byte, 2), 5000)
		return err == nil
	},
	RepairAuthentic: func(t *testing.T, r Repairs) bool {
		p := repairedSecure(t, r)
		try(t, p.Main.Set("a", []byte("secret"), FlagConfidential))
		forge(t, p, "a")
		buf := make([]byte, 6)
		if _, err := p.Main.Get("a", buf, 0); err != ErrAuthentication {
			t.Errorf("Get: %v", err)
		}
		return string(buf) == "secret"
	},
	RepairLongRoot: func(t *testing.T, r Repairs) bool {
		_, s := repaired(t, "2x2K", 1, r)
		k := secure.NewDeviceKey(s, nil).Mend(r)
		try(t, k.Inject(make([]byte, 32)))
		return k.Derive([]byte("salt"), make([]byte, 16)) != nil
	},
	RepairDirectAccess: func(t *testing.T, r Repairs) bool {
		f, s := repaired(t, "3x2K", 1, r)
		try(t, s.SetReserved([]byte("key")))
		f.Cells[0] ^= 0x40
		_, err := DirectAccess(f, make([]byte, 64), r)
		return err != nil
	},
	RepairPartitionName: func(t *testing.T, r Repairs) bool {
		var n storage.NameSpace
		try(t, n.Attach(partition(t, storage.TDBInternal, Options{Repairs: r}, flashtest.New(t, "2x2K", 1), nil)))
		return n.Set("/k/a", nil, 0) == nil
	},
}

// repaired is an open store with the repairs r.
func repaired(t *testing.T, sectors string, unit uint32, r Repairs) (*flashtest.Flash, *TDBStore) {
	t.Helper()
	f := flashtest.New(t, sectors, unit)
	return f, OpenTDB(t, f, Options{Repairs: r})
}

// repairedSecure is a SecureStore on two new devices with the repairs r.
func repairedSecure(t *testing.T, r Repairs) *storage.Partition {
	t.Helper()
	return partition(t, storage.TDBExternal, Options{Repairs: r}, flashtest.New(t, "4x4K", 8), flashtest.New(t, "16x4K", 1))
}

// forge changes a bit of the MAC of a key's record.
func forge(t *testing.T, p *storage.Partition, key string) {
	t.Helper()
	v, err := RawRead(p.External, key)
	try(t, err)
	v.Value[len(v.Value)-1] ^= 1
	try(t, p.External.Set(key, v.Value, 0))
}

// try fails if something fails that has to succeed.
func try(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// readsAll reports whether each key K reads "of K".
func readsAll(s Store, keys ...string) bool {
	for _, k := range keys {
		buf := make([]byte, 256)
		if n, err := s.Get(k, buf, 0); err != nil || string(buf[:n]) != "of "+k {
			return false
		}
	}
	return true
}

// twins are two keys with one hash.
var twins = sync.OnceValues(CollidingKeys)

// TestReservedIsMended: an open restores the copy of the reserved data that is missing, byte for byte, and makes nothing of
// a set that left neither whole.
func TestReservedIsMended(t *testing.T) {
	erased := bytes.Repeat([]byte{0xFF}, 72)
	for _, c := range []struct {
		name     string
		active   func(whole []byte) []byte // what the areas hold in the place
		standby  func(whole []byte) []byte
		restored bool
	}{
		{"both whole", bytes.Clone, bytes.Clone, true},
		{"none in the active area", func([]byte) []byte { return erased }, bytes.Clone, true},
		{"none in the standby area", bytes.Clone, func([]byte) []byte { return erased }, true},
		{"a torn one in the standby area", bytes.Clone, func(w []byte) []byte { return append(bytes.Clone(w[:64]), erased[64:]...) }, true},
		{"a torn trailer in the active area, none in the other", func(w []byte) []byte { return append(bytes.Clone(w[:66]), erased[66:]...) }, func([]byte) []byte { return erased }, false},
	} {
		f := flashtest.New(t, "2x2K", 1)
		f.Rewrites = true
		s := OpenTDB(t, f, Options{Repairs: RepairReservedSet | RepairUndecided})
		try(t, s.SetReserved([]byte("root")))
		whole := bytes.Clone(f.Cells[:72])
		if want := append([]byte("root"), erased[:60]...); s.Layout().Active != 0 || !bytes.Equal(whole[:64], want) {
			t.Fatalf("area %d holds % x", s.Layout().Active, whole)
		}
		copy(f.Cells, c.active(whole))
		copy(f.Cells[2048:], c.standby(whole))
		s = OpenTDB(t, f, Options{Repairs: RepairReservedSet | RepairUndecided})
		buf := make([]byte, 64)
		n, err := s.Reserved(buf)
		if !c.restored {
			if err != ErrItemNotFound || !bytes.Equal(f.Cells[64:72], make([]byte, 8)) {
				t.Errorf("%s: %q, %v, trailer % x", c.name, buf[:n], err, f.Cells[64:72])
			}
			continue
		}
		if err != nil || string(buf[:n]) != "root" || !bytes.Equal(f.Cells[:72], whole) || !bytes.Equal(f.Cells[2048:2048+72], whole) {
			t.Errorf("%s: %q, %v\nactive  % x\nstandby % x", c.name, buf[:n], err, f.Cells[:72], f.Cells[2048:2048+72])
		}
	}
}

// TestErasesAhead: with RepairEarlierLife a set erases the unit behind its record if that ends with a unit, and not
// if it ends before.
func TestErasesAhead(t *testing.T) {
	for behind, want := range map[int][]string{0: {"E 512 512"}, 1: nil, 2: nil, -1: {"E 512 512"}, -512: {"E 512 1024"}, -511: {"E 512 512"}} {
		f, s := repaired(t, "8x512", 1, RepairEarlierLife)
		f.Logging = true
		try(t, s.Set("x", make([]byte, 512-108-24-1-behind), 0))
		var got []string
		for _, line := range f.Log {
			if strings.HasPrefix(line, "E") {
				got = append(got, line)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("a record that ends %d bytes before its unit: %q, want %q", behind, got, want)
		}
	}
}

// TestRepairs: a defect shows without its repair, with any other one, and not with its own or with all.
func TestRepairs(t *testing.T) {
	for r := range AllRepairs.Each() {
		t.Run(r.String(), func(t *testing.T) {
			shows, ok := symptoms[r]
			if !ok {
				t.Fatal("has no case")
			}
			for _, with := range []Repairs{r, AllRepairs} {
				if shows(t, with) {
					t.Errorf("shows with the repairs %v", with)
				}
			}
			if !shows(t, 0) {
				t.Fatal("does not show without repairs")
			}
			for other := range AllRepairs.Without(r).Each() {
				if !shows(t, other) {
					t.Errorf("does not show with the repair %v alone", other)
				}
			}
		})
	}
}

// partition builds an open partition of a type over test flash, with a device key if it can have one.
func partition(t testing.TB, typ storage.Type, o Options, internal, external *flashtest.Flash) *storage.Partition {
	t.Helper()
	parts := storage.Parts{Options: o, Entropy: func(p []byte) error { clear(p); return nil }}
	if internal != nil {
		parts.Internal = internal
	}
	if external != nil {
		parts.External = external
	}
	p, err := storage.Config{Type: typ, Partition: "kv"}.Build(parts)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Open(); err != nil {
		t.Fatal(err)
	}
	if p.Key != nil && typ != storage.TDBInternal {
		if err := p.Key.Inject(make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

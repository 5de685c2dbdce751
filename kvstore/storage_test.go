package kvstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestParseStorage(t *testing.T) {
	for _, c := range []struct {
		name    string
		options map[string]string
		want    Storage
		err     string
	}{
		{"nothing", nil, Storage{Type: TDBInternal, Partition: "kv"}, ""},
		{
			"internal, underscores",
			map[string]string{
				"storage.storage_type": "TDB_INTERNAL", "storage.default_kv": "data",
				"storage_tdb_internal.internal_base_address": "0x08100000", "storage_tdb_internal.internal_size": "131072",
			},
			Storage{Type: TDBInternal, Partition: "data", InternalBase: 0x08100000, InternalSize: 128 << 10},
			"",
		},
		{
			"internal, dashes",
			map[string]string{
				"storage.storage-type": "default", "storage-tdb-internal.internal-base-address": "1048576",
				"storage-tdb-internal.internal-size": "0x8000",
			},
			Storage{Type: TDBInternal, Partition: "kv", InternalBase: 1 << 20, InternalSize: 0x8000},
			"",
		},
		{
			"external",
			map[string]string{
				"storage.storage_type": "TDB_EXTERNAL", "storage_tdb_external.rbp_internal_size": "0x4000",
				"storage_tdb_external.external_size": "65536", "storage_tdb_external.external-base-address": "4096",
				"storage_tdb_external.blockdevice": "SPIF", "storage_tdb_internal.internal_size": "1",
			},
			Storage{
				Type: TDBExternal, Partition: "kv", InternalSize: 0x4000, ExternalBase: 4096, ExternalSize: 65536,
				BlockDevice: "SPIF",
			},
			"",
		},
		{
			"external without rollback protection",
			map[string]string{"storage.storage_type": "TDB_EXTERNAL_NO_RBP"},
			Storage{Type: TDBExternalNoRBP, Partition: "kv", BlockDevice: "default"},
			"",
		},
		{"file system", map[string]string{"storage.storage_type": "FILESYSTEM"}, Storage{}, "not supported yet"},
		{"nonsense", map[string]string{"storage.storage_type": "TDB"}, Storage{}, `storage.storage_type: "TDB" is no storage type`},
		{
			"no number",
			map[string]string{"storage_tdb_internal.internal_size": "2*FLASH_SECTOR_SIZE"},
			Storage{},
			`storage_tdb_internal.internal_size: "2*FLASH_SECTOR_SIZE" is no address or size`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseStorage(func(name string) (string, bool) { v, ok := c.options[name]; return v, ok })
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

// flashMap is a flash of sectors of two sizes.
type flashMap struct {
	start, size, page uint32
	few               uint32 // how many bytes the small sectors take
	small, large      uint32
}

func (f flashMap) Start() uint32    { return f.start }
func (f flashMap) Size() uint32     { return f.size }
func (f flashMap) PageSize() uint32 { return f.page }
func (f flashMap) SectorSize(addr uint32) uint32 {
	switch {
	case addr < f.start || addr-f.start >= f.size:
		return 1<<32 - 1
	case addr-f.start < f.few:
		return f.small
	}
	return f.large
}

func TestInternalPlace(t *testing.T) {
	f429 := flashMap{start: 0x08000000, size: 2 << 20, page: 1, few: 64 << 10, small: 16 << 10, large: 128 << 10}
	pages := flashMap{start: 0, size: 512 << 10, page: 512, large: 1 << 10}
	for _, c := range []struct {
		name       string
		flash      flashMap
		base, size uint32
		romEnd     uint32
		wantBase   uint32
		wantSize   uint32
		err        string
	}{
		{"last two sectors", f429, 0, 0, 0x08100000, 0x081C0000, 256 << 10, ""},
		{"14 pages, to a boundary of two sectors", pages, 0, 0, 0, 512<<10 - 8<<10, 8 << 10, ""},
		{"default in the application", f429, 0, 0, 0x081D0000, 0, 0, "in the application, which ends at 0x81D0000"},
		{"given", f429, 0x08004000, 0x8000, 0x08100000, 0x08004000, 0x8000, ""},
		{"to the end", f429, 0x081E0000, 0, 0, 0x081E0000, 128 << 10, ""},
		{"from the end", f429, 0, 256 << 10, 0, 0x081C0000, 256 << 10, ""},
		{"from the end, unaligned", f429, 0, 64 << 10, 0, 0, 0, "in the middle of a sector; 0x81E0000"},
		{"start unaligned", f429, 0x08004100, 0x8000, 0, 0, 0, "would start at 0x8004100, in the middle of a sector"},
		{"end unaligned", f429, 0x08004000, 0x2000, 0, 0, 0, "would end at 0x8006000, in the middle"},
		{"beyond the end", f429, 0x081E0000, 256 << 10, 0, 0, 0, "the flash ends at 0x8200000"},
		{"not in the flash", f429, 0x20000000, 0x4000, 0, 0, 0, "not in the flash"},
		{"larger than the flash", f429, 0, 4 << 20, 0, 0, 0, "make it smaller"},
		{"flash of one sector", flashMap{start: 0, size: 4096, page: 1, large: 4096}, 0, 0, 0, 0, 0, "needs 8192 bytes"},
		{"flash of few pages", flashMap{start: 0, size: 4096, page: 1024, large: 2048}, 0, 0, 0, 0, 0, "needs 14336 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Storage{Type: TDBInternal, InternalBase: c.base, InternalSize: c.size}
			base, size, err := s.Internal(c.flash, c.romEnd)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("0x%X+0x%X, error %v, want %q", base, size, err, c.err)
				}
				return
			}
			if err != nil || base != c.wantBase || size != c.wantSize {
				t.Errorf("0x%X+0x%X, %v; want 0x%X+0x%X", base, size, err, c.wantBase, c.wantSize)
			}
		})
	}
}

func TestExternalPlace(t *testing.T) {
	for _, c := range []struct {
		base, size uint32
		want       uint32
		err        string
	}{
		{0, 0, 64 << 10, ""},
		{8192, 16384, 16384, ""},
		{8192, 0, 56 << 10, ""},
		{100, 0, 0, "in the middle of an erase unit"},
		{8192, 100, 0, "ends in the middle"},
		{64 << 10, 0, 0, "make it smaller"},
		{8192, 64 << 10, 0, "make it smaller"},
	} {
		f := newTestFlash(t, "16x4K", 1)
		dev, err := Storage{ExternalBase: c.base, ExternalSize: c.size}.External(f)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("0x%X+0x%X: error %v, want %q", c.base, c.size, err, c.err)
			}
			continue
		}
		if err != nil || dev.Size() != c.want {
			t.Errorf("0x%X+0x%X: %v", c.base, c.size, err)
			continue
		}
		s := openTDB(t, dev, Options{})
		if err := s.Set("key", []byte("value"), 0); err != nil {
			t.Fatal(err)
		}
		for i, b := range f.cells {
			if outside := uint32(i) < c.base || uint32(i) >= c.base+c.want; outside && b != 0xFF {
				t.Fatalf("0x%X+0x%X: byte 0x%X was programmed", c.base, c.size, i)
			}
		}
		if n := dev.Size(); dev.Read(n, make([]byte, 1)) == nil && c.base > 0 {
			t.Error("a read beyond the slice succeeds")
		}
	}
}

// partition builds an open partition of a type over test flash, with a device key if it can have one.
func partition(t testing.TB, typ StorageType, o Options, internal, external *testFlash) *Partition {
	t.Helper()
	parts := Parts{Options: o, Entropy: func(p []byte) error { clear(p); return nil }}
	if internal != nil {
		parts.Internal = internal
	}
	if external != nil {
		parts.External = external
	}
	p, err := Storage{Type: typ, Partition: "kv"}.Build(parts)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Open(); err != nil {
		t.Fatal(err)
	}
	if p.Key != nil && typ != TDBInternal {
		if err := p.Key.Inject(make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func TestStorageTypes(t *testing.T) {
	const all = FlagConfidential | FlagReplayProtection
	for _, c := range []struct {
		typ      StorageType
		internal bool
		set      error
		flags    Flags
	}{
		{TDBInternal, true, nil, 0},
		{TDBExternal, true, nil, all},
		{TDBExternalNoRBP, true, nil, FlagConfidential},
		{TDBExternalNoRBP, false, ErrFailedOperation, 0}, // the reference has no place for the device key
	} {
		t.Run(fmt.Sprintf("%s/%v", c.typ, c.internal), func(t *testing.T) {
			var internal *testFlash
			if c.internal {
				internal = newTestFlash(t, "4x4K", 8)
			}
			external := newTestFlash(t, "16x4K", 1)
			p := partition(t, c.typ, Options{}, internal, external)
			var n NameSpace
			if err := n.Attach(p); err != nil {
				t.Fatal(err)
			}
			var store Store = &n
			if err := store.Set("/kv/key", []byte("a secret value"), all); err != c.set {
				t.Fatalf("Set: %v, want %v", err, c.set)
			}
			if c.set != nil {
				return
			}
			for range 2 {
				i, err := store.Info("key")
				if err != nil || i.Size != 14 || i.Flags != c.flags {
					t.Errorf("Info: %+v, %v", i, err)
				}
				if err := store.Open(); err != nil {
					t.Fatal(err)
				}
			}
			plain := slices.ContainsFunc([]*testFlash{internal, external}, func(f *testFlash) bool {
				return strings.Contains(string(f.cells), "a secret value")
			})
			if plain != (c.typ == TDBInternal) {
				t.Errorf("value readable in the flash: %v", plain)
			}
			if err := store.SetStart("/kv/inc", 3, 0); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(store.SetAdd([]byte("abc")), store.SetFinalize()); err != nil {
				t.Fatal(err)
			}
			it, err := store.Iterate("/kv/i")
			if err != nil {
				t.Fatal(err)
			}
			if got := list(t, it); !slices.Equal(got, []string{"/kv/inc"}) {
				t.Errorf("names %v", got)
			}
			if err := it.Close(); err != nil {
				t.Fatal(err)
			}
			if err := store.Remove("kv/inc"); err != nil {
				t.Fatal(err)
			}
			if err := store.Reset(); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Info("key"); err != ErrItemNotFound {
				t.Errorf("after a reset: %v", err)
			}
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			if err := store.Set("key", nil, 0); err != ErrNotReady {
				t.Errorf("after a close: %v", err)
			}
		})
	}
}

// unfinished is a store in which no set ends.
type unfinished struct{ Store }

func (unfinished) SetFinalize() error { return ErrWriteFailed }

// TestFinalizeFails: the error of a set's end below reaches the caller, and nothing is noted as if it had succeeded.
func TestFinalizeFails(t *testing.T) {
	p := partition(t, TDBExternal, Options{}, newTestFlash(t, "4x4K", 8), newTestFlash(t, "16x4K", 1))
	secure, ok := p.Main.(*SecureStore)
	if !ok {
		t.Fatalf("store %T", p.Main)
	}
	secure.under = unfinished{secure.under}
	if err := secure.Set("key", []byte("value"), FlagReplayProtection); err != ErrWriteFailed {
		t.Errorf("Set: %v", err)
	}
	if _, err := secure.rbp.Info("key"); err != ErrItemNotFound {
		t.Errorf("the rollback protection: %v", err)
	}
	var n NameSpace
	if err := n.Attach(p); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(n.SetStart("/kv/key", 0, 0), n.SetAdd(nil)); err != nil {
		t.Fatal(err)
	}
	if err := n.SetFinalize(); err != ErrWriteFailed {
		t.Errorf("SetFinalize by name: %v", err)
	}
}

// TestBlankStoreListsNothing opens a blank TDB_EXTERNAL partition: its internal store is opened once.
func TestBlankStoreListsNothing(t *testing.T) {
	p := partition(t, TDBExternal, Options{}, newTestFlash(t, "4x4K", 8), newTestFlash(t, "16x4K", 1))
	if keys, _ := p.Internal.Table(); keys != 0 {
		t.Errorf("%d keys in the internal store", keys)
	}
}

func TestBuildErrors(t *testing.T) {
	f := newTestFlash(t, "4x4K", 1)
	for _, c := range []struct {
		typ   StorageType
		parts Parts
		want  string
	}{
		{TDBInternal, Parts{}, "needs a region of the internal flash"},
		{TDBExternal, Parts{External: f}, "needs a region of the internal flash"},
		{TDBExternal, Parts{Internal: f}, "needs an external device"},
		{TDBExternalNoRBP, Parts{External: f}, "an entropy source"},
		{"X", Parts{Internal: f, External: f, Entropy: func([]byte) error { return nil }}, "is no storage type"},
	} {
		if _, err := (Storage{Type: c.typ}).Build(c.parts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.typ, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	var n NameSpace
	if err := n.Set("key", nil, 0); err != ErrNotReady {
		t.Errorf("no partition: %v", err)
	}
	stores := map[string]*TDBStore{}
	for _, name := range []string{"kv", "fs", "k2"} {
		p := partition(t, TDBInternal, Options{}, newTestFlash(t, "4x4K", 1), nil)
		p.Name = name
		stores[name] = p.Internal
		if err := n.Attach(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Attach(&Partition{Name: "four"}); err != ErrOutOfResources {
		t.Errorf("fourth partition: %v", err)
	}
	if err := errors.Join(n.SetAdd(nil), n.SetFinalize()); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("add without start: %v", err)
	}
	for _, c := range []struct {
		name, part, key string
		err             error
	}{
		{"key", "kv", "key", nil},
		{"/key", "kv", "key", nil},
		{"/kv/key", "kv", "key", nil},
		{"fs/key", "fs", "key", nil},
		{"/k/key", "kv", "key", nil}, // the length given decides
		{"//key", "kv", "key", nil},
		{"/k2/key", "k2", "key", nil},
		{"/kvx/key", "", "", ErrItemNotFound},
		{"/kv/a/b", "", "", ErrInvalidArgument},
		{"/fs/", "", "", ErrInvalidArgument},
		{"", "", "", ErrInvalidArgument},
	} {
		err := n.Set(c.name, []byte(c.name), FlagConfidential)
		if err != c.err {
			t.Errorf("%q: %v, want %v", c.name, err, c.err)
			continue
		}
		if err != nil {
			continue
		}
		for part, s := range stores {
			if _, err := s.Info(c.key); (err == nil) != (part == c.part) {
				t.Errorf("%q: Info in %s: %v", c.name, part, err)
			}
		}
		if err := n.Remove(c.name); err != nil {
			t.Fatal(err)
		}
	}
	for part := range stores {
		if err := n.Set("/"+part+"/key", nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		left []string
		err  error
	}{
		{"/none/", []string{"kv", "fs", "k2"}, ErrItemNotFound},
		{"/fs/", []string{"kv", "k2"}, nil},
		{"/k2", []string{"k2"}, nil}, // no second slash: the default partition
	} {
		if err := n.ResetPartition(c.name); err != c.err {
			t.Errorf("reset of %q: %v, want %v", c.name, err, c.err)
		}
		for part, s := range stores {
			if _, err := s.Info("key"); (err == nil) != slices.Contains(c.left, part) {
				t.Errorf("after reset of %q: %s: %v", c.name, part, err)
			}
		}
	}
}

package storage

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dualbank/internal/flashtest"
	"dualbank/kvstore"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name    string
		options map[string]string
		want    Config
		err     string
	}{
		{"nothing", nil, Config{Type: TDBInternal, Partition: "kv"}, ""},
		{
			"internal, underscores",
			map[string]string{
				"storage.storage_type": "TDB_INTERNAL", "storage.default_kv": "data",
				"storage_tdb_internal.internal_base_address": "0x08100000", "storage_tdb_internal.internal_size": "131072",
			},
			Config{Type: TDBInternal, Partition: "data", InternalBase: 0x08100000, InternalSize: 128 << 10},
			"",
		},
		{
			"internal, dashes",
			map[string]string{
				"storage.storage-type": "default", "storage-tdb-internal.internal-base-address": "1048576",
				"storage-tdb-internal.internal-size": "0x8000",
			},
			Config{Type: TDBInternal, Partition: "kv", InternalBase: 1 << 20, InternalSize: 0x8000},
			"",
		},
		{
			"external",
			map[string]string{
				"storage.storage_type": "TDB_EXTERNAL", "storage_tdb_external.rbp_internal_size": "0x4000",
				"storage_tdb_external.external_size": "65536", "storage_tdb_external.external-base-address": "4096",
				"storage_tdb_external.blockdevice": "SPIF", "storage_tdb_internal.internal_size": "1",
			},
			Config{
				Type: TDBExternal, Partition: "kv", InternalSize: 0x4000, ExternalBase: 4096, ExternalSize: 65536,
				BlockDevice: "SPIF",
			},
			"",
		},
		{
			"external without rollback protection",
			map[string]string{"storage.storage_type": "TDB_EXTERNAL_NO_RBP"},
			Config{Type: TDBExternalNoRBP, Partition: "kv", BlockDevice: "default"},
			"",
		},
		{"file system", map[string]string{"storage.storage_type": "FILESYSTEM"}, Config{}, "not supported yet"},
		{"nonsense", map[string]string{"storage.storage_type": "TDB"}, Config{}, `storage.storage_type: "TDB" is no storage type`},
		{
			"no number",
			map[string]string{"storage_tdb_internal.internal_size": "2*FLASH_SECTOR_SIZE"},
			Config{},
			`storage_tdb_internal.internal_size: "2*FLASH_SECTOR_SIZE" is no address or size`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse(func(name string) (string, bool) { v, ok := c.options[name]; return v, ok })
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
			s := Config{Type: TDBInternal, InternalBase: c.base, InternalSize: c.size}
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
		f := flashtest.New(t, "16x4K", 1)
		dev, err := Config{ExternalBase: c.base, ExternalSize: c.size}.External(f)
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
		s := kvstore.NewTDB(dev, kvstore.Options{})
		if err := errors.Join(s.Open(), s.Set("key", []byte("value"), 0)); err != nil {
			t.Fatal(err)
		}
		for i, b := range f.Cells {
			if outside := uint32(i) < c.base || uint32(i) >= c.base+c.want; outside && b != 0xFF {
				t.Fatalf("0x%X+0x%X: byte 0x%X was programmed", c.base, c.size, i)
			}
		}
		if n := dev.Size(); dev.Read(n, make([]byte, 1)) == nil && c.base > 0 {
			t.Error("a read beyond the slice succeeds")
		}
	}
}

func TestTypes(t *testing.T) {
	const all = kvstore.FlagConfidential | kvstore.FlagReplayProtection
	for _, c := range []struct {
		typ      Type
		internal bool
		set      error
		flags    kvstore.Flags
	}{
		{TDBInternal, true, nil, 0},
		{TDBExternal, true, nil, all},
		{TDBExternalNoRBP, true, nil, kvstore.FlagConfidential},
		{TDBExternalNoRBP, false, kvstore.ErrFailedOperation, 0}, // the reference has no place for the device key
	} {
		t.Run(fmt.Sprintf("%s/%v", c.typ, c.internal), func(t *testing.T) {
			var internal *flashtest.Flash
			if c.internal {
				internal = flashtest.New(t, "4x4K", 8)
			}
			external := flashtest.New(t, "16x4K", 1)
			p := partition(t, c.typ, kvstore.Options{}, internal, external)
			var n NameSpace
			if err := n.Attach(p); err != nil {
				t.Fatal(err)
			}
			var store kvstore.Store = &n
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
			plain := slices.ContainsFunc([]*flashtest.Flash{internal, external}, func(f *flashtest.Flash) bool {
				return strings.Contains(string(f.Cells), "a secret value")
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
			name, err := it.Next()
			if _, end := it.Next(); name != "/kv/inc" || err != nil || end != kvstore.ErrItemNotFound {
				t.Errorf("names %q, %v, %v", name, err, end)
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
			if _, err := store.Info("key"); err != kvstore.ErrItemNotFound {
				t.Errorf("after a reset: %v", err)
			}
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			if err := store.Set("key", nil, 0); err != kvstore.ErrNotReady {
				t.Errorf("after a close: %v", err)
			}
		})
	}
}

// unfinished is a store in which no set ends.
type unfinished struct{ kvstore.Store }

func (unfinished) SetFinalize() error { return kvstore.ErrWriteFailed }

// TestFinalizeFails: the error of a set's end reaches the caller.
func TestFinalizeFails(t *testing.T) {
	p := partition(t, TDBExternal, kvstore.Options{}, flashtest.New(t, "4x4K", 8), flashtest.New(t, "16x4K", 1))
	p.Main = unfinished{p.Main}
	var n NameSpace
	if err := n.Attach(p); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(n.SetStart("/kv/key", 0, 0), n.SetAdd(nil)); err != nil {
		t.Fatal(err)
	}
	if err := n.SetFinalize(); err != kvstore.ErrWriteFailed {
		t.Errorf("SetFinalize by name: %v", err)
	}
}

// TestBlankStoreListsNothing opens a blank TDB_EXTERNAL partition: its internal store is opened once.
func TestBlankStoreListsNothing(t *testing.T) {
	p := partition(t, TDBExternal, kvstore.Options{}, flashtest.New(t, "4x4K", 8), flashtest.New(t, "16x4K", 1))
	if keys, _ := p.Internal.Table(); keys != 0 {
		t.Errorf("%d keys in the internal store", keys)
	}
}

// TestClose closes both stores of a partition, or the one that there is.
func TestClose(t *testing.T) {
	for _, c := range []struct {
		typ      Type
		internal bool
	}{{TDBInternal, true}, {TDBExternal, true}, {TDBExternalNoRBP, true}, {TDBExternalNoRBP, false}} {
		var internal, external *flashtest.Flash
		if c.internal {
			internal = flashtest.New(t, "4x4K", 8)
		}
		if c.typ != TDBInternal {
			external = flashtest.New(t, "16x4K", 1)
		}
		p := partition(t, c.typ, kvstore.Options{}, internal, external)
		if err := p.Close(); err != nil {
			t.Errorf("%s: %v", c.typ, err)
		}
		stores := []kvstore.Store{p.Main}
		if p.Internal != nil {
			stores = append(stores, p.Internal)
		}
		for _, s := range stores {
			if _, err := s.Info("key"); err != kvstore.ErrNotReady {
				t.Errorf("%s: %T after Close: %v", c.typ, s, err)
			}
		}
	}
}

func TestBuildErrors(t *testing.T) {
	f := flashtest.New(t, "4x4K", 1)
	for _, c := range []struct {
		typ   Type
		parts Parts
		want  string
	}{
		{TDBInternal, Parts{}, "needs a region of the internal flash"},
		{TDBExternal, Parts{External: f}, "needs a region of the internal flash"},
		{TDBExternal, Parts{Internal: f}, "needs an external device"},
		{TDBExternalNoRBP, Parts{External: f}, "an entropy source"},
		{"X", Parts{Internal: f, External: f, Entropy: func([]byte) error { return nil }}, "is no storage type"},
	} {
		if _, err := (Config{Type: c.typ}).Build(c.parts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.typ, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	var n NameSpace
	if err := n.Set("key", nil, 0); err != kvstore.ErrNotReady {
		t.Errorf("no partition: %v", err)
	}
	stores := map[string]*kvstore.TDBStore{}
	for _, name := range []string{"kv", "fs", "k2"} {
		p := partition(t, TDBInternal, kvstore.Options{}, flashtest.New(t, "4x4K", 1), nil)
		p.Name = name
		stores[name] = p.Internal
		if err := n.Attach(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Attach(&Partition{Name: "four"}); err != kvstore.ErrOutOfResources {
		t.Errorf("fourth partition: %v", err)
	}
	if err := errors.Join(n.SetAdd(nil), n.SetFinalize()); !errors.Is(err, kvstore.ErrInvalidArgument) {
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
		{"/kvx/key", "", "", kvstore.ErrItemNotFound},
		{"/kv/a/b", "", "", kvstore.ErrInvalidArgument},
		{"/fs/", "", "", kvstore.ErrInvalidArgument},
		{"", "", "", kvstore.ErrInvalidArgument},
	} {
		err := n.Set(c.name, []byte(c.name), kvstore.FlagConfidential)
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
		{"/none/", []string{"kv", "fs", "k2"}, kvstore.ErrItemNotFound},
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

// partition builds an open partition of a type over test flash, with a device key if it can have one.
func partition(t testing.TB, typ Type, o kvstore.Options, internal, external *flashtest.Flash) *Partition {
	t.Helper()
	parts := Parts{Options: o, Entropy: func(p []byte) error { clear(p); return nil }}
	if internal != nil {
		parts.Internal = internal
	}
	if external != nil {
		parts.External = external
	}
	p, err := Config{Type: typ, Partition: "kv"}.Build(parts)
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

// FuzzParse makes configurations out of text.
func FuzzParse(f *testing.F) {
	f.Add("storage.storage_type=TDB_EXTERNAL\nstorage-tdb-external.rbp-internal-size=0x4000")
	f.Add("storage.storage_type=default\nstorage_tdb_internal.internal_size=1+1")
	f.Fuzz(func(t *testing.T, text string) {
		options := map[string]string{}
		for _, line := range strings.Split(text, "\n") {
			name, value, _ := strings.Cut(line, "=")
			options[name] = value
		}
		s, err := Parse(func(name string) (string, bool) { v, ok := options[name]; return v, ok })
		if err != nil {
			if !strings.Contains(err.Error(), ": ") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %q", err)
			}
			return
		}
		flash := flashMap{start: 0x08000000, size: 2 << 20, page: 1, few: 64 << 10, small: 16 << 10, large: 128 << 10}
		if base, size, err := s.Internal(flash, 0x08100000); err == nil {
			if base < flash.start || uint64(base)+uint64(size) > uint64(flash.start)+uint64(flash.size) || size == 0 {
				t.Fatalf("placed at 0x%X+0x%X", base, size)
			}
		}
		if dev, err := s.External(flashtest.New(t, "16x4K", 1)); err == nil && (dev.Size() == 0 || dev.Size() > 64<<10) {
			t.Fatalf("external part of %d bytes", dev.Size())
		}
	})
}

// stamped is a device that stamps what it holds with address and length.
type stamped struct{ kvstore.BlockDevice }

func (stamped) Stamp(addr, n uint32) ([2]uint64, bool) {
	return [2]uint64{uint64(addr), uint64(n)}, true
}

func (stamped) Unchanged(addr, n uint32, stamp [2]uint64) bool {
	return stamp == [2]uint64{uint64(addr), uint64(n)}
}

// TestSlice: addresses of a slice count from its base, up to its end; stamps are the device's.
func TestSlice(t *testing.T) {
	dev := flashtest.New(t, "16x4K", 8)
	s := Slice(stamped{dev}, 8192, 4*4096)
	if s.Size() != 4*4096 || s.ProgramUnit() != 8 || s.EraseSize(0) != 4096 {
		t.Errorf("%d bytes, units of %d and %d", s.Size(), s.ProgramUnit(), s.EraseSize(0))
	}
	p, got := []byte{1, 2, 3, 4, 5, 6, 7, 8}, make([]byte, 8)
	if err := errors.Join(s.Erase(0, 4*4096), s.Program(4*4096-8, p), dev.Read(6*4096-8, got)); err != nil || !bytes.Equal(p, got) {
		t.Errorf("%v, %v", got, err)
	}
	for _, err := range []error{s.Program(4*4096, p), s.Erase(4*4096, 4096), s.Erase(3*4096, 2*4096)} {
		if err != kvstore.ErrWriteFailed {
			t.Errorf("behind the end: %v", err)
		}
	}
	if err := s.Read(4*4096-4, got); err != kvstore.ErrReadFailed {
		t.Errorf("read over the end: %v", err)
	}
	if stamp, ok := s.(kvstore.Stamped).Stamp(16, 4); !ok || stamp != [2]uint64{8208, 4} || !s.(kvstore.Stamped).Unchanged(16, 4, stamp) || s.(kvstore.Stamped).Unchanged(0, 4, stamp) {
		t.Errorf("stamp %v", stamp)
	}
	if _, ok := Slice(dev, 0, 4096).(kvstore.Stamped).Stamp(0, 4); ok {
		t.Error("a device without stamps gives one")
	}
}

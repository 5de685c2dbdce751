package kvstore_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"dualbank/internal/named"
	. "dualbank/kvstore"
	"dualbank/kvstore/storage"
	"dualbank/model"
	"dualbank/model/part"
)

// memory is a device with nothing but cells: what a store costs by itself.
type memory struct {
	cells []byte
	unit  uint32
}

func newMemory(unit uint32) *memory {
	m := &memory{unit: unit, cells: make([]byte, 128<<10)}
	for i := range m.cells {
		m.cells[i] = 0xFF
	}
	return m
}

func (m *memory) Size() uint32        { return uint32(len(m.cells)) }
func (m *memory) ProgramUnit() uint32 { return m.unit }

func (m *memory) EraseSize(addr uint32) uint32 {
	if addr < 64<<10 {
		return 16 << 10
	}
	return 64 << 10
}

func (m *memory) Read(addr uint32, p []byte) error {
	copy(p, m.cells[addr:])
	return nil
}

func (m *memory) Program(addr uint32, p []byte) error {
	c := m.cells[addr : int(addr)+len(p)]
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(c, binary.LittleEndian.Uint64(c)&binary.LittleEndian.Uint64(p))
		c, p = c[8:], p[8:]
	}
	for i := range p {
		c[i] &= p[i]
	}
	return nil
}

func (m *memory) Erase(addr, size uint32) error {
	c := m.cells[addr : addr+size]
	for i := range c {
		c[i] = 0xFF
	}
	return nil
}

// f429 is the KV region of the F429 on the full model: 4 x 16 KiB and 64 KiB from the start of bank 2.
func f429(tb testing.TB, driver string) (*model.Flash, *model.Region) {
	tb.Helper()
	p, err := part.ByName("stm32f429zi")
	if err != nil {
		tb.Fatal(err)
	}
	d, err := part.DriverByName(driver)
	if err != nil {
		tb.Fatal(err)
	}
	core, err := part.CoreByName("cortex-m4")
	if err != nil {
		tb.Fatal(err)
	}
	f, err := model.New(model.Config{Part: p, Driver: d, Core: core})
	if err != nil {
		tb.Fatal(err)
	}
	r, err := f.Region(0x08100000, 128<<10)
	if err != nil {
		tb.Fatal(err)
	}
	return f, r
}

// benchmarkSet sets 32 keys of 32 bytes in turn, garbage collection included.
func benchmarkSet(b *testing.B, dev BlockDevice, cpu CPU) {
	s := NewTDB(dev, Options{CPU: cpu})
	if err := s.Open(); err != nil {
		b.Fatal(err)
	}
	keys, value := Keys32(), make([]byte, 32)
	b.ReportAllocs()
	n := uint64(0)
	for b.Loop() {
		n++
		binary.LittleEndian.PutUint64(value, n)
		if err := s.Set(keys[n%32], value, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sets/s")
	b.ReportMetric(float64(s.Collections())/float64(b.N), "collections/op")
}

func BenchmarkSet(b *testing.B) {
	for _, unit := range []uint32{1, 8, 32} {
		b.Run(fmt.Sprintf("memory/unit=%d", unit), func(b *testing.B) { benchmarkSet(b, newMemory(unit), nil) })
	}
	for _, driver := range []string{"mbed", "word"} {
		b.Run("f429/driver="+driver, func(b *testing.B) {
			f, r := f429(b, driver)
			benchmarkSet(b, r, f.CPU())
		})
	}
}

func benchmarkGet(b *testing.B, dev BlockDevice, cpu CPU) {
	s := NewTDB(dev, Options{CPU: cpu})
	if err := s.Open(); err != nil {
		b.Fatal(err)
	}
	keys, value := Keys32(), make([]byte, 32)
	for _, k := range keys {
		if err := s.Set(k, value, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		if _, err := s.Get(keys[n%32], value, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchmarkGet(b, newMemory(1), nil) })
	b.Run("f429", func(b *testing.B) {
		f, r := f429(b, "mbed")
		benchmarkGet(b, r, f.CPU())
	})
}

// BenchmarkOpen opens a region whose log holds 600 records.
func benchmarkOpen(b *testing.B, dev BlockDevice, cpu CPU, keys int) {
	s := NewTDB(dev, Options{CPU: cpu})
	if err := s.Open(); err != nil {
		b.Fatal(err)
	}
	value := make([]byte, 32)
	for i := range 600 {
		if err := s.Set(fmt.Sprintf("key%03d", i%keys), value, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Open(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, keys := range []int{32, 600} {
		b.Run(fmt.Sprintf("memory/keys=%d", keys), func(b *testing.B) { benchmarkOpen(b, newMemory(1), nil, keys) })
		b.Run(fmt.Sprintf("f429/keys=%d", keys), func(b *testing.B) {
			f, r := f429(b, "mbed")
			benchmarkOpen(b, r, f.CPU(), keys)
		})
	}
}

// serialNOR is an external device beside f, of which a store uses 64 KiB.
func serialNOR(tb testing.TB, f *model.Flash) *model.NOR {
	tb.Helper()
	p, err := part.NORByName("mx25r6435f")
	if err != nil {
		tb.Fatal(err)
	}
	driver, err := part.NORDriverByName("mbed")
	if err != nil {
		tb.Fatal(err)
	}
	n, err := model.NewNOR(model.NORConfig{Part: p, Driver: driver, Host: f})
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// secureBench is a partition of a type with its device key, on plain memory or on the full model: an
// F429 with a serial NOR beside it.
func secureBench(b *testing.B, typ storage.Type, onModel bool) (Store, *model.Flash) {
	var f *model.Flash
	cfg := storage.Config{Type: typ, ExternalSize: 64 << 10}
	parts := storage.Parts{Internal: newMemory(8), External: newMemory(1), Entropy: func(p []byte) error { clear(p); return nil }}
	if onModel {
		var r *model.Region
		f, r = f429(b, "mbed")
		parts.Internal, parts.External, parts.Options.CPU = r, serialNOR(b, f), f.CPU()
	}
	p, err := cfg.Build(parts)
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Open(); err != nil {
		b.Fatal(err)
	}
	if err := p.Key.Inject(make([]byte, 16)); err != nil {
		b.Fatal(err)
	}
	return p.Main, f
}

// BenchmarkStorage sets and gets 32 keys of 32 bytes on each storage type. Over the model it also says
// what an operation takes on the device.
func BenchmarkStorage(b *testing.B) {
	for _, c := range []struct {
		name  string
		typ   storage.Type
		flags Flags
	}{
		{"TDB_INTERNAL", storage.TDBInternal, 0},
		{"TDB_EXTERNAL_NO_RBP/plain", storage.TDBExternalNoRBP, 0},
		{"TDB_EXTERNAL_NO_RBP/confidential", storage.TDBExternalNoRBP, FlagConfidential},
		{"TDB_EXTERNAL/plain", storage.TDBExternal, 0},
		{"TDB_EXTERNAL/confidential", storage.TDBExternal, FlagConfidential},
		{"TDB_EXTERNAL/confidential+replay", storage.TDBExternal, FlagConfidential | FlagReplayProtection},
	} {
		for _, dev := range []string{"memory", "f429"} {
			s, f := secureBench(b, c.typ, dev == "f429")
			onDevice := func(b *testing.B, start uint64) {
				if f != nil {
					b.ReportMetric(float64(f.Now()-start)/180e6/float64(b.N)*1e3, "sim-ms/op")
				}
			}
			now := func() uint64 {
				if f == nil {
					return 0
				}
				return f.Now()
			}
			keys, value := Keys32(), make([]byte, 32)
			n := 0
			b.Run(fmt.Sprintf("op=set/%s/%s", c.name, dev), func(b *testing.B) {
				b.ReportAllocs()
				start := now()
				for b.Loop() {
					n++
					if err := s.Set(keys[n%32], value, c.flags); err != nil {
						b.Fatal(err)
					}
				}
				onDevice(b, start)
			})
			b.Run(fmt.Sprintf("op=get/%s/%s", c.name, dev), func(b *testing.B) {
				for _, k := range keys {
					if err := s.Set(k, value, c.flags); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportAllocs()
				start := now()
				for b.Loop() {
					n++
					if _, err := s.Get(keys[n%32], value, 0); err != nil {
						b.Fatal(err)
					}
				}
				onDevice(b, start)
			})
		}
	}
}

// BenchmarkRepairs says what each repair costs on an F429 with Mbed's driver, as exact figures beside those of
// repairs=none: 2,000 sets of 32 keys of 32 bytes, of a TDBStore or, for those that are of it, of a SecureStore with
// replay protection; then an open.
func BenchmarkRepairs(b *testing.B) {
	ofSecure := []Repairs{0, RepairTwoStores, RepairSecretPieces, RepairSetState, RepairLongRoot, AllRepairs}
	for name, r := range named.Cases(AllRepairs) {
		b.Run("store=TDBStore/repairs="+name, func(b *testing.B) { benchmarkRepairs(b, storage.TDBInternal, r) })
	}
	for name, r := range named.Cases(AllRepairs) {
		if slices.Contains(ofSecure, r) {
			b.Run("store=SecureStore/repairs="+name, func(b *testing.B) { benchmarkRepairs(b, storage.TDBExternal, r) })
		}
	}
}

func benchmarkRepairs(b *testing.B, typ storage.Type, r Repairs) {
	const sets, hertz = 2000, 180e6
	flags := Flags(0)
	if typ == storage.TDBExternal {
		flags = FlagReplayProtection
	}
	keys, value := Keys32(), make([]byte, 32)
	var erases, ms, open, ram float64
	for b.Loop() {
		f, region := f429(b, "mbed")
		parts := storage.Parts{Internal: region, Entropy: func(p []byte) error { clear(p); return nil }, Options: Options{CPU: f.CPU(), Repairs: r}}
		if typ == storage.TDBExternal {
			parts.External = serialNOR(b, f)
		}
		p, err := storage.Config{Type: typ, ExternalSize: 64 << 10}.Build(parts)
		if err != nil {
			b.Fatal(err)
		}
		check := func(err error) {
			if err != nil {
				b.Fatal(err)
			}
		}
		check(p.Open())
		check(p.Key.Inject(make([]byte, 16)))
		start, before := f.Now(), f.Counters().Erases
		for n := range uint64(sets) {
			binary.LittleEndian.PutUint64(value, n)
			check(p.Main.Set(keys[n%32], value, flags))
		}
		erases, ms = float64(f.Counters().Erases-before)/sets, float64(f.Now()-start)/hertz*1e3/sets
		start = f.Now()
		check(p.Open())
		open = float64(f.Now()-start) / hertz * 1e3
		_, room := p.Internal.Table()
		ram = float64(16 * room)
	}
	b.ReportMetric(erases, "erases/op")
	b.ReportMetric(ms, "sim-ms/op")
	b.ReportMetric(open, "open-sim-ms")
	b.ReportMetric(ram, "table-B")
	b.ReportMetric(0, "ns/op")
}

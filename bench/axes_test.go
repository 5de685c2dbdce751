package bench

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dualbank/internal/long"
	"dualbank/kvstore/storage"
	"dualbank/model"
	"dualbank/model/part"
)

var wide = flag.Bool("wide", false, "benchmark sets and gets over all combinations of board, driver, layout, storage type, KV size, value size and keys")

// benchtimes are how long each benchmark runs where -benchtime does not say it. Simulated metrics are exact
// after one turn, and so are all that a wide run is for.
const (
	quickTime = "100ms"
	wideTime  = "1x"
)

// point is one combination of the axes over which the store is benchmarked.
type point struct {
	board, driver string
	layout        string // guide (where the board has its store), or a Place
	storage       storage.Type
	kv            uint32 // bytes of the store; 0: the board's
	size          uint32 // bytes of a value
	keys          int
}

// usual is the point that all others differ from in one axis, or two.
var usual = point{"nucleo-f429zi", "mbed", "guide", storage.TDBInternal, 0, 32, 32}

// axes are the values of every axis.
var axes = struct {
	drivers, layouts []string
	storages         []storage.Type
	kvs, sizes       []uint32
	keys             []int
}{
	drivers:  []string{"mbed", "word", "ram-code"},
	layouts:  []string{"guide", string(PlaceEnd), string(PlaceLower)},
	storages: []storage.Type{storage.TDBInternal, storage.TDBExternalNoRBP, storage.TDBExternal},
	kvs:      []uint32{0, 32 << 10, 64 << 10, 256 << 10, 512 << 10},
	sizes:    []uint32{8, 32, 256, 600},
	keys:     []int{8, 32, 64},
}

// points are the combinations to benchmark: the usual one with each axis varied, or all there are.
func points() (list []point) {
	add := func(change func(p *point)) {
		p := usual
		change(&p)
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	if *wide {
		for _, board := range part.BoardNames() {
			for _, driver := range axes.drivers {
				for _, layout := range axes.layouts {
					for _, typ := range axes.storages {
						for _, kv := range axes.kvs {
							for _, size := range axes.sizes {
								for _, keys := range axes.keys {
									add(func(p *point) { *p = point{board, driver, layout, typ, kv, size, keys} })
								}
							}
						}
					}
				}
			}
		}
		return list
	}
	for _, driver := range axes.drivers {
		add(func(p *point) { p.driver = driver })
	}
	for _, size := range axes.sizes {
		add(func(p *point) { p.size = size })
	}
	for _, keys := range axes.keys {
		add(func(p *point) { p.keys = keys })
	}
	for _, kv := range axes.kvs {
		add(func(p *point) { p.kv = kv })
	}
	for _, layout := range axes.layouts {
		add(func(p *point) { p.layout, p.kv = layout, 256<<10 })
	}
	for _, typ := range axes.storages {
		add(func(p *point) { p.storage = typ })
	}
	for _, board := range part.BoardNames() {
		add(func(p *point) { p.board = board })
	}
	return list
}

// scenario is the board's with the point's store. The error says what of the point there is not: a driver
// for the part, a place with such sectors, room for the keys.
func (p *point) scenario() (*Scenario, error) {
	s, err := BoardScenario(p.board)
	if err != nil {
		return nil, err
	}
	s.Update.Bytes, s.App.Interrupts = 16<<10, nil
	s.Board.Driver, s.Store.Type = p.driver, StorageType(p.storage)
	part, unit, err := PartAndUnit(s.Board.Part, p.driver)
	if err != nil {
		return nil, err
	}
	l, err := s.BootLayout()
	if err != nil {
		return nil, err
	}
	kv, _ := l.Region("KVStore")
	base, size := kv.Start, kv.Size
	switch {
	case p.storage != storage.TDBInternal:
		if p.layout != "guide" {
			return nil, fmt.Errorf("the layout is of the internal flash, the store is not in it")
		}
		if s.Store.ExternalBytes = p.kv; p.kv == 0 {
			s.Store.ExternalBytes = externalBytes
		}
	case p.layout != "guide" || p.kv > 0:
		blank, err := model.New(model.Config{Part: part, Unit: unit})
		if err != nil {
			return nil, err
		}
		place := Place(p.layout)
		if p.layout == "guide" {
			place = PlaceStart
		}
		if p.kv > 0 {
			size = p.kv
		}
		if base, err = place.Site(blank, size); err != nil {
			return nil, err
		}
	}
	h := HalfLayout{Name: p.layout, Target: s.Layout.Target, KVBase: base, KVSize: size}
	if s.Layout, err = h.Layout(part, unit); err != nil {
		return nil, err
	}
	value, area := p.size, size/2
	if p.storage != storage.TDBInternal {
		value, unit, area = value+SecureBytes, 1, s.Store.ExternalBytes/2
	}
	up := func(n uint32) uint32 { return (n + unit - 1) / unit * unit }
	record := up(24) + up(uint32(len("key0000"))+value)
	if need := uint32(p.keys+1)*record + areaHead; need > area {
		return nil, fmt.Errorf("the keys take %d bytes of an area of %d", need, area)
	}
	return s, nil
}

// areaHead is what an area begins with, at most: reserved data and master record.
const areaHead = 1024

// name is the benchmark's name; s is the point's scenario.
func (p *point) name(s *Scenario) string {
	kv := s.Store.ExternalBytes
	if p.storage == storage.TDBInternal {
		l, err := s.BootLayout()
		if err != nil {
			panic(err) // the device was built
		}
		r, _ := l.Region("KVStore")
		kv = r.Size
	}
	return strings.TrimPrefix(BenchName("", "board", p.board, "part", s.Board.Part, "driver", p.driver, "layout", p.layout, "storage", p.storage, "kv", kv, "size", p.size, "keys", p.keys), "/")
}

// eachPoint runs a benchmark at every point that there is: a store that holds the keys, on a device.
func eachPoint(b *testing.B, run func(b *testing.B, d *Device, p *point)) {
	done := map[string]bool{}
	for _, p := range points() {
		s, err := p.scenario()
		if err == nil {
			_, err = s.Device(p.driver, model.Typ)
		}
		if err != nil {
			if !*wide {
				b.Errorf("%+v: %v", p, err)
			}
			continue
		}
		name := p.name(s)
		if done[name] {
			continue // the board's size is one of the sizes
		}
		done[name] = true
		b.Run(name, func(b *testing.B) {
			d, err := s.Device(p.driver, model.Typ)
			if err != nil {
				b.Fatal(err)
			}
			run(b, d, &p)
		})
	}
}

// BenchmarkKVSet sets keys of one size in turn. The simulated metrics are those of UniformSets sets;
// ns/op and sets/s are what the host needs for the ones after them, garbage collection, timing and
// processor costs included.
func BenchmarkKVSet(b *testing.B) {
	eachPoint(b, func(b *testing.B, d *Device, p *point) {
		w := Uniform(p.keys, p.size, UniformSets)
		sets := p.live(b, d, w)
		value := make([]byte, p.size)
		n := 0
		for b.Loop() {
			n++
			value[0], value[1], value[2] = byte(n), byte(n>>8), byte(n>>16)
			if err := d.KV.Set(w.Keys[n%p.keys].Name, value, 0); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sets/s")
		Report(b, sets.Metrics(d.Flash))
	})
}

// BenchmarkKVGet gets keys of one size in turn.
func BenchmarkKVGet(b *testing.B) {
	eachPoint(b, func(b *testing.B, d *Device, p *point) {
		w := Uniform(p.keys, p.size, UniformSets/10)
		w.Reads = 3
		sets := p.live(b, d, w)
		value := make([]byte, p.size)
		n := 0
		for b.Loop() {
			n++
			if _, err := d.KV.Get(w.Keys[n%p.keys].Name, value, 0); err != nil {
				b.Fatal(err)
			}
		}
		Report(b, sets.GetMetrics(d.Flash))
	})
}

// live runs a workload on the point's device.
func (p *point) live(b *testing.B, d *Device, w *Workload) *Sets {
	b.Helper()
	s, err := d.RunWorkload(context.Background(), w, 1, nil)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// The usual points have every value of every axis, each makes a device, and no two have one name.
func TestPoints(t *testing.T) {
	seen, names := map[any]bool{}, map[string]bool{}
	for i, p := range points() {
		s, err := p.scenario()
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		if i%40 == 0 || long.Enabled() {
			if _, err := s.Device(p.driver, model.Typ); err != nil {
				t.Errorf("%+v: %v", p, err)
			}
		}
		name := p.name(s)
		if names[name] && p.kv == 0 {
			t.Errorf("%s twice", name)
		}
		names[name] = true
		for _, v := range []any{p.board, p.driver, p.layout, p.storage, p.kv, p.size, p.keys} {
			seen[v] = true
		}
	}
	want := len(part.BoardNames()) + len(axes.drivers) + len(axes.layouts) + len(axes.storages) + len(axes.kvs) + len(axes.sizes) + len(axes.keys)
	if len(seen) != want {
		t.Errorf("%d values on the axes, want %d", len(seen), want)
	}
	const first = "board=nucleo-f429zi/part=stm32f429zi/driver=mbed/layout=guide/storage=TDB_INTERNAL/kv=131072/size=32/keys=32"
	if !names[first] {
		t.Errorf("no %s in %v", first, names)
	}
}

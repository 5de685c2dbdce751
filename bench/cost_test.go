package bench

import (
	"slices"
	"testing"
	"time"

	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/part"
)

// memory is a block device of nothing but cells: the F429's store region without a model.
type memory struct{ cells []byte }

func newMemory() *memory {
	m := &memory{make([]byte, 128<<10)}
	if err := m.Erase(0, m.Size()); err != nil {
		panic(err) // it cannot fail
	}
	return m
}

func (m *memory) Size() uint32        { return uint32(len(m.cells)) }
func (m *memory) ProgramUnit() uint32 { return 1 }

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
	cells := m.cells[addr:]
	for i, b := range p {
		cells[i] &= b
	}
	return nil
}

func (m *memory) Erase(addr, size uint32) error {
	cells := m.cells[addr : addr+size]
	for i := range cells {
		cells[i] = 0xFF
	}
	return nil
}

// BenchmarkTimingCost runs the store's workload on plain memory, on the model without timing, with it,
// and with an application beside it, turn by turn, and reports host time for each set, the median of
// all turns, and as a ratio.
func BenchmarkTimingCost(b *testing.B) {
	const keys, size, sets = 32, 128, 1000
	off, err := part.ByName("stm32f429zi")
	if err != nil {
		b.Fatal(err)
	}
	cells, err := model.New(model.Config{Part: off, Unit: 1})
	if err != nil {
		b.Fatal(err)
	}
	region, err := cells.Region(0x0810_0000, 128<<10)
	if err != nil {
		b.Fatal(err)
	}
	on, app := guideDevice(b, "mbed", model.Typ), guideDevice(b, "mbed", model.Typ)
	if err := app.Flash.Run(app.app); err != nil {
		b.Fatal(err)
	}
	w := Uniform(keys, size, 1)
	value := make([]byte, size)
	ways := []struct {
		name  string
		store kvstore.Store
		took  []time.Duration
	}{
		{name: "memory", store: kvstore.NewTDB(newMemory(), kvstore.Options{})},
		{name: "off", store: kvstore.NewTDB(region, kvstore.Options{})},
		{name: "on", store: on.Store},
		{name: "app", store: app.Store},
	}
	for i := range ways {
		if err := NewLoad(w, 1).Provision(ways[i].store); err != nil {
			b.Fatal(err)
		}
	}
	n := 0
	for b.Loop() {
		first := n
		for i := range ways {
			n = first
			start := time.Now()
			for range sets {
				n++
				value[0], value[1], value[2] = byte(n), byte(n>>8), byte(n>>16)
				if err := ways[i].store.Set(w.Keys[n%keys].Name, value, 0); err != nil {
					b.Fatal(err)
				}
				if _, err := ways[i].store.Get(w.Keys[n%keys].Name, value, 0); err != nil {
					b.Fatal(err)
				}
			}
			ways[i].took = append(ways[i].took, time.Since(start))
		}
	}
	median := make([]float64, len(ways))
	for i := range ways {
		slices.Sort(ways[i].took)
		median[i] = float64(ways[i].took[len(ways[i].took)/2].Nanoseconds()) / sets
		b.ReportMetric(median[i], ways[i].name+"-ns/set")
	}
	b.ReportMetric(median[2]/median[0], "on/memory")
	b.ReportMetric(median[2]/median[1], "on/off")
	b.ReportMetric(median[3]/median[0], "app/memory")
	b.ReportMetric(0, "ns/op")
}

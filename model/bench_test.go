package model

import (
	"testing"
	"time"

	"dualbank/model/part"
)

// plainMemory is a flash with nothing but cells.
type plainMemory struct{ cells []byte }

func (m *plainMemory) Read(addr uint32, p []byte) error {
	copy(p, m.cells[addr-kvBase:])
	return nil
}

func (m *plainMemory) Program(addr uint32, p []byte) error {
	for i, b := range p {
		m.cells[int(addr-kvBase)+i] &= b
	}
	return nil
}

func (m *plainMemory) Erase(addr, size uint32) error {
	c := m.cells[addr-kvBase : addr-kvBase+size]
	for i := range c {
		c[i] = 0xFF
	}
	return nil
}

type storage interface {
	Read(addr uint32, p []byte) error
	Program(addr uint32, p []byte) error
	Erase(addr, size uint32) error
}

// sets does what n sets of 32 bytes under a key of 12 do to a flash, with an erase of an area whenever it
// is full: reads and writes, without the store's own work.
func sets(b *testing.B, f storage, n int) {
	var header [24]byte
	data := make([]byte, 44)
	at := uint32(kvBase + 128)
	area := uint32(0)
	for i := range n {
		if at+72 > kvBase+area+65536 {
			area ^= 65536
			if area == 0 {
				for s := range uint32(4) {
					check(b, f.Erase(kvBase+s*16384, 16384))
				}
			} else {
				check(b, f.Erase(kvBase+area, 65536))
			}
			at = kvBase + area + 128
		}
		header[0], data[0] = byte(i), byte(i>>8)
		check(b, f.Read(kvBase+128+(at-kvBase)&0x3F80, header[:]))
		check(b, f.Program(at+24, data[:12]))
		check(b, f.Program(at+36, data[12:]))
		check(b, f.Program(at, header[:]))
		check(b, f.Read(at, header[:]))
		check(b, f.Read(at+24, data))
		at += 72
	}
}

func check(b *testing.B, err error) {
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkTimingCost sets the flash operations of a store against each other in one run: on plain
// memory, on the model without a driver (cells, steps, wear, fault plan), on the whole model, and with
// interrupts and a watchdog on top.
func BenchmarkTimingCost(b *testing.B) {
	core, err := part.CoreByName("cortex-m4")
	if err != nil {
		b.Fatal(err)
	}
	mbed, err := part.DriverByName("mbed")
	if err != nil {
		b.Fatal(err)
	}
	p, err := part.ByName("stm32f429zi")
	if err != nil {
		b.Fatal(err)
	}
	app := App{
		Interrupts: []Interrupt{{Name: "motor", Period: 50 * time.Microsecond}, {Name: "tick", Period: time.Millisecond}},
		Watchdog:   &Watchdog{Period: 10 * time.Second, Feed: time.Second, By: FedByApplication},
	}
	flash := func(c Config) *Flash {
		f, err := New(c)
		if err != nil {
			b.Fatal(err)
		}
		return f
	}
	on := []struct {
		name string
		f    storage
		took time.Duration
	}{
		{"memory", &plainMemory{make([]byte, 128<<10)}, 0},
		{"off", flash(Config{Part: p, Unit: 1}), 0},
		{"on", flash(Config{Part: p, Driver: mbed, Core: core}), 0},
		{"app", flash(Config{Part: p, Driver: mbed, Core: core, App: app}), 0},
	}
	for b.Loop() {
		for i := range on {
			start := time.Now()
			sets(b, on[i].f, 20000)
			on[i].took += time.Since(start)
		}
	}
	for i := range on {
		b.ReportMetric(float64(on[i].took.Nanoseconds())/float64(b.N)/20000, on[i].name+"-ns/set")
	}
	b.ReportMetric(float64(on[2].took)/float64(on[1].took), "on/off")
	b.ReportMetric(float64(on[2].took)/float64(on[0].took), "on/memory")
	b.ReportMetric(0, "ns/op")
}

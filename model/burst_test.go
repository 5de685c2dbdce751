package model

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"dualbank/model/part"
	"dualbank/model/random"
)

func burstFlash(t *testing.T, name, driver string, app App) *Flash {
	t.Helper()
	p, err := part.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := part.DriverByName(driver)
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(Config{Part: p, Driver: d, App: app})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestBurstTimes: whole rows take their own time, and mask interrupts for a row where the part needs that.
func TestBurstTimes(t *testing.T) {
	for _, tt := range []struct {
		part         string
		bytes        int
		slow, fast   float64 // seconds
		masked       float64 // longest, with the fast driver
		firstProgram uint32
	}{
		{"stm32g474re", 2048, 20.91e-3, 15.29e-3, 3.8225e-3, 0x0804_0000},
		{"stm32wb55rg", 4096, 41.8e-3, 30.4e-3, 3.8e-3, 0x0804_0000},
		{"stm32g0b1re", 256, 2720e-6, 683e-6, 683e-6, 0x0804_0000},
		{"stm32u575zi", 1 << 20, 7.73, 3.146, 0, 0x0810_0000},
	} {
		took := map[string]float64{}
		for _, driver := range []string{"ram-code", "burst"} {
			f := burstFlash(t, tt.part, driver, App{})
			if err := f.Program(tt.firstProgram, make([]byte, tt.bytes)); err != nil {
				t.Fatal(err)
			}
			busy := uint64(0)
			for _, b := range f.Counters().Busy {
				busy += b
			}
			took[driver] = f.Seconds(busy)
			if m := f.Seconds(f.Counters().LongestMasked); driver == "burst" && math.Abs(m-tt.masked) > 0.01*tt.masked+1e-9 || driver != "burst" && m != 0 {
				t.Errorf("%s, %s: masked for %v s, want %v", tt.part, driver, m, tt.masked)
			}
		}
		if math.Abs(took["ram-code"]/tt.slow-1) > 0.005 || math.Abs(took["burst"]/tt.fast-1) > 0.005 {
			t.Errorf("%s: %v, want %v and %v", tt.part, took, tt.slow, tt.fast)
		}
	}
}

// TestBurstIsTheSame: with any program the fast driver leaves the cells and the steps of the other one, and is not
// slower.
func TestBurstIsTheSame(t *testing.T) {
	r := random.New(3)
	a, b := burstFlash(t, "stm32g474re", "ram-code", App{}), burstFlash(t, "stm32g474re", "burst", App{})
	for range 60 {
		at, data := 0x0804_0000+8*uint32(r.Intn(2000)), make([]byte, 8*(1+r.Intn(300)))
		r.Fill(data)
		x, y := a.Program(at, data), b.Program(at, data)
		if !errors.Is(x, y) || a.Steps() != b.Steps() || a.Hash() != b.Hash() || a.Counters().Programs != b.Counters().Programs {
			t.Fatalf("%d bytes at 0x%X: %v and %v, %d and %d steps", len(data), at, x, y, a.Steps(), b.Steps())
		}
	}
	if b.Counters().Programming > a.Counters().Programming {
		t.Error("fast programming is slower")
	}
	// A cut hits the same access.
	a, b = burstFlash(t, "stm32g474re", "ram-code", App{}), burstFlash(t, "stm32g474re", "burst", App{})
	for _, f := range []*Flash{a, b} {
		f.Arm(Cut{Step: 77, Mode: Torn, Seed: 5})
		if err := f.Program(0x0804_0000, bytes.Repeat([]byte{0x5A}, 1024)); !errors.Is(err, ErrPowerCut) {
			t.Fatal(err)
		}
	}
	if a.Hash() != b.Hash() || a.Steps() != b.Steps() {
		t.Error("a cut leaves other cells in a row")
	}
}

// TestBurstAndWatchdog: a watchdog that is shorter than a masked row resets the device in it.
func TestBurstAndWatchdog(t *testing.T) {
	dog := &Watchdog{Period: 3 * time.Millisecond, Feed: time.Millisecond, By: FedByApplication, Mode: Before}
	for driver, want := range map[string]error{"ram-code": nil, "burst": ErrReset} {
		f := burstFlash(t, "stm32g474re", driver, App{Watchdog: dog})
		if err := f.Program(0x0804_0000, make([]byte, 2048)); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v, want %v", driver, err, want)
		}
	}
}

// TestProgramTimes: a program takes the sum of its accesses, each as long as its width has, at every corner; the longest is
// the longest of them.
func TestProgramTimes(t *testing.T) {
	p, err := part.ByName("stm32f429zi")
	if err != nil {
		t.Fatal(err)
	}
	own := *p
	own.Program = slices.Clone(p.Program)
	for i := range own.Program {
		at := &own.Program[i]
		us := part.Time(at.Width) * part.Time(10*time.Microsecond)
		at.Min.Time, at.Typ.Time, at.Max.Time = us, us, 2*us
	}
	d, err := part.DriverByName("ram-code")
	if err != nil {
		t.Fatal(err)
	}
	us := p.MaxHz / 1_000_000
	for _, tt := range []struct {
		addr         uint32
		n            int
		all, longest uint64 // µs
	}{
		{0, 1, 10, 10},
		{1, 1, 10, 10},
		{2, 2, 20, 20},
		{0, 4, 40, 40},
		{0, 40, 400, 40},
		{1, 7, 10 + 20 + 40, 40},
		{3, 2, 20, 10},
		{4, 7, 40 + 20 + 10, 40},
		{1, 2, 20, 10},
	} {
		for corner, times := range map[Corner]uint64{Typ: 1, Max: 2} {
			f, err := New(Config{Part: &own, Driver: d, Corner: corner})
			if err != nil {
				t.Fatal(err)
			}
			addr := f.Start() + tt.addr
			all, longest := f.programBusy(0, addr, tt.n, f.timing.Count(addr, tt.n))
			if all != tt.all*us*times || longest != tt.longest*us*times {
				t.Errorf("corner %v, %d bytes at %d: %d cycles, the longest %d; want %d and %d µs", corner, tt.n, tt.addr, all, longest, tt.all*times, tt.longest*times)
			}
		}
		// New cells take no less than the least time, which is the typical one here, and no more.
		f, err := New(Config{Part: &own, Driver: d, Corner: Sampled})
		if err != nil {
			t.Fatal(err)
		}
		addr := f.Start() + tt.addr
		if all, longest := f.programBusy(0, addr, tt.n, f.timing.Count(addr, tt.n)); all != tt.all*us || longest != tt.longest*us {
			t.Errorf("drawn, %d bytes at %d: %d cycles, the longest %d; want %d and %d µs", tt.n, tt.addr, all, longest, tt.all, tt.longest)
		}
	}
}

// TestCyclesOfTimes: a time is whole cycles, rounded up, and none is below 0 or beyond what fits.
func TestCyclesOfTimes(t *testing.T) {
	for _, tt := range []struct {
		hz   uint64
		d    time.Duration
		want uint64
	}{
		{1_000_000, -1, 0},
		{1_000_000, 0, 0},
		{1_000_000, 1, 1},
		{1_000_000, 1000, 1},
		{1_000_000, 1001, 2},
		{180_000_000, time.Second, 180_000_000},
		{1000, time.Second, 1000},
		{1, math.MaxInt64, 9_223_372_037},
	} {
		clock := timing{hz: tt.hz}
		if got := clock.cycles(part.Time(tt.d)); got != tt.want {
			t.Errorf("%v at %d Hz: %d cycles, want %d", tt.d, tt.hz, got, tt.want)
		}
	}
}

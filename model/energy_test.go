package model

import (
	"math"
	"testing"

	"dualbank/model/part"
	"dualbank/model/random"
)

func energyFlash(t *testing.T, name, driver string, mv uint32, hz uint64) *Flash {
	t.Helper()
	p, err := part.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := part.DriverByName(driver)
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(Config{Part: p, Driver: d, MV: mv, Hz: hz})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestEnergyByHand: what single operations draw, by hand from current, voltage and time.
func TestEnergyByHand(t *testing.T) {
	for _, tt := range []struct {
		part           string
		mv             uint32
		sector         uint32  // size of the one that is erased
		erase, program float64 // joule; of the program for one access
	}{
		{"stm32f429zi", 3300, 16384, 9.9e-3, 0.6336e-6},
		{"stm32f429zi", 3300, 131072, 39.6e-3, 0.6336e-6},
		{"stm32h743zi", 3300, 131072, 115.5e-3, 11.55e-6}, // the driver goes at x64
		{"stm32g474re", 3300, 2048, 254.3e-6, 0.9436e-6},
		{"stm32wb55rg", 3000, 4096, 224.4e-6, 0.8333e-6},
		{"stm32u575zi", 3000, 8192, 5.85e-6, 0.7434e-6},
		{"cc1312r7", 3000, 8192, 285e-6, 0.33696e-6},
		{"mspm0l1117", 3000, 1024, 120e-6, 1.5e-6},
	} {
		f := energyFlash(t, tt.part, "word", tt.mv, 0)
		var at uint32
		for _, s := range f.Part().Sectors() {
			if s.Size == tt.sector {
				at = s.Addr
			}
		}
		if err := f.Erase(at, tt.sector); err != nil {
			t.Fatal(err)
		}
		width := int(f.timing.Width)
		if err := f.Program(at, make([]byte, width)); err != nil {
			t.Fatal(err)
		}
		c := f.Counters()
		e, ok := f.Energy(&c)
		if !ok || math.Abs(e.Erase/tt.erase-1) > 0.002 || math.Abs(e.Program/tt.program-1) > 0.002 {
			t.Errorf("%s: %v J and %v J, want %v and %v", tt.part, e.Erase, e.Program, tt.erase, tt.program)
		}
		if want := tt.part == "stm32f429zi"; e.CoreOK != want || (e.Core > 0) != want {
			t.Errorf("%s: %v J of the core", tt.part, e.Core)
		}
	}
	f := energyFlash(t, "stm32f429zi", "word", 3300, 168e6)
	if err := f.Erase(0x0812_0000, 131072); err != nil {
		t.Fatal(err)
	}
	c := f.Counters()
	if e, _ := f.Energy(&c); math.Abs(e.Core-0.134) > 0.001 {
		t.Errorf("the core that waits a second draws %v J, want 0.134", e.Core)
	}
	// A part without figures has none.
	f = energyFlash(t, "nrf52840", "word", 3000, 0)
	if err := f.Erase(0, 4096); err != nil {
		t.Fatal(err)
	}
	c = f.Counters()
	if e, ok := f.Energy(&c); ok || e != (Energy{}) {
		t.Errorf("a part without currents draws %+v", e)
	}
}

// TestEnergyIsConserved: what single operations draw comes to what all of them draw, and to the current times
// the time in which banks were busy.
func TestEnergyIsConserved(t *testing.T) {
	for _, driver := range []string{"mbed", "word"} {
		f := energyFlash(t, "stm32f429zi", driver, 3300, 168e6)
		r := random.New(5)
		sum := Energy{}
		for range 300 {
			e0, p0 := f.Spent()
			var err error
			if r.Intn(4) == 0 {
				err = f.Erase(0x0810_0000+16384*uint32(r.Intn(4)), 16384)
			} else {
				err = f.Program(0x0810_0000+uint32(r.Intn(60000)), make([]byte, 1+r.Intn(200)))
			}
			if err != nil {
				t.Fatal(err)
			}
			e1, p1 := f.Spent()
			one, _ := f.EnergyOf(e1-e0, p1-p0)
			sum.Erase, sum.Program, sum.Core = sum.Erase+one.Erase, sum.Program+one.Program, sum.Core+one.Core
		}
		c := f.Counters()
		all, ok := f.Energy(&c)
		for name, v := range map[string][2]float64{"erase": {sum.Erase, all.Erase}, "program": {sum.Program, all.Program}, "core": {sum.Core, all.Core}} {
			if !ok || math.Abs(v[0]/v[1]-1) > 1e-9 {
				t.Errorf("%s, %s: %v J one by one, %v J in all", driver, name, v[0], v[1])
			}
		}
		busy := c.Busy[0] + c.Busy[1]
		if c.Erasing+c.Programming != busy {
			t.Errorf("%s: erasing %d, programming %d, busy %d", driver, c.Erasing, c.Programming, busy)
		}
		if driver == "word" {
			if want := 0.012 * 3.3 * f.Seconds(busy); math.Abs(all.Flash()/want-1) > 1e-9 {
				t.Errorf("%v J, want %v", all.Flash(), want)
			}
		}
	}
}

package model

import (
	"errors"
	"testing"
	"time"

	"dualbank/model/part"
)

// feel is what an application feels of one erase and one program.
type feel struct {
	stall, masked, busy float64 // ms
	worst               float64 // ms an interrupt of the application waits
}

func feels(t *testing.T, name, driver string, code Code, addr uint32) feel {
	t.Helper()
	p, err := part.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := part.DriverByName(driver)
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(Config{Part: p, Driver: d, Code: code, App: App{Interrupts: []Interrupt{{Name: "tick", Period: 100 * time.Microsecond, Handler: code}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Erase(addr, f.SectorSize(addr)); err != nil {
		t.Fatal(err)
	}
	if err := f.Program(addr, make([]byte, 256)); err != nil {
		t.Fatal(err)
	}
	c := f.Counters()
	ms := func(n uint64) float64 { return f.Seconds(n) * 1000 }
	busy := uint64(0)
	for _, b := range c.Busy {
		busy += b
	}
	return feel{ms(c.Stall), ms(c.Masked), ms(busy), ms(f.Latencies()[0].Worst)}
}

// TestBankModes: what turning a part from dual to single bank, or moving the store into the code's
// bank, changes of what the application feels - and that it changes nothing else.
func TestBankModes(t *testing.T) {
	for _, tt := range []struct {
		dual, single string
		addr         uint32 // in bank 1 of the dual part, in a sector of the same size of the single one
		own          uint32 // in the code's bank of the dual part
		erase        float64
	}{
		{"stm32f429zg-dual", "stm32f429zg", 0x0808_0000 + 5*0x20000 - 0x20000*2, 0x0804_0000, 1000},
		{"stm32l4r5zi", "", 0x0810_0000, 0x0800_8000, 22.02},
		{"stm32g474re", "stm32g474re-single", 0x0804_0000, 0x0801_0000, 22.02},
		{"stm32l552ze", "stm32l552ze-single", 0x0804_0000, 0x0801_0000, 22},
	} {
		for _, driver := range []string{"mbed", "word", "ram-code"} {
			masked := 0.0
			other := feels(t, tt.dual, driver, 0, tt.addr)
			if driver == "mbed" {
				masked = tt.erase
			}
			if other.stall != 0 || other.masked < masked || other.masked > masked*1.001 || other.worst < masked-0.1 || other.worst > masked+0.05 {
				t.Errorf("%s, %s, store in the other bank: %+v", tt.dual, driver, other)
			}
			// In the code's own bank the application stalls as long as the bank is busy; masks and times
			// are the same.
			own := feels(t, tt.dual, driver, 0, tt.own)
			if own.stall != own.busy || own.busy != other.busy || own.masked != other.masked {
				t.Errorf("%s, %s, store in the code's bank: %+v, in the other %+v", tt.dual, driver, own, other)
			}
			if waits := driver != "ram-code"; (own.worst > tt.erase/2) != waits {
				t.Errorf("%s, %s, store in the code's bank: an interrupt waits %v ms", tt.dual, driver, own.worst)
			}
			if tt.single != "" {
				if one := feels(t, tt.single, driver, 0, tt.addr); one != own {
					t.Errorf("%s, %s: %+v, want what one bank of %s feels: %+v", tt.single, driver, one, tt.dual, own)
				}
			}
			// Code in RAM stalls nowhere.
			if ram := feels(t, tt.dual, driver, CodeInRAM, tt.own); ram.stall != 0 || ram.busy != own.busy || ram.masked != own.masked {
				t.Errorf("%s, %s, code in RAM: %+v", tt.dual, driver, ram)
			}
		}
	}
}

// TestUnalignedSources: FlashIAP hands what is not on a word boundary over unit by unit: the same cells
// and steps, more calls of the HAL.
func TestUnalignedSources(t *testing.T) {
	p, _ := part.ByName("stm32f429zi")
	d, _ := part.DriverByName("mbed")
	time := func(unaligned bool) (uint64, uint64, uint64) {
		f, err := New(Config{Part: p, Driver: d, Unaligned: unaligned})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Program(kvBase, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		return f.Now(), f.Steps(), f.Hash()
	}
	now, steps, cells := time(false)
	now2, steps2, cells2 := time(true)
	if now2-now != 99*500 || steps != steps2 || cells != cells2 {
		t.Errorf("%d cycles more for 99 more calls of 500, %d and %d steps", now2-now, steps, steps2)
	}
}

// TestTries: a driver that tries again when the flash refuses loses time, and nothing else.
func TestTries(t *testing.T) {
	p, _ := part.ByName("stm32l496zg")
	took := map[string]uint64{}
	for _, driver := range []string{"mbed", "word"} {
		d, _ := part.DriverByName(driver)
		f, err := New(Config{Part: p, Driver: d})
		if err != nil {
			t.Fatal(err)
		}
		f.Poke(kvBase-0x80000, []byte{1})
		if err := f.Program(kvBase-0x80000, make([]byte, 8)); err != nil {
			t.Fatalf("zeros over data: %v", err)
		}
		start := f.Now()
		if err := f.Program(kvBase-0x80000, []byte("abcdefgh")); !errors.Is(err, ErrProgram) {
			t.Fatal(err)
		}
		took[driver] = f.Now() - start
		if c := f.Counters(); c.Programs != 1 || c.Refused != 1 {
			t.Errorf("%s: %+v", driver, c)
		}
	}
	if want := uint64(200 + 15*(500+110)); took["mbed"] != want || took["word"] != 40 {
		t.Errorf("refused after %d cycles by mbed, want %d; %d by word, want 40", took["mbed"], want, took["word"])
	}
}

// TestCollisions: on Kinetis code that reads the block that is busy does not wait but fails: counted,
// unless interrupts are masked and the driver is in RAM.
func TestCollisions(t *testing.T) {
	p, _ := part.ByName("mk64fn1m0")
	for driver, want := range map[string]uint64{"mbed": 0, "word": 2} {
		d, _ := part.DriverByName(driver)
		f, err := New(Config{Part: p, Driver: d})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Erase(0x1000, 4096); err != nil {
			t.Fatal(err)
		}
		if err := f.Program(0x1000, make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
		if n := f.Counters().Collisions; n != want {
			t.Errorf("driver %s: %d collisions, want %d", driver, n, want)
		}
	}
}

// TestEraseBank: one step, all sectors of the bank, the part's time for it.
func TestEraseBank(t *testing.T) {
	f := f429(t, "word", 0)
	f.Poke(0x080F_FFFF, []byte{1, 2, 3})
	f.Poke(0x081F_FFFF, []byte{4})
	if err := f.EraseBank(1); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1<<20)
	f.Peek(0x0810_0000, got)
	one := make([]byte, 1)
	f.Peek(0x080F_FFFF, one)
	if blank(got) != 1<<20 || one[0] != 1 || f.Steps() != 1 || f.Seconds(f.Counters().Busy[1]) != 8 {
		t.Errorf("%d bytes erased, %02x before them, %d steps, %v s", blank(got), one[0], f.Steps(), f.Seconds(f.Counters().Busy[1]))
	}
	for i, w := range f.Wear() {
		if want := uint32(i / 12); w.Erases != want {
			t.Errorf("sector %d: %d erases", i, w.Erases)
		}
	}
	f.Poke(0x0810_0000, make([]byte, 1024))
	f.Arm(Cut{Mode: After})
	if err := f.EraseBank(1); !errors.Is(err, ErrPowerCut) || f.Wear()[23].Erases != 2 {
		t.Errorf("cut after it: %v, %d erases", err, f.Wear()[23].Erases)
	}
	f.Boot()
	if err := f.EraseBank(2); !errors.Is(err, ErrRange) {
		t.Errorf("a bank that is not there: %v", err)
	}
}

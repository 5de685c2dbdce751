package model

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"dualbank/model/part"
)

// norHost is a flash without timing of its own at 100 MHz, 10 ns a cycle.
func norHost(t testing.TB) *Flash {
	t.Helper()
	p, err := part.ByName("stm32f429zi")
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(Config{Part: p, Hz: 100_000_000, Unit: 1})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func newTestNOR(t testing.TB, name string, corner Corner) (*Flash, *NOR) {
	t.Helper()
	p, err := part.NORByName(name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := part.NORDriverByName("mbed")
	if err != nil {
		t.Fatal(err)
	}
	f := norHost(t)
	n, err := NewNOR(NORConfig{Part: p, Driver: d, Host: f, Corner: corner})
	if err != nil {
		t.Fatal(err)
	}
	return f, n
}

func TestShippedNOR(t *testing.T) {
	if len(part.NORNames()) < 2 {
		t.Errorf("parts %v", part.NORNames())
	}
	for _, name := range part.NORNames() {
		p, err := part.NORByName(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p.Name != name {
			t.Errorf("%s is called %s", name, p.Name)
		}
		// Sizes, four times, endurance, a current if it is known, and two times an erase command.
		want := 7 + 2*len(p.Erases)
		if p.Active.UA > 0 {
			want++
		}
		if facts := part.Facts(p); len(facts) != want {
			t.Errorf("%s: %d facts have a source", name, len(facts))
		}
	}
	if _, err := part.NORByName("none"); err == nil || !strings.Contains(err.Error(), "choose one of mx25r6435f") {
		t.Errorf("unknown part: %v", err)
	}
	if _, err := part.NORByName("/none.toml"); err == nil {
		t.Error("a file that is not there is read")
	}
}

// TestNORTimes has what one call takes with Mbed's driver, which sleeps 1 ms before each look at the
// status: once behind write enable, then until the part is ready.
func TestNORTimes(t *testing.T) {
	const us = 100 // cycles
	for _, c := range []struct {
		name   string
		corner Corner
		do     func(n *NOR) error
		busy   uint64
		sleeps uint64
		bus    uint64 // bytes: 5 around write enable, 4 of command and address, the data, 2 at each look
	}{
		{"read", Typ, func(n *NOR) error { return n.Read(0, make([]byte, 100)) }, 0, 0, 104},
		{"program of a byte", Typ, func(n *NOR) error { return n.Program(5, make([]byte, 1)) }, 32 * us, 2, 12},
		{"program of a page", Typ, func(n *NOR) error { return n.Program(256, make([]byte, 256)) }, 287 * us, 2, 267},
		{"program of a page, max", Max, func(n *NOR) error { return n.Program(256, make([]byte, 256)) }, 6 * 287 * us, 3, 269},
		{"program over a page's end", Typ, func(n *NOR) error { return n.Program(255, make([]byte, 2)) }, 64 * us, 4, 24},
		{"erase", Typ, func(n *NOR) error { return n.Erase(4096, 4096) }, 48_000 * us, 1 + 48, 105},
		{"erase, max", Max, func(n *NOR) error { return n.Erase(4096, 4096) }, 384_000 * us, 1 + 383, 775},
		{"erase of 68 KiB, 64 at once", Typ, func(n *NOR) error { return n.Erase(65536-4096, 65536+4096) }, 528_000 * us, 2 + 48 + 479, 1072},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, n := newTestNOR(t, "mx25r6435f", c.corner)
			if err := c.do(n); err != nil {
				t.Fatal(err)
			}
			got := n.Counters()
			if got.Busy != c.busy {
				t.Errorf("busy for %d us, want %d", got.Busy/us, c.busy/us)
			}
			if f.Now() != got.Waiting {
				t.Errorf("the clock shows %d cycles, the calls took %d", f.Now(), got.Waiting)
			}
			// A call takes 4 us. The bus takes 0.2 us a byte, the processor 1.5 us, and a sleep is 1 ms.
			if want := 4*us + c.bus*17*us/10 + c.sleeps*1000*us; got.Waiting != want {
				t.Errorf("%d cycles, want %d", got.Waiting, want)
			}
		})
	}
}

func TestNORCells(t *testing.T) {
	f, n := newTestNOR(t, "w25q64jv", Typ)
	do := func(err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Fatalf("got %v, want %v", err, want)
		}
	}
	read := func(addr uint32, size int) []byte {
		t.Helper()
		p := make([]byte, size)
		do(n.Read(addr, p), nil)
		return p
	}
	do(n.Program(254, []byte{0x0F, 1, 2, 3}), nil)
	do(n.Program(254, []byte{0xF8}), nil)
	if got := read(253, 6); !bytes.Equal(got, []byte{0xFF, 0x08, 1, 2, 3, 0xFF}) {
		t.Errorf("cells %x", got)
	}
	if c := n.Counters(); c.Programs != 3 || c.ProgramBytes != 5 || c.ReadCalls != 1 || c.ReadBytes != 6 {
		t.Errorf("counters %+v", c)
	}
	if f.Steps() != 3 || n.Counters().Reprogrammed != 1 {
		t.Errorf("%d steps, %d bytes programmed again", f.Steps(), n.Counters().Reprogrammed)
	}
	n.Mark()
	sum := n.Hash()
	do(n.Erase(0, 4096), nil)
	if got := read(254, 2); !bytes.Equal(got, []byte{0xFF, 0xFF}) || n.EraseCounts()[0] != 1 {
		t.Errorf("after an erase: %x, %d erases", got, n.EraseCounts()[0])
	}
	n.Rollback()
	if n.Hash() != sum || read(254, 1)[0] != 0x08 {
		t.Error("a rollback does not bring back the cells")
	}
	do(n.Erase(100, 4096), ErrAlign)
	do(n.Erase(0, 100), ErrAlign)
	do(n.Erase(n.Size(), 4096), ErrRange)
	do(n.Program(n.Size()-1, []byte{1, 2}), ErrRange)
	do(n.Read(n.Size(), make([]byte, 1)), ErrRange)
	if n.Counters().Refused != 5 {
		t.Errorf("%d calls refused", n.Counters().Refused)
	}
	var seen []string
	n.Observe(func(e *Event) { seen = append(seen, e.Kind.String()) })
	do(n.Program(8000, []byte{1}), nil)
	do(n.Erase(4096, 4096), nil)
	read(8000, 1)
	if strings.Join(seen, " ") != "program erase read" {
		t.Errorf("observed %v", seen)
	}
	if !n.Poke(5, []byte{7}) || n.Poke(n.Size(), []byte{7}) {
		t.Error("Poke")
	}
	p := make([]byte, 1)
	if !n.Peek(5, p) || p[0] != 7 || n.Peek(n.Size(), p) {
		t.Error("Peek")
	}
}

// TestNORCuts cuts the power at a step that is the NOR's, counted with the host's.
func TestNORCuts(t *testing.T) {
	for _, c := range []struct {
		mode  Mode
		erase bool
		err   error
		want  byte // of a cell that held 0x3C and was to be 0x00 or erased; 0x55 for something between
	}{
		{Before, false, ErrPowerCut, 0x3C},
		{After, false, ErrPowerCut, 0x00},
		{Torn, false, ErrPowerCut, 0x55},
		{Weak, false, ErrPowerCut, 0x55},
		{Fail, false, ErrInjected, 0x3C},
		{Before, true, ErrPowerCut, 0x3C},
		{After, true, ErrPowerCut, 0xFF},
		{Torn, true, ErrPowerCut, 0x55},
		{Fail, true, ErrInjected, 0x3C},
	} {
		f, n := newTestNOR(t, "w25q64jv", Typ)
		n.Poke(0, bytes.Repeat([]byte{0x3C}, 256))
		f.Arm(Cut{Step: 2, Mode: c.mode, Seed: 1})
		if err := errors.Join(f.Program(f.Start(), []byte{1}), n.Program(8192, []byte{1})); err != nil {
			t.Fatal(err)
		}
		var err error
		if c.erase {
			err = n.Erase(0, 4096)
		} else {
			err = n.Program(0, make([]byte, 256))
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%v, erase %v: %v, want %v", c.mode, c.erase, err, c.err)
		}
		off := c.err == ErrPowerCut
		if f.Off() != off || n.Off() != off || off && n.Read(0, make([]byte, 1)) == nil {
			t.Errorf("%v, erase %v: power off: %v", c.mode, c.erase, f.Off())
		}
		f.Boot()
		cells := make([]byte, 256)
		if err := n.Read(0, cells); err != nil {
			t.Fatal(err)
		}
		between := 0
		for _, b := range cells {
			if c.want != 0x55 && b != c.want {
				t.Fatalf("%v, erase %v: cell %02x, want %02x", c.mode, c.erase, b, c.want)
			}
			if c.erase && b&0x3C != 0x3C || !c.erase && b&^0x3C != 0 {
				t.Fatalf("%v, erase %v: cell %02x moved the wrong way", c.mode, c.erase, b)
			}
			if b != 0x3C && b != 0 && b != 0xFF {
				between++
			}
		}
		if (c.want == 0x55) != (between > 0) {
			t.Errorf("%v, erase %v: %d cells between", c.mode, c.erase, between)
		}
	}
}

func TestNORErrors(t *testing.T) {
	chip, err := part.NORByName("w25q64jv")
	if err != nil {
		t.Fatal(err)
	}
	driver, err := part.NORDriverByName("mbed")
	if err != nil {
		t.Fatal(err)
	}
	host := norHost(t)
	if _, err := NewNOR(NORConfig{Part: chip, Driver: driver}); err == nil {
		t.Error("no host")
	}
	for _, c := range []struct {
		change func(p *part.NORPart, d *part.NORDriver)
		want   string
	}{
		{func(p *part.NORPart, _ *part.NORDriver) { p.Name = "" }, "name"},
		{func(p *part.NORPart, _ *part.NORDriver) { p.Bytes.Bytes = 1000 }, "size"},
		{func(p *part.NORPart, _ *part.NORDriver) { p.Page.Bytes = 100 }, "page"},
		{func(p *part.NORPart, _ *part.NORDriver) { p.PageMax.Time = 1 }, "page_max"},
		{func(p *part.NORPart, _ *part.NORDriver) { p.FirstByte.Time = -1 }, "first_byte"},
		{func(p *part.NORPart, _ *part.NORDriver) { p.Erases = nil }, "erase"},
		{func(p *part.NORPart, _ *part.NORDriver) { p.Erases[1].Bytes = 4096 }, "order"},
		{func(p *part.NORPart, _ *part.NORDriver) { p.Erases[0].Bytes = 128 }, "erase[0].bytes"},
		{func(p *part.NORPart, _ *part.NORDriver) { p.Erases[2].Max.Time = 0 }, "erase[2].max"},
		{func(p *part.NORPart, _ *part.NORDriver) { p.Bytes.Mark = "X" }, "confidence mark"},
		{func(_ *part.NORPart, d *part.NORDriver) { d.Name = "" }, "name"},
		{func(_ *part.NORPart, d *part.NORDriver) { d.Unit.Value = 3 }, "unit"},
		{func(_ *part.NORPart, d *part.NORDriver) { d.Unit.Value = 512 }, "does not fit in a page"},
		{func(_ *part.NORPart, d *part.NORDriver) { d.BusHz.Value = 1 }, "bus_hz"},
		{func(_ *part.NORPart, d *part.NORDriver) { d.Poll.Time = -1 }, "poll"},
		{func(_ *part.NORPart, d *part.NORDriver) { d.PerByte.Cycles = 1 << 40 }, "per_byte"},
		{func(_ *part.NORPart, d *part.NORDriver) { d.ReadHeader.Value = 65 }, "read_header"},
	} {
		p, d := *chip, *driver
		p.Erases = append([]part.NORErase(nil), chip.Erases...)
		c.change(&p, &d)
		if _, err := NewNOR(NORConfig{Part: &p, Driver: &d, Host: host}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

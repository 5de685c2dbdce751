package model

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"dualbank/model/cell"
	"dualbank/model/part"
	"dualbank/model/random"
)

// f429 is the guide's part with a driver, CPU work free, so that flash time stands alone.
func f429(t testing.TB, driver string, code Code) *Flash {
	t.Helper()
	p, err := part.ByName("stm32f429zi")
	if err != nil {
		t.Fatal(err)
	}
	d, err := part.DriverByName(driver)
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(Config{Part: p, Driver: d, Code: code})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// near reports whether got is want, but for the share that a driver's overhead may have.
func near(got, want, tolerance float64) bool { return got >= want && got <= want*(1+tolerance) }

// TestArithmetic is the list of checks that anybody can do by hand, at the end of flash.md.
func TestArithmetic(t *testing.T) {
	const kv = 0x08100000
	data := make([]byte, 128<<10)
	for _, tt := range []struct {
		name      string
		driver    string
		code      Code
		do        func(f *Flash) error
		seconds   float64
		tolerance float64 // share of the driver's overhead
		stall     float64
		masked    float64
	}{
		{"erase of the KV region", "mbed", 0, func(f *Flash) error { return f.Erase(kv, 128<<10) }, 4*0.250 + 0.550, 1e-4, 0, 1.55},
		{"erase of the KV region", "word", 0, func(f *Flash) error { return f.Erase(kv, 128<<10) }, 4*0.250 + 0.550, 1e-4, 0, 0},
		{"erase of the KV region, code beside it", "word", 1, func(f *Flash) error { return f.Erase(kv, 128<<10) }, 1.55, 1e-4, 1.55, 0},
		{"erase of the KV region, code in RAM", "word", CodeInRAM, func(f *Flash) error { return f.Erase(kv, 128<<10) }, 1.55, 1e-4, 0, 0},
		{"program 128 KiB by bytes", "mbed", 0, func(f *Flash) error { return f.Program(kv, data) }, 131072 * 16e-6, 0.03, 0, 0},
		{"program 128 KiB by words", "word", 0, func(f *Flash) error { return f.Program(kv, data) }, 131072 / 4 * 16e-6, 0.03, 0, 0},
		{"program 128 KiB by words, code beside it", "word", 1, func(f *Flash) error { return f.Program(kv, data) }, 131072 / 4 * 16e-6, 0.03, 131072 / 4 * 16e-6, 0},
	} {
		t.Run(tt.name+"/"+tt.driver, func(t *testing.T) {
			f := f429(t, tt.driver, tt.code)
			if err := tt.do(f); err != nil {
				t.Fatal(err)
			}
			c := f.Counters()
			if got := f.Seconds(f.Now()); !near(got, tt.seconds, tt.tolerance) {
				t.Errorf("took %v s, want %v s", got, tt.seconds)
			}
			if got := f.Seconds(c.Stall); got != tt.stall {
				t.Errorf("the application stood still for %v s, want %v s", got, tt.stall)
			}
			if got := f.Seconds(c.Masked); !near(got, tt.masked, 1e-4) {
				t.Errorf("interrupts were masked for %v s, want %v s", got, tt.masked)
			}
		})
	}
}

func TestMaxCornerAndLongest(t *testing.T) {
	p, _ := part.ByName("stm32f429zi")
	d, _ := part.DriverByName("mbed")
	f, err := New(Config{Part: p, Driver: d, Corner: Max, Code: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Erase(0x08110000, 65536+131072); err != nil {
		t.Fatal(err)
	}
	c := f.Counters()
	if f.Seconds(c.LongestStall) != 2 || f.Seconds(c.Stall) != 3.1 {
		t.Errorf("stall %v s, longest %v s; want 3.1 and 2", f.Seconds(c.Stall), f.Seconds(c.LongestStall))
	}
	if !near(f.Seconds(c.LongestMasked), 2, 1e-4) {
		t.Errorf("longest time with interrupts masked %v s, want 2", f.Seconds(c.LongestMasked))
	}
}

func TestWaitStates(t *testing.T) {
	p, _ := part.ByName("stm32f429zi")
	for _, tt := range []struct {
		hz   uint64
		mv   uint32
		want uint64
		err  string
	}{
		{180e6, 3300, 5, ""},
		{150e6, 3300, 4, ""},
		{150e6 + 1, 3300, 5, ""},
		{30e6, 2700, 0, ""},
		{180e6, 2500, 7, ""},
		{180e6, 2200, 8, ""},
		{168e6, 1900, 8, ""},
		{180e6 + 1, 1900, 0, "needs more than 8 wait states"},
		{16e6, 5000, 0, "no wait states known for 5000 mV"},
	} {
		got, err := p.States(tt.hz, tt.mv)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%d Hz, %d mV: error %v, want %q", tt.hz, tt.mv, err, tt.err)
			}
			continue
		}
		if err != nil || got != tt.want {
			t.Errorf("%d Hz, %d mV: %d wait states, %v; want %d", tt.hz, tt.mv, got, err, tt.want)
		}
	}
}

func TestWidthNeedsVoltage(t *testing.T) {
	p, _ := part.ByName("stm32f429zi")
	d, _ := part.DriverByName("word")
	_, err := New(Config{Part: p, Driver: d, Hz: 100e6, MV: 2400})
	if err == nil || !strings.Contains(err.Error(), "need 2700 mV") {
		t.Errorf("error %v, want one that names the voltage", err)
	}
}

// TestWordAccesses: the word driver makes byte and half-word accesses at unaligned ends only.
func TestWordAccesses(t *testing.T) {
	for _, tt := range []struct {
		addr  uint32
		n     int
		steps uint64
	}{{0, 4, 1}, {0, 16, 4}, {1, 3, 2}, {1, 7, 3}, {2, 2, 1}, {3, 10, 4}, {0, 1, 1}, {0, 7, 3}} {
		f := f429(t, "word", 0)
		if err := f.Program(0x08100000+tt.addr, make([]byte, tt.n)); err != nil {
			t.Fatal(err)
		}
		if f.Steps() != tt.steps {
			t.Errorf("%d bytes at +%d: %d accesses, want %d", tt.n, tt.addr, f.Steps(), tt.steps)
		}
		got := make([]byte, tt.n+2)
		f.Peek(0x08100000+tt.addr-min(tt.addr, 1), got[:1])
		f.Peek(0x08100000+tt.addr, got[:tt.n])
		if !bytes.Equal(got[:tt.n], make([]byte, tt.n)) {
			t.Errorf("%d bytes at +%d: cells hold %x", tt.n, tt.addr, got[:tt.n])
		}
	}
}

func TestRefused(t *testing.T) {
	p := part.Plain("test", 0x1000_0000, []uint32{1024, 1024, 4096}, cell.Reject)
	f, err := New(Config{Part: p, Unit: 8})
	if err != nil {
		t.Fatal(err)
	}
	a := p.Base
	if err := f.Program(a, []byte("12345678abcdefgh")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		do   func() error
		want error
	}{
		{"read past the end", func() error { return f.Read(a+6140, make([]byte, 5)) }, ErrRange},
		{"read before the start", func() error { return f.Read(a-1, make([]byte, 1)) }, ErrRange},
		{"program past the end", func() error { return f.Program(a+6136, make([]byte, 16)) }, ErrRange},
		{"program at no unit", func() error { return f.Program(a+4, make([]byte, 8)) }, ErrAlign},
		{"program half a unit", func() error { return f.Program(a+64, make([]byte, 4)) }, ErrAlign},
		{"program over other data", func() error { return f.Program(a+8, []byte("abcdefgX")) }, ErrProgram},
		{"erase half a sector", func() error { return f.Erase(a, 512) }, ErrAlign},
		{"erase from the middle", func() error { return f.Erase(a+512, 512) }, ErrAlign},
		{"erase past the end", func() error { return f.Erase(a+2048, 8192) }, ErrRange},
	} {
		before, steps := f.Hash(), f.Steps()
		if err := tt.do(); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if f.Hash() != before || f.Steps() != steps {
			t.Errorf("%s: changed cells or steps", tt.name)
		}
	}
	if err := f.Program(a+8, []byte("abcdefgh")); err != nil {
		t.Errorf("programming the same again: %v", err)
	}
	if c := f.Counters(); c.Refused != 7 || c.RefusedReads != 2 || c.NotErased != 1 {
		t.Errorf("%d programs and erases counted as refused, %d reads, %d for not being erased; want 7, 2, 1", c.Refused, c.RefusedReads, c.NotErased)
	}
}

// TestRefusedBeforeACut: a program that is refused in a unit before the one of the cut has done the units before it. The
// power stays, and the cut comes in its step.
func TestRefusedBeforeACut(t *testing.T) {
	f, err := New(Config{Part: part.Plain("test", 0, []uint32{1024}, cell.Reject), Unit: 8})
	if err != nil {
		t.Fatal(err)
	}
	f.Poke(8, make([]byte, 8))
	f.Arm(Cut{Step: 3, Mode: Before})
	for _, c := range []struct {
		addr  uint32
		want  error
		steps uint64
	}{{0, ErrProgram, 1}, {64, ErrPowerCut, 3}} {
		if err := f.Program(c.addr, bytes.Repeat([]byte{0xA5}, 40)); err != c.want || f.Steps() != c.steps || f.Off() != (err == ErrPowerCut) {
			t.Errorf("program at %d: %v, %d steps, off %v; want %v, %d", c.addr, err, f.Steps(), f.Off(), c.want, c.steps)
		}
	}
}

// TestSince: every counter is counted from before on.
func TestSince(t *testing.T) {
	fill := func(to any, from uint64) {
		v := reflect.ValueOf(to).Elem()
		for i := range v.NumField() {
			switch f := v.Field(i); f.Kind() {
			case reflect.Uint64:
				f.SetUint(from * uint64(i+1))
			case reflect.Slice:
				f.Set(reflect.ValueOf([]uint64{from * uint64(i+1), from * uint64(i+1)}))
			default:
				t.Fatalf("%v: no count", v.Type().Field(i))
			}
		}
	}
	check := func(got any) {
		v := reflect.ValueOf(got)
		for i := range v.NumField() {
			f, name := v.Field(i), v.Type().Field(i).Name
			want := 4 * uint64(i+1)
			if strings.HasPrefix(name, "Longest") {
				want = 10 * uint64(i+1) // of all that was
			}
			if f.Kind() == reflect.Slice && (f.Index(0).Uint() != want || f.Index(1).Uint() != want) || f.Kind() == reflect.Uint64 && f.Uint() != want {
				t.Errorf("%v.%s: %v, want %d", v.Type(), name, f, want)
			}
		}
	}
	var now, before Counters
	fill(&now, 10)
	fill(&before, 6)
	check(now.Since(before))
	var norNow, norBefore NORCounters
	fill(&norNow, 10)
	fill(&norBefore, 6)
	check(norNow.Since(norBefore))
	if c := now.Since(now); c.LongestStall != 0 || c.LongestMasked != 0 {
		t.Errorf("nothing was stalled or masked since, and the longest was %d and %d", c.LongestStall, c.LongestMasked)
	}
}

// TestCuts looks at what each mode leaves of a program and of an erase, and that nothing works
// until the next boot.
func TestCuts(t *testing.T) {
	p := part.Plain("test", 0, []uint32{1024, 1024}, cell.AND)
	for _, tt := range []struct {
		mode  Mode
		check func(old, want, got []byte) bool
		steps uint64
	}{
		{Before, func(old, _, got []byte) bool { return bytes.Equal(got, old) }, 2},
		{After, func(_, want, got []byte) bool { return bytes.Equal(got, want) }, 3},
		{Torn, func(old, want, got []byte) bool {
			for i := range got {
				if (got[i]^old[i])&^(old[i]^want[i]) != 0 {
					return false
				}
			}
			return !bytes.Equal(got, old) && !bytes.Equal(got, want)
		}, 2},
		{Prefix, func(old, want, got []byte) bool {
			for k := 0; k <= len(got); k++ {
				if bytes.Equal(got[:k], want[:k]) && bytes.Equal(got[k:], old[k:]) {
					return true
				}
			}
			return false
		}, 2},
	} {
		for _, erase := range []bool{false, true} {
			f, err := New(Config{Part: p, Unit: 32})
			if err != nil {
				t.Fatal(err)
			}
			old := bytes.Repeat([]byte{0xF0, 0x3C}, 512)
			f.Poke(0, old)
			data := bytes.Repeat([]byte{0xAA}, 96)
			want := bytes.Clone(old)
			f.Arm(Cut{Step: 2, Mode: tt.mode, Seed: 7})
			if erase {
				err = f.Erase(0, 1024)
				if err == nil {
					err = f.Erase(1024, 1024)
				}
				if err == nil {
					err = f.Erase(0, 1024)
				}
				for i := range want {
					old[i], want[i] = 0xFF, 0xFF
				}
			} else {
				err = f.Program(0, data)
				for i := range data {
					want[i] &= data[i]
				}
				copy(old, want[:64])
			}
			if !errors.Is(err, ErrPowerCut) || !f.Off() {
				t.Fatalf("%v: %v, want a power cut", tt.mode, err)
			}
			if f.Steps() != tt.steps {
				t.Errorf("%v: %d steps, want %d", tt.mode, f.Steps(), tt.steps)
			}
			got := make([]byte, 1024)
			f.Peek(0, got)
			if !erase && !tt.check(old[64:96], want[64:96], got[64:96]) {
				t.Errorf("%v: left % x of % x to % x", tt.mode, got[64:96], old[64:96], want[64:96])
			}
			if !erase && (!bytes.Equal(got[:64], want[:64]) || !bytes.Equal(got[96:], want[96:])) {
				t.Errorf("%v: changed cells outside the step", tt.mode)
			}
			for _, err := range []error{f.Read(0, got), f.Program(512, data), f.Erase(1024, 1024)} {
				if !errors.Is(err, ErrPowerCut) {
					t.Errorf("%v: without power: %v", tt.mode, err)
				}
			}
			f.Boot()
			if err := f.Read(0, got); err != nil || f.Steps() != 0 {
				t.Errorf("%v: after boot: %v, %d steps", tt.mode, err, f.Steps())
			}
		}
	}
}

func TestTornErase(t *testing.T) {
	f, err := New(Config{Part: part.Plain("test", 0, []uint32{1024}, cell.AND)})
	if err != nil {
		t.Fatal(err)
	}
	f.Poke(0, make([]byte, 1024))
	f.Arm(Cut{Mode: Torn, Seed: 3})
	if err := f.Erase(0, 1024); !errors.Is(err, ErrPowerCut) {
		t.Fatal(err)
	}
	got := make([]byte, 1024)
	f.Peek(0, got)
	ones := 0
	for _, b := range got {
		for ; b != 0; b &= b - 1 {
			ones++
		}
	}
	if ones < 8192/3 || ones > 8192*2/3 {
		t.Errorf("%d of 8192 bits have risen: not a fair random subset", ones)
	}
	if f.Wear()[0].Erases != 0 {
		t.Error("an erase that was torn counts as a whole one")
	}
}

func TestInjectedFailure(t *testing.T) {
	f := f429(t, "mbed", 0)
	f.Arm(Cut{Step: 3, Mode: Fail})
	if err := f.Program(0x08100000, []byte{1, 2, 3, 4, 5}); !errors.Is(err, ErrInjected) {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	f.Peek(0x08100000, got)
	if !bytes.Equal(got, []byte{1, 2, 3, 0xFF, 0xFF}) || f.Off() {
		t.Errorf("left % x, power off: %v", got, f.Off())
	}
	if err := f.Program(0x08100003, []byte{4}); err != nil {
		t.Errorf("the next operation: %v", err)
	}
}

func TestEvents(t *testing.T) {
	f := f429(t, "mbed", 0)
	var got []Event
	f.Observe(func(e *Event) { got = append(got, *e) })
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(f.Erase(0x0810C000, 16384+65536))
	check(f.Program(0x08100000, []byte{1, 2}))
	check(f.Read(0x08000000, make([]byte, 20)))
	if len(got) != 4 {
		t.Fatalf("%d events, want 4", len(got))
	}
	for i, want := range []Event{
		{Kind: Erase, Addr: 0x0810C000, Size: 16384, Steps: 1, Bank: 1, Masked: true, Busy: 45e6},
		{Kind: Erase, Addr: 0x08110000, Size: 65536, Steps: 1, Bank: 1, Masked: true, Busy: 99e6},
		{Kind: Program, Addr: 0x08100000, Size: 2, Steps: 2, Bank: 1, Busy: 2 * 2880},
		{Kind: Read, Addr: 0x08000000, Size: 20},
	} {
		e := got[i]
		if e.End-e.Start < want.Busy {
			t.Errorf("event %d lasts %d cycles, busy %d", i, e.End-e.Start, want.Busy)
		}
		e.Data, e.Start, e.End = nil, 0, 0
		if e.Kind != want.Kind || e.Addr != want.Addr || e.Size != want.Size || e.Steps != want.Steps ||
			e.Bank != want.Bank || e.Masked != want.Masked || e.Busy != want.Busy || e.Stalled {
			t.Errorf("event %d: %+v, want %+v", i, e, want)
		}
	}
}

// TestRegion: addresses count from the region's start and nothing outside can be reached.
func TestRegion(t *testing.T) {
	f := f429(t, "mbed", 0)
	for _, tt := range []struct{ addr, size uint32 }{{0x08100000, 0}, {0x08100400, 16384}, {0x08100000, 20000}, {0x081E0000, 0x40000}, {0x07FFC000, 0x8000}} {
		if _, err := f.Region(tt.addr, tt.size); err == nil {
			t.Errorf("region 0x%08X+0x%X was accepted", tt.addr, tt.size)
		}
	}
	r, err := f.Region(0x08100000, 128<<10)
	if err != nil {
		t.Fatal(err)
	}
	if r.Size() != 128<<10 || r.ProgramUnit() != 1 || r.EraseSize(0) != 16384 || r.EraseSize(65536) != 65536 {
		t.Errorf("size %d, unit %d, erase units %d and %d", r.Size(), r.ProgramUnit(), r.EraseSize(0), r.EraseSize(65536))
	}
	if err := r.Program(5, []byte{0x42}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1)
	if f.Peek(0x08100005, got); got[0] != 0x42 {
		t.Errorf("cell holds %02x", got[0])
	}
	for _, err := range []error{
		r.Program(128<<10, []byte{1}), r.Read(128<<10-1, make([]byte, 2)), r.Erase(65536, 131072), r.Read(0xFFFFFFFF, make([]byte, 2)),
	} {
		if !errors.Is(err, ErrRange) {
			t.Errorf("outside the region: %v", err)
		}
	}
}

// TestClockIsExact: two runs agree to the cycle, and ten years neither overflow nor drift.
func TestClockIsExact(t *testing.T) {
	run := func() uint64 {
		f := f429(t, "mbed", 0)
		r := random.New(1)
		for range 2000 {
			data := make([]byte, 1+r.Intn(100))
			r.Fill(data)
			if err := f.Program(0x08100000+uint32(r.Intn(60000)), data); err != nil {
				t.Fatal(err)
			}
		}
		return f.Now()
	}
	if a, b := run(), run(); a != b {
		t.Errorf("two equal runs took %d and %d cycles", a, b)
	}
	f := f429(t, "mbed", 0)
	year := f.Cycles(365 * 24 * time.Hour)
	for range 10 {
		f.Wait(year)
	}
	before := f.Now()
	if before != 10*365*24*3600*180_000_000 {
		t.Errorf("ten years are %d cycles", before)
	}
	if err := f.Erase(0x08100000, 16384); err != nil {
		t.Fatal(err)
	}
	g := f429(t, "mbed", 0)
	if err := g.Erase(0x08100000, 16384); err != nil {
		t.Fatal(err)
	}
	if f.Now()-before != g.Now() {
		t.Error("an erase lasts longer after ten years")
	}
}

func BenchmarkProgram64(b *testing.B) {
	f := f429(b, "mbed", 0)
	data := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Program(0x08100000, data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarkAndRollback(b *testing.B) {
	f := f429(b, "mbed", 0)
	data := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		f.Mark()
		if err := f.Program(0x08100000, data); err != nil {
			b.Fatal(err)
		}
		f.Hash()
		f.Rollback()
	}
}

// BenchmarkProgram64Erased programs cells that are erased, as a store does, sector by sector.
func BenchmarkProgram64Erased(b *testing.B) {
	f := f429(b, "mbed", 0)
	data := make([]byte, 64)
	at := uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		if at == 65536 {
			if err := f.Erase(0x08110000, 65536); err != nil {
				b.Fatal(err)
			}
			at = 0
		}
		if err := f.Program(0x08110000+at, data); err != nil {
			b.Fatal(err)
		}
		at += 64
	}
}

func BenchmarkRead64(b *testing.B) {
	f := f429(b, "mbed", 0)
	data := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Read(0x08100010, data); err != nil {
			b.Fatal(err)
		}
	}
}

// TestCycles: times become whole cycles, rounded up; a time below 0 is none.
func TestCycles(t *testing.T) {
	clock := timing{hz: 100_000_000}
	for d, want := range map[time.Duration]uint64{-1: 0, 0: 0, 1: 1, 10: 1, 11: 2, time.Second: 100_000_000} {
		if got := clock.cycles(part.Time(d)); got != want {
			t.Errorf("%v: %d cycles, want %d", d, got, want)
		}
	}
}

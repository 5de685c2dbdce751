package model

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dualbank/model/part"
)

// on makes the F429 with a driver and an application in bank 0.
func on(t testing.TB, driver string, app App) *Flash {
	t.Helper()
	p, err := part.ByName("stm32f429zi")
	if err != nil {
		t.Fatal(err)
	}
	d, err := part.DriverByName(driver)
	if err != nil {
		t.Fatal(err)
	}
	core, err := part.CoreByName("cortex-m4")
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(Config{Part: p, Driver: d, Core: core, App: app})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const kvBase = 0x0810_0000 // in bank 1

// TestInterrupts: what a tick of 1 kHz waits for during one erase of 16 KiB (250 ms), by driver and by
// where its handler is.
func TestInterrupts(t *testing.T) {
	const ms = 180_000
	for _, tt := range []struct {
		name    string
		driver  string
		handler Code
		addr    uint32
		delayed uint64
		worst   uint64 // but for the driver's work and the entry
	}{
		{"masked, handler in the other bank", "mbed", 0, kvBase, 250, 250 * ms},
		{"masked, handler in RAM", "mbed", CodeInRAM, kvBase, 250, 250 * ms},
		{"not masked, handler in the other bank", "word", 0, kvBase, 0, 0},
		{"not masked, handler in the busy bank", "word", 1, kvBase, 250, 250 * ms},
		{"not masked, store in the code's bank", "word", 0, 0x0800_8000, 250, 250 * ms},
		{"not masked, store in the code's bank, handler in RAM", "ram-code", 0, 0x0800_8000, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := on(t, tt.driver, App{Interrupts: []Interrupt{{Name: "tick", Period: time.Millisecond, Offset: 500 * time.Microsecond, Deadline: 10 * time.Millisecond, Handler: tt.handler}}})
			if err := f.Erase(tt.addr, 16384); err != nil {
				t.Fatal(err)
			}
			f.Wait(100 * ms)
			l := f.Latencies()[0]
			if l.Ticks != 350 || l.Delayed != tt.delayed || l.Lost != max(tt.delayed, 1)-1 {
				t.Errorf("%d ticks, %d delayed, %d lost", l.Ticks, l.Delayed, l.Lost)
			}
			// The first tick is half a period into the erase, the last one half a period before its end.
			if tt.delayed == 0 {
				if l.Worst != 12 || l.Sum != 350*12 || l.Late != 0 || l.Quantile(1) != 12 {
					t.Errorf("worst %d, sum %d, %d late", l.Worst, l.Sum, l.Late)
				}
				return
			}
			if l.Worst < tt.worst-ms/2 || l.Worst > tt.worst-ms/2+3000 {
				t.Errorf("worst %d cycles, want about %d", l.Worst, tt.worst-ms/2)
			}
			if l.Late != 240 {
				t.Errorf("%d late, want 240 of 250: all but the last ten", l.Late)
			}
			if q := float64(l.Quantile(0.99)) / ms; math.Abs(q-246) > 5 {
				t.Errorf("99 %% within %v ms, want 246", q)
			}
			if m := l.Mean() / ms; math.Abs(m-250*125/350.) > 0.5 {
				t.Errorf("mean %v ms, want %v", m, 250*125/350.)
			}
		})
	}
}

// TestProgramLatency: between the accesses of a program interrupts are served, with the handler in the
// busy bank too; a driver that masks a whole chunk lets them wait for all of it.
func TestProgramLatency(t *testing.T) {
	f := on(t, "mbed", App{Interrupts: []Interrupt{
		{Name: "fast", Period: 7 * time.Microsecond, Handler: 1},
		{Name: "slow", Period: 301 * time.Microsecond, Handler: 1},
		{Name: "away", Period: 301 * time.Microsecond, Handler: 0},
	}})
	if err := f.Program(kvBase, make([]byte, 4096)); err != nil {
		t.Fatal(err)
	}
	l := f.Latencies()
	const access = 16 * 180
	for i, worst := range []uint64{access, access, 0} {
		if l[i].Worst > worst+12 || l[i].Worst < worst*9/10 {
			t.Errorf("%s: worst %d cycles, want %d", l[i].Name, l[i].Worst, worst+12)
		}
	}
	if l[0].Lost == 0 || l[1].Lost != 0 || l[2].Delayed != 0 {
		t.Errorf("lost %d and %d, delayed %d", l[0].Lost, l[1].Lost, l[2].Delayed)
	}

	b, err := part.BoardByName("frdm-k64f")
	if err != nil {
		t.Fatal(err)
	}
	c, err := BoardConfig(b)
	if err != nil {
		t.Fatal(err)
	}
	c.App.Interrupts = []Interrupt{{Name: "tick", Period: time.Millisecond, Handler: CodeInRAM}}
	k, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Program(b.KVStore.Base+2048, make([]byte, 4096)); err != nil {
		t.Fatal(err)
	}
	const phrase = 8832 // 73.6 us at 120 MHz
	chunk := 256 * (phrase + k.timing.program.access)
	if w := k.Latencies()[0].Worst; w > chunk+12 || w < chunk*95/100 {
		t.Errorf("K64F: worst %d cycles, half a call of 4 KiB in each of two sectors takes %d", w, chunk)
	}
	if m := k.Counters().LongestMasked; m != chunk {
		t.Errorf("K64F: masked for %d cycles at a stretch, want %d", m, chunk)
	}
}

// TestDelays: the observer is told of the ticks that had to wait, and until when.
func TestDelays(t *testing.T) {
	f := on(t, "mbed", App{Interrupts: []Interrupt{{Name: "tick", Period: time.Millisecond, Offset: 100 * time.Microsecond}}})
	var got []Delay
	f.ObserveDelays(func(d *Delay) { got = append(got, *d) })
	if err := f.Program(kvBase, make([]byte, 2000)); err != nil {
		t.Fatal(err)
	}
	if err := f.Erase(kvBase, 32768); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 {
		t.Fatalf("%d delays, want one for each sector: %+v", len(got), got)
	}
	for _, d := range got {
		if d.Interrupt.Name != "tick" || d.Count < 249 || d.Count > 251 || d.Until-d.First < 249*180_000 || d.Until > f.Now() {
			t.Errorf("%+v", d)
		}
	}
	f.ObserveDelays(nil)
	if err := f.Erase(kvBase, 16384); err != nil || len(got) != 2 {
		t.Errorf("%d delays after the observer was taken away", len(got))
	}
}

// TestMaskedUnitByUnit: handed over unit by unit, a K64F's program masks interrupts for one phrase at a
// time.
func TestMaskedUnitByUnit(t *testing.T) {
	p, _ := part.ByName("mk64fn1m0")
	d, _ := part.DriverByName("mbed")
	f, err := New(Config{Part: p, Driver: d, Unaligned: true, App: App{Interrupts: []Interrupt{{Name: "tick", Period: 3 * time.Microsecond}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Program(0x80000, make([]byte, 256)); err != nil {
		t.Fatal(err)
	}
	each := uint64(8832) + f.timing.program.access + f.timing.program.chunk
	if c := f.Counters(); c.LongestMasked != each || c.Masked != 32*each {
		t.Errorf("masked for %d, %d at a stretch; want %d each", c.Masked, c.LongestMasked, each)
	}
	if w := f.Latencies()[0].Worst; w > each || w < 8832-360 {
		t.Errorf("worst latency %d cycles, want %d", w, each)
	}
}

// TestLatenciesAreExact compares with going through the ticks one by one.
func TestLatenciesAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := &running{start: rapid.Uint64Range(0, 1000).Draw(t, "start"), entry: rapid.Uint64Range(0, 20).Draw(t, "entry")}
		period := rapid.Uint64Range(a.entry+1, 3000).Draw(t, "period")
		q := irq{period: period, offset: rapid.Uint64Range(0, 2000).Draw(t, "offset"), deadline: rapid.Uint64Range(0, 3000).Draw(t, "deadline"), stalls: []bool{false, true}}
		a.irqs = []irq{q}
		now := a.start
		var blocked []lines64
		for range rapid.IntRange(1, 12).Draw(t, "operations") {
			now += rapid.Uint64Range(1, 3000).Draw(t, "idle")
			o := operation{
				bank: rapid.IntRange(0, 1).Draw(t, "bank"), start: now, count: rapid.Uint64Range(1, 30).Draw(t, "accesses"),
				gap: rapid.Uint64Range(1, 100).Draw(t, "gap"), masked: rapid.Bool().Draw(t, "masked"), apart: rapid.Bool().Draw(t, "apart"),
			}
			o.busy = o.count * rapid.Uint64Range(1, 3000).Draw(t, "busy")
			a.feel(&o)
			each := o.gap + o.busy/o.count
			switch {
			case o.masked && !o.apart:
				blocked = append(blocked, lines64{o.start, o.end()})
			case o.masked:
				for k := range o.count {
					blocked = append(blocked, lines64{o.start + k*each, o.start + (k+1)*each})
				}
			case o.bank == 1:
				for k := range o.count {
					blocked = append(blocked, lines64{o.start + k*each + o.gap, o.start + (k+1)*each})
				}
			}
			now = o.end()
		}
		f := &Flash{application: application{app: a}, now: now}
		got := f.Latencies()[0]
		want := Latency{}
		w, lastServed := 0, uint64(0)
		for tick := a.start + q.offset; tick < now; tick += period {
			for w < len(blocked) && blocked[w].to <= tick {
				w++
			}
			v := a.entry
			if w < len(blocked) && tick >= blocked[w].from {
				v += blocked[w].to - tick
				want.Delayed++
				if lastServed == blocked[w].to {
					want.Lost++
				}
				lastServed = blocked[w].to
				if q.deadline > 0 && v > q.deadline {
					want.Late++
				}
			}
			want.add(v, 0, 1)
		}
		if got.Ticks != want.Ticks || got.Delayed != want.Delayed || got.Lost != want.Lost || got.Late != want.Late || got.Worst != want.Worst || got.Sum != want.Sum {
			t.Fatalf("%+v, want %+v", got, want)
		}
		for i, n := range want.counts {
			if got.counts[i] != n {
				t.Fatalf("bucket %d: %d, want %d", i, got.counts[i], n)
			}
		}
	})
}

type lines64 struct{ from, to uint64 }

func TestBuckets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Uint64Range(0, 1<<62).Draw(t, "v") >> rapid.IntRange(0, 62).Draw(t, "shift")
		b := bucketOf(v)
		low, high := bucketLow(b), bucketLow(b+1)
		if v < low || v >= high || bucketOf(low) != b || bucketOf(high-1) != b {
			t.Fatalf("%d is in bucket %d, from %d to %d", v, b, low, high)
		}
		if v >= 64 && float64(high-low) > float64(low)/63 {
			t.Fatalf("bucket %d is too wide: %d to %d", b, low, high)
		}
	})
	l := Latency{}
	l.add(100, 50, 5) // 100 to 300
	points := l.CDF()
	if len(points) != 5 || points[4] != (LatencyPoint{300, 1}) || l.Quantile(0.5) < 200 || l.Quantile(0.5) > 204 || l.Quantile(0) > 101 {
		t.Errorf("%+v, median %d", points, l.Quantile(0.5))
	}
	if (&Latency{}).Quantile(0.5) != 0 || (&Latency{}).Mean() != 0 {
		t.Error("a latency of nothing")
	}
}

// TestWatchdog: an erase that outlasts the watchdog resets the device in its middle, at every attempt.
// TestWatchdogAfterReset: a reset stops an STM32's watchdog, unless an option byte starts it.
func TestWatchdogAfterReset(t *testing.T) {
	for _, byOption := range []bool{false, true} {
		f := on(t, "word", App{Watchdog: &Watchdog{Period: 200 * time.Millisecond, By: FedByNobody, ByOption: byOption}})
		f.Poke(kvBase, make([]byte, 16384))
		if err := f.Erase(kvBase, 16384); !errors.Is(err, ErrReset) {
			t.Fatalf("by option %v: %v", byOption, err)
		}
		f.Boot()
		if err := f.Erase(kvBase, 16384); errors.Is(err, ErrReset) != byOption {
			t.Errorf("by option %v, after the reset: %v", byOption, err)
		}
	}
}

func TestWatchdog(t *testing.T) {
	for _, tt := range []struct {
		name   string
		driver string
		dog    Watchdog
		resets bool
	}{
		{"masked for longer", "mbed", Watchdog{Period: 200 * time.Millisecond, Feed: 10 * time.Millisecond, By: FedByApplication}, true},
		{"masked for shorter", "mbed", Watchdog{Period: 300 * time.Millisecond, Feed: 10 * time.Millisecond, By: FedByApplication}, false},
		{"fed from the other bank", "word", Watchdog{Period: 100 * time.Millisecond, Feed: 10 * time.Millisecond, By: FedByApplication}, false},
		{"fed by the caller", "word", Watchdog{Period: 200 * time.Millisecond, By: FedByCaller}, true},
		{"fed by nobody", "word", Watchdog{Period: 200 * time.Millisecond, By: FedByNobody, ByOption: true}, true},
		{"fed by an interrupt in the other bank", "word", Watchdog{Period: 100 * time.Millisecond, By: "away"}, false},
		{"fed by an interrupt in the busy bank", "word", Watchdog{Period: 100 * time.Millisecond, By: "here"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := on(t, tt.driver, App{
				Interrupts: []Interrupt{{Name: "away", Period: time.Millisecond}, {Name: "here", Period: time.Millisecond, Handler: 1}},
				Watchdog:   &tt.dog,
			})
			f.Poke(kvBase, make([]byte, 16384))
			for try := range 3 {
				f.Wait(f.Cycles(50 * time.Millisecond))
				start := f.Now()
				if tt.dog.By == FedByNobody {
					start -= f.Cycles(50 * time.Millisecond) // since the boot
				}
				err := f.Erase(kvBase, 16384)
				if !tt.resets {
					if err != nil {
						t.Fatal(err)
					}
					continue
				}
				if !errors.Is(err, ErrReset) || !errors.Is(err, ErrPowerCut) || !f.Off() {
					t.Fatalf("try %d: %v", try, err)
				}
				took := f.Now() - start
				if most := f.Cycles(tt.dog.Period); took > most || took < most-f.Cycles(11*time.Millisecond) {
					t.Errorf("try %d: reset after %d cycles, want about %d", try, took, most)
				}
				if err := f.Read(kvBase, make([]byte, 1)); !errors.Is(err, ErrReset) {
					t.Errorf("before the boot: %v", err)
				}
				cells := make([]byte, 16384)
				f.Peek(kvBase, cells)
				if n := blank(cells); n == 16384 {
					t.Error("the erase is complete")
				}
				f.Boot()
			}
			if n := f.Counters().Resets; (n == 3) != tt.resets {
				t.Errorf("%d resets", n)
			}
			if tt.resets && f.Wear()[12].Erases != 0 {
				t.Error("an erase in whose middle the reset came counts as one")
			}
		})
	}
}

// TestWatchdogInProgram: a program by a caller who does not feed ends at the access that is under way,
// the ones before it done.
func TestWatchdogInProgram(t *testing.T) {
	f := on(t, "mbed", App{Watchdog: &Watchdog{Period: 10 * time.Millisecond, By: FedByCaller, Mode: Before}})
	data := make([]byte, 1000)
	err := f.Program(kvBase+16384-100, data)
	if !errors.Is(err, ErrReset) {
		t.Fatal(err)
	}
	t0 := &f.timing
	each := t0.program.each + t0.program.access
	steps := (f.Cycles(10*time.Millisecond) - t0.program.call - 2*t0.program.chunk) / each
	if f.Steps() != steps || f.Counters().Programs != steps || f.Now() != f.Cycles(10*time.Millisecond) {
		t.Errorf("%d steps, %d counted, at cycle %d; want %d", f.Steps(), f.Counters().Programs, f.Now(), steps)
	}
	got := make([]byte, 1000)
	f.Peek(kvBase+16384-100, got)
	for i, b := range got {
		if (b == 0) != (i < int(steps)) {
			t.Fatalf("byte %d of %d is %02x", i, steps, b)
		}
	}
	f.Boot()
	if err := f.Program(kvBase, data[:500]); err != nil {
		t.Errorf("8 ms of work: %v", err)
	}
	// A power cut that comes first is a power cut.
	f.Arm(Cut{Step: 3, Mode: Before})
	if err := f.Program(kvBase, data); !errors.Is(err, ErrPowerCut) || errors.Is(err, ErrReset) {
		t.Errorf("a power cut before the reset: %v", err)
	}
}

// TestRun: a second application starts anew; what cannot be is refused.
func TestRun(t *testing.T) {
	f := on(t, "mbed", App{Interrupts: []Interrupt{{Name: "tick", Period: time.Millisecond}}})
	f.Wait(f.Cycles(time.Second))
	if n := f.Latencies()[0].Ticks; n != 1000 {
		t.Errorf("%d ticks in a second", n)
	}
	if err := f.Run(App{Interrupts: []Interrupt{{Name: "slow", Period: time.Second}}}); err != nil {
		t.Fatal(err)
	}
	f.Wait(f.Cycles(3 * time.Second))
	if l := f.Latencies(); len(l) != 1 || l[0].Name != "slow" || l[0].Ticks != 3 {
		t.Errorf("%+v", l)
	}
	if err := f.Run(App{}); err != nil || f.Latencies() != nil {
		t.Errorf("no application: %v", err)
	}
	for _, tt := range []struct {
		app  App
		want string
	}{
		{App{Interrupts: []Interrupt{{Name: "a", Period: 10 * time.Nanosecond}}}, "interrupt a: a period of 10ns is 2 cycles"},
		{App{Interrupts: []Interrupt{{Period: time.Second}}}, "a name of its own"},
		{App{Interrupts: []Interrupt{{Name: "a", Period: time.Second}, {Name: "a", Period: time.Second}}}, "a name of its own"},
		{App{Interrupts: []Interrupt{{Name: "a", Period: time.Second, Handler: 2}}}, "no bank 2"},
		{App{Watchdog: &Watchdog{Period: time.Second, Feed: time.Second, By: FedByApplication}}, "longer"},
		{App{Watchdog: &Watchdog{Period: time.Second, By: FedByApplication}}, "longer"},
		{App{Watchdog: &Watchdog{Period: time.Second, By: "somebody"}}, `there is no interrupt "somebody"`},
	} {
		if err := f.Run(tt.app); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.app, err, tt.want)
		}
	}
}

// TestTenYearsOfInterrupts: what nothing meets is not gone through tick by tick.
func TestTenYearsOfInterrupts(t *testing.T) {
	f := on(t, "mbed", App{Interrupts: []Interrupt{{Name: "motor", Period: 50 * time.Microsecond}, {Name: "tick", Period: time.Millisecond}}})
	hour := f.Cycles(time.Hour)
	for range 10 * 365 * 24 {
		f.Wait(hour)
	}
	if err := f.Erase(kvBase, 16384); err != nil {
		t.Fatal(err)
	}
	l := f.Latencies()
	if want := uint64(10 * 365 * 24 * 3600 * 20000); l[0].Ticks < want || l[0].Ticks > want+5001 || l[0].Delayed > 5001 || l[0].Delayed < 5000 {
		t.Errorf("%d ticks, %d delayed", l[0].Ticks, l[0].Delayed)
	}
}

package bench

import (
	"math"
	"testing"

	"dualbank/internal/long"
	"dualbank/model"
	"dualbank/results"
)

// steady is a life without chance: keys of one size, set in turn, one a second.
type steady struct {
	keys int
	size uint32
	law  string // of wear; "": none
}

// wholeLife is what a life came to.
type wholeLife struct {
	d      *Device
	sets   uint64
	hours  float64 // of virtual time
	early  float64 // hours as told after the first rounds of the store's areas
	record []results.SectorWear
}

// closed is the life in sets by arithmetic, until every sector of the F429's store has been erased n
// times. A garbage collection leaves one record for each key behind the master record of the other area;
// sets then fill the area, and erase each of its sectors once on the way. So the sets between two
// collections are the records that fit an area less the keys, and a sector is erased at every second one.
func (s steady) closed(n uint64) uint64 {
	const (
		area   = 64 << 10
		header = 24
		first  = 72 + header + len("TDBS") + 8 // reserved data, master record
	)
	record := header + len("key0000") + int(s.size)
	return 2 * n * uint64((area-first)/record-s.keys)
}

// live wears the store until one of its sectors has been erased n times.
func (s steady) live(tb testing.TB, n uint32) *wholeLife {
	tb.Helper()
	scenario := Guide()
	scenario.Board.Wear = s.law
	d, err := scenario.Device("mbed", model.Typ)
	if err != nil {
		tb.Fatal(err)
	}
	f, w := d.Flash, Uniform(s.keys, s.size, 1)
	if err := NewLoad(w, 1).Provision(d.Store); err != nil {
		tb.Fatal(err)
	}
	value := make([]byte, s.size)
	second := f.Hz()
	life := newLifeRecorder(d)
	run := &wholeLife{d: d}
	start := f.Now()
	due := start
	collections := d.Store.Collections()
	for worst := uint32(0); worst < n; {
		if due += second; due > f.Now() {
			f.Wait(due - f.Now())
		}
		value[0], value[1], value[2], value[3] = byte(run.sets), byte(run.sets>>8), byte(run.sets>>16), byte(run.sets>>24)
		if err := d.Store.Set(w.Keys[run.sets%uint64(s.keys)].Name, value, 0); err != nil {
			tb.Fatalf("set %d: %v", run.sets, err)
		}
		run.sets++
		if d.Store.Collections() == collections {
			continue
		}
		collections = d.Store.Collections()
		if len(life.marks) < 40 {
			life.collected()
		}
		for _, e := range life.erases() {
			worst = max(worst, e)
		}
		if len(life.marks) == 40 && run.early == 0 {
			l := life.life(f.Now() - start)
			run.early, _ = l.Hours(f.Hz())
		}
	}
	run.hours = f.Seconds(f.Now()-start) / 3600
	run.record = d.WearRecord()
	return run
}

// check compares a life of n erases with the closed formula.
func (s steady) check(tb testing.TB, run *wholeLife, n uint32) {
	tb.Helper()
	off := func(got, want float64) bool { return math.Abs(got/want-1) > 0.01 }
	sets := s.closed(uint64(n))
	if off(float64(run.sets), float64(sets)) {
		tb.Errorf("%d sets until a sector has been erased %d times, by arithmetic %d", run.sets, n, sets)
	}
	if hours := float64(sets) / 3600; off(run.hours, hours) {
		tb.Errorf("that takes %v h, by arithmetic %v", run.hours, hours)
	}
	// The figure of a report stands for the rating.
	rated := run.d.Flash.Part().Endurance.Erases
	if hours := float64(s.closed(uint64(rated))) / 3600; off(run.early, hours) {
		tb.Errorf("after the first collections a life of %v h is foretold, by arithmetic %v", run.early, hours)
	}
	if err := results.Check(&results.Report{Wear: run.record}); err != nil {
		tb.Error(err)
	}
	store := 0
	for _, r := range run.record {
		want := uint32(0)
		if r.Region == "KVStore" {
			want = n
			store++
		}
		if r.Erases != want && (want == 0 || off(float64(r.Erases), float64(want))) {
			tb.Errorf("sector at 0x%08X, %s: %d erases, by arithmetic %d", r.Addr, r.Region, r.Erases, want)
		}
	}
	if store != 5 {
		tb.Errorf("%d sectors of the store in the wear picture", store)
	}
}

// A small part of a life agrees with the closed formula; BenchmarkWholeLife does the whole.
func TestLifeAgreesWithArithmetic(t *testing.T) {
	s := steady{keys: 24, size: 500}
	const erases = 110
	s.check(t, s.live(t, erases), erases)
}

// With a law of wear that lets erase times grow, the same life has the same erases, which take longer.
func TestLifeWithWear(t *testing.T) {
	long.Test(t)
	const erases = 150
	plain := steady{keys: 24, size: 500}
	grown := plain
	grown.law = "ti-f28075"
	a, b := plain.live(t, erases), grown.live(t, erases)
	if a.sets != b.sets {
		t.Errorf("%d sets, %d with wear", a.sets, b.sets)
	}
	// The law's line goes from 1 at 25 erases to 4/3 at 1000: 1.04 at 150, and half of that on the mean.
	x, y := float64(a.d.Flash.Counters().Busy[1]), float64(b.d.Flash.Counters().Busy[1])
	if y <= x || y > 1.03*x {
		t.Errorf("busy for %v cycles, %v with wear", x, y)
	}
}

// Ten years on the clock neither overflow nor drift: each set begins in the cycle in which it is due.
func TestTenYears(t *testing.T) {
	d := guideDevice(t, "mbed", model.Typ)
	f, w := d.Flash, Uniform(16, 200, 1)
	if err := NewLoad(w, 1).Provision(d.Store); err != nil {
		t.Fatal(err)
	}
	if err := f.Run(d.app); err != nil {
		t.Fatal(err)
	}
	const sets, hour = 3653 * 4, 3600 // every six hours
	interval := 6 * hour * f.Hz()
	start, worked := f.Now(), uint64(0)
	for n := range uint64(sets) {
		due := start + n*interval
		f.Wait(due - f.Now())
		if err := d.Store.Set(w.Keys[n%16].Name, make([]byte, 200), 0); err != nil {
			t.Fatal(err)
		}
		worked += f.Now() - due
	}
	last := start + (sets-1)*interval
	f.Wait(last + interval - f.Now())
	if years := f.Seconds(f.Now()-start) / (365.25 * 24 * hour); years < 10 || years > 10.01 {
		t.Errorf("%v years", years)
	}
	if busy := f.Seconds(worked) / sets; busy < 1e-3 || busy > 20e-3 {
		t.Errorf("a set of 200 bytes takes %v s", busy)
	}
	if l, want := f.Latencies()[0], uint64(sets*6*hour*10_000); l.Ticks != want {
		t.Errorf("%d activations of a 10 kHz interrupt in ten years, want %d", l.Ticks, want)
	}
}

// BenchmarkWholeLife wears the F429's store out: a set a second until a sector has been erased as often
// as it is rated for.
func BenchmarkWholeLife(b *testing.B) {
	s := steady{keys: 32, size: 32}
	b.Run("part=stm32f429zi/driver=mbed/layout=guide/size=32/keys=32", func(b *testing.B) {
		var run *wholeLife
		for b.Loop() {
			rated := guideDevice(b, "mbed", model.Typ).Flash.Part().Endurance.Erases
			run = s.live(b, rated)
			s.check(b, run, rated)
		}
		b.ReportMetric(float64(run.sets)*float64(b.N)/b.Elapsed().Seconds(), "sets/s")
		worst := uint32(0)
		for _, r := range run.record {
			worst = max(worst, r.Erases)
		}
		Report(b, []results.Metric{
			Exact("years", years(run.hours), "higher"),
			Less("worst-sector-erases", float64(worst)),
			Exact("sets", float64(run.sets), "higher"),
		})
	})
}

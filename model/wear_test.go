package model

import (
	"errors"
	"maps"
	"math"
	"slices"
	"testing"

	"dualbank/model/cell"
	"dualbank/model/part"
	"dualbank/model/random"
)

// worn makes a small part with ten rated erases and a law of wear.
func worn(t testing.TB, rule cell.Rule, ecc uint32, law string, seed uint64) *Flash {
	t.Helper()
	l, err := part.WearLawByName(law)
	if err != nil {
		t.Fatal(err)
	}
	p := part.Plain("test", 0, []uint32{1024, 1024, 1024, 1024}, rule)
	p.Endurance.Erases = 10
	p.ECC.Bytes = ecc
	f, err := New(Config{Part: p, Wear: l, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestFailingSector: a sector past its life keeps stuck bits, the same at every erase and more with
// age; one before it does not.
func TestFailingSector(t *testing.T) {
	f := worn(t, cell.AND, 0, "flat", 1)
	got := make([]byte, 1024)
	life := f.Wear()[1].Life
	if life < 5 || life > 100 {
		t.Fatalf("a life of %d erases, rated 10", life)
	}
	var last []int
	for n := uint32(1); n <= life+5; n++ {
		if err := f.Erase(1024, 1024); err != nil {
			t.Fatal(err)
		}
		if err := f.Read(1024, got); err != nil {
			t.Fatal(err)
		}
		var stuck []int
		for i, b := range got {
			for bit := range 8 {
				if b>>bit&1 == 0 {
					stuck = append(stuck, i*8+bit)
				}
			}
		}
		if (len(stuck) > 0) != (n > life) {
			t.Fatalf("%d bits stuck after %d erases of %d", len(stuck), n, life)
		}
		for _, b := range last {
			if !slices.Contains(stuck, b) {
				t.Fatalf("bit %d was stuck and is not after erase %d", b, n)
			}
		}
		last = stuck
	}
	if len(last) < 2 {
		t.Errorf("%d bits stuck at the end", len(last))
	}
	if err := f.Erase(0, 1024); err != nil {
		t.Fatal(err)
	}
	if err := f.Read(0, got); err != nil || blank(got) != 1024 {
		t.Errorf("the sector beside it: %v", err)
	}
	if a, b := worn(t, cell.AND, 0, "flat", 1).Wear(), worn(t, cell.AND, 0, "flat", 2).Wear(); a[1].Life != life || a[0].Life == a[1].Life && a[1].Life == a[2].Life || slices.Equal(a, b) {
		t.Errorf("lives %v, with another seed %v", a, b)
	}
}

// TestFailingSectorWithECC: one stuck bit in a unit is corrected, but the unit does not take a program.
func TestFailingSectorWithECC(t *testing.T) {
	f := worn(t, cell.RejectNonblank, 8, "flat", 1)
	life := f.Wear()[0].Life
	for range life + 1 {
		if err := f.Erase(0, 1024); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]byte, 1024)
	if err := f.Read(0, got); err != nil || blank(got) != 1024 || f.Counters().Corrected != 1 {
		t.Errorf("%v, %d bytes read as erased, %d units corrected", err, blank(got), f.Counters().Corrected)
	}
	refused := 0
	for a := uint32(0); a < 1024; a += 8 {
		if err := f.Program(a, []byte("12345678")); errors.Is(err, ErrProgram) {
			refused++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if refused != 1 {
		t.Errorf("%d units refused to be programmed, want the one with the stuck bit", refused)
	}
}

// TestVerifiedErase: a driver that reads back tries again as often as it does, and then tells.
func TestVerifiedErase(t *testing.T) {
	b, _ := part.BoardByName("frdm-k64f")
	c, err := BoardConfig(b)
	if err != nil {
		t.Fatal(err)
	}
	c.Part.Endurance.Erases = 1
	if c.Wear, err = part.WearLawByName("flat"); err != nil {
		t.Fatal(err)
	}
	f, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	life := f.Wear()[0].Life
	for range life {
		if err := f.Erase(0, 4096); err != nil {
			t.Fatal(err)
		}
	}
	steps := f.Steps()
	if err := f.Erase(0, 4096); !errors.Is(err, ErrVerify) || f.Steps()-steps != 16 || f.Wear()[0].Erases != life+16 {
		t.Errorf("%v after %d tries, %d erases", err, f.Steps()-steps, f.Wear()[0].Erases)
	}
	// A bank likewise.
	g := f429(t, "word", 0)
	g.law, g.timing.erase.verified = f.law, true
	g.sectors[len(g.sectors)-1].life = 2
	for erases, want := range []error{nil, nil, ErrVerify, ErrVerify} {
		if err := g.EraseBank(1); err != want {
			t.Errorf("erase %d of a bank whose last sector lives for two: %v, want %v", erases+1, err, want)
		}
	}
	// And a program that does not read back as asked for.
	at := f.Part().Base + 8192
	f.Poke(at, []byte{0x0F})
	if err := f.Program(at, make([]byte, 8)); !errors.Is(err, ErrVerify) {
		t.Errorf("programming a phrase a second time: %v", err)
	}
}

// TestGrowth: an erase takes longer with age, between the points of the curve evenly, and never longer
// than the part's maximum.
func TestGrowth(t *testing.T) {
	law, err := part.WearLawByName("ti-f28075")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		erases uint32
		want   float64
	}{{0, 1}, {25, 1}, {1000, 1.3333}, {1500, 1.5}, {2000, 1.6667}, {11000, 2.6667}, {20000, 3.6667}, {4_000_000, 3.6667}} {
		if got := float64(law.Factor(tt.erases)) / 1024; math.Abs(got-tt.want) > 0.002 {
			t.Errorf("factor %v after %d erases, want %v", got, tt.erases, tt.want)
		}
	}
	p, _ := part.ByName("stm32f429zi")
	d, _ := part.DriverByName("word")
	times := map[uint32]float64{}
	f, err := New(Config{Part: p, Driver: d, Wear: law})
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint32(6001) {
		start := f.Counters().Busy[1]
		if err := f.Erase(kvBase, 16384); err != nil {
			t.Fatal(err)
		}
		times[n] = f.Seconds(f.Counters().Busy[1] - start)
	}
	for n, want := range map[uint32]float64{0: 0.25, 1000: 0.25 * 1.3333, 2000: 0.25 * 1.6667, 6000: 0.5} {
		if math.Abs(times[n]-want) > 0.0005 {
			t.Errorf("erase %d takes %v s, want %v", n, times[n], want)
		}
	}
}

// TestLives: the draws have the median that the law says, and the spread of its shape.
func TestLives(t *testing.T) {
	law, err := part.WearLawByName("flat")
	if err != nil {
		t.Fatal(err)
	}
	r := random.New(7)
	var lives []uint32
	for range 20001 {
		lives = append(lives, law.Draw(10_000, r))
	}
	slices.Sort(lives)
	for q, want := range map[float64]float64{0.5: 30000, 0.01: 30000 * math.Pow(-math.Log(0.99)/math.Ln2, 0.25), 0.9: 30000 * math.Pow(-math.Log(0.1)/math.Ln2, 0.25)} {
		if got := float64(lives[int(q*20000)]); math.Abs(got/want-1) > 0.03 {
			t.Errorf("%v of the lives are below %v, want %v", q, got, want)
		}
	}
}

// TestSampled: draws lie around typ while a sector is new, reach max only at the end of its rated life, and
// depend on the seed alone.
func TestSampled(t *testing.T) {
	p, _ := part.ByName("stm32f429zi")
	d, _ := part.DriverByName("word")
	run := func(seed uint64, age uint32) (below, above int, times []float64) {
		f, err := New(Config{Part: p, Driver: d, Corner: Sampled, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		for range 400 {
			f.sectors[f.sectorAt(kvBase)].erases = age
			busy := f.Counters().Busy[1]
			if err := f.Erase(kvBase, 16384); err != nil {
				t.Fatal(err)
			}
			took := f.Seconds(f.Counters().Busy[1] - busy)
			times = append(times, took)
			if took < 0.25 {
				below++
			} else {
				above++
			}
		}
		return below, above, times
	}
	last := 0.0
	for _, tt := range []struct {
		age  uint32
		most float64
	}{{0, 0.311}, {2000, 0.311}, {5000, 0.375}, {10_000, 0.5}, {20_000, 0.5}} {
		below, above, times := run(1, tt.age)
		low, high := slices.Min(times), slices.Max(times)
		if below < 160 || above < 160 || low < 0.189 || low > 0.195 || high > tt.most || high < tt.most-0.01 {
			t.Errorf("after %d erases: %d below typ, %d above, from %v s to %v s, want up to %v s", tt.age, below, above, low, high, tt.most)
		}
		if high < last {
			t.Errorf("the longest erase gets shorter with age: %v s after %v s", high, last)
		}
		last = high
	}
	_, _, times := run(1, 0)
	if _, _, again := run(1, 0); !slices.Equal(times, again) {
		t.Error("the same seed gives other times")
	}
	if _, _, other := run(2, 0); slices.Equal(times, other) {
		t.Error("another seed gives the same times")
	}
	for age, mean := range map[uint32]float64{0: 16, 10_000: (14.3+16)/4 + (16+100)/4.} {
		f, err := New(Config{Part: p, Driver: d, Corner: Sampled})
		if err != nil {
			t.Fatal(err)
		}
		f.sectors[f.sectorAt(kvBase)].erases = age
		if err := f.Program(kvBase, make([]byte, 16384)); err != nil {
			t.Fatal(err)
		}
		if s, want := f.Seconds(f.Counters().Busy[1]), 4096*mean*1e-6; math.Abs(s/want-1) > 0.05 {
			t.Errorf("after %d erases programming takes %v s, want about %v", age, s, want)
		}
	}
}

// TestDrawReachesItsEnds: a time that is drawn may be each of those between its ends, and no other one.
func TestDrawReachesItsEnds(t *testing.T) {
	for _, c := range []struct {
		s    span
		age  uint64
		want []uint64
	}{
		{span{5, 6, 7}, fullAge, []uint64{5, 6, 7}},
		{span{5, 6, 7}, 0, []uint64{5, 6, 7}}, // as far above typ as below
		{span{6, 6, 10}, 0, []uint64{6}},
		{span{6, 6, 10}, fullAge / 2, []uint64{6, 7, 8}},
		{span{6, 6, 10}, fullAge, []uint64{6, 7, 8, 9, 10}},
		{span{8, 8, 8}, fullAge, []uint64{8}},
	} {
		r := random.New(1)
		seen := map[uint64]bool{}
		for range 200 {
			seen[c.s.draw(c.age, r)] = true
		}
		if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, c.want) {
			t.Errorf("%v at age %d: %d, want %d", c.s, c.age, got, c.want)
		}
	}
}

// TestOlderIsSlower: with every law, typical, maximum and sampled times never fall with the number of erases.
func TestOlderIsSlower(t *testing.T) {
	for law, name := range map[string]string{"stm32u5": "stm32u575zi", "mspm0l1117": "mspm0l1117", "cc13x2": "cc1312r7", "ti-f28075": "stm32f429zi"} {
		l, err := part.WearLawByName(law)
		if err != nil {
			t.Fatal(err)
		}
		p, err := part.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		d, err := part.DriverByName("word")
		if err != nil {
			t.Fatal(err)
		}
		for _, corner := range []Corner{Typ, Max, Sampled} {
			f, err := New(Config{Part: p, Driver: d, Wear: l, Corner: corner})
			if err != nil {
				t.Fatal(err)
			}
			last := uint64(0)
			for age := uint32(0); age <= 120_000; age += 500 {
				f.sectors[0].erases = age
				most := uint64(0)
				for range 60 {
					f.rand = *random.New(1)
					most = max(most, f.eraseCycles(0))
				}
				if most < last {
					t.Fatalf("%s on %s, %v: an erase takes %d cycles after %d erases, and took %d before", law, name, corner, most, age, last)
				}
				last = most
			}
		}
	}
	l, _ := part.WearLawByName("stm32u5")
	p, _ := part.ByName("stm32u575zi")
	d, _ := part.DriverByName("word")
	for corner, want := range map[Corner]float64{Typ: 1.7e-3, Max: 3.4e-3} {
		f, err := New(Config{Part: p, Driver: d, Wear: l, Corner: corner})
		if err != nil {
			t.Fatal(err)
		}
		f.sectors[0].erases = 100_000
		if got := f.Seconds(f.eraseCycles(0)); math.Abs(got/want-1) > 0.002 {
			t.Errorf("%v: a page that had 100,000 erases takes %v s, want %v", corner, got, want)
		}
	}
}

// TestFavour: the area that an application erases most has the higher rating of the part, and lives in proportion.
func TestFavour(t *testing.T) {
	l, _ := part.WearLawByName("flat")
	p, _ := part.ByName("stm32u575zi")
	f, err := New(Config{Part: p, Wear: l, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	before := f.Wear()
	f.Favour(0x0810_0000, 512<<10) // too large for the area
	if f.Wear()[128] != before[128] {
		t.Error("an area that is too large has another rating")
	}
	f.Favour(0x0810_0000, 64<<10)
	for i, w := range f.Wear() {
		rated, life := uint32(10_000), before[i].Life
		if i >= 128 && i < 136 {
			rated, life = 100_000, 10*life
		}
		if w.Rated != rated || w.Life != life {
			t.Errorf("sector %d: rated %d, life %d; want %d, %d", i, w.Rated, w.Life, rated, life)
		}
	}
}

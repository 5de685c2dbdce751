package model

import (
	"errors"
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

// TestSampled: draws lie between min and max, half of them below typ, and depend on the seed alone.
func TestSampled(t *testing.T) {
	p, _ := part.ByName("stm32f429zi")
	p.Erase[2].Min.Time = 180e6
	d, _ := part.DriverByName("word")
	run := func(seed uint64) (below, above int, times []uint64) {
		f, err := New(Config{Part: p, Driver: d, Corner: Sampled, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		for range 400 {
			busy := f.Counters().Busy[1]
			if err := f.Erase(kvBase, 16384); err != nil {
				t.Fatal(err)
			}
			took := f.Counters().Busy[1] - busy
			times = append(times, took)
			switch s := f.Seconds(took); {
			case s < 0.18 || s > 0.5:
				t.Fatalf("an erase takes %v s", s)
			case s < 0.25:
				below++
			default:
				above++
			}
		}
		return below, above, times
	}
	below, above, times := run(1)
	if below < 160 || above < 160 {
		t.Errorf("%d below typ, %d above", below, above)
	}
	if _, _, again := run(1); !slices.Equal(times, again) {
		t.Error("the same seed gives other times")
	}
	if _, _, other := run(2); slices.Equal(times, other) {
		t.Error("another seed gives the same times")
	}
	f, err := New(Config{Part: p, Driver: d, Corner: Sampled})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Program(kvBase, make([]byte, 16384)); err != nil {
		t.Fatal(err)
	}
	// Half of 4096 accesses at 16 us, the others evenly up to 100 us.
	if s, want := f.Seconds(f.Counters().Busy[1]), 4096*(16+42/2.)*1e-6; math.Abs(s/want-1) > 0.05 {
		t.Errorf("programming takes %v s, want about %v", s, want)
	}
}

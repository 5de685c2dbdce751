package fuzz

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/internal/long"
)

// randomInput is an input of random bytes: the formats have no invalid ones.
func randomInput(seed uint64, most int) []byte {
	r := rand.New(rand.NewPCG(seed, 7))
	b := make([]byte, r.IntN(most))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// strict makes a broken rule whose cause is not known a crasher.
var strict = os.Getenv("DUALBANK_STRICT") != ""

// fuzzTarget lets the native engine search.
func fuzzTarget(f *testing.F, name string, most int) {
	t := target(f, name)
	for seed := range uint64(20) {
		f.Add(randomInput(seed, most))
	}
	f.Fuzz(func(_ *testing.T, data []byte) { t.Run(data, strict) })
}

func target(tb testing.TB, name string) *explore.Target {
	tb.Helper()
	t, err := TargetByName(name)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// FuzzKV is the guided search for cuts, device errors and operations that break a KVStore.
func FuzzKV(f *testing.F) { fuzzTarget(f, "FuzzKV", 400) }

// FuzzSecure is the same for a SecureStore, under attack too.
func FuzzSecure(f *testing.F) { fuzzTarget(f, "FuzzSecure", 400) }

// FuzzUpdate is the guided search for lives of a device that end badly.
func FuzzUpdate(f *testing.F) { fuzzTarget(f, "FuzzUpdate", 150) }

// FuzzLayout is the guided search for layouts that are called right and are not.
func FuzzLayout(f *testing.F) { fuzzTarget(f, "FuzzLayout", 60) }

// unknown runs an input and returns what it breaks that is not known of the reference.
func unknown(tb testing.TB, t *explore.Target, data []byte, p explore.Planted) (bad []explore.Breach, o *explore.Outcome) {
	tb.Helper()
	o = &explore.Outcome{Planted: p}
	if err := explore.Examine(t.Decode(explore.NewChoices(data)), o); err != nil {
		tb.Fatal(err)
	}
	return t.News(o), o
}

// TestPlantedDefects: a few hundred random inputs find defects of the past, and none where there is
// none.
func TestPlantedDefects(t *testing.T) {
	long.Test(t)
	for _, tt := range []struct {
		target string
		tries  uint64
		plant  []string
	}{
		{"FuzzKV", 60, []string{"no-read-back", "variable-sectors", "copy-past-end"}},
		{"FuzzSecure", 120, []string{"no-collection", "write-once-unguarded", "optional-integrity", "trusted-flags", "remove-refused"}},
		{"FuzzUpdate", 300, []string{"software-resets", "not-resumed", "intent-lost"}},
		{"FuzzLayout", 150, []string{"intent-lost", "odd-sectors"}},
	} {
		tg := target(t, tt.target)
		for seed := range tt.tries {
			if bad, _ := unknown(t, tg, randomInput(seed, 300), nil); len(bad) > 0 {
				t.Fatalf("%s, input %d, without a defect: %+v", tg.Name, seed, bad)
			}
		}
		for _, name := range tt.plant {
			i := slices.IndexFunc(Catalogue, func(d Defect) bool { return d.Name == name })
			found := false
			for seed := uint64(0); seed < tt.tries && !found; seed++ {
				bad, _ := unknown(t, tg, randomInput(seed, 300), planted(Catalogue[i].KV, Catalogue[i].Boot))
				found = len(bad) > 0
			}
			if !found {
				t.Errorf("%s does not find %s in %d inputs", tg.Name, name, tt.tries)
			}
		}
	}
}

// seedInput reads a seed of a target.
func seedInput(tb testing.TB, target, name string) []byte {
	tb.Helper()
	data, folder, err := explore.ReadInput(filepath.Join("testdata", "fuzz", target, name))
	if err != nil || folder != target {
		tb.Fatal(folder, err)
	}
	return data
}

// TestSeedsShowNothingNew: what a seed breaks is known of the reference; each was a crasher once.
func TestSeedsShowNothingNew(t *testing.T) {
	for i := range Targets {
		tg := Targets[i]
		files, err := os.ReadDir(filepath.Join("testdata", "fuzz", tg.Name))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if bad, _ := unknown(t, tg, seedInput(t, tg.Name, f.Name()), nil); len(bad) > 0 {
				t.Errorf("%s/%s: %+v", tg.Name, f.Name(), bad)
			}
		}
	}
}

// TestKnownDefectsAreNeeded: every known defect shows in the seed of its name, and no other predicate knows
// it; without faults and with sound software there is none.
func TestKnownDefectsAreNeeded(t *testing.T) {
	for i := range Targets {
		tg := Targets[i]
		for _, k := range tg.Known {
			bad, o := unknown(t, tg, seedInput(t, tg.Name, k.Name), nil)
			if len(bad) > 0 {
				t.Errorf("%s, %s: %+v", tg.Name, k.Name, bad)
			}
			alone := 0
			for i := range o.Bad {
				others := slices.ContainsFunc(tg.Known, func(x explore.KnownDefect) bool { return x.Name != k.Name && x.Is(&o.Bad[i], o) })
				if k.Is(&o.Bad[i], o) && !others {
					alone++
				}
			}
			if alone == 0 || k.Reason == "" {
				t.Errorf("%s: the seed %s does not show it: %+v", tg.Name, k.Name, o.Bad)
			}
		}
	}
}

// TestInputsRepeat: an input leads to the same end each time, whatever ran before it.
func TestInputsRepeat(t *testing.T) {
	for i := range Targets {
		tg := Targets[i]
		inputs := [][]byte{nil, {0}, {255, 255, 255}}
		for seed := range uint64(30) {
			inputs = append(inputs, randomInput(seed, 200))
		}
		for _, k := range tg.Known {
			inputs = append(inputs, seedInput(t, tg.Name, k.Name))
		}
		tell := func(data []byte) string {
			o := explore.Replaying(&explore.Symptom{}, nil)
			in := tg.Decode(explore.NewChoices(data))
			err := explore.Examine(in, o)
			return fmt.Sprintf("%v %+v %v %v %v %x", in, o.Bad, o.Hit, o.Interesting, err, o.Replayed().Image)
		}
		var first []string
		for _, data := range inputs {
			first = append(first, tell(data))
		}
		for i, data := range slices.Backward(inputs) {
			if again := tell(data); again != first[i] {
				t.Errorf("%s, input %x:\n%.600s\nand then\n%.600s", tg.Name, data, first[i], again)
			}
		}
	}
}

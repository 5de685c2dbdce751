package fuzz

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/internal/randominput"
	"dualbank/internal/long"
)

// strict makes a broken rule whose cause is not known a crasher.
func strict() func(explore.Case, explore.Symptom) bool {
	if os.Getenv("DUALBANK_STRICT") == "" {
		return nil
	}
	return News
}

// fuzzTarget lets the native engine search.
func fuzzTarget(f *testing.F, name string, most int) {
	t := target(f, name)
	for seed := range uint64(20) {
		f.Add(randominput.Bytes(seed, most))
	}
	f.Fuzz(func(_ *testing.T, data []byte) { t.Run(data, strict()) })
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

// unknown runs an input and returns what it breaks that no remedy removes.
func unknown(tb testing.TB, t *explore.Target, data []byte) (bad []explore.Breach) {
	tb.Helper()
	var o explore.Outcome
	if err := explore.Examine(t.Decode(explore.NewChoices(data)), &o); err != nil {
		tb.Fatal(err)
	}
	c := t.Decode(explore.NewChoices(data)).Case(nil)
	return slices.DeleteFunc(o.Bad, func(b explore.Breach) bool { return !News(c, b.Symptom) })
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
			if bad := unknown(t, tg, randominput.Bytes(seed, 300)); len(bad) > 0 {
				t.Fatalf("%s, input %d, without a defect: %+v", tg.Name, seed, bad)
			}
		}
		for _, name := range tt.plant {
			i := slices.IndexFunc(Catalogue, func(d Defect) bool { return d.Name == name })
			found := false
			for seed := uint64(0); seed < tt.tries && !found; seed++ {
				found = len(needing(t, tg, randominput.Bytes(seed, 300), planted(Catalogue[i].KV, Catalogue[i].Boot))) > 0
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

// TestSeedCauses: what a seed breaks has the cause that the seed was kept for, and none that is not known; each was a
// crasher once. The default set looks at every third seed.
func TestSeedCauses(t *testing.T) {
	want := map[string]string{
		"FuzzKV/half-set-reserved-data":      "log-tail reserved-set",
		"FuzzKV/held-unit":                   "held-unit log-tail",
		"FuzzKV/not-erased":                  "held-unit log-tail",
		"FuzzKV/revived-records":             "earlier-life",
		"FuzzKV/revived-records-after-a-cut": "earlier-life",
		"FuzzKV/sizes-wrap":                  "wrapped-sizes",
		"FuzzKV/unreadable-unit":             "masked-reads",
		"FuzzKV/weak-cells":                  "log-tail",
		"FuzzSecure/full-area":               "two-stores",
		"FuzzSecure/twice-unlucky":           "two-stores",
		"FuzzSecure/two-stores":              "two-stores",
		"FuzzSecure/undefined-remove":        "remove-entry two-stores",
		"FuzzSecure/write-once-for-ever":     "two-stores",
		"FuzzSecure/held-unit":               "log-tail",
		"FuzzSecure/not-erased":              "held-unit log-tail",
		"FuzzSecure/revived-records":         "earlier-life",
		"FuzzSecure/unreadable-unit":         "masked-reads",
		"FuzzSecure/weak-cells":              "undecided-cells",
	}
	for i := range Targets {
		tg := Targets[i]
		files, err := os.ReadDir(filepath.Join("testdata", "fuzz", tg.Name))
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range files {
			if i%3 != 0 && !long.Enabled() {
				delete(want, tg.Name+"/"+f.Name())
				continue
			}
			found, err := tg.Crashers([][]byte{seedInput(t, tg.Name, f.Name())}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var causes []string
			for _, c := range cause.Attribute(context.Background(), found, explore.Env{}, 0, nil) {
				if !slices.Contains(causes, c.Cause) {
					causes = append(causes, c.Cause)
				}
			}
			slices.Sort(causes)
			name := tg.Name + "/" + f.Name()
			if got := strings.Join(causes, " "); got != want[name] {
				t.Errorf("%q: %q, want %q", name, got, want[name])
			}
			delete(want, name)
		}
	}
	if len(want) > 0 {
		t.Errorf("there are no seeds %v", want)
	}
}

// TestInputsRepeat: an input leads to the same end each time, whatever ran before it.
func TestInputsRepeat(t *testing.T) {
	for i := range Targets {
		tg := Targets[i]
		inputs := [][]byte{nil, {0}, {255, 255, 255}}
		for seed := range uint64(10) {
			inputs = append(inputs, randominput.Bytes(seed, 200))
		}
		files, err := filepath.Glob(filepath.Join("testdata", "fuzz", tg.Name, "*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			inputs = append(inputs, seedInput(t, tg.Name, filepath.Base(f)))
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

package fuzz

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"dualbank/boot/layout"
	"dualbank/kvstore"
)

// randomInput is an input of no meaning: the formats have no invalid ones.
func randomInput(seed uint64, most int) []byte {
	r := rand.New(rand.NewPCG(seed, 7))
	b := make([]byte, r.IntN(most))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// strict makes a broken rule that nobody knows a crasher.
var strict = os.Getenv("DUALBANK_STRICT") != ""

// fuzzTarget lets the native engine search.
func fuzzTarget(f *testing.F, name string, most int) {
	t := target(f, name)
	for seed := range uint64(20) {
		f.Add(randomInput(seed, most))
	}
	f.Fuzz(func(_ *testing.T, data []byte) { t.Run(data, strict) })
}

func target(tb testing.TB, name string) *Target {
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
func unknown(tb testing.TB, t *Target, data []byte, p Planted) (bad []breach, o outcome) {
	tb.Helper()
	o.planted = p
	if _, err := t.examine(data, &o); err != nil {
		tb.Fatal(err)
	}
	return t.news(&o), o
}

// TestPlantedDefects: a few hundred inputs of no meaning find defects of the past, and none where there is
// none.
func TestPlantedDefects(t *testing.T) {
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
			if bad, _ := unknown(t, tg, randomInput(seed, 300), Planted{}); len(bad) > 0 {
				t.Fatalf("%s, input %d, without a defect: %+v", tg.Name, seed, bad)
			}
		}
		for _, name := range tt.plant {
			i := slices.IndexFunc(Catalogue, func(d Defect) bool { return d.Name == name })
			found := false
			for seed := uint64(0); seed < tt.tries && !found; seed++ {
				bad, _ := unknown(t, tg, randomInput(seed, 300), Planted{Catalogue[i].KV, Catalogue[i].Boot})
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
	data, folder, err := ReadInput(filepath.Join("testdata", "fuzz", target, name))
	if err != nil || folder != target {
		tb.Fatal(folder, err)
	}
	return data
}

// TestSeedsShowNothingNew: what a seed breaks is known of the reference; each was a crasher once.
func TestSeedsShowNothingNew(t *testing.T) {
	for i := range Targets {
		tg := &Targets[i]
		files, err := os.ReadDir(filepath.Join("testdata", "fuzz", tg.Name))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if bad, _ := unknown(t, tg, seedInput(t, tg.Name, f.Name()), Planted{}); len(bad) > 0 {
				t.Errorf("%s/%s: %+v", tg.Name, f.Name(), bad)
			}
		}
	}
}

// TestKnownDefectsAreNeeded: every known defect shows in the seed of its name, and no other predicate knows
// it; without faults and with sound software there is none.
func TestKnownDefectsAreNeeded(t *testing.T) {
	for i := range Targets {
		tg := &Targets[i]
		for _, k := range tg.known {
			bad, o := unknown(t, tg, seedInput(t, tg.Name, k.name), Planted{})
			if len(bad) > 0 {
				t.Errorf("%s, %s: %+v", tg.Name, k.name, bad)
			}
			alone := 0
			for i := range o.bad {
				others := slices.ContainsFunc(tg.known, func(x knownDefect) bool { return x.name != k.name && x.is(&o.bad[i], &o) })
				if k.is(&o.bad[i], &o) && !others {
					alone++
				}
			}
			if alone == 0 || k.reason == "" {
				t.Errorf("%s: the seed %s does not show it: %+v", tg.Name, k.name, o.bad)
			}
		}
	}
}

// TestInputsRepeat: an input leads to the same end each time, whatever ran before it.
func TestInputsRepeat(t *testing.T) {
	for i := range Targets {
		tg := &Targets[i]
		inputs := [][]byte{nil, {0}, {255, 255, 255}}
		for seed := range uint64(30) {
			inputs = append(inputs, randomInput(seed, 200))
		}
		for _, k := range tg.known {
			inputs = append(inputs, seedInput(t, tg.Name, k.name))
		}
		tell := func(data []byte) string {
			o := outcome{keep: true}
			in, err := tg.examine(data, &o)
			return fmt.Sprintf("%v %+v %v %v %v %x", in, o.bad, o.hit, o.interesting, err, o.image)
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

// TestDecodedSteps: what the minimiser removes are steps: without one, the rest means the same.
func TestDecodedSteps(t *testing.T) {
	data := append(randomInput(1, 300), randomInput(2, 300)...)
	whole := &choices{data: data}
	in := decodeKV(whole)
	for i, from := range whole.starts {
		to := len(data)
		if i+1 < len(whole.starts) {
			to = whole.starts[i+1]
		}
		got := decodeKV(&choices{data: slices.Delete(slices.Clone(data), from, to)})
		want := slices.Delete(slices.Clone(in.Steps), i, i+1)
		if fmt.Sprint(got.Steps) != fmt.Sprint(want) {
			t.Fatalf("without step %d:\n%v\nwant\n%v", i, got.Steps, want)
		}
	}
	if len(in.Steps) < 10 {
		t.Errorf("%d steps", len(in.Steps))
	}
}

// TestRevivedWithoutACut: removed keys are back after a reboot, in the reference, without any cut or error: a
// remove of a missing key after an unfinished set collects garbage, and nobody looks at what follows.
func TestRevivedWithoutACut(t *testing.T) {
	in := &KVInput{Device: inputDevice("4x512", 4), Profile: kvstore.MbedCE}
	for _, op := range []Op{
		{Kind: OpSet, Key: "a", Size: 288},
		{Kind: OpSet, Key: "b", Size: 368},
		{Kind: OpSet, Key: "b"},
		{Kind: OpSet, Key: "a", Size: 64},
		{Kind: OpReset},
		{Kind: OpSet, Key: longestKey, Size: 212},
		{Kind: OpAbandon, Key: "a", Piece: 1},
		{Kind: OpRemove, Key: "a"},
	} {
		in.Steps = append(in.Steps, KVStep{Op: op})
	}
	var o outcome
	if err := in.run(&o); err != nil {
		t.Fatal(err)
	}
	if len(o.hit) > 0 || !o.has(RuleDurable, "a key that was removed is back after a clean reopen"+ofRevived) {
		t.Errorf("%v, %+v", o.hit, o.bad)
	}
}

// TestSecureInputs: attacks that are harmless and such that are not, on a store of which each is known.
func TestSecureInputs(t *testing.T) {
	set := func(key string, seed uint64, flags kvstore.Flags) SecureStep {
		return SecureStep{KVStep: KVStep{Op: Op{Kind: OpSet, Key: key, Size: 40, Seed: seed, Flags: uint32(flags)}}}
	}
	attack := func(a Attack) SecureStep { return SecureStep{Attack: &a} }
	for _, tt := range []struct {
		name    string
		steps   []SecureStep
		planted kvstore.Defects
		want    string
	}{
		{"a replay of a key that nothing protects", []SecureStep{set("n0", 1, 0), set("n0", 2, 0), attack(Attack{What: attackReplay, Image: 1})}, 0, ""},
		{"a replay of a protected key", []SecureStep{set("r0", 1, guards), set("n0", 2, 0), attack(Attack{What: attackReplay})}, 0, ""},
		{
			"flags that are believed, of a value that is as it was",
			[]SecureStep{set("r0", 1, kvstore.FlagReplayProtection), set("n0", 2, 0), attack(Attack{What: "clear the flags", Key: "r0"})},
			kvstore.DefectTrustedFlags | kvstore.DefectOptionalIntegrity, "",
		},
		{
			"a bit of a value",
			[]SecureStep{set("n0", 1, 0), attack(Attack{What: "change a byte of the data", Key: "n0"})},
			kvstore.DefectOptionalIntegrity, "a record that somebody changed or replayed is believed",
		},
		{"a write-once key", []SecureStep{set("n0", 1, kvstore.FlagWriteOnce), set("n0", 2, 0), attack(Attack{What: attackErase})}, 0, ""},
		{
			"a write-once key without an entry",
			[]SecureStep{set("n0", 1, kvstore.FlagWriteOnce), attack(Attack{What: "remove", Key: "n0"})},
			kvstore.DefectWriteOnceUnguarded, "a record that somebody removed or changed reads as missing",
		},
	} {
		in := &SecureInput{Device: inputDevice("24x512", 3), Profile: kvstore.MbedCE, Steps: tt.steps}
		o := outcome{planted: Planted{KV: tt.planted}}
		if err := in.run(&o); err != nil {
			t.Fatal(err)
		}
		if got := o.has(RuleSecret, tt.want); got != (tt.want != "") || tt.want == "" && len(o.bad) > 0 {
			t.Errorf("%s: %+v, want %q", tt.name, o.bad, tt.want)
		}
	}
}

// TestLayoutInputs: the layout of the example is right, and one that is not is told from it, whoever calls it
// right.
func TestLayoutInputs(t *testing.T) {
	clean := 0
	for seed := range uint64(300) {
		in := DecodeLayout(randomInput(seed, 60))
		var o outcome
		if err := in.run(&o); err != nil {
			t.Fatal(err)
		}
		if o.interesting && len(o.bad) == 0 {
			clean++
		}
	}
	if clean < 30 {
		t.Errorf("%d of 300 inputs are layouts without errors", clean)
	}
	for name, change := range map[string]func(l *layout.Layout){
		"regions that overlap are not reported: KVStore and candidate storage": func(l *layout.Layout) { region(l, layout.RegionKVStore).Size += 1 << 17 },
		"a region off an erase boundary is not reported: KVStore":              func(l *layout.Layout) { region(l, layout.RegionKVStore).Size-- },
		"a region off an erase boundary is not reported: active header":        func(l *layout.Layout) { region(l, layout.RegionHeader).Start += 8 },
		"a region outside the flash is not reported: candidate storage":        func(l *layout.Layout) { region(l, layout.RegionCandidate).Size += 1 << 17 },
	} {
		in := DecodeLayout([]byte{byte(len(layoutChips))})
		l, ps := layout.New(in.Files, layout.ExampleTarget, in.Chip)
		if ps.Err() != nil {
			t.Fatal(ps)
		}
		tr := &layoutTrial{in: in, o: new(outcome), l: l}
		if tr.apart(); len(tr.o.bad) > 0 {
			t.Fatalf("%+v", tr.o.bad)
		}
		change(l)
		tr.apart()
		if !tr.o.has(RuleLayoutReported, name) {
			t.Errorf("%s: found %+v", name, tr.o.bad)
		}
	}
}

func region(l *layout.Layout, name string) *layout.Region {
	return &l.Regions[slices.IndexFunc(l.Regions, func(r layout.Region) bool { return r.Name == name })]
}

package explore

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dualbank/model"
)

var modes = []model.Mode{model.Before, model.After, model.Torn, model.Prefix, model.Weak, model.ECC, model.Fail}

// TestFaultText: a fault is read back as it was written.
func TestFaultText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Fault{Mode: rapid.SampledFrom(modes).Draw(t, "mode"), At: rapid.Uint64().Draw(t, "at"), Seed: rapid.Uint64().Draw(t, "seed")}
		got, err := ParseFault(f.String())
		if err != nil || got != f {
			t.Fatalf("%q: %v, %v", f, got, err)
		}
	})
	for _, bad := range []string{"", "torn", "torn at step", "torn at step x", "none after 3 steps", "torn at step 3, seed", "torn at step 03", "torn at step 3 "} {
		if f, err := ParseFault(bad); err == nil || !strings.Contains(err.Error(), "write for instance") {
			t.Errorf("%q is taken as %v, %v", bad, f, err)
		}
	}
}

// TestSimplify: the simplest fault that is taken stays.
func TestSimplify(t *testing.T) {
	var last Fault
	if !(Fault{Mode: model.Torn, At: 100, Seed: 3}).Simplify(func(f Fault) bool {
		ok := f.At >= 37 && f.Mode != model.Before
		if ok {
			last = f
		}
		return ok
	}) {
		t.Fatal("nothing was taken")
	}
	if want := (Fault{Mode: model.After, At: 37}); last != want {
		t.Errorf("%v, want %v", last, want)
	}
	if (Fault{}).Simplify(func(Fault) bool { return true }) {
		t.Error("no fault became simpler")
	}
}

// TestSymptomWords: every part of a symptom has its place in the sentence.
func TestSymptomWords(t *testing.T) {
	RegisterSubject(&Subject{
		Name: "toaster", Rules: []string{"it toasts"}, Kinds: map[string]string{"toaster-cold": "the {op} stays cold{when}: {error}"},
		Moments: map[string]string{"toaster-reboot": " after a reboot", "toaster-twice": " of two"},
		Words:   map[string]string{"toaster-slot": "slot"},
	})
	s := Symptom{Rule: 1, Kind: "toaster-cold", Op: "toaster-slot", When: After("toaster-reboot", "toaster-twice"), Error: "NO_HEAT"}
	if got, want := s.String(), "the slot stays cold after a reboot of two: NO_HEAT"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (Symptom{Kind: "unheard-of", Op: "x", Error: "E"}).String(); got != "unheard-of x E" {
		t.Errorf("a kind without words: %q", got)
	}
	if p := (Place{Op: "toaster-slot", Part: "bread"}); p.String() != "slot, bread" || severity("toaster", s, nil) != High || ruleText("toaster", 1) != "it toasts" || ruleText("toaster", 2) != "unknown" {
		t.Errorf("%v", p)
	}
	defer func() {
		if recover() == nil {
			t.Error("a second sentence for a kind was taken")
		}
	}()
	RegisterSubject(&Subject{Name: "oven", Kinds: map[string]string{"toaster-cold": "another sentence"}})
}

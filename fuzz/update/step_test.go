package update

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/model"
)

// drawStep draws any step that can be performed.
func drawStep(t *rapid.T) Step {
	modes := []model.Mode{nil, model.Before, model.After, model.Torn, model.Prefix, model.Weak, model.ECC}
	fault := func(modes []model.Mode, name string) (f explore.Fault) {
		if f.Mode = rapid.SampledFrom(modes).Draw(t, name); f.Mode != nil {
			f.At, f.Seed = rapid.Uint64().Draw(t, "at"), rapid.Uint64().Draw(t, "seed")
		}
		return f
	}
	s := Step{Do: rapid.SampledFrom([]Event{Download, Reset}).Draw(t, "event"), Fault: fault(modes, "fault")}
	if s.Do == Download {
		s.Version, s.Size, s.Seed = rapid.Uint64().Draw(t, "version"), rapid.Uint32Range(1, MaxImage).Draw(t, "size"), rapid.Uint64().Draw(t, "seed")
		s.Slot, s.Left = rapid.Uint32().Draw(t, "slot"), rapid.Bool().Draw(t, "left")
		s.Bad = rapid.SampledFrom([]BadCandidate{GoodCandidate, BadHash, OlderVersion, SameVersion, EmptyCandidate, TruncatedSize}).Draw(t, "bad")
		if s.Fault.Mode != nil {
			s.In = rapid.SampledFrom([]Phase{"", Prepare, Write, Activate}).Draw(t, "phase")
			s.Left = s.Left && s.In != Activate
		}
	} else {
		s.Reason, s.Random = boot.ResetReason(rapid.IntRange(0, int(boot.Unknown)).Draw(t, "reason")), rapid.Bool().Draw(t, "random")
		if s.Random {
			s.RAM = rapid.Uint64().Draw(t, "RAM")
		}
	}
	if s.Fault.Mode != nil {
		for range rapid.IntRange(0, 3).Draw(t, "then") {
			s.Then = append(s.Then, fault(modes[1:], "then"))
		}
	}
	return s
}

// TestStepText: a step comes back from its text.
func TestStepText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawStep(t)
		text, err := want.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got Step
		if err := got.UnmarshalText(text); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s:\n%+v, want\n%+v", text, got, want)
		}
	})
}

// stepSeeds are lines of scripts, and such that are none, with what is said of these.
var stepSeeds = []struct{ line, err string }{
	{"download version 2, 900 bytes, seed 1, to slot 0", ""},
	{"download version 2, 1 bytes, to slot 2, bad same version, not activated; before at step 0", ""},
	{"download version 2, 900 bytes, seed 1, to slot 0; torn in write at step 12, seed 7; then before at step 2", ""},
	{"reset SOFTWARE", ""},
	{"reset POWER_ON, RAM seed 0; weak at step 3; then ecc at step 2, seed 9; then prefix at step 1", ""},
	{"", "use download or reset"},
	{"upload version 2", "use download or reset"},
	{"download 2, 900 bytes, to slot 0", "is no version"},
	{"download version 2, 900 bytes", "write it as"},
	{"download version 2, to slot 0, 900 bytes", "write it as"},
	{"download version 02, 900 bytes, to slot 0", "write it as"},
	{"download version 2, 0 bytes, to slot 0", "out of range"},
	{"download version 2, 16777217 bytes, to slot 0", "out of range"},
	{"download version 2, 9999999999 bytes, to slot 0", "value out of range"},
	{"download version 2, 900 bytes, to slot 4294967296", "value out of range"},
	{"download version 2, 900 bytes, seed 18446744073709551616, to slot 0", "value out of range"},
	{"download version 18446744073709551616, 900 bytes, to slot 0", "is no version"},
	{"reset POWER_ON, RAM seed 18446744073709551616", "value out of range"},
	{"reset SOFTWARE; ; then ", "is no fault"},
	{"reset SOFTWARE; torn at step 1; then ", "is no fault"},
	{"download version 2, 900 bytes, to slot 0, bad luck", "candidate \"luck\" is unknown"},
	{"download version 2, 900 bytes, to slot 0, twice", "\"twice\" is unknown"},
	{"download version 2, 900 bytes, to slot 0; torn in flight at step 1", "phase \"flight\" is unknown"},
	{"download version 2, 900 bytes, to slot 0, not activated; torn in activate at step 1", "has no phase"},
	{"download version 2, 900 bytes, to slot 0; torn", "is no fault"},
	{"download version 2, 900 bytes, to slot 0; fail at step 1", "mode fail"},
	{"reset SOFTWARE; torn in write at step 1", "a reset has no phases"},
	{"reset SOFTWARE; torn at step 1; then fail at step 1", "mode fail"},
	{"reset NEVER", "reset reason \"NEVER\" is unknown"},
	{"reset POWER_ON, 3 bytes", "\"3 bytes\" is unknown"},
	{"reset POWER_ON, RAM seed x", "invalid syntax"},
	{"reset SOFTWARE; ", "write it as"},
}

// TestBadSteps: a line that is no step is an error of one line that says what to write.
func TestBadSteps(t *testing.T) {
	long := "reset POWER_ON" + strings.Repeat("; then before at step 1", 400)
	for _, tt := range append(stepSeeds, struct{ line, err string }{long, "use up to"}) {
		var s Step
		err := s.UnmarshalText([]byte(tt.line))
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%.60q: %v, want %q", tt.line, err, tt.err)
		}
	}
}

// FuzzStep: any text is a step or an error of one line, and what is a step is its own text.
func FuzzStep(f *testing.F) {
	for _, s := range stepSeeds {
		f.Add([]byte(s.line))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var s Step
		if err := s.UnmarshalText(text); err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
			return
		}
		if got, err := s.MarshalText(); err != nil || string(got) != string(text) {
			t.Errorf("%q, then %q, %v", text, got, err)
		}
	})
}

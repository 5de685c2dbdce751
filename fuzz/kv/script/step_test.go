package script

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/fuzz/explore"
	"dualbank/model"
)

// modes compares faults by the names of their modes.
var modes = cmp.Comparer(func(a, b model.Mode) bool { return a == b })

// decoded are the steps of random inputs: of all kinds, with faults and attacks.
func decoded(n uint64) (steps []Step) {
	for seed := range n {
		r := rand.New(rand.NewPCG(seed, 7))
		data := make([]byte, 300)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		_, plain := Decode(explore.NewChoices(data))
		_, secure := DecodeSecure(explore.NewChoices(data))
		steps = append(append(steps, plain...), secure...)
	}
	return steps
}

// TestStepText: a step is read back as it was written.
func TestStepText(t *testing.T) {
	seen := map[OpKind]int{}
	faults, attacks := 0, 0
	for _, s := range append(decoded(60), Step{Op: Op{Kind: Set, Key: "a\", 3 bytes; torn at step 2\n", Size: 7, Seed: 9}}) {
		text, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got Step
		if err := got.UnmarshalText(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if d := cmp.Diff(s, got, modes); d != "" {
			t.Fatalf("%s:\n%s", text, d)
		}
		seen[s.Kind]++
		if s.Fault.Mode != nil {
			faults++
		}
		if s.Attack != nil {
			attacks++
		}
	}
	if len(seen) != len(kinds)+1 || faults == 0 || attacks == 0 {
		t.Errorf("steps of kinds %v, %d faults, %d attacks: the test shows little", seen, faults, attacks)
	}
}

func TestBadSteps(t *testing.T) {
	for text, want := range map[string]string{
		"":                          `"" is unknown: use set`,
		"get \"a\"":                 `"get" is unknown: use set`,
		"set":                       "sets and removes have a key",
		"set \"a":                   "not closed",
		"set \"a\", x bytes":        `"x bytes" is no number`,
		"set \"a\", 3 bites":        `"3 bites" is unknown`,
		"set \"a\", 99999999 bytes": "out of range",
		"pieces \"a\", 70000 bytes in pieces of 1": "use up to 65536 pieces",
		"reboot \"a\"":             "others have none",
		"set \"a\", 3 bytes; torn": "is no fault",
		"set \"a\", 3 bytes; torn at step 1; then nothing": "is no fault",
		"set \"a\"; ; then ":               "is no fault",
		"set \"a\"; torn at step 1; then ": "is no fault",
		"attack: shout":                    "is unknown: use one of",
		"attack: clear a byte, at x":       "no number",
		"attack: clear a byte, for 3":      `"for 3" is unknown`,
	} {
		var s Step
		err := s.UnmarshalText([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v, want one line with %q", text, err, want)
		}
	}
}

// TestFit: what a store cannot do is left out or done in a simpler way.
func TestFit(t *testing.T) {
	none := Abilities{}
	for _, tt := range []struct {
		op   Op
		want Op
		ok   bool
	}{
		{Op{Kind: Set, Key: "a", Size: 3, Flags: 1}, Op{Kind: Set, Key: "a", Size: 3}, true},
		{Op{Kind: Pieces, Key: "a", Size: 3, Piece: 1}, Op{Kind: Set, Key: "a", Size: 3}, true},
		{Op{Kind: Abandon, Key: "a", Size: 3, Piece: 1}, Op{}, false},
		{Op{Kind: Reserved, Size: 3}, Op{}, false},
		{Op{Kind: Reset}, Op{}, false},
		{Op{Kind: Reboot}, Op{Kind: Reboot}, true},
	} {
		if got, ok := none.Fit(tt.op); ok != tt.ok || ok && got != tt.want {
			t.Errorf("%v becomes %v, %v", &tt.op, &got, ok)
		}
		if got, ok := All.Fit(tt.op); !ok || got != tt.op {
			t.Errorf("a store that can do everything does %v as %v", &tt.op, &got)
		}
	}
}

// FuzzStep: any line is a step or an error of one line, and a step's own line gives it back.
func FuzzStep(f *testing.F) {
	for _, s := range decoded(3) {
		text, _ := s.MarshalText()
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, line string) {
		var s, again Step
		if s.UnmarshalText([]byte(line)) != nil {
			return
		}
		text, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalText(text); err != nil {
			t.Fatalf("%q, then %q: %v", line, text, err)
		}
		if d := cmp.Diff(s, again, modes); d != "" {
			t.Fatalf("%q, then %q:\n%s", line, text, d)
		}
	})
}

package explore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/kv/script"
	"dualbank/internal/long"
	"dualbank/kvstore"
)

// TestGuided: a guided search finds a defect of the past, with a case that replays and needs the defect; on any
// number of workers, and stopped and resumed, it comes to the same.
func TestGuided(t *testing.T) {
	c := explore.Guided{Target: &kv.Target, Seed: 3, Runs: 80, Round: 2, Planted: explore.Planted{kv.Planted: uint64(kvstore.DefectNoReadBack)}, Workers: 1}
	search := func(ctx context.Context, c explore.Guided, progress func(done, total uint64)) *explore.Sweep {
		s, err := c.Search(ctx, progress)
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		return s
	}
	whole := search(context.Background(), c, nil)
	if len(whole.Findings) == 0 || whole.Stats.Judged != c.Runs {
		t.Fatalf("%d findings after %d runs", len(whole.Findings), whole.Stats.Judged)
	}
	needs := 0
	for i := range whole.Findings {
		f := &whole.Findings[i]
		if broken, err := f.Replay(io.Discard); err != nil || !broken {
			t.Errorf("%s: replayed: %v, %v", f.Symptom, broken, err)
		}
		if f.Needs() {
			needs++
		}
	}
	if needs == 0 {
		t.Errorf("none of %d findings needs the defect", len(whole.Findings))
	}
	c.Workers = 3
	if d := cmp.Diff(whole, search(context.Background(), c, nil)); d != "" {
		t.Errorf("one worker against three:\n%s", d)
	}
	c.Journal = filepath.Join(t.TempDir(), "journal")
	ctx, cancel := context.WithCancel(context.Background())
	part := search(ctx, c, func(done, _ uint64) {
		if done >= c.Runs/2 {
			cancel()
		}
	})
	cancel()
	if part.Stats.Judged == 0 || part.Stats.Judged == c.Runs {
		t.Errorf("stopped after %d of %d runs", part.Stats.Judged, c.Runs)
	}
	if d := cmp.Diff(whole, search(context.Background(), c, nil)); d != "" {
		t.Errorf("never stopped against resumed:\n%s", d)
	}
}

// TestGuidance: keeping what led somewhere leads further than random bytes do.
func TestGuidance(t *testing.T) {
	long.Test(t)
	for _, target := range []*explore.Target{&kv.Target, &kv.SecureTarget} {
		places := func(guided bool) int {
			n, err := explore.Places(target, 5, 300, guided)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if blind, guided := places(false), places(true); guided <= blind {
			t.Errorf("%s: %d places guided, %d blind", target.Name, guided, blind)
		} else {
			t.Logf("%s: %d places guided, %d blind", target.Name, guided, blind)
		}
	}
}

// TestDecodedSteps: what a search leaves out are steps: without one, the rest means the same.
func TestDecodedSteps(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	data := make([]byte, 400)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	starts := explore.Starts(&kv.Target, data)
	_, steps := script.Decode(explore.NewChoices(data))
	if len(steps) < 10 || len(starts) != len(steps)+1 {
		t.Fatalf("%d steps, %d starts", len(steps), len(starts))
	}
	for i := range steps {
		_, got := script.Decode(explore.NewChoices(slices.Delete(slices.Clone(data), starts[i], starts[i+1])))
		want := slices.Delete(slices.Clone(steps), i, i+1)
		if d := cmp.Diff(text(t, want), text(t, got)); d != "" {
			t.Fatalf("without step %d:\n%s", i, d)
		}
	}
}

func text(t *testing.T, steps []script.Step) (lines []string) {
	t.Helper()
	for i := range steps {
		line, err := steps[i].MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	return lines
}

// TestPanickingInput: a panic is a finding, too.
func TestPanickingInput(t *testing.T) {
	target := &explore.Target{Name: "FuzzKV", Subject: "KVStore", Decode: func(c *explore.Choices) explore.Input { return panicking(c.Next()) }}
	found, err := target.Crashers([][]byte{{0}, {1}, {2}}, nil)
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	f := found[0]
	if f.Symptom.Rule != explore.RulePanic || f.Count != 2 || f.Symptom.String() != "a panic: too much" || !strings.Contains(f.Place.Part, "panicking.Run") || explore.RuleText(f.Subject, f.Symptom.Rule) == "unknown" {
		t.Errorf("%+v", f)
	}
}

// panicking is an input that panics if it is not 0.
type panicking int

func (p panicking) String() string { return "an input" }

func (p panicking) Run(*explore.Outcome) error {
	if p > 0 {
		panic("too much")
	}
	return nil
}

func (p panicking) Case(explore.Planted) explore.Case { return noCase{} }

// noCase is a case of nothing.
type noCase struct{}

func (noCase) Device() string                 { return "none" }
func (noCase) Variant() string                { return "none" }
func (noCase) Len() int                       { return 0 }
func (noCase) Shrink(func(explore.Case) bool) {}
func (noCase) Clean() explore.Case            { return noCase{} }
func (noCase) Replay(io.Writer, explore.Env) (*explore.Replayed, error) {
	return nil, fmt.Errorf("nothing to replay")
}

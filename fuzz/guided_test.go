package fuzz

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/kvstore"
)

// TestGuided: a guided search finds a defect of the past, with a case that replays and needs the defect; on any
// number of workers, and stopped and resumed, it comes to the same.
func TestGuided(t *testing.T) {
	c := GuidedSweep{Target: "FuzzKV", Seed: 3, Runs: 160, Planted: Planted{KV: kvstore.DefectNoReadBack}, Workers: 1}
	search := func(ctx context.Context, c GuidedSweep, progress func(done, total uint64)) *Sweep {
		s, err := SweepGuided(ctx, c, progress)
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		return s
	}
	whole := search(context.Background(), c, nil)
	if len(whole.Findings) == 0 || whole.Stats.Judged != c.Runs {
		t.Fatalf("%d findings after %d runs", len(whole.Findings), whole.Stats.Judged)
	}
	for i := range whole.Findings {
		f := &whole.Findings[i]
		if broken, err := f.Replay(io.Discard); err != nil || !broken {
			t.Errorf("%s: replayed: %v, %v", f.Symptom, broken, err)
		}
		if yes, err := f.needs(); err != nil || !yes {
			t.Errorf("%s: shows without the defect, too, or not at all (%v)", f.Symptom, err)
		}
	}
	c.Workers = 3
	if d := cmp.Diff(whole, search(context.Background(), c, nil)); d != "" {
		t.Errorf("one worker against three:\n%s", d)
	}
	c.Journal = filepath.Join(t.TempDir(), "journal")
	ctx, cancel := context.WithCancel(context.Background())
	part := search(ctx, c, func(done, _ uint64) {
		if done == 3 {
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

// TestGuidance: keeping what led somewhere leads further than inputs of no meaning do.
func TestGuidance(t *testing.T) {
	for _, name := range []string{"FuzzKV", "FuzzSecure"} {
		places := func(guided bool) int {
			l := newIsland(target(t, name), Planted{}, 5, 0)
			l.blind = !guided
			if err := l.search(context.Background(), 800, new(chunkResult)); err != nil {
				t.Fatal(err)
			}
			return len(l.been)
		}
		if blind, guided := places(false), places(true); guided <= blind {
			t.Errorf("%s: %d places guided, %d blind", name, guided, blind)
		} else {
			t.Logf("%s: %d places guided, %d blind", name, guided, blind)
		}
	}
}

package explore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/internal/long"
)

var small = explore.Device{Sectors: "8x512", Unit: 1, Size: 4096}

func sweep(t testing.TB, c kv.Sweep) *explore.Sweep {
	t.Helper()
	s, err := kv.Cut(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestResume: a sweep that is stopped, and whose journal is torn as a kill may tear it, goes on and
// ends as one that was never stopped.
func TestResume(t *testing.T) {
	long.Test(t)
	modes := []string{"before"}
	whole := sweep(t, kv.Sweep{Device: small, Seed: 5, Collections: 2, Modes: modes})
	c := kv.Sweep{Device: small, Seed: 5, Collections: 2, Modes: modes, Journal: filepath.Join(t.TempDir(), "journal"), Workers: 1}
	for _, stop := range []uint64{1, 700} {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := kv.Cut(ctx, c, func(done, _ uint64) {
			if done >= stop {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped after %d cuts: %v", stop, err)
		}
		text, err := os.ReadFile(c.Journal)
		if err != nil || len(text) == 0 {
			t.Fatalf("journal of %d bytes, %v", len(text), err)
		}
		// A line that a kill left unfinished, and one that the disk damaged.
		text = append(text, "{\"config\":1,\"chunk\":77,\"sum\":3,\"result\":{}}\n{\"config\":17,\"chu"...)
		if err := os.WriteFile(c.Journal, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var first uint64
	resumed, err := kv.Cut(context.Background(), c, func(done, _ uint64) {
		if first == 0 {
			first = done
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(whole, resumed); d != "" {
		t.Errorf("never stopped against resumed:\n%s", d)
	}
	if first < 700 {
		t.Errorf("the last run began with %d cuts: what was explored is explored again", first)
	}
	c.Seed = 6
	other, err := kv.Cut(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(sweep(t, kv.Sweep{Device: small, Seed: 6, Collections: 2, Modes: modes}), other); d != "" {
		t.Errorf("another sweep with the same journal takes what is not its own:\n%s", d)
	}
}

func TestJournalThatCannotBe(t *testing.T) {
	_, err := kv.Cut(context.Background(), kv.Sweep{Device: small, Seed: 5, Journal: t.TempDir()}, nil)
	if err == nil {
		t.Error("a folder was taken for a journal")
	}
}

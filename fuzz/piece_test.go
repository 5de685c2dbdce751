package fuzz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/update"
	"dualbank/internal/long"
	"dualbank/kvstore"
)

// pieces is a small campaign of each kind of sweep that is divided, and one that is not.
func pieces() Campaign {
	d := explore.Device{Sectors: "4x512", Unit: 8, Size: 2048}
	return Campaign{
		Live:    []kv.Sweep{{Device: d, Profile: kvstore.MbedCE, Seed: 1, Collections: 1}},
		KV:      []kv.Sweep{{Device: d, Profile: kvstore.MbedCE, Seed: 1, Collections: 1, Modes: []string{"before", "torn"}, Deep: true, DeepSteps: 1, MaxCuts: 100}},
		Updates: []update.Sweep{{Device: explore.Device{Part: "stm32f429zi", Unit: 1}, Boot: F429Guide, Client: boot.ClientOld, Old: 900, New: 1500, Seed: 1, Modes: []string{"after"}, MaxCuts: 40}},
		Guided:  []explore.Guided{{Target: Targets[0], Seed: 1, Runs: 96, Round: 2}},
		Workers: 1,
	}
}

// findings is everything that a result holds of its findings and coverage.
func findings(t *testing.T, r *CampaignResult) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%+v\n", r.Stats)
	for i := range r.Findings {
		text, err := r.Findings[i].Text()
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	for _, s := range r.Sweeps {
		fmt.Fprintf(&b, "%+v\n", s.Map)
	}
	return b.String()
}

// TestPieces: a campaign whose chunks come in any order, some of them twice, from whoever explored them, has the result
// of one process, byte for byte.
func TestPieces(t *testing.T) {
	ctx := context.Background()
	whole := pieces()
	want, err := whole.Sweep(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := pieces()
	c.Dir = t.TempDir()
	divided, err := c.Divide(ctx)
	if err != nil || len(divided) != 3 {
		t.Fatalf("%+v, %v", divided, err)
	}
	type at struct{ sweep, chunk int }
	var all []at
	rounds := map[int]int{} // chunks of one, by sweeps
	for _, d := range divided {
		for i := range d.Chunks {
			all = append(all, at{d.Sweep, i})
		}
		rounds[d.Sweep] = d.Round
		if d.Name == "guided search FuzzKV" && (d.Round == 0 || d.Chunks != 3*d.Round) {
			t.Fatalf("%+v, want three rounds", d)
		}
	}
	seen := map[string]bool{}
	r := rand.New(rand.NewPCG(1, 2))
	all = append(all, all[r.IntN(len(all))], all[r.IntN(len(all))])
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	round := func(a at) int {
		if rounds[a.sweep] == 0 {
			return 0
		}
		return a.chunk / rounds[a.sweep]
	}
	slices.SortStableFunc(all, func(a, b at) int { return round(a) - round(b) })
	explored := map[at][]byte{}
	kept := pieces() // with what it has made ready for pieces before
	for _, a := range all {
		fresh := pieces() // as in another process
		other := &fresh
		if r.IntN(2) == 0 {
			other = &kept
		}
		var pool *explore.Pool
		if n := rounds[a.sweep]; n > 0 {
			if round(a) > 0 {
				if _, _, err := other.Explore(ctx, a.sweep, a.chunk, a.chunk+1, nil); err == nil {
					t.Fatalf("%+v is explored without the rounds before", a)
				}
			}
			pool = &explore.Pool{}
			for i := range round(a) * n {
				if err := pool.Merge([][]byte{explored[at{a.sweep, i}]}); err != nil {
					t.Fatal(err)
				}
			}
		}
		lines, found, err := other.Explore(ctx, a.sweep, a.chunk, a.chunk+1, pool)
		if err != nil || len(lines) != 1 {
			t.Fatalf("%+v: %d lines, %v", a, len(lines), err)
		}
		if n, err := explore.ParseLine(lines[0]); err != nil || n != a.chunk {
			t.Fatalf("%+v: chunk %d, %v", a, n, err)
		}
		explored[a] = lines[0]
		if err := c.Keep(a.sweep, a.chunk, lines); err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			seen[f.ID] = true
		}
	}
	journals := func() (size int64) {
		for _, d := range divided {
			st, err := os.Stat(c.journal(d.Sweep))
			if err != nil {
				t.Fatal(err)
			}
			size += st.Size()
		}
		return size
	}
	before := journals()
	got, err := c.Sweep(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := findings(t, want), findings(t, got); a != b {
		t.Errorf("one process:\n%s\npieces:\n%s", a, b)
	}
	for _, s := range got.Sweeps[1:] { // the first one is not divided
		for _, f := range s.Findings {
			if !seen[f.ID] {
				t.Errorf("no piece has finding %s", f.ID)
			}
			delete(seen, f.ID)
		}
	}
	if len(seen) > 0 {
		t.Errorf("no sweep has the findings %v of pieces", slices.Sorted(maps.Keys(seen)))
	}
	if journals() != before {
		t.Error("a chunk that was there is explored again")
	}
}

// TestAlone: what is not divided is explored beforehand, with the findings that a sweep then has, and not again.
func TestAlone(t *testing.T) {
	long.Test(t) // a fleet has one such campaign
	ctx := context.Background()
	whole := pieces()
	p := kvstore.MbedCE
	whole.Live = DefaultCampaign(p, 1).Live[3:5]
	want, err := whole.Sweep(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := pieces()
	c.Live = whole.Live
	found := 0
	if err := c.Alone(ctx, func(f []explore.Finding) { found += len(f) }); err != nil || found == 0 {
		t.Fatalf("%d findings, %v", found, err)
	}
	c.Live = slices.Clone(c.Live)
	for i := range c.Live {
		c.Live[i].Device = explore.Device{} // cannot be explored again
	}
	got, err := c.Sweep(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := findings(t, want), findings(t, got); a != b {
		t.Errorf("at once:\n%s\nbeforehand:\n%s", a, b)
	}
}

// TestPiecesRefuse: lines that no sweep wrote, and chunks that none has.
func TestPiecesRefuse(t *testing.T) {
	c := pieces()
	c.Dir = t.TempDir()
	divided, err := c.Divide(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	d := divided[0]
	lines, _, err := c.Explore(context.Background(), d.Sweep, 0, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{
		nil, []byte("\n"), []byte("{}\n"), lines[0][:len(lines[0])-1], append(lines[0][:len(lines[0]):len(lines[0])], '\n'),
		bytes.Replace(lines[0], []byte(`"cuts":`), []byte(`"cuts":1`), 1),
	} {
		if err := c.Keep(d.Sweep, 0, [][]byte{bad}); !errors.Is(err, explore.ErrLine) {
			t.Errorf("%.60q: %v", bad, err)
		}
	}
	for _, at := range [][3]int{{-1, 0, 1}, {99, 0, 1}, {d.Sweep, 0, 0}, {d.Sweep, -1, 1}, {d.Sweep, 0, d.Chunks + 1}} {
		if _, _, err := c.Explore(context.Background(), at[0], at[1], at[2], nil); err == nil {
			t.Errorf("%v is explored", at)
		}
	}
	next, _, err := c.Explore(context.Background(), d.Sweep, 1, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{nil, []byte("{}\n"), next[0]} { // the last one is not that of the first chunk
		if err := new(explore.Pool).Merge([][]byte{bad}); !errors.Is(err, explore.ErrLine) {
			t.Errorf("%.60q: %v", bad, err)
		}
	}
	c.Most = 10
	if _, err := c.Divide(context.Background()); err == nil {
		t.Error("a campaign with a bound is divided")
	}
}

package fuzz

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/update"
	"dualbank/internal/long"
	"dualbank/kvstore"
	"dualbank/model/random"
)

// little is the default campaign in small.
func little() Campaign {
	c := DefaultCampaign(kvstore.MbedCE, 1)
	c.KV = []kv.Sweep{c.KV[1], c.KV[5]}
	for i := range c.KV {
		c.KV[i].Collections, c.KV[i].MaxCuts, c.KV[i].DeepSteps, c.KV[i].Modes = 1, 12, 1, []string{"before", "torn"}
	}
	c.Updates = c.Updates[:1]
	c.Live, c.Attacked, c.Lives, c.Failing = c.Live[3:5], nil, c.Lives[:1], c.Failing[:1]
	c.Failing[0].MaxCuts = 10
	c.Updates[0].MaxCuts = 12
	c.Guided, c.Stores, c.Installs = c.Guided[:1], nil, nil
	c.Guided[0].Runs = 8
	c.Tries, c.Edges, c.Layouts = 2, nil, false // package layout has tests of its own
	return c
}

// files are the files that a campaign's findings are written to.
func files(t *testing.T, r *CampaignResult) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := WriteFindings(dir, r.Findings); err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 4*len(r.Findings)+1 { // and the mark
		t.Fatalf("%d files for %d findings, %v", len(names), len(r.Findings), err)
	}
	all := map[string]string{}
	for _, n := range names {
		text, err := os.ReadFile(filepath.Join(dir, n.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[n.Name()] = string(text)
	}
	return all
}

// TestKilledCampaign: a campaign that is stopped again and again, at any moment, with journals torn as a kill
// tears them, ends with the same files as one that was never stopped.
func TestKilledCampaign(t *testing.T) {
	long.Test(t)
	c := little()
	c.KV = c.KV[:1]
	whole, err := c.Run(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := random.New(7)
	c.Dir = t.TempDir()
	stops, furthest := 0, uint64(0)
	for {
		ctx, cancel := context.WithCancel(context.Background())
		left := 1 + r.Intn(6) // reports of new progress until the kill
		got, err := c.Sweep(ctx, func(_ string, done, _ uint64) {
			if done <= furthest {
				return // sweeps that are over report, too
			}
			furthest = done
			if left--; left == 0 {
				cancel()
			}
		})
		cancel()
		if err == nil {
			got.Attribute(context.Background(), nil, c.Workers, nil)
			if err := got.Minimize(context.Background(), c.Tries, nil); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(files(t, whole), files(t, got)); d != "" {
				t.Errorf("never stopped against stopped %d times:\n%s", stops, d)
			}
			if got.Stats != whole.Stats {
				t.Errorf("never stopped: %+v; stopped %d times: %+v", whole.Stats, stops, got.Stats)
			}
			break
		}
		if stops++; stops > 200 {
			t.Fatal("the campaign makes no progress")
		}
		journals, err := filepath.Glob(filepath.Join(c.Dir, "*.journal"))
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range journals {
			if s, err := os.Stat(j); err == nil && r.Intn(4) == 0 {
				if err := os.Truncate(j, max(0, s.Size()-int64(r.Intn(200)))); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if stops < 3 {
		t.Errorf("stopped %d times: the test shows little", stops)
	}
}

// TestCampaign: the findings of several devices come together, replay, and, which the long tests show, do not depend
// on the number of workers.
func TestCampaign(t *testing.T) {
	run := func(workers int) *CampaignResult {
		c := little()
		c.Workers, c.Dir = workers, t.TempDir()
		r, err := c.Run(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := run(2)
	if long.Enabled() {
		one := run(1)
		if d := cmp.Diff(one, r); d != "" {
			t.Errorf("one worker against two:\n%s", d)
		}
		if d := cmp.Diff(files(t, one), files(t, r)); d != "" {
			t.Errorf("findings' files of one worker against two:\n%s", d)
		}
	}
	shared := false
	for i := range r.Findings {
		f := &r.Findings[i]
		shared = shared || len(f.Devices) > 1
		if broken, err := f.Replay(io.Discard); err != nil || !broken {
			t.Errorf("%s (%s): broken %v, %v", f.ID, f.Symptom, broken, err)
		}
	}
	if !shared {
		t.Error("no defect shows on two devices: they are not put together")
	}
	var page strings.Builder
	if err := r.Markdown(&page); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(page.String(), "\n"); n < len(r.Findings)+len(r.Sweeps)+3 {
		t.Errorf("a page of %d lines for %d findings", n, len(r.Findings))
	}
}

// TestFailsUncut: a sweep whose software fails before it is cut, and that shows nothing else, is told of, and the campaign
// goes on.
func TestFailsUncut(t *testing.T) {
	layout := F429Guide
	layout.StorageSize = 16 << 10
	c := Campaign{
		Updates: []update.Sweep{{Device: explore.Device{Part: "stm32f429zi", Unit: 1}, Boot: layout, Old: 700, New: 200 << 10, Seed: 1}},
		KV:      []kv.Sweep{{Device: explore.Device{Sectors: "8x512", Unit: 8, Size: 4096}, Seed: 1, Collections: 1, MaxCuts: 200}},
	}
	r, err := c.Sweep(context.Background(), nil)
	if err != nil || len(r.Failed) != 1 || len(r.Findings) == 0 {
		t.Errorf("%v; %d sweeps left out, %d findings", err, len(r.Failed), len(r.Findings))
	}
}

// TestMost: a campaign judges at most what it may in all its sweeps together, and nearly as much where it can.
func TestMost(t *testing.T) {
	small := func(most uint64) Campaign {
		c := DefaultCampaign(kvstore.MbedCE, 1)
		c.Small(most)
		return c
	}
	own, _, err := StoreCampaign(software(func(dev kvstore.BlockDevice) *kvstore.TDBStore { return kvstore.NewTDB(dev, kvstore.Options{}) }), "",
		explore.Device{Sectors: "8x512", Unit: 8, Size: 4096}, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	deep := own
	deep.Most = 200
	for _, c := range []struct {
		name string
		Campaign
		least uint64
	}{
		{"1 of the small campaign", small(1), 1},
		{"60 of the small campaign", small(60), 30},
		{"400 of the small campaign", small(400), 320},
		{"200 of a store with second cuts", deep, 125},
	} {
		r, err := c.Sweep(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := r.Stats.Cuts + r.Stats.Second; n > c.Most || n < c.least {
			t.Errorf("%s: %d judged, want %d to %d", c.name, n, c.least, c.Most)
		}
		if c.Env.Software != nil && r.Stats.Second == 0 {
			t.Errorf("%s: no second cut", c.name)
		}
	}
}

package fuzz

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/kvstore"
)

// little is the default campaign in small.
func little() Campaign {
	c := DefaultCampaign(kvstore.MbedCE, 1)
	c.KV = c.KV[1:4]
	for i := range c.KV {
		c.KV[i].Collections, c.KV[i].MaxCuts, c.KV[i].Deep = 2, 900, false
	}
	c.Updates = c.Updates[:1]
	c.Live, c.Attacked, c.Lives, c.Failing = c.Live[3:5], nil, c.Lives[:1], c.Failing[:1]
	c.Failing[0].MaxCuts = 100
	c.Updates[0].MaxCuts = 400
	c.Tries = 30
	return c
}

// TestCampaign: the findings of several devices come together, replay, and do not depend on the
// number of workers.
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
	r := run(1)
	if d := cmp.Diff(r, run(2)); d != "" {
		t.Errorf("one worker against two:\n%s", d)
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
	r.Markdown(&page)
	if n := strings.Count(page.String(), "\n"); n < len(r.Findings)+len(r.Sweeps)+3 {
		t.Errorf("a page of %d lines for %d findings", n, len(r.Findings))
	}
}

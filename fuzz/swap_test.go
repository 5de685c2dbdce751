package fuzz

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
	"dualbank/internal/long"
)

// TestSwapCampaign: what the field reports of updates that swap the banks comes out, and nothing else: a cut while the
// options are written locks the part where it leaves a mismatch, and a driver that goes by the address erases the image
// that runs after a swap. Each of both is one cause.
func TestSwapCampaign(t *testing.T) {
	long.Test(t)
	c := SwapCampaign(1)
	c.Tries = 4
	for i := range c.Updates {
		if c.Updates[i].Device.Part != "" {
			c.Updates[i].MaxCuts = 100
		}
	}
	for i := range c.Lives {
		c.Lives[i].Lives = 3
	}
	r, err := c.Run(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if rows := names(cause.Rows(r.Findings)); !slices.Equal(slices.Sorted(slices.Values(rows)), []string{explore.BlindDriver, explore.OptionWrite}) {
		t.Errorf("causes %v", rows)
	}
	has := map[string]bool{}
	for i := range r.Findings {
		f := &r.Findings[i]
		kind := f.Symptom.Kind
		has[kind+" "+f.Symptom.Error] = true
		switch {
		case f.Symptom.Error == "LOCKED":
			if f.Place.Part != "options" || f.Cause != explore.OptionWrite || !slices.Contains(f.Modes, "torn") {
				t.Errorf("%s: %v at %v, modes %v", f.ID, f.Symptom, f.Place, f.Modes)
			}
			for _, d := range f.Devices {
				if strings.Contains(d, "h743") || strings.Contains(d, "h563") {
					t.Errorf("%s is locked, where a cut keeps the old options", d)
				}
			}
		case !slices.ContainsFunc(f.Devices, func(d string) bool { return strings.Contains(d, "ignores") }):
			t.Errorf("%s: %v at %v on %v: %s", f.ID, f.Symptom, f.Place, f.Devices, f.Seen)
		}
		if _, broken, err := f.ReplayIn(io.Discard, explore.Env{}); err != nil || !broken {
			t.Errorf("%s: replayed %v, %v", f.ID, broken, err)
		}
	}
	for _, want := range []string{"never-boots LOCKED", "write-outside ", "never-boots HALT", "older-runs "} {
		if !has[want] {
			t.Errorf("no finding %q", want)
		}
	}
}

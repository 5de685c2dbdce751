package edge

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/internal/long"
	"dualbank/kvstore"
)

// known is what the probes find in the reference, by probe and kind of symptom: docs/findings.md explains each.
var known = map[string]string{
	"names":          "back unreadable",
	"full-area":      "op-fails",
	"area-versions":  "changed",
	"secure-sizes":   "offset-beyond",
	"provisioning":   "reserved-copy root-refused",
	"clearing-erase": "changed",
	"resets":         "changed unreadable",
	"slots":          "intact-halts",
	"retries":        "over-itself",
	"damage":         "intact-halts damaged-runs bad-runs",
	"image-sizes":    "never-boots oversize-taken",
	"periodic":       "no-progress",
}

// slow are the probes that take a second under the race detector.
var slow = map[string]bool{"provisioning": true, "clearing-erase": true, "sizes": true, "reserved-twice": true}

// TestProbes: each probe judges something, and finds what the reference is known for and nothing else; each finding
// replays, through its file too.
func TestProbes(t *testing.T) {
	names := map[string]bool{}
	for i := range Probes {
		p := &Probes[i]
		if names[p.Name] || p.What == "" {
			t.Errorf("probe %q is not one of its own", p.Name)
		}
		names[p.Name] = true
		if slow[p.Name] && !long.Enabled() {
			continue
		}
		s, err := Sweep{Probe: p, Profile: kvstore.MbedCE}.Run(context.Background())
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		if s.Stats.Judged < 20 {
			t.Errorf("%s: %d judged", p.Name, s.Stats.Judged)
		}
		kinds := map[string]bool{}
		for k := range s.Findings {
			f := &s.Findings[k]
			kinds[f.Symptom.Kind] = true
			if !strings.Contains(known[p.Name], f.Symptom.Kind) {
				t.Errorf("%s: %v (%v): expected %s, seen %s", p.Name, f.Symptom, f.Place, f.Expected, f.Seen)
			}
			if strings.Contains(f.Symptom.String(), "{") || strings.HasPrefix(f.Symptom.String(), f.Symptom.Kind) {
				t.Errorf("%s: %q has no words", p.Name, f.Symptom.Kind)
			}
			text, err := f.Text()
			if err != nil {
				t.Fatal(err)
			}
			read, err := explore.ParseFinding(text)
			if err != nil {
				t.Fatal(err)
			}
			var story bytes.Buffer
			if broken, err := read.Replay(&story); err != nil || !broken || !strings.Contains(story.String(), "trial    "+p.Name) {
				t.Errorf("%s: %v replays: %v, %v\n%s", p.Name, f.Symptom, broken, err, &story)
			}
		}
		for _, kind := range strings.Fields(known[p.Name]) {
			if !kinds[kind] {
				t.Errorf("%s: does not find %s any more", p.Name, kind)
			}
		}
	}
}

// TestBadCases: a case that cannot be run is one line that says what is wrong.
func TestBadCases(t *testing.T) {
	for want, c := range map[string]Case{
		"edge.probe":   {Probe: "nothing", Profile: "MbedCE"},
		"edge.profile": {Probe: "names", Profile: "Other"},
		"edge.trial":   {Probe: "names", Profile: "MbedCE", Trial: -1},
		"no trial 999": {Probe: "names", Profile: "MbedCE", Trial: 999},
		"edge.defects": {Probe: "names", Profile: "MbedCE", Defects: explore.Planted{"x": 1}},
	} {
		_, err := c.Replay(io.Discard, explore.Env{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: error %v, want one line with %q", c, err, want)
		}
	}
}

// TestMost: a sweep that may judge little ends early.
func TestMost(t *testing.T) {
	all, err := Sweep{Probe: &Probes[0], Profile: kvstore.MbedCE}.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	few, err := Sweep{Probe: &Probes[0], Profile: kvstore.MbedCE, Most: 5}.Run(context.Background())
	if err != nil || few.Stats.Judged >= all.Stats.Judged || few.Stats.Judged == 0 {
		t.Errorf("%+v of %+v, %v", few.Stats, all.Stats, err)
	}
}

package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"dualbank/fuzz"
	"dualbank/fuzz/fleet/board"
	"dualbank/kvstore"
	"dualbank/results/unit"
)

// TestProgressLines: without a terminal a job says every 30 s how far it is, how fast it goes and how long it may take.
func TestProgressLines(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	r := &reporter{w: &out, now: func() time.Time { return now }, start: now, last: now}
	for i := range uint64(100) {
		stage := "small"
		if i >= 50 {
			stage = "large"
		}
		r.show(stage, i, 100)
		now = now.Add(time.Second)
	}
	r.show("findings", 0, 7) // another job
	now = now.Add(40 * time.Second)
	r.show("findings", 1, 7)
	want := []string{
		"dualbank: small: 30 %, 60 % a minute, 1m10s left",
		"dualbank: large: 60 %, 60 % a minute, 40s left",
		"dualbank: large: 90 %, 60 % a minute, 10s left",
		"dualbank: findings: 14 %, 21 % a minute, 4m0s left",
	}
	if got := strings.Split(strings.TrimSpace(out.String()), "\n"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("lines\n%s\nwant\n%s", out.String(), strings.Join(want, "\n"))
	}
}

// TestCampaignLines: a campaign's line has the sweep, cuts a second, the time left, causes until now and the newest one, as
// its stages tell them; behind the sweeps it has no sweep.
func TestCampaignLines(t *testing.T) {
	var out bytes.Buffer
	w, stop, err := (&fleetFlags{}).follow(terminal{err: &out}, "title", &fuzz.Campaign{})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	c := fuzz.DefaultCampaign(kvstore.MbedCE, 1)
	live := fuzz.Campaign{Live: c.Live[3:5], Workers: 1}
	live.Tell = w.tell
	r, err := live.Sweep(t.Context(), w.show)
	if err != nil || len(r.Findings) == 0 {
		t.Fatalf("%d findings, %v", len(r.Findings), err)
	}
	for w.now().Newest == "" || len(w.now().Waiting) > 0 {
		time.Sleep(time.Millisecond)
	}
	w.rate = board.Rate{}
	w.rate.Add(time.Now().Add(-2*time.Second), 0)
	w.rate.Add(time.Now(), 2468)
	clock := time.Unix(0, 0)
	rep := &reporter{w: &out, now: func() time.Time { return clock }, also: w.line, start: clock, last: clock}
	stage := w.stage(w.sweep)
	rep.show(stage, 0, 100)
	clock = clock.Add(40 * time.Second)
	rep.show(stage, 50, 100)
	w.show("finding causes", 1, 2)
	rep.show(w.stage("finding causes"), 51, 100)
	clock = clock.Add(40 * time.Second)
	rep.show("finding causes", 90, 100)
	n, newest := w.outcome.Causes()
	found := regexp.QuoteMeta(fmt.Sprintf("%s, newest %s", unit.Plural(n, "cause"), newest))
	if !regexp.MustCompile(`(?s)^dualbank: sweep 2 of 2: 50 %, \d+ cuts/s, 40s left, ` + found + `, now \S[^\n]+no cut\ndualbank: finding causes: 90 %, 9s left, ` + found + `\n$`).MatchString(out.String()) {
		t.Errorf("lines\n%s", out.String())
	}
}

// TestQuiet: a result of many lines is cut to 15, and says how to see the rest and where it is.
func TestQuiet(t *testing.T) {
	for _, c := range []struct {
		lines   int
		verbose bool
		want    int
	}{{1, false, 3}, {13, false, 15}, {14, false, 15}, {400, false, 15}, {400, true, 402}} {
		var out bytes.Buffer
		q := quiet{Verbose: c.verbose}
		if err := q.print(&out, strings.Repeat("line\n", c.lines), "out/report.html"); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if n := strings.Count(text, "\n"); n != c.want || !strings.HasSuffix(text, "\n\nout/report.html\n") {
			t.Errorf("%d lines, verbose %v: %d printed, want %d\n%s", c.lines, c.verbose, n, c.want, text)
		}
		if cut := strings.Contains(text, "more lines: add -v"); cut != (c.want == 15 && c.lines > 13) {
			t.Errorf("%d lines, verbose %v: cut %v", c.lines, c.verbose, cut)
		}
	}
}

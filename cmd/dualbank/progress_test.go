package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
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

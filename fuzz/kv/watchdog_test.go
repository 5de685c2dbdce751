package kv

import (
	"context"
	"io"
	"strings"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/film"
	"dualbank/fuzz/kv/script"
	"dualbank/internal/long"
	"dualbank/kvstore"
)

// TestWatchdogSweep: an operation that takes longer than the watchdog waits never ends, one that does not is not
// disturbed; the limits are those of the data sheet's times.
func TestWatchdogSweep(t *testing.T) {
	for _, tt := range []struct {
		name           string
		driver, corner string
		longest        string // time to wait that is too short; "": none is
	}{
		// 64 KiB are erased in 550 ms and in 1.1 s, with interrupts masked.
		{"masked", "mbed", "typ", "500ms"},
		{"masked, maximum times", "mbed", "max", "1s"},
		{"with interrupts", "word", "max", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.longest == "1s" {
				long.Test(t)
			}
			c := Watched{Sweep: Sweep{Device: f429, Seed: 1}, Driver: tt.driver, Corner: tt.corner}
			s, err := c.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if tt.longest == "" {
				if len(s.Findings) > 0 || s.Stats.Cuts > 0 {
					t.Errorf("%d findings, %d resets", len(s.Findings), s.Stats.Cuts)
				}
				return
			}
			if len(s.Findings) != 1 || s.Stats.Cuts == 0 {
				t.Fatalf("%d findings, %d resets", len(s.Findings), s.Stats.Cuts)
			}
			f := &s.Findings[0]
			before := f.Case.Len()
			f.Minimize(30, explore.Env{})
			shows(t, f, nil)
			if f.Case.Len() > before {
				t.Errorf("%d operations became %d", before, f.Case.Len())
			}
			if p := f.Case.(*Case).Watchdog.Period; p != tt.longest {
				t.Errorf("the longest time that is too short is %s, want %s", p, tt.longest)
			}
		})
	}
}

// TestBadWatchdogs: a case whose watchdog cannot be is an error that names the field.
func TestBadWatchdogs(t *testing.T) {
	good := (&Sweep{Device: f429, Profile: kvstore.MbedCE}).caseOf(JudgeWatchdog, script.Steps([]script.Op{{Kind: script.Set, Key: "a", Size: 3}}), nil)
	dog := explore.Watchdog{Driver: "word", Corner: "typ", Period: "1s"}
	good.Watchdog = &dog
	if _, err := good.Replay(io.Discard, explore.Env{}); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(c *Case, w *explore.Watchdog){
		"device":          func(c *Case, _ *explore.Watchdog) { c.On.Part = "z80" },
		"watchdog.driver": func(_ *Case, w *explore.Watchdog) { w.Driver = "none" },
		"watchdog.corner": func(_ *Case, w *explore.Watchdog) { w.Corner = "sampled" },
		"watchdog.period": func(_ *Case, w *explore.Watchdog) { w.Period = "soon" },
		"kv.watchdog":     func(c *Case, _ *explore.Watchdog) { c.Watchdog = nil },
		"kv.profile":      func(c *Case, _ *explore.Watchdog) { c.Profile = "" },
		"kv.script":       func(c *Case, _ *explore.Watchdog) { c.Steps = nil },
	} {
		c, w := *good, dog
		c.Watchdog = &w
		spoil(&c, &w)
		if _, err := c.Replay(io.Discard, explore.Env{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestWatchdogFilm: the film of a replay is of the last operation.
func TestWatchdogFilm(t *testing.T) {
	c := (&Sweep{Device: f429, Profile: kvstore.MbedCE}).caseOf(JudgeWatchdog, script.Steps([]script.Op{
		{Kind: script.Set, Key: "a", Size: 3}, {Kind: script.Set, Key: "b", Size: 3}, {Kind: script.Set, Key: "c", Size: 3},
	}), nil)
	c.Watchdog = &explore.Watchdog{Driver: "word", Corner: "typ", Period: "1s"}
	cam := new(film.Camera)
	if _, err := c.Replay(io.Discard, explore.Env{Film: cam}); err != nil {
		t.Fatal(err)
	}
	got := cam.Film()
	for i := range got.Frames {
		if f := &got.Frames[i]; f.Scene != `set "c", 3 bytes` {
			t.Errorf("frame %d: %s: %s", i, f.Scene, f.Text)
		}
	}
	if len(got.Frames) < 4 {
		t.Errorf("%d frames", len(got.Frames))
	}
}

package update

import (
	"context"
	"io"
	"strings"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/internal/long"
)

// TestWatchdogSweep: an install that takes longer than the watchdog waits never ends, one that does not is not
// disturbed; the limits are those of the data sheet's times.
func TestWatchdogSweep(t *testing.T) {
	long.Test(t)
	for _, tt := range []struct {
		name           string
		driver, corner string
		longest        string // time to wait that is too short
	}{
		// 2 x 16, 64 and 128 KiB are erased in 2.05 s, then 100 KiB programmed: in 1.6 s byte by byte.
		{"install", "mbed", "typ", "2s"},
		{"install, maximum times", "mbed", "max", "8s"},
		{"install by words", "word", "typ", "2s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Watched{Sweep: Sweep{Device: f429, Boot: f429Guide, Old: 100 << 10, New: 100 << 10, Seed: 1}, Driver: tt.driver, Corner: tt.corner}
			s, err := c.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Findings) != 1 || s.Stats.Cuts == 0 {
				t.Fatalf("%d findings, %d resets", len(s.Findings), s.Stats.Cuts)
			}
			f := &s.Findings[0]
			if n := f.Minimize(100, explore.Env{}); n != 1 {
				t.Errorf("an install stays as it is: %d replays", n)
			}
			shows(t, f, explore.Env{})
			k := f.Case.(*Case)
			if k.Watchdog.Period != tt.longest {
				t.Errorf("the longest time that is too short is %s, want %s", k.Watchdog.Period, tt.longest)
			}
			if !strings.Contains(f.Devices[0], "driver "+tt.driver+", "+tt.corner) || !strings.Contains(f.Place.String(), tt.driver) {
				t.Errorf("devices %v, place %v", f.Devices, f.Place)
			}
		})
	}
}

// TestBadWatchdogs: a case whose watchdog cannot be is an error that names the field.
func TestBadWatchdogs(t *testing.T) {
	s := &Sweep{Device: f429, Boot: f429Guide, Old: 10, New: 10, Seed: 1}
	good := s.caseOf(JudgeWatchdog, s.script())
	dog := explore.Watchdog{Driver: "word", Corner: "typ", Period: "8s"}
	good.Watchdog = &dog
	if _, err := good.Replay(io.Discard, explore.Env{}); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(c *Case, w *explore.Watchdog){
		"device":          func(c *Case, _ *explore.Watchdog) { c.On.Part = "z80" },
		"watchdog.driver": func(_ *Case, w *explore.Watchdog) { w.Driver = "none" },
		"watchdog.corner": func(_ *Case, w *explore.Watchdog) { w.Corner = "sampled" },
		"watchdog.period": func(_ *Case, w *explore.Watchdog) { w.Period = "soon" },
		"update.watchdog": func(c *Case, _ *explore.Watchdog) { c.Watchdog = nil },
		"update.client":   func(c *Case, _ *explore.Watchdog) { c.Client = "" },
		"update.script":   func(c *Case, _ *explore.Watchdog) { c.Steps = c.Steps[:1] },
	} {
		c, w := *good, dog
		c.Watchdog = &w
		spoil(&c, &w)
		if _, err := c.Replay(io.Discard, explore.Env{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

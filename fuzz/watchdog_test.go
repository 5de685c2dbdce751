package fuzz

import (
	"context"
	"io"
	"strings"
	"testing"

	"dualbank/kvstore"
)

// TestWatchdogSweep: what takes longer than the watchdog waits never ends, what does not is not disturbed; the
// limits are those of the data sheet's times.
func TestWatchdogSweep(t *testing.T) {
	update := WatchdogSweep{Device: Device{Part: "stm32f429zi", Unit: 1}, Boot: F429Guide, Old: 100 << 10, New: 100 << 10, Seed: 1}
	store := WatchdogSweep{Device: F429KV, Seed: 1}
	for _, tt := range []struct {
		name           string
		sweep          WatchdogSweep
		driver, corner string
		longest        string // time to wait that is too short; "": none is
	}{
		// 2 x 16, 64 and 128 KiB are erased in 2.05 s, then 100 KiB programmed: in 1.6 s byte by byte.
		{"install", update, "mbed", "typ", "2s"},
		{"install, maximum times", update, "mbed", "max", "8s"},
		{"install by words", update, "word", "typ", "2s"},
		// 64 KiB are erased in 550 ms and in 1.1 s, with interrupts masked.
		{"store", store, "mbed", "typ", "500ms"},
		{"store, maximum times", store, "mbed", "max", "1s"},
		{"store with interrupts", store, "word", "max", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.sweep.Driver, tt.sweep.Corner = tt.driver, tt.corner
			s, err := SweepWatchdog(context.Background(), tt.sweep)
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
			before := f.Length()
			f.Minimize(100)
			var story strings.Builder
			if broken, err := f.Replay(&story); err != nil || !broken || f.Length() > before {
				t.Errorf("replayed: %v, %v; %d operations or bytes of %d", broken, err, f.Length(), before)
			}
			if f.Watchdog.Period != tt.longest {
				t.Errorf("the longest time that is too short is %s, want %s\n%s", f.Watchdog.Period, tt.longest, &story)
			}
		})
	}
}

func TestBadWatchdogs(t *testing.T) {
	good := WatchdogCase{Device: F429KV, Driver: "word", Corner: "typ", Period: "1s", Profile: kvstore.MbedCE.String(), Ops: []Op{{Kind: OpSet, Key: "a", Size: 3}}}
	if _, err := good.replay(io.Discard); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(c *WatchdogCase){
		"watchdog.device":  func(c *WatchdogCase) { c.Device.Part = "z80" },
		"watchdog.driver":  func(c *WatchdogCase) { c.Driver = "none" },
		"watchdog.corner":  func(c *WatchdogCase) { c.Corner = "sampled" },
		"watchdog.period":  func(c *WatchdogCase) { c.Period = "soon" },
		"watchdog.profile": func(c *WatchdogCase) { c.Profile = "" },
		"watchdog.client":  func(c *WatchdogCase) { c.Boot, c.Old, c.New = F429Guide, 10, 10 },
		"kv.ops":           func(c *WatchdogCase) { c.Ops = nil },
	} {
		c := good
		spoil(&c)
		if _, err := c.replay(io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

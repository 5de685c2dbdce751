package update

import (
	"context"
	"slices"
	"testing"

	"dualbank/boot"
	"dualbank/fuzz/explore"
)

// halves is a small flash of two banks, with bootloader, image and something else in each.
var (
	halves   = explore.Device{Sectors: "32x2K", Start: 0x08000000, Unit: 8, Swap: explore.SwapFollowed}
	swapping = boot.Config{
		Details: 0x08002000, AppStart: 0x08002400, MaxAppSize: 0x3C00, StorageAddr: 0x0800A000, StorageSize: 0x4000, Locations: 1,
		StoragePage: 8, BootRetries: 3, CopyRetries: 1, ResetReason: true, Swap: true,
	}
)

// TestSwapSweep: an update that swaps the banks survives every cut, also in the boot after one, but for a cut of the
// option bytes that leaves a mismatch.
func TestSwapSweep(t *testing.T) {
	for _, client := range []boot.Generation{boot.ClientNew, boot.ClientOld} {
		c := Sweep{Device: halves, Boot: swapping, Client: client, Old: 700, New: 900, Seed: 1, Modes: []string{"before", "after"}, Deep: 4}
		if s := sweep(t, c); len(s.Findings) > 0 {
			t.Errorf("%v: %v", client, s.Findings)
		}
		c.Modes = []string{"before", "after", "torn", "prefix"}
		s := sweep(t, c)
		if len(s.Findings) != 1 {
			t.Fatalf("%v: %v", client, s.Findings)
		}
		f := &s.Findings[0]
		if f.Symptom.Error != "LOCKED" || f.Place.Part != "options" || f.Count != 2 || !slices.Equal(f.Modes, []string{"prefix", "torn"}) {
			t.Errorf("%v: %v at %v, %d times, %v", client, f.Symptom, f.Place, f.Count, f.Modes)
		}
		shows(t, f, explore.Env{})
		c.Device.Keeps = true
		if s := sweep(t, c); len(s.Findings) > 0 {
			t.Errorf("%v, with option bytes that a cut keeps: %v", client, s.Findings)
		}
	}
	c := Sweep{Device: halves, Boot: swapping, Old: 700, New: 900, Seed: 1}
	c.Device.Swap = "perhaps"
	if _, err := Cut(context.Background(), c, nil); err == nil {
		t.Error("an unknown way with a swap is taken")
	}
	c.Device.Swap, c.Device.Keeps = "", true
	if _, err := Cut(context.Background(), c, nil); err == nil {
		t.Error("option bytes are kept where there are none")
	}
}

// TestSwapLives: devices live through updates that swap, one after the other; with a driver that ignores the swap the
// first update after one erases what runs.
func TestSwapLives(t *testing.T) {
	c := LifeSweep{Device: halves, Boot: swapping, Seed: 1}
	s, err := Lives(context.Background(), c)
	if err != nil || len(s.Findings) > 0 {
		t.Errorf("%v, %v", err, s.Findings)
	}
	c.Device.Swap = explore.SwapIgnored
	if s, err = Lives(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for i := range s.Findings {
		kinds[s.Findings[i].Symptom.Kind] = true
		shows(t, &s.Findings[i], explore.Env{})
	}
	if !kinds["write-outside"] || !kinds["never-boots"] {
		t.Errorf("%v", kinds)
	}
}

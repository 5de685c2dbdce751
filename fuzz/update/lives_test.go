package update

import (
	"context"
	"slices"
	"strings"
	"testing"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/internal/long"
)

// lifeLayouts are small devices: sectors of several sizes up and down, in the application and in a slot, and
// several slots.
var lifeLayouts = []LifeSweep{
	{Device: inputLayouts[0].device, Boot: inputLayouts[0].boot},
	{Device: inputLayouts[1].device, Boot: inputLayouts[1].boot},
	{Device: inputLayouts[2].device, Boot: inputLayouts[2].boot},
	{Device: explore.Device{Sectors: "22x1K+1x4K", Start: 0x08000000, Unit: 4}, Boot: boot.Config{
		Details: 0x08001000, AppStart: 0x08001400, MaxAppSize: 0x2C00, StorageAddr: 0x08004000, StorageSize: 0x2800, Locations: 2, StoragePage: 4,
	}},
	{Device: explore.Device{Sectors: "2x4K+1x16K+20x2K", Start: 0x08000000, Unit: 8}, Boot: boot.Config{
		Details: 0x08002000, AppStart: 0x08002400, MaxAppSize: 0x7C00, StorageAddr: 0x0800A000, StorageSize: 0x6000, Locations: 1, StoragePage: 8,
	}},
	{Device: f429, Boot: boot.Config{
		Details: 0x08008000, AppStart: 0x08008400, MaxAppSize: 0xF7C00, StorageAddr: 0x08100000, StorageSize: 0x100000, Locations: 1, StoragePage: 1,
	}, Most: 3000},
}

// lives runs a sweep of a client on software with defects, and lists the rules that break.
func lives(t *testing.T, c LifeSweep, client boot.Generation, d boot.Defects) (rules []int, s *explore.Sweep) {
	t.Helper()
	c.Client, c.Seed = client, 1
	c.Boot.BootRetries, c.Boot.CopyRetries, c.Boot.ResetReason, c.Boot.Defects = 3, 1, true, d
	s, err := Lives(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Findings {
		f := &s.Findings[i]
		if !slices.Contains(rules, f.Symptom.Rule) {
			rules = append(rules, f.Symptom.Rule)
		}
		shows(t, f, explore.Env{})
	}
	return rules, s
}

// TestLives: the newer client's lives break no rule on any layout; the older one installs what was never
// activated, which is what it is known for; each defect breaks its rule.
func TestLives(t *testing.T) {
	long.Test(t)
	for i, c := range lifeLayouts {
		if broken, s := lives(t, c, boot.ClientNew, 0); len(broken) > 0 {
			t.Errorf("%s: rules %v are broken", s.Map.Name, broken)
		}
		if i > 1 {
			continue
		}
		if broken, s := lives(t, c, boot.ClientOld, 0); !slices.Equal(broken, []int{RuleSound}) {
			t.Errorf("%s: rules %v are broken, want %d", s.Map.Name, broken, RuleSound)
		}
	}
	for _, tt := range []struct {
		d    boot.Defects
		want []int
	}{
		{boot.DefectSoftwareResets, []int{RuleRuns, RuleInside}}, // it gives the image up, and installs it again if it is still there
		{boot.DefectHeaderFirst, []int{RuleSound}},
		{boot.DefectIntentLost, []int{RuleInside}},
	} {
		broken, s := lives(t, lifeLayouts[0], boot.ClientNew, tt.d)
		if !slices.Equal(broken, tt.want) {
			t.Errorf("defect %b: rules %v are broken, want %v", tt.d, broken, tt.want)
		}
		f := &s.Findings[0]
		before := f.Case.Len()
		if f.Minimize(300, explore.Env{}); f.Case.Len() >= before || !f.Needs() {
			t.Errorf("defect %b: %d steps of %d; needs the defect: %v", tt.d, f.Case.Len(), before, f.Needs())
		}
	}
}

// TestLivesWithoutRoom: slots without room for an image are an error.
func TestLivesWithoutRoom(t *testing.T) {
	c := lifeLayouts[0]
	c.Boot.StorageSize = 0
	if _, err := Lives(context.Background(), c); err == nil || !strings.Contains(err.Error(), "slot 0 has 0 bytes") {
		t.Errorf("error %v", err)
	}
}

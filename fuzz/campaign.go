package fuzz

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dualbank/boot"
	"dualbank/kvstore"
)

// Campaign is a list of sweeps whose findings are put together: the same defect on several devices is
// one finding.
type Campaign struct {
	Live     []KVSweep // by LiveKV
	Attacked []KVSweep // by AttackKV
	Lives    []LifeSweep
	Watched  []WatchdogSweep
	Failing  []KVSweep // by FailKV
	Updates  []UpdateSweep
	KV       []KVSweep
	Guided   []GuidedSweep
	Workers  int    // 0: one for each processor
	Dir      string // folder for the journals; "": a campaign that is stopped starts anew
	Tries    int    // replays spent on making each finding smaller
}

// F429KV is the guide's KVStore region on the NUCLEO-F429ZI.
var F429KV = Device{Part: "stm32f429zi", Unit: 1, Base: 0x08100000, Size: 128 << 10}

// F429Guide is the porting guide's layout for the NUCLEO-F429ZI.
var F429Guide = boot.Config{
	Details: 0x08008000, AppStart: 0x08008400, MaxAppSize: 0xF7C00, StorageAddr: 0x08120000, StorageSize: 0xE0000,
	Locations: 1, StoragePage: 1, BootRetries: 3, CopyRetries: 1, ResetReason: true,
}

// DefaultCampaign is every cut of a KVStore workload on the F429's region and on three small geometries with
// program units of 1 and 8 bytes, each followed by second cuts: at every step of the recovery and of the set
// behind it where areas are small and units large, at some of these steps elsewhere; with weak cells, on
// flash with ECC; and of a small update with both clients. It takes some minutes on two processors.
func DefaultCampaign(p kvstore.Profile, seed uint64) Campaign {
	c := Campaign{Tries: 300}
	modes := []string{"before", "after", "torn", "prefix"}
	sweep := func(d Device, collections, deepSteps uint64, modes ...string) {
		c.KV = append(c.KV, KVSweep{
			Device: d, Profile: p, Seed: seed, Collections: collections, Modes: modes, Deep: true, DeepSteps: deepSteps,
		})
	}
	for _, unit := range []uint32{1, 8} {
		d := F429KV
		d.Unit = unit
		sweep(d, 3, 16, modes...)
		some := uint64(0)
		if unit == 1 {
			some = 128
		}
		sweep(Device{Sectors: "8x512", Unit: unit, Size: 4096}, 6, some, modes...)
		sweep(Device{Sectors: "4x1K+1x4K", Unit: unit, Size: 8192}, 6, some, modes...)
		sweep(Device{Sectors: "2x2K", Unit: unit, Size: 4096}, 6, some, modes...)
	}
	// What only cells between two values show, and what only flash with ECC does.
	sweep(Device{Sectors: "8x512", Unit: 1, Size: 4096}, 6, 16, "weak")
	sweep(Device{Part: "stm32l496zg", Unit: 8, Base: 0x080F0000, Size: 8192}, 3, 0, append(modes, "ecc")...)
	for _, client := range []boot.Generation{boot.ClientNew, boot.ClientOld} {
		c.Updates = append(c.Updates, UpdateSweep{
			Device: Device{Part: "stm32f429zi", Unit: 1}, Boot: F429Guide, Client: client, Old: 20000, New: 20000, Seed: seed, Modes: modes,
		})
	}
	c.Updates = append(c.Updates, UpdateSweep{
		Device: Device{Part: "stm32l496zg", Unit: 8}, Boot: L496Update, Old: 20000, New: 20000, Seed: seed, Modes: append(modes, "ecc"),
	})
	for _, driver := range []string{"mbed", "word"} {
		for _, corner := range []string{"typ", "max"} {
			c.Watched = append(c.Watched,
				WatchdogSweep{Device: F429KV, Driver: driver, Corner: corner, Seed: seed, Profile: p},
				WatchdogSweep{Device: Device{Part: "stm32f429zi", Unit: 1}, Driver: driver, Corner: corner, Seed: seed, Boot: F429Guide, Old: 400 << 10, New: 400 << 10})
		}
	}
	c.Guided = []GuidedSweep{
		{Target: "FuzzKV", Seed: seed, Runs: 64000},
		{Target: "FuzzSecure", Seed: seed, Runs: 16000},
		{Target: "FuzzUpdate", Seed: seed, Runs: 32000},
	}
	c.check(p, seed)
	return c
}

// L496Update is the layout of the bootloader's own example for an STM32L4 with pages of 2 KiB: the
// header in a page of its own, one slot.
var L496Update = boot.Config{
	Details: 0x08008000, AppStart: 0x08008800, MaxAppSize: 0x37800, StorageAddr: 0x08080000, StorageSize: 0x40000,
	Locations: 1, StoragePage: 8, BootRetries: 3, CopyRetries: 1, ResetReason: true,
}

// shallow leaves out the second cuts at the steps of recoveries.
func (c *Campaign) shallow() {
	c.KV = slices.Clone(c.KV)
	for i := range c.KV {
		c.KV[i].Deep, c.KV[i].DeepSteps = false, 0
	}
}

// Small leaves the small geometries, without cuts in recoveries, about so many cuts of each
// sweep, and little time for making findings small.
func (c *Campaign) Small(cuts uint64) {
	large := func(s KVSweep) bool { return s.Device.Part != "" }
	c.KV, c.Live = slices.DeleteFunc(c.KV, large), slices.DeleteFunc(c.Live, large)
	c.shallow()
	c.Watched = nil
	c.Tries = 20
	for i := range c.KV {
		c.KV[i].MaxCuts = cuts
	}
	for i := range c.Failing {
		c.Failing[i].MaxCuts = min(cuts, 500)
	}
	for i := range c.Updates {
		c.Updates[i].MaxCuts = cuts
	}
	for i := range c.Guided {
		c.Guided[i].Runs = cuts
	}
}

// CampaignResult is what a campaign found, and what it covered.
type CampaignResult struct {
	Planned  int // sweeps of the whole campaign
	Sweeps   []*Sweep
	Findings []Finding
	Stats    Stats
}

// Run sweeps and makes the findings small.
func (c *Campaign) Run(ctx context.Context, progress func(sweep string, done, total uint64)) (*CampaignResult, error) {
	r, err := c.Sweep(ctx, progress)
	if err != nil {
		return r, err
	}
	return r, r.Minimize(ctx, c.Tries, progress)
}

// Sweep runs the sweeps, telling progress which one it is at. When ctx ends, it returns what is complete
// until then together with ctx's error. The result is a function of c without Workers.
func (c *Campaign) Sweep(ctx context.Context, progress func(sweep string, done, total uint64)) (*CampaignResult, error) {
	if c.Dir != "" {
		if err := os.MkdirAll(c.Dir, 0o755); err != nil {
			return nil, err
		}
	}
	r := &CampaignResult{}
	tell := func(name string) func(done, total uint64) {
		if progress == nil {
			return nil
		}
		return func(done, total uint64) { progress(name, done, total) }
	}
	var err error
	tasks := c.tasks()
	r.Planned = len(tasks)
	for i, t := range tasks {
		var done *Sweep
		done, err = t.run(ctx, setting{workers: c.Workers, journal: c.journal(i), progress: tell(t.name)})
		if r.add(done); err != nil {
			break
		}
	}
	r.sort()
	return r, err
}

// Minimize makes the findings small, with so many replays for each. When ctx ends, the rest stay as they
// are.
func (r *CampaignResult) Minimize(ctx context.Context, tries int, progress func(sweep string, done, total uint64)) error {
	for i := range r.Findings {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.Findings[i].Minimize(tries)
		if progress != nil {
			progress("making findings small", uint64(i+1), uint64(len(r.Findings)))
		}
	}
	return nil
}

func (c *Campaign) journal(i int) string {
	if c.Dir == "" {
		return ""
	}
	return filepath.Join(c.Dir, fmt.Sprintf("sweep%02d.journal", i))
}

// add puts the findings of a sweep to those of the others: the case of the first is kept.
func (r *CampaignResult) add(s *Sweep) {
	if s == nil {
		return
	}
	r.Sweeps = append(r.Sweeps, s)
	r.Stats.add(s.Stats)
	for _, f := range s.Findings {
		i := slices.IndexFunc(r.Findings, func(o Finding) bool { return o.ID == f.ID })
		if i < 0 {
			r.Findings = append(r.Findings, f)
			continue
		}
		o := &r.Findings[i]
		o.Count += f.Count
		for _, d := range f.Devices {
			if !slices.Contains(o.Devices, d) {
				o.Devices = append(o.Devices, d)
			}
		}
		for _, m := range f.Modes {
			if !slices.Contains(o.Modes, m) {
				o.Modes = append(o.Modes, m)
				slices.Sort(o.Modes)
			}
		}
	}
}

func (r *CampaignResult) sort() { slices.SortStableFunc(r.Findings, graver) }

// covered says what a sweep covered.
func (s *Sweep) covered() string {
	switch {
	case s.Map.Steps == 0 && s.Map.Sampling != "":
		return fmt.Sprintf("%d runs judged; %s", s.Stats.Judged, s.Map.Sampling)
	case s.Map.Steps == 0:
		return fmt.Sprintf("%d states judged", s.Stats.Judged)
	}
	var modes []string
	for _, r := range s.Map.Rows {
		modes = append(modes, r.Mode)
	}
	text := fmt.Sprintf("%d steps, %s; modes %s; %d cuts, %d judged, %d equal to one judged before",
		s.Map.Steps, s.Map.Sampling, strings.Join(modes, ", "), s.Stats.Cuts, s.Stats.Judged, s.Stats.Equal)
	if s.Stats.Second > 0 {
		text += fmt.Sprintf("; %d second cuts", s.Stats.Second)
	}
	return text
}

// Markdown writes the findings as a page for people.
func (r *CampaignResult) Markdown(w io.Writer) {
	for _, s := range r.Sweeps {
		fmt.Fprintf(w, "- %s: %s\n", s.Map.Name, s.covered())
	}
	fmt.Fprintf(w, "\n| severity | rule | what | where the cut hits | modes | cuts | devices | reproducer |\n|---|---|---|---|---|---|---|---|\n")
	for i := range r.Findings {
		f := &r.Findings[i]
		modes := strings.Join(f.Modes, " ")
		if modes == "" {
			modes = "no cut needed"
		}
		fmt.Fprintf(w, "| %s | %s %d | %s | %s | %s | %d | %s | `%s.json` |\n",
			f.Severity, f.Subject, f.Rule, f.Symptom, f.Place, modes, f.Count, strings.Join(f.Devices, "; "), f.ID)
	}
}

package fuzz

import (
	"context"
	"fmt"
	"io"
	"time"

	"dualbank/boot"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/part"
	"dualbank/results"
)

// WatchdogSweep lets a watchdog reset the device in the middle of what takes longer than it waits: RAM is kept,
// the device boots and begins again. What never comes to its end is a violation: the install of an update,
// with a watchdog that nobody feeds in the bootloader; or a set of the KVStore, with one that the
// application feeds whenever it can. From the longest time to wait on each is tried, down to what is too
// short for anybody.
type WatchdogSweep struct {
	Device Device // a part; with the region of the store, if that is what is written
	Driver string // name of a flash driver of the model
	Corner string // "typ" or "max"
	Seed   uint64
	// An update:
	Boot     boot.Config
	Client   boot.Generation
	Old, New uint32 // bytes of firmware; 0: no update, but the store
	// A store:
	Profile kvstore.Profile
	Ops     []Op // nil: a workload made from Seed with one collection
	Defects kvstore.Defects
}

// WatchdogCase is one time to wait that is too short.
type WatchdogCase struct {
	Device  Device          `json:"device"`
	Driver  string          `json:"driver"`
	Corner  string          `json:"corner"`
	Period  string          `json:"period"` // that the watchdog waits, as time.Duration spells it
	Seed    uint64          `json:"seed"`
	Boot    boot.Config     `json:"boot,omitzero"`
	Client  string          `json:"client,omitempty"`
	Old     uint32          `json:"old,omitempty"`
	New     uint32          `json:"new,omitempty"`
	Profile string          `json:"profile,omitempty"`
	Ops     []Op            `json:"ops,omitempty"`
	Defects kvstore.Defects `json:"defects,omitempty"`
}

// periods are from the longest that an STM32's independent watchdog can wait (RM0090: 4096 x 256 / 32 kHz) to
// a quarter of a second.
var periods = []time.Duration{
	32768 * time.Millisecond, 16 * time.Second, 8 * time.Second, 4 * time.Second, 2 * time.Second, time.Second, 500 * time.Millisecond, 250 * time.Millisecond,
}

// attempts is how often the same is begun again. Nothing changes from one attempt to the next but what the
// bootloader counts, to three as a rule.
const attempts = 12

// SweepWatchdog runs the sweep. The result is a function of c.
func SweepWatchdog(ctx context.Context, c WatchdogSweep) (*Sweep, error) {
	what := "sets of the KVStore"
	if c.New > 0 {
		what = fmt.Sprintf("an install, %v client", c.Client)
	}
	s := &Sweep{Map: results.CutMap{Name: fmt.Sprintf("watchdog resets in %s, %v, driver %s, %s", what, &c.Device, c.Driver, c.Corner)}}
	if c.New == 0 && c.Ops == nil {
		ops, err := (&KVSweep{Device: c.Device, Profile: c.Profile, Seed: c.Seed, Collections: 1}).workload()
		if err != nil {
			return nil, err
		}
		c.Ops = ops
	}
	g := newGroups()
	var cases []*WatchdogCase
	for _, p := range periods {
		if ctx.Err() != nil {
			return s, ctx.Err()
		}
		wc := &WatchdogCase{
			Device: c.Device, Driver: c.Driver, Corner: c.Corner, Period: p.String(), Seed: c.Seed,
			Boot: c.Boot, Old: c.Old, New: c.New, Ops: c.Ops, Defects: c.Defects,
		}
		if c.New > 0 {
			wc.Client = c.Client.String()
		} else {
			wc.Profile = c.Profile.String()
		}
		t, err := wc.try(io.Discard)
		if err != nil {
			return nil, err
		}
		s.Stats.Cuts += t.resets
		s.Stats.Judged++
		for _, v := range t.bad {
			g.add(v, t.place, CutCase{Op: len(cases), Mode: noCut})
		}
		cases = append(cases, wc)
	}
	s.Findings = g.findings(func(f *Finding, at CutCase) {
		f.Subject = "KVStore"
		if c.New > 0 {
			f.Subject = "update"
		}
		f.Watchdog = cases[at.Op]
	})
	return s, nil
}

// watched is a device with a watchdog.
type watched struct {
	f      *model.Flash
	bad    []Violation
	place  Place
	resets uint64
}

// flash is the device of the case, its watchdog asleep.
func (c *WatchdogCase) flash() (*model.Flash, error) {
	chip, err := part.ByName(c.Device.Part)
	if err != nil {
		return nil, fmt.Errorf("watchdog.device: %w", err)
	}
	driver, err := part.DriverByName(c.Driver)
	if err != nil {
		return nil, fmt.Errorf("watchdog.driver: %w", err)
	}
	core, err := part.CoreByName(chip.Core)
	if err != nil {
		return nil, err
	}
	corner, ok := model.CornerByName(c.Corner)
	if !ok || corner == model.Sampled {
		return nil, fmt.Errorf("watchdog.corner: %q is unknown: use typ or max", c.Corner)
	}
	return model.New(model.Config{Part: chip, Driver: driver, Core: core, Corner: corner})
}

// try runs the case.
func (c *WatchdogCase) try(w io.Writer) (*watched, error) {
	period, err := time.ParseDuration(c.Period)
	if err != nil || period < time.Millisecond || period > time.Hour {
		return nil, fmt.Errorf("watchdog.period: %q is no time from 1ms to 1h", c.Period)
	}
	f, err := c.flash()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(w, "device   %v, driver %s, %s times, a watchdog of %v\n", &c.Device, c.Driver, c.Corner, period)
	t := &watched{f: f}
	dog := &model.Watchdog{Period: period, Seed: c.Seed}
	if c.New > 0 {
		dog.By = model.FedByNobody
		return t, c.install(t, w, dog)
	}
	dog.By, dog.Feed = model.FedByApplication, min(period/4, 10*time.Millisecond)
	return t, c.store(t, w, dog)
}

// install downloads the update without the watchdog, and lets the bootloader install it with.
func (c *WatchdogCase) install(t *watched, w io.Writer, dog *model.Watchdog) error {
	cfg := &UpdateSweep{Device: c.Device, Boot: c.Boot, Old: c.Old, New: c.New, Seed: c.Seed}
	var ok bool
	if cfg.Client, ok = boot.ParseGeneration(c.Client); !ok {
		return fmt.Errorf("watchdog.client: %q is unknown: use old or new", c.Client)
	}
	run, err := cfg.run(t.f)
	if err != nil {
		return err
	}
	client := boot.NewClient(c.Boot, t.f, cfg.Client, nil)
	j := newUpdateJudge(run, t.f)
	j.loader = boot.NewBootloader(c.Boot, t.f, t.f.CPU())
	for op := opPrepare; op < opInstall; op++ {
		if err := run.do(client, j.loader, op); err != nil {
			return fmt.Errorf("%s fails: %w", updateOpNames[op], err)
		}
	}
	if err := t.f.Run(model.App{Watchdog: dog}); err != nil {
		return fmt.Errorf("watchdog.period: %w", err)
	}
	t.place = c.place(updateOpNames[opInstall], "nobody")
	fmt.Fprintf(w, "update   from version 1, %d bytes, to version 2, %d bytes, %s client\n", c.Old, c.New, c.Client)
	reason := boot.Software
	for n := range attempts {
		t.f.Boot()
		start := t.f.Now()
		out := j.loader.Boot(reason, &j.ram)
		// Whatever runs at the end, the bootloader may not wait there for longer than the watchdog does.
		late := t.f.Now()-start >= t.f.Cycles(dog.Period)
		switch {
		case t.f.Off() || late:
			fmt.Fprintf(w, "boot %2d  reset by the watchdog after %.3g s\n", n+1, t.f.Seconds(t.f.Now()-start))
		case out.Result == boot.Jumped:
			fmt.Fprintf(w, "boot %2d  version %d runs\n", n+1, out.Version)
			j.running(" after resets by the watchdog")
			t.bad = j.bad
			return nil
		default:
			fmt.Fprintf(w, "boot %2d  %v, until the watchdog resets the device\n", n+1, out.Result)
		}
		t.resets++
		reason = boot.Watchdog
		if n == attempts/2 {
			reason, j.ram = boot.PowerOn, boot.RAM{} // somebody pulls the plug
		}
	}
	t.bad = append(t.bad, Violation{
		Rule: RuleRuns, Symptom: "the watchdog resets the bootloader again and again: no application runs",
		Expected: "some boot ends in an application", Seen: fmt.Sprintf("%d boots with a watchdog of %v, switched off and on once, and none does", attempts, dog.Period),
	})
	return nil
}

// store lets the operations run with the watchdog.
func (c *WatchdogCase) store(t *watched, w io.Writer, dog *model.Watchdog) error {
	kc := KVCase{Ops: c.Ops, Keys: keysOf(c.Ops), Live: true, Cut: CutCase{Mode: noCut}}
	if err := kc.check(); err != nil {
		return err
	}
	opts := kvstore.Options{CPU: t.f.CPU(), Defects: c.Defects}
	var ok bool
	if opts.Profile, ok = kvstore.ParseProfile(c.Profile); !ok {
		return fmt.Errorf("watchdog.profile: %q is unknown: use MbedCE or MbedOS", c.Profile)
	}
	dev, err := t.f.Region(c.Device.Base, c.Device.Size)
	if err != nil {
		return err
	}
	s := kvstore.NewTDB(dev, opts)
	if err := s.Open(); err != nil {
		return fmt.Errorf("the store does not open on an erased device (%v): %w", &c.Device, err)
	}
	if err := t.f.Run(model.App{Watchdog: dog}); err != nil {
		return fmt.Errorf("watchdog.period: %w", err)
	}
	for i := range c.Ops {
		op := &c.Ops[i]
		done := false
		for range attempts {
			start := t.f.Now()
			// What it returns is judged elsewhere, but for the reset.
			_ = op.do(s, t.f)
			if done = !t.f.Off(); done {
				break
			}
			t.resets++
			fmt.Fprintf(w, "%8d %v: reset by the watchdog after %.3g s\n", i, op, t.f.Seconds(t.f.Now()-start))
			t.f.Boot()
			if err := s.Open(); err != nil && !t.f.Off() {
				return nil // what a cut leaves is judged by SweepKV
			}
		}
		if !done {
			t.place = c.place(op.Kind.plain(), "the application")
			t.bad = append(t.bad, Violation{
				Rule: RuleWorks, Symptom: "the watchdog resets the device in every attempt of a " + op.Kind.plain(),
				Expected: "some attempt succeeds", Seen: fmt.Sprintf("%v is reset %d times by a watchdog of %v, driver %s", op, attempts, dog.Period, c.Driver),
			})
			return nil
		}
	}
	return nil
}

// place tells drivers and times apart: they are what decides.
func (c *WatchdogCase) place(op, by string) Place {
	return Place{Op: op, Part: fmt.Sprintf("watchdog fed by %s, driver %s, %s times", by, c.Driver, c.Corner)}
}

// replay runs the case again.
func (c *WatchdogCase) replay(w io.Writer) (*replayed, error) {
	t, err := c.try(w)
	if err != nil {
		return nil, err
	}
	re := &replayed{bad: t.bad, base: t.f.Start(), image: make([]byte, t.f.Size())}
	if c.New == 0 {
		re.base, re.image = c.Device.Base, re.image[:c.Device.Size]
	}
	t.f.Peek(re.base, re.image)
	return re, nil
}

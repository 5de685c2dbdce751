package kv

import (
	"context"
	"fmt"
	"io"
	"time"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/film"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/results"
)

// Watched is a sweep of watchdogs: the workload of Sweep runs on a part with its times, with a watchdog that the
// application feeds whenever it can. From the longest time to wait on each is tried, down to what is too short
// for any set. An operation that is reset in every attempt is a violation. On a store that is not of this module those
// are left out that one erase outlasts: there no store can help.
type Watched struct {
	Sweep  // Ops nil: a workload with one collection
	Driver string
	Corner string
}

// Run runs the sweep. The result is a function of c.
func (c *Watched) Run(ctx context.Context) (*explore.Sweep, error) {
	s := &explore.Sweep{Map: results.CutMap{Name: fmt.Sprintf("watchdog resets in sets of the KVStore, %v, driver %s, %s", &c.Device, c.Driver, c.Corner)}}
	made := Sweep{Device: c.Device, Profile: c.Profile, Seed: c.Seed, Ops: c.Ops, Collections: 1, New: c.New}
	ops, err := made.workload()
	if err != nil {
		return nil, err
	}
	g := explore.NewGroups()
	var cases []*Case
	least := time.Duration(0)
	if c.New != nil {
		if least, err = c.slowestErase(); err != nil {
			return nil, err
		}
	}
	for _, p := range explore.WatchdogPeriods {
		if ctx.Err() != nil {
			return s, ctx.Err()
		}
		if p <= least {
			break
		}
		k := c.caseOf(JudgeWatchdog, script.Steps(ops), nil)
		k.Watchdog = &explore.Watchdog{Driver: c.Driver, Corner: c.Corner, Period: p.String(), Seed: c.Seed}
		t, err := k.watch(io.Discard, nil, c.New)
		if err != nil {
			return nil, err
		}
		s.Stats.Cuts += t.resets
		s.Stats.Judged++
		for _, v := range t.Bad {
			g.Add(v, t.place, explore.Hit{Op: len(cases), Mode: explore.NoCut})
		}
		cases = append(cases, k)
	}
	s.Findings = g.Findings(sut.SubjectName, func(at explore.Hit) explore.Case { return cases[at.Op] })
	return s, nil
}

// slowestErase is how long the driver is at the sector of the device that takes longest, and a feeding of the watchdog.
func (c *Watched) slowestErase() (longest time.Duration, err error) {
	d := &explore.Watchdog{Driver: c.Driver, Corner: c.Corner, Period: "1h", Seed: c.Seed}
	f, _, err := d.Flash(&c.Device)
	if err != nil {
		return 0, err
	}
	for at := c.Device.Base; at < c.Device.Base+c.Device.Size; at += f.SectorSize(at) {
		longest = max(longest, time.Duration(f.Seconds(f.EraseCycles(at))*float64(time.Second)))
	}
	return longest + mostFeed, nil
}

// mostFeed is the longest time between two feedings of the watchdog by the application.
const mostFeed = 10 * time.Millisecond

// watched is a store on a device with a watchdog.
type watched struct {
	*sut.Run
	place  explore.Place
	resets uint64
}

// watch performs the case: an operation that the watchdog ends is begun again. own is the store of a case that is not
// of this module.
func (c *Case) watch(w io.Writer, cam *film.Camera, own sut.Software) (*watched, error) {
	f, dog, err := c.Watchdog.Flash(&c.On)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(w, "device   %v, driver %s, %s times, a watchdog of %v\n", &c.On, c.Watchdog.Driver, c.Watchdog.Corner, dog.Period)
	opts := kvstore.Options{CPU: f.CPU(), Defects: c.Defects, Repairs: c.Repairs}
	var ok bool
	software := func(dev kvstore.BlockDevice) sut.Store { return kvstore.NewTDB(dev, opts) }
	if own != nil {
		software = own
	} else if opts.Profile, ok = kvstore.ParseProfile(c.Profile); !ok {
		return nil, fmt.Errorf("kv.profile: %q is unknown: use MbedCE, MbedOS or Hardened", c.Profile)
	}
	r, err := sut.NewRun(f, &c.On, software, script.Keys(c.Steps), nil, sut.LongestValue(c.Steps))
	if err != nil {
		return nil, err
	}
	t := &watched{Run: r}
	if err := t.Store.Open(); err != nil {
		return nil, explore.FailsAlone("the store does not open on an erased device (%v): %w", &c.On, err)
	}
	dog.By, dog.Feed = model.FedByApplication, min(dog.Period/4, mostFeed)
	if err := f.Run(model.App{Watchdog: dog}); err != nil {
		return nil, fmt.Errorf("watchdog.period: %w", err)
	}
	for i := range c.Steps {
		s := &c.Steps[i]
		if i == len(c.Steps)-1 {
			t.Film(cam, opts.Profile)
		}
		switch t.attempt(w, i, s) {
		case lost:
			return t, nil // what a cut leaves is judged by Cut
		case never:
			t.place = explore.Place{Op: sut.OpCode(s.Kind), Part: "watchdog/application/" + c.Watchdog.Driver + "/" + c.Watchdog.Corner}
			t.Report(explore.Symptom{Rule: sut.RuleWorks, Kind: "watchdog", Op: sut.OpCode(s.Kind)}, "some attempt succeeds",
				fmt.Sprintf("%v is reset %d times by a watchdog of %v, driver %s", &s.Op, explore.WatchdogAttempts, dog.Period, c.Watchdog.Driver))
			return t, nil
		}
	}
	return t, nil
}

// attempted is how the attempts of an operation ended.
type attempted int

const (
	over  attempted = iota // it came to its end
	never                  // the watchdog ended every attempt
	lost                   // the store does not open any more
)

// attempt begins operation i until it comes to its end.
func (t *watched) attempt(w io.Writer, i int, s *script.Step) attempted {
	for range explore.WatchdogAttempts {
		start := t.F.Now()
		// What it returns is judged elsewhere, but for the reset.
		if d := t.Perform(s); !d.Off {
			return over
		}
		t.resets++
		fmt.Fprintf(w, "%8d %v: reset by the watchdog after %.3g s\n", i, &s.Op, t.F.Seconds(t.F.Now()-start))
		t.F.Boot()
		if err := t.Store.Open(); err != nil && !t.F.Off() {
			return lost
		}
	}
	return never
}

// replayWatchdog runs a case with a watchdog again.
func replayWatchdog(c *Case, w io.Writer, sweep *Sweep, env explore.Env) (*explore.Replayed, error) {
	t, err := c.watch(w, env.Film, sweep.New)
	if err != nil {
		return nil, err
	}
	return &explore.Replayed{Bad: t.Bad, Base: c.On.Base, Image: t.Image()}, nil
}

package update

import (
	"context"
	"fmt"
	"io"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/film"
	"dualbank/model"
	"dualbank/results"
)

func init() { replays[JudgeWatchdog] = replayWatchdog }

// Watched is a sweep of watchdogs: the bootloader installs the update of Sweep on a part with its times, with a
// watchdog that nothing feeds. RAM is kept by its resets, and the device begins again. From the longest time to
// wait on each is tried, down to what is too short for any install. An install that never comes to its end is
// a violation.
type Watched struct {
	Sweep
	Driver string // name of a flash driver of the model
	Corner string // "typ" or "max"
}

// Run runs the sweep. The result is a function of c.
func (c *Watched) Run(ctx context.Context) (*explore.Sweep, error) {
	s := &explore.Sweep{Map: results.CutMap{Name: fmt.Sprintf("watchdog resets in an install, %s client, %v, driver %s, %s", c.client(), &c.Device, c.Driver, c.Corner)}}
	g := explore.NewGroups()
	var cases []*Case
	for _, p := range explore.WatchdogPeriods {
		if ctx.Err() != nil {
			return s, ctx.Err()
		}
		k := c.caseOf(JudgeWatchdog, c.script())
		k.Watchdog = &explore.Watchdog{Driver: c.Driver, Corner: c.Corner, Period: p.String(), Seed: c.Seed}
		t, err := k.watch(io.Discard, &c.Sweep, nil)
		if err != nil {
			return nil, err
		}
		s.Stats.Cuts += t.resets
		s.Stats.Judged++
		for _, v := range t.bad {
			g.Add(v, explore.Place{Op: opInstall, Part: "watchdog/unfed/" + c.Driver + "/" + c.Corner}, explore.Hit{Op: len(cases), Mode: explore.NoCut})
		}
		cases = append(cases, k)
	}
	s.Findings = g.Findings(SubjectName, func(at explore.Hit) explore.Case { return cases[at.Op] })
	return s, nil
}

// watched is an install on a device with a watchdog.
type watched struct {
	*run
	resets  uint64
	fed     uint64 // cycle at which the bootloader fed the watchdog last, or began
	longest uint64 // cycles that it did not, in the present boot
}

// feed notes that the watchdog is fed.
func (t *watched) feed() {
	now := t.f.Now()
	t.longest, t.fed = max(t.longest, now-t.fed), now
}

// watch downloads the update without the watchdog, and lets the bootloader install it with.
func (c *Case) watch(w io.Writer, sweep *Sweep, cam *film.Camera) (*watched, error) {
	f, dog, err := c.Watchdog.Flash(&c.On)
	if err != nil {
		return nil, err
	}
	s, err := newSetup(sweep, f)
	if err != nil {
		return nil, err
	}
	c.tell(w)
	d, install := &c.Steps[0], &c.Steps[1]
	fmt.Fprintf(w, "update   to version %d, %d bytes; driver %s, %s times, a watchdog of %v\n", d.Version, d.Size, c.Watchdog.Driver, c.Watchdog.Corner, dog.Period)
	t := &watched{run: s.startTimed(f, f.CPU())}
	t.candidate = d.image()
	t.images = append(t.images, t.candidate)
	for p, err := range t.download(d) {
		if err != nil {
			return nil, explore.FailsAlone("the download fails in its phase %s: %w", p, err)
		}
	}
	t.film(cam)
	dog.By, dog.ByOption = model.FedByNobody, true
	if l, ok := t.loader.(*boot.Bootloader); ok && sweep.Boot.Repairs.Has(boot.RepairFeedWatchdog) {
		dog.By, l.Feed = model.FedByCaller, t.feed
	}
	if err := f.Run(model.App{Watchdog: dog}); err != nil {
		return nil, fmt.Errorf("watchdog.period: %w", err)
	}
	t.install(w, install.Reason, dog)
	return t, nil
}

// install boots until an application runs, again and again.
func (t *watched) install(w io.Writer, reason boot.ResetReason, dog *model.Watchdog) {
	for n := range explore.WatchdogAttempts {
		t.f.Boot()
		start := t.f.Now()
		t.fed, t.longest = start, 0
		out := t.boot(reason)
		t.feed()
		// Whatever runs at the end, the bootloader may not wait there for longer than the watchdog does.
		late := t.longest >= t.f.Cycles(dog.Period)
		switch {
		case t.f.Off() || late:
			t.cam.Cut("the watchdog resets the device")
			fmt.Fprintf(w, "boot %2d  reset by the watchdog after %.3g s\n", n+1, t.f.Seconds(t.f.Now()-start))
		case out.Result == boot.Jumped:
			fmt.Fprintf(w, "boot %2d  version %d runs\n", n+1, out.Version)
			t.running(afterWatchdogs)
			return
		default:
			fmt.Fprintf(w, "boot %2d  %v, until the watchdog resets the device\n", n+1, out.Result)
		}
		t.resets++
		reason = boot.Watchdog
		if n == explore.WatchdogAttempts/2 {
			reason, t.ram = boot.PowerOn, boot.RAM{} // the device is switched off and on
		}
	}
	t.report(explore.Symptom{Rule: RuleRuns, Kind: "watchdog-boots"}, "some boot ends in an application",
		fmt.Sprintf("%d boots with a watchdog of %v, switched off and on once, and none does", explore.WatchdogAttempts, dog.Period))
}

// replayWatchdog runs a case with a watchdog again.
func replayWatchdog(c *Case, w io.Writer, sweep *Sweep, env explore.Env) (*explore.Replayed, error) {
	t, err := c.watch(w, sweep, env.Film)
	if err != nil {
		return nil, err
	}
	return t.replayed(), nil
}

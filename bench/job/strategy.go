package job

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"dualbank/bench"
	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/update"
	"dualbank/results"
	"dualbank/results/unit"
)

// Strategies lets every update be run with these strategies; none: the scenario's. The sizes that s makes must fit the
// first one. An error is one line that names the flag.
func (v *Variants) Strategies(s *bench.Scenario, names []string) error {
	for i, name := range names {
		st, err := bench.ParseStrategy(name)
		if err != nil {
			return fmt.Errorf("--strategy: %w", err)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("--strategy: %s stands there twice", name)
		}
		v.strategies = append(v.strategies, st)
	}
	if len(names) > 0 {
		v.flags += " --strategy " + strings.Join(names, ",")
	} else if s.Update.Strategy != "" {
		v.strategies = []bench.Strategy{s.Update.Strategy}
	}
	if v.count() > maxVariants {
		return fmt.Errorf("%d updates: give fewer sizes, drivers, slots, links or strategies, for at most %d", v.count(), maxVariants)
	}
	return nil
}

// chosen returns the strategies; without any, the one that is not named.
func (v *Variants) chosen() []bench.Strategy {
	if len(v.strategies) == 0 {
		return []bench.Strategy{""}
	}
	return v.strategies
}

// strategyRun is the latest update of a strategy, with its device.
type strategyRun struct {
	strategy bench.Strategy
	device   *bench.Device
	run      *bench.UpdateRun
}

// of keeps the latest update of each strategy with the report's driver.
func (j *job) of(s bench.Strategy, d *bench.Device, run *bench.UpdateRun) {
	if d.Driver != j.device.Driver {
		return
	}
	for i := range j.byStrategy {
		if j.byStrategy[i].strategy == s {
			j.byStrategy[i] = strategyRun{s, d, run}
			return
		}
	}
	j.byStrategy = append(j.byStrategy, strategyRun{s, d, run})
}

// strategies writes the facts on how strategies differ, where the banks are swapped.
func (j *job) strategies(ctx context.Context) error {
	if !slices.ContainsFunc(j.byStrategy, func(s strategyRun) bool { return s.device.Layout.Config.Swap }) {
		return nil
	}
	r := j.report
	add := func(name, value, format string, args ...any) {
		r.Facts = append(r.Facts, results.Fact{Name: name, Value: value, Note: fmt.Sprintf(format, args...)})
	}
	if err := j.bricks(ctx, add); err != nil {
		return err
	}
	for _, s := range j.byStrategy {
		f, what := s.device.Flash, "Erases, "+string(s.strategy)
		if s.device.Layout.Config.Swap {
			add(what, fmt.Sprint(s.run.Counters.Erases), "of sectors in an update of %s, and one write of the option bytes; each bank's sectors are erased by every second update", unit.Size(float64(s.run.Bytes)))
			sw := f.Part().Swap
			add("Write of the option bytes", unit.Duration(time.Duration(sw.Typ.Time).Seconds()), "%s; up to %s; a cut in it leaves %s", sw.Option.Value, unit.Duration(time.Duration(sw.Max.Time).Seconds()),
				map[string]string{"old": "the old options", "mismatch": "values that do not match, which lock the part"}[sw.AfterCut.Value])
			if s.device.IgnoresSwap() {
				add("Driver "+s.device.Driver, "ignores the swap", "while the banks are swapped it erases the running image in place of the slot: no second update is possible with it")
			}
			continue
		}
		add(what, fmt.Sprint(s.run.Counters.Erases), "in an update of %s: of the slot, of the running image and of the KVStore", unit.Size(float64(s.run.Bytes)))
		if note := s.device.Layout.StoreAfterSwap(); note != "" {
			add("KVStore", "moves with a swap", "%s", note)
		}
	}
	return nil
}

// brickCuts is about the number of power cuts that the risk of a strategy is found with.
const brickCuts = 2000

// bricks cuts an update of each strategy and says how likely that bricks the device, by the time that steps take. The time
// in which the flash does not work, such as that of the download, bricks nothing.
func (j *job) bricks(ctx context.Context, add func(name, value, format string, args ...any)) error {
	for _, s := range j.byStrategy {
		d := s.device
		device := explore.Device{Part: d.Flash.Part().Name, Unit: d.Flash.PageSize()}
		if d.Layout.Config.Swap {
			device.Swap = explore.SwapFollowed
			if d.IgnoresSwap() {
				device.Swap = explore.SwapIgnored
			}
		}
		var modes []string
		for _, m := range j.s.Cuts.Modes {
			modes = append(modes, m.String())
		}
		sweep, err := update.Cut(ctx, update.Sweep{
			Device: device, Boot: d.Layout.Config, Client: boot.Generation(j.s.Update.Client), Old: s.run.Bytes, New: s.run.Bytes,
			Seed: j.s.Seed, Modes: modes, MaxCuts: brickCuts, Workers: j.s.Cuts.Workers, Took: took(d),
		}, nil)
		if err != nil {
			return fmt.Errorf("power cuts of an update, %s: %w", cmp.Or(s.strategy, bench.Copy), err)
		}
		all, by, _ := sweep.Map.TimeShares()
		judged, counted := sweep.Map.Shares()
		working := s.run.Counters.Erasing + s.run.Counters.Programming
		share := float64(by[update.RuleRuns]) / float64(max(all, 1)) * float64(working) / float64(max(s.run.Cycles(), 1))
		value, of := "never", "by a power cut at a random moment of the update"
		if by[update.RuleRuns] > 0 {
			value, of = unit.Percent(share), "of the power cuts at a random moment of the update"
		}
		add("Bricked by a cut, "+string(cmp.Or(s.strategy, bench.Copy)), value, "%s, with modes %s as likely as each other; %s of %s cuts judged leave a device that never runs an application again",
			of, strings.Join(modes, ", "), unit.Count(counted[update.RuleRuns]), unit.Count(judged))
	}
	return nil
}

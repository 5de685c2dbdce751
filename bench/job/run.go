// Package job runs scenarios and reports on them. It is the only package of bench that explores power cuts (package
// fuzz). The command calls Run and RunUpdates and writes what they return into a results folder.
//
// Run, the main job, works in these steps:
//
//  1. For the board's own flash driver and each that the scenario compares it with, at the board's corner and at
//     another one, it builds a bench.Device, runs the workload, opens the store again, and runs the updates, whole and
//     by delta.
//  2. It runs the workload once more for each of AppCases, to see what the application beside it loses: drivers, and
//     code and store in one bank or in two.
//  3. It runs workloads of keys and values of one size, whose figures compare across scenarios.
//  4. It explores the power cuts of [cuts], of the KVStore and of an update.
//  5. It writes the facts, the summary at the top of the report.
//
// RunUpdates compares updates: NewVariants reads sizes, drivers, numbers of slots and links from the command line, and
// each combination runs on a device of its own. A combination that does not fit is left out and counted.
//
// Both return a results.Report, and Run the findings too. If ctx ends early, the report holds what was done until then,
// together with ctx's error. Invariants: a report depends on scenario and arguments alone; a second run gives the same
// one, whatever the number of processors. Errors of the user's making are a *bench.ScenarioError.
package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dualbank/bench"
	"dualbank/boot"
	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/film"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/update"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/results"
	"dualbank/results/unit"
)

// job is one call of Run or RunUpdates.
type job struct {
	s        *bench.Scenario
	out      string
	progress bench.Progress
	report   *results.Report
	findings []explore.Finding

	uniformSets uint32 // sets of each uniform workload

	device  *bench.Device      // first device: the board's own driver and corner
	sets    *bench.Sets        // workload on it
	extreme *bench.Sets        // workload at the other corner
	updates []*bench.UpdateRun // at the board's corner and then at the other; the board's own driver first
	sweeps  uint64             // power cuts explored
	swept   bool               // all sweeps are complete
	spent   map[string]uint64  // by subject: time of the steps that were cut

	byStrategy []strategyRun // of RunUpdates, by strategy
}

// Run is the main job: workload, updates and power cuts of s. out is the folder in which the report will be, for the
// commands that the report names. When ctx ends, Run returns the report on what was done until then together with ctx's
// error, or no report if nothing was; with any other error the report is nil. progress may be nil and may be called
// from several goroutines.
func Run(ctx context.Context, s *bench.Scenario, out string, progress bench.Progress) (*results.Report, []explore.Finding, error) {
	return run(ctx, s, out, progress, bench.UniformSets)
}

// run is Run with a number of sets for each uniform workload.
func run(ctx context.Context, s *bench.Scenario, out string, progress bench.Progress, uniformSets uint32) (*results.Report, []explore.Finding, error) {
	stored, _ := s.Stored()
	j := &job{s: s, out: out, progress: progress, uniformSets: uniformSets, spent: map[string]uint64{}, report: &results.Report{
		Title:    cmp.Or(s.Title, "KVStore and firmware update on "+s.Board.Name),
		Command:  fmt.Sprintf("dualbank run %s --out %s", filepath.Join(out, "scenario.toml"), out),
		Scenario: stored.TOML(),
	}}
	err := j.run(ctx)
	if err != nil && (ctx.Err() == nil || j.device == nil) {
		return nil, nil, err
	}
	if err := j.explain(ctx); err != nil {
		return nil, nil, err
	}
	j.facts()
	return j.report, j.findings, err
}

func (j *job) run(ctx context.Context) error {
	drivers := append([]string{j.s.Board.Driver}, j.s.Board.Compare...)
	own := model.Corner(j.s.Board.Corner)
	for _, corner := range []model.Corner{own, otherCorner(own)} {
		for _, driver := range drivers {
			if err := j.live(ctx, driver, corner); err != nil {
				return err
			}
		}
	}
	if err := j.application(ctx); err != nil {
		return err
	}
	for _, driver := range drivers {
		if err := j.uniform(ctx, driver); err != nil {
			return err
		}
	}
	return j.cut(ctx)
}

// live runs workload and updates on one device with a driver at a corner. The first device is the scenario's own.
func (j *job) live(ctx context.Context, driver string, corner model.Corner) error {
	d, err := j.s.Device(driver, corner)
	if err != nil {
		return err
	}
	own := j.device == nil
	if own {
		if err := j.cuttable(d); err != nil {
			return err
		}
		j.describe(d)
	}
	name := "driver " + d.Driver
	if corner != j.device.Corner {
		name += ", " + corner.String()
	}
	sets, err := d.RunWorkload(ctx, &j.s.Workload, j.s.Seed, j.progress.Stage("workload, "+name))
	if err != nil {
		return workloadError("workload, "+name, err)
	}
	f := d.Flash
	key := append(d.Axes(j.s.Layout.Name), "corner", corner)
	j.bench(bench.BenchName("Workload", key...), sets.Count(), append(sets.Metrics(f), sets.Life.Metrics(f.Hz())...))
	if len(sets.Gets) > 0 {
		j.bench(bench.BenchName("WorkloadGet", key...), uint64(len(sets.Gets)), sets.GetMetrics(f))
	}
	began := f.Now()
	if err := d.KV.Open(); err != nil {
		return fmt.Errorf("workload, %s: opening the store again: %w", name, err)
	}
	j.bench(bench.BenchName("Open", key...), 1, []results.Metric{bench.Less("sim-sec/op", f.Seconds(f.Now()-began))})

	if err := j.update(ctx, d, name, own, key); err != nil {
		return err
	}
	if corner == j.device.Corner {
		j.report.Sets = append(j.report.Sets, sets.SetRecord(name, f))
	} else if j.extreme == nil {
		j.extreme = sets
	}
	if own {
		j.sets = sets
	}
	return nil
}

// workloadError adds the workload's name to err. A store that is too small is a *bench.ScenarioError.
func workloadError(name string, err error) error {
	if errors.Is(err, kvstore.ErrMediaFull) {
		return &bench.ScenarioError{Err: fmt.Errorf("%s: %w: give fewer or smaller keys, or a larger store", name, err)}
	}
	return fmt.Errorf("%s: %w", name, err)
}

// update runs the scenario's campaigns one after the other, and the first one again by a delta if the scenario asks for
// it. own says that the device is the scenario's own.
func (j *job) update(ctx context.Context, d *bench.Device, name string, own bool, key []any) error {
	f, before := d.Flash, d.Snapshot()
	whole := j.s.Update
	whole.Delta = false
	run := func(u *bench.Update, name string, key []any) (*bench.UpdateRun, error) {
		run, err := d.RunUpdate(ctx, u, j.s.Seed, j.progress.Stage("update, "+name))
		if err != nil {
			return nil, updateError(name, err)
		}
		run.Name = name
		j.report.Updates = append(j.report.Updates, run.Record(f))
		j.bench(bench.BenchName("Update", key...), 1, run.Metrics(f))
		return run, nil
	}
	key = append(slices.Clone(key), "bytes", len(d.Releases.Image(1)))
	for n := range whole.Campaigns {
		name, key := name, key
		if n > 0 {
			name, key = fmt.Sprintf("%s, campaign %d", name, n+1), append(slices.Clone(key), "campaign", n+1)
		}
		u, err := run(&whole, name, key)
		if err != nil {
			return err
		}
		if n == 0 {
			j.updates = append(j.updates, u)
			if own {
				j.report.Timeline = u.Timeline(f, fmt.Sprintf("Update of %s, %s", unit.Size(float64(u.Bytes)), name))
			}
		}
	}
	if own {
		j.report.Wear = d.WearRecord()
	}
	if !j.s.Update.Delta || !d.Releases.Comparable() || d.Corner != j.device.Corner {
		return nil
	}
	// The delta starts from the state before the first campaign.
	d.Restore(before)
	if err := d.KV.Open(); err != nil {
		return fmt.Errorf("update, %s: opening the store: %w", name, err)
	}
	u, err := run(&j.s.Update, name+", delta", append(key, "delta", "yes"))
	if err != nil {
		return err
	}
	j.updates = append(j.updates, u)
	return nil
}

// updateError adds the update's name to err. A firmware or keys that do not fit are a *bench.ScenarioError.
func updateError(name string, err error) error {
	switch {
	case errors.Is(err, boot.ErrFirmwareTooLarge):
		return &bench.ScenarioError{Err: fmt.Errorf("update, %s: %w: give a smaller update.bytes, or a larger slot", name, err)}
	case errors.Is(err, kvstore.ErrMediaFull):
		return &bench.ScenarioError{Err: fmt.Errorf("update, %s: %w: the update client keeps a key in the store: give fewer or smaller keys", name, err)}
	}
	return fmt.Errorf("update, %s: %w", name, err)
}

// describe fills in the report's board, configuration and sources.
func (j *job) describe(d *bench.Device) {
	b, r, f := &j.s.Board, j.report, d.Flash
	j.device = d
	mv := b.MV
	if mv == 0 {
		mv = 3300
	}
	r.Board = fmt.Sprintf("%s: %s at %g MHz, %g V, driver %s, %s times", b.Name, strings.ToUpper(f.Part().Name), float64(f.Hz())/1e6, float64(mv)/1000, d.Driver, bench.LongCorner(d.Corner))
	r.Config = []results.Setting{
		{Key: "board", Value: b.Name},
		{Key: "clock-hz", Value: fmt.Sprint(f.Hz())},
		{Key: "supply-mv", Value: fmt.Sprint(mv)},
		{Key: "code", Value: bench.Code(d.Code).String()},
		{Key: "profile", Value: j.s.Store.Profile.String()},
		{Key: "seed", Value: fmt.Sprint(j.s.Seed)},
	}
	d.DescribeStorage(r)
	r.Sources = append(d.Sources(mv), results.Source{
		Fact: "start-up of bootloader and application", Value: time.Duration(j.s.Update.Startup).String(), Mark: "A", From: "the scenario's update.startup",
	})
}

// otherCorner returns the corner that c is compared with.
func otherCorner(c model.Corner) model.Corner {
	if c == model.Max {
		return model.Typ
	}
	return model.Max
}

// uniform runs workloads of keys and values of one size.
func (j *job) uniform(ctx context.Context, driver string) error {
	for _, size := range []uint32{32, 256} {
		d, err := j.s.Device(driver, model.Corner(j.s.Board.Corner))
		if err != nil {
			return err
		}
		const keys = 32
		sets, err := d.RunWorkload(ctx, bench.Uniform(keys, size, j.uniformSets), j.s.Seed, nil)
		if err != nil {
			return fmt.Errorf("%d keys of %d bytes, driver %s: %w", keys, size, driver, err)
		}
		name := bench.BenchName("KVSet", append(d.Axes(j.s.Layout.Name), "size", size, "keys", keys)...)
		j.bench(name, sets.Count(), sets.Metrics(d.Flash))
	}
	return nil
}

// cuttable returns an error if the scenario asks for power cuts of an update that are not explored.
func (j *job) cuttable(d *bench.Device) error {
	c := &j.s.Cuts
	if !d.Layout.BlockDevice || c.Update == 0 && !c.EveryByte {
		return nil
	}
	key, leave := "cuts.update", "0"
	if c.Update == 0 {
		key, leave = "cuts.every_byte", "false"
	}
	return &bench.ScenarioError{Err: fmt.Errorf("%s: power cuts of an update are not explored with the candidate on external flash: set it to %s, or update.candidate to %q", key, leave, bench.InternalCandidate)}
}

// cut explores the scenario's power cuts. A sweep that ctx ends counts with what it explored.
func (j *job) cut(ctx context.Context) error {
	c, d := &j.s.Cuts, j.device
	var modes []string
	for _, m := range c.Modes {
		modes = append(modes, m.String())
	}
	device := explore.Device{Part: j.s.Board.Part, Unit: d.Flash.PageSize()}
	if c.Collections > 0 {
		region := device
		region.Base, region.Size = d.KVStore.Start, d.KVStore.Size
		e, outside := d.External()
		if outside {
			region = swept(e)
		}
		sweep, err := kv.Cut(ctx, kv.Sweep{
			Device: region, Secure: outside, Profile: kvstore.Profile(j.s.Store.Profile), Seed: j.s.Seed, Collections: uint64(c.Collections),
			Modes: modes, MaxCuts: c.KVStore, Workers: c.Workers, Took: inside(took(d), outside),
		}, j.progress.Stage("power cuts, KVStore"))
		j.add("KVStore", sweep, err == nil)
		if err != nil {
			return fmt.Errorf("power cuts, KVStore: %w", err)
		}
	}
	client := boot.Generation(j.s.Update.Client)
	updates := func(name, stage string, u update.Sweep) error {
		u.Client, u.Workers, u.Took = client, c.Workers, took(d)
		sweep, err := update.Cut(ctx, u, j.progress.Stage("power cuts, "+stage))
		j.add(name, sweep, err == nil)
		if err != nil {
			return fmt.Errorf("power cuts, %s: %w", stage, err)
		}
		return nil
	}
	if c.Update > 0 {
		if err := updates("update", "update", update.Sweep{
			Device: device, Boot: d.Layout.Config, Old: c.UpdateBytes, New: c.UpdateBytes, Seed: j.s.Seed, Modes: modes, MaxCuts: c.Update,
		}); err != nil {
			return err
		}
	}
	if c.EveryByte {
		u, err := update.EveryByte(device, d.Layout.Config, j.s.Seed)
		if err != nil {
			return fmt.Errorf("power cuts, install: %w", err)
		}
		if err := updates("install", "every byte of an install", u); err != nil {
			return err
		}
	}
	j.swept = true
	return nil
}

// sweptUnits is the number of erase units of an external store over which power cuts are swept. More units repeat the
// same steps.
const sweptUnits = 4

// swept returns the flash on which power cuts of a SecureStore are explored: internal and external store on one
// device with the erase units of the external one, as kv.Sweep.Secure expects them.
func swept(e bench.External) explore.Device {
	n := (3*(min(e.Size/e.EraseUnit, sweptUnits)+2) + 1) / 2 // a third is for the internal store, two units stay unused
	return explore.Device{Sectors: fmt.Sprintf("%dx%d", n, e.EraseUnit), Unit: e.ProgramUnit, Size: n * e.EraseUnit}
}

// add adds a sweep to the report; whole says that ctx did not end it early.
func (j *job) add(subject string, sweep *explore.Sweep, whole bool) {
	if sweep == nil || sweep.Stats.Cuts == 0 {
		return
	}
	j.sweeps += sweep.Stats.Cuts
	m := sweep.Map
	m.Subject = subject
	j.report.Cuts = append(j.report.Cuts, m)
	for _, row := range m.Rows {
		for _, run := range row.Runs {
			j.spent[subject] += run.Time
		}
	}
	j.findings = append(j.findings, sweep.Findings...)
	if !whole {
		return // its figures would not compare with those of other runs
	}
	j.bench(bench.BenchName("Cuts", "part", j.device.Flash.Part().Name, "subject", subject), sweep.Stats.Cuts, []results.Metric{
		bench.Exact("cuts", float64(sweep.Stats.Cuts), ""),
		bench.Exact("judged-cuts", float64(sweep.Stats.Judged), ""),
		bench.Less("findings", float64(len(sweep.Findings))),
	})
}

// Bounds of what is done for the findings of a run.
const (
	mostTries = 40 // replays that make a finding smaller
	mostFilms = 32 // findings that are filmed, in the order of their causes
)

// explain finds the causes of the findings, makes the findings small, and films them. If ctx has ended it leaves out what
// takes long.
func (j *job) explain(ctx context.Context) error {
	show := j.progress.Stage("finding causes")
	j.findings = cause.Attribute(ctx, j.findings, explore.Env{}, 0, show)
	show = j.progress.Stage("making findings small")
	for i := range j.findings {
		if ctx.Err() == nil {
			cause.Minimize(&j.findings[i], mostTries, explore.Env{})
			if show != nil {
				show(uint64(i+1), uint64(len(j.findings)))
			}
		}
	}
	j.report.Causes = cause.Rows(j.findings)
	films := map[string]bool{}
	for _, c := range j.report.Causes {
		for _, id := range c.Findings {
			films[id] = films[id] || len(films) < mostFilms
		}
	}
	for i := range j.findings {
		f := &j.findings[i]
		rec := f.Record()
		if all := j.spent[f.Subject]; all > 0 {
			rec.Share = min(float64(f.Time)/float64(all), 1)
		}
		rec.Command = "dualbank replay " + filepath.Join(j.out, "findings", f.ID+".json")
		if films[f.ID] {
			cam := new(film.Camera)
			if _, _, err := f.ReplayIn(io.Discard, explore.Env{Film: cam}); err != nil {
				return fmt.Errorf("finding %s: %w", f.ID, err)
			}
			rec.Film = cam.Film()
		}
		j.report.Findings = append(j.report.Findings, rec)
	}
	return nil
}

// bench adds a benchmark of n operations to the report.
func (j *job) bench(name string, n uint64, m []results.Metric) {
	j.report.Bench = append(j.report.Bench, results.Benchmark{Name: name, N: int(min(max(n, 1), math.MaxInt32)), Metrics: m})
}

package job

import (
	"context"
	"fmt"
	"path/filepath"

	"dualbank/bench"
	"dualbank/model"
	"dualbank/results"
	"dualbank/results/unit"
)

// Store is a store of the user's own.
type Store struct {
	Name string // in names of benchmarks: without space, / and =
	Make func(*model.Region, model.CPU) bench.Own
}

// reference is the name of the store that others are compared with.
const reference = "TDBStore"

// stored is the workload on one store.
type stored struct {
	name  string
	d     *bench.Device
	sets  *bench.Sets
	years float64 // until a sector has been erased as often as it is rated for; 0: not known
}

// RunStores runs the workload of s on TDBStore and on a store of the user's own, and reports on both side by side.
// perDay is the number of sets and removes in a day that their lives are computed for; 0: as many as the workload makes.
// command is what makes the report again. progress may be nil.
func RunStores(ctx context.Context, s *bench.Scenario, own Store, perDay float64, out, command string, progress bench.Progress) (*results.Report, error) {
	text, _ := s.Stored()
	if perDay == 0 {
		perDay = 24 * float64(s.Workload.SetsPerHour)
	}
	j := &job{s: s, out: out, progress: progress, report: &results.Report{
		Title: fmt.Sprintf("%s beside %s on %s", own.Name, reference, s.Board.Name), Command: command, Scenario: text.TOML(),
	}}
	var both []stored
	for _, name := range []string{own.Name, reference} {
		make := own.Make
		if name == reference {
			make = nil
		}
		one, err := j.stored(ctx, name, make, perDay)
		if err != nil {
			return nil, err
		}
		both = append(both, one)
	}
	j.report.Wear = both[0].d.WearRecord()
	j.storeFacts(&both[0], &both[1], perDay)
	return j.report, nil
}

// stored runs the workload on one store; make nil: on TDBStore.
func (j *job) stored(ctx context.Context, name string, make func(*model.Region, model.CPU) bench.Own, perDay float64) (one stored, err error) {
	corner := model.Corner(j.s.Board.Corner)
	d, err := j.s.Device(j.s.Board.Driver, corner)
	if err != nil {
		return one, err
	}
	if make != nil {
		if err := d.Put(make); err != nil {
			return one, &bench.ScenarioError{Err: err}
		}
	}
	if j.device == nil {
		j.describe(d)
	}
	sets, err := d.RunWorkload(ctx, &j.s.Workload, j.s.Seed, j.progress.Stage("workload, "+name))
	if err != nil {
		return one, workloadError("workload, "+name, err)
	}
	f := d.Flash
	one = stored{name: name, d: d, sets: sets}
	metrics := sets.Metrics(f)
	if l := &sets.Life; l.Erases > 0 && l.Rated > 0 {
		// A day's sets in the time that they took: what lies between them wears nothing.
		hours, _ := l.Hours(f.Hz())
		one.years = hours / 24 / 365.25 * float64(sets.Count()) / (f.Seconds(sets.Cycles) / 86400) / perDay
		metrics = append(metrics, bench.Exact("years", one.years, "higher"))
	}
	key := append(d.Axes(j.s.Layout.Name), "store", name, "corner", corner)
	j.bench(bench.BenchName("Workload", key...), sets.Count(), metrics)
	if len(sets.Gets) > 0 {
		j.bench(bench.BenchName("WorkloadGet", key...), uint64(len(sets.Gets)), sets.GetMetrics(f))
	}
	j.bench(bench.BenchName("Open", key...), 1, []results.Metric{bench.Less("sim-sec/op", f.Seconds(sets.Opening))})
	j.report.Sets = append(j.report.Sets, sets.SetRecord(name, f))
	j.report.Application = append(j.report.Application, sets.AppRecord(name, f))
	return one, nil
}

// storeFacts is the table of both stores.
func (j *job) storeFacts(own, other *stored, perDay float64) {
	add := func(name string, value func(s *stored) string, note string) {
		text := fmt.Sprintf("%s: %s", other.name, value(other))
		if note != "" {
			text += "; " + note
		}
		j.report.Facts = append(j.report.Facts, results.Fact{Name: name, Value: value(own), Note: text})
	}
	quantile := func(permille int) func(s *stored) string {
		return func(s *stored) string {
			return unit.Duration(s.d.Flash.Seconds(bench.Quantile(permille, s.sets.All())))
		}
	}
	add("Life of the store", func(s *stored) string {
		if s.years == 0 {
			return "unknown"
		}
		return unit.Years(s.years)
	}, fmt.Sprintf("until a sector has been erased as often as it is rated for, at %s sets a day, from %d and %d erases of it", unit.Count(uint64(perDay+0.5)), own.sets.Life.Erases, other.sets.Life.Erases))
	add("Set, median", quantile(500), "")
	add("Set, 99 %", quantile(990), "")
	add("Set, 99.9 %", quantile(999), "")
	add("Slowest set", quantile(1000), "")
	add("Sets that erase", func(s *stored) string { return fmt.Sprintf("%d of %d", len(s.sets.GC), s.sets.Count()) }, "")
	if len(own.sets.Gets) > 0 {
		add("Get, median", func(s *stored) string { return unit.Duration(s.d.Flash.Seconds(bench.Quantile(500, s.sets.Gets))) }, "")
	}
	add("Opening the store", func(s *stored) string { return unit.Duration(s.d.Flash.Seconds(s.sets.Opening)) }, "as the workload leaves it")
	add("Bytes programmed", func(s *stored) string {
		return fmt.Sprintf("%.2f", float64(s.sets.Counters.ProgramBytes)/float64(max(s.sets.ValueBytes, 1)))
	}, "for each byte of a value")
	add("Erases", func(s *stored) string {
		return fmt.Sprintf("%.2f", 1000*float64(s.sets.Counters.Erases)/float64(max(s.sets.Count(), 1)))
	}, "in 1000 sets")
	add("Interrupts masked", func(s *stored) string { return unit.Duration(s.d.Flash.Seconds(s.sets.Counters.LongestMasked)) }, "at a stretch")
	add("Application stalled", func(s *stored) string {
		return unit.Duration(s.d.Flash.Seconds(s.sets.Counters.Stall) / s.d.Flash.Seconds(s.sets.Cycles) * 3600)
	}, "in each hour")
	j.report.Facts = append(j.report.Facts, results.Fact{
		Name: "CPU work", Value: "as told", Note: fmt.Sprintf("what %s does beside the flash takes time where it says so (db_work); that of %s is counted", own.name, other.name),
	})
}

// StoresCommand is the command that makes the report again.
func StoresCommand(verb, out, program string) string {
	return fmt.Sprintf("dualbank %s %s --exec %s --out %s", verb, filepath.Join(out, "scenario.toml"), program, out)
}

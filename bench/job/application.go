package job

import (
	"context"
	"fmt"
	"slices"

	"dualbank/bench"
	"dualbank/model"
)

// AppCase is one way to run the workload, to see what the application beside it loses.
type AppCase struct {
	Name   string // "driver mbed"
	Driver string
	Code   bench.Code
	timed  bool // record one garbage collection over time
}

// AppCases returns the cases that a report compares on a device: the board's driver, the drivers of
// application.drivers, and the board's driver with the code moved into the bank of the KVStore, or out of it. A part
// with one bank, or without reading while writing, has no such case.
func AppCases(s *bench.Scenario, d *bench.Device) []AppCase {
	cases := []AppCase{{"driver " + d.Driver, s.Board.Driver, bench.Code(d.Code), true}}
	for i, driver := range s.App.Drivers {
		if driver != s.Board.Driver && !slices.Contains(s.App.Drivers[:i], driver) {
			cases = append(cases, AppCase{"driver " + driver, driver, bench.Code(d.Code), false})
		}
	}
	part := d.Flash.Part()
	if len(part.Banks) < 2 || !part.ReadWhileWrite.Value {
		return cases
	}
	store := bench.BankOf(part, d.KVStore.Start)
	other := AppCase{fmt.Sprintf("driver %s, KVStore beside code", d.Driver), s.Board.Driver, bench.Code(store), true}
	if d.Code == store {
		other.Name, other.Code = fmt.Sprintf("driver %s, KVStore away from code", d.Driver), 0
		if store == 0 {
			other.Code = 1
		}
	}
	return append(cases, other)
}

// Run runs the workload of s in this case at a corner. The collection is nil unless the case records one and the
// workload has one.
func (c *AppCase) Run(ctx context.Context, s *bench.Scenario, corner model.Corner, progress func(done, total uint64)) (*bench.Device, *bench.Sets, *bench.Collection, error) {
	one := *s
	one.App.Code = c.Code
	d, err := one.Device(c.Driver, corner)
	if err != nil {
		return nil, nil, nil, err
	}
	sets, err := d.RunWorkload(ctx, &s.Workload, s.Seed, progress)
	if err != nil || !c.timed {
		return d, sets, nil, err
	}
	gc, err := d.WatchCollection(&s.Workload, s.Seed)
	return d, sets, gc, err
}

// application runs all cases.
func (j *job) application(ctx context.Context) error {
	for _, c := range AppCases(j.s, j.device) {
		d, sets, gc, err := c.Run(ctx, j.s, j.device.Corner, j.progress.Stage("application, "+c.Name))
		if err != nil {
			return workloadError("application, "+c.Name, err)
		}
		f := d.Flash
		j.report.Application = append(j.report.Application, sets.AppRecord(c.Name, f))
		key := append(d.Axes(j.s.Layout.Name), "code", bench.Code(d.Code), "corner", d.Corner)
		j.bench(bench.BenchName("Application", key...), sets.Count(), sets.AppMetrics(f))
		for i := range sets.Latencies {
			l := &sets.Latencies[i]
			j.bench(bench.BenchName("Interrupt", append(slices.Clone(key), "irq", l.Name)...), l.Ticks, sets.LatencyMetrics(f, l))
		}
		if gc != nil {
			j.report.Collections = append(j.report.Collections, gc.Record(c.Name, f))
		}
	}
	return nil
}

package bench

import (
	"context"
	"fmt"
	"math"
	"slices"

	"dualbank/model"
	"dualbank/results"
)

// appCase is one way to run the workload, to see what the application feels of it.
type appCase struct {
	name   string // "driver mbed"
	driver string
	code   Code
	timed  bool // one garbage collection is shown over time
}

// appCases are the ways that a report compares on a device: the board's driver and those of
// application.drivers, and the board's driver with the KVStore in the bank of the code, or away from it
// if it is there. On a part whose code waits for any bank there is no such bank.
func (s *Scenario) appCases(d *Device) []appCase {
	cases := []appCase{{"driver " + d.Driver, s.Board.Driver, Code(d.Code), true}}
	for i, driver := range s.App.Drivers {
		if driver != s.Board.Driver && !slices.Contains(s.App.Drivers[:i], driver) {
			cases = append(cases, appCase{"driver " + driver, driver, Code(d.Code), false})
		}
	}
	part := d.Flash.Part()
	if len(part.Banks) < 2 || !part.ReadWhileWrite.Value {
		return cases
	}
	store := bankOf(part, d.store.Start)
	other := appCase{fmt.Sprintf("driver %s, KVStore beside code", d.Driver), s.Board.Driver, Code(store), true}
	if d.Code == store {
		other.name, other.code = fmt.Sprintf("driver %s, KVStore away from code", d.Driver), 0
		if store == 0 {
			other.code = 1
		}
	}
	return append(cases, other)
}

// feel runs the workload in one case: what the application feels of it, and one garbage collection over
// time where the case wants one and there is one.
func (s *Scenario) feel(ctx context.Context, c appCase, corner model.Corner, progress func(done, total uint64)) (*Device, *Sets, *collection, error) {
	one := *s
	one.App.Code = c.code
	d, err := one.Device(c.driver, corner)
	if err != nil {
		return nil, nil, nil, err
	}
	sets, err := d.RunWorkload(ctx, &s.Workload, s.Seed, progress)
	if err != nil || !c.timed {
		return d, sets, nil, err
	}
	gc, err := d.watchCollection(&s.Workload, s.Seed)
	return d, sets, gc, err
}

// application compares what the application feels in all cases.
func (j *job) application(ctx context.Context) error {
	for _, c := range j.s.appCases(j.device) {
		d, sets, gc, err := j.s.feel(ctx, c, j.device.Corner, j.progress.of("application, "+c.name))
		if err != nil {
			return workloadError("application, "+c.name, err)
		}
		f := d.Flash
		j.report.Application = append(j.report.Application, sets.application(c.name, f))
		key := append(d.axes(j.s.Layout.Name), "code", Code(d.Code), "corner", d.Corner)
		j.bench(benchName("Application", key...), int(sets.Count()), sets.AppMetrics(f))
		for i := range sets.Latencies {
			l := &sets.Latencies[i]
			j.bench(benchName("Interrupt", append(slices.Clone(key), "irq", l.Name)...), int(min(l.Ticks, math.MaxInt32)), sets.LatencyMetrics(f, l))
		}
		if gc != nil {
			j.report.Collections = append(j.report.Collections, gc.record(c.name, f))
		}
	}
	return nil
}

// hours is the virtual time of the workload.
func (s *Sets) hours(f *model.Flash) float64 {
	return max(f.Seconds(s.Cycles)/3600, math.SmallestNonzeroFloat32)
}

// AppMetrics is what the application feels of the workload; f is the flash it ran on.
func (s *Sets) AppMetrics(f *model.Flash) []results.Metric {
	c, hours := &s.Counters, s.hours(f)
	return []results.Metric{
		less("stall-sec/h", f.Seconds(c.Stall)/hours),
		less("worst-stall-sec", f.Seconds(c.LongestStall)),
		less("masked-sec/h", f.Seconds(c.Masked)/hours),
		less("worst-masked-sec", f.Seconds(c.LongestMasked)),
		less("watchdog-resets", float64(c.Resets)),
	}
}

// LatencyMetrics is how long an interrupt of the workload's waits for its handler.
func (s *Sets) LatencyMetrics(f *model.Flash, l *model.Latency) []results.Metric {
	hours := s.hours(f)
	return []results.Metric{
		less("latency-p50-sec", f.Seconds(l.Quantile(0.5))),
		less("latency-p99999-sec", f.Seconds(l.Quantile(0.99999))),
		less("latency-worst-sec", f.Seconds(l.Worst)),
		less("late/h", float64(l.Late)/hours),
		less("lost/h", float64(l.Lost)/hours),
	}
}

// application is what the application felt, as a report has it.
func (s *Sets) application(name string, f *model.Flash) results.Application {
	c := &s.Counters
	a := results.Application{
		Name: name, Hours: f.Seconds(s.Cycles) / 3600,
		Stall: f.Seconds(c.Stall), LongestStall: f.Seconds(c.LongestStall),
		Masked: f.Seconds(c.Masked), LongestMasked: f.Seconds(c.LongestMasked), Resets: c.Resets,
		Interrupts: []results.InterruptLatency{},
	}
	for i := range s.Latencies {
		l := &s.Latencies[i]
		q := results.InterruptLatency{
			Name: l.Name, Period: l.Period.Seconds(), Deadline: l.Deadline.Seconds(),
			Activations: l.Ticks, Late: l.Late, Lost: l.Lost, Worst: f.Seconds(l.Worst), Points: []results.LatencyPoint{},
		}
		for _, p := range l.CDF() {
			q.Points = append(q.Points, results.LatencyPoint{Seconds: f.Seconds(p.Cycles), Within: uint64(math.Round(p.Share * float64(l.Ticks)))})
		}
		a.Interrupts = append(a.Interrupts, q)
	}
	return a
}

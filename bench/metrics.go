package bench

import (
	"fmt"
	"math"

	"dualbank/model"
	"dualbank/results"
)

// Exact returns a metric of virtual time, or a count: it is the same on every machine and in every run.
func Exact(unit string, v float64, better string) results.Metric {
	return results.Metric{Unit: unit, Value: v, Exact: true, Better: better}
}

// Less returns an exact metric of which less is better.
func Less(unit string, v float64) results.Metric { return Exact(unit, v, "lower") }

// Metrics returns the workload's figures; f is the flash that it ran on. An operation is a set or a remove.
func (s *Sets) Metrics(f *model.Flash) []results.Metric {
	all := s.All()
	n := float64(max(len(all), 1))
	sum := uint64(0)
	for _, c := range all {
		sum += c
	}
	m := []results.Metric{
		Less("sim-sec/op", f.Seconds(sum)/n),
		Less("sim-p50-sec", f.Seconds(Quantile(500, all))),
		Less("sim-p99-sec", f.Seconds(Quantile(990, all))),
		Less("sim-p999-sec", f.Seconds(Quantile(999, all))),
		Less("sim-worst-sec", f.Seconds(Quantile(1000, all))),
		Less("erases/op", float64(s.Counters.Erases+s.External.Erases)/n),
		Less("write-amp", float64(s.Counters.ProgramBytes+s.External.ProgramBytes)/float64(max(s.ValueBytes, 1))),
		Less("stall-sec/op", f.Seconds(s.Counters.Stall)/n),
		Less("masked-sec/op", f.Seconds(s.Counters.Masked)/n),
		Less("worst-masked-sec", f.Seconds(s.Counters.LongestMasked)),
		Less("worst-sector-erases", float64(s.worst)),
		Less("GCs", float64(s.Collections)),
	}
	e, ok := f.Energy(&s.Counters)
	return append(m, energyMetrics(e, ok && s.External.Busy == 0, n)...)
}

// GetMetrics returns the figures of the workload's gets.
func (s *Sets) GetMetrics(f *model.Flash) []results.Metric {
	sum := uint64(0)
	for _, c := range s.Gets {
		sum += c
	}
	return []results.Metric{
		Less("sim-sec/op", f.Seconds(sum)/float64(max(len(s.Gets), 1))),
		Less("sim-p50-sec", f.Seconds(Quantile(500, s.Gets))),
		Less("sim-p99-sec", f.Seconds(Quantile(990, s.Gets))),
		Less("sim-worst-sec", f.Seconds(Quantile(1000, s.Gets))),
	}
}

// BenchName appends keys and values to the name of a benchmark: "KVSet/part=stm32f429zi/size=32".
func BenchName(name string, keyValues ...any) string {
	for i := 0; i+1 < len(keyValues); i += 2 {
		name += fmt.Sprintf("/%v=%v", keyValues[i], keyValues[i+1])
	}
	return name
}

// Uniform returns a workload for benchmarks: n keys of equal weight with values of size bytes, and one set a
// second, sets of them rounded up to whole hours.
func Uniform(n int, size, sets uint32) *Workload {
	w := &Workload{SetsPerHour: 3600, Hours: (sets + 3599) / 3600}
	for i := range n {
		w.Keys = append(w.Keys, Key{Name: fmt.Sprintf("key%04d", i), Bytes: [2]uint32{size, size}, Weight: 1})
	}
	return w
}

// UniformSets is the number of sets of one run of a uniform workload: enough for several garbage
// collections with the smallest values.
const UniformSets = 18000

// SetRecord returns the latencies of sets as a report has them, in seconds rounded to nanoseconds.
func (s *Sets) SetRecord(name string, f *model.Flash) results.SetLatency {
	seconds := func(cycles []uint64) []float64 {
		out := make([]float64, len(cycles))
		for i, c := range cycles {
			out[i] = math.Round(f.Seconds(c)*1e9) / 1e9
		}
		return out
	}
	return results.SetLatency{Name: name, Plain: seconds(s.Plain), GC: seconds(s.GC)}
}

// hours returns the virtual time of the workload, more than 0.
func (s *Sets) hours(f *model.Flash) float64 {
	return max(f.Seconds(s.Cycles)/3600, math.SmallestNonzeroFloat32)
}

// AppMetrics returns what the application beside the workload lost; f is the flash that the workload ran on.
func (s *Sets) AppMetrics(f *model.Flash) []results.Metric {
	c, hours := &s.Counters, s.hours(f)
	return []results.Metric{
		Less("stall-sec/h", f.Seconds(c.Stall)/hours),
		Less("worst-stall-sec", f.Seconds(c.LongestStall)),
		Less("masked-sec/h", f.Seconds(c.Masked)/hours),
		Less("worst-masked-sec", f.Seconds(c.LongestMasked)),
		Less("watchdog-resets", float64(c.Resets)),
	}
}

// LatencyMetrics returns the latencies of one interrupt of the application, from activation to handler.
func (s *Sets) LatencyMetrics(f *model.Flash, l *model.Latency) []results.Metric {
	hours := s.hours(f)
	return []results.Metric{
		Less("latency-p50-sec", f.Seconds(l.Quantile(0.5))),
		Less("latency-p99999-sec", f.Seconds(l.Quantile(0.99999))),
		Less("latency-worst-sec", f.Seconds(l.Worst)),
		Less("late/h", float64(l.Late)/hours),
		Less("lost/h", float64(l.Lost)/hours),
	}
}

// AppRecord returns stalls, masking and interrupt latencies as a report has them.
func (s *Sets) AppRecord(name string, f *model.Flash) results.Application {
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

// Energy is what storage has drawn, in joule: the internal flash, the device beside the microcontroller if keys or
// candidates are there, and the core while it waited for the internal flash.
type Energy struct {
	Flash  float64
	Core   float64
	CoreOK bool // Core is known
}

// All is the energy of flash and waiting core.
func (e Energy) All() float64 { return e.Flash + e.Core }

// EnergyOf is what the counters stand for on a device. ok is false if a current is not known.
func (d *Device) EnergyOf(c *model.Counters, nor *model.NORCounters) (Energy, bool) {
	e, ok := d.Flash.Energy(c)
	out := Energy{e.Flash(), e.Core, e.CoreOK}
	if nor.Busy > 0 && ok {
		joule, known := d.nor.Energy(nor)
		out.Flash += joule
		ok = known
	}
	if !ok {
		return Energy{}, false
	}
	return out, true
}

// SetsEnergy is what a workload has drawn. ok is false if a current is not known.
func (d *Device) SetsEnergy(s *Sets) (Energy, bool) { return d.EnergyOf(&s.Counters, &s.External) }

// SetEnergy is what a mean set or remove of a workload has drawn on the internal flash, with garbage collection or
// without. ok is false if there was none, or if a current is not known.
func (d *Device) SetEnergy(s *Sets, collects bool) (Energy, bool) {
	kind, n := 0, len(s.Plain)
	if collects {
		kind, n = 1, len(s.GC)
	}
	e, ok := d.Flash.EnergyOf(s.Spent[kind][0], s.Spent[kind][1])
	if !ok || n == 0 || d.external != nil {
		return Energy{}, false
	}
	k := 1 / float64(n)
	return Energy{e.Flash() * k, e.Core * k, e.CoreOK}, true
}

// UpdateEnergy is what an update has drawn on the internal flash, and on the external one if the candidate is there. ok
// is false if a current is not known.
func (d *Device) UpdateEnergy(u *UpdateRun) (Energy, bool) {
	return d.EnergyOf(&u.Counters, &u.External)
}

// energyMetrics are the metrics of n operations that have drawn e: none if it is not known.
func energyMetrics(e model.Energy, ok bool, n float64) []results.Metric {
	if !ok {
		return nil
	}
	m := []results.Metric{Less("sim-J/op", e.Flash()/n)}
	if e.CoreOK {
		m = append(m, Less("sim-core-J/op", e.Core/n))
	}
	return m
}

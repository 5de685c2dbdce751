package bench

import (
	"fmt"

	"dualbank/model"
	"dualbank/results"
)

// exact is a metric of virtual time or a count: the same on every machine and in every run.
func exact(unit string, v float64, better string) results.Metric {
	return results.Metric{Unit: unit, Value: v, Exact: true, Better: better}
}

// less is an exact metric of which less is better.
func less(unit string, v float64) results.Metric { return exact(unit, v, "lower") }

// Metrics are the workload's figures; f is the flash it ran on. An operation is a set or a remove.
func (s *Sets) Metrics(f *model.Flash) []results.Metric {
	all := s.all()
	n := float64(max(len(all), 1))
	sum := uint64(0)
	for _, c := range all {
		sum += c
	}
	return []results.Metric{
		less("sim-sec/op", f.Seconds(sum)/n),
		less("sim-p50-sec", f.Seconds(quantile(500, all))),
		less("sim-p99-sec", f.Seconds(quantile(990, all))),
		less("sim-p999-sec", f.Seconds(quantile(999, all))),
		less("sim-worst-sec", f.Seconds(quantile(1000, all))),
		less("erases/op", float64(s.Counters.Erases+s.External.Erases)/n),
		less("write-amp", float64(s.Counters.ProgramBytes+s.External.ProgramBytes)/float64(max(s.ValueBytes, 1))),
		less("stall-sec/op", f.Seconds(s.Counters.Stall)/n),
		less("masked-sec/op", f.Seconds(s.Counters.Masked)/n),
		less("worst-masked-sec", f.Seconds(s.Counters.LongestMasked)),
		less("worst-sector-erases", float64(s.worst)),
		less("GCs", float64(s.Collections)),
	}
}

// GetMetrics are the figures of the workload's gets.
func (s *Sets) GetMetrics(f *model.Flash) []results.Metric {
	sum := uint64(0)
	for _, c := range s.Gets {
		sum += c
	}
	return []results.Metric{
		less("sim-sec/op", f.Seconds(sum)/float64(max(len(s.Gets), 1))),
		less("sim-p50-sec", f.Seconds(quantile(500, s.Gets))),
		less("sim-p99-sec", f.Seconds(quantile(990, s.Gets))),
		less("sim-worst-sec", f.Seconds(quantile(1000, s.Gets))),
	}
}

// benchName puts keys and values behind the name of a benchmark: "KVSet/part=stm32f429zi/size=32".
func benchName(name string, keyValues ...any) string {
	for i := 0; i+1 < len(keyValues); i += 2 {
		name += fmt.Sprintf("/%v=%v", keyValues[i], keyValues[i+1])
	}
	return name
}

// Uniform is a workload for benchmarks: n keys with values of size bytes, each set as often as the
// others, sets times in all, once a second.
func Uniform(n int, size, sets uint32) *Workload {
	w := &Workload{SetsPerHour: 3600, Hours: (sets + 3599) / 3600}
	for i := range n {
		w.Keys = append(w.Keys, Key{Name: fmt.Sprintf("key%04d", i), Bytes: [2]uint32{size, size}, Weight: 1})
	}
	return w
}

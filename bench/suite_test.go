package bench_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"dualbank/bench"
	"dualbank/bench/job"
	"dualbank/bench/plan"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/kvstore"
	"dualbank/model"
)

// guide is the guide's device.
func guide(b *testing.B) *bench.Device {
	b.Helper()
	d, err := bench.Guide().Device("mbed", model.Typ)
	if err != nil {
		b.Fatal(err)
	}
	return d
}

// BenchmarkCuts explores power cuts of a KVStore workload on the guide's board; one operation is a
// sweep of some thousands.
func BenchmarkCuts(b *testing.B) {
	d := guide(b)
	b.Run("part=stm32f429zi/subject=KVStore", func(b *testing.B) {
		cuts := uint64(0)
		for b.Loop() {
			s, err := kv.Cut(context.Background(), kv.Sweep{
				Device:  explore.Device{Part: "stm32f429zi", Unit: d.Flash.PageSize(), Base: d.KVStore.Start, Size: d.KVStore.Size},
				Profile: kvstore.MbedCE, Seed: 1, Collections: 1, MaxCuts: 3000, Workers: 1,
			}, nil)
			if err != nil {
				b.Fatal(err)
			}
			cuts += s.Stats.Cuts
		}
		b.ReportMetric(float64(cuts)/b.Elapsed().Seconds(), "cuts/s")
	})
}

// BenchmarkApplication answers whether reading and writing storage halts execution: what the application
// feels of the guide's workload, with each driver, and with the KVStore in the bank of its code.
func BenchmarkApplication(b *testing.B) {
	s := bench.Guide()
	for _, c := range job.AppCases(s, guide(b)) {
		b.Run(strings.TrimPrefix(bench.BenchName("", "part", s.Board.Part, "driver", c.Driver, "layout", s.Layout.Name, "code", c.Code), "/"), func(b *testing.B) {
			var d *bench.Device
			var sets *bench.Sets
			for b.Loop() {
				var err error
				if d, sets, _, err = c.Run(context.Background(), s, model.Typ, nil); err != nil {
					b.Fatal(err)
				}
			}
			bench.Report(b, append(sets.AppMetrics(d.Flash), sets.LatencyMetrics(d.Flash, &sets.Latencies[0])...))
		})
	}
}

// BenchmarkPlan is the command on the guide's board: 40 keys of 16 to 600 bytes, 500 sets a day, 10 years.
func BenchmarkPlan(b *testing.B) {
	s := bench.Guide()
	s.Title = ""
	s.Workload = bench.Workload{SetsPerHour: 1, Hours: 1}
	for i := range 40 {
		s.Workload.Keys = append(s.Workload.Keys, bench.Key{Name: fmt.Sprintf("a_key_as_long_as_most_%02d", i), Bytes: [2]uint32{16, 600}, Weight: 1})
	}
	s.Plan.SetsPerDay = 500
	s.Update.Bytes = 100 << 10
	sets := uint64(0)
	for b.Loop() {
		r, err := plan.Run(context.Background(), s, "out", nil)
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range r.Plan.Candidates {
			sets += c.Simulated
		}
	}
	b.ReportMetric(float64(sets)/b.Elapsed().Seconds(), "sets/s")
}

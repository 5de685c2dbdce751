package fuzz

import (
	"context"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/update"
	"dualbank/kvstore"
)

var small = explore.Device{Sectors: "8x512", Unit: 1, Size: 4096}

func sweep(t testing.TB, c kv.Sweep) *explore.Sweep {
	t.Helper()
	s, err := kv.Cut(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// BenchmarkKVSweep is cuts of a KVStore workload, on one worker.
func BenchmarkKVSweep(b *testing.B) {
	for _, d := range []explore.Device{small, F429KV} {
		b.Run("device="+d.Part+d.Sectors, func(b *testing.B) {
			var st explore.Stats
			start := cpuSeconds(b)
			for b.Loop() {
				s := sweep(b, kv.Sweep{Device: d, Seed: 1, Collections: 3, Workers: 1, MaxCuts: 60000})
				st.Add(s.Stats)
			}
			b.ReportMetric(float64(st.Judged)/b.Elapsed().Seconds(), "judged/s")
			b.ReportMetric(float64(st.Cuts)/b.Elapsed().Seconds(), "cuts/s")
			b.ReportMetric(float64(st.Judged)/(cpuSeconds(b)-start), "judged/CPU-s")
		})
	}
}

// BenchmarkEveryByte is every cut of an install of 512 KiB in three modes, on all processors: update.EveryByte.
func BenchmarkEveryByte(b *testing.B) {
	for b.Loop() {
		start := cpuSeconds(b)
		c := EveryByte(kvstore.MbedCE, 1)
		r, err := c.Sweep(context.Background(), nil)
		if err != nil || len(r.Findings) > 0 {
			b.Fatalf("%v, %d findings", err, len(r.Findings))
		}
		took := cpuSeconds(b) - start
		b.ReportMetric(float64(r.Stats.Cuts), "cuts")
		b.ReportMetric(took, "CPU-s")
		b.ReportMetric(float64(r.Stats.Cuts)/took, "cuts/CPU-s")
	}
}

// BenchmarkUpdateSweep is cuts of updates on the guide's layout, on one worker.
func BenchmarkUpdateSweep(b *testing.B) {
	for _, bm := range []struct {
		name string
		size uint32
		cuts uint64
	}{{"size=20K", 20000, 12000}, {"size=400K", 400 << 10, 1500}} {
		b.Run(bm.name, func(b *testing.B) {
			var st explore.Stats
			for b.Loop() {
				s, err := update.Cut(context.Background(), update.Sweep{
					Device: explore.Device{Part: "stm32f429zi", Unit: 1}, Boot: F429Guide, Old: bm.size, New: bm.size, Seed: 1, MaxCuts: bm.cuts, Workers: 1,
				}, nil)
				if err != nil {
					b.Fatal(err)
				}
				st.Add(s.Stats)
			}
			b.ReportMetric(float64(st.Judged)/b.Elapsed().Seconds(), "judged/s")
			b.ReportMetric(float64(st.Cuts)/b.Elapsed().Seconds(), "cuts/s")
		})
	}
}

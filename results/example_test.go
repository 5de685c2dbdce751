package results_test

import (
	"fmt"
	"os"

	"dualbank/results"
	"dualbank/results/unit"
)

// A report as benchstat reads it: units first, then the configuration, then a line for each benchmark.
func ExampleWriteBench() {
	r := &results.Report{
		Config: []results.Setting{{Key: "board", Value: "NUCLEO_F429ZI"}, {Key: "seed", Value: "1"}},
		Bench: []results.Benchmark{{Name: "KVSet/driver=mbed/keys=40", N: 1440, Metrics: []results.Metric{
			{Unit: "sim-sec/op", Value: 0.00364, Exact: true, Better: "lower"},
			{Unit: "gc-count", Value: 3, Exact: true},
		}}},
	}
	if err := results.WriteBench(os.Stdout, r); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Unit sim-sec/op assume=exact better=lower
	// Unit gc-count assume=exact
	//
	// board: NUCLEO_F429ZI
	// seed: 1
	//
	// BenchmarkKVSet/driver=mbed/keys=40 1440 0.00364 sim-sec/op 3 gc-count
}

// What a sweep of power cuts came to: 1000 steps, each cut before and after its effect.
func ExampleCutMap_Outcomes() {
	m := results.CutMap{Name: "KVStore workload", Steps: 1000, Explored: 2000, Rows: []results.CutRow{
		{Mode: "before", Runs: []results.CutRun{{First: 0, Last: 999, Outcome: "ok"}}},
		{Mode: "after", Runs: []results.CutRun{
			{First: 0, Last: 499, Outcome: "ok"},
			{First: 500, Last: 510, Rule: 2, Outcome: "stored key lost"},
			{First: 511, Last: 999, Outcome: "ok"},
		}},
	}}
	for _, o := range m.Outcomes() {
		fmt.Printf("%s, %s\n", unit.Plural(o.Cuts, m.Counted()), o.Label())
	}
	// Output:
	// 1,989 cuts, ok
	// 11 cuts, rule 2: stored key lost
}

// Latencies of sets with and without garbage collection, as pictures and tables show them.
func ExampleSetLatency_Merge() {
	s := results.SetLatency{Name: "driver mbed", Plain: []float64{0.0011, 0.0012, 0.0013, 0.0104}, GC: []float64{0.398}}
	l := s.Merge()
	fmt.Println(unit.Duration(l.Quantile(0.5)), unit.Duration(l.Quantile(0.99)), unit.Duration(l.Max()))
	// Output:
	// 1.3 ms 398 ms 398 ms
}

// A record that no run leaves is refused in one line that names it.
func ExampleCheck() {
	r := &results.Report{Wear: []results.SectorWear{
		{Addr: 0x08000000, Size: 16384}, {Addr: 0x08002000, Size: 16384},
	}}
	fmt.Println(results.Check(r))
	// Output:
	// wear[1]: address 0x08002000 is inside the sector before it
}

package job

import (
	"context"
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"dualbank/bench"
	"dualbank/fuzz/native"
	"dualbank/fuzz/native/examples/logstore"
	"dualbank/model"
	"dualbank/results"
)

// program is a store of the user's own for the benchmark.
var program = flag.String("store", "", "`program` built with dualbank.h, for BenchmarkStore; without it the log store in Go")

// logged is the example's log store in Go.
var logged = Store{"logstore", func(r *model.Region, _ model.CPU) bench.Own { return logstore.New(r, 0) }}

// TestRunStores: both stores hold what the workload has set, each has a line in every table and picture, and the figures
// of TDBStore are those of the main job.
func TestRunStores(t *testing.T) {
	s := bench.Guide()
	s.Workload.Hours = 12
	const perDay = 500
	r, err := RunStores(context.Background(), s, logged, perDay, "out", "again", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Sets) != 2 || len(r.Application) != 2 || r.Sets[0].Name != "logstore" || r.Sets[1].Name != "TDBStore" {
		t.Errorf("%d and %d records", len(r.Sets), len(r.Application))
	}
	d, err := s.Device(s.Board.Driver, model.Corner(s.Board.Corner))
	if err != nil {
		t.Fatal(err)
	}
	want, err := d.RunWorkload(context.Background(), &s.Workload, s.Seed, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, b := range r.Bench {
		switch {
		case strings.HasPrefix(b.Name, "Workload/") && strings.Contains(b.Name, "/store=TDBStore/"):
			n++
			for i, m := range want.Metrics(d.Flash) {
				if b.Metrics[i].Value != m.Value {
					t.Errorf("TDBStore, %s: %v, the main job has %v", m.Unit, b.Metrics[i].Value, m.Value)
				}
			}
		case strings.HasPrefix(b.Name, "Workload/") && strings.Contains(b.Name, "/store=logstore/"):
			n++
			if b.Metrics[1].Value == want.Metrics(d.Flash)[1].Value {
				t.Error("the log store's median is that of TDBStore")
			}
		}
	}
	if n != 2 {
		t.Errorf("%d workloads with the axis store", n)
	}
	again, err := RunStores(context.Background(), s, logged, 2*perDay, "out", "again", nil)
	if err != nil {
		t.Fatal(err)
	}
	last := func(r *results.Report) results.Metric { return r.Bench[0].Metrics[len(r.Bench[0].Metrics)-1] }
	if a, b := last(r), last(again); a.Unit != "years" || a.Value/b.Value < 1.999 || a.Value/b.Value > 2.001 {
		t.Errorf("%v, with twice the sets a day %v", a, b)
	}
}

// BenchmarkStore runs the guide's workload on TDBStore and on a store of the user's own: -store names its program.
// Simulated metrics are per set.
func BenchmarkStore(b *testing.B) {
	own := logged
	if *program != "" {
		p := &native.Program{Path: *program, Processes: 1}
		defer p.Close()
		own = Store{filepath.Base(*program), func(r *model.Region, cpu model.CPU) bench.Own { return p.Timed(r, cpu) }}
	}
	s := bench.Guide()
	for _, o := range []Store{own, {Name: reference}} {
		b.Run("store="+o.Name, func(b *testing.B) {
			for b.Loop() {
				j := &job{s: s, report: &results.Report{}}
				if _, err := j.stored(context.Background(), o.Name, o.Make, 1440); err != nil {
					b.Fatal(err)
				}
				for _, m := range j.report.Bench[0].Metrics {
					b.ReportMetric(m.Value, m.Unit)
				}
			}
		})
	}
}

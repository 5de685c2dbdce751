package results_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/perf/benchfmt"

	"dualbank/results"
	"dualbank/results/internal/sample"
)

// TestBenchRoundTrip reads bench.txt as benchstat does and wants every record back.
func TestBenchRoundTrip(t *testing.T) {
	r := sample.Report()
	var buf bytes.Buffer
	if err := results.WriteBench(&buf, r); err != nil {
		t.Fatal(err)
	}
	var got []results.Benchmark
	rd := benchfmt.NewReader(bytes.NewReader(buf.Bytes()), "bench.txt")
	for rd.Scan() {
		switch rec := rd.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Fatal(rec)
		case *benchfmt.Result:
			b := results.Benchmark{Name: rec.Name.String(), N: rec.Iters}
			for _, v := range rec.Values {
				m := results.Metric{Unit: v.Unit, Value: v.Value}
				if v.OrigUnit != "" {
					m.Unit, m.Value = v.OrigUnit, v.OrigValue
				}
				if u := rd.Units().Get(m.Unit, "assume"); u != nil {
					m.Exact = u.Value == "exact"
				}
				if u := rd.Units().Get(m.Unit, "better"); u != nil {
					m.Better = u.Value
				}
				b.Metrics = append(b.Metrics, m)
			}
			for _, s := range r.Config {
				if rec.GetConfig(s.Key) != s.Value {
					t.Errorf("%s: %s is %q, want %q", b.Name, s.Key, rec.GetConfig(s.Key), s.Value)
				}
			}
			got = append(got, b)
		}
	}
	if err := rd.Err(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r.Bench, got); d != "" {
		t.Error(d)
	}
	var again bytes.Buffer
	if err := results.WriteBench(&again, sample.Report()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(buf.Bytes(), again.Bytes()) {
		t.Error("the same records gave other bytes")
	}
}

func TestBenchLooksAsGoTestPrintsIt(t *testing.T) {
	r := &results.Report{
		Config: []results.Setting{{"pkg", "dualbank/bench"}},
		Bench: []results.Benchmark{{Name: "KVSet/part=stm32f429zi/driver=mbed", N: 12, Metrics: []results.Metric{
			{"sim-sec/op", 0.00125, true, "lower"}, {"ns/op", 1312.5, false, ""}, {"gc-count", 3, true, ""}, {"cuts/host-sec", 1e21, false, "higher"},
		}}},
	}
	var buf bytes.Buffer
	if err := results.WriteBench(&buf, r); err != nil {
		t.Fatal(err)
	}
	want := `Unit sim-sec/op assume=exact better=lower
Unit gc-count assume=exact
Unit cuts/host-sec better=higher

pkg: dualbank/bench

BenchmarkKVSet/part=stm32f429zi/driver=mbed 12 0.00125 sim-sec/op 1312.5 ns/op 3 gc-count 1e+21 cuts/host-sec
`
	if d := cmp.Diff(want, buf.String()); d != "" {
		t.Error(d)
	}
}

func TestBenchRefusesWhatBenchstatWouldMisread(t *testing.T) {
	ok := []results.Metric{{"sim-sec/op", 1, true, "lower"}}
	for _, c := range []struct {
		r    results.Report
		want string
	}{
		{results.Report{Bench: []results.Benchmark{{Name: "a b", N: 1, Metrics: ok}}}, `bench[0]: name "a b"`},
		{results.Report{Bench: []results.Benchmark{{Name: "BenchmarkX", N: 1, Metrics: ok}}}, `without "Benchmark"`},
		{results.Report{Bench: []results.Benchmark{{Name: "X", Metrics: ok}}}, "bench[0]: X: 0 iterations"},
		{results.Report{Bench: []results.Benchmark{{Name: "X", N: 1}}}, "no metrics"},
		{results.Report{Bench: []results.Benchmark{{Name: "X", N: 1, Metrics: []results.Metric{{"a b", 1, true, ""}}}}}, `unit "a b"`},
		{results.Report{Bench: []results.Benchmark{{Name: "X", N: 1, Metrics: []results.Metric{{"a", 1, true, "less"}}}}}, `better="less"`},
		{results.Report{Bench: []results.Benchmark{{Name: "X", N: 1, Metrics: ok}, {Name: "Y", N: 1, Metrics: []results.Metric{{"sim-sec/op", 1, false, "lower"}}}}}, "bench[1]: Y: sim-sec/op is exact=false"},
		{results.Report{Config: []results.Setting{{"Board", "x"}}}, `config[0]: key "Board"`},
		{results.Report{Config: []results.Setting{{"board", "x\ny"}}}, `config[0]: value`},
		{results.Report{Config: []results.Setting{{"board", "x"}, {"board", "y"}}}, "config[1]: board is set twice"},
	} {
		err := results.WriteBench(new(bytes.Buffer), &c.r)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

package results

import (
	"bytes"
	"io"
	"slices"

	"golang.org/x/perf/benchfmt"
)

// WriteBench writes the benchmarks of r in the Go benchmark format, as `go test -bench` prints it:
// a Unit line for each unit that is exact or has a better direction, the configuration lines, the
// results. `go tool benchstat` reads it. The same records give the same bytes.
func WriteBench(w io.Writer, r *Report) error {
	if err := checkSettings(r); err != nil {
		return err
	}
	if err := checkBench(r); err != nil {
		return err
	}
	var buf bytes.Buffer
	for _, line := range UnitLines(r.Bench) {
		buf.WriteString(line)
		buf.WriteByte('\n')
	}
	if buf.Len() > 0 {
		buf.WriteByte('\n')
	}
	bw := benchfmt.NewWriter(&buf)
	for _, b := range r.Bench {
		res := benchfmt.Result{Name: benchfmt.Name(b.Name), Iters: b.N}
		for _, s := range r.Config {
			res.Config = append(res.Config, benchfmt.Config{Key: s.Key, Value: []byte(s.Value), File: true})
		}
		for _, m := range b.Metrics {
			res.Values = append(res.Values, benchfmt.Value{Value: m.Value, Unit: m.Unit})
		}
		if err := bw.Write(&res); err != nil {
			return err
		}
	}
	_, err := w.Write(buf.Bytes())
	return err
}

// UnitLines returns the Unit lines for the metrics of bs in the order of their first appearance, as in "Unit
// sim-sec/op assume=exact better=lower". They go before the results, in bench.txt and in what `go test
// -bench` prints.
func UnitLines(bs []Benchmark) []string {
	var lines []string
	var seen []string
	for _, b := range bs {
		for _, m := range b.Metrics {
			if slices.Contains(seen, m.Unit) {
				continue
			}
			seen = append(seen, m.Unit)
			line := "Unit " + m.Unit
			if m.Exact {
				line += " assume=exact"
			}
			if m.Better != "" {
				line += " better=" + m.Better
			}
			if m.Exact || m.Better != "" {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

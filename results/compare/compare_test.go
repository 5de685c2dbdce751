package compare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dualbank/results"
	"dualbank/results/internal/sample"
)

// saved writes the benchmarks of r as a file, as a run leaves it.
func saved(t *testing.T, r *results.Report) benchInput {
	t.Helper()
	var buf bytes.Buffer
	if err := results.WriteBench(&buf, r); err != nil {
		t.Fatal(err)
	}
	return benchInput{"bench.txt", buf.Bytes()}
}

// changed is the sample with one metric of one benchmark multiplied.
func changed(bench int, unit string, by float64) *results.Report {
	r := sample.Report()
	for i := range r.Bench[bench].Metrics {
		if m := &r.Bench[bench].Metrics[i]; m.Unit == unit {
			m.Value *= by
		}
	}
	return r
}

func shown(t *testing.T, c *Comparison) string {
	t.Helper()
	var buf bytes.Buffer
	if err := c.WriteText(&buf, true); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestEqualRunsPass(t *testing.T) {
	base := saved(t, sample.Report())
	c, err := compare(base, base, DefaultThresholds())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Failures) != 0 {
		t.Errorf("failures: %v", c.Failures)
	}
	out := shown(t, c)
	if !strings.Contains(out, "ok: 34 figures compared\n") || !strings.Contains(out, "0.00%") {
		t.Error(out)
	}
}

// TestPlantedSlowdownFails slows one simulated figure by 1 %: that line fails and no other.
func TestPlantedSlowdownFails(t *testing.T) {
	base, slow := saved(t, sample.Report()), saved(t, changed(1, "sim-sec/op", 1.01))
	c, err := compare(base, slow, DefaultThresholds())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Failures) != 1 {
		t.Fatalf("failures: %v", c.Failures)
	}
	want := "bench.txt:25: KVSet/part=stm32f429zi/driver=word/layout=guide/size=16-600/keys=40 sim-sec/op: 3.181m sim-sec/op to 3.212m sim-sec/op, +1.00%: more than 0% worse"
	if got := c.Failures[0].String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	line := strings.Split(string(slow.data), "\n")[c.Failures[0].Line-1]
	if !strings.HasPrefix(line, "BenchmarkKVSet/") || !strings.Contains(line, "driver=word") {
		t.Errorf("line %d of the file is %q", c.Failures[0].Line, line)
	}
	if out := shown(t, c); !strings.Contains(out, "failed: "+want) || !strings.HasSuffix(out, "FAIL: 34 figures compared, 1 failed\n") {
		t.Error(out)
	}
}

func TestGateLooksInTheRightDirection(t *testing.T) {
	host := DefaultThresholds()
	loose := DefaultThresholds()
	loose.Exact = 2
	strict := DefaultThresholds()
	strict.Units = map[string]float64{"sim-sec/op": 0.5}
	strict.Exact = 50
	for _, c := range []struct {
		name  string
		bench int
		unit  string
		by    float64
		th    Thresholds
		fails int
		want  string
	}{
		{"improvement", 0, "sim-sec/op", 0.99, host, 0, "1 better"},
		{"large improvement", 2, "total-sim-sec", 0.01, host, 0, "1 better"},
		{"slowdown", 2, "total-sim-sec", 1.01, host, 1, "1 failed"},
		{"slowdown within the limit", 2, "total-sim-sec", 1.01, loose, 0, "1 worse"},
		{"slowdown beyond the limit", 2, "total-sim-sec", 1.03, loose, 1, "1 failed"},
		{"a unit's own limit", 0, "sim-sec/op", 1.01, strict, 1, "1 failed"},
		{"others' limit", 2, "total-sim-sec", 1.4, strict, 0, "1 worse"},
		{"last digit", 0, "sim-sec/op", 1.0000000001, host, 1, "1 failed"},
		{"no direction", 0, "gc-count", 2, host, 0, "1 changed"},
		{"one sample of host time", 0, "ns/op", 10, host, 0, "need >= 4 samples"},
		{"from zero", 0, "findings", 1, host, 0, "ok"},
	} {
		got, err := compare(saved(t, sample.Report()), saved(t, changed(c.bench, c.unit, c.by)), c.th)
		if err != nil {
			t.Fatal(err)
		}
		if out := shown(t, got); len(got.Failures) != c.fails || !strings.Contains(out, c.want) {
			t.Errorf("%s: %d failures, want %d and %q in\n%s", c.name, len(got.Failures), c.fails, c.want, out)
		}
	}
}

// measured is what `go test -bench -count=6` prints for two benchmarks, the second one times as slow.
func measured(cpu string, times float64) benchInput {
	var b strings.Builder
	b.WriteString("goos: linux\ngoarch: amd64\npkg: example.org/x\ncpu: " + cpu + "\n")
	for i := range 6 {
		fmt.Fprintf(&b, "BenchmarkA-8   \t 1000\t %d ns/op\t 16 B/op\t 1 allocs/op\n", 1000+i)
		fmt.Fprintf(&b, "BenchmarkB-8   \t 1000\t %v ns/op\t 2.5 MB/s\n", times*float64(2000+3*i))
	}
	b.WriteString("PASS\nok  \texample.org/x\t1.2s\n")
	return benchInput{"x.txt", []byte(b.String())}
}

func TestHostTimeBySignificance(t *testing.T) {
	base := measured("fast", 1)
	noisy := benchInput{"noisy.txt", bytes.ReplaceAll(base.data, []byte("2000 ns/op"), []byte("9000 ns/op"))}
	limit := DefaultThresholds()
	limit.Geomean = 2
	limit.Host = 50
	for _, c := range []struct {
		name string
		new  benchInput
		th   Thresholds
		want string // in the only failure; "" for none
		text string
	}{
		{"same", base, DefaultThresholds(), "", "~"},
		{"one outlier", noisy, DefaultThresholds(), "", "~"},
		{"slower", measured("fast", 1.2), DefaultThresholds(), "x.txt:6: B sec/op: 2.007µ sec/op to 2.409µ sec/op, +20.00% (p=0.002 n=6): more than 10% worse", "+9.54%"},
		{"faster", measured("fast", 0.5), DefaultThresholds(), "", "better"},
		{"a little slower", measured("fast", 1.08), DefaultThresholds(), "", "worse"},
		{"geomean", measured("fast", 1.08), limit, "x.txt: geomean sec/op: 1.419µ sec/op to 1.474µ sec/op, +3.92%: more than 2% worse", "geomean"},
		{"other machine", measured("slow", 3), DefaultThresholds(), "", "different hosts"},
	} {
		got, err := compare(base, c.new, c.th)
		if err != nil {
			t.Fatal(err)
		}
		out := shown(t, got)
		if !strings.Contains(out, c.text) {
			t.Errorf("%s: no %q in\n%s", c.name, c.text, out)
		}
		found := ""
		for _, f := range got.Failures {
			found += f.String()
		}
		if c.name == "slower" {
			// Both the benchmark and the mean over both are beyond their limits.
			if len(got.Failures) != 2 {
				t.Errorf("slower: %v", got.Failures)
			}
			found = got.Failures[0].String()
		}
		if found != c.want {
			t.Errorf("%s: got %q, want %q", c.name, found, c.want)
		}
	}
}

func TestComparedPathsAndFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, data string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("out/bench.txt", string(saved(t, sample.Report()).data))
	if c, err := Files(filepath.Dir(good), good, DefaultThresholds()); err != nil || len(c.Failures) != 0 || c.Old != good {
		t.Errorf("folder against file: %v", err)
	}
	// Files of other tools: hyperfine-like names, no Unit lines, lines of all sorts between.
	other := write("other.txt", "hello\n# comment\nname: x y\nBenchmarkdecode 5 1.5 widgets 2e3 things/s\nBenchmarkLonely\n\nPASS\n")
	if c, err := Files(other, other, DefaultThresholds()); err != nil || len(c.Tables) != 2 {
		t.Errorf("other tool's file: %v", err)
	}
	for _, c := range []struct{ name, data, want string }{
		{"value", "BenchmarkX 1 5 ns/op\nBenchmarkX 1 five ns/op\n", ":2: parsing measurement: invalid syntax"},
		{"iterations", "\nBenchmarkX many 5 ns/op\n", ":2: parsing iteration count: invalid syntax"},
		{"cut off", "BenchmarkX 1 5 ns/op\nBenchmarkY 1 12", ":2: missing units"},
		{"NaN", "BenchmarkX 1 NaN ns/op\n", ":1: NaN ns/op is not a number"},
		{"Inf", "pkg: x\nBenchmarkX 1 +Inf sec/op\n", ":2: +Inf sec/op is not a number"},
		{"unit line", "Unit x/op better\nBenchmarkX 1 5 x/op\n", ":1: expected key=value"},
		{"units at odds", "Unit sim-sec/op better=higher\nBenchmarkX 1 5 sim-sec/op\n", ":1: unit sim-sec/op has better=higher here and better=lower at " + good + ":2"},
		{"empty", "", ": no benchmark results"},
		{"binary", "\x7fELF\x00\x01\n\xff\xfe", ": no benchmark results"},
		{"long line", "BenchmarkX 1 5 ns/op\nBenchmarkX 1 5 ns/op " + strings.Repeat("x", 1<<17), ":2: a line of more than 64 KiB"},
		{"strangers", "BenchmarkX 1 5 x/op\n", " have no benchmark in common"},
		{"other seed", strings.Replace(string(saved(t, sample.Report()).data), "seed: 1", "seed: 2", 1), "in common: setting seed differs"},
	} {
		path := write("bad/"+strings.ReplaceAll(c.name, " ", "-")+".txt", c.data)
		_, err := Files(good, path, DefaultThresholds())
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", c.name, err, path+c.want)
		}
	}
	if _, err := Files(good, filepath.Join(dir, "none"), DefaultThresholds()); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("missing file: %v", err)
	}
	bad := DefaultThresholds()
	bad.Alpha = 0
	if _, err := Files(good, good, bad); err == nil || !strings.Contains(err.Error(), "alpha: 0") {
		t.Errorf("thresholds: %v", err)
	}
}

func TestMissingInexactAndBrokenOff(t *testing.T) {
	old := benchInput{"old.txt", []byte("Unit x assume=exact better=lower\nBenchmarkA 1 0 x\nBenchmarkB 1 2 x\n")}
	for _, c := range []struct {
		name, new string
		missing   bool
		want      []string
	}{
		{"missing", "BenchmarkA 1 0 x\n", false, []string{"warning: old.txt:3: B x is missing in the new file", "ok: 1 figure compared, 1 missing"}},
		{"missing fails", "BenchmarkA 1 0 x\n", true, []string{"failed: old.txt:3: B x: is missing in the new file", "FAIL: "}},
		{"added", "BenchmarkA 1 0 x\nBenchmarkB 1 2 x\nBenchmarkC 1 2 x\n", true, []string{"ok: 2 figures compared, 1 added"}},
		{"from zero", "BenchmarkA 1 1 x\nBenchmarkB 1 2 x\n", false, []string{"failed: new.txt:1: A x: 0.000 x to 1.000 x, ?: more than 0% worse"}},
		{"not exact", "BenchmarkA 1 0 x\nBenchmarkB 1 2 x\nBenchmarkB 1 2.5 x\n", false, []string{"failed: new.txt:2: B x: is said to be exact and differs between repeats, from 2 to 2.5"}},
		{"failed run", "BenchmarkA 1 0 x\nBenchmarkB 1 2 x\n--- FAIL: BenchmarkC\nFAIL\n", false, []string{"warning: new.txt:3: --- FAIL: BenchmarkC: the run failed"}},
	} {
		th := DefaultThresholds()
		th.FailMissing = c.missing
		got, err := compare(old, benchInput{"new.txt", []byte(c.new)}, th)
		if err != nil {
			t.Fatal(err)
		}
		out := shown(t, got)
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, out)
			}
		}
	}
}

// TestProcessorCountsThatWereMeasuredStayApart compares runs with -cpu=1,2.
func TestProcessorCountsThatWereMeasuredStayApart(t *testing.T) {
	in := benchInput{"x.txt", []byte("BenchmarkA 1 5 ns/op\nBenchmarkA-2 1 3 ns/op\n")}
	c, err := compare(in, in, DefaultThresholds())
	if err != nil {
		t.Fatal(err)
	}
	if rows := c.Tables[0].Rows; len(rows) != 2 || rows[0].Name != "A" || rows[1].Name != "A-2" {
		t.Errorf("rows %+v", rows)
	}
	// From a host with other processors, exact metrics still find each other.
	a := benchInput{"a.txt", []byte("Unit x assume=exact better=lower\nBenchmarkA-2 1 5 x\n")}
	b := benchInput{"b.txt", []byte("BenchmarkA-8 1 6 x\n")}
	c, err = compare(a, b, DefaultThresholds())
	if err != nil || len(c.Failures) != 1 {
		t.Errorf("%v, %v", c, err)
	}
}

func TestComparisonForPrograms(t *testing.T) {
	c, err := compare(saved(t, sample.Report()), saved(t, changed(1, "sim-sec/op", 1.01)), DefaultThresholds())
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := c.WriteJSON(&buf); err != nil {
		t.Fatal(err)
	}
	var back Comparison
	if err := json.Unmarshal(buf.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Failures) != 1 || back.Failures[0].Line != 25 || back.Failures[0].Unit != "sim-sec/op" || len(back.Tables) != len(c.Tables) {
		t.Errorf("failures %+v in JSON", back.Failures)
	}
	c.Failures[0].File = "a,b:c%.txt"
	c.Warnings = []string{"two\nlines"}
	buf.Reset()
	if err := c.WriteAnnotations(&buf); err != nil {
		t.Fatal(err)
	}
	want := `::warning title=dualbank compare::two%0Alines
::error file=a%2Cb%3Ac%25.txt,line=25,title=sim-sec/op of KVSet/part=stm32f429zi/driver=word/layout=guide/size=16-600/keys=40::3.181m sim-sec/op to 3.212m sim-sec/op, +1.00%25: more than 0%25 worse
`
	if buf.String() != want {
		t.Errorf("got\n%swant\n%s", buf.String(), want)
	}
	c.Failures, c.Warnings = nil, nil
	buf.Reset()
	if err := c.WriteAnnotations(&buf); err != nil || !strings.HasPrefix(buf.String(), "::notice title=dualbank compare::ok: ") {
		t.Errorf("%s %v", buf.String(), err)
	}
}

// TestGateOnAnyExactFigure plants a change of any size in any exact figure: it fails if and only if
// it is for the worse and beyond the limit, and it names that line.
func TestGateOnAnyExactFigure(t *testing.T) {
	base := sample.Report()
	old := saved(t, base)
	rapid.Check(t, func(rt *rapid.T) {
		r := sample.Report()
		bench := rapid.IntRange(0, len(r.Bench)-1).Draw(rt, "benchmark")
		metric := rapid.IntRange(0, len(r.Bench[bench].Metrics)-1).Draw(rt, "metric")
		m := &r.Bench[bench].Metrics[metric]
		by := rapid.Float64Range(-50, 50).Draw(rt, "percent")
		th := DefaultThresholds()
		th.Exact = rapid.SampledFrom([]float64{0, 1, 20}).Draw(rt, "limit")
		before := m.Value
		m.Value *= 1 + by/100
		got, err := compare(old, saved(t, r), th)
		if err != nil {
			rt.Fatal(err)
		}
		want := m.Exact && m.Better == "lower" && m.Value > before && (m.Value-before)/before*100 > th.Exact
		if failed := len(got.Failures) > 0; failed != want {
			rt.Fatalf("%s %s from %v to %v: failed %t, want %t", r.Bench[bench].Name, m.Unit, before, m.Value, failed, want)
		}
		if want && (len(got.Failures) != 1 || got.Failures[0].Name != r.Bench[bench].Name || got.Failures[0].Unit != m.Unit) {
			rt.Fatalf("failures %v", got.Failures)
		}
	})
}

// FuzzCompare feeds the gate what is not a benchmark file: one line of error, or a comparison that
// can be written, and equal files never fail but for figures that are not as exact as they say.
func FuzzCompare(f *testing.F) {
	f.Add([]byte("Unit x assume=exact better=lower\npkg: a\nBenchmarkA/b=c-8 1 5 x 3 ns/op\n"))
	f.Add(measured("c", 1).data)
	f.Add([]byte("commit: a\ndate: 1\nBenchmarkA 1 5 x\ndate: 2\ncommit: b\ngoos: plan9\nBenchmarkA-2 1 5 x\n\"q: 1\nBenchmarkA/b=c 1 5 x\n"))
	f.Add([]byte("BenchmarkA 1 1e308 ns/op 0 MB/s -5 B/op\nBenchmarkB 1 1e-308 ns/op\nBenchmarkC 2 1e308 ns/op\n"))
	f.Add([]byte("Unit\nUnit x\nUnit x =\nBenchmark 1 1 1\n: \n\xff: y\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := benchInput{"in.txt", data}
		c, err := compare(in, in, DefaultThresholds())
		if err != nil {
			if msg := err.Error(); msg == "" || strings.ContainsAny(msg, "\r\n") {
				t.Errorf("error %q is not one line", msg)
			}
			return
		}
		for _, f := range c.Failures {
			if !strings.Contains(f.Message, "differs between repeats") {
				t.Errorf("equal files fail: %v", f)
			}
		}
		var out bytes.Buffer
		for _, write := range []func() error{
			func() error { return c.WriteText(&out, true) },
			func() error { return c.WriteJSON(&out) },
			func() error { return c.WriteAnnotations(&out) },
		} {
			if err := write(); err != nil {
				t.Error(err)
			}
		}
	})
}

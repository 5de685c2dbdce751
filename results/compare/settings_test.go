package compare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func bench(name, text string) benchInput { return benchInput{name, []byte(text)} }

const exactUnit = "Unit x assume=exact better=lower\n"

// Settings that differ by nature do not keep figures apart, and each is told in one line.
func TestSettingsThatDifferByNature(t *testing.T) {
	old := bench("old.txt", exactUnit+"commit: aaaa\ncommit-time: 2026-01-01\nbranch: main\nnote: before\nrunstamp: 1\nexperiment-commit: cccc\npkg: p\nBenchmarkA 1 5 x\n")
	now := bench("new.txt", "commit: bbbb\ncommit-time: 2026-02-01\nbranch: fix\nrunstamp: 2\nexperiment-commit: cccc\nbuild-id: 7\npkg: p\n\nBenchmarkA 1 6 x\n")
	c, err := compare(old, now, DefaultThresholds())
	if err != nil {
		t.Fatal(err)
	}
	out := shown(t, c)
	for _, want := range []string{
		"changed: commit: aaaa to bbbb\n", "changed: commit-time: 2026-01-01 to 2026-02-01\n", "changed: branch: main to fix\n",
		"changed: note: before to none\n", "changed: runstamp: 1 to 2\n", "changed: build-id: none to 7\n", "\npkg: p\n", "FAIL: 1 figure compared, 1 failed\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if len(c.Tables) != 1 || strings.Contains(out, "cccc") || strings.Count(out, "changed: ") != 6 {
		t.Errorf("%d tables, or settings that are equal:\n%s", len(c.Tables), out)
	}
	var buf bytes.Buffer
	if err := c.WriteJSON(&buf); err != nil {
		t.Fatal(err)
	}
	var back Comparison
	if err := json.Unmarshal(buf.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(back.Changed, func(ch Change) bool { return ch.Key == "note" })
	if i < 0 || !slices.Equal(back.Changed[i].Old, []string{"before"}) || back.Changed[i].New == nil || len(back.Changed[i].New) != 0 {
		t.Errorf("changed in JSON: %+v", back.Changed)
	}
}

// Repeats at several times are samples of one figure. A setting of the version that varies within a file is part
// of what was measured.
func TestSettingsThatVaryWithinAFile(t *testing.T) {
	repeats := func(name string, days ...string) benchInput {
		text := exactUnit
		for _, d := range days {
			text += "date: " + d + "\nBenchmarkA 1 5 x\n"
		}
		return bench(name, text)
	}
	c, err := compare(repeats("old.txt", "mon", "tue", "wed", "thu", "fri"), repeats("new.txt", "sat"), DefaultThresholds())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Tables) != 1 || c.Tables[0].Rows[0].Old.N != 5 || !strings.Contains(shown(t, c), "changed: date: fri, mon, thu, 2 more to sat\n") {
		t.Errorf("%d tables:\n%s", len(c.Tables), shown(t, c))
	}
	commits := func(name, first, second, value string) benchInput {
		return bench(name, exactUnit+"commit: "+first+"\nBenchmarkA 1 5 x\ncommit: "+second+"\nBenchmarkA 1 "+value+" x\n")
	}
	c, err = compare(commits("old.txt", "one", "two", "7"), commits("new.txt", "one", "two", "8"), DefaultThresholds())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Tables) != 2 || len(c.Failures) != 1 || c.Failures[0].Line != 5 || len(c.Changed) != 0 {
		t.Errorf("%d tables, failures %v, changed %v", len(c.Tables), c.Failures, c.Changed)
	}
}

// A setting that is not of that kind keeps figures apart, which is told in one line, unless it is ignored.
func TestIgnoredSettings(t *testing.T) {
	old := bench("old.txt", exactUnit+"board: a\nseed: 1\nBenchmarkA/driver=mbed 1 5 x\nboard: b\nBenchmarkA/driver=mbed 1 6 x\nBenchmarkB 1 6 x\n")
	now := bench("new.txt", "board: a\nseed: 1\nBenchmarkA/driver=word 1 5 x\nboard: b\nseed: 2\nBenchmarkA/driver=word 1 6 x\nBenchmarkB 1 7 x\n")
	for _, c := range []struct {
		ignore []string
		want   string
	}{
		{nil, "error: old.txt and new.txt have no benchmark in common: setting seed differs (1 to 2): compare runs with the same settings, or give --ignore seed"},
		{[]string{"/driver"}, "warning: setting seed differs, 1 to 2: 2 figures not compared; --ignore seed compares them"},
		{[]string{"seed"}, "failed: new.txt:7: B x: 6.000 x to 7.000 x, +16.67%: more than 0% worse"},
		{[]string{"seed", "/driver"}, "FAIL: 3 figures compared, 1 failed"},
		{[]string{"seed", "/driver"}, "changed: seed: 1 to 1, 2"},
		{[]string{"seed", "/driver"}, "changed: /driver: mbed to word"},
		{[]string{"seed", "speed"}, `error: old.txt and new.txt have no setting "speed" to ignore: they have board, seed`},
		{[]string{"/size"}, `error: old.txt and new.txt have no setting "/size" to ignore: they have board, seed`},
		{[]string{".unit"}, `error: old.txt and new.txt have no setting ".unit" to ignore: they have board, seed`},
		{[]string{""}, `error: old.txt and new.txt have no setting "" to ignore: they have board, seed`},
	} {
		got, err := compare(old, now, DefaultThresholds(), c.ignore...)
		out := ""
		if err != nil {
			out = "error: " + err.Error() + "\n"
		} else {
			out = shown(t, got)
		}
		if !strings.Contains("\n"+out, "\n"+c.want+"\n") {
			t.Errorf("%v: no %q in\n%s", c.ignore, c.want, out)
		}
	}
}

func TestNamesOfSettingsThatDifferByNature(t *testing.T) {
	for key, want := range map[string]string{
		"commit": "version", "experiment-commit": "version", "commit-hash": "version", "vcs.revision": "version", "branch": "version", "note": "version",
		"date": "run", "commit-time": "run", "upload-time": "run", "runstamp": "run", "run-id": "run", "vcs.time": "run",
		"seed": "", "board": "", "run-mode": "", "branch-prediction": "", "benchtime": "", "time-limit": "", "build": "", "pkg": "",
	} {
		got := ""
		switch {
		case ofRun(key):
			got = "run"
		case ofVersion(key):
			got = "version"
		}
		if got != want {
			t.Errorf("%s is taken for %q, want %q", key, got, want)
		}
	}
}

// TestMostResults: as many results and units as a file may have are read, and no more.
func TestMostResults(t *testing.T) {
	results := func(n int) string { return strings.Repeat("BenchmarkX 1 1 ns/op\n", n) }
	units := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "BenchmarkX 1 1 u%d\n", i)
		}
		return b.String()
	}
	for _, c := range []struct{ text, want string }{
		{results(mostResults), ""},
		{results(mostResults + 1), "b.txt:50001: more than 50000 results: give fewer"},
		{units(mostUnits), ""},
		{units(mostUnits + 1), "b.txt:1001: more than 1000 units: not a file that `go test -bench` printed"},
	} {
		_, _, err := readBench(benchInput{name: "b.txt", data: []byte(c.text)}, nil)
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

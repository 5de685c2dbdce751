package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/results/compare"
)

func TestGuideThresholdsAreTheDefault(t *testing.T) {
	want := compare.DefaultThresholds()
	want.Units = map[string]float64{}
	if d := cmp.Diff(want, Guide().Compare); d != "" {
		t.Error(d)
	}
}

func TestReadThresholds(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	// A unit's name has characters that TOML wants quoted; a folder stands for its scenario.
	s := Guide()
	s.Compare.Units = map[string]float64{"sim-sec/op": 1.5, "B/op": 3}
	s.Compare.FailMissing = true
	write("scenario.toml", s.TOML())
	for _, path := range []string{dir, filepath.Join(dir, "scenario.toml")} {
		got, err := ReadThresholds(path)
		if d := cmp.Diff(s.Compare, got); d != "" || err != nil {
			t.Error(err, d)
		}
	}
	got, err := ReadThresholds(write("only.toml", "[compare]\nhost = 50\n"))
	if err != nil || got.Host != 50 || got.Geomean != 5 {
		t.Errorf("%+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"[compare]\nexact = -1":                       "x.toml: compare: exact = -1: want percent, from 0 to 1e+09",
		"[compare]\nhost = nan":                       "x.toml: compare: host = NaN: want percent",
		"[compare]\ngeomean = inf":                    "x.toml: compare: geomean = +Inf: want percent",
		"[compare]\nalpha = 1":                        "x.toml: compare: alpha = 1: want more than 0 and less than 1",
		"[compare]\nunits = {'years' = -2, 'a' = -1}": "x.toml: compare: units: a = -1: want percent",
		"[compare]\nhosts = 1":                        "x.toml:2:1: compare.hosts: unknown key",
		"exact = 1":                                   "x.toml:1:1: exact: unknown key",
	} {
		_, err := ReadThresholds(write("x.toml", text))
		if err == nil || !strings.HasPrefix(err.Error(), filepath.Join(dir, want)) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	if _, err := ReadThresholds(filepath.Join(dir, "none.toml")); err == nil || !strings.Contains(err.Error(), "none.toml: no such file or directory: give a scenario file") {
		t.Errorf("%v", err)
	}
}

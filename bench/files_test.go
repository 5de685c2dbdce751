package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/model"
	"dualbank/results/compare"
)

// A scenario with a part and drivers of the user's own runs from its results folder alone.
func TestDataFilesAreStored(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	word, err := os.ReadFile("../model/part/drivers/word.toml")
	if err != nil {
		t.Fatal(err)
	}
	write := func(dir, name, text string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	slow := strings.Replace(string(word), "program_access = { cycles = 12,", "program_access = { cycles = 1200,", 1)
	write(dir, "my/part.toml", "name = \"mine\"\nextends = \"stm32f429zi\"\nread_while_write = { value = false, mark = \"A\", from = \"a field report\" }\n")
	write(dir, "my/word.toml", slow)
	write(dir, "word.toml", string(word))
	write(dir, "s.toml", "[board]\npart = 'my/part.toml'\ndriver = 'my/word.toml'\ncompare = ['word.toml', 'my/word.toml']\n[application]\ndrivers = ['ram-code']\n")
	s, err := ReadFile(filepath.Join(dir, "s.toml"))
	if err != nil {
		t.Fatal(err)
	}
	stored, files := s.Stored()
	if len(files) != 3 || stored.Board.Part != "data/part.toml" || stored.Board.Driver != "data/word.toml" ||
		strings.Join(stored.Board.Compare, " ") != "data/2-word.toml data/word.toml" || stored.App.Drivers[0] != "ram-code" {
		t.Errorf("%d files, %+v", len(files), stored.Board)
	}
	if s.Board.Compare[0] != filepath.Join(dir, "word.toml") {
		t.Errorf("storing changes the scenario: %v", s.Board.Compare)
	}
	write(out, "scenario.toml", stored.TOML())
	for name, text := range files {
		write(out, name, string(text))
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	again, err := ReadFile(filepath.Join(out, "scenario.toml"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := again.Device(again.Board.Driver, model.Typ)
	if err != nil {
		t.Fatal(err)
	}
	if p := d.Flash.Part(); p.Name != "mine" || p.ReadWhileWrite.Value || d.data.driver.ProgramAccess.Cycles != 1200 {
		t.Errorf("part %s, %d cycles around an access", p.Name, d.data.driver.ProgramAccess.Cycles)
	}
	if third, _ := again.Stored(); third.TOML() != stored.TOML() {
		t.Error("stored again it differs")
	}

	write(out, "gone.toml", "[board]\ndriver = 'none.toml'\n")
	if _, err := ReadFile(filepath.Join(out, "gone.toml")); err == nil || !strings.HasSuffix(err.Error(), "gone.toml: board.driver: none.toml: no such file or directory: correct the path, which is relative to the scenario's folder") {
		t.Error(err)
	}
}

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
		"[compare]\nexact = -1":                       "x.toml:2: compare.exact: -1: give percent, from 0 to 1e+09",
		"[compare]\nhost = nan":                       "x.toml:2: compare.host: NaN: give percent",
		"[compare]\ngeomean = inf":                    "x.toml:2: compare.geomean: +Inf: give percent",
		"[compare]\nalpha = 1":                        "x.toml:2: compare.alpha: 1: give more than 0 and less than 1",
		"[compare]\nunits = {'years' = -2, 'a' = -1}": "x.toml:2: compare.units.a: -1: give percent",
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

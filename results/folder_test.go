package results_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dualbank/results"
	"dualbank/results/internal/sample"
)

func TestReadSaysWhatIsDamaged(t *testing.T) {
	good, err := results.Encode(sample.Report())
	if err != nil {
		t.Fatal(err)
	}
	edit := func(old, new string) string {
		if !strings.Contains(string(good), old) {
			t.Fatalf("no %s in the records", old)
		}
		return strings.Replace(string(good), old, new, 1)
	}
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "line 1: ends in the middle"},
		{"cut off", string(good[:len(good)/2]), "ends in the middle"},
		{"no JSON", "hello", "line 1: invalid character 'h'"},
		{"other JSON", `{"format": 1, "name": "x"}`, `line 1: unknown field "name"`},
		{"list", `[]`, "line 1: "},
		{"null", `null`, "no format"},
		{"no format", edit(`"format": 1`, `"format": 0`), "no format: not the records of a run"},
		{"newer", edit(`"format": 1,`, "\"format\": 7,\n \"novel\": 1,"), "format 7: written by a newer dualbank"},
		{"kind", edit(`"title": "KVS`, `"title": 5, "board": "`), "line 3: title: a number has no place here"},
		{"range", edit(`"size": 16384`, `"size": -1`), "wear.size: a number -1 has no place here"},
		{"unknown", edit(`"endurance": 10000`, `"strength": 10000`), `unknown field "strength"`},
		{"more", string(good) + "{}", "more after the end of the records"},
		{"wear", edit(`"addr": 134234112`, `"addr": 134217728`), "wear[1]: address 0x08000000 is inside the sector before it"},
		{"severity", edit(`"severity": "low"`, `"severity": "dire"`), `findings[2]: severity "dire" of kv-7-next`},
		{"order", edit(`"first": 43090`, `"first": 5`), "cuts[0].rows[0].runs[1]: steps 5 to 43090: out of order"},
		{"span", edit(`"end": 4.02`, `"end": 4e30`), "timeline.phases[0][1]: 4e+30 is not a time"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, results.RecordsName), []byte(c.data), 0o666); err != nil {
			t.Fatal(err)
		}
		r, err := results.Read(dir)
		if err == nil {
			t.Errorf("%s: read as %q", c.name, r.Title)
			continue
		}
		if msg := err.Error(); !strings.Contains(msg, c.want) || !strings.HasPrefix(msg, dir) || strings.Contains(msg, "\n") {
			t.Errorf("%s: %q, want one line with the file and %q", c.name, msg, c.want)
		}
	}
	if _, err := results.Read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no such file: a results folder") {
		t.Errorf("missing: %v", err)
	}
}

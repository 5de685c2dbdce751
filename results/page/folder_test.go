package page

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/internal/long"
	"dualbank/results"
	"dualbank/results/internal/sample"
	"dualbank/results/plot"
)

var update = flag.Bool("update", false, "write the golden files anew")

// tree reads every file below dir.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReadRedraw(t *testing.T) {
	long.Test(t)
	dir := filepath.Join(t.TempDir(), "deep", "out")
	r := sample.Report()
	all, err := results.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := results.Decode(all); err != nil || !cmp.Equal(r, got) {
		t.Errorf("%v: %s", err, cmp.Diff(r, got))
	}
	r.Sets, r.Collections, r.Application, r.Timeline, r.Cuts = nil, nil, nil, nil, nil // two pictures are enough
	write(t, dir, r)
	first := tree(t, dir)
	var names []string
	for name, data := range first {
		names = append(names, name)
		if len(data) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
	slices.Sort(names)
	want := []string{"bench.txt"}
	for _, p := range plot.Pictures(r) {
		want = append(want, "plots/"+p.Name+".png", "plots/"+p.Name+".svg")
	}
	want = append(want, "records.json", "report.html", "scenario.toml")
	slices.Sort(want)
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
	if first["scenario.toml"] != r.Scenario {
		t.Error("scenario.toml is not the scenario as run")
	}

	got, err := results.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r, got); d != "" {
		t.Error(d)
	}

	// Everything comes back from the records alone, byte for byte.
	for name := range first {
		if name != results.RecordsName {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := Redraw(dir, got); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, ".dualbank")); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(first, tree(t, dir)); d != "" {
		t.Error("redrawn files differ: " + d[:min(len(d), 500)])
	}
}

func TestRedrawClearsOnlyItsOwnPlots(t *testing.T) {
	long.Test(t)
	dir := t.TempDir()
	r := &results.Report{Timeline: sample.Report().Timeline, Cuts: sample.Cuts()}
	write(t, dir, r)
	foreign := filepath.Join(dir, plotsName, "mine.png")
	if err := os.WriteFile(foreign, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	r.Cuts, r.Timeline = r.Cuts[1:], nil
	if err := Redraw(dir, r); err != nil {
		t.Fatal(err)
	}
	files := tree(t, filepath.Join(dir, plotsName))
	if files["mine.png"] != "x" {
		t.Error("a file that Write did not make is gone")
	}
	for _, stale := range []string{"timeline.png", "timeline.svg", "cuts-kvstore-workload-mbedce.svg"} {
		if _, ok := files[stale]; ok {
			t.Errorf("%s is of the run before", stale)
		}
	}
}

// TestRedrawLeavesWhatIsThere: a folder that has something of the user's in the way, or records that cannot be
// written, stays as it is.
func TestRedrawLeavesWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	r := &results.Report{Wear: sample.Report().Wear} // one picture is enough
	write(t, dir, r)
	if err := os.Remove(filepath.Join(dir, results.BenchName)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, results.BenchName), 0o777); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	err := Redraw(dir, r)
	if err == nil || !strings.Contains(err.Error(), results.BenchName) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("error %v, want one line with %s", err, results.BenchName)
	}
	r.Wear[1].Addr = r.Wear[0].Addr
	if err := Redraw(dir, r); err == nil || !strings.Contains(err.Error(), "not written: wear[1]: address 0x08000000 is inside") {
		t.Errorf("bad records: %v", err)
	}
	if d := cmp.Diff(before, tree(t, dir)); d != "" {
		t.Error(d[:min(len(d), 500)])
	}
	if left, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(left) != 1 {
		t.Errorf("%d entries beside the folder, %v", len(left), err)
	}
}

// write makes dir a results folder of r, as one without a mark.
func write(t *testing.T, dir string, r *results.Report) {
	t.Helper()
	files, err := Files(r)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzRead holds the reader to one line of error or records that everything can be made of.
func FuzzRead(f *testing.F) {
	good, err := results.Encode(sample.Report())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:1000])
	f.Add([]byte(`{"format":1}`))
	f.Add([]byte(`{"format":1,"wear":[{"addr":4294967295,"size":4294967295,"erases":4294967295}],"sets":[{"plain":[0]}]}`))
	f.Add([]byte(`{"format":1,"timeline":{"phases":[{"start":0,"end":1e-300,"share":1}]},"cuts":[{"steps":18446744073709551615,"rows":[{"runs":[{"first":0,"last":9,"rule":3,"outcome":"x"}]}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := results.Decode(data)
		if err != nil {
			if msg := err.Error(); msg == "" || strings.ContainsAny(msg, "\n\r") {
				t.Errorf("error %q is not one line", msg)
			}
			return
		}
		if _, err := Page(r); err != nil {
			t.Errorf("page: %v", err)
		}
		var bench bytes.Buffer
		if err := results.WriteBench(&bench, r); err != nil {
			t.Errorf("bench: %v", err)
		}
		if err := WriteSummary(new(bytes.Buffer), r, 80); err != nil {
			t.Errorf("summary: %v", err)
		}
		again, err := results.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := results.Decode(again)
		if err != nil {
			t.Fatalf("own records refused: %v", err)
		}
		twice, err := results.Encode(back)
		if err != nil || !bytes.Equal(again, twice) {
			t.Errorf("records change when read and written: %v", err)
		}
	})
}

func TestSummaryForTheTerminal(t *testing.T) {
	var buf bytes.Buffer
	if err := WriteSummary(&buf, sample.Report(), 100); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "summary.txt")
	if *update {
		if err := os.WriteFile(golden, buf.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), buf.String()); d != "" {
		t.Error(d)
	}
	for _, line := range strings.Split(buf.String(), "\n") {
		if n := len([]rune(line)); n > 100 || strings.HasSuffix(line, " ") {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

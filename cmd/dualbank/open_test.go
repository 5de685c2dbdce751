package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dualbank/results"
	"dualbank/results/page"
)

// folders writes small reports into folders of their own: the second is one per cent slower.
func folders(t *testing.T) (dir string, all []string) {
	t.Helper()
	dir = t.TempDir()
	for i, name := range []string{"first", "second"} {
		r := &results.Report{
			Title: "A small run", Board: "a board", Facts: []results.Fact{{Name: results.LifeFact, Question: "How long does the flash last?", Value: []string{"10 years", "9.9 years"}[i]}},
			Bench: []results.Benchmark{{Name: "Set/size=16", N: 1, Metrics: []results.Metric{{Unit: "sim-sec/op", Value: 1 + 0.01*float64(i), Exact: true, Better: "lower"}}}},
		}
		at := filepath.Join(dir, name)
		files, err := page.Files(r)
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range files {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(at, name)), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(at, name), data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, at)
	}
	return dir, all
}

// TestOpenServes: the command prints an address that answers, and an interrupt ends it with exit code 0.
func TestOpenServes(t *testing.T) {
	_, all := folders(t)
	in, out := io.Pipe()
	ended := make(chan int)
	var errs bytes.Buffer
	go func() { ended <- run([]string{"open", all[0]}, out, &errs) }()
	line := make([]byte, 64)
	n, err := in.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	got, err := http.Get(strings.TrimSpace(string(line[:n])))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(got.Body)
	got.Body.Close()
	if got.StatusCode != 200 || !bytes.Contains(body, []byte("A small run")) {
		t.Errorf("%d %.200q", got.StatusCode, body)
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := <-ended; code != 0 || errs.Len() != 0 {
		t.Errorf("exit code %d, %s", code, &errs)
	}
}

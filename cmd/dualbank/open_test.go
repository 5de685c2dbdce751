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

// TestOpenServes: the command prints an address that answers, and an interrupt ends it with exit code 0.
func TestOpenServes(t *testing.T) {
	dir := t.TempDir()
	files, err := page.Files(&results.Report{Title: "A small run"})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if dir, _ := filepath.Split(name); dir != "" {
			continue // the page is enough
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	in, out := io.Pipe()
	ended := make(chan int)
	var errs bytes.Buffer
	go func() { ended <- run([]string{"open", dir}, out, &errs) }()
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

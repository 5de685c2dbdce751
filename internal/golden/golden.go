// Package golden compares figures with a file of a package's testdata folder.
//
//  1. A test writes its figures as text, a line for each.
//  2. Compare names the first line that differs from the file.
//  3. A change that means to change them writes the file anew: go test -run NAME -update. The commit says why.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Compare fails the test at the first line in which got differs from the file testdata/name. With -update it writes the
// file.
func Compare(t testing.TB, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(text) {
		return
	}
	now, was := strings.Split(got, "\n"), strings.Split(string(text), "\n")
	for i := range max(len(now), len(was)) {
		a, b := "the end", "the end"
		if i < len(was) {
			a = was[i]
		}
		if i < len(now) {
			b = now[i]
		}
		if a != b {
			t.Fatalf("%s:%d: a figure has changed; if it was to, use -update\n was %s\n now %s", file, i+1, a, b)
		}
	}
}

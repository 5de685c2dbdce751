package structure

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// TestSizes: a package can be read in one sitting.
func TestSizes(t *testing.T) {
	all, err := Load(root, "dualbank/...")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		files := 16
		if p.Path == "dualbank/kvstore" {
			files = 24
		}
		if len(p.Files) > files || p.Lines > 4000 {
			t.Errorf("%s has %d files and %d lines: at most %d and 4000", p.Path, len(p.Files), p.Lines, files)
		}
	}
	if len(all) < 20 {
		t.Errorf("only %d packages were looked at", len(all))
	}
}

// TestFilesReferOneWay: inside the rooms of the exploration no file refers to one that builds on it.
func TestFilesReferOneWay(t *testing.T) {
	all, err := Load(root, "dualbank/fuzz/explore", "dualbank/fuzz/kv/...", "dualbank/fuzz/update", "dualbank/fuzz/layout")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if c := p.Circle(); c != nil {
			t.Errorf("%s: %s", p.Path, strings.Join(c, " -> "))
		}
		if len(p.Refers()) != len(p.Files) {
			t.Errorf("%s: %d of %d files were looked at", p.Path, len(p.Refers()), len(p.Files))
		}
	}
}

// TestCircleIsFound: this package's own files are one way; two that refer to each other are not.
func TestCircleIsFound(t *testing.T) {
	all, err := Load("testdata", "./circle")
	if err != nil {
		t.Fatal(err)
	}
	if c := all[0].Circle(); !slices.Equal(c, []string{"a.go", "b.go", "a.go"}) {
		t.Errorf("the circle is %v", c)
	}
}

// TestImports: the machine knows no subject, and finding files needs no pictures.
func TestImports(t *testing.T) {
	for pkg, never := range map[string][]string{
		"./fuzz/explore": {"dualbank/kvstore", "dualbank/boot"},
		"./fuzz/...":     {"gonum.org"},
		"./model/...":    {"dualbank/kvstore", "dualbank/boot", "dualbank/fuzz", "dualbank/bench", "dualbank/results"},
		"./kvstore":      {"dualbank/model", "dualbank/fuzz", "dualbank/bench", "dualbank/results"},
		"./boot":         {"dualbank/model", "dualbank/fuzz", "dualbank/bench", "dualbank/boot/layout"},
		"./results":      {"gonum.org", "dualbank/fuzz", "dualbank/bench", "dualbank/kvstore"},
	} {
		cmd := exec.Command("go", "list", "-deps", pkg)
		cmd.Dir = root
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		for dep := range strings.Lines(string(out)) {
			for _, n := range never {
				if strings.HasPrefix(dep, n) {
					t.Errorf("%s imports %s", pkg, strings.TrimSpace(dep))
				}
			}
		}
	}
}

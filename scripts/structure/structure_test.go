package structure

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dualbank/internal/long"
)

const root = "../.."

// TestRooms: a package can be read in one sitting, and inside the rooms of the exploration no file refers to one that
// builds on it.
func TestRooms(t *testing.T) {
	long.Test(t) // the types of everything
	all, err := Load(root, "dualbank/...")
	if err != nil {
		t.Fatal(err)
	}
	oneWay := 0
	for _, p := range all {
		files, lines := 16, 4000
		if p.Path == "dualbank/kvstore" {
			files = 24 // the reference, its defects of the past, and its repairs
		}
		if len(p.Files) > files || p.Lines > lines {
			t.Errorf("%s has %d files and %d lines: at most %d and %d", p.Path, len(p.Files), p.Lines, files, lines)
		}
		if !regexp.MustCompile(`^dualbank/fuzz/(explore|kv(/.*)?|update|layout)$`).MatchString(p.Path) {
			continue
		}
		oneWay++
		if c := p.Circle(); c != nil {
			t.Errorf("%s: %s", p.Path, strings.Join(c, " -> "))
		}
		if len(p.Refers()) != len(p.Files) {
			t.Errorf("%s: %d of %d files were looked at", p.Path, len(p.Refers()), len(p.Files))
		}
	}
	if len(all) < 20 || oneWay < 4 {
		t.Errorf("only %d packages were looked at, %d of them for circles", len(all), oneWay)
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
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		deps[words[0]] = words
	}
	for pkg, never := range map[string][]string{
		"dualbank/fuzz/explore": {"dualbank/kvstore", "dualbank/boot"},
		"dualbank/fuzz/...":     {"gonum.org"},
		"dualbank/fuzz":         {"github.com/nats-io"},
		"dualbank/cmd/dualbank": {"github.com/nats-io/nats-server"},
		"dualbank/model/...":    {"dualbank/kvstore", "dualbank/boot", "dualbank/fuzz", "dualbank/bench", "dualbank/results"},
		"dualbank/kvstore/...":  {"dualbank/model", "dualbank/fuzz", "dualbank/bench", "dualbank/results"},
		"dualbank/boot":         {"dualbank/model", "dualbank/fuzz", "dualbank/bench", "dualbank/boot/layout"},
		"dualbank/results":      {"gonum.org", "dualbank/fuzz", "dualbank/bench", "dualbank/kvstore"},
	} {
		below, tree := strings.CutSuffix(pkg, "/...")
		seen := 0
		for from, to := range deps {
			if from != below && !(tree && strings.HasPrefix(from, below+"/")) {
				continue
			}
			seen++
			for _, dep := range to {
				for _, n := range never {
					if strings.HasPrefix(dep, n) {
						t.Errorf("%s imports %s", from, dep)
					}
				}
			}
		}
		if seen == 0 {
			t.Errorf("there is no %s", pkg)
		}
	}
}

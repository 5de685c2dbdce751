package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dualbank/internal/long"
)

// TestDeciding: the packages that make figures and verdicts keep both rules.
func TestDeciding(t *testing.T) {
	long.Test(t) // the types of half the module
	found, err := check("../..", deciding...)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

// TestSees plants what the check must find, and what it must not.
func TestSees(t *testing.T) {
	dir := t.TempDir()
	src := `package p

import "math"

func bad(c uint64, d int64, x, y, z float64) (int, int, float64, float64) {
	z += x * y
	return int(c), int(d + 1), x*y + z, z - (x * y)
}

func good(c uint64, n int, x, y, z float64) (int, int, int, float64) {
	z += float64(x * y)
	p := x * y
	return int(min(c, math.MaxInt32)), int(min(c, uint64(n))), int(c & 63), float64(x*y) + z + p + 2*3.0
}
`
	for name, text := range map[string]string{"go.mod": "module p\n\ngo 1.26\n", "p.go": src} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := check(dir, ".")
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]int{}
	for _, f := range found {
		_, at, _ := strings.Cut(f, "p.go:")
		line, _, _ := strings.Cut(at, ":")
		lines[line]++
	}
	if len(found) != 5 || lines["6"] != 1 || lines["7"] != 4 {
		t.Errorf("found %d: %v", len(found), found)
	}
}

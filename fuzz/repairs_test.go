package fuzz

import (
	"os"
	"strings"
	"testing"

	"dualbank/boot"
	"dualbank/kvstore"
)

// TestRepairsAreDescribed: docs/repairs.md has a section for each repair and for nothing else.
func TestRepairsAreDescribed(t *testing.T) {
	text, err := os.ReadFile("../docs/repairs.md")
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]int{}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "### "); ok {
			described[strings.Trim(name, "`")]++
		}
	}
	var names []string
	for r := range kvstore.AllRepairs.Each() {
		names = append(names, r.String())
	}
	for r := range boot.AllRepairs.Each() {
		names = append(names, r.String())
	}
	for _, name := range names {
		if described[name] != 1 {
			t.Errorf("docs/repairs.md has %d sections on %s", described[name], name)
		}
	}
	if len(described) != len(names) {
		t.Errorf("docs/repairs.md has %d sections, there are %d repairs", len(described), len(names))
	}
}

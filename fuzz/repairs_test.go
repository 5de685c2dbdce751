package fuzz

import (
	"os"
	"strings"
	"testing"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/kvstore"
)

// TestRepairsAreDescribed: docs/repairs.md has a section for each repair and for nothing else, and says of each what it
// costs and where its smallest case is.
func TestRepairsAreDescribed(t *testing.T) {
	text, err := os.ReadFile("../docs/repairs.md")
	if err != nil {
		t.Fatal(err)
	}
	described, costs := map[string]int{}, map[string]int{}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "### "); ok {
			described[strings.Trim(name, "`")]++
		}
		cells := strings.Split(line, "|")
		if len(cells) == 5 && strings.TrimSpace(cells[2]) != "" {
			costs[strings.TrimSpace(cells[1])+" by "+strings.TrimSpace(cells[3])]++
		}
	}
	var names []string
	add := func(name, dir string) {
		names = append(names, name)
		if by := "`" + name + "` by `./" + dir + " TestRepairs/" + name + "`"; costs[by] != 1 {
			t.Errorf("docs/repairs.md has %d lines on the costs of %s", costs[by], by)
		}
	}
	for r := range kvstore.AllRepairs.Each() {
		add(r.String(), "kvstore")
	}
	for r := range boot.AllRepairs.Each() {
		add(r.String(), "boot")
	}
	for _, name := range names {
		if described[name] != 1 {
			t.Errorf("docs/repairs.md has %d sections on %s", described[name], name)
		}
	}
	for _, name := range []string{
		explore.WeakCells, explore.BrownOut, explore.ECCErrors, explore.SlowDriver, explore.ShortWatchdog, explore.BlindDriver, explore.OptionWrite,
	} {
		if !strings.Contains(string(text), "| `"+name+"` |") {
			t.Errorf("docs/repairs.md does not list %s", name)
		}
	}
	if len(described) != len(names) {
		t.Errorf("docs/repairs.md has %d sections, there are %d repairs", len(described), len(names))
	}
}

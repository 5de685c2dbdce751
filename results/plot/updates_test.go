package plot

import (
	"fmt"
	"strings"
	"testing"

	"dualbank/results"
	"dualbank/results/internal/sample"
)

func TestUpdatePictures(t *testing.T) {
	var all []results.UpdateTime
	for i := range 10 {
		for _, n := range []uint32{1000, 3000, 2000} {
			all = append(all, sample.Update(fmt.Sprintf("driver %d", i), n, float64(n), float64(i)))
		}
	}
	bars := updatesPicture(all)
	if got := len(bars.words); got != 10 || !strings.Contains(bars.words[0], "driver 0: 50 min 00 s in all") || !strings.Contains(bars.note, "20 more") {
		t.Errorf("%d bars, %q, %s", got, bars.words[0], bars.note)
	}
	sizes := updateSizesPicture(all)
	if len(sizes.words) != 10 || !strings.Contains(sizes.note, "2 more") ||
		sizes.words[3] != "driver 3: from 16 min 43 s for 1,000 B to 50 min 03 s for 2.930 KiB; of it down 3 s to 3 s." {
		t.Errorf("%q, %s", sizes.words, sizes.note)
	}
	// Without time down there is no panel for it.
	one := sizes.SVG(WideWidth, "x", true)
	none := updateSizesPicture([]results.UpdateTime{sample.Update("a", 1, 1, 0), sample.Update("a", 2, 2, 0)}).SVG(WideWidth, "x", true)
	if strings.Count(one, "size of the firmware") != 2 || strings.Count(none, "size of the firmware") != 1 {
		t.Error("panels are missing, or one too many")
	}
	if updateSizesPicture([]results.UpdateTime{sample.Update("a", 1, 1, 1), sample.Update("b", 2, 2, 2)}) != nil {
		t.Error("a curve of one size each")
	}
}

// Phases of one kind share a colour and an entry; unknown phases have their own.
func TestPhaseLegend(t *testing.T) {
	entries, shades := phaseLegend([]string{"prepare", "verify", "dance", "verify active", "verify candidate", "verify installed"})
	var labels []string
	for _, e := range entries {
		labels = append(labels, e.label)
	}
	if got, want := strings.Join(labels, "|"), "prepare|verify, verify installed|dance|verify active, verify candidate"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if shades["verify"] != shades["verify installed"] || shades["verify"] == shades["verify active"] {
		t.Error("colours are mixed up")
	}
}

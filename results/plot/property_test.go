package plot

import (
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"pgregory.net/rapid"

	"dualbank/results"
	"dualbank/results/internal/sample"
)

// TestAnyReportIsDrawn holds every report that Check accepts to well-formed pictures without a
// coordinate that is not a number.
func TestAnyReportIsDrawn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := sample.Drawn(rt)
		if err := results.Check(r); err != nil {
			rt.Fatalf("generated a report that is refused: %v", err)
		}
		names := map[string]bool{}
		for _, p := range Pictures(r) {
			if names[p.Name] {
				rt.Errorf("two pictures %s", p.Name)
			}
			names[p.Name] = true
			if !IsFile(p.Name + ".svg") {
				rt.Errorf("picture %s is not among the names that Write clears", p.Name)
			}
			for _, width := range []vg.Length{WideWidth, NarrowWidth} {
				svg := p.SVG(width, "x", true)
				sample.WellFormed(t, p.Name, []byte(svg))
				if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf\"") || strings.Contains(svg, "Inf ") {
					rt.Errorf("%s: a coordinate is not a number", p.Name)
				}
			}
		}
	})
}

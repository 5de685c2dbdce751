package plot

import (
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"

	"dualbank/results"
	"dualbank/results/internal/sample"
	"dualbank/results/unit"
)

func TestPlanPicturesStandEdges(t *testing.T) {
	plans := sample.EdgePlans()
	for name, pictures := range map[string]int{"one": 1, "far apart": 2, "none ran": 1, "draws": 2, "nothing": 0, "all zero": 2} {
		r := &results.Report{Plan: plans[name]}
		if err := results.Check(r); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		pics := Pictures(r)
		if len(pics) != pictures {
			t.Errorf("%s: %d pictures, want %d", name, len(pics), pictures)
		}
		for _, p := range pics {
			for _, width := range []vg.Length{WideWidth, NarrowWidth} {
				svg := p.SVG(width, "x", true)
				sample.WellFormed(t, name, []byte(svg))
				if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
					t.Errorf("%s: a coordinate in %s is not a number", name, p.Name)
				}
			}
			if b := p.raster(coarse).Bounds(); b.Dx() != WideWidth*coarse/72 || p.desc() == "" {
				t.Errorf("%s: %v", name, b)
			}
		}
	}
}

// The number over a bar does not stand in the line of the rating.
func TestWearCountsKeepOffTheRating(t *testing.T) {
	for _, erases := range []uint32{6390, 9000, 9999, 100} {
		wear := sample.Wear()
		for i := range wear {
			wear[i].Erases, wear[i].Endurance = erases, 10000
		}
		svg := wearPicture(wear).SVG(WideWidth, "x", true)
		line, label := -1.0, -1.0
		for _, l := range strings.Split(svg, "\n") {
			if strings.Contains(l, ">rated 10,000 erases<") {
				line = attribute(t, l, "y") + 6
			}
			if strings.Contains(l, ">"+unit.Count(erases)+"<") && label < 0 {
				label = attribute(t, l, "y")
			}
		}
		if line < 0 || label < 0 {
			t.Fatalf("no line or no label in\n%.3000s", svg)
		}
		// Text reaches from about 9 points above its base line to it.
		if label > line-1 && label-9 < line+1 {
			t.Errorf("%d erases: the number's base line is at %v, the rating's line at %v", erases, label, line)
		}
	}
}

// attribute is the number that an attribute of a line of markup has.
func attribute(t *testing.T, line, name string) float64 {
	t.Helper()
	_, rest, _ := strings.Cut(line, " "+name+`="`)
	text, _, found := strings.Cut(rest, `"`)
	v, err := strconv.ParseFloat(text, 64)
	if !found || err != nil {
		t.Fatalf("no %s in %s", name, line)
	}
	return v
}

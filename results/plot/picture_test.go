package plot

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"dualbank/internal/long"
	"dualbank/results"
	"dualbank/results/internal/sample"
)

// coarse is a resolution for pictures whose pixels do not matter: few of them are soon drawn.
const coarse = 36

func TestEveryPictureIsDrawn(t *testing.T) {
	pics := Pictures(sample.Report())
	names := ""
	for _, p := range pics {
		names += p.Name + " "
		for _, width := range []vg.Length{WideWidth, NarrowWidth} {
			svg := p.SVG(width, "x", true)
			seen := sample.WellFormed(t, p.Name, []byte(svg))
			if seen["path"] < 5 || seen["text"] < 5 {
				t.Errorf("%s at %v: %v", p.Name, width, seen)
			}
			if !strings.Contains(svg, `<title id="x-t">`) || seen["desc"] != 1 || !strings.Contains(svg, `role="img"`) {
				t.Errorf("%s: no text alternative", p.Name)
			}
			if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
				t.Errorf("%s: a coordinate is not a number", p.Name)
			}
			if again := p.SVG(width, "x", true); again != svg {
				t.Errorf("%s: differs when drawn again", p.Name)
			}
		}
		a, b := p.raster(coarse).(*image.RGBA), p.raster(coarse).(*image.RGBA)
		if !bytes.Equal(a.Pix, b.Pix) {
			t.Errorf("%s: pixels differ when drawn again", p.Name)
		}
		if p.desc() == "" || p.Caption() == "" || p.Title == "" || p.note == "" {
			t.Errorf("%s: without words", p.Name)
		}
	}
	if want := "wear latency gc-driver-mbed gc-driver-mbed-kvstore-beside-code interrupts-control timeline updates cuts-kvstore-workload-mbedce cuts-update-download-and-install "; names != want {
		t.Errorf("pictures %s, want %s", names, want)
	}
}

// TestPNG reads one picture back as a file of two pixels a point.
func TestPNG(t *testing.T) {
	long.Test(t) // pages have such files, too
	p := Pictures(&results.Report{Wear: sample.Report().Wear})[0]
	file, err := p.PNG()
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if got := img.Bounds().Dx(); got != WideWidth*pngDPI/72 {
		t.Errorf("%d pixels wide", got)
	}
	if !bytes.Equal(p.raster(pngDPI).(*image.RGBA).Pix, img.(*image.RGBA).Pix) {
		t.Error("the file holds other pixels")
	}
}

// TestPicturesStandEdges draws what no ordinary run has.
func TestPicturesStandEdges(t *testing.T) {
	pages := make([]results.SectorWear, 512)
	for i := range pages {
		pages[i] = results.SectorWear{Addr: uint32(i * 2048), Size: 2048, Bank: i / 256, Endurance: 10000, Erases: uint32(i * i), Region: "region " + string(rune('a'+i/60))}
	}
	var many results.CutMap
	many.Steps, many.Name = math.MaxUint64, "all"
	for i := range uint64(40) {
		many.Rows = append(many.Rows, results.CutRow{Mode: strings.Repeat("mode", 20), Runs: []results.CutRun{{First: i, Last: math.MaxUint64 - 1, Rule: int(i) + 1, Outcome: "broken"}}})
	}
	for name, r := range map[string]*results.Report{
		"pages":        {Wear: pages},
		"one sector":   {Wear: []results.SectorWear{{Addr: math.MaxUint32 - 4095, Size: 4096, Erases: math.MaxUint32}}},
		"no erases":    {Wear: []results.SectorWear{{Size: 1, Endurance: 1}}},
		"one set":      {Sets: []results.SetLatency{{Name: "x", Plain: []float64{0.001}}}},
		"sets of zero": {Sets: []results.SetLatency{{Plain: []float64{0, 0}, GC: []float64{0}}}},
		"far apart":    {Sets: []results.SetLatency{{Plain: []float64{0}, GC: []float64{results.LongestTime}}}},
		"no sets":      {Sets: []results.SetLatency{{Name: "x"}}},
		"short phases": {Timeline: &results.Timeline{Phases: []results.Span{{Name: "a", End: 0, Share: 1}, {Name: "b", End: 1e-320, Share: 1}, {Name: "c", Start: 1, End: 1 + 1e-9, Share: 1}, {Name: "d", Start: 2, End: results.LongestTime, Share: 1}}, Tracks: []results.Track{{Name: "x", Spans: []results.Span{{End: 0, Share: 1}, {Start: 1, End: results.LongestTime, Share: 0}}}}}},
		"no time":      {Timeline: &results.Timeline{Phases: []results.Span{{Name: "a", End: 0, Share: 1}}}, Updates: []results.UpdateTime{{Name: "x"}}},
		"long names":   {Updates: []results.UpdateTime{{Name: strings.Repeat("wide ", 200), Phases: []results.Phase{{Name: strings.Repeat("W", 5000), Seconds: 1}}}}},
		"no latency":   {Application: []results.Application{{Interrupts: []results.InterruptLatency{{Name: "a", Activations: 1, Points: []results.LatencyPoint{{Within: 1}}}, {Name: "A", Activations: 1, Points: []results.LatencyPoint{{}, {Seconds: results.LongestTime, Within: 1}}}, {Name: "none"}}}}},
		"no wait":      {Collections: []results.Collection{{Name: "x", End: 1e-11, Tracks: []results.Track{{Name: "a"}}, Interrupts: []results.InterruptDelays{{}, {Delays: []results.Delay{{Count: 1, Until: results.LongestTime}, {First: results.LongestTime, Count: 1, Until: results.LongestTime}}}}}, {Name: "x", End: results.LongestTime, Tracks: []results.Track{{Name: "bank"}}}}},
		"many rules":   {Cuts: []results.CutMap{many, many}},
		"strange text": {Cuts: []results.CutMap{{Name: "<&\x00\"'\u202e]]>", Steps: 1, Rows: []results.CutRow{{Mode: "\x01", Runs: []results.CutRun{{Rule: 1, Outcome: "</svg><script>"}}}}}}},
	} {
		if err := results.Check(r); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, p := range Pictures(r) {
			for _, width := range []vg.Length{WideWidth, NarrowWidth} {
				svg := p.SVG(width, "x", true)
				sample.WellFormed(t, name, []byte(svg))
				if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || strings.Contains(svg, "<script") {
					t.Errorf("%s: bad markup in %s", name, p.Name)
				}
			}
			if b := p.raster(coarse).Bounds(); b.Dx() != WideWidth*coarse/72 || b.Dy() < 20 {
				t.Errorf("%s: %v pixels", name, b)
			}
		}
	}
	if n := len(Pictures(&results.Report{Sets: []results.SetLatency{{Name: "x"}}, Timeline: &results.Timeline{}})); n != 0 {
		t.Errorf("%d pictures of nothing", n)
	}
}

// TestTraceShowsShortAndShare measures the drawn heights: however short a span, it shows; half the
// time taken is half the height.
func TestTraceShowsShortAndShare(t *testing.T) {
	height := func(spans []results.Span) string {
		c := newSVG(100, 20)
		newPen(draw.New(c)).trace(spans, results.Span{Start: 0, End: 1000}, 0, 0, 100, 20, blue, 0.12)
		lines := strings.Split(strings.TrimSpace(c.body.String()), "\n")
		return strings.Join(lines[1:], "\n") // without the lane
	}
	for _, c := range []struct {
		name  string
		spans []results.Span
		want  string
	}{
		{"a microsecond", []results.Span{{Start: 500, End: 500.000001, Share: 1}}, "M50 17.5L51.5 17.5L51.5 20L50 20Z"},
		{"half", []results.Span{{Start: 0, End: 1000, Share: 0.5}}, "M0 10L100 10L100 20L0 20Z"},
		{"bursts", []results.Span{{Start: 0, End: 5, Share: 1}, {Start: 10, End: 15, Share: 1}, {Start: 20, End: 25, Share: 1}}, "M0 10L3 10L3 20L0 20Z"},
		{"at the end", []results.Span{{Start: 999.9, End: 1000, Share: 1}}, "M98.5 17.5L100 17.5L100 20L98.5 20Z"},
	} {
		if got := height(c.spans); strings.Count(got, "<path") != 1 || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	for _, none := range [][]results.Span{nil, {{Start: 2000, End: 3000, Share: 1}}, {{Start: 0, End: 1000, Share: 0}}} {
		if got := height(none); got != "" {
			t.Errorf("%v: %s", none, got)
		}
	}
}

func TestPanesKeepShortPhasesReadable(t *testing.T) {
	phases := []results.Span{{Name: "download", End: 600, Share: 1}, {Name: "verify", Start: 600, End: 600.2, Share: 1}, {Name: "boot", Start: 600.2, End: 600.21, Share: 1}}
	w := panes(phases, 330, 6)
	if sum := w[0] + w[1] + w[2] + 12; math.Abs(float64(sum-330)) > 1e-6 {
		t.Errorf("panes %v do not fill the width", w)
	}
	if !(w[0] > w[1] && w[1] > w[2] && w[2] > 40) {
		t.Errorf("panes %v: want longer phases wider and the shortest over 40", w)
	}
}

// TestRareOutcomesShow draws one broken cut among a million: it has a mark, low, for it is a small
// part of the steps at its place, and hides nothing.
func TestRareOutcomesShow(t *testing.T) {
	m := results.CutMap{Steps: 1 << 20, Rows: []results.CutRow{{Runs: []results.CutRun{
		{First: 0, Last: 9999, Outcome: "ok"},
		{First: 10000, Last: 500000, Rule: 7, Outcome: "common"},
		{First: 500001, Last: 500001, Rule: 1, Outcome: "rare"},
		{First: 500002, Last: 1<<20 - 1, Rule: 7, Outcome: "common"},
	}}}}
	c := newSVG(1000, 100)
	found := []results.Finding{{Rule: 1, Severity: "high", Title: "rare (cut: set)"}, {Rule: 7, Severity: "low", Title: "common (x)"}, {Rule: 7, Severity: "medium", Title: "common (y)"}}
	all := lanes(m.Rows[0].Runs, shaded(m, found))
	for i, l := range all {
		newPen(draw.New(c)).lane(l, "cut", m.Steps, laneHeight*vg.Length(i))
	}
	var lines []string
	for line := range strings.Lines(c.body.String()) {
		if strings.HasPrefix(line, "<path") {
			lines = append(lines, line)
		}
	}
	if len(all) != 3 || len(lines) != 6 {
		t.Fatalf("%d lines, want a ground and a trace for each of 3 lanes", len(lines))
	}
	for i, want := range []string{
		`<path d="M0 15L9 15L9 23L0 23ZM9 18.5L10.5 18.5L10.5 23L9 23Z" class="f-quiet"`,
		`<path d="M476 46L477.5 46L477.5 49L476 49Z" class="f-vermillion"`,
		`<path d="M9 71.5L10.5 71.5L10.5 75L9 75ZM10 67L1000 67L1000 75L10 75Z" class="f-orange"`,
	} {
		if !strings.HasPrefix(lines[2*i+1], want) {
			t.Errorf("lane %d: %s, want %s", i, lines[2*i+1], want)
		}
		if tip := []string{"10,000 cuts, ok", "1 cut, rule 1: rare", "1,038,575 cuts, rule 7: common"}[i]; !strings.Contains(lines[2*i+1], "<title>"+tip+"</title>") {
			t.Errorf("lane %d does not say %q to whoever points at it", i, tip)
		}
	}
}

func TestSVGCanvas(t *testing.T) {
	c := newSVG(100, 50)
	c.Push()
	c.Translate(vg.Point{X: 10, Y: 20})
	c.Rotate(math.Pi / 2)
	c.Scale(2, 2)
	c.SetLineWidth(1)
	c.SetLineDash([]vg.Length{3, 1}, 2)
	c.SetColor(blue)
	var p vg.Path
	p.Move(vg.Point{X: 0, Y: 0})
	p.Line(vg.Point{X: 5, Y: 0})
	c.Stroke(p)
	face := font.DefaultCache.Lookup(font.Font{Typeface: "Liberation", Variant: "Sans"}, 10)
	c.FillString(face, vg.Point{}, `a<b&"c"`)
	c.Pop()
	c.SetColor(nil)
	c.Fill(p)
	got := c.markup("id", "T & t", "<d>", false)
	for _, want := range []string{
		`<path d="M10 30L10 20" fill="none" class="s-blue" stroke="#0072b2" stroke-width="2" stroke-dasharray="6 2" stroke-dashoffset="4"/>`,
		`<text x="10" y="30" font-size="20"`, `transform="rotate(-90 10 30)" class="f-blue" fill="#0072b2">a&lt;b&amp;&#34;c&#34;</text>`,
		`<path d="M0 50L5 50" fill="#000000"/>`,
		`<title id="id-t">T &amp; t</title>`, `<desc id="id-d">&lt;d&gt;</desc>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	sample.WellFormed(t, "canvas", []byte(got))
}

// TestPaletteContrast holds the shades to WCAG 2.2: text 4.5:1, marks on dark 3:1. On white, Okabe
// and Ito's orange, sky and yellow have less; they are only used for areas that a label names.
func TestPaletteContrast(t *testing.T) {
	for _, s := range []*shade{ink, muted} {
		for _, on := range []*shade{surface, lane} {
			if a, b := contrast(s.light, on.light), contrast(s.dark, on.dark); a < 4.5 || b < 4.5 {
				t.Errorf("%s on %s: %.2f light, %.2f dark", s.name, on.name, a, b)
			}
		}
	}
	if a, b := contrast(quiet.light, lane.light), contrast(quiet.dark, lane.dark); a < 2.9 || b < 2.9 {
		t.Errorf("quiet on lane: %.2f light, %.2f dark", a, b)
	}
	for _, s := range append(series, quiet) {
		if s == ink {
			continue
		}
		if c := contrast(s.dark, surface.dark); c < 3 {
			t.Errorf("%s on dark: %.2f", s.name, c)
		}
		on := onFill(s)
		if a, b := contrast(on.light, s.light), contrast(on.dark, s.dark); a < 4.5 || b < 4.5 {
			t.Errorf("text on %s: %.2f light, %.2f dark", s.name, a, b)
		}
	}
}

// contrast is the contrast ratio of two colours (WCAG 2.2), from 1 to 21.
func contrast(a, b color.RGBA) float64 {
	x, y := luminance(a), luminance(b)
	if x < y {
		x, y = y, x
	}
	return (x + 0.05) / (y + 0.05)
}

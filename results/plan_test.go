package results

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

// samplePlan is a plan with the figures of the guide's board at 40 keys and 500 sets a day.
func samplePlan(law string) *Plan {
	p := &Plan{Demand: "40 keys of 16 to 600 bytes, 500 sets a day", Wishes: "10 years, firmware of 400 KiB", Years: 10, Law: law, Drawn: 10000, Best: 2, Shown: 2}
	add := func(name, place string, size uint32, years float64, unmet ...string) {
		c := PlanCandidate{
			Name: name, Place: place, Start: 0x0810_0000, Bytes: size, Sectors: "4 x 16 KiB + 1 x 64 KiB", Unmet: unmet, Ran: years > 0,
			Simulated: 170_000, Rounds: 608, Uncertain: 0.29, Years: years, Sector: 0x0810_0000, GCPerDay: 54 / max(years, 1),
			P50Set: 0.006, P99Set: 0.26, P999Set: 0.8, Worst: 0.85, PlainP50: 0.006, PlainP99: 0.26, PlainP999: 0.26, PlainWorst: 0.26, GCP50: 0.77, GCP99: 0.81, GCP999: 0.84, GCWorst: 0.85,
			Busy: 5.2, Masked: 2.7, LongestMasked: 0.55, Live: 14377, Fill: 0.22, WorstFill: 0.41, Table: 656, TablePeak: 1296, Image: 917_392, Update: 28.3, UpdateDown: 11.2,
		}
		if law != "" {
			c.P1, c.P50 = 0.67*years, 2*years
		}
		p.Candidates = append(p.Candidates, c)
	}
	add("32 KiB at the start", "start", 32<<10, 0, "it does not hold the keys")
	add("64 KiB at the start", "start", 64<<10, 5.58, "it lasts 5.58 of 10 years")
	add("128 KiB at the start", "start", 128<<10, 15.7)
	add("256 KiB at the start", "start", 256<<10, 35.9)
	add("256 KiB at the end", "end", 256<<10, 35.9)
	add("256 KiB beside the code", "lower", 256<<10, 35.8)
	add("512 KiB at the end", "end", 512<<10, 76.3)
	add("512 KiB beside the code", "lower", 512<<10, 76.3)
	for i := range 8 {
		live := float64(i+1) * 6500
		p.Live = append(p.Live, PlanLive{Bytes: live, P50: 0.006, P99: 0.26 + float64(i/5), GC: 0.3 + live/4e4, Worst: 0.6 + live/4e4})
	}
	return p
}

// planned is the report of a plan, with wear of an external store too.
func planned(law string) *Report {
	r := &Report{
		Title: "Capacity plan", Command: "dualbank plan out/scenario.toml", Config: []Setting{{"seed", "7"}},
		Plan: samplePlan(law), Wear: sampleWear(), Sets: sample().Sets[:1],
	}
	for i := range uint32(32) {
		r.Wear = append(r.Wear, SectorWear{Addr: i * 4096, Size: 4096, Region: "external KVStore", Erases: 30_000 - 100*i, Endurance: 100_000, External: true})
	}
	return r
}

func TestPlanReport(t *testing.T) {
	r := &Report{Title: "Capacity plan", Plan: samplePlan(""), Wear: sampleWear(), Sets: sample().Sets[:1]}
	if err := Check(r); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range pictures(r) {
		names = append(names, p.name)
		if !ownPlot.MatchString(p.name + ".png") {
			t.Errorf("plots/%s.png would not be taken away when it is not drawn again", p.name)
		}
	}
	if got := strings.Join(names, " "); got != "lifetime live wear latency" {
		t.Errorf("pictures %s", got)
	}
	if wear := pictures(r)[2]; wear.title != "Wear after 10 years: erases of each flash sector, extrapolated" {
		t.Error(wear.title)
	}
	var summary bytes.Buffer
	if err := WriteSummary(&summary, r, 200); err != nil {
		t.Fatal(err)
	}
	page, err := Page(r)
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, "page", page)
	for _, want := range []string{
		"Smallest store that meets the wishes: 128 KiB at the start, which lasts 15.7 years", "128 KiB at the start *", "yes: the smallest", "no: it lasts 5.58 of 10 years",
	} {
		if !strings.Contains(summary.String(), want) || !bytes.Contains(page, []byte(want)) {
			t.Errorf("no %q in summary or page:\n%s", want, &summary)
		}
	}
	if strings.Contains(string(page), "power cut") || !strings.Contains(string(page), "± 0.29 %") {
		t.Error("the page speaks of power cuts, or not of uncertainty")
	}
	r.Plan.Best = -1
	if text, severity := verdict(r); severity != "high" || text != "No store that was tried meets the wishes: 10 years, firmware of 400 KiB" {
		t.Errorf("%s: %s", severity, text)
	}
}

func TestPlanPicturesStandEdges(t *testing.T) {
	one := samplePlan("")
	one.Candidates, one.Best, one.Shown, one.Live = one.Candidates[2:3], 0, 0, one.Live[:1]
	far := samplePlan("a law")
	far.Years = 1e-3
	far.Candidates[1].Years, far.Candidates[1].P1, far.Candidates[1].P50 = longest, 1e-9, longest
	far.Live[0] = PlanLive{}
	none := samplePlan("")
	none.Best = -1
	for i := range none.Candidates {
		none.Candidates[i].Ran = false
	}
	flat := samplePlan("")
	for i := range flat.Live {
		flat.Live[i] = PlanLive{}
	}
	for name, c := range map[string]struct {
		plan     *Plan
		pictures int
	}{
		"one": {one, 1}, "far apart": {far, 2}, "none ran": {none, 1}, "draws": {samplePlan("a law"), 2}, "nothing": {&Plan{Best: -1}, 0}, "all zero": {flat, 2},
	} {
		r := &Report{Plan: c.plan}
		if err := Check(r); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		pics := pictures(r)
		if len(pics) != c.pictures {
			t.Errorf("%s: %d pictures, want %d", name, len(pics), c.pictures)
		}
		for _, p := range pics {
			for _, width := range []vg.Length{wideWidth, narrowWidth} {
				svg := p.svg(width, "x", true)
				wellFormed(t, name, []byte(svg))
				if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
					t.Errorf("%s: a coordinate in %s is not a number", name, p.name)
				}
			}
			if b := p.raster().Bounds(); b.Dx() != wideWidth*pngDPI/72 || p.desc() == "" {
				t.Errorf("%s: %v", name, b)
			}
		}
		if _, err := Page(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPlanCheck(t *testing.T) {
	for want, change := range map[string]func(p *Plan){
		"plan: best 8, shown 2 of 8 candidates":    func(p *Plan) { p.Best = 8 },
		"plan: best -2, shown 2 of 8 candidates":   func(p *Plan) { p.Best = -2 },
		"plan: best 2, shown 8 of 8 candidates":    func(p *Plan) { p.Shown = 8 },
		"plan.years: NaN":                          func(p *Plan) { p.Years = math.NaN() },
		"plan.candidates[1]: no size":              func(p *Plan) { p.Candidates[1].Bytes = 0 },
		"plan.candidates[0][7]: -1 is not a time ": func(p *Plan) { p.Candidates[0].Worst = -1 },
		"plan.live[3]: less than before":           func(p *Plan) { p.Live[3].Bytes = 1 },
		"plan.live[0][2]: +Inf is not a time":      func(p *Plan) { p.Live[0].P99 = math.Inf(1) },
	} {
		p := samplePlan("")
		change(p)
		if err := Check(&Report{Plan: p}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// The number over a bar does not stand in the line of the rating.
func TestWearCountsKeepOffTheRating(t *testing.T) {
	for _, erases := range []uint32{6390, 9000, 9999, 100} {
		wear := sampleWear()
		for i := range wear {
			wear[i].Erases, wear[i].Endurance = erases, 10000
		}
		svg := wearPicture(wear).svg(wideWidth, "x", true)
		line, label := -1.0, -1.0
		for _, l := range strings.Split(svg, "\n") {
			if strings.Contains(l, ">rated 10,000 erases<") {
				line = attribute(t, l, "y") + 6
			}
			if strings.Contains(l, ">"+count(erases)+"<") && label < 0 {
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

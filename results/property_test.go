package results

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"pgregory.net/rapid"
)

// drawnReport is any report that Check lets through, small enough to draw often.
func drawnReport(t *rapid.T) *Report {
	text := rapid.StringN(0, 30, 60)
	seconds := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0, 1e-3), rapid.Float64Range(0, 1000), rapid.Float64Range(0, longest/100))
	few := func(label string, least, most int) int { return rapid.IntRange(least, most).Draw(t, label) }
	r := &Report{Title: text.Draw(t, "title"), Board: text.Draw(t, "board")}
	addr := uint32(0)
	for range few("sectors", 0, 12) {
		s := SectorWear{Addr: addr, Size: rapid.Uint32Range(1, 1<<20).Draw(t, "size"), Bank: few("bank", 0, 2), Region: text.Draw(t, "region")}
		s.Erases, s.Endurance = rapid.Uint32().Draw(t, "erases"), rapid.Uint32().Draw(t, "endurance")
		addr += s.Size
		r.Wear = append(r.Wear, s)
	}
	for range few("workloads", 0, 4) {
		s := SetLatency{Name: text.Draw(t, "name"), Plain: rapid.SliceOfN(seconds, 0, 20).Draw(t, "plain"), GC: rapid.SliceOfN(seconds, 0, 5).Draw(t, "gc")}
		slices.Sort(s.Plain)
		slices.Sort(s.GC)
		r.Sets = append(r.Sets, s)
	}
	spans := func() []Span {
		var out []Span
		at := 0.0
		for range few("spans", 0, 6) {
			s := Span{Name: text.Draw(t, "span"), Start: at + seconds.Draw(t, "pause")}
			s.End = s.Start + seconds.Draw(t, "time")
			s.Share = rapid.Float64Range(0, 1).Draw(t, "share")
			at = s.End
			out = append(out, s)
		}
		return out
	}
	if rapid.Bool().Draw(t, "timeline") {
		r.Timeline = &Timeline{Title: text.Draw(t, "timeline title"), Phases: spans()}
		for range few("tracks", 0, 4) {
			r.Timeline.Tracks = append(r.Timeline.Tracks, Track{Name: text.Draw(t, "track"), Spans: spans()})
		}
	}
	for range few("cases", 0, 3) {
		a := Application{Name: text.Draw(t, "case"), Hours: seconds.Draw(t, "hours"), Stall: seconds.Draw(t, "stall"), Masked: seconds.Draw(t, "masked"), Resets: rapid.Uint64().Draw(t, "resets")}
		for i := range few("interrupts", 0, 3) {
			q := InterruptLatency{Name: strings.Repeat("i", i+1), Period: seconds.Draw(t, "period"), Deadline: seconds.Draw(t, "deadline"), Worst: seconds.Draw(t, "worst"), Late: rapid.Uint64().Draw(t, "late")}
			at := LatencyPoint{}
			for range few("points", 0, 6) {
				at.Seconds += seconds.Draw(t, "wait")
				at.Within += rapid.Uint64Range(0, 1<<40).Draw(t, "within")
				q.Points = append(q.Points, at)
			}
			q.Activations = at.Within
			a.Interrupts = append(a.Interrupts, q)
		}
		r.Application = append(r.Application, a)
	}
	for range few("collections", 0, 2) {
		c := Collection{Name: text.Draw(t, "collection"), End: seconds.Draw(t, "end")}
		for range few("tracks", 0, 3) {
			c.Tracks = append(c.Tracks, Track{Name: text.Draw(t, "track"), Spans: spans()})
		}
		for range few("waits", 0, 2) {
			q := InterruptDelays{Name: text.Draw(t, "interrupt"), Period: seconds.Draw(t, "period"), Deadline: seconds.Draw(t, "deadline"), Usual: seconds.Draw(t, "usual")}
			at := 0.0
			for range few("delays", 0, 4) {
				d := Delay{First: at + seconds.Draw(t, "first"), Count: rapid.Uint64Range(1, 50).Draw(t, "count")}
				d.Until = d.First + float64(d.Count-1)*q.Period + seconds.Draw(t, "until")
				at = d.First
				if d.Until <= longest {
					q.Delays = append(q.Delays, d)
				}
			}
			c.Interrupts = append(c.Interrupts, q)
		}
		r.Collections = append(r.Collections, c)
	}
	for range few("updates", 0, 3) {
		u := UpdateTime{Name: text.Draw(t, "update"), Size: rapid.Uint32().Draw(t, "firmware")}
		for range few("phases", 0, 6) {
			u.Phases = append(u.Phases, Phase{text.Draw(t, "phase"), seconds.Draw(t, "seconds"), seconds.Draw(t, "stall"), seconds.Draw(t, "masked"), rapid.Bool().Draw(t, "down")})
		}
		r.Updates = append(r.Updates, u)
	}
	for range few("maps", 0, 2) {
		m := CutMap{Name: text.Draw(t, "map"), Steps: rapid.Uint64Range(1, 1<<40).Draw(t, "steps"), Sampling: text.Draw(t, "sampling")}
		for range few("modes", 0, 3) {
			row := CutRow{Mode: text.Draw(t, "mode")}
			for at := uint64(0); at < m.Steps && len(row.Runs) < 8; {
				run := CutRun{First: rapid.Uint64Range(at, m.Steps-1).Draw(t, "first")}
				run.Last = rapid.Uint64Range(run.First, m.Steps-1).Draw(t, "last")
				if run.Rule = few("rule", 0, 12); run.Rule > 0 {
					run.Outcome = "x" + text.Draw(t, "outcome")
				}
				at = run.Last + 1
				row.Runs = append(row.Runs, run)
			}
			m.Rows = append(m.Rows, row)
		}
		r.Cuts = append(r.Cuts, m)
	}
	return r
}

// TestAnyReportIsDrawn holds every report that Check accepts to well-formed pictures without a
// coordinate that is not a number, and to surviving a trip through records.json.
func TestAnyReportIsDrawn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := drawnReport(rt)
		if err := Check(r); err != nil {
			rt.Fatalf("generated a report that is refused: %v", err)
		}
		names := map[string]bool{}
		for _, p := range pictures(r) {
			if names[p.name] {
				rt.Errorf("two pictures %s", p.name)
			}
			names[p.name] = true
			if !ownPlot.MatchString(p.name + ".svg") {
				rt.Errorf("picture %s is not among the names that Write clears", p.name)
			}
			for _, width := range []vg.Length{wideWidth, narrowWidth} {
				svg := p.svg(width, "x", true)
				wellFormed(t, p.name, []byte(svg))
				if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf\"") || strings.Contains(svg, "Inf ") {
					rt.Errorf("%s: a coordinate is not a number", p.name)
				}
			}
		}
		enc, err := encodeRecords(r)
		if err != nil {
			rt.Fatal(err)
		}
		back, err := decodeRecords(enc)
		if err != nil {
			rt.Fatal(err)
		}
		again, err := encodeRecords(back)
		if err != nil || !bytes.Equal(enc, again) {
			rt.Errorf("records change when read and written: %v", err)
		}
	})
}

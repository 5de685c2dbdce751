package sample

import (
	"slices"
	"strings"

	"pgregory.net/rapid"

	"dualbank/results"
)

// Drawn is any report that Check lets through, small enough to draw often.
func Drawn(t *rapid.T) *results.Report {
	text := rapid.StringN(0, 30, 60)
	seconds := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0, 1e-3), rapid.Float64Range(0, 1000), rapid.Float64Range(0, results.LongestTime/100))
	few := func(label string, least, most int) int { return rapid.IntRange(least, most).Draw(t, label) }
	r := &results.Report{Title: text.Draw(t, "title"), Board: text.Draw(t, "board")}
	addr := uint32(0)
	for range few("sectors", 0, 12) {
		s := results.SectorWear{Addr: addr, Size: rapid.Uint32Range(1, 1<<20).Draw(t, "size"), Bank: few("bank", 0, 2), Region: text.Draw(t, "region")}
		s.Erases, s.Endurance = rapid.Uint32().Draw(t, "erases"), rapid.Uint32().Draw(t, "endurance")
		addr += s.Size
		r.Wear = append(r.Wear, s)
	}
	for range few("workloads", 0, 4) {
		s := results.SetLatency{Name: text.Draw(t, "name"), Plain: rapid.SliceOfN(seconds, 0, 20).Draw(t, "plain"), GC: rapid.SliceOfN(seconds, 0, 5).Draw(t, "gc")}
		slices.Sort(s.Plain)
		slices.Sort(s.GC)
		r.Sets = append(r.Sets, s)
	}
	spans := func() []results.Span {
		var out []results.Span
		at := 0.0
		for range few("spans", 0, 6) {
			s := results.Span{Name: text.Draw(t, "span"), Start: at + seconds.Draw(t, "pause")}
			s.End = s.Start + seconds.Draw(t, "time")
			s.Share = rapid.Float64Range(0, 1).Draw(t, "share")
			at = s.End
			out = append(out, s)
		}
		return out
	}
	if rapid.Bool().Draw(t, "timeline") {
		r.Timeline = &results.Timeline{Title: text.Draw(t, "timeline title"), Phases: spans()}
		for range few("tracks", 0, 4) {
			r.Timeline.Tracks = append(r.Timeline.Tracks, results.Track{Name: text.Draw(t, "track"), Spans: spans()})
		}
	}
	for range few("cases", 0, 3) {
		a := results.Application{Name: text.Draw(t, "case"), Hours: seconds.Draw(t, "hours"), Stall: seconds.Draw(t, "stall"), Masked: seconds.Draw(t, "masked"), Resets: rapid.Uint64().Draw(t, "resets")}
		for i := range few("interrupts", 0, 3) {
			q := results.InterruptLatency{Name: strings.Repeat("i", i+1), Period: seconds.Draw(t, "period"), Deadline: seconds.Draw(t, "deadline"), Worst: seconds.Draw(t, "worst"), Late: rapid.Uint64().Draw(t, "late")}
			at := results.LatencyPoint{}
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
		c := results.Collection{Name: text.Draw(t, "collection"), End: seconds.Draw(t, "end")}
		for range few("tracks", 0, 3) {
			c.Tracks = append(c.Tracks, results.Track{Name: text.Draw(t, "track"), Spans: spans()})
		}
		for range few("waits", 0, 2) {
			q := results.InterruptDelays{Name: text.Draw(t, "interrupt"), Period: seconds.Draw(t, "period"), Deadline: seconds.Draw(t, "deadline"), Usual: seconds.Draw(t, "usual")}
			at := 0.0
			for range few("delays", 0, 4) {
				d := results.Delay{First: at + seconds.Draw(t, "first"), Count: rapid.Uint64Range(1, 50).Draw(t, "count")}
				d.Until = d.First + float64(d.Count-1)*q.Period + seconds.Draw(t, "until")
				at = d.First
				if d.Until <= results.LongestTime {
					q.Delays = append(q.Delays, d)
				}
			}
			c.Interrupts = append(c.Interrupts, q)
		}
		r.Collections = append(r.Collections, c)
	}
	for range few("updates", 0, 3) {
		u := results.UpdateTime{Name: text.Draw(t, "update"), Size: rapid.Uint32().Draw(t, "firmware")}
		for range few("phases", 0, 6) {
			u.Phases = append(u.Phases, results.Phase{Name: text.Draw(t, "phase"), Seconds: seconds.Draw(t, "seconds"), Stall: seconds.Draw(t, "stall"), Masked: seconds.Draw(t, "masked"), Down: rapid.Bool().Draw(t, "down")})
		}
		r.Updates = append(r.Updates, u)
	}
	for range few("maps", 0, 2) {
		m := results.CutMap{Name: text.Draw(t, "map"), Steps: rapid.Uint64Range(1, 1<<40).Draw(t, "steps"), Sampling: text.Draw(t, "sampling")}
		for range few("modes", 0, 3) {
			row := results.CutRow{Mode: text.Draw(t, "mode")}
			for at := uint64(0); at < m.Steps && len(row.Runs) < 8; {
				run := results.CutRun{First: rapid.Uint64Range(at, m.Steps-1).Draw(t, "first")}
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

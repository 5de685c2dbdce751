package results

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"dualbank/results/unit"
)

// Check returns an error for the first record in r that no run leaves: a time that is not finite, intervals
// out of order, a unit with two meanings. The error is one line that names the record, as in "wear[3]:
// address 0x08004000 is inside the sector before it".
func Check(r *Report) error {
	if r == nil {
		return errors.New("no report")
	}
	for _, c := range []func(*Report) error{
		checkCounts, checkText, checkSettings, checkBench, checkWear, checkSets, checkTimeline, checkUpdates, checkCuts, checkFindings, checkApplication, checkCollections, checkPlan,
	} {
		if err := c(r); err != nil {
			return err
		}
	}
	return nil
}

// LongestTime is the longest time in a record, in seconds: about 30,000 years.
const LongestTime = 1e12

// times checks that each value is a time in seconds.
func times(where string, vs ...float64) error {
	for i, v := range vs {
		if !(v >= 0 && v <= LongestTime) {
			if len(vs) > 1 {
				where = fmt.Sprintf("%s[%d]", where, i)
			}
			return fmt.Errorf("%s: %v is not a time in seconds, from 0 to %g", where, v, LongestTime)
		}
	}
	return nil
}

// checkCounts bounds the records, of which some are compared with each other and all are drawn.
func checkCounts(r *Report) error {
	type count struct {
		what    string
		n, most int
	}
	counts := []count{
		{"config", len(r.Config), 1000},
		{"sources", len(r.Sources), 10_000},
		{"facts", len(r.Facts), 1000},
		{"bench", len(r.Bench), 100_000},
		{"sets", len(r.Sets), 1000},
		{"updates", len(r.Updates), 100_000},
		{"cuts", len(r.Cuts), 1000},
		{"findings", len(r.Findings), 10_000},
		{"application", len(r.Application), 1000},
		{"collections", len(r.Collections), 1000},
	}
	for i, a := range r.Application {
		counts = append(counts, count{fmt.Sprintf("application[%d].interrupts", i), len(a.Interrupts), 1000})
	}
	if r.Plan != nil {
		counts = append(counts, count{"plan.candidates", len(r.Plan.Candidates), 10_000}, count{"plan.live", len(r.Plan.Live), 10_000})
	}
	for _, c := range counts {
		if c.n > c.most {
			return fmt.Errorf("%s: %d records: %d at most", c.what, c.n, c.most)
		}
	}
	return nil
}

func checkText(r *Report) error {
	for _, s := range []struct{ name, text string }{{"title", r.Title}, {"board", r.Board}, {"command", r.Command}, {"scenario", r.Scenario}} {
		if !utf8.ValidString(s.text) {
			return fmt.Errorf("%s: not UTF-8", s.name)
		}
	}
	return nil
}

func checkSettings(r *Report) error {
	for i, s := range r.Config {
		first, _ := utf8.DecodeRuneInString(s.Key)
		if !unicode.IsLower(first) || strings.ContainsFunc(s.Key, func(c rune) bool { return c == ':' || unicode.IsSpace(c) || unicode.IsUpper(c) }) {
			return fmt.Errorf("config[%d]: key %q: want a lower-case letter first and no space, upper-case letter or colon", i, s.Key)
		}
		if s.Value == "" || s.Value != strings.TrimSpace(s.Value) || strings.ContainsAny(s.Value, "\r\n") {
			return fmt.Errorf("config[%d]: value %q of %s: want one line without space around it", i, s.Value, s.Key)
		}
		for _, o := range r.Config[:i] {
			if o.Key == s.Key {
				return fmt.Errorf("config[%d]: %s is set twice", i, s.Key)
			}
		}
	}
	return nil
}

func checkBench(r *Report) error {
	units := map[string]Metric{}
	for i, b := range r.Bench {
		first, _ := utf8.DecodeRuneInString(b.Name)
		if b.Name == "" || unicode.IsLower(first) || strings.ContainsFunc(b.Name, unicode.IsSpace) || strings.HasPrefix(b.Name, "Benchmark") {
			return fmt.Errorf("bench[%d]: name %q: want it without \"Benchmark\", without space, not in lower case", i, b.Name)
		}
		if b.N < 1 {
			return fmt.Errorf("bench[%d]: %s: %d iterations", i, b.Name, b.N)
		}
		if len(b.Metrics) == 0 {
			return fmt.Errorf("bench[%d]: %s: no metrics", i, b.Name)
		}
		for _, m := range b.Metrics {
			switch {
			case m.Unit == "" || strings.ContainsFunc(m.Unit, unicode.IsSpace):
				return fmt.Errorf("bench[%d]: %s: unit %q: want one word", i, b.Name, m.Unit)
			case !unit.Finite(m.Value):
				return fmt.Errorf("bench[%d]: %s: %v %s is not a number", i, b.Name, m.Value, m.Unit)
			case m.Better != "" && m.Better != "lower" && m.Better != "higher":
				return fmt.Errorf("bench[%d]: %s: better=%q of %s: want lower, higher or nothing", i, b.Name, m.Better, m.Unit)
			}
			if have, ok := units[m.Unit]; ok && (have.Exact != m.Exact || have.Better != m.Better) {
				return fmt.Errorf("bench[%d]: %s: %s is exact=%t better=%q here and exact=%t better=%q before",
					i, b.Name, m.Unit, m.Exact, m.Better, have.Exact, have.Better)
			}
			units[m.Unit] = m
		}
	}
	return nil
}

func checkWear(r *Report) error {
	end := uint64(0)
	for i, s := range r.Wear {
		if i > 0 && s.External != r.Wear[i-1].External {
			if !s.External {
				return fmt.Errorf("wear[%d]: a sector of the flash behind external ones", i)
			}
			end = 0
		}
		if s.Size == 0 {
			return fmt.Errorf("wear[%d]: sector at %s has no size", i, unit.Address(s.Addr))
		}
		if uint64(s.Addr) < end {
			return fmt.Errorf("wear[%d]: address %s is inside the sector before it", i, unit.Address(s.Addr))
		}
		if s.Bank < 0 {
			return fmt.Errorf("wear[%d]: bank %d", i, s.Bank)
		}
		end = uint64(s.Addr) + uint64(s.Size)
	}
	return nil
}

func checkSets(r *Report) error {
	for i, s := range r.Sets {
		for _, part := range []struct {
			name string
			v    []float64
		}{{"plain", s.Plain}, {"gc", s.GC}} {
			v := part.v
			where := fmt.Sprintf("sets[%d].%s", i, part.name)
			if err := times(where, v...); err != nil {
				return err
			}
			if !slices.IsSorted(v) {
				return fmt.Errorf("%s: not sorted", where)
			}
		}
	}
	return nil
}

// checkSpans checks that intervals are in order and do not overlap.
func checkSpans(where string, spans []Span) error {
	end := 0.0
	for i, s := range spans {
		at := fmt.Sprintf("%s[%d]", where, i)
		if err := times(at, s.Start, s.End); err != nil {
			return err
		}
		// Ends and starts are computed separately and may differ in the last digits.
		if s.End < s.Start || s.Start < end-float64(1e-9*math.Abs(end)) {
			return fmt.Errorf("%s: %v to %v: ends before it starts, or starts before the one before it ends", at, s.Start, s.End)
		}
		if !(s.Share >= 0 && s.Share <= 1+1e-9) {
			return fmt.Errorf("%s: share %v is not from 0 to 1", at, s.Share)
		}
		end = s.End
	}
	return nil
}

func checkTimeline(r *Report) error {
	if r.Timeline == nil {
		return nil
	}
	if err := checkSpans("timeline.phases", r.Timeline.Phases); err != nil {
		return err
	}
	for i, t := range r.Timeline.Tracks {
		if err := checkSpans(fmt.Sprintf("timeline.tracks[%d].spans", i), t.Spans); err != nil {
			return err
		}
	}
	return nil
}

func checkUpdates(r *Report) error {
	for i, u := range r.Updates {
		for j, ph := range u.Phases {
			if err := times(fmt.Sprintf("updates[%d].phases[%d]", i, j), ph.Seconds, ph.Stall, ph.Masked); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkCuts(r *Report) error {
	for i, m := range r.Cuts {
		for j, row := range m.Rows {
			next := uint64(0)
			for k, run := range row.Runs {
				at := fmt.Sprintf("cuts[%d].rows[%d].runs[%d]", i, j, k)
				switch {
				case run.Last < run.First || run.First < next:
					return fmt.Errorf("%s: steps %d to %d: out of order", at, run.First, run.Last)
				case run.Last >= m.Steps:
					return fmt.Errorf("%s: step %d of a run of %d", at, run.Last, m.Steps)
				case run.Cuts > run.Last-run.First+1:
					return fmt.Errorf("%s: %d cuts in %d steps", at, run.Cuts, run.Last-run.First+1)
				case run.Rule < 0 || run.Rule > 0 && run.Outcome == "":
					return fmt.Errorf("%s: rule %d without an outcome", at, run.Rule)
				}
				next = run.Last + 1
			}
		}
		for k, s := range m.Marks {
			if !(s.Start >= 0 && s.Start <= s.End && s.End <= float64(m.Steps)) {
				return fmt.Errorf("cuts[%d].marks[%d]: %v to %v of a run of %d steps", i, k, s.Start, s.End, m.Steps)
			}
		}
	}
	return nil
}

func checkFindings(r *Report) error {
	for i, f := range r.Findings {
		if !slices.Contains(severities, f.Severity) {
			return fmt.Errorf("findings[%d]: severity %q of %s: want high, medium or low", i, f.Severity, f.ID)
		}
		if f.Film != nil {
			if err := f.Film.check(); err != nil {
				return fmt.Errorf("findings[%d].%w", i, err)
			}
		}
	}
	for i, c := range r.Causes {
		if !slices.Contains(severities, c.Severity) || c.Name == "" || len(c.Findings) == 0 {
			return fmt.Errorf("causes[%d]: severity %q, name %q, %d findings: want high, medium or low, a name, and at least one", i, c.Severity, c.Name, len(c.Findings))
		}
	}
	return nil
}

func checkApplication(r *Report) error {
	for i, a := range r.Application {
		at := fmt.Sprintf("application[%d]", i)
		if err := times(at, a.Hours, a.Stall, a.LongestStall, a.Masked, a.LongestMasked); err != nil {
			return err
		}
		for j, q := range a.Interrupts {
			at := fmt.Sprintf("%s.interrupts[%d]", at, j)
			if err := times(at, q.Period, q.Deadline, q.Worst); err != nil {
				return err
			}
			for _, o := range a.Interrupts[:j] {
				if o.Name == q.Name {
					return fmt.Errorf("%s: %s is there twice", at, q.Name)
				}
			}
			var last LatencyPoint
			for k, p := range q.Points {
				at := fmt.Sprintf("%s.points[%d]", at, k)
				if err := times(at, p.Seconds); err != nil {
					return err
				}
				if p.Seconds < last.Seconds || p.Within < last.Within {
					return fmt.Errorf("%s: %v s, %d activations: less than before", at, p.Seconds, p.Within)
				}
				last = p
			}
			if last.Within != q.Activations && (len(q.Points) > 0 || q.Activations > 0) {
				return fmt.Errorf("%s: %d activations, its points have %d", at, q.Activations, last.Within)
			}
		}
	}
	return nil
}

func checkCollections(r *Report) error {
	for i, c := range r.Collections {
		at := fmt.Sprintf("collections[%d]", i)
		if err := times(at+".end", c.End); err != nil {
			return err
		}
		for j, t := range c.Tracks {
			if err := checkSpans(fmt.Sprintf("%s.tracks[%d].spans", at, j), t.Spans); err != nil {
				return err
			}
		}
		for j, q := range c.Interrupts {
			at := fmt.Sprintf("%s.interrupts[%d]", at, j)
			if err := times(at, q.Period, q.Deadline, q.Usual); err != nil {
				return err
			}
			first := 0.0
			for k, d := range q.Delays {
				at := fmt.Sprintf("%s.delays[%d]", at, k)
				if err := times(at, d.First, d.Until); err != nil {
					return err
				}
				if d.Count == 0 || d.First < first || d.First+float64(float64(d.Count-1)*q.Period) > d.Until+float64(1e-9*d.Until) {
					return fmt.Errorf("%s: %d activations from %v s on, served at %v s: out of order", at, d.Count, d.First, d.Until)
				}
				first = d.First
			}
		}
	}
	return nil
}

// checkPlan checks that the figures of a plan can be drawn.
func checkPlan(r *Report) error {
	p := r.Plan
	if p == nil {
		return nil
	}
	if p.Best < -1 || p.Best >= len(p.Candidates) || p.Shown < 0 || p.Shown >= max(len(p.Candidates), 1) || len(p.Candidates) == 0 && len(p.Live) > 0 {
		return fmt.Errorf("plan: best %d, shown %d of %d candidates", p.Best, p.Shown, len(p.Candidates))
	}
	if !(p.Years >= 0 && p.Years <= LongestTime) {
		return fmt.Errorf("plan.years: %v", p.Years)
	}
	for i, c := range p.Candidates {
		at := fmt.Sprintf("plan.candidates[%d]", i)
		if c.Bytes == 0 {
			return fmt.Errorf("%s: no size", at)
		}
		if err := times(at, c.Years, c.P1, c.P50, c.GCPerDay, c.P50Set, c.P99Set, c.P999Set, c.Worst, c.PlainP50, c.PlainP99, c.PlainP999, c.PlainWorst,
			c.GCP50, c.GCP99, c.GCP999, c.GCWorst, c.Busy, c.Stall, c.Masked, c.LongestMasked, c.Live, c.Fill, c.WorstFill, c.Update, c.UpdateDown, c.UpdateStall, c.Uncertain); err != nil {
			return err
		}
	}
	for i, d := range p.Drop {
		if d.Candidate < 0 || d.Candidate >= len(p.Candidates) {
			return fmt.Errorf("plan.drop[%d]: candidate %d of %d", i, d.Candidate, len(p.Candidates))
		}
	}
	for i, l := range p.Live {
		if err := times(fmt.Sprintf("plan.live[%d]", i), l.Bytes, l.P50, l.P99, l.GC, l.Worst); err != nil {
			return err
		}
		if i > 0 && l.Bytes < p.Live[i-1].Bytes {
			return fmt.Errorf("plan.live[%d]: less than before", i)
		}
	}
	return nil
}

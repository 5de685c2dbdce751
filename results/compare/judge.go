package compare

import (
	"fmt"
	"math"

	"github.com/aclements/go-moremath/stats"
	"golang.org/x/perf/benchmath"

	"dualbank/results"
	"dualbank/results/unit"
)

// table summarises and judges the rows of one unit.
func (c *comparing) table(t *sampleTable, gateHost bool) {
	assume := c.units.GetAssumption(t.unit)
	exact := assume == benchmath.AssumeExact
	better := c.units.GetBetter(t.unit)
	out := Table{Unit: t.unit, Exact: exact, Better: map[int]string{-1: "lower", 1: "higher"}[better]}
	for _, f := range t.key.Projection().FlattenedFields() {
		if v := t.key.Get(f); f.Name != ".unit" && v != "" {
			out.Config = append(out.Config, results.Setting{Key: f.Name, Value: v})
		}
	}
	limit := c.th.limit(t.unit, t.written, exact)
	thresholds := &benchmath.Thresholds{CompareAlpha: c.th.Alpha}
	var centers [2][]float64
	someWorse := false
	for _, r := range t.rows {
		row := Row{Name: r.name}
		var samples [2]*benchmath.Sample
		for side, s := range []*Side{&row.Old, &row.New} {
			if len(r.values[side]) == 0 {
				continue
			}
			samples[side] = benchmath.NewSample(r.values[side], thresholds)
			sum := assume.Summary(samples[side], 0.95)
			*s = Side{N: len(r.values[side]), Center: sum.Center, Range: sum.PctRangeString(), Line: r.line[side]}
			for _, w := range sum.Warnings {
				if !exact {
					c.warn("%s: %v", t.unit, w)
				}
			}
		}
		if exact && samples[1] != nil && samples[1].Values[0] != samples[1].Values[len(samples[1].Values)-1] {
			v := samples[1].Values
			c.fail(row, t.unit, fmt.Sprintf("is said to be exact and differs between repeats, from %v to %v", v[0], v[len(v)-1]))
			row.Verdict = Failed
		}
		switch {
		case row.Old.N == 0:
			row.Verdict = Added
		case row.New.N == 0:
			row.Verdict = Missing
			if c.th.FailMissing {
				c.fail(row, t.unit, "is missing in the new file")
			} else {
				c.warn("%s:%d: %s %s is missing in the new file", c.out.Old, row.Old.Line, row.Name, t.unit)
			}
		default:
			cmp := assume.Compare(samples[0], samples[1])
			for _, w := range cmp.Warnings {
				c.warn("%s: %v", t.unit, w)
			}
			row.Delta, row.P = cmp.FormatDelta(row.Old.Center, row.New.Center), cmp.String()
			verdict := Same
			if cmp.P <= cmp.Alpha {
				verdict = c.judge(&row, t, exact, better, limit, exact || gateHost)
			}
			if row.Verdict == "" {
				row.Verdict = verdict
			}
			someWorse = someWorse || verdict == Worse || verdict == Failed
			centers[0] = append(centers[0], row.Old.Center)
			centers[1] = append(centers[1], row.New.Center)
		}
		out.Rows = append(out.Rows, row)
	}
	out.Geomean = geomean(centers)
	if g := out.Geomean; g != nil && !exact && gateHost && someWorse && worseBy(g.Old, g.New, better) > c.th.Geomean {
		c.out.Failures = append(c.out.Failures, Failure{
			File: c.out.New, Name: "geomean", Unit: t.unit,
			Message: fmt.Sprintf("%s to %s, %+.2f%%: more than %v%% worse", unitValue(g.Old, t.unit), unitValue(g.New, t.unit), g.Change, c.th.Geomean),
		})
	}
	c.out.Tables = append(c.out.Tables, out)
}

// judge returns the verdict on a significant difference, and records a failure if it is worse than the limit.
func (c *comparing) judge(row *Row, t *sampleTable, exact bool, better int, limit float64, gate bool) string {
	switch worse := worseBy(row.Old.Center, row.New.Center, better); {
	case row.Old.Center == row.New.Center:
		return Same
	case better == 0:
		return Changed
	case worse < 0:
		return Better
	case !gate || worse <= limit:
		return Worse
	}
	c.fail(*row, t.unit, fmt.Sprintf("%s: more than %v%% worse", change(*row, t.unit, exact), limit))
	return Failed
}

// change describes the change of a row. A change that does not show in the rounded figures is printed with all
// digits.
func change(row Row, unit string, exact bool) string {
	old, new := unitValue(row.Old.Center, unit), unitValue(row.New.Center, unit)
	if old == new {
		return fmt.Sprintf("%v to %v %s", row.Old.Center, row.New.Center, unit)
	}
	if exact {
		return fmt.Sprintf("%s to %s, %s", old, new, row.Delta)
	}
	return fmt.Sprintf("%s to %s, %s (%s)", old, new, row.Delta, row.P)
}

// fail records a failure at the row's line in the new file, or in the old one if only that has it.
func (c *comparing) fail(row Row, unit, message string) {
	f := Failure{File: c.out.New, Line: row.New.Line, Name: row.Name, Unit: unit, Message: message}
	if row.New.N == 0 {
		f.File, f.Line = c.out.Old, row.Old.Line
	}
	c.out.Failures = append(c.out.Failures, f)
}

// worseBy returns by how many percent new is worse than old, negative if it is better. From 0, any difference
// is infinite.
func worseBy(old, new float64, better int) float64 {
	if old == new {
		return 0
	}
	sign := -1.0
	if new > old == (better < 0) {
		sign = 1
	}
	if old == 0 {
		return math.Inf(int(sign))
	}
	return sign * math.Abs(new-old) / math.Abs(old) * 100
}

// geomean returns nil if there is none: fewer than two rows, or values that are not above 0.
func geomean(centers [2][]float64) *Geomean {
	if len(centers[0]) < 2 {
		return nil
	}
	for _, vs := range centers {
		for _, v := range vs {
			if !(v > 0) {
				return nil
			}
		}
	}
	g := &Geomean{Old: stats.GeoMean(centers[0]), New: stats.GeoMean(centers[1])}
	g.Change = (g.New/g.Old - 1) * 100
	if !unit.Finite(g.Change) || !unit.Finite(g.Old) || !unit.Finite(g.New) {
		return nil
	}
	return g
}

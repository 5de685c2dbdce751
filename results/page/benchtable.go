package page

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"

	"dualbank/results"
	"dualbank/results/table"
	"dualbank/results/unit"
)

// benchTables returns a table for each benchmark, with what all its variants have in common in the caption.
func benchTables(bs []results.Benchmark) []table.Table {
	var bases []string
	variants := map[string][]string{} // names by base
	units := map[string][]string{}    // units by base
	values := map[[2]string][]float64{}
	metric := map[string]results.Metric{}
	for _, b := range bs {
		base := string(benchfmt.Name(b.Name).Base())
		if variants[base] == nil {
			bases = append(bases, base)
		}
		if !slices.Contains(variants[base], b.Name) {
			variants[base] = append(variants[base], b.Name)
		}
		for _, m := range b.Metrics {
			if !slices.Contains(units[base], m.Unit) {
				units[base] = append(units[base], m.Unit)
			}
			key := [2]string{b.Name, m.Unit}
			values[key] = append(values[key], m.Value)
			metric[m.Unit] = m
		}
	}
	var out []table.Table
	for _, base := range bases {
		common, own := splitNames(variants[base])
		t := table.Table{Caption: base}
		if common != "" {
			t.Caption += ", " + common
		}
		value := func(name, unit string) table.Cell {
			v := values[[2]string{name, unit}]
			if len(v) == 0 {
				return table.Number("")
			}
			return table.Number(summarised(v, metric[unit]))
		}
		if len(own) <= 4 {
			// Few variants: a row for each metric.
			t.Head = table.Words("Metric")
			for _, o := range own {
				t.Head = append(t.Head, table.Number(o))
			}
			for _, u := range units[base] {
				row := []table.Cell{{Text: u, Code: true}}
				for _, n := range variants[base] {
					row = append(row, value(n, u))
				}
				t.Rows = append(t.Rows, row)
			}
		} else {
			t.Head = table.Words("Variant")
			for _, u := range units[base] {
				t.Head = append(t.Head, table.Number(u))
			}
			for i, n := range variants[base] {
				row := table.Words(own[i])
				for _, u := range units[base] {
					row = append(row, value(n, u))
				}
				t.Rows = append(t.Rows, row)
			}
		}
		out = append(out, t)
	}
	return out
}

// summarised prints a sample as benchstat does: an exact value as such, else the median with its range.
func summarised(values []float64, m results.Metric) string {
	sample := benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds)
	if m.Exact {
		return unit.Measure(benchmath.AssumeExact.Summary(sample, 0.95).Center, m.Unit)
	}
	s := benchmath.AssumeNothing.Summary(sample, 0.95)
	if len(values) == 1 {
		return unit.Measure(s.Center, m.Unit)
	}
	return unit.Measure(s.Center, m.Unit) + " ± " + s.PctRangeString()
}

// splitNames takes the parts that all names have in common out of names with one base. A name with nothing
// of its own becomes "value".
func splitNames(names []string) (common string, own []string) {
	var shared []string
	all := make([][]string, len(names))
	for i, n := range names {
		_, parts := benchfmt.Name(n).Parts()
		for _, p := range parts {
			all[i] = append(all[i], string(bytes.TrimPrefix(p, []byte("/"))))
		}
	}
	for _, p := range all[0] {
		if !slices.ContainsFunc(all, func(o []string) bool { return !slices.Contains(o, p) }) {
			shared = append(shared, p)
		}
	}
	for _, parts := range all {
		rest := slices.DeleteFunc(slices.Clone(parts), func(p string) bool { return slices.Contains(shared, p) })
		if len(rest) == 0 {
			rest = []string{"value"}
		}
		own = append(own, strings.Join(rest, " "))
	}
	return strings.Join(shared, ", "), own
}

// Package compare compares two files of benchmark results and decides whether the new one is good enough: the gate of continuous integration.
package compare

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aclements/go-moremath/stats"
	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchproc"

	"dualbank/results"
	"dualbank/results/unit"
)

// Thresholds say how much worse a figure may get before the gate fails, in percent. Better never
// fails, and neither does a unit that says nothing of better.
type Thresholds struct {
	// Exact is for metrics that are simulated or counted: they have no noise, so 0 is a good limit.
	Exact float64 `toml:"exact" json:"exact" comment:"Of metrics that are simulated or counted, in percent: they have no noise, so 0 is a good limit."`
	// Host is for each benchmark's host time and other measured metrics, where the change is
	// significant.
	Host float64 `toml:"host" json:"host" comment:"Of host time and other measured metrics, in percent, where the change is significant."`
	// Geomean is for a measured metric's geometric mean over all benchmarks of a table, where at
	// least one of them is significantly worse.
	Geomean float64 `toml:"geomean" json:"geomean" comment:"Of a measured metric's geometric mean over all benchmarks, in percent."`
	// Alpha is the level below which a difference is significant.
	Alpha float64 `toml:"alpha" json:"alpha" comment:"The level below which a difference is significant."`
	// Units has limits of their own for some units, by name: they go before Exact and Host.
	Units map[string]float64 `toml:"units,inline" json:"units,omitempty" comment:"Limits of some units, by name, that go before exact and host: { 'years' = 2 }."`
	// FailMissing makes a benchmark or metric that is in the old file and not in the new one a
	// failure; else it is a warning.
	FailMissing bool `toml:"fail_missing" json:"fail_missing" comment:"Whether a benchmark or metric that is gone fails; else it is a warning."`
}

// DefaultThresholds are what a scenario has that says nothing else.
func DefaultThresholds() Thresholds {
	return Thresholds{Exact: 0, Host: 10, Geomean: 5, Alpha: 0.05}
}

// Check finds what is no limit.
func (th Thresholds) Check() error {
	for _, v := range []struct {
		name  string
		value float64
	}{{"exact", th.Exact}, {"host", th.Host}, {"geomean", th.Geomean}} {
		if !percentage(v.value) {
			return fmt.Errorf("%s = %v: want percent, from 0 to %g", v.name, v.value, mostPercent)
		}
	}
	if !(th.Alpha > 0 && th.Alpha < 1) {
		return fmt.Errorf("alpha = %v: want more than 0 and less than 1, as 0.05", th.Alpha)
	}
	for _, unit := range slices.Sorted(maps.Keys(th.Units)) {
		if v := th.Units[unit]; !percentage(v) {
			return fmt.Errorf("units: %s = %v: want percent, from 0 to %g", unit, v, mostPercent)
		}
	}
	return nil
}

// mostPercent is a limit that nothing but a figure that was 0 exceeds.
const mostPercent = 1e9

func percentage(v float64) bool { return v >= 0 && v <= mostPercent }

// limit is how much worse, in percent, a unit may get. The unit is the tidied one or as written.
func (th Thresholds) limit(unit, written string, exact bool) float64 {
	for _, u := range []string{unit, written} {
		if v, ok := th.Units[u]; ok {
			return v
		}
	}
	if exact {
		return th.Exact
	}
	return th.Host
}

// Comparison is what benchstat says of two files, and what the gate makes of it.
type Comparison struct {
	Old        string     `json:"old"` // files
	New        string     `json:"new"`
	Thresholds Thresholds `json:"thresholds"`
	Tables     []Table    `json:"tables"`
	Failures   []Failure  `json:"failures"`
	Warnings   []string   `json:"warnings"`
}

// Table is one unit under one configuration.
type Table struct {
	Config  []results.Setting `json:"config"`
	Unit    string            `json:"unit"` // tidied: "sec/op" for "ns/op"
	Exact   bool              `json:"exact"`
	Better  string            `json:"better"` // "lower", "higher" or ""
	Rows    []Row             `json:"rows"`
	Geomean *Geomean          `json:"geomean,omitempty"`
}

// Row is one benchmark. A side without samples is one where it is missing.
type Row struct {
	Name    string `json:"name"`
	Old     Side   `json:"old"`
	New     Side   `json:"new"`
	Delta   string `json:"delta"` // benchstat's: "+1.00%", "~" if not significant, "?" from 0
	P       string `json:"p"`     // benchstat's: "p=0.002 n=6"
	Verdict string `json:"verdict"`
}

// Verdicts of a row.
const (
	Same    = "same"    // equal, or no significant difference
	Better  = "better"  // in the unit's direction
	Worse   = "worse"   // against the unit's direction, within the limit
	Changed = "changed" // of a unit without a direction
	Failed  = "failed"  // worse by more than the limit
	Missing = "missing" // only in the old file
	Added   = "added"   // only in the new file
)

// Side is a benchmark's figure in one file.
type Side struct {
	N      int     `json:"n"`
	Center float64 `json:"center"` // the median; the value itself if exact
	Range  string  `json:"range"`  // of the 95 % confidence interval: "2%", "∞" with too few samples
	Line   int     `json:"line"`   // of the first sample in the file
}

// Geomean is the geometric mean over the rows that both files have.
type Geomean struct {
	Old    float64 `json:"old"`
	New    float64 `json:"new"`
	Change float64 `json:"change"` // in percent
}

// Failure is one reason for the gate to fail. Line is that of the result in the new file; of the old
// one where the new one has none.
type Failure struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Name    string `json:"name"` // of the benchmark; "geomean"
	Unit    string `json:"unit"`
	Message string `json:"message"`
}

// hostKeys are settings that say where a file was made. They do not keep exact metrics from being
// compared; measured ones are not gated where they differ.
var hostKeys = []string{"goos", "goarch", "cpu", "toolchain", "/gomaxprocs"}

// Files compares two files in the Go benchmark format, or two results folders. An error is one
// line with file and line number where the file is broken; a failed gate is no error but a
// Comparison with Failures.
func Files(oldPath, newPath string, th Thresholds) (*Comparison, error) {
	if err := th.Check(); err != nil {
		return nil, fmt.Errorf("thresholds: %w", err)
	}
	var in [2]benchInput
	for i, path := range []string{oldPath, newPath} {
		if st, err := os.Stat(path); err == nil && st.IsDir() {
			path = filepath.Join(path, results.BenchName)
		}
		data, err := results.ReadFile(path, maxBench)
		if err != nil {
			return nil, fmt.Errorf("%s: %w: give what `go test -bench` printed, or a results folder", path, err)
		}
		in[i] = benchInput{path, data}
	}
	return compare(in[0], in[1], th)
}

// maxBench bounds a file in the Go benchmark format, in bytes.
const maxBench = 256 << 20

// benchInput is a file in the Go benchmark format.
type benchInput struct {
	name string
	data []byte
}

// comparing is a comparison on the way: the samples of each cell in the order in which tables and
// rows first appear.
type comparing struct {
	th      Thresholds
	units   benchfmt.UnitMetadataMap
	tables  []*sampleTable
	byTable map[benchproc.Key]*sampleTable
	out     *Comparison
}

type sampleTable struct {
	key     benchproc.Key
	unit    string
	written string // the unit before tidying
	rows    []*sampleRow
	byRow   map[benchproc.Key]*sampleRow
}

type sampleRow struct {
	name   string
	values [2][]float64
	line   [2]int
}

func compare(old, new benchInput, th Thresholds) (*Comparison, error) {
	c := comparing{th: th, byTable: map[benchproc.Key]*sampleTable{}, out: &Comparison{
		Old: old.name, New: new.name, Thresholds: th, Tables: []Table{}, Failures: []Failure{}, Warnings: []string{},
	}}
	var results [2][]*benchfmt.Result
	for side, in := range []benchInput{old, new} {
		var err error
		if results[side], c.units, err = readBench(in, c.units); err != nil {
			return nil, err
		}
		c.out.Warnings = append(c.out.Warnings, failedRuns(in)...)
	}
	var parser benchproc.ProjectionParser
	sameHost, err := setHostsAside(&parser, results)
	if err != nil {
		return nil, err
	}
	tables, unitField, err := parser.ParseWithUnit(".config", nil)
	if err != nil {
		return nil, err
	}
	rows, err := parser.Parse(".fullname", nil)
	if err != nil {
		return nil, err
	}
	for side := range results {
		for _, res := range results[side] {
			row := rows.Project(res)
			for i, key := range tables.ProjectValues(res) {
				c.add(side, key, key.Get(unitField), row, res, i)
			}
		}
	}
	if err := c.anyInCommon(); err != nil {
		return nil, err
	}
	if !sameHost && c.anyMeasured() {
		c.warn("%s and %s come from different hosts (one of %s differs): host time is shown, not gated", old.name, new.name, strings.Join(hostKeys, ", "))
	}
	for _, t := range c.tables {
		c.table(t, sameHost)
	}
	return c.out, nil
}

// setHostsAside takes the host's settings out of what parser groups by and tells whether they are
// equal in both files. A setting that varies within a file stays: there it is what was measured, as
// with -cpu=1,2,4.
func setHostsAside(parser *benchproc.ProjectionParser, results [2][]*benchfmt.Result) (same bool, err error) {
	same = true
	for _, key := range hostKeys {
		var one benchproc.ProjectionParser
		proj, err := one.Parse(key, nil)
		if err != nil {
			return false, err
		}
		var seen [2][]benchproc.Key
		for side := range results {
			for _, res := range results[side] {
				if k := proj.Project(res); !slices.Contains(seen[side], k) {
					seen[side] = append(seen[side], k)
				}
			}
		}
		if len(seen[0]) > 1 || len(seen[1]) > 1 {
			continue
		}
		same = same && slices.Equal(seen[0], seen[1])
		if _, err := parser.Parse(key, nil); err != nil {
			return false, err
		}
	}
	return same, nil
}

func (c *comparing) warn(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(c.out.Warnings, s) {
		c.out.Warnings = append(c.out.Warnings, s)
	}
}

// add puts the i-th value of a result into its cell.
func (c *comparing) add(side int, key benchproc.Key, unit string, row benchproc.Key, res *benchfmt.Result, i int) {
	t := c.byTable[key]
	if t == nil {
		t = &sampleTable{key: key, unit: unit, written: res.Values[i].OrigUnit, byRow: map[benchproc.Key]*sampleRow{}}
		c.byTable[key] = t
		c.tables = append(c.tables, t)
	}
	r := t.byRow[row]
	if r == nil {
		r = &sampleRow{name: row.StringValues()}
		t.byRow[row] = r
		t.rows = append(t.rows, r)
	}
	if len(r.values[side]) == 0 {
		_, r.line[side] = res.Pos()
	}
	r.values[side] = append(r.values[side], res.Values[i].Value)
}

// anyInCommon refuses two files that have nothing to compare: a gate that looks at nothing must not
// pass. If only settings differ, it says which.
func (c *comparing) anyInCommon() error {
	var keys []benchproc.Key
	names := [2]map[string]bool{{}, {}}
	for _, t := range c.tables {
		keys = append(keys, t.key)
		for _, r := range t.rows {
			if len(r.values[0]) > 0 && len(r.values[1]) > 0 {
				return nil
			}
			for side := range names {
				if len(r.values[side]) > 0 {
					names[side][r.name+" "+t.unit] = true
				}
			}
		}
	}
	text := fmt.Sprintf("%s and %s have no benchmark in common", c.out.Old, c.out.New)
	for n := range names[0] {
		if !names[1][n] {
			continue
		}
		for _, f := range benchproc.NonSingularFields(keys) {
			if f.Name != ".unit" {
				text += fmt.Sprintf(": setting %s differs", f.Name)
				break
			}
		}
		break
	}
	return errors.New(text)
}

// anyMeasured tells whether some unit is not exact.
func (c *comparing) anyMeasured() bool {
	return slices.ContainsFunc(c.tables, func(t *sampleTable) bool { return c.units.GetAssumption(t.unit) != benchmath.AssumeExact })
}

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

// judge tells which way a significant difference goes, and fails it if it goes too far.
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

// change says from what to what a row went. A change too small for benchstat's two decimals is still
// one: it gets all its digits.
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

// fail records a failure at the row's line in the new file, or in the old one if it is only there.
func (c *comparing) fail(row Row, unit, message string) {
	f := Failure{File: c.out.New, Line: row.New.Line, Name: row.Name, Unit: unit, Message: message}
	if row.New.N == 0 {
		f.File, f.Line = c.out.Old, row.Old.Line
	}
	c.out.Failures = append(c.out.Failures, f)
}

// worseBy is by how many percent new is worse than old; negative if it is better. From 0 any
// worsening is infinite.
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

// geomean is nil where there is none: fewer than two rows, or values that are not above 0.
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

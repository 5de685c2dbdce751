// Package compare compares two files of benchmark results, and decides whether the new one may pass: the gate
// of continuous integration behind `dualbank compare`.
//
// A comparison runs in these steps:
//
//  1. Files reads two files in the Go benchmark format, or the bench.txt of two results folders. They may come
//     from this program or from any `go test -bench` (read.go).
//  2. Results are grouped as benchstat does: a table for each unit and configuration, a row for each full
//     name, a cell for each side. Settings that differ by nature are left out of the grouping: those of the
//     host, of the version, of the run, and those that the caller ignores (settings.go). Changed lists them.
//  3. Each row is summarised and tested with benchmath. A unit with assume=exact needs no statistics: any
//     difference counts. Other units count where the difference is significant.
//  4. The gate (judge.go) takes the direction of the unit (better=lower, better=higher) and the limits of
//     Thresholds. What is worse by more than its limit is a Failure with file and line.
//  5. WriteText, WriteJSON and WriteAnnotations print the Comparison for people, programs and GitHub.
//
// Invariants:
//
//   - Better never fails, and neither does a unit without a direction.
//   - Host time is gated only between equal hosts.
//   - Two files without a figure in common are refused: a gate that compares nothing must not pass.
//   - A broken file is an error of one line with file and line number. A failed gate is not an error.
package compare

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchproc"

	"dualbank/internal/input"
	"dualbank/results"
	"dualbank/results/unit"
)

// Comparison is the statistics of two files and the decision of the gate.
type Comparison struct {
	Old        string     `json:"old"` // files
	New        string     `json:"new"`
	Thresholds Thresholds `json:"thresholds"`
	Changed    []Change   `json:"changed"` // settings that differ and do not keep figures apart
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

// Row is one benchmark. A side with N 0 does not have it.
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

// Files compares two files in the Go benchmark format, or two results folders. Settings named in ignore, such as
// "seed" or "/driver", do not keep figures apart. The error is one line, with file and line number if a file is
// broken. A failed gate is a Comparison with Failures, not an error.
func Files(oldPath, newPath string, th Thresholds, ignore ...string) (*Comparison, error) {
	if err := th.Check(); err != nil {
		return nil, fmt.Errorf("thresholds: %w", err)
	}
	var in [2]benchInput
	for i, path := range []string{oldPath, newPath} {
		if st, err := os.Stat(path); err == nil && st.IsDir() {
			path = filepath.Join(path, results.BenchName)
		}
		data, err := input.ReadText(path, input.Bench)
		if err != nil {
			return nil, fmt.Errorf("%s: %w: give what `go test -bench` printed, or a results folder", path, err)
		}
		in[i] = benchInput{path, data}
	}
	return compare(in[0], in[1], th, ignore...)
}

// benchInput is a file in the Go benchmark format.
type benchInput struct {
	name string
	data []byte
}

// comparing holds the state of one call of compare: the samples of each cell, with tables and rows in the order
// of their first appearance.
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

func compare(old, new benchInput, th Thresholds, ignore ...string) (*Comparison, error) {
	c := comparing{th: th, byTable: map[benchproc.Key]*sampleTable{}, out: &Comparison{
		Old: old.name, New: new.name, Thresholds: th, Changed: []Change{}, Tables: []Table{}, Failures: []Failure{}, Warnings: []string{},
	}}
	var parsed [2][]*benchfmt.Result
	for side, in := range []benchInput{old, new} {
		var err error
		if parsed[side], c.units, err = readBench(in, c.units); err != nil {
			return nil, err
		}
		c.out.Warnings = append(c.out.Warnings, failedRuns(in)...)
	}
	var parser benchproc.ProjectionParser
	sameHost, err := c.setAside(&parser, parsed, ignore)
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
	for side := range parsed {
		for _, res := range parsed[side] {
			row := rows.Project(res)
			for i, key := range tables.ProjectValues(res) {
				c.add(side, key, key.Get(unitField), row, res, i)
			}
		}
	}
	if err := c.anyInCommon(); err != nil {
		return nil, err
	}
	if apart, n := c.keptApart(); n > 0 {
		for _, ch := range apart {
			c.warn("setting %s differs, %s to %s: %s not compared; --ignore %s compares them", ch.Key, listed(ch.Old), listed(ch.New), unit.Plural(n, "figure"), ch.Key)
		}
	}
	if !sameHost && c.anyMeasured() {
		c.warn("%s and %s come from different hosts (one of %s differs): host time is shown, not gated", old.name, new.name, strings.Join(hostKeys, ", "))
	}
	for _, t := range c.tables {
		c.table(t, sameHost)
	}
	return c.out, nil
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

// anyInCommon returns an error if the files have no figure in common: a gate that compares nothing must not
// pass. If it is settings that keep them apart, the error names them.
func (c *comparing) anyInCommon() error {
	for _, t := range c.tables {
		for _, r := range t.rows {
			if len(r.values[0]) > 0 && len(r.values[1]) > 0 {
				return nil
			}
		}
	}
	text := fmt.Sprintf("%s and %s have no benchmark in common", c.out.Old, c.out.New)
	if apart, _ := c.keptApart(); len(apart) > 0 {
		var keys, changes []string
		for _, ch := range apart {
			keys, changes = append(keys, ch.Key), append(changes, fmt.Sprintf("setting %s differs (%s to %s)", ch.Key, listed(ch.Old), listed(ch.New)))
		}
		text += fmt.Sprintf(": %s: compare runs with the same settings, or give --ignore %s", strings.Join(changes, ", "), strings.Join(keys, ","))
	}
	return errors.New(text)
}

// keptApart returns the settings that differ between figures that only the old file has and figures of the same
// name and unit that only the new file has, and the number of these names and units.
func (c *comparing) keptApart() (settings []Change, figures int) {
	type figure struct{ name, unit string }
	alone := [2]map[figure][]benchproc.Key{{}, {}}
	for _, t := range c.tables {
		for _, r := range t.rows {
			for side := range alone {
				if len(r.values[1-side]) == 0 {
					f := figure{r.name, t.unit}
					alone[side][f] = append(alone[side][f], t.key)
				}
			}
		}
	}
	var keys [2][]benchproc.Key
	for f := range alone[0] {
		if len(alone[1][f]) > 0 {
			figures++
			keys[0], keys[1] = append(keys[0], alone[0][f]...), append(keys[1], alone[1][f]...)
		}
	}
	for _, f := range benchproc.NonSingularFields(slices.Concat(keys[0], keys[1])) {
		var values [2][]string
		for side := range keys {
			for _, k := range keys[side] {
				values[side] = append(values[side], k.Get(f))
			}
			slices.Sort(values[side])
			values[side] = slices.Compact(values[side])
		}
		if f.Name != ".unit" && !slices.Equal(values[0], values[1]) {
			settings = append(settings, Change{f.Name, named(values[0]), named(values[1])})
		}
	}
	return settings, figures
}

// anyMeasured reports whether some unit is not exact.
func (c *comparing) anyMeasured() bool {
	return slices.ContainsFunc(c.tables, func(t *sampleTable) bool { return c.units.GetAssumption(t.unit) != benchmath.AssumeExact })
}

package compare

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"

	"golang.org/x/perf/benchfmt"

	"dualbank/results"
	"dualbank/results/unit"
)

// mostSettings bounds the settings of a file: each result has a copy of those before it.
const mostSettings = 256

// What a file may have. A result takes kilobytes where each has another name or package; a comparison has a table for each
// unit.
const (
	mostResults = 50_000
	mostUnits   = 1000
)

// readBench reads the results of a file in the Go benchmark format, and adds its units to those known. Lines
// that belong to no benchmark are skipped, as the format demands. A broken line is an error with file and line
// number. So is a value that is not a number: no comparison would find it worse.
func readBench(in benchInput, known benchfmt.UnitMetadataMap) ([]*benchfmt.Result, benchfmt.UnitMetadataMap, error) {
	units := benchfmt.UnitMetadataMap{}
	maps.Copy(units, known)
	br := benchfmt.NewReader(bytes.NewReader(in.data), in.name)
	var out []*benchfmt.Result
	seen := map[string]bool{} // units
	for br.Scan() {
		switch rec := br.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, nil, errors.New(results.OneLine(rec.Error()))
		case *benchfmt.UnitMetadata:
			if have, ok := units[rec.UnitMetadataKey]; ok && have.Value != rec.Value {
				file, line := rec.Pos()
				oldFile, oldLine := have.Pos()
				return nil, nil, fmt.Errorf("%s:%d: unit %s has %s=%s here and %s=%s at %s:%d", file, line, rec.OrigUnit, rec.Key, rec.Value, have.Key, have.Value, oldFile, oldLine)
			}
			units[rec.UnitMetadataKey] = rec
		case *benchfmt.Result:
			if len(rec.Config) > mostSettings {
				file, line := rec.Pos()
				return nil, nil, fmt.Errorf("%s:%d: more than %d settings (key: value) before it: not a file that `go test -bench` printed", file, line, mostSettings)
			}
			if len(out) == mostResults {
				file, line := rec.Pos()
				return nil, nil, fmt.Errorf("%s:%d: more than %d results: give fewer", file, line, mostResults)
			}
			for _, v := range rec.Values {
				if seen[v.Unit] = true; len(seen) > mostUnits {
					file, line := rec.Pos()
					return nil, nil, fmt.Errorf("%s:%d: more than %d units: not a file that `go test -bench` printed", file, line, mostUnits)
				}
				if !unit.Finite(v.Value) {
					file, line := rec.Pos()
					unit := v.Unit
					if v.OrigUnit != "" {
						unit = v.OrigUnit
					}
					return nil, nil, fmt.Errorf("%s:%d: %v %s is not a number", file, line, v.Value, unit)
				}
			}
			out = append(out, rec.Clone())
		}
	}
	if err := br.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, nil, fmt.Errorf("%s:%d: a line of more than %s: not a file in the Go benchmark format", in.name, longLine(in.data), unit.Size(bufio.MaxScanTokenSize))
	} else if err != nil {
		return nil, nil, errors.New(results.OneLine(err.Error()))
	}
	if len(out) == 0 {
		return nil, nil, fmt.Errorf("%s: no benchmark results: want the output of `go test -bench` or the bench.txt of a run", in.name)
	}
	return out, units, nil
}

// longLine returns the number of the first line that is too long for a scanner.
func longLine(data []byte) int {
	for n := 1; ; n++ {
		line, rest, more := bytes.Cut(data, []byte("\n"))
		if len(line) >= bufio.MaxScanTokenSize || !more {
			return n
		}
		data = rest
	}
}

// failedRuns returns a warning for each line that `go test` prints for a failed benchmark: the results after it
// are missing.
func failedRuns(in benchInput) []string {
	var out []string
	for i, line := range strings.Split(string(in.data), "\n") {
		if line == "FAIL" || strings.HasPrefix(line, "FAIL\t") || strings.HasPrefix(line, "--- FAIL: ") || strings.HasPrefix(line, "panic: ") {
			out = append(out, fmt.Sprintf("%s:%d: %s: the run failed, results may be missing", in.name, i+1, results.OneLine(strings.TrimSpace(line))))
		}
	}
	return out
}

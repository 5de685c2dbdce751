package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"dualbank/internal/input"
)

// recordsFormat is the version of records.json. It goes up when an older program would read a newer
// file wrongly.
const recordsFormat = 1

// records is records.json.
type records struct {
	Format int `json:"format"`
	*Report
}

// Names of files in a results folder.
const (
	RecordsName  = "records.json"
	ScenarioName = "scenario.toml"
	BenchName    = "bench.txt"
)

// Files returns the files that hold the records of r, by their names in a results folder: records.json,
// scenario.toml, bench.txt. The same records give the same bytes. Package page has the rest of a folder.
func Files(r *Report) (map[string][]byte, error) {
	if err := Check(r); err != nil {
		return nil, fmt.Errorf("%s: not written: %w", RecordsName, err)
	}
	enc, err := Encode(r)
	if err != nil {
		return nil, fmt.Errorf("%s: not written: %w", RecordsName, err)
	}
	var bench bytes.Buffer
	if err := WriteBench(&bench, r); err != nil {
		return nil, err
	}
	return map[string][]byte{RecordsName: enc, ScenarioName: []byte(r.Scenario), BenchName: bench.Bytes()}, nil
}

// Read reads the records of the results folder dir. The error is one line: the file, the line where
// there is one, and what is wrong there.
func Read(dir string) (*Report, error) {
	name := filepath.Join(dir, RecordsName)
	data, err := input.ReadText(name, input.Records)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such file: a results folder of `dualbank run` has one", name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: give a results folder", name, err)
	}
	r, err := Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// Encode returns the bytes of records.json.
func Encode(r *Report) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(records{recordsFormat, r}); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// Decode reads the bytes of records.json. The error is one line with the line of the file where there is one.
func Decode(data []byte) (*Report, error) {
	if err := input.Values(data, 200_000, 4_000_000); err != nil {
		return nil, fmt.Errorf("%w: not the records of a run", err)
	}
	rec := records{Report: new(Report)}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(&rec)
	if rec.Format > recordsFormat {
		return nil, fmt.Errorf("format %d: written by a newer dualbank; this one reads up to %d", rec.Format, recordsFormat)
	}
	if err != nil {
		return nil, decodeError(data, err)
	}
	if rec.Format < 1 {
		return nil, errors.New("no format: not the records of a run")
	}
	if rest := bytes.TrimSpace(data[dec.InputOffset():]); len(rest) > 0 {
		return nil, fmt.Errorf("line %d: more after the end of the records", lineOf(data, dec.InputOffset()))
	}
	if rec.Report == nil {
		return nil, errors.New("no records")
	}
	if err := Check(rec.Report); err != nil {
		return nil, errors.New(OneLine(err.Error()))
	}
	return rec.Report, nil
}

// decodeError adds the line of data to err, and says what was expected there.
func decodeError(data []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("line %d: ends in the middle", lineOf(data, int64(len(data))))
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: %s", lineOf(data, syntax.Offset), OneLine(syntax.Error()))
	case errors.As(err, &kind):
		return fmt.Errorf("line %d: %s: a %s has no place here", lineOf(data, kind.Offset), OneLine(strings.TrimPrefix(kind.Field, "Report.")), OneLine(kind.Value))
	}
	text := OneLine(strings.TrimPrefix(err.Error(), "json: "))
	if field, ok := strings.CutPrefix(text, "unknown field "); ok {
		if at := bytes.Index(data, []byte(field)); at >= 0 {
			return fmt.Errorf("line %d: %s", lineOf(data, int64(at)), text)
		}
	}
	return errors.New(text)
}

// lineOf returns the line, from 1, of the byte at offset.
func lineOf(data []byte, offset int64) int {
	offset = min(max(offset, 0), int64(len(data)))
	return 1 + bytes.Count(data[:offset], []byte("\n"))
}

// OneLine replaces the line breaks in an error message, which may quote the input.
func OneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, s)
}

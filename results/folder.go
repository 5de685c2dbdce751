package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// recordsFormat is the version of records.json. It goes up when an older program would read a newer
// file wrongly.
const recordsFormat = 1

// maxRecords bounds records.json, in bytes: a file beyond it is not one of ours.
const maxRecords = 1 << 30

// records is records.json.
type records struct {
	Format int `json:"format"`
	*Report
}

// Names in a results folder.
const (
	recordsName  = "records.json"
	scenarioName = "scenario.toml"
	benchName    = "bench.txt"
	pageName     = "report.html"
	plotsName    = "plots"
)

// Write leaves r in the folder dir, which is made if need be: records.json, scenario.toml, bench.txt,
// plots/*.png and *.svg, report.html. Each file appears whole or not at all, and the records come
// first: whatever an interrupted run has not drawn, Redraw draws. The same records give the same
// bytes. The error names the file.
func Write(dir string, r *Report) error {
	if err := Check(r); err != nil {
		return fmt.Errorf("%s: not written: %w", filepath.Join(dir, recordsName), err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	enc, err := encodeRecords(r)
	if err != nil {
		return fmt.Errorf("%s: not written: %w", filepath.Join(dir, recordsName), err)
	}
	if err := replace(dir, recordsName, enc); err != nil {
		return err
	}
	if err := replace(dir, scenarioName, []byte(r.Scenario)); err != nil {
		return err
	}
	var bench bytes.Buffer
	if err := WriteBench(&bench, r); err != nil {
		return err
	}
	if err := replace(dir, benchName, bench.Bytes()); err != nil {
		return err
	}
	pics := pictures(r)
	if err := writePlots(filepath.Join(dir, plotsName), pics); err != nil {
		return err
	}
	html, err := renderPage(r, pics)
	if err != nil {
		return err
	}
	return replace(dir, pageName, html)
}

// Redraw makes everything in the results folder dir again from its records.json.
func Redraw(dir string) error {
	r, err := Read(dir)
	if err != nil {
		return err
	}
	return Write(dir, r)
}

// Read reads the records of the results folder dir. The error is one line: the file, the line where
// there is one, and what is wrong there.
func Read(dir string) (*Report, error) {
	name := filepath.Join(dir, recordsName)
	data, err := ReadFile(name, maxRecords)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such file: a results folder of `dualbank run` has one", name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: give a results folder", name, err)
	}
	r, err := decodeRecords(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// ReadFile reads a file of at most so many bytes. What is larger is refused before it takes memory. The error
// is the cause alone: the caller says of what file, and what to do.
func ReadFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	tooLarge := fmt.Errorf("more than %s", size(float64(most)))
	if st, err := f.Stat(); err == nil && st.Mode().IsRegular() && st.Size() > most {
		return nil, tooLarge
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, cause(err)
	}
	if int64(len(data)) > most {
		return nil, tooLarge
	}
	return data, nil
}

// cause is what a file operation failed for, without the path.
func cause(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

func encodeRecords(r *Report) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(records{recordsFormat, r}); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func decodeRecords(data []byte) (*Report, error) {
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
		return nil, errors.New(oneLine(err.Error()))
	}
	return rec.Report, nil
}

// decodeError says in which line of data err is, and what was wanted there.
func decodeError(data []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("line %d: ends in the middle", lineOf(data, int64(len(data))))
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: %s", lineOf(data, syntax.Offset), oneLine(syntax.Error()))
	case errors.As(err, &kind):
		return fmt.Errorf("line %d: %s: a %s has no place here", lineOf(data, kind.Offset), oneLine(strings.TrimPrefix(kind.Field, "Report.")), oneLine(kind.Value))
	}
	text := oneLine(strings.TrimPrefix(err.Error(), "json: "))
	if field, ok := strings.CutPrefix(text, "unknown field "); ok {
		if at := bytes.Index(data, []byte(field)); at >= 0 {
			return fmt.Errorf("line %d: %s", lineOf(data, int64(at)), text)
		}
	}
	return errors.New(text)
}

// lineOf is the number of the line, from 1, in which the byte at offset lies.
func lineOf(data []byte, offset int64) int {
	offset = min(max(offset, 0), int64(len(data)))
	return 1 + bytes.Count(data[:offset], []byte("\n"))
}

// oneLine keeps an error to one line whatever the input put into it.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, s)
}

// ownPlot are the names that writePlots gives: what a run before left under one of them and this one
// does not draw would be taken for this run's.
var ownPlot = regexp.MustCompile(`^(wear|lifetime|live|latency|timeline|updates|updates-size|(cuts|interrupts|gc)-[a-z0-9-]+)\.(png|svg)$`)

func writePlots(dir string, pics []*picture) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var names []string
	for _, pic := range pics {
		img, err := pic.png()
		if err != nil {
			return err
		}
		for ext, data := range map[string][]byte{".png": img, ".svg": []byte(pic.svg(wideWidth, "pic-"+pic.name, true))} {
			if err := replace(dir, pic.name+ext, data); err != nil {
				return err
			}
			names = append(names, pic.name+ext)
		}
	}
	old, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range old {
		if ownPlot.MatchString(e.Name()) && !slices.Contains(names, e.Name()) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// replace writes a file under a passing name and then puts it in its place, so that there is never
// half a file under the name.
func replace(dir, name string, data []byte) error {
	passing, final := filepath.Join(dir, "."+name+".tmp"), filepath.Join(dir, name)
	err := os.WriteFile(passing, data, 0o666)
	if err == nil {
		err = os.Rename(passing, final)
	}
	if err != nil {
		os.Remove(passing)
		return fmt.Errorf("%s: not written: %w", final, err)
	}
	return nil
}

package fleet

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"dualbank/fuzz"
)

// TestResultMessage: what a worker publishes is what the collector reads, lines included, and a message that lacks a line or
// has one too many is none.
func TestResultMessage(t *testing.T) {
	p := &piece{"c", 1, 4, 6}
	for _, r := range []Result{
		{Worker: "w", Nanos: 7, Lines: [][]byte{[]byte("{\"a\":1}\n"), []byte("\n")}},
		{Worker: "w", Parked: "it fails\nhere"},
	} {
		text := r.message()
		got, err := parseResult(text, p)
		if err != nil || !reflect.DeepEqual(*got, r) {
			t.Errorf("%q is read as %+v, %v", text, got, err)
		}
		for _, bad := range [][]byte{nil, text[:len(text)-1], append(bytes.Clone(text), "x\n"...), append(bytes.Clone(text), 'x'), bytes.Replace(text, []byte("{"), []byte("{\"x\":1,"), 1)} {
			if got, err := parseResult(bad, p); err == nil {
				t.Errorf("%q is read as %+v", bad, got)
			}
		}
	}
}

// FuzzMessage: whatever a server delivers is read or refused. What is read is as long as it may be, and a result has a line for
// each chunk.
func FuzzMessage(f *testing.F) {
	d := &Definition{Program: "p", Profile: "MbedCE", Seed: 1}
	f.Add("dualbank.result.c.1.4.6", []byte("{\"worker\":\"w\",\"nanos\":1}\nx\ny\n"))
	f.Add("dualbank.result.c.1.4.6", []byte("{\"worker\":\"w\",\"parked\":\"x\"}\n"))
	f.Add("dualbank.result.c.1.6.4", []byte("{}\n\n"))
	f.Add("dualbank.result.c.99999999999.0.1", []byte("{\"program\":\"p\",\"does\":\"waits\",\"pieces\":1,\"nanos\":2}"))
	f.Add(d.Name(), []byte(`{"program":"p","profile":"MbedCE","seed":1,"sweeps":null}`))
	d.Sweeps = []fuzz.Divided{{Sweep: 3, Chunks: 300}, {Sweep: 4, Chunks: 32, Round: 16}}
	divided, err := json.Marshal(d)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(d.Name(), divided)
	f.Add("x", []byte(`{"finding":{},"story":"x","lesson":{"key":"k","cause":"unknown/a"}}`))
	f.Fuzz(func(t *testing.T, subject string, text []byte) {
		if p, err := parsePiece(subject, resultSubject); err == nil {
			if back := p.result(); back != subject {
				t.Errorf("%q is read as %q", subject, back)
			}
			if r, err := parseResult(text, p); err == nil && r.Parked == "" {
				if len(r.Lines) != p.Last-p.First || !bytes.HasSuffix(text, bytes.Join(r.Lines, nil)) {
					t.Errorf("%d lines for chunks %d to %d", len(r.Lines), p.First, p.Last-1)
				}
			}
		}
		if w, err := parseWord(text); err == nil && len(w.Does) > mostWord+len("...") {
			t.Errorf("a worker says %d bytes", len(w.Does))
		}
		if d, err := parseDefinition(subject, text); err == nil {
			chunks, explored := 0, 0
			for _, s := range d.Sweeps {
				chunks += s.Chunks
			}
			if chunks > 10_000 {
				return // its list of pieces is long
			}
			for _, p := range d.pieces() {
				explored += p.Last - p.First
			}
			if explored != chunks {
				t.Errorf("pieces of %d chunks in all, of %d", explored, chunks)
			}
		}
		if j, err := parseJudged(text); err == nil && len(j.Story) > mostStory+len("...") {
			t.Errorf("a story of %d bytes", len(j.Story))
		}
		for _, err := range []error{second(parseWord(text)), second(parseDefinition(subject, text)), second(parseJudged(text))} {
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("an error of several lines: %v", err)
			}
		}
	})
}

// second is the error of two results.
func second[T any](_ T, err error) error { return err }

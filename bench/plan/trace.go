package plan

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"dualbank/bench"
	"dualbank/kvstore"
)

// Trace is the recorded sets and removes of a device.
type Trace struct {
	Keys []bench.Key // in the order of their first operation, with the smallest and largest recorded size
	Ops  []TraceOp   // in the order of their times
	Span float64     // seconds from the first operation to the one that would follow the last
}

// TraceOp is one operation of a trace.
type TraceOp struct {
	At     float64 // seconds from the first operation
	Key    int     // index into the trace's keys
	Bytes  uint32  // of the value
	Remove bool
}

// maxTrace bounds the operations of a trace, and the lines beside its first one, with comments.
const maxTrace = 4_000_000

// maxTraceLine bounds a line of a trace, in bytes.
const maxTraceLine = 64 << 10

// ParseTrace reads a trace as CSV (RFC 4180). The first line names the columns, in any order: seconds (from any start
// on, never decreasing), key, bytes, and optionally op, which is set or remove. Other columns are ignored; lines that
// begin with # are comments. The error is one line with name and line number.
func ParseTrace(name string, text []byte) (*Trace, error) {
	if i := bytes.IndexByte(text, 0); i >= 0 {
		return nil, fmt.Errorf("%s:%d: a zero byte: give a CSV file with the columns seconds,key,bytes", name, 1+bytes.Count(text[:i], []byte("\n")))
	}
	lines := 0
	for rest := text; len(rest) > 0; lines++ {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		if len(line) > maxTraceLine {
			return nil, fmt.Errorf("%s:%d: a line of %d bytes: give a CSV file with the columns seconds,key,bytes", name, lines+1, len(line))
		}
		rest = after
		if lines > maxTrace {
			return nil, fmt.Errorf("%s:%d: more than %d operations: give a shorter trace", name, lines+1, maxTrace)
		}
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.Comment, r.TrimLeadingSpace, r.ReuseRecord, r.FieldsPerRecord = '#', true, true, -1
	head, err := r.Read()
	if err != nil {
		return nil, traceError(name, r, err)
	}
	column := map[string]int{}
	for i, h := range head {
		h = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))
		if _, twice := column[h]; !twice {
			column[h] = i
		}
	}
	for _, want := range []string{"seconds", "key", "bytes"} {
		if _, ok := column[want]; !ok {
			line, _ := r.FieldPos(0)
			return nil, fmt.Errorf("%s:%d: no column %q: begin with a line that names the columns, as in seconds,key,bytes", name, line, want)
		}
	}
	t, index := &Trace{Ops: make([]TraceOp, 0, lines)}, map[string]int{}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, traceError(name, r, err)
		}
		line, _ := r.FieldPos(0)
		if err := t.add(fields, column, index); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
	}
	if len(t.Ops) < 2 {
		return nil, fmt.Errorf("%s: %d operations: give a trace of some garbage collections' length, or at least of a day", name, len(t.Ops))
	}
	if !slices.ContainsFunc(t.Ops, func(op TraceOp) bool { return !op.Remove }) {
		return nil, fmt.Errorf("%s: only removes: give a trace with sets", name)
	}
	first, last := t.Ops[0].At, t.Ops[len(t.Ops)-1].At
	if last == first {
		return nil, fmt.Errorf("%s: all operations are at %v seconds: give their times", name, first)
	}
	for i := range t.Ops {
		t.Ops[i].At -= first
	}
	t.Span = (last - first) * float64(len(t.Ops)) / float64(len(t.Ops)-1)
	return t, nil
}

// add appends the operation of one line.
func (t *Trace) add(fields []string, column, index map[string]int) error {
	cell := func(name string) string {
		if i, ok := column[name]; ok && i < len(fields) {
			return strings.TrimSpace(fields[i])
		}
		return ""
	}
	if len(t.Ops) >= maxTrace {
		return fmt.Errorf("more than %d operations: give a shorter trace", maxTrace)
	}
	op := TraceOp{}
	at, err := strconv.ParseFloat(cell("seconds"), 64)
	if err != nil || math.IsNaN(at) || math.Abs(at) > 1e12 {
		return fmt.Errorf("seconds %q: give a number", cell("seconds"))
	}
	if n := len(t.Ops); n > 0 && at < t.Ops[n-1].At {
		return fmt.Errorf("%v seconds, after %v: sort the trace by time", at, t.Ops[n-1].At)
	}
	op.At = at
	switch what := cell("op"); what {
	case "", "set":
	case "remove":
		op.Remove = true
	default:
		return fmt.Errorf("op %q: give set or remove", what)
	}
	size := uint64(0)
	if text := cell("bytes"); !op.Remove || text != "" {
		if size, err = strconv.ParseUint(text, 10, 32); err != nil || size > 1<<20 {
			return fmt.Errorf("bytes %q: give 0 to %d", text, 1<<20)
		}
	}
	op.Bytes = uint32(size)
	name := strings.TrimPrefix(cell("key"), "/kv/")
	if name == "" || len(name) >= kvstore.MaxKey || strings.ContainsAny(name, bench.ForbiddenInKeys) {
		return fmt.Errorf("key %q: give 1 to %d characters without any of ` */?:;\"|<>\\`", cell("key"), kvstore.MaxKey-1)
	}
	i, ok := index[name]
	if !ok {
		if len(t.Keys) >= bench.MaxKeys {
			return fmt.Errorf("more than %d keys", bench.MaxKeys)
		}
		i = len(t.Keys)
		index[name] = i
		t.Keys = append(t.Keys, bench.Key{Name: name, Bytes: [2]uint32{math.MaxUint32, 0}, Weight: 1})
	}
	op.Key = i
	if k := &t.Keys[i]; !op.Remove {
		k.Bytes[0], k.Bytes[1] = min(k.Bytes[0], op.Bytes), max(k.Bytes[1], op.Bytes)
	} else if k.Bytes[0] == math.MaxUint32 && k.Bytes[1] == 0 {
		k.Bytes[0] = 0 // removed before its first set: the size is not known
	}
	t.Ops = append(t.Ops, op)
	return nil
}

// traceError returns an error of the CSV reader as one line.
func traceError(name string, r *csv.Reader, err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: there is nothing in it: give a CSV file with the columns seconds,key,bytes", name)
	}
	if p, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("%s:%d: %w", name, p.Line, p.Err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

package plan

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/bench"
	"dualbank/kvstore"
)

func TestParseTrace(t *testing.T) {
	got, err := ParseTrace("t.csv", []byte("\ufeffkey, seconds ,bytes,op,note\n# recorded on a bench\n/kv/a,100,10,,\nb,100.5,20,set,\"a, b\"\na,160,30,set\nb,190,,remove,\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Trace{
		Keys: []bench.Key{{Name: "a", Bytes: [2]uint32{10, 30}, Weight: 1}, {Name: "b", Bytes: [2]uint32{20, 20}, Weight: 1}},
		Ops:  []TraceOp{{0, 0, 10, false}, {0.5, 1, 20, false}, {60, 0, 30, false}, {90, 1, 0, true}},
		Span: 120, // four operations in 90 s, and as long again until the first one comes again
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestParseTraceErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                                 "t.csv: there is nothing in it: give a CSV file",
		"\n\n":                                             "t.csv: there is nothing in it",
		"time,key,bytes\n1,a,2\n":                          `t.csv:1: no column "seconds": begin with a line that names the columns`,
		"seconds,key,bytes\n":                              "t.csv: 0 operations",
		"seconds,key,bytes\n1,a,2\n":                       "t.csv: 1 operations",
		"seconds,key,bytes\n1,a,2\n1,a,2\n":                "t.csv: all operations are at 1 seconds",
		"seconds,key,bytes\n1,a,2\nx,a,2\n":                `t.csv:3: seconds "x": give a number`,
		"seconds,key,bytes\n1,a,2\nNaN,a,2\n":              `t.csv:3: seconds "NaN": give a number`,
		"seconds,key,bytes\n1,a,2\n1e13,a,2\n":             `t.csv:3: seconds "1e13": give a number`,
		"seconds,key,bytes\n\n9,a,2\n8,a,2\n":              "t.csv:4: 8 seconds, after 9: sort the trace by time",
		"seconds,key,bytes\n1,a,2\n2,a\n":                  `t.csv:3: bytes "": give 0 to 1048576`,
		"seconds,key,bytes\n1,a,2\n2,a,-1\n":               `t.csv:3: bytes "-1"`,
		"seconds,key,bytes\n1,a,2\n2,a,9999999\n":          `t.csv:3: bytes "9999999"`,
		"seconds,key,bytes\n1,a,2\n2,a b,3\n":              `t.csv:3: key "a b": give 1 to 127 characters`,
		"seconds,key,bytes\n1,a,2\n2,,3\n":                 `t.csv:3: key ""`,
		"seconds,key,bytes,op\n1,a,2,get\n":                `t.csv:2: op "get": give set or remove`,
		"seconds,key,bytes\n1,\"a,2\n":                     "t.csv:", // a quote that is not closed
		"seconds,key,bytes,op\n1,a,,remove\n2,a,,remove\n": "t.csv: only removes: give a trace with sets",
	} {
		_, err := ParseTrace("t.csv", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q:\n got  %v\n want %s", text, err, want)
		}
	}
}

// sink is a store that takes everything.
type sink struct{ kvstore.Store }

func (sink) Set(key string, value []byte, flags kvstore.Flags) error { return nil }

func (sink) Remove(key string) error { return nil }

// A trace is gone through again and again; removes of keys that are not there pass.
func TestTraceGoesRound(t *testing.T) {
	trace, err := ParseTrace("t.csv", []byte("seconds,key,bytes,op\n0,a,1,set\n1,b,2,set\n2,b,,remove\n3,b,,remove\n"))
	if err != nil {
		t.Fatal(err)
	}
	tr := newTraffic(&demand{w: &bench.Workload{Keys: trace.Keys}, perDay: 1, trace: trace}, 1)
	var got []int
	for range 6 {
		key, size, remove := tr.next()
		if err := tr.do(sink{}, key, size, remove); err != nil {
			t.Fatal(err)
		}
		if remove {
			size = 99
		}
		got = append(got, 100*key+int(size))
	}
	if d := cmp.Diff([]int{1, 102, 199, 1, 102, 199}, got); d != "" || tr.passed != 7 {
		t.Errorf("%d passed: %s", tr.passed, d)
	}
}

// FuzzTrace: whatever the text, a trace that can be played or one line of error.
func FuzzTrace(f *testing.F) {
	for _, s := range []string{
		"seconds,key,bytes\n0,a,1\n1,b,2\n", "key,op,seconds,bytes\na,remove,0,\nb,set,2,3\n", "\"seconds\",\"key\",\"bytes\"\n1e3,\"x\"\"y\",5\n2e3,x,5\n",
		"seconds,key,bytes\r\n1,a,2\r\n", "seconds,key,bytes\n-1e12,a,2\n1e12,a,2\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		trace, err := ParseTrace("t.csv", text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("not one line: %q", err)
			}
			return
		}
		if !(trace.Span > 0) || math.IsInf(trace.Span, 0) {
			t.Errorf("span %v", trace.Span)
		}
		w := &bench.Workload{SetsPerHour: 1, Hours: 1, Keys: trace.Keys}
		s := bench.Guide()
		s.Workload = *w
		if _, err := bench.Parse("s.toml", []byte(s.TOML())); err != nil {
			t.Errorf("no workload: %v", err)
		}
		tr := newTraffic(&demand{w: w, perDay: 1, trace: trace}, 1)
		for range 100 {
			key, size, remove := tr.next()
			if k := trace.Keys[key]; !remove && (size < k.Bytes[0] || size > k.Bytes[1]) {
				t.Fatalf("%d bytes of key %+v", size, k)
			}
			if err := tr.do(sink{}, key, size, remove); err != nil {
				t.Fatal(err)
			}
		}
	})
}

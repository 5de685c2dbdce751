package export

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/joshdk/go-junit"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"dualbank/results"
	"dualbank/results/internal/sample"
)

// evil is put into every string of a report: what XML, JSON and terminals must not let through.
const evil = "</failure><x a=\"1\">&amp;]]>\x00\x1b[31m\u202e\xff $end #1 \n|`"

// hostile is a report with evil in every string that its checks allow.
func hostile() *results.Report {
	r := sample.Report()
	clean := sample.Report()
	plant(reflect.ValueOf(r).Elem())
	r.Config, r.Bench = clean.Config, clean.Bench
	for i := range r.Findings {
		r.Findings[i].Severity = "high"
		r.Findings[i].Film = nil
	}
	return r
}

func plant(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(evil)
	case reflect.Struct:
		for i := range v.NumField() {
			plant(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			plant(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			plant(v.Elem())
		}
	}
}

func written(t *testing.T, write func(io.Writer, *results.Report) error, r *results.Report) []byte {
	t.Helper()
	var a, b bytes.Buffer
	if err := write(&a, r); err != nil {
		t.Fatal(err)
	}
	if err := write(&b, r); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Fatalf("another time it has other bytes (%v)", err)
	}
	return a.Bytes()
}

// TestTrace reads the trace as the format's description has it: no unknown field, processes and threads that are named,
// events inside the recording, none overlapping another of its thread.
func TestTrace(t *testing.T) {
	for name, r := range map[string]*results.Report{"sample": sample.Report(), "crowded": sample.Crowded(), "hostile": hostile(), "empty": {}} {
		var trace struct {
			Unit   string `json:"displayTimeUnit"`
			Events []struct {
				Name  string         `json:"name"`
				Cat   string         `json:"cat"`
				Phase string         `json:"ph"`
				Time  *float64       `json:"ts"`
				Dur   *float64       `json:"dur"`
				PID   int            `json:"pid"`
				TID   int            `json:"tid"`
				Args  map[string]any `json:"args"`
			} `json:"traceEvents"`
		}
		dec := json.NewDecoder(bytes.NewReader(written(t, Trace, r)))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&trace); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if trace.Unit != "ms" || trace.Events == nil {
			t.Errorf("%s: unit %q, events %v", name, trace.Unit, trace.Events)
		}
		named, spans := map[string]bool{}, 0
		for _, e := range trace.Events {
			at := fmt.Sprintf("%d/%d", e.PID, e.TID)
			switch e.Phase {
			case "M":
				named[e.Name+at] = e.Args["name"] != ""
			case "X":
				spans++
				if e.Time == nil || *e.Time < 0 || e.Dur == nil || *e.Dur < 0 || e.Name == "" {
					t.Errorf("%s: %+v", name, e)
				}
				if !named["thread_name"+at] || !named[fmt.Sprintf("process_name%d/0", e.PID)] {
					t.Errorf("%s: the thread of %+v has no name", name, e)
				}
			default:
				t.Errorf("%s: phase %q", name, e.Phase)
			}
		}
		want := 0
		for _, rec := range recordings(r) {
			for _, tr := range rec.tracks {
				want += len(tr.Spans)
			}
			for _, q := range rec.waits {
				want += len(q.Delays)
			}
		}
		if spans != want || name == "sample" && want == 0 {
			t.Errorf("%s: %d spans, want %d", name, spans, want)
		}
	}
}

// TestVCD reads the dump, and adds up how long each wire is high: as long as its track says.
func TestVCD(t *testing.T) {
	for name, r := range map[string]*results.Report{"sample": sample.Report(), "crowded": sample.Crowded(), "hostile": hostile(), "empty": {}} {
		text := written(t, VCD, r)
		wires, defined := []string{}, false
		high, since, value := map[string]uint64{}, map[string]uint64{}, map[string]string{}
		now, dumped := uint64(0), false
		in := bufio.NewScanner(bytes.NewReader(text))
		for in.Scan() {
			f := strings.Fields(in.Text())
			switch {
			case len(f) == 0:
				t.Fatalf("%s: an empty line", name)
			case !defined && f[0] == "$var":
				if len(f) != 6 || f[1] != "wire" || f[2] != "1" || f[5] != "$end" {
					t.Fatalf("%s: %q", name, in.Text())
				}
				wires = append(wires, f[3])
			case f[0] == "$enddefinitions":
				defined = true
			case !defined || f[0] == "$end":
			case f[0] == "$dumpvars":
				dumped = true
			case f[0][0] == '#':
				at, err := strconv.ParseUint(f[0][1:], 10, 64)
				if err != nil || at < now || at == now && at > 0 {
					t.Fatalf("%s: time %q after %d", name, f[0], now)
				}
				now = at
			default:
				v, w := f[0][:1], f[0][1:]
				if !dumped || v != "0" && v != "1" || value[w] == v {
					t.Fatalf("%s: change %q at %d, it was %q", name, f[0], now, value[w])
				}
				if value[w] == "1" {
					high[w] += now - since[w]
				}
				value[w], since[w] = v, now
			}
		}
		i := 0
		for _, rec := range recordings(r) {
			for _, tr := range rec.tracks {
				var want uint64
				for _, c := range edges(tr, 0) {
					if c.value == '1' {
						want -= c.at
					} else {
						want += c.at
					}
				}
				if got := high[wires[i]]; got != want || value[wires[i]] != "0" {
					t.Errorf("%s: %s of %s is high for %d ns, want %d, and ends at %q", name, tr.Name, rec.name, got, want, value[wires[i]])
				}
				i++
			}
		}
		if i != len(wires) {
			t.Errorf("%s: %d wires, want %d", name, len(wires), i)
		}
	}
	// Intervals that touch are one; an instant shows.
	got := edges(results.Track{Spans: []results.Span{{Start: 1e-9, End: 2e-9}, {Start: 2e-9, End: 3e-9}, {Start: 5e-9, End: 5e-9}}}, 7)
	if want := []change{{1, 7, '1'}, {3, 7, '0'}, {5, 7, '1'}, {6, 7, '0'}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestJUnit(t *testing.T) {
	for name, r := range map[string]*results.Report{"sample": sample.Report(), "hostile": hostile(), "empty": {}, "clean": {Cuts: []results.CutMap{{Subject: "update", Name: "an update", Rows: []results.CutRow{{Runs: []results.CutRun{{Last: 9}}}}}}}} {
		all, err := junit.Ingest(written(t, JUnit, r))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		failed, passed := 0, 0
		for _, s := range all {
			if s.Totals.Error != 0 || s.Totals.Skipped != 0 {
				t.Errorf("%s: %+v", name, s.Totals)
			}
			failed += s.Totals.Failed
			passed += s.Totals.Passed
			for _, c := range s.Tests {
				if c.Name == "" || c.Classname == "" && name == "clean" || c.Status == junit.StatusFailed && c.Error == nil {
					t.Errorf("%s: %+v", name, c)
				}
			}
		}
		if failed != len(r.Findings) || name == "clean" && passed != 1 {
			t.Errorf("%s: %d failed, %d passed, %d findings", name, failed, passed, len(r.Findings))
		}
	}
}

// TestSARIF validates against the schema of SARIF 2.1.0.
func TestSARIF(t *testing.T) {
	for name, r := range map[string]*results.Report{"sample": sample.Report(), "hostile": hostile(), "empty": {}} {
		text := written(t, SARIF, r)
		log, err := sarif.FromBytes(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := log.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		run := log.Runs[0]
		if len(run.Results) != len(r.Findings) {
			t.Errorf("%s: %d results for %d findings", name, len(run.Results), len(r.Findings))
		}
		for i, res := range run.Results {
			if *run.Tool.Driver.Rules[res.RuleIndex].ID != *res.RuleID {
				t.Errorf("%s: result %d has the index of another rule", name, i)
			}
		}
	}
}

// TestCauses: a cause is told once, with its findings; a finding of none is told by itself.
func TestCauses(t *testing.T) {
	r := sample.Report()
	grave := &r.Findings[0]
	r.Causes = []results.Cause{{
		Name: "log-end", Known: true, Severity: "high", What: "What is behind the log is not erased.", Cure: "Erase it.", Count: 3185,
		Consequences: []results.Consequence{{Text: "a value is lost", Severity: "high", Count: 1}}, Findings: []string{grave.ID, r.Findings[1].ID},
	}}
	if err := results.Check(r); err != nil {
		t.Fatal(err)
	}
	log, err := sarif.FromBytes(written(t, SARIF, r))
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Validate(); err != nil {
		t.Error(err)
	}
	var rules []string
	for _, res := range log.Runs[0].Results {
		rules = append(rules, *res.RuleID)
	}
	if got := strings.Join(rules, " "); len(rules) != len(r.Findings)-1 || rules[0] != "cause/log-end" || strings.Count(got, "cause/") != 1 {
		t.Errorf("results %s", got)
	}
	if text := *log.Runs[0].Results[0].Message.Text; !strings.Contains(text, "What is behind the log is not erased. Leads to: a value is lost (1 cut). Cure: Erase it. The gravest of 2 findings: "+grave.Title) {
		t.Errorf("the cause: %s", text)
	}
	all, err := junit.Ingest(written(t, JUnit, r))
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, s := range all {
		failed += s.Totals.Failed
	}
	first := all[0].Tests[0]
	if failed != len(r.Findings)-1 || first.Name != "log-end: What is behind the log is not erased." || !strings.Contains(first.Error.Error(), r.Findings[1].Command) {
		t.Errorf("%d failed, the first %q: %v", failed, first.Name, first.Error)
	}
}

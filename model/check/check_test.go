package check

import (
	"math"
	"strings"
	"testing"
)

// TestChecks is the table of everything that is known against the model: all within 15 % of a measurement, or on
// the right side of one that is a bound.
func TestChecks(t *testing.T) {
	rows, err := All()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 40 {
		t.Errorf("%d rows", len(rows))
	}
	for _, c := range rows {
		if !c.OK() {
			t.Errorf("%s on %s: model %v %s, known %v to %v (%s): off by %.1f %%", c.Name, c.Part, c.Model, c.Unit, c.Low, c.High, c.From, 100*c.Deviation())
		}
		if bound := math.IsInf(c.Low, -1) || math.IsInf(c.High, 1); (c.Note != "") != bound {
			t.Errorf("%s: note %q", c.Name, c.Note)
		}
		if c.From == "" || c.Mark == "" {
			t.Errorf("%s: no source", c.Name)
		}
	}
	var b strings.Builder
	if err := Describe(&b, rows); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"at least 189", "at most 37", "973 to 1056", "program of 128 KiB by flash words, x32", "BRIO4 on an F411"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in the table:\n%s", want, b.String())
		}
	}
}

// TestDeviation: outside a range, above and below a bound, and on the right side of either.
func TestDeviation(t *testing.T) {
	for _, tt := range []struct{ model, low, high, want float64 }{
		{10, 10, 10, 0},
		{12, 10, 11, 12./11 - 1},
		{9, 10, 11, -0.1},
		{1, 0, 0, 1},
		{9, math.Inf(-1), 10, 0},
		{15, math.Inf(-1), 10, 0.5},
		{15, 10, math.Inf(1), 0},
		{5, 10, math.Inf(1), -0.5},
	} {
		r := Row{Model: tt.model, Low: tt.low, High: tt.high}
		if got := r.Deviation(); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%v between %v and %v: %v, want %v", tt.model, tt.low, tt.high, got, tt.want)
		}
	}
}

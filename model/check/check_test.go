package check

import (
	"slices"
	"strings"
	"testing"
)

// TestChecks is the table of everything that is known against the model. What is off by more than 15 %
// from a measurement is named here, and in the list of limits; it is not tuned away.
func TestChecks(t *testing.T) {
	off := []string{"erase of 16 KiB, x32", "page erase through a debugger"}
	rows, err := All()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 40 {
		t.Errorf("%d rows", len(rows))
	}
	for _, c := range rows {
		known := slices.Contains(off, c.Name)
		if c.OK() == known {
			t.Errorf("%s on %s: model %v %s, known %v to %v (%s): off by %.1f %%", c.Name, c.Part, c.Model, c.Unit, c.Low, c.High, c.From, 100*c.Deviation())
		}
		if (c.Note != "") != known {
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
	for _, want := range []string{"+32.3 % (!)", "973 to 1056", "program of 128 KiB by flash words, x32", "BRIO4 on an F411"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in the table:\n%s", want, b.String())
		}
	}
}

package explore

import (
	"bytes"
	"slices"
	"testing"

	"dualbank/model"
)

// TestDoFarAhead: a stretch of steps that begins at the erase of a large sector and ends far behind it is done whole. The
// bytes of one such step, times the steps of the stretch, do not fit 32 bits.
func TestDoFarAhead(t *testing.T) {
	d := Device{Part: "stm32f429zi", Unit: 1, Base: 0x08120000, Size: 128 << 10}
	f, err := d.Flash()
	if err != nil {
		t.Fatal(err)
	}
	r := Record(f)
	want := bytes.Repeat([]byte{0x5A}, 40_000)
	if err := f.Erase(d.Base, d.Size); err != nil {
		t.Fatal(err)
	}
	if err := f.Program(d.Base, want); err != nil {
		t.Fatal(err)
	}
	for _, last := range []uint64{1 << 15, 1<<15 + 1, r.Steps} {
		again, err := d.Flash()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Do(again, 0, last); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, last-1) // the first step is the erase
		again.Peek(d.Base, got)
		if again.Steps() != last || !bytes.Equal(got, want[:last-1]) {
			t.Errorf("up to step %d: %d steps done", last, again.Steps())
		}
	}
}

func TestSampling(t *testing.T) {
	r := &Recording{Steps: 1010}
	r.Calls = []Call{{First: 0, Size: 1000, step: 1, Kind: model.Program}, {First: 1000, Size: 5120, step: 512, Kind: model.Erase}}
	all, what := r.Pick(0, 1)
	if len(all) != 1010 || what != "every step" {
		t.Errorf("%d steps, %s", len(all), what)
	}
	some, what := r.Pick(100, 1)
	if len(some) < 90 || len(some) > 130 || what == "every step" || !slices.IsSorted(some) {
		t.Errorf("%d steps, %s", len(some), what)
	}
	for _, s := range []uint64{0, 3, 996, 999, 1000, 1009} {
		if !slices.Contains(some, s) {
			t.Errorf("step %d is left out", s)
		}
	}
}

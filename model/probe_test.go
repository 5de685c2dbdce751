package model

import (
	"bytes"
	"errors"
	"testing"

	"dualbank/model/part"
)

// TestFillErased: what a probe has filled reads as erased, and must be erased before it is programmed where
// the part has ECC.
func TestFillErased(t *testing.T) {
	for _, tt := range []struct {
		part string
		unit uint32
		want error
	}{{"stm32l496zg", 8, ErrProgram}, {"stm32f429zi", 1, nil}} {
		p, err := part.ByName(tt.part)
		if err != nil {
			t.Fatal(err)
		}
		f, err := New(Config{Part: p, Unit: tt.unit})
		if err != nil {
			t.Fatal(err)
		}
		addr := f.Start()
		size := f.SectorSize(addr)
		if !f.FillErased(addr, size) {
			t.Fatalf("%s: not filled", tt.part)
		}
		got := make([]byte, 64)
		if err := f.Read(addr, got); err != nil || bytes.Count(got, []byte{0xFF}) != len(got) {
			t.Errorf("%s: reads % x, %v", tt.part, got[:8], err)
		}
		if err := f.Program(addr, []byte("datadata")); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("%s: program before the erase: %v, want %v", tt.part, err, tt.want)
		}
		if err := f.Erase(addr, size); err != nil {
			t.Fatal(err)
		}
		if err := f.Program(addr, []byte("datadata")); err != nil {
			t.Errorf("%s: program after the erase: %v", tt.part, err)
		}
		if f.FillErased(addr, size) || f.FillErased(f.Start()+f.Size(), 8) {
			t.Errorf("%s: filled what is not erased, or not there", tt.part)
		}
	}
}

package model

import (
	"bytes"
	"errors"
	"testing"

	"dualbank/model/part"
)

// TestFlashIAPTries: FlashIAP tries a refused step again, the driver of a serial NOR flash does not.
func TestFlashIAPTries(t *testing.T) {
	p, err := part.ByName("stm32f429zi")
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(Config{Part: p, Unit: 1})
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Region(0x0810_0000, 128<<10)
	if err != nil {
		t.Fatal(err)
	}
	data, got := bytes.Repeat([]byte{0xA5}, 100), make([]byte, 100)
	across := uint32(16<<10 - 50) // the range lies in two sectors
	for _, c := range []struct {
		name  string
		tries int
		step  uint64
		do    func() error
		want  error
		steps uint64 // with those that are done again
	}{
		{"program", FlashIAPTries, 70, func() error { return r.Program(across, data) }, nil, 71 + 50},
		{"program, one try", 1, 70, func() error { return r.Program(across, data) }, ErrInjected, 71},
		{"erase", FlashIAPTries, 1, func() error { return r.Erase(0, 48<<10) }, nil, 2 + 2},
		{"erase, one try", 1, 1, func() error { return r.Erase(0, 48<<10) }, ErrInjected, 2},
		{"power cut", FlashIAPTries, 3, func() error { return r.Program(across, data) }, ErrPowerCut, 3},
	} {
		f.Boot()
		if err := f.Erase(0x0810_0000, 64<<10); err != nil {
			t.Fatal(err)
		}
		f.Poke(0x0810_0000+32<<10, []byte{0})
		r.SetTries(c.tries)
		mode := Fail
		if c.want == ErrPowerCut {
			mode = Before
		}
		f.Arm(Cut{Step: c.step, Mode: mode})
		before := f.Steps()
		if err := c.do(); err != c.want || f.Steps()-before != c.steps {
			t.Errorf("%s: %v after %d steps, want %v after %d", c.name, err, f.Steps()-before, c.want, c.steps)
		}
		if c.want != nil {
			continue
		}
		if r.Read(across, got); c.name == "program" && !bytes.Equal(got, data) {
			t.Errorf("%s: the flash holds %x", c.name, got)
		}
		if r.Read(32<<10, got[:1]); c.name == "erase" && got[0] != 0xFF {
			t.Errorf("%s: the last sector is not erased", c.name)
		}
	}
	// Cells that refuse for good are tried as often, and refuse.
	l4, err := part.ByName("stm32l496zg")
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(Config{Part: l4})
	if err != nil {
		t.Fatal(err)
	}
	if r, err = g.Region(0x0808_0000, 4<<10); err != nil {
		t.Fatal(err)
	}
	if err := r.Program(0, data[:8]); err != nil {
		t.Fatal(err)
	}
	if err := r.Program(0, data[1:9]); err != ErrProgram || g.Counters().Refused != FlashIAPTries {
		t.Errorf("a unit that is not erased: %v after %d tries", err, g.Counters().Refused)
	}
}

// TestECCError: what a read of a unit does that the ECC cannot correct.
func TestECCError(t *testing.T) {
	p, err := part.ByName("stm32l496zg")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		onECC string
		want  error
		halts bool
	}{
		{"", ErrFault, true},
		{part.ECCFault, ErrFault, true},
		{part.ECCFlag, nil, false},
		{part.ECCStatus, ErrECC, false},
	} {
		f, err := New(Config{Part: p, OnECC: c.onECC})
		if err != nil {
			t.Fatal(err)
		}
		f.Arm(Cut{Step: 0, Mode: ECC})
		if err := f.Program(0x0808_0000, make([]byte, 8)); err != ErrPowerCut || f.Faulted() {
			t.Fatalf("%q: %v", c.onECC, err)
		}
		for range 2 { // every boot ends at the same read
			f.Boot()
			buf := make([]byte, 8)
			if err := f.Read(0x0808_0000, buf); err != c.want || f.Faulted() != c.halts || f.Off() {
				t.Errorf("%q: read %v, faulted %v, off %v", c.onECC, err, f.Faulted(), f.Off())
			}
			want := error(nil)
			if c.halts {
				want = ErrFault
			}
			if err := f.Read(0x0808_0100, buf); err != want || c.halts && !errors.Is(err, ErrECC) {
				t.Errorf("%q: the next read: %v, want %v", c.onECC, err, want)
			}
		}
	}
	if _, err := New(Config{Part: p, OnECC: "panic"}); err == nil {
		t.Error("OnECC \"panic\" is accepted")
	}
}

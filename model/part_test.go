package model

import (
	"bytes"
	"errors"
	"testing"

	"dualbank/model/part"
)

// partFlash is a part with the driver that makes the widest accesses.
func partFlash(t *testing.T, name string) *Flash {
	t.Helper()
	p, err := part.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := part.DriverByName("word")
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(Config{Part: p, Driver: d})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestGap: nothing lies between two banks; the second is where it says.
func TestGap(t *testing.T) {
	f := partFlash(t, "r7fa6m4af")
	if f.Size() != 0x20_0000+512<<10 || f.Part().Size() != 1<<20 || f.SectorSize(0x10_0000) != 0xFFFF_FFFF || f.SectorSize(0x20_0000) != 8192 {
		t.Fatalf("%d bytes, sectors %d and %d", f.Size(), f.SectorSize(0x10_0000), f.SectorSize(0x20_0000))
	}
	p := make([]byte, 128)
	for _, err := range []error{
		f.Read(0x8_0000-1, make([]byte, 2)), f.Program(0x10_0000, p), f.Erase(0x7_8000, 0x18_8000+8192), f.Erase(0x10_0000, 8192),
	} {
		if !errors.Is(err, ErrRange) {
			t.Errorf("between the banks: %v", err)
		}
	}
	if f.Peek(0x10_0000, p) || f.Poke(0x1F_FFFF, p) || f.Flip(0x10_0000, 1) {
		t.Error("there are cells between the banks")
	}
	if _, err := f.Region(0x7_8000, 0x18_8000+8192); err == nil {
		t.Error("a region over the gap was accepted")
	}
	for _, addr := range []uint32{0x8_0000 - 128, 0x20_0000} {
		if err := f.Program(addr, p); err != nil {
			t.Errorf("0x%X: %v", addr, err)
		}
	}
	if err := f.EraseBank(1); err == nil {
		t.Error("a bank erase without a time was accepted")
	}
	if err := f.Erase(0x20_0000, 8192); err != nil || f.Counters().Busy[1] == 0 {
		t.Errorf("the second bank: %v", err)
	}
}

// TestErasedValue: a part whose cells erase to 0 reads so, takes data as it is, and leaves something between
// when its power goes.
func TestErasedValue(t *testing.T) {
	f := partFlash(t, "cy8c624abzi")
	at := f.Start()
	got, row := make([]byte, 512), bytes.Repeat([]byte{0x5A}, 512)
	if err := f.Read(at, got); err != nil || !bytes.Equal(got, make([]byte, 512)) {
		t.Errorf("erased cells read % x, %v", got[:8], err)
	}
	if err := f.Program(at, row); err != nil {
		t.Fatal(err)
	}
	if err := f.Read(at, got); err != nil || !bytes.Equal(got, row) {
		t.Errorf("read % x, %v", got[:8], err)
	}
	f.Arm(Cut{Mode: Torn, Seed: 1})
	if err := f.Erase(at, 512); !errors.Is(err, ErrPowerCut) {
		t.Fatal(err)
	}
	f.Boot()
	f.Peek(at, got)
	for i, b := range got {
		if b&^0x5A != 0 {
			t.Fatalf("byte %d: %02x has bits that were neither programmed nor erased", i, b)
		}
	}
}

// TestRowWrites: beyond 181 programs of a block of 512 bytes an nRF52832 may lose bits that were not written.
func TestRowWrites(t *testing.T) {
	f := partFlash(t, "nrf52832")
	got := make([]byte, 512)
	for i := range uint32(256) {
		if err := f.Program(4*(i%128), []byte{0xFE, 0xFF, 0xFF, 0xFF}); err != nil {
			t.Fatal(err)
		}
		f.Peek(0, got)
		lost := 0
		for j, b := range got {
			if b != 0xFF && (j%4 != 0 || b != 0xFE) {
				lost++
			}
		}
		if (lost > 0) != (i >= 182) && i != 181 {
			t.Fatalf("%d bytes have lost bits after %d programs", lost, i+1)
		}
	}
}

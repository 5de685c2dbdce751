package model

import (
	"testing"

	"dualbank/model/part"
)

// TestCPU: each kind of work costs what the core's file says, here without a wait for code.
func TestCPU(t *testing.T) {
	p, err := part.ByName("stm32f429zi")
	if err != nil {
		t.Fatal(err)
	}
	core, err := part.CoreByName("cortex-m4")
	if err != nil {
		t.Fatal(err)
	}
	f, err := New(Config{Part: p, Core: core, Code: CodeInRAM})
	if err != nil {
		t.Fatal(err)
	}
	cpu := f.CPU()
	for _, c := range []struct {
		name string
		work func()
		want uint64
	}{
		{"4000 bytes copied", func() { cpu.Copy(4000) }, 3000},
		{"4000 bytes of CRC-32", func() { cpu.CRC32(4000) }, 110_000},
		{"4000 bytes of SHA-256", func() { cpu.SHA256(4000) }, 236_000},
		{"4000 bytes of AES", func() { cpu.AES(4000) }, 320_000},
		{"a key", cpu.AESKey, 1200},
		{"a call", cpu.Call, 400},
	} {
		before := f.Now()
		c.work()
		if got := f.Now() - before; got != c.want {
			t.Errorf("%s: %d cycles, want %d", c.name, got, c.want)
		}
	}
	free, err := New(Config{Part: p})
	if err != nil {
		t.Fatal(err)
	}
	if free.CPU().Copy(4000); free.Now() != 0 {
		t.Errorf("without a core copying takes %d cycles", free.Now())
	}
}

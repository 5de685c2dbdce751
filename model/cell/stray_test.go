package cell_test

import (
	"bytes"
	"testing"

	"dualbank/model/cell"
)

// TestStray: the cells of the step take random data, and no others do; a unit with ECC that held something cannot be read.
func TestStray(t *testing.T) {
	for _, ecc := range []uint32{0, 8} {
		differ := 0
		for seed := range uint64(20) {
			a := cell.New(cell.Config{Bytes: 4096, Page: 1024, Rule: cell.AND, ECC: ecc, Access: cell.Access{Unit: 8, Width: 8}})
			a.Program(1024, bytes.Repeat([]byte{0x0F}, 1024))
			a.Program(64, []byte{1, 2, 3, 4, 5, 6, 7, 8})
			before := make([]byte, 4096)
			a.Peek(0, before)
			if out, ok := a.CutProgram(128, make([]byte, 8), cell.Stray, seed); out != cell.NotDone || !ok {
				t.Fatalf("%v, %v", out, ok)
			}
			if out := a.CutErase(1024, 1024, cell.Stray, seed); out != cell.NotDone {
				t.Fatal(out)
			}
			after := make([]byte, 4096)
			a.Peek(0, after)
			changed := 0
			for i := range after {
				in := i >= 128 && i < 136 || i >= 1024 && i < 2048
				if after[i] != before[i] && !in || after[i]&^before[i] != 0 {
					t.Fatalf("ECC %d, seed %d: byte %d is %02X, was %02X", ecc, seed, i, after[i], before[i])
				}
				if after[i] != before[i] && i >= 1024 {
					changed++
				}
			}
			if changed > 8 {
				t.Errorf("ECC %d, seed %d: an erase changes %d bytes", ecc, seed, changed)
			}
			if !bytes.Equal(after[128:136], make([]byte, 8)) {
				differ++
			}
			if !a.Read(128, make([]byte, 8)) {
				t.Errorf("ECC %d, seed %d: an erased unit with stray data cannot be read", ecc, seed)
			}
			if ok := a.Read(1024, make([]byte, 1024)); ok != (ecc == 0) {
				t.Errorf("ECC %d, seed %d: the sector of the erase reads %v", ecc, seed, ok)
			}
		}
		if differ == 0 {
			t.Errorf("ECC %d: the data that was meant is programmed", ecc)
		}
	}
}

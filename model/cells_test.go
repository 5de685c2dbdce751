package model

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"dualbank/model/cell"
	"dualbank/model/part"
	"dualbank/model/random"
)

// celled is a small flash of one unit size with cells by rule.
func celled(t testing.TB, rule cell.Rule, unit uint32) *Flash {
	t.Helper()
	p := part.Plain("test", 0, []uint32{1024, 1024}, rule)
	if rule == cell.RejectNonblank || rule == cell.CorruptECC {
		p.ECC.Bytes = unit
	}
	if rule == cell.Limited {
		p.Writes.Value = 2
	}
	f, err := New(Config{Part: p, Unit: unit})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestCellRules programs one unit again and again and looks at what each part makes of it.
func TestCellRules(t *testing.T) {
	type step struct {
		data byte // all bytes of the unit
		err  error
		read byte
		bad  error // of reading
	}
	for _, tt := range []struct {
		rule cell.Rule
		unit uint32
		do   []step
	}{
		{cell.AND, 1, []step{{0xF0, nil, 0xF0, nil}, {0x3C, nil, 0x30, nil}, {0x00, nil, 0, nil}, {0xFF, nil, 0, nil}}},
		{cell.Copy, 4, []step{{0xF0, nil, 0xF0, nil}, {0x3C, nil, 0x3C, nil}}},
		{cell.Reject, 8, []step{{0xF0, nil, 0xF0, nil}, {0xF0, nil, 0xF0, nil}, {0x30, ErrProgram, 0xF0, nil}, {0x00, ErrProgram, 0xF0, nil}}},
		{cell.RejectNonblank, 8, []step{{0xFF, nil, 0xFF, nil}, {0xF0, nil, 0xF0, nil}, {0xF0, ErrProgram, 0xF0, nil}, {0x00, nil, 0, nil}, {0x00, nil, 0, nil}, {0xFF, ErrProgram, 0, nil}}},
		{cell.CorruptECC, 32, []step{{0xF0, nil, 0xF0, nil}, {0xF0, nil, 0xF0, nil}, {0x3C, nil, 0, ErrECC}, {0x30, nil, 0, ErrECC}}},
		{cell.Limited, 4, []step{{0xF0, nil, 0xF0, nil}, {0x3C, nil, 0x30, nil}, {0x00, ErrProgram, 0x30, nil}, {0x30, ErrProgram, 0x30, nil}}},
	} {
		t.Run(string(tt.rule), func(t *testing.T) {
			f := celled(t, tt.rule, tt.unit)
			const at = 256
			got := make([]byte, tt.unit)
			for round := range 2 {
				for i, s := range tt.do {
					steps := f.Steps()
					if err := f.Program(at, bytes.Repeat([]byte{s.data}, int(tt.unit))); !errors.Is(err, s.err) {
						t.Fatalf("round %d, program %d: %v, want %v", round, i, err, s.err)
					}
					if done := f.Steps() - steps; (done == 1) != (s.err == nil) {
						t.Errorf("program %d made %d steps", i, done)
					}
					if err := f.Read(at, got); !errors.Is(err, s.bad) {
						t.Fatalf("read %d: %v, want %v", i, err, s.bad)
					} else if err == nil && !bytes.Equal(got, bytes.Repeat([]byte{s.read}, int(tt.unit))) {
						t.Errorf("program %d left %x, want %02x", i, got, s.read)
					}
				}
				if err := f.Erase(0, 1024); err != nil {
					t.Fatal(err)
				}
				if err := f.Read(at, got); err != nil || blank(got) != len(got) {
					t.Errorf("after the erase: %x, %v", got, err)
				}
			}
		})
	}
}

// TestRefusedInTheMiddle: what comes before the unit that refuses is programmed, what comes after is
// not.
func TestRefusedInTheMiddle(t *testing.T) {
	f := celled(t, cell.RejectNonblank, 8)
	f.Poke(1024, []byte{1})
	err := f.Program(1016, bytes.Repeat([]byte{0xAA}, 24))
	got := make([]byte, 24)
	f.Peek(1016, got)
	want := append(bytes.Repeat([]byte{0xAA}, 8), append([]byte{1}, bytes.Repeat([]byte{0xFF}, 15)...)...)
	if !errors.Is(err, ErrProgram) || f.Steps() != 1 || !bytes.Equal(got, want) || f.Counters().Programs != 1 {
		t.Errorf("%v, %d steps, left %x", err, f.Steps(), got)
	}
}

func TestUnitsThatDoNotFit(t *testing.T) {
	p := part.Plain("test", 0, []uint32{64, 64}, cell.CorruptECC)
	p.ECC.Bytes = 16
	for _, unit := range []uint32{1, 8, 128} {
		if _, err := New(Config{Part: p, Unit: unit}); err == nil {
			t.Errorf("a program unit of %d bytes was accepted on ECC units of 16", unit)
		}
	}
	f, err := New(Config{Part: p})
	if err != nil || f.PageSize() != 16 {
		t.Errorf("%v; want a default unit of 16 bytes", err)
	}
}

// TestECC: one wrong bit in a unit is corrected and counted, two make every read that touches the unit
// fail until its sector is erased.
func TestECC(t *testing.T) {
	f := celled(t, cell.RejectNonblank, 8)
	data := []byte("12345678abcdefgh")
	if err := f.Program(64, data); err != nil {
		t.Fatal(err)
	}
	clean := f.Hash()
	f.Flip(66, 0x10)
	if f.Hash() == clean {
		t.Error("a flipped bit does not show in the hash")
	}
	got := make([]byte, 16)
	if err := f.Read(64, got); err != nil || !bytes.Equal(got, data) || f.Counters().Corrected != 1 {
		t.Errorf("read %q, %v, %d corrected", got, err, f.Counters().Corrected)
	}
	if f.Peek(64, got); got[2] != '3'^0x10 {
		t.Errorf("the cell itself holds %02x", got[2])
	}
	f.Flip(66, 0x10)
	if f.Hash() != clean {
		t.Error("a bit that was flipped twice shows in the hash")
	}
	f.Flip(66, 0x10)
	f.Flip(71, 0x01)
	for _, tt := range []struct {
		addr uint32
		n    int
		err  error
	}{{56, 8, nil}, {56, 9, ErrECC}, {71, 1, ErrECC}, {64, 8, ErrECC}, {72, 8, nil}, {0, 1024, ErrECC}} {
		if err := f.Read(tt.addr, make([]byte, tt.n)); !errors.Is(err, tt.err) {
			t.Errorf("read %d bytes at %d: %v, want %v", tt.n, tt.addr, err, tt.err)
		}
	}
	if n := f.Counters().BadReads; n != 4 {
		t.Errorf("%d bad reads counted, want 4", n)
	}
	if err := f.Program(64, data[:8]); !errors.Is(err, ErrProgram) {
		t.Errorf("programming a damaged unit: %v", err)
	}
	s := f.Snapshot()
	if err := f.Erase(0, 1024); err != nil {
		t.Fatal(err)
	}
	if err := f.Read(64, got); err != nil || blank(got) != 16 {
		t.Errorf("after the erase: %x, %v", got, err)
	}
	f.Restore(s)
	if err := f.Read(64, got); !errors.Is(err, ErrECC) {
		t.Errorf("the damage is not in the snapshot: %v", err)
	}
	f.Poke(64, data)
	if err := f.Read(64, got); err != nil || f.Hash() != clean {
		t.Errorf("after writing it with a programmer: %v", err)
	}
}

// without ECC a flipped bit is just another value.
func TestFlipWithoutECC(t *testing.T) {
	f := celled(t, cell.AND, 1)
	f.Flip(5, 0x81)
	got := make([]byte, 1)
	if err := f.Read(5, got); err != nil || got[0] != 0x7E || f.Flip(2048, 1) {
		t.Errorf("read %02x, %v", got[0], err)
	}
}

// cut makes seeds of one operation until ok says that the case it wants has come up.
func cut(t *testing.T, make func() *Flash, mode Mode, do func(*Flash) error, ok func(*Flash) bool) *Flash {
	t.Helper()
	for seed := range uint64(64) {
		f := make()
		f.Arm(Cut{Mode: mode, Seed: seed})
		if err := do(f); !errors.Is(err, ErrPowerCut) {
			t.Fatal(err)
		}
		f.Boot()
		if ok(f) {
			return f
		}
	}
	t.Fatal("no seed of 64 leaves this")
	return nil
}

// TestWeakProgram: undecided cells read differently from read to read and from boot to boot, between
// what was there and what was to be, until they are erased or programmed to 0.
func TestWeakProgram(t *testing.T) {
	old, data := []byte{0xFF, 0xF0, 0xFF, 0xFF}, []byte{0x00, 0x30, 0xFF, 0x5A}
	want := []byte{0x00, 0x30, 0xFF, 0x5A}
	read := func(f *Flash) []byte {
		got := make([]byte, 4)
		if err := f.Read(0, got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	fresh := func() *Flash {
		f := celled(t, cell.AND, 4)
		f.Poke(0, old)
		return f
	}
	program := func(f *Flash) error { return f.Program(0, data) }
	seenOld, seenNew := false, false
	f := cut(t, fresh, Weak, program, func(f *Flash) bool {
		// Bits outside the change never move.
		f.Mark()
		values := map[string]bool{}
		for range 40 {
			got := read(f)
			values[string(got)] = true
			for i := range got {
				if (got[i]^old[i])&^(old[i]^want[i]) != 0 {
					t.Fatalf("read % x of % x to % x", got, old, want)
				}
			}
			if len(values) == 3 {
				f.Boot()
			}
		}
		f.Rollback()
		if len(values) < 2 {
			t.Fatal("nothing is undecided")
		}
		seenOld, seenNew = values[string(old)], values[string(want)]
		return seenOld && seenNew
	})
	if !seenOld || !seenNew {
		t.Error("no seed reads as old and as new")
	}
	// The same reads after a mark, a restore and in a copy.
	f.Boot()
	s, h := f.Snapshot(), f.Hash()
	g := fresh()
	g.Boot()
	g.Restore(s)
	if g.Hash() != h {
		t.Error("the copy has another hash")
	}
	var first [][]byte
	f.Mark()
	for range 20 {
		a, b := read(f), read(g)
		if !bytes.Equal(a, b) {
			t.Fatalf("the copy reads % x for % x", b, a)
		}
		first = append(first, a)
	}
	f.Rollback()
	for i := range 20 {
		if a := read(f); !bytes.Equal(a, first[i]) {
			t.Fatalf("read %d after rollback: % x for % x", i, a, first[i])
		}
	}
	// Programmed to 0 they are decided, the others are not.
	if err := f.Program(0, []byte{0, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	for range 40 {
		if got := read(f); !bytes.Equal(got, make([]byte, 4)) {
			t.Fatalf("programmed to 0 it reads % x", got)
		}
	}
	f.Restore(s)
	if err := f.Erase(0, 1024); err != nil {
		t.Fatal(err)
	}
	if f.Hash() != celled(t, cell.AND, 4).Hash() {
		t.Error("something is left after an erase")
	}
}

// TestWeakErase: an erase that only seems complete reads 0xFF after the first boot, and falls back at
// the second, under whatever was programmed meanwhile.
func TestWeakErase(t *testing.T) {
	fresh := func() *Flash {
		f := celled(t, cell.AND, 4)
		f.Poke(0, bytes.Repeat([]byte{0x5A}, 1024))
		return f
	}
	got := make([]byte, 1024)
	f := cut(t, fresh, Weak, func(f *Flash) error { return f.Erase(0, 1024) }, func(f *Flash) bool {
		if err := f.Read(0, got); err != nil {
			t.Fatal(err)
		}
		return blank(got) == 1024
	})
	if f.Hash() == celled(t, cell.AND, 4).Hash() {
		t.Error("it cannot be told from a complete erase")
	}
	if f.Wear()[0].Erases != 0 {
		t.Error("it counts as an erase")
	}
	s := f.Snapshot()
	data := bytes.Repeat([]byte{0xF0}, 512)
	if err := f.Program(0, data); err != nil {
		t.Fatal(err)
	}
	f.Boot()
	if err := f.Read(0, got); err != nil || blank(got) == 512 {
		t.Fatalf("nothing has fallen: %v", err)
	}
	fallen := 0
	for i, b := range got {
		had := byte(0xFF)
		if i < 512 {
			had = 0xF0
		}
		if b&^had != 0 || (had&^b)&0x5A != 0 {
			t.Fatalf("cell %d fell from %02x to %02x; it was 5a before the erase", i, had, b)
		}
		if b != had {
			fallen++
		}
	}
	h := f.Hash()
	if f.Boot(); f.Hash() != h || fallen == 0 {
		t.Errorf("%d cells fell at the second boot; the third changed something: %v", fallen, f.Hash() != h)
	}
	f.Restore(s)
	if err := f.Erase(0, 1024); err != nil {
		t.Fatal(err)
	}
	f.Boot()
	f.Boot()
	if f.Hash() != celled(t, cell.AND, 4).Hash() {
		t.Error("an erase does not make up for it")
	}
}

// TestECCMode: the interrupted unit cannot be read until its sector is erased.
func TestECCMode(t *testing.T) {
	for _, rule := range []cell.Rule{cell.RejectNonblank, cell.CorruptECC} {
		f := celled(t, rule, 16)
		f.Arm(Cut{Step: 1, Mode: ECC, Seed: 1})
		if err := f.Program(32, make([]byte, 48)); !errors.Is(err, ErrPowerCut) {
			t.Fatal(err)
		}
		f.Boot()
		for i, want := range []error{nil, ErrECC, nil} {
			if err := f.Read(32+16*uint32(i), make([]byte, 16)); !errors.Is(err, want) {
				t.Errorf("%s: unit %d: %v, want %v", rule, i, err, want)
			}
		}
		f.Boot()
		if err := f.Read(48, make([]byte, 1)); !errors.Is(err, ErrECC) {
			t.Errorf("%s: after another boot: %v", rule, err)
		}
		f.Arm(Cut{Mode: ECC, Seed: 2})
		if err := f.Erase(0, 1024); !errors.Is(err, ErrPowerCut) {
			t.Fatal(err)
		}
		f.Boot()
		bad := 0
		for a := uint32(0); a < 1024; a += 16 {
			if f.Read(a, make([]byte, 16)) != nil {
				bad++
			}
		}
		if bad == 0 {
			t.Errorf("%s: every unit reads after an interrupted erase", rule)
		}
		if err := f.Erase(0, 1024); err != nil {
			t.Fatal(err)
		}
		if err := f.Read(0, make([]byte, 1024)); err != nil {
			t.Errorf("%s: after a whole erase: %v", rule, err)
		}
	}
}

// TestWeakWithECC: a unit that is not settled reads as old, as new, or not at all.
func TestWeakWithECC(t *testing.T) {
	fresh := func() *Flash { return celled(t, cell.RejectNonblank, 8) }
	data := []byte("abcdefgh")
	cut(t, fresh, Weak, func(f *Flash) error { return f.Program(8, data) }, func(f *Flash) bool {
		n := map[string]int{}
		for range 60 {
			got := make([]byte, 12) // and half a unit beside it
			err := f.Read(4, got)
			if err != nil && !errors.Is(err, ErrECC) {
				t.Fatal(err)
			}
			if err != nil {
				n["bad"]++
			} else {
				n[string(got[4:])]++
			}
		}
		if len(n) != 3 || n["bad"] == 0 || n[string(data)] == 0 || n["\xff\xff\xff\xff\xff\xff\xff\xff"] == 0 {
			t.Errorf("reads: %v", n)
		}
		return true
	})
}

func TestCutModes(t *testing.T) {
	p := part.Plain("test", 0, []uint32{1024}, cell.AND)
	if got := fmt.Sprint(CutModes(p)); got != "[before after torn prefix weak]" {
		t.Error(got)
	}
	p.ECC.Bytes = 8
	for _, m := range append(CutModes(p), Fail) {
		if found, ok := ModeByName(m.String()); !ok || found != m {
			t.Errorf("mode %v is not found by its name", m)
		}
	}
	if len(CutModes(p)) != 6 {
		t.Error("no mode ecc on a part with ECC")
	}
}

// TestScarsAreState: whatever happens between a mark and its rollback, the flash is afterwards as it
// was, reads of undecided cells included; and a copy behaves as the original.
func TestScarsAreState(t *testing.T) {
	rules := []cell.Rule{cell.AND, cell.Copy, cell.Reject, cell.RejectNonblank, cell.CorruptECC, cell.Limited}
	rapid.Check(t, func(rt *rapid.T) {
		rule := rapid.SampledFrom(rules).Draw(rt, "rule")
		f, g := celled(t, rule, 8), celled(t, rule, 8)
		modes := append(CutModes(f.Part()), Fail)
		do := func(f *Flash, r *random.Source) string {
			log := ""
			for range 12 {
				p := make([]byte, 8*(1+r.Intn(6)))
				if r.Intn(3) > 0 {
					r.Fill(p)
				}
				addr := 8 * uint32(r.Intn(250))
				var err error
				switch r.Intn(6) {
				case 0:
					err = f.Erase(1024*uint32(r.Intn(2)), 1024)
				case 1, 2:
					err = f.Program(addr, p)
				case 3:
					err = f.Read(addr, p)
				case 4:
					f.Arm(Cut{Step: uint64(r.Intn(3)), Mode: modes[r.Intn(len(modes))], Seed: r.Uint64()})
				case 5:
					f.Flip(addr, 1<<r.Intn(8))
				}
				log += fmt.Sprintf("%x %v %x\n", p, err, f.Hash())
				if f.Off() {
					f.Boot()
				}
			}
			return log
		}
		r := random.New(rapid.Uint64().Draw(rt, "seed"))
		do(f, r)
		f.Boot()
		g.Restore(f.Snapshot())
		g.Boot()
		f.Boot()
		next := *r
		h := f.Hash()
		f.Mark()
		a := do(f, &next)
		f.Rollback()
		if f.Hash() != h {
			rt.Fatal("rollback left something behind")
		}
		f.Disarm()
		f.Boot()
		f2 := f.Snapshot()
		next = *r
		g.Restore(f2)
		f.Boot()
		g.Boot()
		if x, y := do(f, &next), do(g, r); x != y {
			rt.Fatalf("the copy behaves differently:\n%s\n%s", x, y)
		}
		_ = a
	})
}

// blank is the number of bytes of p before the first that is not 0xFF.
func blank(p []byte) int { return len(p) - len(bytes.TrimLeft(p, "\xff")) }

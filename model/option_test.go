package model_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
	"dualbank/model/random"
)

// swapParts are the parts with option bytes that swap their banks.
func swapParts(t *testing.T) (list []*part.Part) {
	for _, name := range part.Names() {
		p, err := part.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if p.Swap.Option.Value != "" {
			list = append(list, p)
		}
	}
	if len(list) < 9 {
		t.Fatalf("%d parts swap their banks", len(list))
	}
	return list
}

func swapping(t *testing.T, p *part.Part, ignores bool) *model.Flash {
	t.Helper()
	f, err := model.New(model.Config{Part: p, Options: true, IgnoresSwap: ignores})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func swap(t *testing.T, f *model.Flash) {
	t.Helper()
	if err := errors.Join(f.SwapBanks(), f.LoadOptions()); err != nil {
		t.Fatal(err)
	}
	f.Boot()
}

// TestNoOptions: a flash without option bytes refuses what is about them.
func TestNoOptions(t *testing.T) {
	f, err := model.New(model.Config{Part: swapParts(t)[0]})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.SwapBanks(); !errors.Is(err, model.ErrOptions) || f.HasOptions() {
		t.Errorf("SwapBanks: %v", err)
	}
	if err := f.LoadOptions(); !errors.Is(err, model.ErrOptions) {
		t.Errorf("LoadOptions: %v", err)
	}
}

// TestRegionOfBothBanks: a region may lie in both banks unless option bytes swap them.
func TestRegionOfBothBanks(t *testing.T) {
	for _, p := range swapParts(t) {
		for _, options := range []bool{false, true} {
			f, err := model.New(model.Config{Part: p, Options: options})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = f.Region(f.Start(), f.Size()); (err != nil) != options {
				t.Errorf("%s, options %v: %v", p.Name, options, err)
			}
		}
	}
}

// TestSwapTwice: after two swaps everything is where it was; after one each byte is in the other bank.
func TestSwapTwice(t *testing.T) {
	for _, p := range swapParts(t) {
		f := swapping(t, p, false)
		all, now := make([]byte, f.Size()), make([]byte, f.Size())
		random.New(7).Fill(all)
		f.Poke(f.Start(), all)
		before, half := f.Hash(), f.Size()/2
		swap(t, f)
		if err := f.Read(f.Start(), now); err != nil || !f.Swapped() || f.Hash() == before {
			t.Fatalf("%s: %v, swapped %v", p.Name, err, f.Swapped())
		}
		if !bytes.Equal(now[:half], all[half:]) || !bytes.Equal(now[half:], all[:half]) {
			t.Errorf("%s: the banks are not exchanged", p.Name)
		}
		swap(t, f)
		if f.Peek(f.Start(), now); !bytes.Equal(now, all) || f.Hash() != before || f.Swapped() {
			t.Errorf("%s: two swaps change the flash", p.Name)
		}
	}
}

// TestCutsOfOptions: whatever mode interrupts a write of the options, they are the old ones, the new ones or a
// mismatch, and the last one only on parts that have it. A mismatch locks from the next power-on on.
func TestCutsOfOptions(t *testing.T) {
	for _, p := range swapParts(t) {
		for _, mode := range model.CutModes(p) {
			for seed := range uint64(4) {
				f := swapping(t, p, false)
				f.Arm(model.Cut{Mode: mode, Seed: seed})
				if err := f.SwapBanks(); err != model.ErrPowerCut || !f.Off() {
					t.Fatalf("%s, %v: %v", p.Name, mode, err)
				}
				want := model.BankOne
				switch {
				case mode == model.After:
					want = model.BankTwo
				case mode != model.Before && p.Swap.AfterCut.Value == part.CutMismatch:
					want = model.Mismatch
				}
				f.Boot()
				if f.Written() != want || f.Swapped() != (want == model.BankTwo) || f.Locked() != (want == model.Mismatch) {
					t.Errorf("%s, %v: %v, swapped %v, locked %v, want %v", p.Name, mode, f.Written(), f.Swapped(), f.Locked(), want)
				}
				if err := f.Read(f.Start(), make([]byte, 1)); (err == model.ErrLocked) != f.Locked() {
					t.Errorf("%s, %v: a read gives %v", p.Name, mode, err)
				}
				f.Boot()
				if f.Locked() != (want == model.Mismatch) {
					t.Errorf("%s, %v: a further boot unlocks it", p.Name, mode)
				}
			}
		}
	}
}

// TestLoadOfOptions: a power-on and a launch load the options on every part, other resets on some.
func TestLoadOfOptions(t *testing.T) {
	for _, p := range swapParts(t) {
		f := swapping(t, p, false)
		if err := f.SwapBanks(); err != nil {
			t.Fatal(err)
		}
		if f.Swapped() {
			t.Errorf("%s: swapped before the options are loaded", p.Name)
		}
		f.Boot() // a reset by software or a watchdog
		if reset := p.Swap.Load.Value == part.LoadReset; f.Swapped() != reset {
			t.Errorf("%s: swapped %v after a reset, want %v", p.Name, f.Swapped(), reset)
		}
		f.Arm(model.Cut{Mode: model.Before})
		f.Erase(f.Start(), f.SectorSize(f.Start()))
		if f.Boot(); !f.Swapped() {
			t.Errorf("%s: not swapped after a loss of power", p.Name)
		}
	}
}

// TestEraseWhileSwapped: an erase reaches the address that it names, unless the part goes by the physical bank and the
// driver does not look.
func TestEraseWhileSwapped(t *testing.T) {
	for _, p := range swapParts(t) {
		for _, ignores := range []bool{false, true} {
			f := swapping(t, p, ignores)
			fill := bytes.Repeat([]byte{0}, int(f.Size()))
			f.Poke(f.Start(), fill)
			swap(t, f)
			var hit uint32
			f.Observe(func(e *model.Event) { hit = e.Hit })
			addr := f.Start() + f.Size()/2
			if err := f.Erase(addr, f.SectorSize(addr)); err != nil {
				t.Fatal(err)
			}
			want := addr
			if ignores && p.Swap.Erase.Value == part.ErasePhysical {
				want = f.Start()
			}
			var p1, p2 [1]byte
			f.Peek(want, p1[:])
			f.Peek(want^f.Size()/2, p2[:])
			if p1[0] != 0xFF || p2[0] != 0 || hit != want {
				t.Errorf("%s, ignores %v: 0x%08X %02X, the other bank %02X, hit 0x%08X", p.Name, ignores, want, p1, p2, hit)
			}
		}
	}
}

// TestSwapAcross: reads and programs that reach from one bank into the other one are done in both, and a failed program
// says how far it came.
func TestSwapAcross(t *testing.T) {
	f := swapping(t, part.Halves("halves", 0, []uint32{512, 512}, cell.AND), false)
	swap(t, f)
	data := []byte{1, 2, 3, 4, 5, 6}
	if err := f.Program(1021, data); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 6)
	if err := f.Read(1021, got); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%v, %v", got, err)
	}
	f.Arm(model.Cut{Step: 4, Mode: model.Before})
	if err := f.Program(1021, make([]byte, 6)); err != model.ErrPowerCut {
		t.Fatal(err)
	}
	f.Boot()
	if f.Peek(1021, got); !bytes.Equal(got, []byte{0, 0, 0, 0, 5, 6}) {
		t.Errorf("%v after a cut at the fifth byte", got)
	}
	f.Mark()
	swap(t, f)
	f.Rollback()
	if f.Peek(1021, got); !f.Swapped() || got[4] != 5 {
		t.Errorf("a rollback leaves the banks at %v", f.Written())
	}
}

// TestRegionStays: a region keeps its address, or its cells.
func TestRegionStays(t *testing.T) {
	for _, stays := range []bool{false, true} {
		f := swapping(t, part.Halves("halves", 0, []uint32{512, 512}, cell.AND), false)
		r, err := f.Region(1024, 512)
		if err != nil {
			t.Fatal(err)
		}
		if stays {
			r.Stay()
		}
		if err := r.Program(3, []byte{9}); err != nil {
			t.Fatal(err)
		}
		stamp, _ := r.Stamp(0, 512)
		swap(t, f)
		got := []byte{0}
		now, _ := r.Stamp(0, 512)
		if err := r.Read(3, got); err != nil || (got[0] == 9) != stays || (now == stamp) != stays {
			t.Errorf("stays %v: %d, %v", stays, got, err)
		}
	}
	f := swapping(t, part.Halves("halves", 0, []uint32{512, 512}, cell.AND), false)
	if _, err := f.Region(512, 1024); err == nil {
		t.Error("a region in both banks is taken")
	}
}

// TestTimeOfOptions: the write takes what the part has for it, and the code's bank moves with a swap.
func TestTimeOfOptions(t *testing.T) {
	p, _ := part.ByName("stm32u575zi")
	d, _ := part.DriverByName("word")
	for corner, want := range map[model.Corner]part.Duration{model.Typ: p.Swap.Typ, model.Max: p.Swap.Max} {
		f, err := model.New(model.Config{Part: p, Driver: d, Options: true, Corner: corner})
		if err != nil {
			t.Fatal(err)
		}
		began := f.Now()
		if swap(t, f); f.Now()-began != f.Cycles(time.Duration(want.Time)) {
			t.Errorf("%v: %d cycles, want %v", corner, f.Now()-began, want.Time)
		}
		f.Erase(f.Start()+f.Size()/2, f.SectorSize(f.Start()))
		if c := f.Counters(); c.Stall != 0 {
			t.Errorf("%v: code at the start stands still while the other bank is erased, for %d cycles", corner, c.Stall)
		}
		f.Erase(f.Start(), f.SectorSize(f.Start()))
		if c := f.Counters(); c.Stall == 0 {
			t.Errorf("%v: code at the start runs while its bank is erased", corner)
		}
	}
	if _, err := model.New(model.Config{Part: part.Plain("plain", 0, []uint32{512}, cell.AND), Options: true}); err == nil {
		t.Error("a part without option bytes is taken")
	}
}

package native_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"dualbank/fuzz/kv/sut"
	"dualbank/fuzz/native"
	"dualbank/fuzz/native/examples/logstore"
	"dualbank/model"
	"dualbank/model/part"
)

// f429 is the guide's board, and how its flash is modelled.
func f429(t *testing.T) (*part.Board, model.Config) {
	t.Helper()
	board, err := part.BoardByName("nucleo-f429zi")
	if err != nil {
		t.Fatal(err)
	}
	config, err := model.BoardConfig(board)
	if err != nil {
		t.Fatal(err)
	}
	return board, config
}

// device is a new flash of a board, and the KVStore's region of it.
func device(t *testing.T, board *part.Board, config model.Config) (*model.Flash, *model.Region) {
	t.Helper()
	f, err := model.New(config)
	if err != nil {
		t.Fatal(err)
	}
	dev, err := f.Region(board.KVStore.Base, board.KVStore.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return f, dev
}

// TestSameTime: on a flash with times the store in C takes as long as the same store in Go, operation by operation
// and to the cycle, and wears the sectors alike. CPU work costs nothing.
func TestSameTime(t *testing.T) {
	board, config := f429(t)
	config.Core = nil
	p := program(t, planted(t, "examples/logstore.c"))
	run := func(make func(dev *model.Region) sut.Store) (cycles []uint64, wear []model.Wear) {
		f, dev := device(t, board, config)
		s := make(dev)
		if err := s.Open(); err != nil {
			t.Fatal(err)
		}
		buf := [256]byte{}
		ops := workload(1500, 20)
		for i := range ops {
			err := sut.Do(&ops[i], s, f)
			if err == nil && i%3 == 0 {
				_, _ = s.Get("key03", buf[:], 0) // it may be missing
			}
			cycles = append(cycles, f.Now())
		}
		return cycles, f.Wear()
	}
	wantTime, wantWear := run(func(dev *model.Region) sut.Store { return logstore.New(dev, 0) })
	gotTime, gotWear := run(func(dev *model.Region) sut.Store { return p.Timed(dev, nil) })
	for i := range wantTime {
		if gotTime[i] != wantTime[i] {
			t.Fatalf("after operation %d: C at cycle %d, Go at %d", i, gotTime[i], wantTime[i])
		}
	}
	if !slices.Equal(gotWear, wantWear) || wantTime[len(wantTime)-1] == 0 {
		t.Errorf("wear: C %v, Go %v", gotWear, wantWear)
	}
}

// clocked is the store of testdata/clock.c in Go.
type clocked struct {
	f      *model.Flash
	dev    *model.Region
	boot   uint64 // cycle
	end    uint32
	opened uint64 // µs since the boot
}

func (s *clocked) now() uint64 {
	us := func(cycles uint64) uint64 { return cycles / (s.f.Hz() / 1e6) }
	return us(s.f.Now()) - us(s.boot)
}

func (s *clocked) Open() error {
	s.boot = s.f.Now()
	var b [1]byte
	for s.end = 0; ; s.end += 32 {
		if err := s.dev.Read(s.end, b[:]); err != nil || b[0] == 0xFF {
			s.opened = s.now()
			return err
		}
	}
}

func (s *clocked) Set() error {
	var b [32]byte
	binary.LittleEndian.PutUint64(b[8:], s.now())
	if err := s.dev.Program(s.end, b[:16]); err != nil {
		return err
	}
	s.f.CPU().SHA256(1000)
	binary.LittleEndian.PutUint64(b[16:], s.now())
	err := s.dev.Program(s.end+16, b[16:])
	s.end += 32
	return err
}

func (s *clocked) Get(b []byte) error {
	err := s.dev.Read(s.end-32, b)
	binary.LittleEndian.PutUint64(b, s.opened)
	return err
}

// TestClock: the clock that the code under test reads is that of the device, since its boot, in every isolation and where
// another store takes the process between two calls. The device then does the same, byte for byte and to the cycle.
func TestClock(t *testing.T) {
	board, config := f429(t)
	for _, iso := range []native.Isolation{native.Reset, native.Fork, native.Exec} {
		p := program(t, build(t, "gcc", "testdata/clock.c", "-O1", "-std=c99"))
		p.Isolate, p.Processes = iso, 1
		f, dev := device(t, board, config)
		want := &clocked{f: f, dev: dev}
		f, dev = device(t, board, config)
		got := p.Timed(dev, f.CPU())
		g, dev := device(t, board, config)
		other := p.Timed(dev, g.CPU())
		if err := other.Open(); err != nil {
			t.Fatal(err)
		}
		for i := range 30 {
			for _, f := range []*model.Flash{f, want.f} {
				f.Wait(uint64(i) * 123_456_789)
				if i%7 == 0 {
					f.Boot()
				}
			}
			if i%7 == 0 {
				if a, b := want.Open(), got.Open(); a != nil || b != nil {
					t.Fatal(a, b)
				}
			}
			if i%3 == 0 {
				_ = other.Set("k", nil, 0) // takes the process
			}
			var a, b [32]byte
			if want, got := want.Set(), got.Set("k", nil, 0); want != nil || got != nil {
				t.Fatal(want, got)
			}
			err := want.Get(a[:])
			if _, got := got.Get("k", b[:], 0); err != nil || got != nil {
				t.Fatal(err, got)
			}
			if a != b || f.Now() != want.f.Now() || f.Hash() != want.f.Hash() {
				t.Fatalf("isolation %v, set %d: C %x at cycle %d, Go %x at %d", iso, i, b, f.Now(), a, want.f.Now())
			}
			if i%7 > 0 && binary.LittleEndian.Uint64(b[8:]) == 0 {
				t.Fatal("the clock stands")
			}
		}
		p.Close()
	}
}

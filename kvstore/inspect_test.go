package kvstore

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"dualbank/internal/flashtest"

	"pgregory.net/rapid"
)

// TestInspect: the picture shows the keys and values that the store reads, and changes nothing.
func TestInspect(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := flashtest.New(t, rapid.SampledFrom([]string{"8x512", "4x1K+1x4K"}).Draw(rt, "sectors"), rapid.SampledFrom([]uint32{1, 8}).Draw(rt, "unit"))
		s := NewTDB(f, Options{})
		if err := s.Open(); err != nil {
			rt.Fatal(err)
		}
		want := map[string][]byte{}
		for range rapid.IntRange(0, 60).Draw(rt, "sets") {
			k := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "key")
			v := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(rt, "value")
			if rapid.IntRange(0, 5).Draw(rt, "remove") == 0 {
				if s.Remove(k) == nil {
					delete(want, k)
				}
			} else if s.Set(k, v, 0) == nil {
				want[k] = v
			}
		}
		before := bytes.Clone(f.Cells)
		p, err := Inspect(f, MbedCE)
		if err != nil {
			rt.Fatal(err)
		}
		if !bytes.Equal(before, f.Cells) {
			rt.Fatal("looking changed the flash")
		}
		l := s.Layout()
		a := &p.Areas[p.Active]
		if p.Active != l.Active || a.Free != l.Free || int(a.Version) != int(s.Collections())+1 {
			rt.Fatalf("area %d, free %#x, version %d; the store has %d, %#x and collected %d times", p.Active, a.Free, a.Version, l.Active, l.Free, s.Collections())
		}
		got := map[string][]byte{}
		for _, r := range a.Records {
			if r.Live {
				got[r.Key] = r.Data
			}
		}
		if len(got) != len(want) {
			rt.Fatalf("%d live keys, want %d", len(got), len(want))
		}
		for k, v := range want {
			if !bytes.Equal(got[k], v) {
				rt.Fatalf("%q: % x, want % x", k, got[k], v)
			}
		}
		if text := p.Text(3); !strings.Contains(text, "active, version") {
			rt.Fatalf("picture:\n%s", text)
		}
	})
}

func TestInspectDamage(t *testing.T) {
	f := flashtest.New(t, "8x512", 1)
	s := NewTDB(f, Options{})
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	if err := s.SetReserved([]byte("reserved")); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"one", "two", "three"} {
		if err := s.Set(k, []byte("value of "+k), 0); err != nil {
			t.Fatal(err)
		}
	}
	l := s.Layout()
	f.Cells[l.Base[0]+3] = 0               // the reserved data of area 0
	f.Cells[l.Base[l.Active]+l.Free-1] = 0 // the last record
	p, err := Inspect(f, MbedCE)
	if err != nil {
		t.Fatal(err)
	}
	a := &p.Areas[l.Active]
	if len(a.Records) != 2 || a.Used == 0 || len(a.Stale) != 0 {
		t.Errorf("%d records, %d bytes and %d records behind them; want 2, some and 0", len(a.Records), a.Used, len(a.Stale))
	}
	if !p.Areas[0].Damaged || string(p.Areas[1].Reserved) != "reserved" {
		t.Errorf("reserved data: damaged %v, %q", p.Areas[0].Damaged, p.Areas[1].Reserved)
	}
	// A record that lies behind a damaged one is of no use, but it is seen.
	f.Cells[l.Base[l.Active]+l.First+5] ^= 1
	if p, err = Inspect(f, MbedCE); err != nil || len(p.Areas[l.Active].Records) != 0 || len(p.Areas[l.Active].Stale) != 1 {
		t.Errorf("behind a damaged record: %+v, %v", p.Areas[l.Active], err)
	}
}

// FuzzInspect: no image makes it panic or run for ever.
func FuzzInspect(f *testing.F) {
	s := flashtest.New(f, "4x512", 1)
	store := NewTDB(s, Options{})
	if err := store.Open(); err != nil {
		f.Fatal(err)
	}
	for range 30 {
		if err := store.Set("key", []byte("value"), 0); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(bytes.Clone(s.Cells), uint8(0))
	f.Fuzz(func(t *testing.T, image []byte, unit uint8) {
		fl := flashtest.New(t, "4x512", 1<<(unit%6))
		copy(fl.Cells, image)
		p, err := Inspect(fl, Profile(unit%2))
		if err != nil {
			t.Fatal(err)
		}
		p.Text(100)
	})
}

// TestFindMastersUnits: the master record of a new store is found for every program unit of real parts.
func TestFindMastersUnits(t *testing.T) {
	for _, unit := range []uint32{1, 4, 8, 16, 32, 64} {
		f := flashtest.New(t, "2x2K", unit)
		openTDB(t, f, Options{})
		found := FindMasters(f.Cells, 512)
		if len(found) != 1 || found[0].Area != 0 || found[0].Version != 1 || !slices.Contains(found[0].Units, unit) {
			t.Errorf("unit %d: %+v", unit, found)
		}
	}
}

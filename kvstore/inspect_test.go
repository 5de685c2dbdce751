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

// TestActiveOfTwo: of two areas with a master record the one with the higher version counts, and the first one if its
// version has wrapped to 0; an open and a picture agree.
func TestActiveOfTwo(t *testing.T) {
	for _, c := range []struct {
		versions [2]uint16
		want     int
	}{
		{[2]uint16{1, 2}, 1},
		{[2]uint16{2, 1}, 0},
		{[2]uint16{1, 1}, 1},
		{[2]uint16{0, 65535}, 0},
		{[2]uint16{65535, 0}, 0},
		{[2]uint16{0, 1}, 0},
		{[2]uint16{1, 0}, 0},
		{[2]uint16{255, 256}, 1},
		{[2]uint16{258, 3}, 0},
	} {
		f := flashtest.New(t, "2x512", 1)
		for area, v := range c.versions {
			copy(f.Cells[area*512+72:], rawRecord(masterKey, []byte{byte(v), byte(v >> 8), 1, 0, 0, 0, 0, 0}, 0, masterData))
		}
		p, err := Inspect(f, MbedCE)
		if err != nil {
			t.Fatal(err)
		}
		s := openTDB(t, f, Options{})
		if got := s.Layout().Active; got != c.want || p.Active != c.want || p.Areas[0].Version != c.versions[0] || p.Areas[1].Version != c.versions[1] {
			t.Errorf("versions %d: open takes area %d, the picture %d, want %d", c.versions, got, p.Active, c.want)
		}
	}
}

// TestPictureFails: a picture says why an open would fail, and is none of an open that makes a new store.
func TestPictureFails(t *testing.T) {
	wraps := rawRecord(masterKey, nil, 0, 0xFFFFFFA0)
	for _, c := range []struct {
		name  string
		cells []byte // in the place of the master record
		want  string
	}{
		{"blank", nil, ""},
		{"a store", rawRecord(masterKey, []byte{1, 0, 1, 0, 0, 0, 0, 0}, 0, masterData), ""},
		{"a size that wraps", wraps, `fatal: mbed_error READ_FAILED "TDBSTORE: Unable to read record at init"`},
		{"another key", rawRecord("TDBX", nil, 0, 0), `fatal: mbed_error ITEM_NOT_FOUND "TDBSTORE: Unable to read record at init"`},
	} {
		f := flashtest.New(t, "2x2K", 1)
		copy(f.Cells[72:], c.cells)
		p, err := Inspect(f, MbedCE)
		if err != nil || p.Fails != c.want || (p.Active == 0) != (c.name == "a store") {
			t.Errorf("%s: fails %q, active %d, %v; want %q", c.name, p.Fails, p.Active, err, c.want)
		}
	}
}

// TestTails: what stands behind the log is told from its first bytes.
func TestTails(t *testing.T) {
	erased := bytes.Repeat([]byte{0xFF}, headerSize)
	whole := rawRecord("key", []byte("value"), 0, 5)
	with := func(b []byte, at int, c byte) []byte { // c at a place of b
		b = bytes.Clone(b)
		b[at] = c
		return b
	}
	for _, c := range []struct {
		name string
		b    []byte
		want Tail
	}{
		{"nothing", nil, TailErased},
		{"erased", erased, TailErased},
		{"a key behind an erased header", append(bytes.Clone(erased), 'k'), TailUnfinished},
		{"a header that is erased but for its last byte", with(erased, headerSize-1, 0), TailTorn},
		{"less than a header", whole[:headerSize-1], TailOther},
		{"less than a header, erased", erased[:headerSize-1], TailErased},
		{"a header alone", whole[:headerSize], TailTorn},
		{"a whole record", whole, TailTorn},
		{"a magic number that lacks a bit", with(whole, 0, 0x83|0x10), TailTorn},
		{"a magic number with a bit cleared that has to be set", with(whole, 0, 0x82), TailOther},
		{"zeros", make([]byte, headerSize), TailOther},
	} {
		if got := tailOf(c.b); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestTailAtUnit: where the log ends with its erase unit, the next one is looked at if it holds what an unfinished set
// has left.
func TestTailAtUnit(t *testing.T) {
	unfinished := append(bytes.Repeat([]byte{0xFF}, headerSize), 'k')
	for _, c := range []struct {
		name string
		size int // of the value that ends the log
		tail []byte
		next uint32
		here uint32
		want Tail
	}{
		{"in a unit, erased", 10, nil, 512, 0, TailErased},
		{"in a unit, unfinished", 10, unfinished, 512, 1, TailUnfinished},
		{"at its end, erased", 512 - 108 - headerSize - 1, nil, 512, 0, TailErased},
		{"at its end, unfinished", 512 - 108 - headerSize - 1, unfinished, 1024, 1, TailUnfinished},
		{"at its end, torn", 512 - 108 - headerSize - 1, rawRecord("k", []byte("value"), 0, 5)[:headerSize+1], 1024, headerSize + 1, TailTorn},
		{"at its end, an earlier life", 512 - 108 - headerSize - 1, []byte("anything that is no record"), 512, 0, TailErased},
		{"at the end of the area", 1024 - 108 - headerSize - 1, nil, 1024, 0, TailErased},
	} {
		f := flashtest.New(t, "4x512", 1)
		s := openTDB(t, f, Options{})
		if err := s.Set("x", bytes.Repeat([]byte{0x55}, c.size), 0); err != nil {
			t.Fatal(err)
		}
		free := uint32(108 + headerSize + 1 + c.size)
		copy(f.Cells[free:], c.tail)
		p, err := Inspect(f, MbedCE)
		if err != nil {
			t.Fatal(err)
		}
		a := &p.Areas[0]
		if a.Free != free || a.Next != c.next || a.Here != c.here || a.Tail != c.want {
			t.Errorf("%s: free %d, next %d, %d bytes here, %v; want %d, %d, %d, %v", c.name, a.Free, a.Next, a.Here, a.Tail, free, c.next, c.here, c.want)
		}
		if used := uint32(len(c.tail) - bytes.Count(c.tail, []byte{0xFF})); a.Used != used {
			t.Errorf("%s: %d bytes used behind the log, want %d", c.name, a.Used, used)
		}
	}
}

// TestPictureText: the picture names the state of both areas, and each kind of record.
func TestPictureText(t *testing.T) {
	f := flashtest.New(t, "2x512", 1)
	s := openTDB(t, f, Options{})
	if err := s.SetReserved([]byte("root")); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"a", "b", "c"} {
		if err := s.Set(k, []byte("of "+k), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetStart("unfinished", 0, 0); err != nil {
		t.Fatal(err)
	}
	// The set collects, into area 1.
	if err := s.Set("a", []byte("new"), FlagWriteOnce); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove("b"); err != nil {
		t.Fatal(err)
	}
	copy(f.Cells[400:], rawRecord("old", []byte("earlier"), 0, 7)) // of an earlier life of area 0
	f.Cells[512] = 0                                               // of the reserved data
	p, err := Inspect(f, MbedCE)
	if err != nil {
		t.Fatal(err)
	}
	want := `area 0 at 0x00000, 512 bytes: standby, version 1
  reserved data, 4 bytes
  3 records, 3 live with 87 bytes; free from 0x000C3 on, 44 bytes there not erased, 1 stale records
  0x0006C live      "a", 4 bytes
  0x00089 live      "b", 4 bytes
  0x000A6 live      "c", 4 bytes
  stale 0x00190 dead      "old", 7 bytes
area 1 at 0x00200, 512 bytes: active, version 2
  reserved data, damaged
  5 records, 2 live with 57 bytes; free from 0x000F8 on, 0 bytes there not erased, 0 stale records
  ... 2 records
  0x000A6 live      "c", 4 bytes
  0x000C3 live      "a", 3 bytes, flags 0x1
  0x000DF tombstone "b", 0 bytes
`
	if got := p.Text(3); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

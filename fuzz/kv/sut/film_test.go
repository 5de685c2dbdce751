package sut

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/film"
	"dualbank/kvstore"
)

// lines are what a view shows, a line for each box and each belief.
func lines(v film.View) string {
	var b strings.Builder
	for _, x := range v.Boxes {
		fmt.Fprintf(&b, "0x%X %d %s: %s\n", x.Addr, x.Size, x.Kind, x.Text)
	}
	for _, x := range v.Belief {
		fmt.Fprintf(&b, "%s at 0x%X\n", x.Key, x.Addr)
	}
	return b.String()
}

// TestView: a frame shows each record with its kind and size, a torn one up to its last byte, and what the table in RAM
// believes while the store is open.
func TestView(t *testing.T) {
	d := explore.Device{Sectors: "4x512", Unit: 1, Base: 0, Size: 2048}
	f, err := d.Flash()
	if err != nil {
		t.Fatal(err)
	}
	var s *kvstore.TDBStore
	r, err := NewRun(f, &d, func(dev kvstore.BlockDevice) Store { s = kvstore.NewTDB(dev, kvstore.Options{}); return s }, []string{"a", "b"}, nil, 64)
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(s.Open())
	check(s.SetReserved([]byte("root")))
	check(s.Set("a", []byte("1"), 0))
	check(s.Set("b", []byte("12"), 0))
	check(s.Set("a", []byte("123"), 0))
	check(s.Set("other", nil, 0))
	check(s.Remove("b"))
	check(s.SetStart("a", 4, 0))
	check(s.SetAdd([]byte("1234")))
	// An earlier life has left a record behind the erase unit of the log, and a copy of the reserved data is damaged.
	image := r.Image()
	f.Poke(600, image[0x6C:0x6C+26])
	f.Poke(1024, []byte{0})
	want := `0x0 72 reserved: reserved data, 4 bytes
0x48 36 master: master record, version 1: active area
0x6C 26 dead: "a", 1 bytes
0x86 27 dead: "b", 2 bytes
0xA1 28 live: "a", 3 bytes
0xBD 29 live: "other", 0 bytes
0xDA 25 tombstone: "b", 0 bytes
0xF3 29 torn: unfinished record, 5 bytes not erased
0x258 26 stale: "a", 1 bytes
0x400 72 damaged: reserved data that is not whole
`
	hash := fmt.Sprintf("hash %08X", kvstore.CRC([]byte("other")))
	v := r.view(kvstore.MbedCE)
	if got, full := lines(v), want+"a at 0xA1\n"+hash+" at 0xBD\n"; got != full || !v.Open {
		t.Errorf("open %v, got\n%s\nwant\n%s", v.Open, got, full)
	}
	// A store that is closed believes nothing.
	check(s.Close())
	if v := r.view(kvstore.MbedCE); v.Open || lines(v) != want {
		t.Errorf("closed: open %v, got\n%s\nwant\n%s", v.Open, lines(v), want)
	}
}

// TestWritten: a torn record is as long as what of it is not erased, and at least a byte.
func TestWritten(t *testing.T) {
	r, _ := newTold(t, ram)
	for _, c := range []struct {
		cells []byte
		want  uint32
	}{
		{bytes.Repeat([]byte{0xFF}, 8), 1},
		{[]byte{0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, 1},
		{[]byte{0xFF, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, 2},
		{[]byte{0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0xFF}, 7},
		{make([]byte, 8), 8},
	} {
		r.F.Poke(2048, c.cells)
		if got := r.written(2048, 8); got != c.want {
			t.Errorf("% x: %d bytes, want %d", c.cells, got, c.want)
		}
	}
}

package cell

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestFootprint: work that is done again on cells that are equal in its footprint reads the same, and the hash tells
// whether they are.
func TestFootprint(t *testing.T) {
	type op struct {
		kind string
		off  uint32
		data []byte
	}
	rapid.Check(t, func(t *rapid.T) {
		const size = 4096
		a := New(Config{Bytes: size, Page: 256, Rule: AND, Access: Access{Unit: 1}})
		some := func(what string, most int) (uint32, []byte) {
			off := rapid.IntRange(0, size-1).Draw(t, what)
			return uint32(off), rapid.SliceOfN(rapid.Byte(), 1, min(most, size-off)).Draw(t, what)
		}
		for range 6 {
			off, data := some("before", 600)
			a.Poke(off, data)
		}
		var work []op
		for range rapid.IntRange(1, 12).Draw(t, "operations") {
			off, data := some("of", 300)
			work = append(work, op{rapid.SampledFrom([]string{"read", "copy", "known", "program", "erase", "cut"}).Draw(t, "kind"), off, data})
		}
		do := func() []byte {
			var read bytes.Buffer
			a.Mark()
			for _, o := range work {
				n := uint32(len(o.data))
				switch o.kind {
				case "read":
					p := make([]byte, n)
					a.Read(o.off, p)
					read.Write(p)
				case "copy":
					p := make([]byte, n)
					if a.Clean() {
						a.Copy(o.off, p)
					} else {
						a.Read(o.off, p)
					}
					read.Write(p)
				case "known":
					p := make([]byte, n)
					a.Need(o.off, n)
					a.Peek(o.off, p)
					read.Write(p)
				case "program":
					a.Program(o.off, o.data)
				case "erase":
					a.Erase(o.off&^255, 256)
				case "cut":
					a.CutErase(o.off&^255, 256, Prefix, uint64(o.off))
				}
			}
			a.Rollback()
			return read.Bytes()
		}
		var p Footprint
		a.Follow(&p)
		first := do()
		a.Follow(nil)
		hash, _ := a.HashOf(&p)
		needed := false
		off := uint32(rapid.IntRange(0, size-1).Draw(t, "changed"))
		a.Flip(off, 1<<rapid.IntRange(0, 7).Draw(t, "bit"))
		for _, s := range p.needs {
			needed = needed || s.from <= off && off < s.to
		}
		again, ok := a.HashOf(&p)
		if !ok || needed == (again == hash) {
			t.Fatalf("the cell at %d has changed, of %v, and the hash tells something else", off, p.needs)
		}
		if again == hash && !bytes.Equal(do(), first) {
			t.Fatalf("equal footprints, and another outcome: %v", p.needs)
		}
		for i, s := range p.needs {
			if s.from >= s.to || i > 0 && s.from <= p.needs[i-1].to {
				t.Fatalf("stretches out of order: %v", p.needs)
			}
		}
	})
}

// TestFootprintOfErased: what is erased first is not needed, to the last byte, and what lies around it is.
func TestFootprintOfErased(t *testing.T) {
	for _, c := range []struct {
		off, n uint32
		want   []stretch
	}{
		{256, 256, nil},
		{256, 1, nil},
		{511, 1, nil},
		{300, 0, nil},
		{255, 257, []stretch{{255, 512}}},
		{256, 257, []stretch{{256, 513}}},
		{512, 1, []stretch{{512, 513}}},
	} {
		var p Footprint
		p.erase(256, 256)
		if p.need(c.off, c.n); !slices.Equal(p.needs, c.want) {
			t.Errorf("%d bytes at %d: %v, want %v", c.n, c.off, p.needs, c.want)
		}
	}
	// Stretches that meet are one.
	var p Footprint
	for _, off := range []uint32{0, 20, 8, 40, 16} {
		p.need(off, 4)
	}
	p.need(4, 4)
	p.need(12, 4)
	if want := []stretch{{0, 24}, {40, 44}}; !slices.Equal(p.needs, want) {
		t.Errorf("%v, want %v", p.needs, want)
	}
}

// TestFootprintOfScars: cells that read differently from read to read have no hash.
func TestFootprintOfScars(t *testing.T) {
	a := New(Config{Bytes: 1024, Page: 256, Rule: AND, Access: Access{Unit: 1}})
	var p Footprint
	a.Follow(&p)
	a.Read(8, make([]byte, 8))
	a.Follow(nil)
	if _, ok := a.HashOf(&p); !ok {
		t.Fatal("no hash of plain cells")
	}
	a.CutProgram(512, []byte{0}, Weak, 3)
	if _, ok := a.HashOf(&p); ok {
		t.Error("a hash beside undecided cells")
	}
}

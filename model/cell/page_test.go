package cell

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"dualbank/model/random"
)

// TestImage compares the paged cells with a plain array under random operations, nested marks and
// snapshots.
func TestImage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 4096
		im := newImage(size, 256, false, 0)
		plain := bytes.Repeat([]byte{0xFF}, size)
		type kept struct {
			s     *Snapshot
			bytes []byte
		}
		var marks [][]byte
		var snaps []kept
		hashes := map[string]uint64{}
		for range rapid.IntRange(1, 60).Draw(t, "operations") {
			off := rapid.IntRange(0, size-1).Draw(t, "offset")
			data := rapid.SliceOfN(rapid.Byte(), 1, min(700, size-off)).Draw(t, "data")
			switch rapid.SampledFrom([]string{"and", "write", "erase", "mark", "rollback", "snapshot", "restore", "hash"}).Draw(t, "operation") {
			case "and":
				n := 0
				for i, b := range data {
					if plain[off+i] != 0xFF {
						n++
					}
					plain[off+i] &= b
				}
				if got := im.and(uint32(off), data); got != n {
					t.Fatalf("%d bytes reprogrammed, want %d", got, n)
				}
			case "write":
				copy(plain[off:], data)
				im.write(uint32(off), data)
			case "erase":
				n := len(data) * 4
				n = min(n, size-off)
				for i := range n {
					plain[off+i] = 0xFF
				}
				im.erase(uint32(off), uint32(n))
			case "mark":
				im.mark()
				marks = append(marks, bytes.Clone(plain))
			case "rollback":
				if n := len(marks); n > 0 {
					im.rollback()
					plain = marks[n-1]
					marks = marks[:n-1]
				}
			case "snapshot":
				snaps = append(snaps, kept{im.snapshot(), bytes.Clone(plain)})
			case "restore":
				if n := len(snaps); n > 0 {
					k := snaps[off%n]
					im.restore(k.s)
					plain = bytes.Clone(k.bytes)
				}
			case "hash":
				h, seen := hashes[string(plain)]
				if got := im.hash(); seen && got != h {
					t.Fatalf("equal cells have hashes %x and %x", got, h)
				} else if !seen {
					hashes[string(plain)] = got
				}
			}
			got := make([]byte, size)
			im.read(0, got)
			if !bytes.Equal(got, plain) {
				t.Fatal("cells differ from the plain array")
			}
			other := newImage(size, 256, false, 0)
			other.write(0, plain)
			if other.hash() != im.hash() {
				t.Fatal("the hash depends on history")
			}
		}
		for _, k := range snaps {
			other := newImage(size, 256, false, 0)
			other.restore(k.s)
			got := make([]byte, size)
			other.read(0, got)
			if !bytes.Equal(got, k.bytes) {
				t.Fatal("a snapshot has changed")
			}
		}
	})
}

// TestScarsAreCounted: whatever happens to an array, it knows how many of its pages have scars.
func TestScarsAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := rapid.SampledFrom([]Rule{AND, Copy, Reject, RejectNonblank, CorruptECC, Limited}).Draw(t, "rule")
		c := Config{Bytes: 2048, Page: 256, Rule: rule, Limit: 2, Access: Access{8, 8}}
		if rule == RejectNonblank || rule == CorruptECC {
			c.ECC = 8
		}
		a := New(c)
		r := random.New(rapid.Uint64().Draw(t, "seed"))
		modes := []Mode{Before, After, Torn, Prefix, Weak, ECC, Fail}
		if rapid.Bool().Draw(t, "rows") {
			c.RowBytes, c.RowWrites = 64, 3
			a = New(c)
		}
		marks := 0
		var s *Snapshot
		for range 40 {
			p := make([]byte, 8*(1+r.Intn(6)))
			if r.Intn(3) > 0 {
				r.Fill(p)
			}
			off, mode := 8*uint32(r.Intn(250)), modes[r.Intn(len(modes))]
			switch r.Intn(11) {
			case 0:
				a.Erase(off&^1023, 1024)
			case 1:
				a.Program(off, p)
			case 2:
				a.CutProgram(off, p[:8], mode, r.Uint64())
			case 3:
				a.CutErase(off&^1023, 1024, mode, r.Uint64())
			case 4:
				a.Flip(off, 1<<r.Intn(8))
			case 5:
				a.Boot()
			case 6:
				a.Mark()
				marks++
			case 7:
				if marks > 0 {
					a.Rollback()
					marks--
				}
			case 8:
				s = a.Snapshot()
			case 9:
				if s != nil {
					a.Restore(s)
				}
			default:
				a.Fill(off, 8)
			}
			scarred := 0
			for _, pg := range a.pages {
				if pg.scars != nil {
					scarred++
				}
			}
			if a.scarred != scarred {
				t.Fatalf("%d pages with scars, counted %d", scarred, a.scarred)
			}
		}
	})
}

// TestFill: what is programmed at once ends before the first unit that has a byte that is not erased.
func TestFill(t *testing.T) {
	for _, tt := range []struct {
		unit    uint32
		off     uint32
		n, used int // bytes to program, and place of the one that is not erased; -1: none
		want    int
	}{
		{8, 0, 64, -1, 64},
		{8, 0, 64, 0, 0},
		{8, 0, 64, 7, 0},
		{8, 0, 64, 8, 8},
		{8, 0, 64, 20, 16},
		{8, 0, 64, 63, 56},
		{1, 3, 50, 20, 17},
		{1, 0, 64, 63, 63},
		{32, 32, 96, 100, 64},
		{8, 248, 600, -1, 600},
		{8, 248, 600, 255, 0},
		{8, 248, 600, 256, 8},
		{8, 248, 600, 700, 448},
	} {
		im := newImage(1024, 256, false, 0)
		want := bytes.Repeat([]byte{0xFF}, 1024)
		if tt.used >= 0 {
			want[tt.used] = 0x7F
			im.write(uint32(tt.used), want[tt.used:tt.used+1])
		}
		p := make([]byte, tt.n)
		random.New(1).Fill(p)
		if got := im.fill(tt.off, p, tt.unit); got != tt.want {
			t.Errorf("%+v: %d bytes", tt, got)
		}
		copy(want[tt.off:], p[:tt.want])
		got := make([]byte, 1024)
		if im.read(0, got); !bytes.Equal(got, want) {
			t.Errorf("%+v: other cells are written", tt)
		}
	}
}

// TestFalls: bits of an incomplete erase fall at the second boot after it, and once. What is undecided does not fall.
func TestFalls(t *testing.T) {
	for _, ecc := range []uint32{0, 8} {
		im := newImage(512, 256, false, 0)
		im.scar(0, []byte{0x01, 0x80}, nil, 1)
		im.scar(300, nil, []byte{0x10, 0x00, 0x04}, 1)
		want := bytes.Repeat([]byte{0xFF}, 512)
		for n := range 4 {
			if n == 2 {
				want[300], want[302] = 0xEF, 0xFB
			}
			got := make([]byte, 512)
			if im.read(0, got); !bytes.Equal(got, want) {
				t.Errorf("ECC of %d bytes, boot %d: other cells", ecc, n)
			}
			im.boot(ecc)
		}
		if im.pages[0].scars == nil {
			t.Error("cells are decided by booting")
		}
		_, flipped := im.unitAt(296)
		if flipped != (ecc != 0) {
			t.Errorf("ECC of %d bytes: the unit is flipped: %v", ecc, flipped)
		}
		// One that is scarred anew begins to wait anew.
		im.scar(310, nil, []byte{2}, 1)
		im.boot(ecc)
		im.scar(311, nil, []byte{2}, 1)
		im.boot(ecc)
		got := make([]byte, 2)
		if im.read(310, got); got[0] != 0xFF || got[1] != 0xFF {
			t.Errorf("% x: fallen after one boot", got)
		}
	}
}

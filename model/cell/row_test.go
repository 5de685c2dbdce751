package cell

import (
	"bytes"
	"math/bits"
	"testing"
)

// TestRows: a row takes so many programs between erases; each one beyond clears one bit that was not written, and
// an erase starts anew.
func TestRows(t *testing.T) {
	a := New(Config{Bytes: 2048, Page: 1024, Rule: AND, Access: Access{4, 4}, RowBytes: 256, RowWrites: 83})
	zeros := func() (n int) {
		p := make([]byte, 256)
		a.Peek(256, p)
		for _, b := range p {
			n += 8 - bits.OnesCount8(b)
		}
		return n
	}
	for range 3 {
		for i := range 100 {
			a.Program(256+4*uint32(i%64), []byte{0xFF, 0xFF, 0xFF, 0xFE})
			want, least := min(i+1, 64), 0
			if i >= 83 {
				want, least = want+i-82, want+1
			}
			if n := zeros(); n > want || n < max(least, min(i+1, 64)) {
				t.Fatalf("%d bits are 0 after %d programs, want up to %d", n, i+1, want)
			}
		}
		before := a.Hash()
		a.Mark()
		a.Program(256, []byte{0, 0, 0, 0})
		a.Rollback()
		if a.Hash() != before {
			t.Fatal("a rollback does not bring back the counts")
		}
		a.Erase(0, 1024)
		if a.Hash() != New(Config{Bytes: 2048, Page: 1024, Rule: AND, Access: Access{4, 4}, RowBytes: 256}).Hash() {
			t.Fatal("an erase leaves something")
		}
	}
	// The other rows of the page are not touched.
	p := make([]byte, 256)
	a.Peek(512, p)
	if !bytes.Equal(p, bytes.Repeat([]byte{0xFF}, 256)) {
		t.Errorf("another row holds % x", p)
	}
}

// TestDisturbed: a bit that is cleared is one of the row's, and each of them may be.
func TestDisturbed(t *testing.T) {
	a := New(Config{Bytes: 64, Page: 64, Rule: AND, Access: Access{1, 1}, RowBytes: 16, RowWrites: 1})
	for writes := range uint64(2000) {
		a.disturb(16, writes)
	}
	p := make([]byte, 64)
	a.Peek(0, p)
	for i, b := range p {
		want := byte(0xFF)
		if i/16 == 1 {
			want = 0
		}
		if b != want {
			t.Errorf("byte %d is %02X, want %02X", i, b, want)
		}
	}
}

// TestInverted: cells that erase to another value than all ones read it, take programs from it only, and are in
// everything else as cells that erase to ones.
func TestInverted(t *testing.T) {
	for _, pattern := range []uint32{0, 0xE339E339} {
		erased := []byte{byte(pattern), byte(pattern >> 8), byte(pattern >> 16), byte(pattern >> 24)}
		a := New(Config{Bytes: 1024, Page: 256, Rule: RejectNonblank, ECC: 8, Access: Access{8, 8}, Inverted: ^pattern})
		got := make([]byte, 8)
		a.Peek(2, got[:4])
		if want := []byte{erased[2], erased[3], erased[0], erased[1]}; !bytes.Equal(got[:4], want) {
			t.Errorf("erased cells from byte 2 on read % x, want % x", got[:4], want)
		}
		data := []byte("settings")
		if done, ok := a.Program(8, data); done != 8 || !ok {
			t.Errorf("%d bytes, %v", done, ok)
		}
		if ok := a.Read(8, got); !ok || !bytes.Equal(got, data) || !a.Holds(8, data) {
			t.Errorf("read %q, %v", got, ok)
		}
		if _, ok := a.Program(8, []byte("SETTINGS")); ok {
			t.Error("a second program was taken")
		}
		if _, ok := a.CutProgram(16, data, Torn, 1); !ok {
			t.Error("a program of erased cells was refused")
		}
		a.Peek(16, got)
		for i, b := range got {
			if e := erased[i%4]; (b^e)&^(data[i]^e) != 0 {
				t.Errorf("byte %d: %02x is not between %02x and %02x", i, b, e, data[i])
			}
		}
		a.Poke(24, data)
		if a.Peek(24, got); !bytes.Equal(got, data) {
			t.Errorf("poked, and read %q", got)
		}
		a.Erase(0, 1024)
		if a.Peek(8, got); !bytes.Equal(got[:4], erased) || !bytes.Equal(got[4:], erased) {
			t.Errorf("after the erase: % x", got)
		}
	}
}

package firmware

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// apply makes the new image from a delta that comes in pieces of step bytes.
func patched(base, delta []byte, step int) ([]byte, error) {
	var out []byte
	p := NewPatch(sha256.Sum256(base), func(offset uint32, b []byte) error {
		copy(b, base[offset:int(offset)+len(b)])
		return nil
	}, func(offset uint32, b []byte) error {
		if int(offset) != len(out) {
			return errors.New("not in order")
		}
		out = append(out, b...)
		return nil
	}, nil)
	for len(delta) > 0 {
		n := min(step, len(delta))
		if _, err := p.Write(delta[:n]); err != nil {
			return nil, err
		}
		delta = delta[n:]
	}
	return out, p.Close()
}

// program is an image that looks like code: instructions from a small set, calls to addresses that all
// move when something is put in.
func program(seed uint64, size, moved, by int) []byte {
	p := make([]byte, size)
	noise := make([]byte, size)
	stream(seed, 0, noise)
	for i := 0; i+4 <= size; i += 4 {
		copy(p[i:], []byte{0x10 + noise[i]%8, 0xB5, noise[i+1] % 16, 0x46})
		if noise[i+2]%16 == 0 {
			to := int(noise[i+3])<<9 + i
			if to > moved {
				to += by
			}
			p[i], p[i+1], p[i+2], p[i+3] = byte(to), byte(to>>8), byte(to>>16), 0x08
		}
	}
	return p
}

// stream is the byte stream of a seed, at any place.
func stream(seed, offset uint64, p []byte) {
	for i := range p {
		at := offset + uint64(i)
		z := seed + (at/8+1)*0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		p[i] = byte(z >> (at % 8 * 8))
	}
}

func TestDelta(t *testing.T) {
	old := program(1, 60_000, 1<<30, 0)
	moved := slices.Insert(program(1, 60_000, 30_000, 64), 30_000, program(9, 64, 0, 0)...)
	other := program(2, 60_000, 1<<30, 0)
	noise := make([]byte, 20_000)
	stream(3, 0, noise)
	for _, c := range []struct {
		name string
		new  []byte
		most int // bytes of delta
	}{
		{"the same", old, 200},
		{"nothing", nil, deltaHeader},
		{"one byte", []byte{7}, 60},
		{"a byte changed", func() []byte { n := slices.Clone(old); n[30_000] ^= 1; return n }(), 200},
		{"a function put in, all addresses behind it moved", moved, 8_000},
		{"cut", old[1000:50_000], 200},
		{"turned around", append(slices.Clone(old[30_000:]), old[:30_000]...), 200},
		{"another program", other, 45_000},
		{"noise", noise, 20_400},
	} {
		delta, err := MakeDelta(old, c.new)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := MakeDelta(old, c.new); err != nil || !bytes.Equal(delta, again) {
			t.Errorf("%s: not the same twice", c.name)
		}
		if len(delta) > c.most {
			t.Errorf("%s: %d bytes, want at most %d", c.name, len(delta), c.most)
		}
		for _, step := range []int{1, 7, 1024, len(delta)} {
			got, err := patched(old, delta, step)
			if err != nil || !bytes.Equal(got, c.new) {
				t.Errorf("%s, in pieces of %d: %d bytes, %v", c.name, step, len(got), err)
			}
		}
	}
}

func TestDeltaRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.SliceOfN(rapid.ByteRange(0, 3), 0, 3000).Draw(t, "base")
		var new []byte
		for range rapid.IntRange(0, 6).Draw(t, "pieces") {
			if len(base) > 0 && rapid.Bool().Draw(t, "old") {
				from := rapid.IntRange(0, len(base)-1).Draw(t, "from")
				new = append(new, base[from:rapid.IntRange(from, len(base)).Draw(t, "to")]...)
			} else {
				new = append(new, rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "new")...)
			}
		}
		delta, err := MakeDelta(base, new)
		if err != nil {
			t.Fatal(err)
		}
		got, err := patched(base, delta, rapid.IntRange(1, 600).Draw(t, "step"))
		if err != nil || !bytes.Equal(got, new) {
			t.Fatalf("%d bytes, want %d: %v", len(got), len(new), err)
		}
		if n := rapid.IntRange(0, max(len(delta)-1, 0)).Draw(t, "cut"); n < len(delta) {
			if _, err := patched(base, delta[:n], 100); !errors.Is(err, ErrDelta) {
				t.Fatalf("cut after %d of %d bytes: %v", n, len(delta), err)
			}
		}
	})
}

func TestDeltaRefused(t *testing.T) {
	old := program(1, 20_000, 1<<30, 0)
	delta, err := MakeDelta(old, program(2, 20_000, 1<<30, 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := patched(old[1:], delta, 512); err != ErrDeltaBase {
		t.Errorf("another base: %v", err)
	}
	for i := range deltaHeader {
		bad := slices.Clone(delta)
		bad[i] ^= 0x10
		if _, err := patched(old, bad, 512); !errors.Is(err, ErrDelta) {
			t.Errorf("header byte %d changed: %v", i, err)
		}
	}
	for _, c := range []struct {
		name, want string
		ops        []byte
	}{
		{"past the end", "past the image's end", []byte{200<<2&0x7F | 0x80, 200 << 2 >> 7}},
		{"behind the end", "behind the image's end", append(append([]byte{10 << 2}, make([]byte, 10)...), 4)},
		{"base, past its end", "past the base's end", []byte{10<<2 | opSeek, 4<<2 | opCopy}},
		{"base, before its start", "past the base's end", []byte{1<<2 | opSeek, 4<<2 | opCopy}},
		{"number", "a number is too large", []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1}},
		{"cut", "cut short", []byte{10 << 2, 1}},
	} {
		d, err := MakeDelta(make([]byte, 8), make([]byte, 10))
		if err != nil {
			t.Fatal(err)
		}
		n := byte(len(c.ops))
		d = append(append(d[:deltaHeader], n, 0, n, 0), c.ops...)
		if _, err := patched(make([]byte, 8), d, 3); !errors.Is(err, ErrDelta) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := patched(old, append(slices.Clone(delta[:deltaHeader]), 0, 0x20, 1, 0, 1), 512); !errors.Is(err, ErrDelta) {
		t.Errorf("a block that is too large: %v", err)
	}
}

// TestDeltaRAM: what the device needs is what is said.
func TestDeltaRAM(t *testing.T) {
	if n := unsafe.Sizeof(Patch{}); n > DeltaRAM+128 { // the host's pointers are twice as large
		t.Errorf("a Patch has %d bytes, %d are said", n, DeltaRAM)
	}
}

// FuzzDelta applies anything: no panic, no byte more than the header says, no read outside the base.
func FuzzDelta(f *testing.F) {
	base := program(1, 3000, 1<<30, 0)
	for _, new := range [][]byte{nil, base, base[100:], program(2, 3000, 1<<30, 0)} {
		d, err := MakeDelta(base, new)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(d[deltaHeader:], uint16(len(new)), uint16(100))
	}
	f.Add([]byte("\x02\x00\x02\x00\xe1]\xe9\x9e\xc9K_j\xa8"), uint16(3000), uint16(100))
	f.Fuzz(func(t *testing.T, blocks []byte, size, step uint16) {
		d, err := MakeDelta(base, make([]byte, size))
		if err != nil {
			t.Fatal(err)
		}
		d = append(d[:deltaHeader:deltaHeader], blocks...)
		got, err := patched(base, d, int(step)+1) // slices base, so a read outside it panics
		if err == nil && len(got) != int(size) || len(got) > int(size) {
			t.Fatalf("%d bytes, the header says %d: %v", len(got), size, err)
		}
	})
}

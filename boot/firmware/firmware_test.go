package firmware

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseHex(t *testing.T) {
	const text = ":020000040800F2\r\n:108400000000012001850008010203040506070899\r\n\r\n:02841000AABB05\r\n:04000005080084016A\r\n:00000001FF\r\n"
	segs, err := ParseHex([]byte(text))
	want := []Segment{{0x08008400, []byte{0, 0, 1, 32, 1, 133, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0xAA, 0xBB}}}
	if err != nil || !cmp.Equal(want, segs) {
		t.Errorf("%v, %v", segs, err)
	}
	// Segmented addresses, pieces out of order.
	segs, err = ParseHex([]byte(":020000021000EC\n:01001000559A\n:01000000AA55\n:00000001FF"))
	want = []Segment{{0x10000, []byte{0xAA}}, {0x10010, []byte{0x55}}}
	if err != nil || !cmp.Equal(want, segs) {
		t.Errorf("%v, %v", segs, err)
	}
}

func TestParseHexErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "the end record is missing"},
		{":01000000AA55\n", "line 1: the end record is missing"},
		{"x", "line 1: a record begins with ':'"},
		{":0", "line 1: not a record"},
		{":zz000000", "line 1: not a record"},
		{":00000001FE", "line 1: wrong checksum"},
		{":02000000AA54", "line 1: 2 data bytes announced, 1 there"},
		{":00000006FA", "line 1: unknown record type 6"},
		{":01000004AA51", "line 1: 1 data bytes in a record of type 4"},
		{":00000001FF\n:00000001FF", "line 2: after the end record"},
		{":01000000AA55\n:01000000AA55\n:00000001FF", "two pieces of data at address 0x00000000"},
		{":02000004FFFFFC\n:02FFFF00AABB9B\n:00000001FF", "line 2: a record leaves the address space"},
		{":020000021000EC\n:02FFFF00AABB9B\n:00000001FF", "line 2: a record wraps around its segment"},
	} {
		if _, err := ParseHex([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestHexRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var segs []Segment
		at := uint64(rapid.Uint32Range(0, 1<<31).Draw(t, "start"))
		for _, data := range rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 100), 0, 5).Draw(t, "data") {
			segs = append(segs, Segment{uint32(at), data})
			at += uint64(len(data)) + uint64(rapid.Uint32Range(1, 1<<17).Draw(t, "gap"))
		}
		var b bytes.Buffer
		if err := WriteHex(&b, segs); err != nil {
			t.Fatal(err)
		}
		back, err := ParseHex(b.Bytes())
		if err != nil || !cmp.Equal(segs, back) {
			t.Fatalf("%v\n%s", err, cmp.Diff(segs, back))
		}
	})
}

// elfFile makes an ARM ELF file with one loadable segment for each of segs.
func elfFile(segs ...Segment) []byte {
	le := binary.LittleEndian
	p := append([]byte("\x7fELF\x01\x01\x01"), make([]byte, 9)...)
	p = le.AppendUint16(p, 2)  // executable
	p = le.AppendUint16(p, 40) // ARM
	p = le.AppendUint32(p, 1)
	p = le.AppendUint32(p, 0x08008401)
	p = le.AppendUint32(p, 52) // program headers
	p = le.AppendUint32(p, 0)
	p = le.AppendUint32(p, 0)
	for _, v := range []uint16{52, 32, uint16(len(segs)), 40, 0, 0} {
		p = le.AppendUint16(p, v)
	}
	at := uint32(52 + 32*len(segs))
	for _, s := range segs {
		n := uint32(len(s.Data))
		for _, v := range []uint32{1, at, 0x20000000, s.Addr, n, n, 5, 4} {
			p = le.AppendUint32(p, v)
		}
		at += n
	}
	for _, s := range segs {
		p = append(p, s.Data...)
	}
	return p
}

func hexFile(segs ...Segment) []byte {
	var b bytes.Buffer
	WriteHex(&b, segs)
	return b.Bytes()
}

func TestReadFirmware(t *testing.T) {
	const start, size = 0x08008400, 0x1000
	code := Segment{start, []byte{0, 0, 2, 0x20, 0x11, 0x84, 0, 8, 1, 2}}
	data := Segment{start + 12, []byte{3, 4}}
	want := append(append(append([]byte(nil), code.Data...), 0xFF, 0xFF), data.Data...)
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"app.elf", "", elfFile(code, data)},
		{"app.hex", "", hexFile(code, data)},
		{"app.bin", "", want},
		{"late.elf", "late.elf: its first byte is at 0x0800840C, but the application begins at 0x08008400", elfFile(data)},
		{"boot.hex", "boot.hex: data at 0x08000000-0x0800000A does not lie in the application's region 0x08008400-0x08009400: link", hexFile(Segment{0x08000000, code.Data}, data)},
		{"large.elf", "large.elf: data at 0x08008400-0x08009401 does not lie in", elfFile(Segment{start, make([]byte, size+1)})},
		{"large.bin", "large.bin: data at 0x08008400-0x08009401 does not lie in", make([]byte, size+1)},
		{"empty.bin", "empty.bin: there is no data in it", nil},
		{"empty.elf", "there is no data in it", elfFile()},
		{"other.bin", "other.bin: its reset vector 0x08000124 lies outside the application's region", []byte{0, 0, 2, 0x20, 0x25, 1, 0, 8}},
		{"cut.elf", "cut.elf: segment 0 reaches past the end of the file", elfFile(code)[:90]},
		{"x86.elf", "give one for a 32-bit little-endian ARM", func() []byte { f := elfFile(code); f[18] = 3; return f }()},
		{"lib.elf", "give a linked application", func() []byte { f := elfFile(code); f[16] = 1; return f }()},
		{"twice.elf", "two pieces of data at address 0x08008400", elfFile(code, code)},
		{"bad.hex", "bad.hex: line 1: wrong checksum", []byte(":00000001FE")},
		{"bad.elf", "not a usable ELF file", []byte("\x7fELFxyz")},
	} {
		got, err := Read(c.name, c.file, start, size)
		switch {
		case c.want == "" && (err != nil || !bytes.Equal(got, want)):
			t.Errorf("%s: %x, %v", c.name, got, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func FuzzFirmware(f *testing.F) {
	code := Segment{0x08008400, []byte{0, 0, 2, 0x20, 0x11, 0x84, 0, 8, 1, 2}}
	f.Add(elfFile(code, Segment{0x08008500, []byte("data")}))
	f.Add(hexFile(code))
	f.Add([]byte(":020000021000EC\n:01001000559A\n:00000001FF"))
	f.Add([]byte("plain"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if segs, err := ParseHex(file); err == nil {
			back, err := ParseHex(hexFile(segs...))
			if err != nil || !cmp.Equal(segs, back) {
				t.Fatalf("%v came back as %v, %v", segs, back, err)
			}
		}
		fw, err := Read("f", file, 0x08008400, 4096)
		if err != nil && strings.ContainsRune(err.Error(), '\n') || err == nil && (len(fw) == 0 || len(fw) > 4096) {
			t.Fatalf("%d bytes, %v", len(fw), err)
		}
	})
}

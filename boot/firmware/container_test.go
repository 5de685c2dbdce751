package firmware

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// srec writes data as S-records with addresses of width bytes.
func srec(addr uint32, data []byte, width int) string {
	var b strings.Builder
	record := func(kind byte, addr uint32, width int, data []byte) {
		p := []byte{byte(width + len(data) + 1)}
		for i := width - 1; i >= 0; i-- {
			p = append(p, byte(addr>>(8*i)))
		}
		p = append(p, data...)
		fmt.Fprintf(&b, "S%c%X%02X\n", kind, p, ^sum(p))
	}
	record('0', 0, 2, []byte("name"))
	for len(data) > 0 {
		n := min(16, len(data))
		record(byte('0'+width-1), addr, width, data[:n])
		addr += uint32(n)
		data = data[n:]
	}
	record(byte('9'-width+2), addr, width, nil)
	return b.String()
}

func uf2(addr uint32, data []byte, flags uint32) (file []byte) {
	for len(data) > 0 {
		n := min(256, len(data))
		b := make([]byte, 512)
		for i, v := range []uint32{uf2Magic, uf2Magic2, flags, addr, uint32(n)} {
			binary.LittleEndian.PutUint32(b[4*i:], v)
		}
		copy(b[32:], data[:n])
		binary.LittleEndian.PutUint32(b[508:], uf2End)
		file = append(file, b...)
		addr += uint32(n)
		data = data[n:]
	}
	return file
}

func dfuse(addr uint32, data []byte) []byte {
	file := append([]byte("DfuSe\x01\x00\x00\x00\x00\x01"), make([]byte, 274)...)
	copy(file[11:], "Target")
	binary.LittleEndian.PutUint32(file[11+270:], 1)
	file = binary.LittleEndian.AppendUint32(file, addr)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(data)))
	file = append(file, data...)
	return append(file, make([]byte, 16)...)
}

// TestSegments reads the same bytes from every container, with what tools and people leave around them.
func TestSegments(t *testing.T) {
	const addr = 0x08008400
	data := []byte{0, 0, 2, 0x20, 0x11, 0x84, 0, 8}
	for i := range 60 {
		data = append(data, byte(i))
	}
	hex := string(hexFile(Segment{addr, data}))
	lines := strings.SplitAfter(hex, "\n")
	suffixed := append(bytes.Clone(data), 0, 0, 0, 0, 0, 0, 0, 1, 'U', 'F', 'D', 16)
	suffixed = binary.LittleEndian.AppendUint32(suffixed, ^crc32.ChecksumIEEE(suffixed))
	for _, c := range []struct {
		name   string
		file   []byte
		format Format
	}{
		{"binary", data, Binary},
		{"binary with a DFU suffix", suffixed, Binary},
		{"ELF", elfFile(Segment{addr, data}), ELF},
		{"HEX", []byte(hex), HEX},
		{"HEX with CR LF", []byte(strings.ReplaceAll(hex, "\n", "\r\n")), HEX},
		{"HEX with CR only", []byte(strings.ReplaceAll(hex, "\n", "\r")), HEX},
		{"HEX behind a byte order mark", []byte("\uFEFF" + hex), HEX},
		{"HEX behind a comment line", []byte("built for a board: today\n" + hex), HEX},
		{"HEX behind a prompt", []byte("$ cat x.hex\n\x1b[0m" + hex + "$ "), HEX},
		{"HEX with comments in between", []byte(lines[0] + "# half\n; more\n" + strings.Join(lines[1:], "")), HEX},
		{"HEX with an end of file mark", []byte(hex + "\x1a"), HEX},
		{"HEX between control characters", []byte("\x02\r\n" + hex + "\x03\x04\r\n\x00"), HEX},
		{"HEX with text in front of each record", []byte("log " + strings.ReplaceAll(strings.TrimSuffix(hex, "\n"), "\n", "\nlog ")), HEX},
		{"HEX in small letters", []byte(strings.ToLower(hex)), HEX},
		{"S1", []byte(srec(addr&0xFFFF, data, 2)), SREC},
		{"S2", []byte(srec(addr&0xFFFFFF, data, 3)), SREC},
		{"S3", []byte(srec(addr, data, 4)), SREC},
		{"S3 behind a header and with CR only", []byte(strings.ReplaceAll("image\n"+srec(addr, data, 4), "\n", "\r")), SREC},
		{"UF2", uf2(addr, data, 0x2000), UF2},
		{"UF2 with a block for elsewhere", append(uf2(0, []byte("x"), uf2NotFlash), uf2(addr, data, 0)...), UF2},
		{"DfuSe", dfuse(addr, data), DfuSe},
	} {
		want := uint32(addr)
		if c.name == "S1" || c.name == "S2" {
			want &= map[string]uint32{"S1": 0xFFFF, "S2": 0xFFFFFF}[c.name]
		}
		if f, err := Detect(c.file); f != c.format || err != nil {
			t.Errorf("%s: is taken for %s, %v", c.name, f, err)
		}
		segs, err := Segments(c.name, c.file, addr)
		if err != nil || !cmp.Equal([]Segment{{want, data}}, segs) {
			t.Errorf("%s: %v, %v", c.name, segs, err)
		}
	}
}

// TestRefused: files that hold no image as it is are refused with what to do, never taken as raw.
func TestRefused(t *testing.T) {
	data := bytes.Repeat([]byte{1, 2, 3, 4}, 100)
	good := uf2(0x08000000, data, 0)
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"gzip", "a gzip archive: unpack it with gunzip", []byte("\x1f\x8b\x08")},
		{"zip", "a zip archive: unpack it with unzip", []byte("PK\x03\x04")},
		{"UTF-16", "text in UTF-16: convert it with iconv", []byte("\xff\xfe:\x001\x00")},
		{"TI-TXT", "text of TI-TXT: convert it with srec_cat", []byte("@8000\n31 40 00 03\nq\n")},
		{"Tektronix", "text of Tektronix hex: convert it with objcopy", []byte("%2A6E3100000000\n")},
		{"dump", "text in no format that is known: convert it to Intel HEX or binary", bytes.Repeat([]byte("00000000: 0000 0220 1184 0008\n"), 20)},
		{"cut UF2", "block 1 has 100 of its 512 bytes: the file is cut short", good[:612]},
		{"bad UF2", "block 1 has no UF2 marks", append(bytes.Clone(good[:512]), make([]byte, 512)...)},
		{"empty UF2", "there is no data in it", uf2(0, data, uf2NotFlash)},
		{"cut DfuSe", "the file is cut short", dfuse(0x08000000, data)[:300]},
		{"DfuSe", "no mark", append([]byte("DfuSe\x01\x00\x00\x00\x00\x01"), make([]byte, 300)...)},
		{"bad S-record", "line 3: wrong checksum", []byte(badSREC(data))},
		{"bad HEX", "line 1: wrong checksum", []byte(":0100000001FF\n:00000001FF\n")},
		{"HEX with a torn record", "line 2: not a record", []byte(":0100000001FE\n:0\n:00000001FF\n")},
		{"HEX without its end", "the end record is missing", []byte("comment\n:0100000001FE\n")},
		{"two pieces", "two pieces of data at address 0x08000000", append(bytes.Clone(good), good...)},
	} {
		segs, err := Segments(c.name, c.file, 0x08000000)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), c.name+": ") {
			t.Errorf("%s: %d segments, %v; want %q", c.name, len(segs), err, c.want)
		}
	}
}

// badSREC is S-records whose third line has one wrong digit.
func badSREC(data []byte) string {
	lines := strings.SplitAfter(srec(0x08000000, data, 4), "\n")
	lines[2] = lines[2][:12] + "F" + lines[2][13:]
	return strings.Join(lines, "")
}

func FuzzSegments(f *testing.F) {
	code := []byte("some code and data for an image")
	for _, seed := range [][]byte{
		uf2(0x08000000, code, 0), dfuse(0x08000000, code), []byte(srec(0x08000000, code, 4)), []byte("text\r" + srec(0x8000, code, 2)),
		[]byte("\uFEFF# c\r\n:0100000001FE\n\n:00000001FF\x1a"), []byte("@8000\nq"), []byte("\x1f\x8b"), code,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		segs, err := Segments("f", file, 0x08000000)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Fatalf("not one line: %q", err)
			}
			return
		}
		end := uint64(0)
		for i, s := range segs {
			if len(s.Data) == 0 || i > 0 && uint64(s.Addr) <= end || s.End() > 1<<32 {
				t.Fatalf("segment %d: 0x%X, %d bytes, after 0x%X", i, s.Addr, len(s.Data), end)
			}
			end = s.End()
		}
		// The same records without what stands around them give the same data.
		if format, _ := Detect(file); format == HEX || format == SREC {
			again, err := Segments("f", Records(file), 0x08000000)
			if err != nil || !cmp.Equal(segs, again) {
				t.Fatalf("%v, %v, want %v", again, err, segs)
			}
		}
	})
}

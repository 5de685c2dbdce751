package firmware

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
)

// Format is what a file with an image or a dump is.
type Format string

// The formats that are read. Binary is what is left when a file has no mark of another one.
const (
	Binary Format = "binary"
	HEX    Format = "Intel HEX"
	SREC   Format = "Motorola S-record"
	ELF    Format = "ELF"
	UF2    Format = "UF2"
	DfuSe  Format = "DfuSe"
)

// refused are the beginnings of files that hold no image as bytes, and what to do about them.
var refused = []struct{ magic, text string }{
	{"\x1f\x8b", "a gzip archive: unpack it with gunzip"},
	{"PK\x03\x04", "a zip archive: unpack it with unzip"},
	{"BZh", "a bzip2 archive: unpack it with bunzip2"},
	{"\xFD7zXZ\x00", "an xz archive: unpack it with unxz"},
	{"7z\xBC\xAF\x27\x1C", "a 7z archive: unpack it"},
	{"MZ", "a program for Windows: give the image for the microcontroller"},
	{"\xCF\xFA\xED\xFE", "a program for macOS: give the image for the microcontroller"},
	{"\xFF\xFE:\x00", "text in UTF-16: convert it with iconv -f UTF-16 -t ASCII"},
	{"\xFE\xFF\x00:", "text in UTF-16: convert it with iconv -f UTF-16 -t ASCII"},
	{"\xFF\xFES\x00", "text in UTF-16: convert it with iconv -f UTF-16 -t ASCII"},
	{"\xFE\xFF\x00S", "text in UTF-16: convert it with iconv -f UTF-16 -t ASCII"},
	{"!<arch>\n", "a library of objects: link it"},
}

// Detect finds a file's format by what it holds, not by its name. The error is for containers that are not
// read: it says what the file is and how to convert it.
func Detect(file []byte) (Format, error) {
	switch {
	case bytes.HasPrefix(file, []byte(elf.ELFMAG)):
		return ELF, nil
	case len(file) >= 8 && binary.LittleEndian.Uint32(file) == uf2Magic && binary.LittleEndian.Uint32(file[4:]) == uf2Magic2:
		return UF2, nil
	case bytes.HasPrefix(file, []byte("DfuSe")):
		return DfuSe, nil
	}
	for _, r := range refused {
		if bytes.HasPrefix(file, []byte(r.magic)) {
			return Binary, errors.New(r.text)
		}
	}
	if _, format := records(file); format != Binary {
		return format, nil
	}
	if text := bytes.TrimSpace(trimMarks(file)); len(text) > 0 && isText(text) {
		switch {
		case text[0] == ':':
			return HEX, nil // its first record is damaged
		case len(text) > 1 && text[0] == 'S' && text[1] >= '0' && text[1] <= '9':
			return SREC, nil
		case text[0] == '@' && bytes.ContainsAny(text, "\r\n"):
			return Binary, errors.New("text of TI-TXT: convert it with srec_cat FILE -ti_txt -o image.hex -intel")
		case text[0] == '%' && len(text) > 6:
			return Binary, errors.New("text of Tektronix hex: convert it with objcopy -I tekhex -O ihex FILE image.hex")
		case len(text) >= 256:
			return Binary, errors.New("text in no format that is known: convert it to Intel HEX or binary with objcopy")
		}
	}
	return Binary, nil
}

// isText reports whether all of p is printable ASCII, white space, or control characters that terminals and
// serial links leave in text files.
func isText(p []byte) bool {
	return !slices.ContainsFunc(p, func(c byte) bool { return c == 0 || c >= 0x7F })
}

// mostlyText reports whether at most one byte in twenty of p is no text, as in a capture of a serial link.
func mostlyText(p []byte) bool {
	other := 0
	for _, c := range p {
		if c == 0 || c >= 0x7F {
			other++
		}
	}
	return other*20 <= len(p)
}

// trimMarks drops a byte order mark and control characters at both ends.
func trimMarks(file []byte) []byte {
	file = bytes.TrimPrefix(file, []byte("\uFEFF"))
	return bytes.TrimFunc(file, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' || r == 0x7F })
}

// records returns the lines of an Intel HEX or S-record file with everything else blanked: a byte order mark,
// control characters, text in front of the first record, comments between records, and text behind the last
// one. Line numbers stay. The format is Binary if no line has a record with the right checksum.
func records(file []byte) ([]byte, Format) {
	if !mostlyText(file[:min(len(file), 4096)]) {
		return nil, Binary
	}
	text := file
	if !bytes.Contains(text, []byte("\n")) {
		text = bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))
	}
	lines := bytes.Split(text, []byte("\n"))
	first, last, format := -1, -1, Binary
	for i, line := range lines {
		rec, f := recordIn(line)
		if f == Binary || format != Binary && f != format {
			continue
		}
		if first < 0 {
			first, format = i, f
		}
		last = i
		lines[i] = rec
	}
	if format == Binary {
		return nil, Binary
	}
	for i, line := range lines {
		trimmed := bytes.TrimSpace(trimMarks(line))
		comment := len(trimmed) > 0 && strings.IndexByte("#;/*", trimmed[0]) >= 0
		switch {
		case i < first && isRecordStart(trimmed):
			lines[i] = trimmed // a damaged record: it must not be lost
		case i < first || comment:
			lines[i] = nil
		case i > last && !bytes.ContainsRune(trimmed, ':') && !isRecordStart(trimmed):
			lines[i] = nil
		default:
			lines[i] = trimmed
		}
	}
	return bytes.Join(lines, []byte("\n")), format
}

// isRecordStart reports whether line may be a damaged record.
func isRecordStart(line []byte) bool {
	if len(line) < 4 || line[0] != ':' && (line[0] != 'S' || line[1] < '0' || line[1] > '9') {
		return false
	}
	_, hex := unhex(line[2:4])
	return hex
}

// recordIn finds a record in a line, perhaps behind other text, whose length and checksum are right.
func recordIn(line []byte) ([]byte, Format) {
	line = bytes.TrimRight(line, "\r\t\v\f \x00\x1a\x03\x04")
	if i := bytes.IndexByte(line, ':'); i >= 0 && len(line) < 1<<12 {
		if p, ok := unhex(line[i+1:]); ok && len(p) >= 5 && len(p) == 5+int(p[0]) && sum(p) == 0 {
			return line[i:], HEX
		}
	}
	for i := range min(len(line), 1<<12) {
		if line[i] != 'S' || i > 0 && isAlnum(line[i-1]) {
			continue
		}
		if rest := line[i:]; len(rest) >= 10 && rest[1] >= '0' && rest[1] <= '9' {
			if p, ok := unhex(rest[2:]); ok && len(p) == 1+int(p[0]) && sum(p) == 0xFF {
				return rest, SREC
			}
		}
	}
	return nil, Binary
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func unhex(digits []byte) ([]byte, bool) {
	if len(digits)%2 != 0 || len(digits) == 0 {
		return nil, false
	}
	p := make([]byte, len(digits)/2)
	for i := range p {
		high, low := strings.IndexByte(hexDigits, digits[2*i]|0x20), strings.IndexByte(hexDigits, digits[2*i+1]|0x20)
		if high < 0 || low < 0 {
			return nil, false
		}
		p[i] = byte(high<<4 | low)
	}
	return p, true
}

const hexDigits = "0123456789abcdef"

func sum(p []byte) (s byte) {
	for _, c := range p {
		s += c
	}
	return s
}

// Records returns the records of an Intel HEX or S-record file without what stands around them, one on each
// line of the file, for ParseHex and ParseSREC. A file without any record is returned as it is.
func Records(file []byte) []byte {
	if text, format := records(file); format != Binary {
		return text
	}
	return file
}

// Segments returns the data of an image file in any of the formats, ascending and disjoint and not empty. A
// plain binary begins at base. The error begins with name and says what is wrong and what to do.
func Segments(name string, file []byte, base uint32) ([]Segment, error) {
	format, err := Detect(file)
	var segs []Segment
	if err == nil {
		switch format {
		case ELF:
			segs, err = elfSegments(file)
		case HEX:
			segs, err = ParseHex(Records(file))
		case SREC:
			segs, err = ParseSREC(Records(file))
		case UF2:
			segs, err = ParseUF2(file)
		case DfuSe:
			segs, err = ParseDfuSe(file)
		default:
			file = trimDFU(file)
			if uint64(base)+uint64(len(file)) > 1<<32 {
				err = fmt.Errorf("%d bytes from 0x%08X on leave the address space", len(file), base)
			}
			segs = []Segment{{base, file}}
		}
	}
	segs = slices.DeleteFunc(segs, func(s Segment) bool { return len(s.Data) == 0 })
	if err == nil && len(segs) == 0 {
		err = errors.New("there is no data in it: give a linked image")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return segs, nil
}

// trimDFU drops the suffix of 16 bytes that dfu-suffix appends to a binary.
func trimDFU(file []byte) []byte {
	n := len(file)
	if n < 16 || string(file[n-8:n-5]) != "UFD" || file[n-5] != 16 || ^crc32.ChecksumIEEE(file[:n-4]) != binary.LittleEndian.Uint32(file[n-4:]) {
		return file
	}
	return file[:n-16]
}

// ParseSREC reads Motorola S-records and returns their data as segments, ascending and disjoint. Errors name
// the line.
func ParseSREC(text []byte) ([]Segment, error) {
	var segs []Segment
	number := 0
	for line := range bytes.Lines(text) {
		number++
		s := bytes.TrimSpace(line)
		if len(s) == 0 {
			continue
		}
		bad := func(format string, args ...any) error {
			return fmt.Errorf("line %d: %s", number, fmt.Sprintf(format, args...))
		}
		if s[0] != 'S' || len(s) < 4 || s[1] < '0' || s[1] > '9' {
			return nil, bad("not an S-record")
		}
		p, ok := unhex(s[2:])
		switch {
		case !ok:
			return nil, bad("not an S-record")
		case len(p) != 1+int(p[0]):
			return nil, bad("%d bytes announced, %d there", p[0], len(p)-1)
		case sum(p) != 0xFF:
			return nil, bad("wrong checksum")
		}
		width := map[byte]int{'1': 2, '2': 3, '3': 4}[s[1]]
		if width == 0 {
			continue // header, count or start address
		}
		if len(p) < 1+width+1 {
			return nil, bad("no address")
		}
		addr := uint32(0)
		for _, c := range p[1 : 1+width] {
			addr = addr<<8 | uint32(c)
		}
		data := p[1+width : len(p)-1]
		if uint64(addr)+uint64(len(data)) > 1<<32 {
			return nil, bad("a record leaves the address space")
		}
		segs = appendTo(segs, addr, data)
	}
	return joinSegments(segs)
}

// appendTo adds data to the last segment if it continues it, else as a new one.
func appendTo(segs []Segment, addr uint32, data []byte) []Segment {
	if last := len(segs) - 1; last >= 0 && segs[last].End() == uint64(addr) {
		segs[last].Data = append(segs[last].Data, data...)
		return segs
	}
	return append(segs, Segment{addr, slices.Clone(data)})
}

// The marks of a block of UF2, which has 512 bytes.
const (
	uf2Magic    = 0x0A324655
	uf2Magic2   = 0x9E5D5157
	uf2End      = 0x0AB16F30
	uf2NotFlash = 0x0000_0001 // flag: the block is not for the main flash
	uf2File     = 0x0000_1000 // flag: the block is part of a file
)

// ParseUF2 reads UF2 and returns the data of its blocks for the main flash as segments, ascending and
// disjoint. Errors name the block.
func ParseUF2(file []byte) ([]Segment, error) {
	var segs []Segment
	for i := 0; len(file) > 0; i++ {
		if len(file) < 512 {
			return nil, fmt.Errorf("block %d has %d of its 512 bytes: the file is cut short", i, len(file))
		}
		b := file[:512]
		file = file[512:]
		le := binary.LittleEndian
		if le.Uint32(b) != uf2Magic || le.Uint32(b[4:]) != uf2Magic2 || le.Uint32(b[508:]) != uf2End {
			return nil, fmt.Errorf("block %d has no UF2 marks", i)
		}
		flags, addr, size := le.Uint32(b[8:]), le.Uint32(b[12:]), le.Uint32(b[16:])
		switch {
		case flags&(uf2NotFlash|uf2File) != 0:
			continue
		case size > 476:
			return nil, fmt.Errorf("block %d has %d bytes of data, more than a block holds", i, size)
		case uint64(addr)+uint64(size) > 1<<32:
			return nil, fmt.Errorf("block %d leaves the address space", i)
		}
		segs = appendTo(segs, addr, b[32:32+size])
	}
	return joinSegments(segs)
}

// ParseDfuSe reads ST's DfuSe files and returns the elements of all targets as segments, ascending and
// disjoint.
func ParseDfuSe(file []byte) ([]Segment, error) {
	const prefix, target = 11, 274
	cut := errors.New("the file is cut short")
	if len(file) < prefix {
		return nil, cut
	}
	var segs []Segment
	targets := int(file[10])
	p := file[prefix:]
	for range targets {
		if len(p) < target {
			return nil, cut
		}
		if string(p[:6]) != "Target" {
			return nil, errors.New("a target of the DfuSe file has no mark")
		}
		elements := binary.LittleEndian.Uint32(p[270:])
		p = p[target:]
		for range elements {
			if len(p) < 8 {
				return nil, cut
			}
			addr, size := binary.LittleEndian.Uint32(p), binary.LittleEndian.Uint32(p[4:])
			p = p[8:]
			switch {
			case uint64(size) > uint64(len(p)):
				return nil, cut
			case uint64(addr)+uint64(size) > 1<<32:
				return nil, errors.New("an element leaves the address space")
			}
			segs = append(segs, Segment{addr, p[:size:size]})
			p = p[size:]
		}
	}
	return joinSegments(segs)
}

package firmware

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Segment is bytes at an address.
type Segment struct {
	Addr uint32
	Data []byte
}

// End returns the address behind the segment, at most 1<<32.
func (s Segment) End() uint64 { return uint64(s.Addr) + uint64(len(s.Data)) }

// The record types of Intel HEX.
const (
	hexData            = 0
	hexEnd             = 1
	hexExtendedSegment = 2
	hexStartSegment    = 3
	hexExtendedLinear  = 4
	hexStartLinear     = 5
)

// ParseHex reads Intel HEX and returns its data as segments, ascending and disjoint. Errors name the line.
func ParseHex(text []byte) ([]Segment, error) {
	var segs []Segment
	base, linear, ended := uint32(0), true, false
	number := 0
	for line := range bytes.Lines(text) {
		number++
		s := string(bytes.TrimSpace(line))
		if s == "" {
			continue
		}
		bad := func(format string, a ...any) error {
			return fmt.Errorf("line %d: %s", number, fmt.Sprintf(format, a...))
		}
		if ended {
			return nil, bad("after the end record")
		}
		digits, ok := strings.CutPrefix(s, ":")
		if !ok {
			return nil, bad("a record begins with ':'")
		}
		r, err := hex.DecodeString(digits)
		if err != nil || len(r) < 5 {
			return nil, bad("not a record of hexadecimal bytes")
		}
		sum := byte(0)
		for _, b := range r {
			sum += b
		}
		n, offset, kind, data := int(r[0]), uint32(r[1])<<8|uint32(r[2]), r[3], r[4:len(r)-1]
		switch {
		case n != len(data):
			return nil, bad("%d data bytes announced, %d there", n, len(data))
		case sum != 0:
			return nil, bad("wrong checksum")
		case kind > hexStartLinear:
			return nil, bad("unknown record type %d", kind)
		case (kind == hexExtendedSegment || kind == hexExtendedLinear) && n != 2,
			(kind == hexStartSegment || kind == hexStartLinear) && n != 4,
			kind == hexEnd && n != 0:
			return nil, bad("%d data bytes in a record of type %d", n, kind)
		}
		switch kind {
		case hexData:
			if !linear && offset+uint32(n) > 1<<16 {
				return nil, bad("a record wraps around its segment")
			}
			if uint64(base)+uint64(offset)+uint64(n) > 1<<32 {
				return nil, bad("a record leaves the address space")
			}
			addr := base + offset
			if last := len(segs) - 1; last >= 0 && segs[last].End() == uint64(addr) {
				segs[last].Data = append(segs[last].Data, data...)
			} else if n > 0 {
				segs = append(segs, Segment{addr, data})
			}
		case hexEnd:
			ended = true
		case hexExtendedSegment:
			base, linear = (uint32(data[0])<<8|uint32(data[1]))<<4, false
		case hexExtendedLinear:
			base, linear = (uint32(data[0])<<8|uint32(data[1]))<<16, true
		}
	}
	if !ended {
		return nil, fmt.Errorf("line %d: the end record is missing", number)
	}
	return joinSegments(segs)
}

// joinSegments sorts segments and joins adjacent ones. Overlapping segments are an error.
func joinSegments(segs []Segment) ([]Segment, error) {
	slices.SortStableFunc(segs, func(a, b Segment) int { return cmp.Compare(a.Addr, b.Addr) })
	var out []Segment
	joined := -1 // the segment of out whose bytes are a copy, which may grow
	for _, s := range segs {
		last := len(out) - 1
		switch {
		case last >= 0 && out[last].End() > uint64(s.Addr):
			return nil, fmt.Errorf("two pieces of data at address 0x%08X", s.Addr)
		case last >= 0 && out[last].End() == uint64(s.Addr):
			if joined != last {
				out[last].Data, joined = slices.Clip(out[last].Data), last
			}
			out[last].Data = append(out[last].Data, s.Data...)
		default:
			out = append(out, s)
		}
	}
	return out, nil
}

// WriteHex writes segments as Intel HEX with 16 bytes a record.
func WriteHex(w io.Writer, segs []Segment) error {
	record := func(kind byte, offset uint32, data []byte) error {
		r := append([]byte{byte(len(data)), byte(offset >> 8), byte(offset), kind}, data...)
		sum := byte(0)
		for _, b := range r {
			sum -= b
		}
		_, err := fmt.Fprintf(w, ":%X%02X\n", r, sum)
		return err
	}
	upper := uint32(0)
	for _, s := range segs {
		for addr, data := s.Addr, s.Data; len(data) > 0; {
			if addr>>16 != upper {
				upper = addr >> 16
				if err := record(hexExtendedLinear, 0, []byte{byte(upper >> 8), byte(upper)}); err != nil {
					return err
				}
			}
			// Records end on multiples of 16, so none crosses into the next 64 KiB.
			n := min(16-int(addr%16), len(data))
			if err := record(hexData, addr&0xFFFF, data[:n]); err != nil {
				return err
			}
			addr += uint32(n)
			data = data[n:]
		}
	}
	return record(hexEnd, 0, nil)
}

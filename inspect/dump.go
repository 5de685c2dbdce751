package inspect

import (
	"bytes"
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"

	"dualbank/boot/firmware"
)

// Dump is what was read out of a device's flash: bytes at addresses. Bytes between segments read as erased:
// many tools leave erased flash out.
type Dump struct {
	Name     string             // of the file
	Format   firmware.Format    // of the file
	Segments []firmware.Segment // ascending, apart, none empty
	Damage   []string           // damage of the file itself, one line each
}

// Read takes a dump out of a file in one of the formats of package firmware: Intel HEX, S-records, UF2, DfuSe,
// ELF (a linked image, a core dump, or an object that objcopy made of a binary), or plain binary. base is the
// address of a file without addresses: plain binary, or an object. The error is one line with the file's name,
// and for text the number of the line; containers that are not read are refused with what converts them. A HEX or
// ELF file that was cut short is not an error but Damage.
func Read(name string, file []byte, base uint32) (*Dump, error) {
	d := &Dump{Name: name}
	format, err := firmware.Detect(file)
	d.Format = format
	switch {
	case err != nil:
	case format == firmware.ELF:
		err = d.readELF(file, base)
	case format == firmware.HEX:
		err = d.readHex(bytes.TrimRight(firmware.Records(file), " \t\r\n"))
	case format == firmware.Binary:
		if uint64(base)+uint64(len(file)) > 1<<32 {
			err = fmt.Errorf("%d bytes from 0x%08X on leave the address space: correct the base address", len(file), base)
		}
		d.Segments = []firmware.Segment{{Addr: base, Data: file}}
	default:
		if d.Segments, err = firmware.Segments(name, file, base); err != nil {
			return nil, err
		}
	}
	d.Segments = slices.DeleteFunc(d.Segments, func(s firmware.Segment) bool { return len(s.Data) == 0 })
	if err == nil && len(d.Segments) == 0 {
		err = errors.New("there is no data in it: give what was read out of a flash")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// readHex reads Intel HEX. A file without an end record was cut short, perhaps within a line.
func (d *Dump) readHex(text []byte) error {
	const end = "\n:00000001FF\n"
	segs, err := firmware.ParseHex(text)
	if err != nil {
		whole, _, _ := cutLast(text)
		for _, try := range [][]byte{text, whole} {
			if s, again := firmware.ParseHex(append(slices.Clip(try), end...)); again == nil && len(s) > 0 {
				segs, err = s, nil
				d.Damage = append(d.Damage, "the file ends without an end record: it was cut short")
				break
			}
		}
	}
	d.Segments = segs
	return err
}

// cutLast splits off the last line.
func cutLast(text []byte) (before, last []byte, found bool) {
	i := bytes.LastIndexByte(text, '\n')
	if i < 0 {
		return nil, text, false
	}
	return text[:i], text[i+1:], true
}

// mostSegments bounds the segments and sections of an ELF file.
const mostSegments = 4096

// readELF takes the loadable segments of an ELF file, or if it has none its allocated sections. Sections of an
// object are at base.
func (d *Dump) readELF(file []byte, base uint32) error {
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		return fmt.Errorf("not a usable ELF file: %w", err)
	}
	if f.Machine != elf.EM_ARM && f.Machine != elf.EM_NONE || f.Class != elf.ELFCLASS32 {
		return fmt.Errorf("an ELF file for %s of %s: give one of the microcontroller, for 32 bits and EM_ARM", f.Machine, f.Class)
	}
	if n := max(len(f.Progs), len(f.Sections)); n > mostSegments {
		return fmt.Errorf("an ELF file with %d segments or sections: give one of the microcontroller, with %d at most", n, mostSegments)
	}
	total := uint64(0) // bytes taken out of the file
	add := func(what string, addr, off, size uint64) error {
		if addr+size > 1<<32 || addr+size < addr {
			return fmt.Errorf("%s at 0x%X leaves the address space of 32 bits", what, addr)
		}
		have := uint64(0)
		if off < uint64(len(file)) {
			have = min(size, uint64(len(file))-off)
		}
		if have < size {
			d.Damage = append(d.Damage, fmt.Sprintf("%s at 0x%08X has %d of its %d bytes: the file was cut short", what, addr, have, size))
		}
		if total += have; total > uint64(len(file)) {
			return fmt.Errorf("%s shares bytes with others: give a dump with each byte once", what)
		}
		if have > 0 {
			d.Segments = append(d.Segments, firmware.Segment{Addr: uint32(addr), Data: file[off : off+have]})
		}
		return nil
	}
	for i, p := range f.Progs {
		if p.Type != elf.PT_LOAD || p.Filesz == 0 {
			continue
		}
		// A core dump has no physical addresses.
		addr := p.Paddr
		if f.Type == elf.ET_CORE && addr == 0 {
			addr = p.Vaddr
		}
		if err := add(fmt.Sprintf("segment %d", i), addr, p.Off, p.Filesz); err != nil {
			return err
		}
	}
	if len(d.Segments) == 0 {
		for _, s := range f.Sections {
			if s.Type != elf.SHT_PROGBITS || s.Flags&elf.SHF_ALLOC == 0 || s.Size == 0 {
				continue
			}
			addr := s.Addr
			if f.Type == elf.ET_REL {
				addr = uint64(base)
			}
			if err := add("section "+s.Name, addr, s.Offset, s.FileSize); err != nil {
				return err
			}
		}
	}
	return d.join()
}

// join sorts the segments and joins adjacent ones. Overlapping ones are an error.
func (d *Dump) join() error {
	slices.SortStableFunc(d.Segments, func(a, b firmware.Segment) int { return cmp.Compare(a.Addr, b.Addr) })
	var out []firmware.Segment
	joined := 0
	for _, s := range d.Segments {
		if len(out) == 0 {
			out = append(out, s)
			continue
		}
		last := &out[len(out)-1]
		switch end := last.End(); {
		case end > uint64(s.Addr):
			return fmt.Errorf("two pieces of data at address 0x%08X: give one dump", s.Addr)
		case end == uint64(s.Addr):
			if joined != len(out) {
				last.Data, joined = slices.Clip(last.Data), len(out) // a copy, which may grow
			}
			last.Data = append(last.Data, s.Data...)
		default:
			out = append(out, s)
		}
	}
	d.Segments = out
	return nil
}

// read fills p from addr on, and returns the number of its bytes that the dump has.
func (d *Dump) read(addr uint32, p []byte) (have int) {
	for i := range p {
		p[i] = 0xFF
	}
	to := uint64(addr) + uint64(len(p))
	for _, s := range d.Segments {
		from := max(uint64(addr), uint64(s.Addr))
		if until := min(to, s.End()); from < until {
			have += copy(p[from-uint64(addr):], s.Data[from-uint64(s.Addr):until-uint64(s.Addr)])
		}
	}
	return have
}

// writeRange copies size bytes from addr on to w, up to the first byte that the dump does not have. It reports
// whether the dump has all.
func (d *Dump) writeRange(w io.Writer, addr uint32, size uint64) (all bool) {
	for _, s := range d.Segments {
		if addr >= s.Addr && uint64(addr) < s.End() {
			data := s.Data[addr-s.Addr:]
			n := min(size, uint64(len(data)))
			_, _ = w.Write(data[:n]) // a hash does not fail
			return n == size
		}
	}
	return size == 0
}

// count returns how many of size bytes from addr on the dump has, and how many of those are not erased.
func (d *Dump) count(addr, size uint32) (have, written uint32) {
	to := uint64(addr) + uint64(size)
	for _, s := range d.Segments {
		from, until := max(uint64(addr), uint64(s.Addr)), min(to, s.End())
		if from >= until {
			continue
		}
		have += uint32(until - from)
		p := s.Data[from-uint64(s.Addr) : until-uint64(s.Addr)]
		written += uint32(len(p) - bytes.Count(p, []byte{0xFF}))
	}
	return have, written
}

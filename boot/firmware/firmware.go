package firmware

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// Read returns the application in a firmware file in any of the formats. start and size are the region of the
// active application. All data must lie in it; gaps are filled with 0xFF. A plain binary begins at start; if
// its reset vector points into the flash, it must point into the application. Errors begin with name and give the
// addresses involved.
func Read(name string, file []byte, start, size uint32) ([]byte, error) {
	format, err := Detect(file)
	if err == nil && format == Binary {
		err = linkedFor(file, start, size)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	segs, err := Segments(name, file, start)
	if err != nil {
		return nil, err
	}
	fw, err := place(segs, start, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return fw, nil
}

// place copies segments, ascending and disjoint, into the application's region.
func place(segs []Segment, start, size uint32) ([]byte, error) {
	end := uint64(start) + uint64(size)
	for _, s := range segs {
		if s.Addr < start || s.End() > end {
			return nil, fmt.Errorf("data at 0x%08X-0x%08X does not lie in the application's region 0x%08X-0x%08X: link the application for that region",
				s.Addr, s.End(), start, end)
		}
	}
	if len(segs) == 0 || len(segs[len(segs)-1].Data) == 0 {
		return nil, fmt.Errorf("there is no data in it: give a linked application")
	}
	fw := bytes.Repeat([]byte{0xFF}, int(uint32(segs[len(segs)-1].End()-uint64(start))))
	for _, s := range segs {
		copy(fw[s.Addr-start:], s.Data)
	}
	if segs[0].Addr != start {
		return nil, fmt.Errorf("its first byte is at 0x%08X, but the application begins at 0x%08X: link it for that address", segs[0].Addr, start)
	}
	return fw, nil
}

// linkedFor checks the reset vector of a plain binary. It is an error if the vector points near the
// application's region but not into it, as in an image linked for another place in the same flash.
func linkedFor(file []byte, start, size uint32) error {
	if len(file) < 8 {
		return nil
	}
	const flash = 16 << 20 // more than any part's
	reset := binary.LittleEndian.Uint32(file[4:]) &^ 1
	if reset>>24 == start>>24 && reset%(1<<24) < flash && start>>24 != 0 &&
		(reset < start || uint64(reset) >= uint64(start)+uint64(size)) {
		return fmt.Errorf("its reset vector 0x%08X lies outside the application's region 0x%08X-0x%08X: link the application for that region",
			reset, start, uint64(start)+uint64(size))
	}
	return nil
}

// elfSegments returns the loadable segments of a 32-bit little-endian ARM ELF file at their load addresses.
func elfSegments(file []byte) ([]Segment, error) {
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("not a usable ELF file: %w", err)
	}
	if f.Class != elf.ELFCLASS32 || f.Data != elf.ELFDATA2LSB || f.Machine != elf.EM_ARM {
		return nil, fmt.Errorf("an ELF file for %v, %v, %v: give one for a 32-bit little-endian ARM", f.Machine, f.Class, f.Data)
	}
	if f.Type != elf.ET_EXEC {
		return nil, fmt.Errorf("an ELF file of type %v: give a linked application", f.Type)
	}
	var segs []Segment
	if err := CheckELF(f, len(file)); err != nil {
		return nil, err
	}
	for i, p := range f.Progs {
		if p.Type != elf.PT_LOAD || p.Filesz == 0 {
			continue
		}
		if p.Off > uint64(len(file)) || p.Filesz > uint64(len(file))-p.Off {
			return nil, fmt.Errorf("segment %d reaches past the end of the file: it is cut short", i)
		}
		if p.Paddr+p.Filesz > 1<<32 {
			return nil, fmt.Errorf("segment %d leaves the address space", i)
		}
		segs = append(segs, Segment{uint32(p.Paddr), file[p.Off : p.Off+p.Filesz]})
	}
	return joinSegments(segs)
}

// mostSegments bounds the segments and sections of an ELF file. A linked application has about ten.
const mostSegments = 4096

// CheckELF bounds what an ELF file of size bytes may ask for: the number of its segments and sections, and the bytes of
// its loadable segments, which share none and so have no more than the file.
func CheckELF(f *elf.File, size int) error {
	if n := max(len(f.Progs), len(f.Sections)); n > mostSegments {
		return fmt.Errorf("an ELF file with %d segments or sections: give a linked application, with %d at most", n, mostSegments)
	}
	total := uint64(0)
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD {
			total += min(p.Filesz, 1<<32)
		}
	}
	for _, s := range f.Sections {
		if len(f.Progs) == 0 && s.Type == elf.SHT_PROGBITS {
			total += min(s.FileSize, 1<<32)
		}
	}
	if total > uint64(size) {
		return fmt.Errorf("an ELF file of %d bytes whose segments have %d: they share bytes, or the file is cut short: give a linked application", size, total)
	}
	return nil
}

package fuzz

import (
	"fmt"
	"slices"
	"strings"

	"dualbank/boot"
	"dualbank/boot/layout"
)

// LayoutInput is a device's configuration that a fuzzer chose byte by byte: a flash, and the configuration
// files of a bootloader and an application for it, right ones or such with mistakes.
type LayoutInput struct {
	Chip   layout.Chip
	Device Device // the same flash; no Sectors where it is too large to be tried
	Files  []layout.Source
	// What an update on a layout without errors does.
	Client boot.Generation
	Slot   uint32 // modulo the number of slots
	Size   uint32 // bytes of the firmware, modulo what fits

	wants []*layoutFields // what the files say, bootloader's first; nil where their text was changed
}

// layoutTarget is the target that the files are for.
const layoutTarget = "FUZZ_BOARD"

// layoutChips are small: even erase units with one and two banks, mixed ones as on the STM32F4, large
// program units, and flash that begins at 0.
var layoutChips = []struct {
	sectors string
	base    uint32
	unit    uint32
	vectors int
	banks   int
}{
	{"32x2K", 0x08000000, 8, 98, 2},
	{"4x2K+1x8K+3x16K", 0x08000000, 1, 107, 1},
	{"64x1K", 0x08000000, 4, 48, 1},
	{"16x4K", 0, 8, 102, 2},
	{"16x4K", 0x60000000, 256, 176, 1},
	{"4x2K+1x8K+1x16K+4x2K+1x8K+1x16K", 0x08000000, 1, 16, 2},
	{"128x512", 0x30000, 32, 0, 1},
}

// layoutFields are the numbers of one configuration file.
type layoutFields struct {
	n       [layoutNumbers]uint32
	spelled [layoutNumbers]int
}

// The numbers of a configuration, as indices.
const (
	numRestrict = iota
	numDetails
	numAppStart
	numMaxApp
	numStorage
	numStorageSize
	numLocations
	numPage
	numKV
	numKVSize
	layoutNumbers
)

// DecodeLayout reads an input from bytes. Every string of bytes is one.
func DecodeLayout(data []byte) *LayoutInput { return decodeLayout(&choices{data: data}) }

func decodeLayout(c *choices) *LayoutInput {
	in := &LayoutInput{}
	kind := c.of(len(layoutChips) + 1)
	in.Client, in.Slot, in.Size = boot.Generation(c.next()&1), uint32(c.next()), uint32(c.next())|uint32(c.next())<<8
	if kind == len(layoutChips) {
		// The project's example, on its own board.
		in.Chip, _ = layout.ChipOf(layout.ExampleTarget, false)
		in.Chip.Name = layout.ExampleTarget
		in.Files = layout.Example()
	} else {
		in.small(c, kind)
	}
	edits := c.of(16) - 11 // none as a rule
	if kind == len(layoutChips) {
		edits += 16
	}
	for n := 0; n < edits && c.more(); n++ {
		in.edit(c)
	}
	return in
}

// small makes files for a small flash that are right, and then some mistakes.
func (in *LayoutInput) small(c *choices, kind int) {
	l := layoutChips[kind]
	sizes, err := ParseSectors(l.sectors)
	if err != nil {
		panic(err) // the list above is wrong
	}
	in.Device = Device{Sectors: l.sectors, Start: l.base, Unit: l.unit}
	in.Chip = layout.Chip{Name: layoutTarget, Base: l.base, Sectors: sizes, Unit: l.unit, Vectors: l.vectors}
	total, bounds := uint32(0), []uint32{l.base}
	for _, s := range sizes {
		total += s
		bounds = append(bounds, l.base+total)
	}
	for b := range l.banks {
		in.Chip.Banks = append(in.Chip.Banks, l.base+uint32(b)*(total/2))
	}
	right := in.rightFields(c, bounds)
	both := []*layoutFields{right, new(layoutFields)}
	*both[1] = *right
	for n := c.of(8) - 4; n > 0; n-- {
		mistake(c, both, bounds, l.unit)
	}
	which := c.of(8)
	if which != 6 {
		in.Files = append(in.Files, layout.Source{Name: "bootloader.json", Text: both[0].bootloader(&in.Chip)})
		in.wants = append(in.wants, both[0])
	}
	if which != 7 {
		in.Files = append(in.Files, layout.Source{Name: "application.json", Text: both[1].application(&in.Chip)})
		in.wants = append(in.wants, both[1])
	}
}

// rightFields is a layout that works if the flash has room for it.
func (in *LayoutInput) rightFields(c *choices, bounds []uint32) *layoutFields {
	f := new(layoutFields)
	for i := range f.spelled {
		f.spelled[i] = c.of(5)
	}
	// Four regions, divided at erase boundaries: bootloader, application with its header, and, in either
	// order, KVStore and candidate.
	last := len(bounds) - 1
	cuts := [3]int{1 + c.of(max(last/4, 1))}
	cuts[1] = cuts[0] + 1 + c.of(max(last/2, 1))
	cuts[2] = cuts[1] + 1 + c.of(max(last-cuts[1]-1, 1))
	at := func(i int) uint32 { return bounds[min(cuts[i], last)] }
	end := bounds[last]
	f.n[numRestrict] = at(0) - bounds[0]
	f.n[numDetails] = at(0)
	f.n[numAppStart] = at(0) + []uint32{0x400, 0x200, 0x400, 0x800}[c.of(4)]
	if c.of(4) == 0 {
		f.n[numAppStart] = bounds[min(cuts[0]+1, last)] // on an erase boundary of its own
	}
	f.n[numMaxApp] = at(1) - f.n[numAppStart]
	if c.of(2) == 0 {
		f.n[numKV], f.n[numKVSize], f.n[numStorage], f.n[numStorageSize] = at(1), at(2)-at(1), at(2), end-at(2)
	} else {
		f.n[numStorage], f.n[numStorageSize], f.n[numKV], f.n[numKVSize] = at(1), at(2)-at(1), at(2), end-at(2)
	}
	f.n[numLocations] = []uint32{1, 1, 1, 2, 3}[c.of(5)]
	f.n[numPage] = in.Chip.Unit
	return f
}

// mistake changes a number in one file, or in both.
func mistake(c *choices, files []*layoutFields, bounds []uint32, unit uint32) {
	which, num, kind := c.of(4), c.of(layoutNumbers), c.of(8)
	for i, f := range files {
		if which != i && which < 2 {
			continue
		}
		n := &f.n[num]
		switch kind {
		case 0:
			*n++
		case 1:
			*n--
		case 2:
			*n += unit
		case 3:
			*n += bounds[1] - bounds[0]
		case 4:
			*n -= bounds[1] - bounds[0]
		case 5:
			*n = 0
		case 6:
			*n += 0x80000000
		case 7:
			*n = bounds[int(*n)%len(bounds)]
		}
	}
}

// spell writes number i as a JSON value: in hex, in decimal, as an expression, or through a macro.
func (f *layoutFields) spell(i int, chip *layout.Chip) string {
	n := f.n[i]
	switch {
	case f.spelled[i] == 1:
		return fmt.Sprint(n)
	case f.spelled[i] == 2 && n >= chip.Base:
		return fmt.Sprintf(`"(MBED_ROM_START + 0x%X)"`, n-chip.Base)
	case f.spelled[i] == 3 && n > 0 && n%16 == 0:
		return fmt.Sprintf(`"%d*16"`, n/16)
	case f.spelled[i] == 4:
		return fmt.Sprintf(`"NUMBER_%d"`, i)
	}
	return fmt.Sprintf(`"0x%X"`, n)
}

// macros are those that spell uses.
func (f *layoutFields) macros() string {
	all := []string{`"MBED_CLOUD_CLIENT_UPDATE_STORAGE=ARM_UCP_FLASHIAP"`}
	for i, s := range f.spelled {
		if s == 4 {
			all = append(all, fmt.Sprintf(`"NUMBER_%d=(0x%X)"`, i, f.n[i]))
		}
	}
	return strings.Join(all, ", ")
}

// common are the settings that both images have.
func (f *layoutFields) common(chip *layout.Chip) string {
	return fmt.Sprintf(`"update-client.application-details": %s,
			"update-client.storage-address": %s,
			"update-client.storage-size": %s,
			"update-client.storage-locations": %s,
			"update-client.storage-page": %s`,
		f.spell(numDetails, chip), f.spell(numStorage, chip), f.spell(numStorageSize, chip), f.spell(numLocations, chip), f.spell(numPage, chip))
}

func (f *layoutFields) bootloader(chip *layout.Chip) []byte {
	return fmt.Appendf(nil, `{
	"macros": [%s],
	"target_overrides": {
		"*": {
			"target.restrict_size": "0x%X",
			"mbed-bootloader.bootloader-size": "APPLICATION_SIZE",
			"mbed-bootloader.use-kvstore-rot": 0,
			"mbed-bootloader.application-start-address": %s,
			"mbed-bootloader.max-application-size": %s,
			%s
		}
	}
}
`, f.macros(), f.n[numRestrict], f.spell(numAppStart, chip), f.spell(numMaxApp, chip), f.common(chip))
}

func (f *layoutFields) application(chip *layout.Chip) []byte {
	return fmt.Appendf(nil, `{
	"macros": [%s],
	"target_overrides": {
		"*": {
			"storage.storage_type": "TDB_INTERNAL"
		},
		"%s": {
			"target.bootloader_img": "bootloader.bin",
			"target.header_offset": "0x%X",
			"target.app_offset": "0x%X",
			"storage_tdb_internal.internal_base_address": %s,
			"storage_tdb_internal.internal_size": %s,
			%s
		}
	}
}
`, f.macros(), layoutTarget, f.n[numDetails]-chip.Base, f.n[numAppStart]-chip.Base, f.spell(numKV, chip), f.spell(numKVSize, chip), f.common(chip))
}

// layoutWords are what an edit may put into a file.
var layoutWords = []string{
	"0", "1", "F", "\"", ",", "{", "}", "[", "]", ":", "\\", "\n", "//", "/*", "(", ")", "*", "-", "/", "%", "<<", ">>", "~", "?", "0x", "UL", "null", "true",
	"MBED_ROM_SIZE", "APPLICATION_SIZE", "NUMBER_1", "MBED_CONF_UPDATE_CLIENT_STORAGE_ADDRESS", "\"TDB_EXTERNAL\"", "\"FILESYSTEM\"", "\"default\"", "macro_name", "\xFF", "\x00", "é",
}

// edit changes the text of a file: it removes bytes, or puts a word in, or both.
func (in *LayoutInput) edit(c *choices) {
	if len(in.Files) == 0 {
		return
	}
	in.wants = nil
	f := &in.Files[c.of(len(in.Files))]
	at, gone, word := c.next()|c.next()<<8, c.of(16), c.of(len(layoutWords)+1)
	at %= len(f.Text) + 1
	gone = min(gone, len(f.Text)-at)
	put := ""
	if word > 0 {
		put = layoutWords[word-1]
	}
	f.Text = slices.Concat(f.Text[:at], []byte(put), f.Text[at+gone:])
}

func (in *LayoutInput) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "flash of %s: 0x%08X, %d bytes in %d sectors, program unit %d, %d banks\n", in.Chip.Name, in.Chip.Base, in.Chip.Size(), len(in.Chip.Sectors), in.Chip.Unit, len(in.Chip.Banks))
	fmt.Fprintf(&b, "an update of the %v client through slot %d, firmware %d\n", in.Client, in.Slot, in.Size)
	for _, f := range in.Files {
		fmt.Fprintf(&b, "%s:\n%s\n", f.Name, f.Text)
	}
	return b.String()
}

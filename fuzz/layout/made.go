package layout

import (
	"fmt"
	"slices"
	"strings"

	"dualbank/boot"
	bootlayout "dualbank/boot/layout"
	"dualbank/fuzz/explore"
)

// smallFlashes are even erase units with one and two banks, mixed ones as on the STM32F4, large program units,
// and flash that begins at 0.
var smallFlashes = []struct {
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

// decode reads a configuration, and an update for it, from bytes. Any bytes are one.
func decode(c *explore.Choices) (Config, firmware) {
	kind := c.Of(len(smallFlashes) + 1)
	u := firmware{boot.Generation(c.Next() & 1), uint32(c.Next()), uint32(c.Next()) | uint32(c.Next())<<8}
	m := maker{Choices: c}
	example := kind == len(smallFlashes)
	if example {
		// The project's example, on its own board.
		m.config.Target = bootlayout.ExampleTarget
		for _, f := range bootlayout.Example() {
			m.add(f.Name, f.Text, nil)
		}
	} else {
		m.small(kind)
	}
	edits := c.Of(16) - 11 // none as a rule
	if example {
		edits += 16
	}
	for n := 0; n < edits && c.More(); n++ {
		m.edit()
	}
	return m.made(), u
}

// made is the configuration with the texts of its files.
func (m *maker) made() Config {
	for i, text := range m.texts {
		m.config.Files[i].Lines = lines(text)
	}
	return m.config
}

// maker makes a configuration of what a fuzzer chose.
type maker struct {
	*explore.Choices
	config Config
	texts  [][]byte // of its files
}

// add adds a file.
func (m *maker) add(name string, text []byte, says Numbers) {
	m.config.Files = append(m.config.Files, File{Name: name, Says: says})
	m.texts = append(m.texts, text)
}

// fields are the numbers of one configuration file, and how each is spelled.
type fields struct {
	n       [numKVSize + 1]uint32
	spelled [numKVSize + 1]int
	base    uint32 // of the flash
}

// small makes files for a small flash that are right, and then some mistakes.
func (m *maker) small(kind int) {
	bounds, unit := m.flash(kind)
	right := m.right(bounds, unit)
	both := []*fields{right, new(fields)}
	*both[1] = *right
	for n := m.Of(8) - 4; n > 0; n-- {
		m.mistake(both, bounds, unit)
	}
	which := m.Of(8)
	if which != 6 {
		m.add(bootloaderFile, both[0].bootloader(), both[0].says())
	}
	if which != 7 {
		m.add(applicationFile, both[1].application(), both[1].says())
	}
}

// flash makes the flash, and returns where its sectors begin and the last one ends, and its program unit.
func (m *maker) flash(kind int) (bounds []uint32, unit uint32) {
	l := smallFlashes[kind]
	m.config.Target, m.config.Banks, m.config.Vectors = SmallTarget, l.banks, l.vectors
	m.config.On = explore.Device{Sectors: l.sectors, Start: l.base, Unit: l.unit}
	sizes, err := explore.ParseSectors(l.sectors)
	if err != nil {
		panic(err) // the list above is wrong
	}
	total := uint32(0)
	bounds = append(bounds, l.base)
	for _, s := range sizes {
		total += s
		bounds = append(bounds, l.base+total)
	}
	return bounds, l.unit
}

// right is a layout that works if the flash has room for it.
func (m *maker) right(bounds []uint32, unit uint32) *fields {
	f := &fields{base: bounds[0]}
	for i := range f.spelled {
		f.spelled[i] = m.Of(5)
	}
	// Four regions, divided at erase boundaries: bootloader, application with its header, and, in either
	// order, KVStore and candidate.
	last := len(bounds) - 1
	cuts := [3]int{1 + m.Of(max(last/4, 1))}
	cuts[1] = cuts[0] + 1 + m.Of(max(last/2, 1))
	cuts[2] = cuts[1] + 1 + m.Of(max(last-cuts[1]-1, 1))
	at := func(i int) uint32 { return bounds[min(cuts[i], last)] }
	end := bounds[last]
	f.n[numRestrict] = at(0) - bounds[0]
	f.n[numDetails] = at(0)
	f.n[numAppStart] = at(0) + []uint32{0x400, 0x200, 0x400, 0x800}[m.Of(4)]
	if m.Of(4) == 0 {
		f.n[numAppStart] = bounds[min(cuts[0]+1, last)] // on an erase boundary of its own
	}
	f.n[numMaxApp] = at(1) - f.n[numAppStart]
	if m.Of(2) == 0 {
		f.n[numKV], f.n[numKVSize], f.n[numStorage], f.n[numStorageSize] = at(1), at(2)-at(1), at(2), end-at(2)
	} else {
		f.n[numStorage], f.n[numStorageSize], f.n[numKV], f.n[numKVSize] = at(1), at(2)-at(1), at(2), end-at(2)
	}
	f.n[numLocations] = []uint32{1, 1, 1, 2, 3}[m.Of(5)]
	f.n[numPage] = unit
	return f
}

// mistake changes a number in one file, or in both.
func (m *maker) mistake(files []*fields, bounds []uint32, unit uint32) {
	which, num, kind := m.Of(4), m.Of(len(numberNames)), m.Of(8)
	for i, f := range files {
		if which == i || which >= 2 {
			f.n[num] = wrong(f.n[num], kind, bounds, unit)
		}
	}
}

// wrongKinds is how many kinds of mistakes wrong knows.
const wrongKinds = 9

// wrong is n with a mistake of a kind.
func wrong(n uint32, kind int, bounds []uint32, unit uint32) uint32 {
	sector := bounds[1] - bounds[0]
	switch kind {
	case 0:
		return n + 1
	case 1:
		return n - 1
	case 2:
		return n + unit
	case 3:
		return n + sector
	case 4:
		return n - sector
	case 5:
		return 0
	case 6:
		return n + 0x80000000
	case 7:
		return bounds[int(n)%len(bounds)]
	}
	return n + sector/2
}

// says are the numbers by their names.
func (f *fields) says() Numbers {
	all := Numbers{}
	for i, name := range numberNames {
		all[name] = Number(f.n[i])
	}
	return all
}

// spell writes number i as a JSON value: in hex, in decimal, as an expression, or through a macro.
func (f *fields) spell(i int) string {
	n := f.n[i]
	switch {
	case f.spelled[i] == 1:
		return fmt.Sprint(n)
	case f.spelled[i] == 2 && n >= f.base:
		return fmt.Sprintf(`"(MBED_ROM_START + 0x%X)"`, n-f.base)
	case f.spelled[i] == 3 && n > 0 && n%16 == 0:
		return fmt.Sprintf(`"%d*16"`, n/16)
	case f.spelled[i] == 4:
		return fmt.Sprintf(`"NUMBER_%d"`, i)
	}
	return fmt.Sprintf(`"0x%X"`, n)
}

// macros are those that spell uses.
func (f *fields) macros() string {
	all := []string{`"MBED_CLOUD_CLIENT_UPDATE_STORAGE=ARM_UCP_FLASHIAP"`}
	for i, s := range f.spelled {
		if s == 4 {
			all = append(all, fmt.Sprintf(`"NUMBER_%d=(0x%X)"`, i, f.n[i]))
		}
	}
	return strings.Join(all, ", ")
}

// common are the settings that both images have.
func (f *fields) common() string {
	return fmt.Sprintf(`"update-client.application-details": %s,
			"update-client.storage-address": %s,
			"update-client.storage-size": %s,
			"update-client.storage-locations": %s,
			"update-client.storage-page": %s`,
		f.spell(numDetails), f.spell(numStorage), f.spell(numStorageSize), f.spell(numLocations), f.spell(numPage))
}

func (f *fields) bootloader() []byte {
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
`, f.macros(), f.n[numRestrict], f.spell(numAppStart), f.spell(numMaxApp), f.common())
}

func (f *fields) application() []byte {
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
`, f.macros(), SmallTarget, f.n[numDetails]-f.base, f.n[numAppStart]-f.base, f.spell(numKV), f.spell(numKVSize), f.common())
}

// editWords are what an edit may put into a file.
var editWords = []string{
	"0", "1", "F", "\"", ",", "{", "}", "[", "]", ":", "\\", "\n", "//", "/*", "(", ")", "*", "-", "/", "%", "<<", ">>", "~", "?", "0x", "UL", "null", "true",
	"MBED_ROM_SIZE", "APPLICATION_SIZE", "NUMBER_1", "MBED_CONF_UPDATE_CLIENT_STORAGE_ADDRESS", "\"TDB_EXTERNAL\"", "\"FILESYSTEM\"", "\"default\"", "macro_name", "\xFF", "\x00", "é",
}

// edit changes the text of a file: it removes bytes, or puts a word in, or both.
func (m *maker) edit() {
	if len(m.texts) == 0 {
		return
	}
	m.config.forget()
	text := &m.texts[m.Of(len(m.texts))]
	at, gone, word := m.Next()|m.Next()<<8, m.Of(16), m.Of(len(editWords)+1)
	at %= len(*text) + 1
	gone = min(gone, len(*text)-at)
	put := ""
	if word > 0 {
		put = editWords[word-1]
	}
	*text = slices.Concat((*text)[:at], []byte(put), (*text)[at+gone:])
}

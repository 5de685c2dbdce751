package inspect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dualbank/bench"
	"dualbank/boot"
	"dualbank/boot/firmware"
	"dualbank/boot/layout"
	"dualbank/internal/flashtest"
	"dualbank/internal/long"
	"dualbank/kvstore"
	"dualbank/model"
)

// specimen is the guide's board after some weeks, with a candidate in its slot: its flash, layout and
// the values that its keys have.
type specimen struct {
	base   uint32
	flash  []byte
	layout *layout.Layout
	values map[string]string
	erases uint32 // of the store's most worn sector
	gcs    uint64
}

const firmwareSize = 30000

var guideBoard = sync.OnceValue(func() *specimen {
	s := bench.Guide()
	s.Update.Bytes = firmwareSize
	s.Workload.Hours, s.Workload.Reads = 300, 0
	d, err := s.Device("mbed", model.Typ)
	if err != nil {
		panic(err)
	}
	sets, err := d.RunWorkload(context.Background(), &s.Workload, 1, nil)
	if err != nil {
		panic(err)
	}
	firmware := bytes.Repeat([]byte("firmware"), firmwareSize/8)
	client := boot.NewClient(d.Layout.Config, d.Flash, boot.ClientNew, nil)
	details := &boot.Details{Version: 1_700_000_000, Size: uint64(len(firmware)), Hash: sha256.Sum256(firmware), Campaign: [16]byte{1, 2}}
	for _, err := range []error{
		client.Prepare(0, details), client.Write(0, 0, firmware), client.Finalize(0), client.Activate(0),
	} {
		if err != nil {
			panic(err)
		}
	}
	sp := &specimen{base: d.Flash.Start(), flash: make([]byte, d.Flash.Size()), layout: d.Layout, values: map[string]string{}, gcs: sets.Collections}
	d.Flash.Peek(sp.base, sp.flash)
	buf := make([]byte, 1000)
	for _, k := range s.Workload.Keys {
		if n, err := d.Store.Get(k.Name, buf, 0); err == nil {
			sp.values[k.Name] = hex.EncodeToString(buf[:n])
		}
	}
	for _, w := range sets.Wear {
		sp.erases = max(sp.erases, w.Erases)
	}
	return sp
})

// copied is the flash for a test to damage.
func (s *specimen) copied() []byte { return bytes.Clone(s.flash) }

func (s *specimen) at(flash []byte, addr uint32) []byte { return flash[addr-s.base:] }

func inspected(t *testing.T, file []byte, base uint32, o Options) *Report {
	t.Helper()
	d, err := Read("dump", file, base)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Inspect(d, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// asHex leaves out what is erased, as programmers do.
func asHex(t *testing.T, base uint32, flash []byte) []byte {
	t.Helper()
	var segs []firmware.Segment
	for at := 0; at < len(flash); at += 256 {
		if p := flash[at:min(at+256, len(flash))]; !erased(p) {
			segs = append(segs, firmware.Segment{Addr: base + uint32(at), Data: p})
		}
	}
	var b bytes.Buffer
	if err := firmware.WriteHex(&b, segs); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// asELF wraps bytes in an ELF file with one loadable segment, or with one section and no address.
func asELF(kind elf.Type, base uint32, data []byte) []byte {
	var b bytes.Buffer
	put := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
	h := elf.Header32{Type: uint16(kind), Machine: uint16(elf.EM_ARM), Version: 1, Ehsize: 52, Phentsize: 32, Shentsize: 40}
	copy(h.Ident[:], elf.ELFMAG+"\x01\x01\x01")
	const names = "\x00.data\x00.shstrtab\x00"
	if kind == elf.ET_REL {
		h.Shoff, h.Shnum, h.Shstrndx = 52, 3, 2
		put(h)
		put(elf.Section32{})
		put(elf.Section32{Name: 1, Type: uint32(elf.SHT_PROGBITS), Flags: uint32(elf.SHF_ALLOC), Off: 52 + 120 + uint32(len(names)), Size: uint32(len(data))})
		put(elf.Section32{Name: 7, Type: uint32(elf.SHT_STRTAB), Off: 52 + 120, Size: uint32(len(names))})
		b.WriteString(names)
	} else {
		h.Phoff, h.Phnum = 52, 1
		put(h)
		p := elf.Prog32{Type: uint32(elf.PT_LOAD), Off: 84, Vaddr: base, Paddr: base, Filesz: uint32(len(data)), Memsz: uint32(len(data))}
		if kind == elf.ET_CORE {
			p.Paddr = 0
		}
		put(p)
	}
	b.Write(data)
	return b.Bytes()
}

// Every format shows the same device, with the layout and without.
func TestFormats(t *testing.T) {
	long.Test(t)
	sp := guideBoard()
	for name, file := range map[string][]byte{
		"binary": sp.flash, "HEX": asHex(t, sp.base, sp.flash), "ELF": asELF(elf.ET_EXEC, sp.base, sp.flash),
		"core": asELF(elf.ET_CORE, sp.base, sp.flash), "object": asELF(elf.ET_REL, 0, sp.flash),
	} {
		for _, layout := range []*layout.Layout{sp.layout, nil} {
			r := inspected(t, file, sp.base, Options{Layout: layout, Rated: 10000, Age: 2})
			if len(r.Damage) != 0 || len(r.Stores) != 1 {
				t.Fatalf("%s: %d stores, damage %q", name, len(r.Stores), r.Damage)
			}
			s := &r.Stores[0]
			if s.Start != 0x0810_0000 || s.Size != 128<<10 || s.Erases != sp.erases || len(s.Records) != len(sp.values) {
				t.Errorf("%s: 0x%08X, %d bytes, %d erases, %d keys; want %d erases, %d keys", name, s.Start, s.Size, s.Erases, len(s.Records), sp.erases, len(sp.values))
			}
			for _, e := range s.Records {
				if sp.values[e.Key] != e.Value {
					t.Errorf("%s: %s: %s, want %s", name, e.Key, e.Value, sp.values[e.Key])
				}
			}
			if a := s.Areas[s.Active]; uint64(a.Version) != sp.gcs+1 || a.Live+a.Dead+a.Room+108 != a.Size {
				t.Errorf("%s: version %d after %d garbage collections; live %d, dead %d, room %d of %d", name, a.Version, sp.gcs, a.Live, a.Dead, a.Room, a.Size)
			}
			if want := (10000 - float64(sp.erases)) / float64(sp.erases) * 2; s.Years < want*0.999 || s.Years > want*1.001 {
				t.Errorf("%s: %v years left, want %v", name, s.Years, want)
			}
			var places []string
			for _, im := range r.Firmware {
				places = append(places, im.Place+" "+im.State+" "+im.Check+" "+im.Note)
			}
			want := "active valid hash holds the bootloader starts it, unless it installs a newer candidate|slot 0 valid hash holds the bootloader installs it at the next boot"
			if layout == nil {
				want = "found valid hash holds |found valid hash holds "
			}
			if got := strings.Join(places, "|"); got != want {
				t.Errorf("%s: firmware %s", name, got)
			}
			if im := r.Firmware[1]; im.Version != 1_700_000_000 || im.Size != firmwareSize || !strings.HasPrefix(im.Campaign, "010200") || im.Start != 0x0812_0070 {
				t.Errorf("%s: %+v", name, im)
			}
		}
	}
}

// What is damaged is said, in one line, and the rest is shown all the same.
func TestDamage(t *testing.T) {
	sp := guideBoard()
	whole := inspected(t, sp.flash, sp.base, Options{Layout: sp.layout})
	s := &whole.Stores[0]
	a := s.Areas[s.Active]
	last, second := a.Log[len(a.Log)-1], a.Log[1]
	c := sp.layout.Config
	record := func(key, value string) []byte {
		mem := flashtest.New(t, "2x2K", 1)
		store := kvstore.NewTDB(mem, kvstore.Options{})
		if store.Open() != nil || store.Set(key, []byte(value), 0) != nil {
			t.Fatal("no store")
		}
		l := store.Layout()
		return mem.Cells[l.First:l.Free]
	}
	for i, c := range []struct {
		name   string
		damage func(f []byte)
		want   []string // each in some line of the damage
		keys   int      // live keys still shown; -1: as before
	}{
		{"last record", func(f []byte) { sp.at(f, last.Addr)[30] ^= 4 }, []string{"the log ends at 0x0" + strings.ToUpper(hex.EncodeToString(binary.BigEndian.AppendUint32(nil, last.Addr))[1:]) + " with a record that does not hold"}, -2},
		{"record in the middle", func(f []byte) { sp.at(f, second.Addr)[40] ^= 1 }, []string{"with a record that does not hold", "whole records lie behind the damaged one"}, 1},
		{"torn set", func(f []byte) { copy(sp.at(f, a.Free)[24:], "app_key and a va") }, []string{"with a record that has no header: a set was interrupted, 16 bytes"}, -1},
		{"torn header", func(f []byte) {
			r := record("app_key", "value")
			for i := 8; i < 20; i++ {
				r[i] = 0xFF
			}
			copy(sp.at(f, a.Free), r)
		}, []string{"a record that does not hold: it is torn"}, -1},
		{"a whole record more", func(f []byte) { copy(sp.at(f, a.Free), record("zz", "value")) }, nil, -3},
		{"garbage behind the log", func(f []byte) { copy(sp.at(f, a.Free), "\x00garbage") }, []string{"with what is no record, 8 bytes"}, -1},
		{"active master", func(f []byte) { sp.at(f, a.Start)[80] ^= 1 }, []string{"no valid master record, ", "a garbage collection did not come to its end"}, -2},
		{"both masters", func(f []byte) { sp.at(f, s.Areas[0].Start)[80] ^= 1; sp.at(f, s.Areas[1].Start)[80] ^= 1 }, []string{"neither area has a valid master record: an open makes a new store"}, 0},
		{"master of another key", func(f []byte) {
			r := record("TDBX", "")
			copy(sp.at(f, a.Start)[72:], r)
		}, []string{"an open fails: fatal: mbed_error ITEM_NOT_FOUND"}, -2},
		{"reserved data", func(f []byte) { sp.at(f, s.Areas[1].Start)[3] = 0 }, []string{"area 1 at 0x08110000: the reserved data is damaged"}, -1},
		{"active header", func(f []byte) { sp.at(f, c.Details)[12] ^= 1 }, []string{"active header at 0x08008000: its magic, version or CRC is wrong"}, -1},
		{"active header erased", func(f []byte) {
			for i := range 112 {
				sp.at(f, c.Details)[i] = 0xFF
			}
		}, []string{"active header at 0x08008000: it is erased, with "}, -1},
		{"active firmware", func(f []byte) { sp.at(f, c.AppStart)[999] ^= 0x80 }, []string{"active firmware at 0x08008400: its SHA-256 is not the header's"}, -1},
		{"candidate header", func(f []byte) { sp.at(f, c.StorageAddr)[30] ^= 1 }, []string{"header of slot 0 at 0x08120000: its CRC is wrong"}, -1},
		{"candidate", func(f []byte) { sp.at(f, c.StorageAddr)[5000] ^= 1 }, []string{"firmware in slot 0 at 0x08120070: its SHA-256 is not the header's"}, -1},
		{"store elsewhere", func(f []byte) { copy(sp.at(f, 0x0818_0000), sp.at(f, 0x0810_0000)[:128<<10]) }, []string{"a TDBStore lies at 0x08180000, where the layout has none"}, -1},
	} {
		if i%3 != 0 && !long.Enabled() {
			continue // a third shows how damage is said
		}
		f := sp.copied()
		c.damage(f)
		r := inspected(t, f, sp.base, Options{Layout: sp.layout})
		all := strings.Join(r.Damage, "\n")
		for _, want := range c.want {
			if !strings.Contains(all, want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, all)
			}
		}
		if len(c.want) == 0 && all != "" {
			t.Errorf("%s: %s", c.name, all)
		}
		n := len(r.Stores[0].Records)
		switch {
		case c.keys >= 0 && n != c.keys, c.keys == -1 && n != len(sp.values), c.keys == -3 && n != len(sp.values)+1:
			t.Errorf("%s: %d keys shown, were %d", c.name, n, len(sp.values))
		}
	}
}

// A part of the flash is enough for what it holds; what is not there is said.
func TestPartOfTheFlash(t *testing.T) {
	sp := guideBoard()
	store := sp.at(sp.flash, 0x0810_0000)
	for _, c := range []struct {
		name   string
		file   []byte
		base   uint32
		layout *layout.Layout
		want   string
	}{
		{"the store", store[:128<<10], 0x0810_0000, sp.layout, ""},
		{"the store alone, from 0", store[:128<<10], 0, nil, ""},
		{"nothing of the store", sp.flash[:1<<20], sp.base, sp.layout, "KVStore at 0x08100000: the dump does not have it"},
		{"wrong base", sp.flash, 0, sp.layout, "the dump has data at 0x00000000 to 0x00200000, the flash of stm32f429zi is 0x08000000 to 0x08200000: wrong base address"},
	} {
		r := inspected(t, c.file, c.base, Options{Layout: c.layout})
		if all := strings.Join(r.Damage, "\n"); !strings.Contains(all, c.want) || c.want == "" && all != "" {
			t.Errorf("%s: %s", c.name, all)
		}
		if c.want == "" && (len(r.Stores) != 1 || len(r.Stores[0].Records) != len(sp.values)) {
			t.Errorf("%s: %+v", c.name, r.Stores)
		}
	}
	// One area alone is a store of unknown size.
	r := inspected(t, store[64<<10:128<<10], 0x0811_0000, Options{})
	if len(r.Stores) != 1 || len(r.Stores[0].Areas) != 1 || !strings.Contains(r.Stores[0].Guessed, "the size of the area") {
		t.Errorf("the second area: %+v", r.Stores)
	}
}

// asPC is an ELF file for another processor.
func asPC(object []byte) []byte {
	pc := bytes.Clone(object)
	binary.LittleEndian.PutUint16(pc[18:], uint16(elf.EM_X86_64))
	return pc
}

func TestFiles(t *testing.T) {
	sp := guideBoard()
	hexFile := asHex(t, sp.base, sp.at(sp.flash, 0x0810_0000)[:4096])
	object := asELF(elf.ET_EXEC, sp.base, sp.flash[:5000])
	for name, c := range map[string]struct {
		file   []byte
		damage string // of the file
		err    string
	}{
		"hex without its end":    {hexFile[:len(hexFile)-13], "the file ends without an end record: it was cut short", ""},
		"hex cut within a line":  {hexFile[:len(hexFile)-40], "the file ends without an end record: it was cut short", ""},
		"elf cut short":          {object[:3000], "segment 0 at 0x08000000 has 2916 of its 5000 bytes: the file was cut short", ""},
		"hex with a wrong sum":   {bytes.Replace(hexFile, []byte("\n:10"), []byte("\n:11"), 1), "", "dump: line "},
		"hex after blank lines":  {append([]byte("\n\n"), bytes.Replace(hexFile, []byte("\n:10"), []byte("\n:1x"), 1)...), "", "dump: line 4: not a record"},
		"elf of a PC":            {asPC(object), "", "dump: an ELF file for EM_X86_64 of ELFCLASS32: give one of the microcontroller"},
		"empty":                  {nil, "", "dump: there is no data in it"},
		"hex of nothing":         {[]byte(":00000001FF\n"), "", "dump: there is no data in it"},
		"elf header alone":       {object[:52], "", "dump: not a usable ELF file"},
		"elf with nothing in it": {asELF(elf.ET_EXEC, 0, nil), "", "dump: there is no data in it"},
		"binary past the end":    {sp.flash, "", "dump: 2097152 bytes from 0xFFFFF000 on leave the address space"},
	} {
		base := uint32(0)
		if name == "binary past the end" {
			base = 0xFFFF_F000
		}
		d, err := Read("dump", c.file, base)
		switch {
		case c.err != "" && (err == nil || !strings.HasPrefix(err.Error(), c.err) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: %v, want one line: %s", name, err, c.err)
		case c.err == "" && (err != nil || len(d.Damage) != 1 || d.Damage[0] != c.damage):
			t.Errorf("%s: %v, %+v", name, err, d)
		}
	}
	d, err := Read("dump", sp.flash, sp.base)
	if err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]Options{
		"an age of -1 years: give up to 1000":                             {Age: -1},
		"a program unit of 3 bytes: give a power of two up to 8192":       {Unit: 3},
		"a program unit of 1048576 bytes: give a power of two up to 8192": {Unit: 1 << 20},
	} {
		if _, err := Inspect(d, o); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// An external header is shown, though only the device can check it.
func TestExternalHeader(t *testing.T) {
	firmware := bytes.Repeat([]byte("payload!"), 500)
	mem := bytes.Repeat([]byte{0xFF}, 8192)
	key := boot.DeviceKey(make([]byte, 16), boot.DeriveKey)
	boot.EncodeExternalHeader(mem, &boot.Details{Version: 7, Size: 4000, Hash: sha256.Sum256(firmware)}, &key)
	copy(mem[512:], firmware)
	r := inspected(t, mem, 0, Options{})
	if len(r.Firmware) != 1 || len(r.Damage) != 0 {
		t.Fatalf("%+v", r)
	}
	if im := r.Firmware[0]; im.State != "external" || im.Version != 7 || im.Start != 512 || im.Check != "hash holds" {
		t.Errorf("%+v", im)
	}
	mem[20] ^= 1 // the size: it is no longer the payload's
	if r = inspected(t, mem, 0, Options{}); len(r.Damage) != 1 || r.Firmware[0].State != "damaged" {
		t.Errorf("%+v", r)
	}
}

func TestPrint(t *testing.T) {
	sp := guideBoard()
	var short, long, js strings.Builder
	r := inspected(t, sp.flash, sp.base, Options{Layout: sp.layout, Rated: 10000, Age: 1})
	for _, err := range []error{r.Print(&short, false), r.Print(&long, true), r.JSON(&js)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"dump: binary, 0x08000000 to 0x08200000 (2 MiB)", "layout: NUCLEO_F429ZI, stm32f429zi", "TDBStore at 0x08100000, 128 KiB, program unit 1 B: 40 keys",
		"rated for 10000", "years left at the rate so far: ", "app_uptime_counter", "hash holds", "nothing is damaged",
	} {
		if !strings.Contains(short.String(), want) {
			t.Errorf("no %q in\n%s", want, &short)
		}
	}
	if strings.Contains(short.String(), " dead ") && !strings.Contains(long.String(), "  dead  ") || long.Len() <= short.Len() {
		t.Errorf("with all records:\n%.3000s", &long)
	}
	var back Report
	if err := json.Unmarshal([]byte(js.String()), &back); err != nil || len(back.Stores) != 1 || back.Stores[0].Records[0] != r.Stores[0].Records[0] {
		t.Errorf("JSON does not come back: %v", err)
	}
}

// FuzzInspect: no dump makes it panic, and what it says are single lines.
func FuzzInspect(f *testing.F) {
	mem := flashtest.New(f, "8x512", 1)
	store := kvstore.NewTDB(mem, kvstore.Options{})
	if err := store.Open(); err != nil {
		f.Fatal(err)
	}
	for i := range 60 {
		if err := store.Set(string(rune('a'+i%7)), bytes.Repeat([]byte{byte(i)}, i), 0); err != nil {
			f.Fatal(err)
		}
	}
	fw := bytes.Repeat([]byte("code"), 100)
	slot := make([]byte, boot.HeaderSize)
	boot.EncodeHeader(slot, &boot.Details{Version: 3, Size: 400, Hash: sha256.Sum256(fw)})
	image := append(append(bytes.Clone(mem.Cells), slot...), fw...)
	var text bytes.Buffer
	if err := firmware.WriteHex(&text, []firmware.Segment{{Addr: 0x0800_0000, Data: image[:2000]}, {Addr: 0x0800_1000, Data: image[4096:]}}); err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{image, mem.Cells, slot, text.Bytes(), text.Bytes()[:1500], asELF(elf.ET_EXEC, 0x0800_0000, image), asELF(elf.ET_REL, 0, mem.Cells), []byte(":"), nil} {
		for how := range uint8(4) {
			f.Add(seed, how)
		}
	}
	l := regionLayout(mem, 0x0800_0000)
	l.Regions = append(l.Regions,
		layout.Region{Name: layout.RegionHeader, Start: 0x0800_1000, Size: 112}, layout.Region{Name: layout.RegionApplication, Start: 0x0800_1070, Size: 1024})
	l.Config = boot.Config{Details: 0x0800_1000, AppStart: 0x0800_1070, MaxAppSize: 1024}
	l.Slots = []boot.Slot{{Addr: 0x0800_1000, Size: 512}, {Addr: 0xFFFF_FFFF, Size: 0}, {Addr: 0xFFFF_FE00, Size: 512}}
	f.Fuzz(func(t *testing.T, file []byte, how uint8) {
		o := Options{Profile: kvstore.Profile(how >> 1 & 1), Age: 1, Rated: 10000}
		base := uint32(0x0800_0000)
		if how&1 != 0 {
			o.Layout = l
		}
		if how&4 != 0 {
			base = 0xFFFF_FFFF - uint32(len(file))
		}
		if how&8 != 0 {
			o.Unit = 1 << (how >> 4 % 13)
		}
		d, err := Read("dump", file, base)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("not one line: %q", err)
			}
			return
		}
		r, err := Inspect(d, o)
		if err != nil {
			t.Fatalf("%v", err)
		}
		for _, line := range r.Damage {
			if strings.ContainsAny(line, "\r\n") {
				t.Errorf("not one line: %q", line)
			}
		}
		var out bytes.Buffer
		for _, err := range []error{r.Print(&out, true), r.JSON(&out)} {
			if err != nil {
				t.Error(err)
			}
		}
	})
}

// TestNothingIsWritten: a dump is as it was.
func TestNothingIsWritten(t *testing.T) {
	sp := guideBoard()
	path := filepath.Join(t.TempDir(), "dump.bin")
	if err := os.WriteFile(path, sp.flash, 0o444); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	inspected(t, file, sp.base, Options{Layout: sp.layout})
	inspected(t, file, sp.base, Options{})
	if !bytes.Equal(file, sp.flash) {
		t.Error("the dump changed")
	}
}

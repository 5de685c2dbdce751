package part_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dualbank/internal/long"
	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
	"dualbank/model/random"
)

// TestShippedParts: every part loads, has all facts with mark and source, and works with every driver
// and its core.
func TestShippedParts(t *testing.T) {
	for _, name := range part.Names() {
		p, err := part.ByName(name)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if p.Name != name || p.Title == "" {
			t.Errorf("file %s.toml holds part %q, %q", name, p.Name, p.Title)
		}
		if len(p.Program) == 0 || len(p.Erase) == 0 {
			t.Errorf("%s: times are missing", name)
		}
		have := map[string]bool{}
		for _, f := range part.Facts(p) {
			have[f.Name] = true
			if f.Mark == "" || f.From == "" || f.Value == "" {
				t.Errorf("%s: %s = %q: mark %q, from %q", name, f.Name, f.Value, f.Mark, f.From)
			}
		}
		for _, must := range []string{"cells", "read while write", "read line", "data cache", "endurance", "bank", "fetch cached", "fetch prefetched"} {
			if !have[must] {
				t.Errorf("%s: no fact %q", name, must)
			}
		}
		core, err := part.CoreByName(p.Core)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, driver := range part.DriverNames() {
			d, err := part.DriverByName(driver)
			if err != nil {
				t.Errorf("%v", err)
				continue
			}
			if _, err := d.For(p.Family); err != nil && driver != "word" && driver != "ram-code" {
				continue // Mbed OS has no such target, or the part no fast programming
			}
			for _, corner := range []model.Corner{model.Typ, model.Max, model.Sampled} {
				if corner != model.Typ && !long.Enabled() {
					continue
				}
				f, err := model.New(model.Config{Part: p, Driver: d, Core: core, Corner: corner})
				if err != nil {
					t.Errorf("%s with driver %s: %v", name, driver, err)
					continue
				}
				exercise(t, f)
			}
		}
	}
}

// exercise programs, reads and erases the first sector of the last bank.
func exercise(t *testing.T, f *model.Flash) {
	t.Helper()
	s := f.Wear()
	at := s[len(s)-1]
	p := make([]byte, min(4*f.PageSize(), at.Size))
	random.New(1).Fill(p)
	got := make([]byte, len(p))
	for _, err := range []error{f.Program(at.Addr, p), f.Read(at.Addr, got), f.Erase(at.Addr, at.Size)} {
		if err != nil {
			t.Errorf("%s: %v", f.Part().Name, err)
		}
	}
	if string(got) != string(p) || f.Now() < f.Cycles(1000*1000) {
		t.Errorf("%s: read %.32x of %.32x, in %d cycles", f.Part().Name, got, p, f.Now())
	}
}

// TestListed: what is listed as known has no time of its own that is recalled or assumed without the list saying so.
func TestListed(t *testing.T) {
	count := map[part.Knowledge]int{}
	for _, name := range part.Names() {
		p, err := part.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		k := p.Knowledge()
		count[k]++
		sizes := map[uint32]bool{}
		for _, s := range p.Sectors() {
			sizes[s.Size] = true
		}
		typ, high := false, false
		sure := func(d part.Duration) bool { return d.Mark != "R" && d.Mark != "A" }
		for _, e := range p.Erase {
			if sizes[e.Bytes] {
				typ, high = typ || !sure(e.Typ), high || !sure(e.Max)
			}
		}
		for _, e := range p.Program {
			typ, high = typ || !sure(e.Typ), high || !sure(e.Max)
		}
		want := part.Known
		switch {
		case typ:
			want = part.TimesUnsure
		case high:
			want = part.MaximumUnsure
		}
		if k != want || (k == part.Known) != (k.String() == "") {
			t.Errorf("%s: %d %q, want %d", name, k, k, want)
		}
	}
	if count[part.Known] < 10 || count[part.MaximumUnsure] < 5 || count[part.TimesUnsure] < 10 {
		t.Errorf("%v", count)
	}
}

// TestPartMaps: the parts that the issue names, under the names people use.
func TestPartMaps(t *testing.T) {
	const f4 = "4 x 16 KiB + 1 x 64 KiB + 7 x 128 KiB"
	const f4half = "4 x 16 KiB + 1 x 64 KiB + 3 x 128 KiB"
	for _, tt := range []struct {
		names string
		size  uint32
		banks []string
		rule  cell.Rule
		unit  uint32 // of driver mbed
	}{
		{"stm32f427vi stm32f429zi stm32f437ii stm32f439zi stm32f469ni stm32f479ni", 2048, []string{f4, f4}, cell.AND, 1},
		{"stm32f427vg stm32f429zg stm32f437vg stm32f439ig", 1024, []string{f4}, cell.AND, 1},
		{"stm32f427vg-dual stm32f429zg-dual stm32f437vg-dual stm32f439ig-dual", 1024, []string{f4half, f4half}, cell.AND, 1},
		{"stm32f765vi stm32f767zi stm32f769ni", 2048, []string{"4 x 32 KiB + 1 x 128 KiB + 7 x 256 KiB"}, cell.AND, 1},
		{"stm32f765vi-dual stm32f767zi-dual stm32f769ni-dual", 2048, []string{f4, f4}, cell.AND, 1},
		{"stm32f765vg stm32f767zg stm32f769ig", 1024, []string{"4 x 32 KiB + 1 x 128 KiB + 3 x 256 KiB"}, cell.AND, 1},
		{"stm32f765vg-dual stm32f767zg-dual stm32f769ig-dual", 1024, []string{f4half, f4half}, cell.AND, 1},
		{"stm32l475vg stm32l476rg stm32l496zg", 1024, []string{"256 x 2 KiB", "256 x 2 KiB"}, cell.RejectNonblank, 8},
		{"stm32l4r5zi stm32l4s5vi", 2048, []string{"256 x 4 KiB", "256 x 4 KiB"}, cell.RejectNonblank, 8},
		{"stm32l4r5zi-single", 2048, []string{"256 x 8 KiB"}, cell.RejectNonblank, 8},
		{"stm32g474re", 512, []string{"128 x 2 KiB", "128 x 2 KiB"}, cell.RejectNonblank, 8},
		{"stm32g474re-single", 512, []string{"128 x 4 KiB"}, cell.RejectNonblank, 8},
		{"stm32h743zi", 2048, []string{"8 x 128 KiB", "8 x 128 KiB"}, cell.CorruptECC, 32},
		{"stm32l552ze", 512, []string{"128 x 2 KiB", "128 x 2 KiB"}, cell.RejectNonblank, 8},
		{"stm32u575zi", 2048, []string{"128 x 8 KiB", "128 x 8 KiB"}, cell.RejectNonblank, 16},
		{"stm32h563zi", 2048, []string{"128 x 8 KiB", "128 x 8 KiB"}, cell.CorruptECC, 16},
		{"stm32wb55rg", 1024, []string{"256 x 4 KiB"}, cell.RejectNonblank, 8},
		{"nrf52840", 1024, []string{"256 x 4 KiB"}, cell.Limited, 4},
		{"mk64fn1m0", 1024, []string{"128 x 4 KiB", "128 x 4 KiB"}, cell.CorruptECC, 8},
		{"mk66fn2m0", 2048, []string{"128 x 4 KiB", "128 x 4 KiB", "128 x 4 KiB", "128 x 4 KiB"}, cell.CorruptECC, 8},
	} {
		for name := range strings.FieldsSeq(tt.names) {
			p, err := part.ByName(name)
			if err != nil {
				t.Error(err)
				continue
			}
			var banks []string
			for _, b := range p.Banks {
				banks = append(banks, b.Value())
			}
			if p.Name != name || p.Size() != tt.size<<10 || strings.Join(banks, "|") != strings.Join(tt.banks, "|") || p.Cells.Rule != tt.rule {
				t.Errorf("%s: %q, %d bytes, %q, %s", name, p.Name, p.Size(), banks, p.Cells.Rule)
			}
			d, err := part.DriverByName("mbed")
			if err != nil {
				t.Fatal(err)
			}
			if df, err := d.For(p.Family); err != nil || df.Unit.Value != tt.unit {
				t.Errorf("%s: %v, want a program unit of %d", name, err, tt.unit)
			}
			if p.ReadWhileWrite.Value != (len(tt.banks) > 1) {
				t.Errorf("%s: read while write is %v", name, p.ReadWhileWrite.Value)
			}
		}
	}
	seen := map[string]string{}
	for _, file := range part.Names() {
		p, err := part.ByName(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range append(p.Covers, file) {
			if other := seen[c]; other != "" && other != file {
				t.Errorf("%s is covered by %s and by %s", c, file, other)
			}
			seen[c] = file
		}
	}
}

func TestF429Map(t *testing.T) {
	p, err := part.ByName("stm32f429zi")
	if err != nil {
		t.Fatal(err)
	}
	s := p.Sectors()
	if len(s) != 24 || p.Size() != 2<<20 {
		t.Fatalf("%d sectors, %d bytes", len(s), p.Size())
	}
	for i, want := range map[int]part.Sector{0: {0x08000000, 16384, 0}, 4: {0x08010000, 65536, 0}, 5: {0x08020000, 131072, 0}, 12: {0x08100000, 16384, 1}, 16: {0x08110000, 65536, 1}, 23: {0x081E0000, 131072, 1}} {
		if s[i] != want {
			t.Errorf("sector %d: %+v, want %+v", i, s[i], want)
		}
	}
}

// TestBoards: every board makes a flash, and its store's region is one that a TDBStore can take: two
// halves of whole sectors.
func TestBoards(t *testing.T) {
	want := "b-l4s5i-iot01a disco-f769ni disco-f769ni-dual frdm-k64f frdm-k66f nrf52840-dk nucleo-f429zi nucleo-f439zi nucleo-f767zi nucleo-f767zi-dual nucleo-g0b1re nucleo-g474re nucleo-h563zi nucleo-h743zi nucleo-h743zi2 nucleo-l496zg nucleo-l4r5zi nucleo-l552ze-q nucleo-u575zi-q"
	if got := strings.Join(part.BoardNames(), " "); got != want {
		t.Errorf("boards %s", got)
	}
	for _, name := range part.BoardNames() {
		b, err := part.BoardByName(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if b.Name != name || b.Title == "" || b.Target == "" {
			t.Errorf("%s: %+v", name, b)
		}
		if n := len(part.Facts(b)); n < 3 {
			t.Errorf("%s: %d facts with a source", name, n)
		}
		c, err := model.BoardConfig(b)
		if err != nil {
			t.Error(err)
			continue
		}
		f, err := model.New(c)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		exercise(t, f)
		if _, err := f.Region(b.KVStore.Base, b.KVStore.Bytes); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		half, first := uint32(0), uint32(0)
		for _, s := range c.Part.Sectors() {
			if s.Addr >= b.KVStore.Base && s.Addr < b.KVStore.Base+b.KVStore.Bytes {
				if half += s.Size; half == b.KVStore.Bytes/2 {
					first = half
				}
				if (s.Bank == 0) != (len(c.Part.Banks) == 1) {
					t.Errorf("%s: the store is in bank %d", name, s.Bank)
				}
			}
		}
		if first == 0 || first*2 != half {
			t.Errorf("%s: no two equal areas in 0x%08X+%d", name, b.KVStore.Base, b.KVStore.Bytes)
		}
	}
}

// TestWaitStatesOfBoards: the wait states that the boards' clocks come to, after parts.md.
func TestWaitStatesOfBoards(t *testing.T) {
	for name, want := range map[string]uint64{
		"nucleo-f429zi": 5, "disco-f769ni": 7, "nucleo-l496zg": 4, "nucleo-l4r5zi": 5, "nucleo-g474re": 4, "nucleo-h743zi2": 4, "frdm-k64f": 4, "nrf52840-dk": 2,
		"nucleo-u575zi-q": 4, "nucleo-h563zi": 5, "nucleo-g0b1re": 2, "nucleo-l552ze-q": 5,
	} {
		b, err := part.BoardByName(name)
		if err != nil {
			t.Fatal(err)
		}
		c, err := model.BoardConfig(b)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Part.States(c.Hz, c.MV); err != nil || got != want {
			t.Errorf("%s: %d wait states, %v; want %d", name, got, err, want)
		}
	}
	h7, _ := part.ByName("stm32h743zi")
	for hz, want := range map[uint64]uint64{140e6: 0, 140e6 + 2: 1, 280e6: 1, 400e6: 2, 450e6: 3, 480e6: 4} {
		if got, err := h7.States(hz, 3300); err != nil || got != want {
			t.Errorf("H743 at %d Hz: %d wait states, %v; want %d", hz, got, err, want)
		}
	}
	b, _ := part.BoardByName("nucleo-g474re")
	c, _ := model.BoardConfig(b)
	c.WaitStates = 3
	if _, err := model.New(c); err == nil || !strings.Contains(err.Error(), "it needs 4") {
		t.Errorf("three wait states at 170 MHz: %v", err)
	}
}

// withMistake writes text to a file of the user's own with old replaced by new.
func withMistake(t *testing.T, name, text, old, new string) string {
	t.Helper()
	bad := strings.Replace(text, old, new, 1)
	if bad == text && old != new {
		t.Fatalf("the mistake %q was not planted", new)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// lineWith is the number of the first line with s, as an error message has it.
func lineWith(text, s string) string {
	i := strings.Index(text, s)
	if i < 0 {
		return "?"
	}
	n := strings.Count(text[:i], "\n") + 1
	digits := ""
	for ; n > 0; n /= 10 {
		digits = string(rune('0'+n%10)) + digits
	}
	return digits
}

// TestBadFiles: one line that says file, line and key, and what to do.
func TestBadFiles(t *testing.T) {
	load := map[string]func(string) error{
		"parts/stm32h743zi": func(s string) error { _, err := part.ByName(s); return err },
		"parts/r7fa6m4af":   func(s string) error { _, err := part.ByName(s); return err },
		"parts/cc1312r7":    func(s string) error { _, err := part.ByName(s); return err },
		"parts/stm32l4r5zi": func(s string) error { _, err := part.ByName(s); return err },
		"parts/stm32l433rc": func(s string) error { _, err := part.ByName(s); return err },
		"drivers/mbed":      func(s string) error { _, err := part.DriverByName(s); return err },
		"cores/cortex-m4":   func(s string) error { _, err := part.CoreByName(s); return err },
		"boards/frdm-k64f":  func(s string) error { _, err := part.BoardByName(s); return err },
		"wear/ti-f28075":    func(s string) error { _, err := part.WearLawByName(s); return err },
	}
	for _, tt := range []struct{ file, old, new, at, want string }{
		{"parts/stm32h743zi", `name = "stm32h743zi"`, `name = `, "name =", "value"},
		{"parts/stm32h743zi", `name = "stm32h743zi"`, `name = "a part"`, "name =", "name: "},
		{"parts/stm32h743zi", "max_hz", "maxhz", "maxhz", "maxhz: unknown key"},
		{"parts/stm32h743zi", "480_000_000", `"fast"`, "max_hz", "max_hz: a text is wrong here"},
		{"parts/stm32h743zi", `"290us"`, `"290 bananas"`, "bananas", ""},
		{"parts/stm32h743zi", `rule = "corrupt-ecc"`, `rule = "xor"`, "cells", `cells.rule: "xor" is unknown`},
		{"parts/stm32h743zi", "ecc = {", "#", "cells", "ecc"},
		{"parts/stm32h743zi", "bytes = 32, mark", "bytes = 33, mark", "ecc =", "ecc.bytes: 33"},
		{"parts/stm32h743zi", "bytes = 131072 }", "bytes = 131073 }", "131073", "bank[0].sectors: bank 1: 8 x 131073 bytes"},
		{"parts/stm32h743zi", `time = "2200ms"`, `time = "22ms"`, `time = "1100ms"`, "erase[2].typ: typ 1.1s is above max 22ms"},
		{"parts/stm32h743zi", "count = 8", "count = 70000", "count = 70000", "more than 256 MiB"},
		{"parts/r7fa6m4af", "at = 0x0020_0000", "at = 0x0000_0400", "at =", "bank[1].at: 0x00000400: give a multiple of 1024 behind the bank before"},
		{"parts/r7fa6m4af", "at = 0x0020_0000", "at = 0x0020_0400", "at =", "bank[1].at: 0x00200400 is not a whole number of sectors of 8192 bytes"},
		{"parts/r7fa6m4af", "width = 128\ntyp", "width = 16384\ntyp", "width = 16384", "program[0].width: 16384 is no access width: give a power of two of bytes up to 8192"},
		{"parts/cc1312r7", "value = 83", "value = 0", "row_writes", "row_writes: 0 programs of a row of 256 bytes"},
		{"parts/cc1312r7", "bytes = 256", "bytes = 2048", "row_writes", "row_writes: 83 programs of a row of 2048 bytes"},
		{"parts/stm32h743zi", "parallel = 2", "parallel = 64", "parallel = 64", "program[1].parallel"},
		{"parts/stm32h743zi", "width = 4", "width = 5", "width = 5", "erase[2].width"},
		{"parts/stm32h743zi", "bytes = 1048576", "bytes = 524288", "bytes = 524288", "bank_erase[0].bytes: the part has no bank of 524288"},
		{"parts/stm32h743zi", `mark = "C", from = "MBED TARGET_STM32H7_480MHZ: AXI`, `mark = "X", from = "MBED TARGET_STM32H7_480MHZ: AXI`, "bus_divider", `bus_divider.mark: "X" is no confidence mark`},
		{"parts/stm32h743zi", "70_000_000,", "700_000_000,", "700_000_000", "wait_states[0].hz"},
		{"parts/stm32h743zi", "share = 0.99", "share = 1.99", "1.99", "fetch.cached.share"},
		{"parts/stm32l4r5zi", `extends = "stm32l4"`, `extends = "stm32z9"`, "extends", `extends: part "stm32z9" is unknown`},
		{"parts/stm32l433rc", "bytes = 2048", "bytes = 512", "", "no erase time"},
		{"drivers/mbed", "unit = { value = 8,", "unit = { value = 7,", "value = 7", "family[2].unit: 7 is no width"},
		{"drivers/mbed", `parts = ["stm32wb"]`, `parts = ["nrf52", "stm32f4"]`, `parts = ["nrf52", "stm32f4"]`, `"stm32f4" stands in two`},
		{"drivers/mbed", `parts = ["stm32wb"]`, `parts = []`, `parts = []`, "family[7].parts: is missing"},
		{"drivers/mbed", "tries = { value = 16", "tries = { value = 1600", "tries", "common.tries"},
		{"drivers/mbed", "cycles = 60,", "cycles = -1,", "-1", "cycles"},
		{"cores/cortex-m4", "cycles_per_byte = 27.5", "cycles_per_byte = -1", "crc32", "crc32.cycles_per_byte: -1 is no cost"},
		{"cores/cortex-m4", "cycles_per_byte = 27.5", "cycles_per_byte = nan", "crc32", "crc32.cycles_per_byte: NaN is no cost"},
		{"boards/frdm-k64f", "layout =", "lay_out =", "lay_out", "lay_out: unknown key"},
		{"boards/frdm-k64f", `layout = "guide"`, "", "", "layout: is missing"},
		{"boards/frdm-k64f", "mv = 3300", "mv = 3", "supply", "supply.mv: 3 is no supply"},
		{"wear/ti-f28075", "erases = 2000\n", "erases = 999\n", "[[growth]]\nerases = 999", "growth[2]: erases and factors must rise"},
		{"wear/ti-f28075", "value = 4", "value = 0", "shape", "shape.value: 0 is no shape"},
	} {
		t.Run(tt.file+" "+tt.new, func(t *testing.T) {
			text, err := os.ReadFile(tt.file + ".toml")
			if err != nil {
				t.Fatal(err)
			}
			file := withMistake(t, "own.toml", string(text), tt.old, tt.new)
			err = load[tt.file](file)
			if tt.file == "parts/stm32l433rc" && err == nil { // needs a driver to be seen
				p, _ := part.ByName(file)
				d, _ := part.DriverByName("mbed")
				_, err = model.New(model.Config{Part: p, Driver: d})
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %v, want one line with %q", err, tt.want)
			}
			if tt.at == "" || tt.old == "ecc = {" {
				return
			}
			bad, _ := os.ReadFile(file)
			if where := "own.toml:" + lineWith(string(bad), tt.at) + ":"; !strings.Contains(err.Error(), where) {
				t.Errorf("error %v, want %s", err, where)
			}
		})
	}
	for _, err := range []error{
		func() error { _, err := part.ByName("stm32f999"); return err }(),
		func() error { _, err := part.DriverByName("none"); return err }(),
		func() error { _, err := part.BoardByName("none"); return err }(),
	} {
		if err == nil || !strings.Contains(err.Error(), "choose one of") {
			t.Errorf("unknown name: %v", err)
		}
	}
	if _, err := part.ByName("nowhere.toml"); err == nil || !strings.Contains(err.Error(), "nowhere.toml") {
		t.Errorf("missing file: %v", err)
	}
}

// TestExtends: a part of the user's own changes what it says, and nothing else.
func TestExtends(t *testing.T) {
	file := withMistake(t, "own.toml", `name = "own"
extends = "stm32f429zi"
read_while_write = { value = false }
[[erase]]
bytes = 16384
width = 4
typ = { time = "189ms", mark = "M", from = "my bench" }
max = { time = "300ms" }
`, "", "")
	p, err := part.ByName(file)
	if err != nil {
		t.Fatal(err)
	}
	base, _ := part.ByName("stm32f429zi")
	if p.Name != "own" || p.ReadWhileWrite.Value || p.Size() != base.Size() || len(p.Erase) != len(base.Erase) || p.Cells != base.Cells || p.Covers != nil {
		t.Errorf("%+v", p)
	}
	for _, b := range base.Erase {
		got, err := p.EraseTime(b.Bytes, b.Width)
		want := b
		if b.Bytes == 16384 && b.Width == 4 {
			want.Typ.Time, want.Max.Time = 189e6, 300e6
		}
		if err != nil || got.Typ.Time != want.Typ.Time || got.Max.Time != want.Max.Time {
			t.Errorf("erase of %d at width %d: %v to %v, %v", b.Bytes, b.Width, got.Typ.Time, got.Max.Time, err)
		}
	}
	// What a file extends is looked for beside it, wherever the program runs.
	inner := filepath.Join(filepath.Dir(file), "inner.toml")
	if err := os.WriteFile(inner, []byte("name = \"inner\"\nextends = \"own.toml\"\nmax_hz = 100_000_000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := part.ByName(inner); err != nil || p.MaxHz != 100_000_000 || p.ReadWhileWrite.Value || p.Size() != base.Size() {
		t.Errorf("a part that extends a file beside its own: %+v, %v", p, err)
	}
	circle := filepath.Join(t.TempDir(), "circle.toml")
	if err := os.WriteFile(circle, []byte("name = \"circle\"\nextends = \""+circle+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := part.ByName(circle); err == nil || !strings.Contains(err.Error(), "circle") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a part that extends itself: %v", err)
	}
}

// TestDescribe: a table with every fact and its source.
func TestDescribe(t *testing.T) {
	p, err := part.ByName("stm32f429zi")
	if err != nil {
		t.Fatal(err)
	}
	d, err := part.DriverByName("mbed")
	if err != nil {
		t.Fatal(err)
	}
	family, err := d.For("stm32f4")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := part.Describe(&b, append(part.Facts(p), part.Facts(family)...)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"cells", "RM0090 p.67", "4 x 16 KiB + 1 x 64 KiB + 7 x 128 KiB", "program x32, from 2700 mV, typ", "erase 128 KiB x32, typ", "1s ",
		"wait states at 2700 to 3600 mV", "1 for each 30 MHz, up to 5", "stm32f4, erase masked", "num_write_retries", "bank erase 1 MiB x32, max",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in the table:\n%s", want, b.String())
		}
	}
}

// FuzzPart: no part file makes the reader or the model panic.
func FuzzPart(f *testing.F) {
	for _, dir := range []string{"parts", "families"} {
		for _, name := range part.Files(dir) {
			text, err := part.Data(dir + "/" + name + ".toml")
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Add([]byte("[[bank]]\nsectors=[{count=1,bytes=64}]"))
	f.Add([]byte("name=\"x\"\nextends=\"stm32f429zi\"\nbank=[{sectors=[{count=3,bytes=16384}]}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := part.Read("part.toml", text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("an error of more than one line: %q", err)
			}
			return
		}
		if p.Size() > 1<<20 {
			return
		}
		part.Facts(p)
		for _, name := range part.DriverNames() {
			d, err := part.DriverByName(name)
			if err != nil {
				t.Fatal(err)
			}
			fl, err := model.New(model.Config{Part: p, Driver: d, Corner: model.Sampled, App: model.App{Interrupts: []model.Interrupt{{Name: "tick", Period: 1e6}}}})
			if err != nil {
				continue
			}
			at := make([]byte, fl.PageSize())
			if err := fl.Program(p.Base, at); err != nil {
				t.Errorf("programming the first unit: %v", err)
			}
			if err := fl.Read(p.Base, at); err != nil {
				t.Errorf("reading it: %v", err)
			}
			if err := fl.Erase(p.Base, fl.SectorSize(p.Base)); err != nil {
				t.Errorf("erasing the first sector: %v", err)
			}
		}
	})
}

// FuzzData: no driver, core, board or wear file makes the reader or the model panic.
func FuzzData(f *testing.F) {
	dirs := []string{"drivers", "cores", "boards", "wear"}
	for i, dir := range dirs {
		for _, name := range part.Files(dir) {
			text, err := part.Data(dir + "/" + name + ".toml")
			if err != nil {
				f.Fatal(err)
			}
			f.Add(byte(i), text)
		}
	}
	p, err := part.ByName("stm32f429zi")
	if err != nil {
		f.Fatal(err)
	}
	mbed, err := part.DriverByName("mbed")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind byte, text []byte) {
		c := model.Config{Part: p, Driver: mbed}
		var into part.Checker
		switch dirs[int(kind)%len(dirs)] {
		case "drivers":
			c.Driver = new(part.Driver)
			into = c.Driver
		case "cores":
			c.Core = new(part.Core)
			into = c.Core
		case "wear":
			c.Wear = new(part.WearLaw)
			into = c.Wear
		default:
			into = new(part.Board)
		}
		if err := part.Decode("own.toml", text, into); err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("an error of more than one line: %q", err)
			}
			return
		}
		part.Facts(into)
		if b, ok := into.(*part.Board); ok {
			b.DriverName, b.PartName = "mbed", "stm32f429zi"
			var err error
			if c, err = model.BoardConfig(b); err != nil {
				t.Fatal(err)
			}
		}
		fl, err := model.New(c)
		if err != nil {
			return
		}
		if err := fl.Program(p.Base, make([]byte, 256)); err != nil {
			t.Error(err)
		}
		if err := fl.Erase(p.Base, 16384); err != nil && err != model.ErrVerify {
			t.Error(err)
		}
		fl.CPU().CRC32(100)
	})
}

// TestRetained: the promise that holds at a temperature after so many erases, or the nearest one.
func TestRetained(t *testing.T) {
	p, err := part.ByName("stm32f429zi")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		erases  uint32
		celsius int
		years   float64
		ok      bool
	}{
		{500, 85, 30, true},
		{500, 100, 10, true},
		{1000, 60, 30, true},
		{9000, 55, 20, true},
		{9000, 60, 20, false},
		{10_000, 85, 20, false},
		{500, 120, 10, false},
		{10_001, 20, 0, false},
	} {
		if r, ok := p.Retained(tt.erases, tt.celsius); ok != tt.ok || r.Years != tt.years {
			t.Errorf("%d erases at %d C: %+v, %v; want %v years, %v", tt.erases, tt.celsius, r, ok, tt.years, tt.ok)
		}
	}
	if got := p.Rating(1024); got != 10_000 {
		t.Errorf("rated for %d erases", got)
	}
}

package layout

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dualbank/boot"

	"github.com/google/go-cmp/cmp"
)

const flashBase = 0x08000000

var f429Bank = []uint32{16 << 10, 16 << 10, 16 << 10, 16 << 10, 64 << 10, 128 << 10, 128 << 10, 128 << 10, 128 << 10, 128 << 10, 128 << 10, 128 << 10}

func f429Chip() Chip {
	return Chip{
		Name: "STM32F429ZI", Base: flashBase, Sectors: append(slices.Clone(f429Bank), f429Bank...),
		Banks: []uint32{0x08000000, 0x08100000}, Unit: 1, Vectors: 107,
	}
}

// l4Chip is the flash of the l4 traces as two banks.
func l4Chip() Chip {
	c := Chip{Name: "L4", Base: flashBase, Banks: []uint32{0x08000000, 0x08040000}, Unit: 8, Vectors: 98}
	for range 256 {
		c.Sectors = append(c.Sectors, 2<<10)
	}
	return c
}

// edit returns the example with replacements old, new, old, new... Each old must be there.
func edit(t testing.TB, pairs ...string) []Source {
	t.Helper()
	srcs := Example()
	for i := 0; i < len(pairs); i += 2 {
		found := false
		for k := range srcs {
			if text := string(srcs[k].Text); strings.Contains(text, pairs[i]) {
				found = true
				srcs[k].Text = []byte(strings.ReplaceAll(text, pairs[i], pairs[i+1]))
			}
		}
		if !found {
			t.Fatalf("%q is not in the example", pairs[i])
		}
	}
	return srcs
}

func TestExampleIsTheGuides(t *testing.T) {
	l, ps := New(Example(), ExampleTarget, f429Chip())
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	want := boot.Config{
		Details: 0x08008000, AppStart: 0x08008400, MaxAppSize: 0xF7C00, StorageAddr: 0x08120000, StorageSize: 0xE0000,
		Locations: 1, StoragePage: 1, BootRetries: 3, CopyRetries: 1, ResetReason: true,
	}
	if diff := cmp.Diff(want, l.Config); diff != "" {
		t.Errorf("-guide +example:\n%s", diff)
	}
	if diff := cmp.Diff([]boot.Slot{{Addr: 0x08120000, Size: 0xE0000}}, l.Slots); diff != "" {
		t.Error(diff)
	}
	const drawn = `NUCLEO_F429ZI: flash 0x08000000-0x08200000, 2 MiB in 2 banks, programmed by 1 B

region             start       end         size     bank  erase units                        notes
bootloader         0x08000000  0x08008000  32 KiB   1     2 x 16 KiB
active header      0x08008000  0x08008070  112 B    1     16 KiB                             version 2, 112 B
(free)             0x08008070  0x08008400  912 B    1     16 KiB
application        0x08008400  0x08100000  991 KiB  1     2 x 16 KiB + 64 KiB + 7 x 128 KiB  erased together with the header
KVStore            0x08100000  0x08120000  128 KiB  2     4 x 16 KiB + 64 KiB                two areas of 64 KiB
candidate storage  0x08120000  0x08200000  896 KiB  2     7 x 128 KiB                        1 slot, firmware up to 917392 B
`
	if diff := cmp.Diff(drawn, l.String()); diff != "" {
		t.Errorf("-want +drawn:\n%s", diff)
	}
	if len(ps) != 1 || !strings.Contains(ps[0].String(), "holds an application of 917392 bytes, 97392 fewer") {
		t.Errorf("warnings:\n%v", ps)
	}
	for name, want := range map[string]string{
		"storage.storage_type":                       "TDB_INTERNAL",
		"storage_tdb_internal.internal_base_address": fmt.Sprint(0x08100000),
		"storage-tdb-internal.internal-size":         "131072",
		"mbed-bootloader.max-boot-retries":           "3",
		"app.kvstore-size":                           "131072",
	} {
		if got, ok := l.Option(name); !ok || got != want {
			t.Errorf("option %s = %q, %v; want %q", name, got, ok, want)
		}
	}
	if got, ok := l.Option("mbed-bootloader.application-jump-address"); ok {
		t.Errorf("an option without a value is %q", got)
	}
}

// TestLayoutProblems makes one mistake after the other in the example.
func TestLayoutProblems(t *testing.T) {
	for _, c := range []struct {
		name  string
		edits []string
		want  string // "" for the warning that the example itself has only
	}{
		{"syntax", []string{`"macros": [`, `"macros" [`}, `example/bootloader_app.json:12:14: not JSON: invalid character '[' after object name; correct the syntax here`},
		{"unknown macro", []string{`"2*64*1024",`, `"2*BLOCK",`}, `example/bootloader_app.json:20:13: kvstore-size: unknown macro BLOCK (for update-client.storage-address); define it`},
		{"unknown macro, from afar", []string{"FLASH_BANK_SIZE=MBED_ROM_SIZE/2", "FLASH_BANK_SIZE=ROM_SIZE/2"}, "example/bootloader_app.json:15:9: FLASH_BANK_SIZE: unknown macro ROM_SIZE (for mbed-bootloader.max-application-size); define it"},
		{"cycle", []string{"HEADER_REGION_SIZE=1024", "HEADER_REGION_SIZE=MBED_CONF_MBED_BOOTLOADER_APPLICATION_START_ADDRESS"}, "macro HEADER_REGION_SIZE needs its own value (for mbed-bootloader.application-start-address); break the cycle"},
		{"division by zero", []string{"=MBED_ROM_SIZE/2", "=MBED_ROM_SIZE/(1-1)"}, "example/bootloader_app.json:15:9: FLASH_BANK_SIZE: division by zero (for mbed-bootloader.max-application-size); correct the expression \"MBED_ROM_SIZE/(1-1)\""},
		{"negative", []string{"(MBED_ROM_START + FLASH_BANK_SIZE - MBED_CONF", "(FLASH_BANK_SIZE - MBED_CONF"}, "mbed-bootloader.max-application-size: is -133202944: less than nothing"},
		{"a list where a number belongs", []string{`"update-client.storage-locations": 1`, `"update-client.storage-locations": [1]`}, "update-client.storage-locations: is neither a number nor an expression; give it a number"},
		{"required", []string{`"kvstore-size": "2*64*1024",`, ""}, "example/bootloader_app.json:6:9: kvstore-size: must have a value; set it in target_overrides for NUCLEO_F429ZI"},
		{"no such option of the application", []string{`"kvstore-size": "2*64*1024",`, `"kvstore-sizes": "2*64*1024",`}, `example/bootloader_app.json:20:13: kvstore-sizes: no such option in the file's "config"; add it there`},
		{"option misspelt", []string{`"update-client.storage-size"`, `"update-client.storage-sise"`}, "warning: update-client.storage-sise: update-client has no option storage-sise; remove it or write storage-size"},
		{"key at the top misspelt", []string{`"target_overrides"`, `"target_override"`}, "example/mbed_app.json:16:5: warning: target_override: unknown key, left out of account; remove it or write target_overrides"},
		{"twice", []string{`"update-client.storage-page": 1,`, `"update-client.storage-page": 1, "update-client.storage-page": 1,`}, "warning: update-client.storage-page: is there twice"},
		{"outside", []string{`"(MBED_ROM_START + FLASH_BANK_SIZE)"`, `"0x08200000"`}, "KVStore 0x08200000-0x08220000 does not lie in the flash 0x08000000-0x08200000; move it"},
		{"overlap", []string{`"(MBED_ROM_START + FLASH_BANK_SIZE)"`, `"0x080F0000"`}, "example/mbed_app.json:25:13: storage_tdb_internal.internal_base_address: KVStore 0x080F0000-0x08110000 overlaps application 0x08008400-0x08100000; move one"},
		{"header on no boundary", []string{"(MBED_ROM_START + MBED_BOOTLOADER_SIZE)", "0x08008200", "(MBED_ROM_START + 0x8000)", "0x08008200", `"target.header_offset": "0x8000"`, `"target.header_offset": "0x8200"`}, "the header's address 0x08008200 is no erase boundary, so the bootloader cannot erase it; use 0x08008000 or 0x0800C000"},
		{"vector table", []string{"HEADER_REGION_SIZE=1024", "HEADER_REGION_SIZE=256", `"target.app_offset": "0x8400"`, `"target.app_offset": "0x8100"`}, "the application's address 0x08008100 is no multiple of 0x200, which its vector table of 107 entries needs; use 0x08008200"},
		{"neither shared nor apart", []string{"HEADER_REGION_SIZE=1024", "HEADER_REGION_SIZE=0xA000", `"target.app_offset": "0x8400"`, `"target.app_offset": "0x12000"`}, "the application at 0x08012000 neither shares the header's erase units (up to 0x0800C000) nor begins on an erase boundary, so the bootloader cannot erase it; use 0x08020000"},
		{"store on no boundary", []string{`internal_size": "KVSTORE_SIZE",`, `internal_size": "0x1FC00",`}, "KVStore 0x08100000-0x0811FC00: 0x0811FC00 is no erase boundary; use 0x08110000 or 0x08120000"},
		{"store of one unit", []string{`internal_size": "KVSTORE_SIZE",`, `internal_size": "0x4000",`}, "KVStore 0x08100000-0x08104000 is 1 erase unit: a store needs at least two"},
		{"store in unequal areas", []string{`"(MBED_ROM_START + FLASH_BANK_SIZE)"`, `"0x08104000"`, `internal_size": "KVSTORE_SIZE",`, `internal_size": "0x1C000",`}, "KVStore 0x08104000-0x08120000 does not split into two equal areas on erase boundaries: 48 KiB and 0 B"},
		{"store without areas", []string{`"(MBED_ROM_START + FLASH_BANK_SIZE)"`, `"0x080E0000"`, `internal_size": "KVSTORE_SIZE",`, `internal_size": "0x24000",`}, "KVStore 0x080E0000-0x08104000 does not split into two equal areas on erase boundaries: 0 B and 0 B"},
		{"storage begins inside a unit", []string{"(MBED_ROM_START + FLASH_BANK_SIZE + KVSTORE_SIZE)", "(MBED_ROM_START + FLASH_BANK_SIZE + KVSTORE_SIZE + 1024)", "(FLASH_BANK_SIZE - KVSTORE_SIZE)", "(FLASH_BANK_SIZE - KVSTORE_SIZE - 1024)"}, "warning: update-client.storage-address: candidate storage 0x08120400-0x08200000 begins inside an erase unit: its first 127 KiB are lost; use 0x08140000"},
		{"storage ends inside a unit", []string{"(FLASH_BANK_SIZE - KVSTORE_SIZE)", "(FLASH_BANK_SIZE - KVSTORE_SIZE - 1024)"}, "candidate storage 0x08120000-0x081FFC00 ends inside an erase unit: its last 127 KiB are lost"},
		{"empty slots", []string{`"update-client.storage-locations": 1`, `"update-client.storage-locations": 9`}, "slot 0 of 9 at 0x08120000 is empty: 896 KiB divided in 9 and rounded down to erase boundaries; use fewer slots"},
		{"room in no slot", []string{`"update-client.storage-locations": 1`, `"update-client.storage-locations": 3`}, "warning: update-client.storage-locations: 128 KiB of the candidate storage lie in no slot"},
		{"no slots", []string{`"update-client.storage-locations": 1`, `"update-client.storage-locations": 0`}, "0 slots; give a number from 1 to 1000"},
		{"the largest application past the maximum", []string{"(MBED_ROM_START + FLASH_BANK_SIZE - MBED_CONF_MBED_BOOTLOADER_APPLICATION_START_ADDRESS)", "100000"}, "warning: mbed-bootloader.max-application-size: the largest application ends at 0x08020AA0, in an erase unit up to 0x08040000: a candidate of more than 95 KiB makes the bootloader halt at every boot, with the old image intact; set it to 97280 or 228352"},
		{"no install possible", []string{"(MBED_ROM_START + FLASH_BANK_SIZE - MBED_CONF_MBED_BOOTLOADER_APPLICATION_START_ADDRESS)", "10000"}, "mbed-bootloader.max-application-size: the application's erase units end at 0x0800C000, past its largest end 0x0800AB10: every candidate makes the bootloader halt at every boot, with the old image intact; set it to 15360"},
		{"storage page", []string{`"update-client.storage-page": 1`, `"update-client.storage-page": 3`}, "the update client's buffer of 512 bytes is no multiple of the storage page of 3"},
		{"no storage page", []string{`"update-client.storage-page": 1`, `"update-client.storage-page": 0`}, "the storage page is 0; set it to 1"},
		{"two banks", []string{`"(MBED_ROM_START + FLASH_BANK_SIZE)"`, `"0x080E0000"`, `internal_size": "KVSTORE_SIZE",`, `internal_size": "0x40000",`}, "warning: storage_tdb_internal.internal_base_address: KVStore 0x080E0000-0x08120000 lies in bank 1 and bank 2, which meet at 0x08100000"},
		{"same bank", []string{`"(MBED_ROM_START + FLASH_BANK_SIZE)"`, `"0x080C0000"`, `internal_size": "KVSTORE_SIZE",`, `internal_size": "0x40000",`, "(MBED_ROM_START + FLASH_BANK_SIZE - MBED_CONF_MBED_BOOTLOADER_APPLICATION_START_ADDRESS)", "0xB7C00"}, "warning: storage_tdb_internal.internal_base_address: KVStore 0x080C0000-0x08100000 shares a bank with application 0x08008400-0x080C0000: the application stands still while it is written"},
		{"shared erase unit", []string{`"target.restrict_size": "0x8000"`, `"target.restrict_size": "0x8000", "x": 1`, "(MBED_ROM_START + FLASH_BANK_SIZE - MBED_CONF_MBED_BOOTLOADER_APPLICATION_START_ADDRESS)", "0xB8000", `"(MBED_ROM_START + FLASH_BANK_SIZE)"`, `"0x080C1000"`, `internal_size": "KVSTORE_SIZE",`, `internal_size": "0x3F000",`}, "application 0x08008400-0x080C0400 and KVStore 0x080C1000-0x08100000 share the erase unit at 0x080C0000 (128 KiB): erasing one destroys the other; begin it at 0x080E0000"},
		{"default place of the store", []string{`"storage_tdb_internal.internal_base_address": "(MBED_ROM_START + FLASH_BANK_SIZE)",`, "", `"storage_tdb_internal.internal_size": "KVSTORE_SIZE",`, ""}, "KVStore 0x081C0000-0x08200000 overlaps candidate storage 0x08120000-0x08200000"},
		{"dual bank asked of one", []string{`"target.restrict_size": "0x8000"`, `"target.restrict_size": "0x8000", "target.flash_dual_bank": 0`}, "target.flash_dual_bank: asks for one bank, but the flash is described with two"},
		{"header version", []string{`"update-client.firmware-header-version": "2",`, `"update-client.firmware-header-version": "1",`}, "header version 1; use 2"},
		{"ROM", []string{`"target.restrict_size": "0x8000"`, `"target.restrict_size": "0x8000", "target.mbed_rom_size": "0x100000"`}, "target.mbed_rom_size: is 0x100000, but the flash of NUCLEO_F429ZI has 0x200000"},
		{"bootloader too small for a unit", []string{`"target.restrict_size": "0x8000"`, `"target.restrict_size": "0x2000"`}, "target.restrict_size: 0x2000 bytes from 0x08000000 on, rounded down to an erase boundary, leave nothing for the bootloader; make it at least 0x4000"},
		{"bootloader sizes", []string{`"mbed-bootloader.bootloader-size": "APPLICATION_SIZE"`, `"mbed-bootloader.bootloader-size": "0xC000"`, "(MBED_ROM_START + MBED_BOOTLOADER_SIZE)", "0x08008000"}, "warning: mbed-bootloader.bootloader-size: is 0xC000, but target.restrict_size leaves 0x8000"},
		{"two of a kind", []string{`"target.bootloader_img"`, `"mbed-bootloader.max-copy-retries": 1, "x.y"`, `"target.header_offset": "0x8000",`, "", `"target.app_offset": "0x8400",`, ""}, "example/mbed_app.json: a second configuration of the bootloader (sets mbed-bootloader.max-copy-retries), beside example/bootloader_app.json"},

		{"storage differs", []string{`"update-client.storage-address": "(MBED_ROM_START + FLASH_BANK_SIZE + KVSTORE_SIZE)",
            "update-client.storage-size": "(FLASH_BANK_SIZE - KVSTORE_SIZE)",
            "update-client.storage-locations": 1,
            "update-client.storage-page": 1
`, `"update-client.storage-address": "0x08140000", "update-client.storage-size": "0xC0000"`}, "example/mbed_app.json:28:13: update-client.storage-address: is 0x8140000 here and 0x8120000 in example/bootloader_app.json; give both the same value"},
		{"and a default differs too", []string{`            "update-client.storage-page": 1
`, `"x.y": 1
`}, "example/mbed_app.json: warning: update-client.storage-page: is not set and so 0x8, but 0x1 in example/bootloader_app.json"},
		{"application differs", []string{`"target.app_offset": "0x8400"`, `"target.app_offset": "0x8600"`}, "target.app_offset: the application's address is 0x8008600 here and 0x8008400 in example/bootloader_app.json"},
		{"header differs", []string{`"target.header_offset": "0x8000"`, `"target.header_offset": "0x4000"`}, "target.header_offset: the header's address is 0x8004000 here and 0x8008000 in"},
		{"medium differs", []string{`"MBED_CLOUD_CLIENT_UPDATE_STORAGE=ARM_UCP_FLASHIAP",
        "FLASH`, `"MBED_CLOUD_CLIENT_UPDATE_STORAGE=ARM_UCP_FLASHIAP_BLOCKDEVICE", "FLASH`}, "MBED_CLOUD_CLIENT_UPDATE_STORAGE: is ARM_UCP_FLASHIAP_BLOCKDEVICE here and ARM_UCP_FLASHIAP in"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, ps := New(edit(t, c.edits...), ExampleTarget, f429Chip())
			for _, p := range ps {
				if strings.Contains(p.String(), c.want) {
					return
				}
			}
			t.Errorf("want %q in:\n%v", c.want, ps)
		})
	}
}

func TestProblemsAllAtOnce(t *testing.T) {
	_, ps := New(edit(t, `internal_size": "KVSTORE_SIZE",`, `internal_size": "0x4000",`, `"update-client.storage-locations": 1`, `"update-client.storage-locations": 9`,
		"HEADER_REGION_SIZE=1024", "HEADER_REGION_SIZE=256"), ExampleTarget, f429Chip())
	text := ps.Errors().Error()
	for _, want := range []string{"a store needs at least two", "slot 0 of 9", "vector table"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	for _, p := range ps {
		if strings.ContainsRune(p.String(), '\n') || p.Remedy == "" {
			t.Errorf("a problem is one line with a remedy: %q", p)
		}
	}
	if slices.ContainsFunc(ps.Errors(), func(p Problem) bool { return p.Warning }) || len(ps.Errors())+len(ps.Warnings()) != len(ps) {
		t.Error("errors and warnings are not apart")
	}
}

func TestProgramUnit(t *testing.T) {
	_, ps := New(edit(t, `"2*64*1024",`, `"0x8000",`, `"2*64*1024"`, `"0x8000"`), ExampleTarget, l4Chip())
	if text := ps.Error(); !strings.Contains(text, "the storage page of 1 bytes is no multiple of the program unit of 8; set it to 8") {
		t.Error(text)
	}
}

func TestSingleBank(t *testing.T) {
	c := f429Chip()
	c.Banks = c.Banks[:1]
	_, ps := New(edit(t, `"target.restrict_size": "0x8000"`, `"target.restrict_size": "0x8000", "target.flash-dual-bank": true`), ExampleTarget, c)
	text := ps.Error()
	for _, want := range []string{"has one bank in this mode: code stands still", "asks for two banks, but the flash is described with one"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
}

func TestTargetsJSON(t *testing.T) {
	targets := func(text string) Source { return Source{Name: "targets.json", Text: []byte(text)} }
	for _, c := range []struct{ name, text, want string }{
		{"missing", `{"NUCLEO_F429ZI": {"inherits": ["FAMILY"]}, "FAMILY": {}, "OTHER": {"bootloader_supported": true}}`, "targets.json:1:2: NUCLEO_F429ZI: the target does not support a bootloader"},
		{"never named", `{"NUCLEO_F429ZI": {"inherits": ["FAMILY"]}, "FAMILY": {}}`, ""},
		{"false", `{"NUCLEO_F429ZI": {"bootloader_supported": false}}`, "does not support a bootloader"},
		{"inherited", `{"NUCLEO_F429ZI": {"inherits": ["FAMILY"]}, "FAMILY": {"inherits": ["FAMILY", "TOP"]}, "TOP": {"bootloader_supported": true}}`, ""},
		{"unknown target", `{"NUCLEO_F429ZJ": {"bootloader_supported": true}}`, "targets.json: has no target NUCLEO_F429ZI; give a target that it has or write NUCLEO_F429ZJ"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, ps := New(append(Example(), targets(c.text)), ExampleTarget, f429Chip())
			if got := ps.Errors().Error(); c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("want %q, got %q", c.want, got)
			}
		})
	}
	// Overrides for a parent come before the target's own.
	srcs := append(edit(t, `"NUCLEO_F429ZI": {`, `"FAMILY": {"update-client.storage-page": 4}, "NUCLEO_F429ZI": {`),
		targets(`{"NUCLEO_F429ZI": {"inherits": ["FAMILY"], "bootloader_supported": true}, "FAMILY": {}}`))
	if l, ps := New(srcs, ExampleTarget, f429Chip()); ps.Err() != nil || l.Config.StoragePage != 1 {
		t.Errorf("storage page %d, %v", l.Config.StoragePage, ps)
	}
}

// TestLibraries: a library's own mbed_lib.json takes the place of the built-in defaults, in JSON5 too,
// with its overrides before the application's.
func TestLibraries(t *testing.T) {
	lib := Source{Name: "tdb_internal/mbed_lib.json5", Text: []byte(`{
    name: 'storage-tdb-internal', // bare keys, single quotes
    config: {
        "internal-size": {help: "size", value: 0},
        "internal-base-address": {value: "0"},
    },
    target_overrides: {
        NUCLEO_F429ZI: {"internal-size": 0x20000, "internal-base-address": "0x08100000"},
    },
}`)}
	srcs := append(edit(t, `"storage_tdb_internal.internal_base_address": "(MBED_ROM_START + FLASH_BANK_SIZE)",`, "", `"storage_tdb_internal.internal_size": "KVSTORE_SIZE",`, ""), lib)
	l, ps := New(srcs, ExampleTarget, f429Chip())
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	if k, ok := l.Region(RegionKVStore); !ok || k.Start != 0x08100000 || k.Size != 0x20000 {
		t.Errorf("KVStore %+v", k)
	}
	lib.Text = []byte(strings.ReplaceAll(string(lib.Text), "0x08100000", "NOWHERE"))
	srcs[len(srcs)-1] = lib
	_, ps = New(srcs, ExampleTarget, f429Chip())
	if want := "tdb_internal/mbed_lib.json5:8:51: internal-base-address: unknown macro NOWHERE"; !strings.Contains(ps.Error(), want) {
		t.Errorf("want %q in %q", want, ps.Error())
	}
	_, ps = New(append(srcs[:2], Source{Name: "x", Text: []byte(`{"name": "update-client", "config": {}}`)}), ExampleTarget, f429Chip())
	if want := "update-client has no option storage-address"; !strings.Contains(ps.Errors().Error(), want) {
		t.Errorf("want %q in %q", want, ps.Error())
	}
}

func TestLoadFiles(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for _, s := range Example() {
		name := filepath.Join(dir, filepath.Base(s.Name))
		if err := os.WriteFile(name, s.Text, 0o666); err != nil {
			t.Fatal(err)
		}
		files = append(files, name)
	}
	if _, ps := Load(files, ExampleTarget, f429Chip()); ps.Err() != nil {
		t.Fatal(ps)
	}
	// The bootloader's image, if it is at hand, says how much it takes.
	if err := os.Mkdir(filepath.Join(dir, "bootloader"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bootloader", "mbed-bootloader-NUCLEO_F429ZI.bin"), make([]byte, 0x8001), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, ps := Load(files, ExampleTarget, f429Chip()); !strings.Contains(ps.Error(), "the bootloader takes 0xC000 bytes here and 0x8000 in") {
		t.Error(ps)
	}
	_, ps := Load([]string{filepath.Join(dir, "none.json"), dir}, ExampleTarget, f429Chip())
	if len(ps) != 2 || !strings.Contains(ps[0].String(), "none.json: cannot be read: no such file or directory; give the path") {
		t.Error(ps)
	}
}

func TestNoConfiguration(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`[]`, "not a configuration file: the top level is no object"},
		{``, "not JSON"},
		{`{"name": "lib", "config": {}}`, "no configuration of a bootloader or an application among the files"},
		{`{"config": 1, "macros": 2, "target_overrides": 3, "name": 4}`, "target_overrides: is no object"},
		{`{"macros": ["A B=1"]}`, `a macro is a string NAME or NAME=VALUE, not "A B=1"`},
		{`{"target_overrides": {"*": 1}}`, "the overrides of a target are no object"},
		{`{"config": {"a": {"macro_name": "A-B"}}}`, "macro_name is no name of a macro"},
		{strings.Repeat("[", 200), "nested more than 100 deep"},
	} {
		l, ps := New([]Source{{Name: "f.json", Text: []byte(c.text)}}, ExampleTarget, f429Chip())
		if l != nil || !strings.Contains(ps.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.text, ps, c.want)
		}
	}
	if _, ps := New(Example(), ExampleTarget, Chip{Name: "X", Sectors: []uint32{0}}); !strings.Contains(ps.Error(), "the flash of X: erase unit 0 has no size") {
		t.Error(ps)
	}
}

// TestApplicationAlone: without the bootloader's configuration the application may grow to the next region.
func TestApplicationAlone(t *testing.T) {
	l, ps := New(Example()[1:], ExampleTarget, f429Chip())
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	if a, _ := l.Region(RegionApplication); a.Start != 0x08008400 || a.End() != 0x08100000 {
		t.Errorf("application %+v", a)
	}
	if r, _ := l.Region(RegionBootloader); r.Size != 0x8000 {
		t.Errorf("bootloader %+v", r)
	}
}

// FuzzConfig: whatever stands in a configuration file, there are problems or a layout, and every
// problem has one line and a place in the file.
func FuzzConfig(f *testing.F) {
	for _, s := range Example() {
		f.Add(s.Text)
	}
	f.Add(defaultsJSON)
	f.Add([]byte("\"\n\"0"))
	f.Add([]byte(`{name:'x',config:{a:0x10,},/**/macros:["A","B=A"],target_overrides:{"*":{"target.restrict_size":"B"}}}`))
	f.Add([]byte(`{"NUCLEO_F429ZI":{"inherits":["NUCLEO_F429ZI"]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, srcs := range [][]Source{{{Name: "f", Text: text}}, append(Example(), Source{Name: "f", Text: text}), {Example()[0], {Name: "f", Text: text}}} {
			l, ps := New(srcs, ExampleTarget, f429Chip())
			if l == nil && ps.Err() == nil {
				t.Fatal("neither a layout nor an error")
			}
			if l != nil && l.String() == "" {
				t.Fatal("nothing drawn")
			}
			for _, p := range ps {
				if strings.ContainsRune(p.Text, '\n') || p.Text == "" || p.Line < 0 || p.Line > 0 && p.Column < 1 {
					t.Fatalf("problem %+v", p)
				}
			}
		}
	})
}

func TestBoards(t *testing.T) {
	for _, name := range Boards() {
		for _, dual := range []bool{false, true} {
			c, err := ChipOf(name, dual)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.check(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			odd := map[string]bool{"NUCLEO_L073RZ": true, "DISCO_L072CZ_LRWAN1": true, "LPC55S69_NS": true, "NUCLEO_F413ZH": true, "DISCO_F413ZH": true, "NUCLEO_WB55RG": true, "DISCO_WB5MMG": true, "NUCLEO_WB15CC": true, "ARDUINO_PORTENTA_H7_M4": true, "ARDUINO_GIGA_CM4": true}
			if total := c.Size(); total&(total-1) != 0 && !odd[name] {
				t.Errorf("%s has 0x%X bytes", name, total)
			}
		}
	}
	if c, _ := ChipOf(ExampleTarget, false); !cmp.Equal(c, f429Chip()) {
		t.Error(cmp.Diff(f429Chip(), c))
	}
	if _, ps := New(Example(), "NUCLEO_F429", Chip{}); !strings.Contains(ps.Error(), "the flash of target NUCLEO_F429 is not known; give its part with --part or write NUCLEO_F429ZI; known targets: ARDUINO_GIGA_CM4, ") {
		t.Error(ps)
	}
}

// sharedConfigs are mbed-bootloader's configurations, which are not part of the project.
const sharedConfigs = "../../../shared/configs"

// TestSharedConfigs loads, checks and draws every target of every configuration beside the project,
// if there are any.
func TestSharedConfigs(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sharedConfigs, "*.json"))
	if err != nil || len(files) == 0 {
		return
	}
	for _, name := range files {
		src, ps := ReadSources([]string{name})
		if ps != nil {
			t.Fatal(ps)
		}
		f, ps := parseFile(src[0])
		if len(ps) > 0 {
			t.Errorf("%v", ps)
		}
		if f.library {
			continue
		}
		var targets []string
		for _, b := range f.overrides {
			if b.target != "*" {
				targets = append(targets, b.target)
			}
		}
		slices.Sort(targets)
		for _, target := range slices.Compact(targets) {
			t.Run(filepath.Base(name)+"/"+target, func(t *testing.T) {
				l, ps := New(src, target, Chip{})
				if l == nil {
					t.Fatal(ps)
				}
				if _, ok := l.Region(RegionApplication); !ok || l.String() == "" {
					t.Errorf("no application in\n%v", l)
				}
				// Some targets have mistakes of their own in the files: regions that overlap.
				want := map[string]int{
					"internal_flash_no_rot.json MIMXRT1050_EVK": 2,
					"internal_flash_no_rot.json UHURU_RAVEN":    1,
					"psa.json LPC55S69_NS":                      1,
				}[filepath.Base(name)+" "+target]
				if got := ps.Errors(); len(got) != want {
					t.Errorf("%d errors, want %d:\n%v", len(got), want, got)
				}
			})
		}
	}
}

// TestNewExternal: with candidates on a block device the place that the files give on internal flash is neither laid out
// nor checked; that of files for a block device stays.
func TestNewExternal(t *testing.T) {
	slots := []string{`"update-client.storage-locations": 1`, `"update-client.storage-locations": 9`}
	overlap := []string{"(MBED_ROM_START + FLASH_BANK_SIZE + KVSTORE_SIZE)", "0x08100000"}
	for name, edits := range map[string][]string{
		"none":           nil,
		"empty slots":    slots,
		"overlap":        overlap,
		"outside":        {"(MBED_ROM_START + FLASH_BANK_SIZE + KVSTORE_SIZE)", "0"},
		"inside a unit":  {"(FLASH_BANK_SIZE - KVSTORE_SIZE)", "(FLASH_BANK_SIZE - KVSTORE_SIZE - 1024)"},
		"no size at all": {`"update-client.storage-size": "(FLASH_BANK_SIZE - KVSTORE_SIZE)",`, ""},
		"one differs":    {"            \"update-client.storage-address\": \"(MBED_ROM_START + FLASH_BANK_SIZE + KVSTORE_SIZE)\",\n            \"update-client.storage-size\": \"(FLASH_BANK_SIZE - KVSTORE_SIZE)\",\n            \"update-client.storage-locations\": 1,\n            \"update-client.storage-page\": 1\n", "\"update-client.storage-page\": 1, \"update-client.storage-address\": \"0x08140000\""},
	} {
		l, ps := NewExternal(edit(t, edits...), ExampleTarget, f429Chip())
		if err := ps.Err(); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, p := range ps.Warnings() {
			if strings.Contains(p.Key, "storage-address") || strings.Contains(p.Key, "storage-size") || strings.Contains(p.Key, "locations") {
				t.Errorf("%s: %v", name, p)
			}
		}
		if _, ok := l.Region(RegionCandidate); ok || !l.BlockDevice || l.Config.StorageAddr != 0 || l.Config.StorageSize != 0 || l.Slots != nil {
			t.Errorf("%s: %+v", name, l)
		}
	}
	for _, edits := range [][]string{slots, overlap} {
		if _, ps := New(edit(t, edits...), ExampleTarget, f429Chip()); ps.Err() == nil {
			t.Errorf("%q is no mistake on internal flash either", edits)
		}
	}
	device := []string{"=ARM_UCP_FLASHIAP", "=ARM_UCP_FLASHIAP_BLOCKDEVICE", "(MBED_ROM_START + FLASH_BANK_SIZE + KVSTORE_SIZE)", "0x20000"}
	for _, make := range []func([]Source, string, Chip) (*Layout, Problems){New, NewExternal} {
		l, ps := make(edit(t, device...), ExampleTarget, f429Chip())
		if err := ps.Err(); err != nil || !l.BlockDevice || l.Config.StorageAddr != 0x20000 || l.Config.StorageSize != 896<<10 {
			t.Errorf("files for a block device: %v, %+v", err, l)
		}
	}
}

package layout

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// configurations writes whole configurations, several files with parents, libraries, macros and nulls, out of
// choices that a fuzzer makes.
type configurations struct {
	choices []byte
}

func (c *configurations) choose(n int) int {
	if len(c.choices) == 0 {
		return 0
	}
	v := int(c.choices[0]) % n
	c.choices = c.choices[1:]
	return v
}

func (c *configurations) pick(of ...string) string { return of[c.choose(len(of))] }

// value is what an option may have, from the right to the absurd.
func (c *configurations) value() string {
	return c.pick(`"0x08008000"`, `"0x8000"`, `"0x8400"`, `"(MBED_ROM_START + MBED_BOOTLOADER_SIZE)"`, `"MBED_ROM_SIZE/2"`, `"0x08100000"`, `"0x20000"`, `"0x08120000"`,
		`"0xE0000"`, "1", "0", "null", `"(MBED_CONF_UPDATE_CLIENT_APPLICATION_DETAILS + 1024)"`, `"APPLICATION_SIZE"`, `"0xF7C00"`, `"M1"`, `"M2 * 2"`, "-1", `"1/0"`, "true", `[1, "x"]`,
		`{"IROM1": {"start": 0x10000, "size": "0x20000"}}`, `"bl.bin"`, `"0xFFFFFFFF"`, `"0x100000000"`, `"ARM_UCP_FLASHIAP"`, `"ARM_UCP_FLASHIAP_BLOCKDEVICE"`, `"TDB_INTERNAL"`, `"FILESYSTEM"`, `"default"`, `""`, "[[0x08000000, 4096]]")
}

func (c *configurations) option() string {
	return c.pick("target.bootloader_img", "target.restrict_size", "target.mbed_app_start", "target.mbed_app_size", "target.header_offset", "target.app_offset", "target.mbed_rom_start",
		"target.mbed_rom_size", "target.sectors", "target.memory_bank_config", "target.flash_dual_bank", "target.header_format", "update-client.application-details", "update-client.storage-address",
		"update-client.storage-size", "update-client.storage-locations", "update-client.storage-page", "mbed-bootloader.application-start-address", "mbed-bootloader.max-application-size",
		"mbed-bootloader.use-kvstore-rot", "mbed-bootloader.bootloader-size", "mbed-cloud-client.update-storage", "storage.storage_type", "storage_tdb_internal.internal_base_address",
		"storage_tdb_internal.internal_size", "storage_filesystem.rbp-internal-size", "fota.enable", "fota.storage-size", "nvstore.area_1_size", "own", "mcuboot.slot-size")
}

func (c *configurations) macros() string {
	var list []string
	for range c.choose(4) {
		list = append(list, fmt.Sprintf("%q", c.pick("M1=M2", "M2=M1+1", "M1=0x20000", "M2", "MBED_CLOUD_CLIENT_UPDATE_STORAGE=ARM_UCP_FLASHIAP", "ARM_UC_USE_PAL_BLOCKDEVICE=1",
			"MBED_CONF_STORAGE_STORAGE_TYPE=TDB_INTERNAL", "MBED_CONF_STORAGE_TDB_INTERNAL_INTERNAL_SIZE=0x20000", "MBED_CLOUD_CLIENT_FOTA_STORAGE_SIZE=0x20000",
			"MBED_CLOUD_CLIENT_FOTA_STORAGE_START_ADDR=0x08140000", "MBED_BOOTLOADER_SIZE=M1", "A B", "ARM_UC_BUFFER_SIZE=2048")))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func (c *configurations) label() string {
	return c.pick("*", "NUCLEO_F429ZI", "K64F", "STM", "MCU_STM32", "PARENT", "NUCLEO_X")
}

// file writes an application's, a bootloader's or a library's configuration, or a targets.json.
func (c *configurations) file() string {
	if c.choose(5) == 4 {
		inherits := c.pick(`["PARENT"]`, `["NUCLEO_F429ZI"]`, `[]`, `[1]`, "null")
		return fmt.Sprintf(`{"NUCLEO_F429ZI": {"inherits": %s, "extra_labels": ["STM"]}, "PARENT": {"inherits": ["NUCLEO_F429ZI"], "bootloader_supported": %s}}`, inherits, c.pick("true", "false", "null"))
	}
	var b strings.Builder
	b.WriteString("{")
	if name := c.pick("", "", "update-client", "our-bootloader", "mbed-bootloader", "storage"); name != "" {
		fmt.Fprintf(&b, `"name": %q, `, name)
	}
	fmt.Fprintf(&b, `"macros": %s, "config": {"own": {"macro_name": %q, "value": %s}%s}, "target_overrides": {`, c.macros(), c.pick("MBED_BOOTLOADER_SIZE", "M1", "KVSTORE_SIZE"), c.value(), c.pick("", `, "storage-size": {"value": 5, "required": true}`, `, "application-start-address": {"value": null}`))
	for i := range 1 + c.choose(3) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q: {", c.label())
		for k := range 1 + c.choose(8) {
			if k > 0 {
				b.WriteString(", ")
			}
			if c.choose(8) == 7 {
				fmt.Fprintf(&b, `"target.macros_add": %s`, c.macros())
			} else {
				fmt.Fprintf(&b, "%q: %s", c.option(), c.value())
			}
		}
		b.WriteString("}")
	}
	b.WriteString("}}")
	return b.String()
}

// checkConfigurations looks at what New says of any files: always an answer, the same one again, problems of one line with a
// remedy, and regions in order that lie in the address space.
func checkConfigurations(t *testing.T, srcs []Source, target string, chip Chip) {
	t.Helper()
	checkMade(t, New, srcs, target, chip)
	checkMade(t, NewExternal, srcs, target, chip)
	if l, _ := NewExternal(srcs, target, chip); l != nil && !l.FOTA {
		if _, inside := l.Region(RegionCandidate); inside || !l.BlockDevice {
			t.Fatalf("candidates on a block device are laid out on the internal flash:\n%s", l)
		}
	}
}

func checkMade(t *testing.T, make func([]Source, string, Chip) (*Layout, Problems), srcs []Source, target string, chip Chip) {
	t.Helper()
	l, ps := make(srcs, target, chip)
	again, problems := make(srcs, target, chip)
	if !slices.Equal(ps, problems) || (l == nil) != (again == nil) || l != nil && l.String() != again.String() {
		t.Fatalf("the same files give\n%v\n%v\nand\n%v\n%v", ps, l, problems, again)
	}
	if l == nil && ps.Err() == nil {
		t.Fatal("neither a layout nor an error")
	}
	for _, p := range ps {
		if s := p.String(); strings.ContainsAny(s, "\r\n") || p.Text == "" || p.Remedy == "" || p.Warning && p.Note || p.Line < 0 || p.Line > 0 && p.Column < 1 {
			t.Fatalf("problem %q", s)
		}
	}
	if l == nil {
		return
	}
	if l.String() == "" {
		t.Fatal("nothing drawn")
	}
	for i, r := range l.Regions {
		if r.Size == 0 || r.End() > 1<<32 || i > 0 && r.Start < l.Regions[i-1].Start {
			t.Fatalf("region %+v", r)
		}
		for _, o := range l.Regions[i+1:] {
			if ps.Err() == nil && r.End() > uint64(o.Start) {
				t.Fatalf("regions that overlap are not reported: %s and %s\n%v", r.span(), o.span(), ps)
			}
		}
	}
}

// FuzzConfigurations reads whole configurations: made ones, and the same with bytes changed.
func FuzzConfigurations(f *testing.F) {
	r := rand.New(rand.NewPCG(13, 0))
	for range 200 {
		choices := make([]byte, 20+r.IntN(150))
		for i := range choices {
			choices[i] = byte(r.Uint32())
		}
		f.Add(choices, uint16(0), byte(0))
	}
	f.Fuzz(func(t *testing.T, choices []byte, at uint16, with byte) {
		c := &configurations{choices: choices}
		var srcs []Source
		for range 1 + c.choose(4) {
			srcs = append(srcs, Source{Name: fmt.Sprintf("f%d.json", len(srcs)), Text: []byte(c.file())})
		}
		if with != 0 {
			text := bytes.Clone(srcs[0].Text)
			text[int(at)%len(text)] = with
			srcs[0].Text = text
		}
		checkConfigurations(t, srcs, "NUCLEO_F429ZI", Chip{})
		checkConfigurations(t, append(Example(), srcs...), "NUCLEO_F429ZI", f429Chip())
		checkConfigurations(t, srcs, c.pick("K64F", "NUCLEO_X", "DISCO_F769NI", "NUCLEO_WB55RG"), Chip{})
	})
}

// TestConfigurations makes some hundred configurations, so that each go test does.
func TestConfigurations(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 1))
	layouts, clean := 0, 0
	for range 600 {
		c := &configurations{choices: make([]byte, 20+r.IntN(200))}
		for i := range c.choices {
			c.choices[i] = byte(r.Uint32())
		}
		var srcs []Source
		for range 1 + c.choose(4) {
			srcs = append(srcs, Source{Name: fmt.Sprintf("f%d.json", len(srcs)), Text: []byte(c.file())})
		}
		checkConfigurations(t, srcs, "NUCLEO_F429ZI", Chip{})
		if l, ps := New(srcs, "NUCLEO_F429ZI", Chip{}); l != nil {
			layouts++
			if ps.Err() == nil {
				clean++
			}
		}
	}
	if layouts < 60 || clean < 5 {
		t.Errorf("%d layouts, %d without an error: the configurations are too wild to test anything", layouts, clean)
	}
}

package layout

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dualbank/boot/firmware"
)

// files are configuration files by name, in the order in which they are given.
type files [][2]string

// load writes the files and images of n bytes into a folder and loads the files. Images are not configuration.
func (f files) load(t *testing.T, target string, images map[string]int) (*Layout, Problems) {
	t.Helper()
	dir := t.TempDir()
	var names []string
	for _, x := range f {
		name := filepath.Join(dir, x[0])
		if err := os.WriteFile(name, []byte(x[1]), 0o666); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	for name, n := range images {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, n), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return Load(names, target, Chip{})
}

// regions spells the regions of a layout as "name start-end", without the bootloader's.
func regions(l *Layout) string {
	if l == nil {
		return "none"
	}
	var parts []string
	for _, r := range l.Regions {
		if r.Name != RegionBootloader {
			parts = append(parts, fmt.Sprintf("%s %X-%X", r.Name, r.Start, r.End()))
		}
	}
	return strings.Join(parts, ", ")
}

func app(target, text string) files {
	return files{{"app.json", `{"target_overrides": {"` + target + `": {` + text + `}}}`}}
}

const (
	f429Image = `"target.bootloader_img": "bl.bin", "target.header_offset": "0x8000", "target.app_offset": "0x8400", `
	f429Store = `"storage.storage_type": "TDB_INTERNAL", "storage_tdb_internal.internal_base_address": "0x08100000", "storage_tdb_internal.internal_size": "0x20000"`
	f429Slot  = `, "update-client.application-details": "0x08008000", "update-client.storage-page": 1, "update-client.storage-address": "0x08120000", "update-client.storage-size": "0xE0000"`
)

// TestReports: configurations as people have them, with what they lead to on a device.
func TestReports(t *testing.T) {
	const f429, h743 = "NUCLEO_F429ZI", "NUCLEO_H743ZI2"
	for _, c := range []struct {
		name    string
		files   files
		target  string
		images  map[string]int
		regions string
		errors  []string // each error, in order
		others  []string // warnings and notes that there must be
		quiet   bool     // and no other warnings
	}{
		{
			name: "the storage option decides, not the block-device layer", target: f429,
			files: files{{"app.json", `{"macros": ["ARM_UC_USE_PAL_BLOCKDEVICE=1"], "target_overrides": {"NUCLEO_F429ZI": {` + f429Image + `"target.restrict_size": "0xF7C00",
				"mbed-cloud-client.update-storage": "ARM_UCP_FLASHIAP", "update-client.application-details": "(MBED_ROM_START+0x8000)", ` + f429Store + `,
				"update-client.storage-page": 1, "update-client.storage-address": "(MBED_ROM_START+0x80000)", "update-client.storage-size": "0xE0000"}}}`}},
			regions: "active header 8008000-8008070, application 8008400-8100000, candidate storage 8080000-8160000, KVStore 8100000-8120000",
			errors:  []string{"candidate storage 0x08080000-0x08160000 overlaps application", "KVStore 0x08100000-0x08120000 overlaps candidate storage"},
		},
		{
			name: "the option on a block device", target: f429,
			files:   app(f429, f429Image+`"mbed-cloud-client.update-storage": "ARM_UCP_FLASHIAP_BLOCKDEVICE", "update-client.storage-address": 0, "update-client.storage-size": "0xE0000", "update-client.application-details": "0x08008000"`),
			regions: "active header 8008000-8008070, application 8008400-81C0000, KVStore 81C0000-8200000",
		},
		{
			name: "the macro of the option, listed", target: f429,
			files:   files{{"app.json", `{"macros": ["MBED_CLOUD_CLIENT_UPDATE_STORAGE=ARM_UCP_FLASHIAP_BLOCKDEVICE"], "target_overrides": {"*": {` + f429Image + `"update-client.storage-address": "64*1024*1024", "update-client.storage-size": "0xE0000", "update-client.application-details": "0x08008000"}}}`}},
			regions: "active header 8008000-8008070, application 8008400-8200000",
		},
		{
			name: "the macro of the option, for one target", target: f429,
			files:   app(f429, f429Image+`"target.macros_add": ["MBED_CLOUD_CLIENT_UPDATE_STORAGE=ARM_UCP_FILESYSTEM"], "update-client.storage-address": 1, "update-client.storage-size": "0xE0000", "update-client.application-details": "0x08008000"`),
			regions: "active header 8008000-8008070, application 8008400-8200000",
		},
		{
			name: "an old client has the option in a header file", target: f429,
			files:   files{{"app.json", `{"macros": ["ARM_UC_USE_PAL_BLOCKDEVICE=1"], "target_overrides": {"*": {` + f429Image + `"update-client.storage-address": "64*1024*1024", "update-client.storage-size": "0xE0000", "update-client.application-details": "0x08008000"}}}`}},
			regions: "active header 8008000-8008070, application 8008400-8200000",
		},
		{
			name: "a macro of the file's own option keeps its value", target: h743, quiet: true,
			files: files{{"app.json", `{"config": {"bootloader-size": {"macro_name": "MBED_BOOTLOADER_SIZE", "value": "(32*1024)"}}, "target_overrides": {"NUCLEO_H743ZI2": {
				"bootloader-size": "(128*1024)", "target.bootloader_img": "bl.bin", "target.header_offset": "0x20000", "target.app_offset": "0x20400",
				"update-client.application-details": "(MBED_ROM_START + MBED_BOOTLOADER_SIZE)", "storage.storage_type": "TDB_INTERNAL",
				"storage_tdb_internal.internal_base_address": "(MBED_ROM_START+0x100000)", "storage_tdb_internal.internal_size": "0x40000",
				"update-client.storage-page": 32, "update-client.storage-address": "(MBED_ROM_START+0x140000)", "update-client.storage-size": "0xC0000"}}}`}},
			regions: "active header 8020000-8020070, application 8020400-8100000, KVStore 8100000-8140000, candidate storage 8140000-8200000",
		},
		{
			name: "restrict_size is the application's", target: f429, quiet: true,
			files: app(f429, f429Image+`"target.restrict_size": "0x77C00", "update-client.application-details": "(MBED_ROM_START+0x8000)", "storage.storage_type": "TDB_INTERNAL",
				"storage_tdb_internal.internal_base_address": "(MBED_ROM_START+0x120000)", "storage_tdb_internal.internal_size": "0x40000",
				"update-client.storage-page": 1, "update-client.storage-address": "(MBED_ROM_START+0x180000)", "update-client.storage-size": "0x80000"`),
			regions: "active header 8008000-8008070, application 8008400-8080000, KVStore 8120000-8160000, candidate storage 8180000-8200000",
		},
		{
			name: "restrict_size over the KVStore", target: f429,
			files:   app(f429, f429Image+`"target.restrict_size": "0x177C00", `+f429Store),
			regions: "active header 8008000-8008070, application 8008400-8180000, KVStore 8100000-8120000",
			errors:  []string{"KVStore 0x08100000-0x08120000 overlaps application 0x08008400-0x08180000"},
		},
		{
			name: "restrict_size is rounded down to an erase boundary", target: f429,
			files:   app(f429, `"target.restrict_size": "0x5000"`),
			regions: "application 8000000-8004000", quiet: true,
		},
		{
			name: "mbed_app_start and mbed_app_size", target: f429, quiet: true,
			files:   app(f429, `"target.mbed_app_start": "0x08020000", "target.mbed_app_size": "0x40000"`),
			regions: "application 8020000-8060000",
		},
		{
			name: "two ways to place an image", target: f429,
			files:   app(f429, `"target.mbed_app_start": "0x08020000", "target.restrict_size": "0x40000"`),
			regions: "application 8000000-8200000",
			errors:  []string{"target.mbed_app_start: excludes target.restrict_size: the build refuses both"},
		},
		{
			name: "an image before the flash", target: f429,
			files:   app(f429, `"target.mbed_app_start": "0x8000"`),
			regions: "none",
			errors:  []string{"target.mbed_app_start: the application begins at 0x00008000, before the flash"},
		},
		{
			name: "a header by its format", target: f429, images: map[string]int{"bl.bin": 50000}, quiet: true,
			files:   app(f429, `"target.bootloader_img": "bl.bin", "target.header_format": [["magic", "const", "32le", "1"], ["size", "size", "64le", ["application"]], ["hash", "digest", "SHA256", "application"], ["crc", "digest", "CRCITT32be", "header"]]`),
			regions: "active header 8010000-8010030, application 8010080-8200000",
			errors:  []string{"is no multiple of 0x200, which its vector table of 107 entries needs"},
		},
		{
			name: "the application behind the image", target: f429, images: map[string]int{"bl.bin": 50000},
			files:   app(f429, `"target.bootloader_img": "bl.bin", "update-client.storage-address": "(MBED_ROM_START+0x100000)", "update-client.storage-size": "0xC0000"`),
			regions: "application 8010000-8100000, candidate storage 8100000-81C0000",
			others:  []string{"warning: update-client.application-details: no address for the active image's header"},
		},
		{
			name: "an image that is missing", target: f429,
			files:   app(f429, `"target.bootloader_img": "typo.bin"`),
			regions: "none",
			errors:  []string{"target.bootloader_img: bootloader image not found: typo.bin: the application begins behind it"},
		},
		{
			name: "an image that is missing, but nothing depends on it", target: f429, quiet: true,
			files:   app(f429, f429Image+f429Store+f429Slot),
			regions: "active header 8008000-8008070, application 8008400-8100000, KVStore 8100000-8120000, candidate storage 8120000-8200000",
			others:  []string{"note: target.bootloader_img: bootloader image not found: bl.bin: its size is not checked"},
		},
		{
			name: "an image larger than the room in front of the header", target: f429, images: map[string]int{"bl.bin": 0x8001},
			files:   app(f429, f429Image+f429Store+f429Slot),
			regions: "active header 8008000-8008070, application 8008400-8100000, KVStore 8100000-8120000, candidate storage 8120000-8200000",
			errors:  []string{"active header 0x08008000-0x08008070 overlaps bootloader 0x08000000-0x0800C000", "bootloader 0x08000000-0x0800C000 and application 0x08008400-0x08100000 share the erase unit at 0x08008000"},
		},
		{
			name: "a guessed bootloader ends before what has a place", target: "K64F",
			files: app("K64F", `"target.bootloader_img": "bl.bin", "target.header_offset": "0x12000", "target.app_offset": "0x12400", "update-client.application-details": "0x12000",
				"mbed-cloud-client.update-storage": "ARM_UCP_FLASHIAP", "update-client.storage-address": "0x80000", "update-client.storage-size": "0x80000",
				"storage.storage_type": "TDB_EXTERNAL", "storage_tdb_external.internal_base_address": "0x10000", "storage_tdb_external.rbp_internal_size": "0x2000"`),
			regions: "KVStore 10000-12000, active header 12000-12070, application 12400-80000, candidate storage 80000-100000",
		},
		{
			name: "a bootloader that is not mbed-bootloader", target: f429, images: map[string]int{"bl.bin": 50000},
			files: files{
				{"boot.json", `{"target_overrides": {"NUCLEO_F429ZI": {"target.restrict_size": "0x40000"}}}`},
				{"app.json", `{"target_overrides": {"NUCLEO_F429ZI": {"target.bootloader_img": "bl.bin"}}}`},
			},
			regions: "application 8010000-8200000",
			errors: []string{
				"the application is linked at 0x08010000, but the bootloader starts what lies behind it, at 0x08040000 (target.restrict_size in",
				"application 0x08010000-0x08200000 overlaps bootloader 0x08000000-0x08040000",
			},
		},
		{
			name: "and one that fits", target: f429, images: map[string]int{"bl.bin": 0x40000}, quiet: true,
			files: files{
				{"app.json", `{"target_overrides": {"NUCLEO_F429ZI": {"target.bootloader_img": "bl.bin"}}}`},
				{"boot.json", `{"target_overrides": {"NUCLEO_F429ZI": {"target.restrict_size": "0x40000"}}}`},
			},
			regions: "application 8040000-8200000",
		},
		{
			name: "settings of one file that must agree", target: f429,
			files:   app(f429, f429Image+strings.Replace(f429Store+f429Slot, "0x08008000", "0x0800C000", 1)),
			regions: "application 8008400-800C000, active header 800C000-800C070, KVStore 8100000-8120000, candidate storage 8120000-8200000",
			errors:  []string{"target.header_offset: the header's address is 0x8008000 here, but 0x800C000 by update-client.application-details", "target.app_offset: the application at 0x08008400 neither shares"},
		},
		{
			name: "a store and nothing else", target: f429, quiet: true,
			files:   app(f429, f429Store),
			regions: "application 8000000-8100000, KVStore 8100000-8120000",
		},
		{
			name: "no store either", target: f429, quiet: true,
			files:   app(f429, `"platform.stdio-baud-rate": 115200`),
			regions: "application 8000000-8200000",
		},
		{
			name: "the FOTA client", target: f429, quiet: true,
			files: files{
				{"app.json", `{"target_overrides": {"*": {"storage.storage_type": null, "storage_tdb_internal.internal_base_address": null, "storage_tdb_internal.internal_size": null, "fota.enable": true},
  					"NUCLEO_F429ZI": {"target.header_offset": "0x8000", "target.app_offset": "0x8200", "target.restrict_size": "0xF7E00"}}}`},
				{"mbed_lib.json", `{"name": "our-bootloader", "target_overrides": {"*": {
    				"target.macros_add": ["BANK=MBED_ROM_SIZE/2", "MBED_CONF_STORAGE_STORAGE_TYPE=TDB_INTERNAL",
      				"MBED_CONF_STORAGE_TDB_INTERNAL_INTERNAL_BASE_ADDRESS=(MBED_ROM_START + BANK)", "MBED_CONF_STORAGE_TDB_INTERNAL_INTERNAL_SIZE=(2*64*1024)",
      				"MBED_CLOUD_CLIENT_FOTA_BLOCK_DEVICE_TYPE=FOTA_INTERNAL_FLASH_MBED_OS_BD",
      				"MBED_CLOUD_CLIENT_FOTA_STORAGE_START_ADDR=(MBED_ROM_START + BANK + 2*64*1024)", "MBED_CLOUD_CLIENT_FOTA_STORAGE_SIZE=(BANK - 2*64*1024)"],
    				"target.bootloader_img": "bl.bin", "target.header_offset": "0x8000", "target.app_offset": "0x8200"}}}`},
			},
			regions: "active header 8008000-8008070, application 8008200-8100000, KVStore 8100000-8120000, candidate storage 8120000-8200000",
		},
		{
			name: "options that no source reads, or only the build", target: f429,
			files: files{
				{"boot.json", `{"macros": ["MBED_CLOUD_CLIENT_UPDATE_STORAGE=ARM_UCP_FLASHIAP"], "target_overrides": {"NUCLEO_F429ZI": {
					"target.restrict_size": "0x8000", "mbed-bootloader.bootloader-size": "APPLICATION_SIZE", "mbed-bootloader.use-kvstore-rot": 0,
					"update-client.firmware-header-version": "2", "update-client.storage-page": 8,
					"mbed-bootloader.application-start-address": "0x08008400", "mbed-bootloader.max-application-size": "0xD7C00"` + strings.Replace(f429Slot, `"update-client.storage-page": 1, `, "", 1) + `}}}`},
				{"app.json", `{"target_overrides": {"NUCLEO_F429ZI": {` + f429Image + f429Store + f429Slot + `}}}`},
			},
			regions: "active header 8008000-8008070, application 8008400-80E0000, KVStore 8100000-8120000, candidate storage 8120000-8200000",
			others: []string{
				"note: update-client.firmware-header-version: is not set and so 0x0, but 0x2 in", "no source reads it",
				"warning: update-client.storage-page: is 0x1 here and 0x8 in",
			},
		},
		{
			name: "a store for no key", target: "LPC55S69_NS",
			files:   app("LPC55S69_NS", `"storage.storage_type": "TDB_INTERNAL", "storage_tdb_internal.internal_base_address": "0x90000", "storage_tdb_internal.internal_size": "1024"`),
			regions: "application 30000-90000, KVStore 90000-90400",
			errors:  []string{"KVStore 0x00090000-0x00090400 has two areas of 512 B, but with a program unit of 512 B"},
		},
		{
			name: "a default store for no key", target: "NUCLEO_L073RZ",
			files:   app("NUCLEO_L073RZ", `"storage.storage_type": "TDB_INTERNAL"`),
			regions: "application 8000000-802FF00, KVStore 802FF00-8030000",
			errors:  []string{"has two areas of 128 B, but with a program unit of 4 B reserved data, master record and one record take 136 bytes: no key can be set"},
		},
		{
			name: "a default store that Mbed places", target: "LPC55S69_NS",
			files:   app("LPC55S69_NS", `"storage.storage_type": "TDB_INTERNAL"`),
			regions: "application 30000-90000, KVStore 90000-98000",
		},
		{
			name: "a store with an address and no size", target: f429, quiet: true,
			files:   app(f429, `"storage.storage_type": "TDB_INTERNAL", "storage_tdb_internal.internal_base_address": "0x08160000"`),
			regions: "application 8000000-8160000, KVStore 8160000-8200000",
		},
		{
			name: "a store with a size and no address", target: "K64F", quiet: true,
			files:   app("K64F", `"storage.storage_type": "TDB_INTERNAL", "storage_tdb_internal.internal_size": "0x8000"`),
			regions: "application 0-F8000, KVStore F8000-100000",
		},
		{
			name: "erase units off their own size", target: f429,
			files:   app(f429, `"storage.storage_type": "TDB_INTERNAL", "storage_tdb_internal.internal_base_address": "0x0800C000", "storage_tdb_internal.internal_size": "0x34000", "target.mbed_app_start": "0x08100000"`),
			regions: "KVStore 800C000-8040000, application 8100000-8200000",
			errors:  []string{"does not split into two equal areas"},
		},
		{
			name: "the radio core's flash", target: "NUCLEO_WB55RG",
			files:   app("NUCLEO_WB55RG", `"storage.storage_type": "TDB_INTERNAL", "storage_tdb_internal.internal_base_address": "0x080FE000", "storage_tdb_internal.internal_size": "0x2000"`),
			regions: "application 8000000-80CA000, KVStore 80FE000-8100000",
			errors:  []string{"does not lie in the flash 0x08000000-0x080CA000 (the rest belongs to the radio core's firmware)"},
		},
		{
			name: "part of the flash for another image", target: f429,
			files:   app(f429, `"target.mbed_rom_start": "0x08020000", "target.mbed_rom_size": "0x20000", "storage.storage_type": "TDB_INTERNAL", "storage_tdb_internal.internal_base_address": "(MBED_ROM_START + MBED_ROM_SIZE)", "storage_tdb_internal.internal_size": "2*128*1024"`),
			regions: "application 8020000-8040000, KVStore 8040000-8080000",
			others:  []string{"note: target.mbed_rom_size: is 0x20000, but the flash of NUCLEO_F429ZI has 0x1E0000"},
		},
		{
			name: "labels are parents and extra labels", target: f429, quiet: true,
			files: files{
				{"app.json", `{"target_overrides": {"STM": {"target.header_offset": "0x8000", "target.app_offset": "0x8400", "update-client.application-details": "0x08008000"},
					"NUCLEO_F429ZI": {"target.bootloader_img": "bl.bin", ` + f429Store + strings.Replace(f429Slot, `"update-client.application-details": "0x08008000", `, "", 1) + `}}}`},
				{"targets.json5", "{\"Target\": {\"config\": {\"profile\": {\"help\": \"goes on \\\nin the next line\", \"value\": \"full\"}}}, \"MCU_STM32\": {\"inherits\": [\"Target\"], \"extra_labels\": [\"STM\"]},\n    \"NUCLEO_F429ZI\": {\"inherits\": [\"MCU_STM32\"]} // no word about bootloaders\n}"},
			},
			regions: "active header 8008000-8008070, application 8008400-8100000, KVStore 8100000-8120000, candidate storage 8120000-8200000",
		},
		{
			name: "labels of a board that is known", target: h743, quiet: true,
			files:   app("MCU_STM32H743xI", `"target.restrict_size": "0x20000"`),
			regions: "application 8000000-8020000",
		},
		{
			name: "labels that the application adds", target: f429, quiet: true,
			files: files{{"app.json", `{"target_overrides": {"SMALL": {"target.restrict_size": "0x20000"}, "NUCLEO_F429ZI": {"target.extra_labels_add": ["SMALL"]}}}`}},

			regions: "application 8000000-8020000",
		},
		{
			name: "a target of the application's own", target: "OUR_BOARD", quiet: true,
			files:   files{{"app.json", `{"custom_targets": {"OUR_BOARD": {"inherits": ["NUCLEO_F429ZI"], "extra_labels_add": ["OURS"]}}, "target_overrides": {"STM": {"target.restrict_size": "0x8000"}, "OURS": {"target.restrict_size": "0x20000"}}}`}},
			regions: "application 8000000-8020000",
		},
		{
			name: "a target of another file", target: "OUR_BOARD", quiet: true,
			files: files{
				{"app.json", `{"target_overrides": {"OUR_BOARD": {"target.restrict_size": "0x20000"}, "STM32F4": {"target.restrict_size": "0x8000"}}}`},
				{"custom_targets.json", `{"OUR_BOARD": {"inherits": ["NUCLEO_F429ZI"]}}`},
			},
			regions: "application 8000000-8020000",
		},
		{
			name: "a label of no target", target: f429, quiet: true,
			files:   files{{"app.json", `{"target_overrides": {"NUCLEO_F429ZJ": {"target.restrict_size": "0x20000"}, "NUCLEO_F429ZI": {}, "K64F": {}}}`}},
			regions: "application 8000000-8200000",
			others:  []string{"note: target_overrides: no label of NUCLEO_F429ZI matches NUCLEO_F429ZJ: left out; correct the label, or give the targets.json that has it or write NUCLEO_F429ZI"},
		},
		{
			name: "MCUboot", target: "K64F",
			files:   app("K64F", `"target.memory_bank_config": {"IROM1": {"size": 0x20000}}, "mcuboot.primary-slot-address": "0x20000"`),
			regions: "none",
			errors:  []string{"mcuboot.primary-slot-address: MCUboot is not supported"},
		},
		{
			name: "MCUboot by its storage", target: "K64F",
			files:   files{{"app.json", `{"macros": ["MBED_CLOUD_CLIENT_UPDATE_STORAGE=ARM_UCP_FLASHIAP_MCUBOOT"]}`}},
			regions: "none",
			errors:  []string{"MCUboot is not supported"},
		},
		{
			name: "a memory bank of mbed-ce", target: "K64F", quiet: true,
			files:   app("K64F", `"target.memory_bank_config": {"IROM1": {"start": 0x10000, "size": "0x20000"}}`),
			regions: "application 10000-30000",
		},
		{
			name: "a file system", target: f429, quiet: true,
			files:   app(f429, `"storage.storage_type": "FILESYSTEM", "storage_filesystem.internal_base_address": "0x08100000", "storage_filesystem.rbp_internal_size": "0x20000"`),
			regions: "application 8000000-8100000, KVStore 8100000-8120000",
			others:  []string{"note: storage.storage_type: a KVStore on a file system (FILESYSTEM, SD card) is not supported: only its internal store is laid out"},
		},
		{
			name: "an unknown target", target: "NUCLEO_X999",
			files: app("NUCLEO_X999", `"target.restrict_size": "0x20000"`), regions: "none",
			errors: []string{"the flash of target NUCLEO_X999 is not known; give its part with --part"},
		},
		{
			name: "a flash that the files describe", target: "OUR_BOARD", quiet: true,
			files: app("OUR_BOARD", `"target.mbed_rom_start": "0x10000000", "target.mbed_rom_size": "0x20000", "target.sectors": [[0x10000000, 512], [0x10010000, 4096]], "update-client.storage-page": 512,
				"target.restrict_size": "0x11000", "storage.storage_type": "TDB_INTERNAL", "storage_tdb_internal.internal_base_address": "0x1001C000", "storage_tdb_internal.internal_size": "0x4000"`),
			regions: "application 10000000-10011000, KVStore 1001C000-10020000",
			others:  []string{"note: target.mbed_rom_start: the flash of OUR_BOARD is taken from this file: 131072 bytes in erase units of 512, programmed by 512"},
		},
		{
			name: "mbed-bootloader before 4", target: "K64F", quiet: true,
			files: files{{"boot.json", `{"config": {"application-start-address": {"value": null}, "max-application-size": {"value": null}},
				"macros": ["MBED_CLOUD_CLIENT_UPDATE_STORAGE=ARM_UCP_FLASHIAP", "DEFAULT_MAX_APPLICATION_SIZE=(0x100000 - MBED_CONF_APP_APPLICATION_START_ADDRESS - NVSTORE_AREA_1_SIZE - NVSTORE_AREA_2_SIZE)"],
				"target_overrides": {"K64F": {"nvstore.area_1_address": "0xFE000", "nvstore.area_1_size": "0x1000", "nvstore.area_2_address": "0xFF000", "nvstore.area_2_size": "0x1000",
				"update-client.application-details": "40*1024", "application-start-address": "41*1024", "max-application-size": "0x75C00", "update-client.storage-address": "0x80000", "update-client.storage-size": "0x7E000", "update-client.storage-page": 8}}}`}},
			regions: "active header A000-A070, application A400-80000, candidate storage 80000-FE000, NVStore FE000-FF000, NVStore FF000-100000",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, ps := c.files.load(t, c.target, c.images)
			if got := regions(l); got != c.regions {
				t.Errorf("regions\n%s, want\n%s", got, c.regions)
			}
			errs := ps.Errors()
			if len(errs) != len(c.errors) {
				t.Errorf("%d errors, want %d", len(errs), len(c.errors))
			}
			for i := range min(len(errs), len(c.errors)) {
				if !strings.Contains(errs[i].String(), c.errors[i]) {
					t.Errorf("error %q, want %q", errs[i], c.errors[i])
				}
			}
			for _, want := range c.others {
				if !strings.Contains(ps.Error(), want) {
					t.Errorf("no %q", want)
				}
			}
			if c.quiet && len(ps.Warnings()) > 0 && (len(l.Chip.Banks) != 1 || len(ps.Warnings()) > 1) {
				t.Errorf("there are warnings")
			}
			if t.Failed() {
				t.Logf("%v\n%v", ps, l)
			}
		})
	}
}

// TestMacroPrecedence: an option that both a macro and the file set, and what a library sets by default.
func TestMacroPrecedence(t *testing.T) {
	for _, c := range []struct{ name, file, lib, want string }{
		{"an option over a command-line macro", `{"target_overrides": {"*": {"target.macros_add": ["MBED_CONF_UPDATE_CLIENT_STORAGE_SIZE=1"], "update-client.storage-size": 2}}}`, "", "2"},
		{"a listed macro over an option", `{"macros": ["MBED_CONF_UPDATE_CLIENT_STORAGE_SIZE=1"], "target_overrides": {"*": {"update-client.storage-size": 2}}}`, "", "1"},
		{"a macro over a built-in default", `{"target_overrides": {"*": {"target.macros_add": ["MBED_CONF_UPDATE_CLIENT_STORAGE_LOCATIONS=3"]}}}`, "", "0"},
		{"null, then a macro", `{"target_overrides": {"*": {"update-client.storage-size": 5}, "NUCLEO_F429ZI": {"update-client.storage-size": null, "target.macros_add": ["MBED_CONF_UPDATE_CLIENT_STORAGE_SIZE=7"]}}}`, "", "7"},
		{"null alone", `{"target_overrides": {"*": {"update-client.storage-size": 5}, "NUCLEO_F429ZI": {"update-client.storage-size": null}}}`, "", ""},
		{"a library's default", `{}`, `{"name": "update-client", "config": {"storage-size": 9}}`, "9"},
		{"a library's override of its own", `{}`, `{"name": "update-client", "config": {"storage-size": 9}, "target_overrides": {"NUCLEO_F429ZI": {"storage-size": 10}}}`, "10"},
	} {
		srcs := []Source{{Name: "app.json", Text: []byte(c.file)}}
		if c.lib != "" {
			srcs = append(srcs, Source{Name: "mbed_lib.json", Text: []byte(c.lib)})
		}
		l, ps := New(srcs, ExampleTarget, f429Chip())
		if l == nil {
			t.Fatalf("%s: %v", c.name, ps)
		}
		if got, _ := l.Option("update-client.storage-size"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if c.lib != "" && len(ps) != 0 {
			t.Errorf("%s: a default is taken for a setting: %v", c.name, ps)
		}
	}
}

// TestLoaderImages: the bootloader's image in the containers that people have.
func TestLoaderImages(t *testing.T) {
	hex := func(segs ...firmware.Segment) string {
		var b strings.Builder
		if err := firmware.WriteHex(&b, segs); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	code := firmware.Segment{Addr: 0x08000000, Data: make([]byte, 0x9000)}
	for _, c := range []struct {
		name, image, more string
		application       uint32 // 0: it is not known where it begins
		problem           string
	}{
		{"HEX", hex(code), "", 0x0800C000, ""},
		{"HEX behind a comment", "; bootloader\n" + hex(code), "", 0x0800C000, ""},
		{"HEX in two pieces", hex(code, firmware.Segment{Addr: 0x08020000, Data: []byte{1}}), "", 0x08040000, ""},
		{"HEX in two pieces, around the application", hex(code, firmware.Segment{Addr: 0x08020000, Data: []byte{1}}), `, "target.app_offset": "0x10000"`, 0x08010000, ""},
		{"HEX for another place", hex(firmware.Segment{Addr: 0x08004000, Data: []byte{1}}), "", 0x08008000, "begins at 0x08004000, not where the flash does, 0x08000000; link it"},
		{"HEX that is damaged", hex(code)[:40], "", 0, "bl.img: line 2: not a record of hexadecimal bytes; give an image"},
		{"HEX behind the flash", hex(code, firmware.Segment{Addr: 0x09000000, Data: []byte{1}}), "", 0x0800C000, ""},
		{"gzip", "\x1f\x8b\x08 and more", "", 0, "bl.img: a gzip archive: unpack it with gunzip; give an image"},
		{"gzip that nothing depends on", "\x1f\x8b\x08 and more", `, "target.app_offset": "0x10000"`, 0x08010000, "a gzip archive"},
		{"empty", "", "", 0, "there is no data in it"},
	} {
		dir := t.TempDir()
		name := filepath.Join(dir, "app.json")
		for file, text := range map[string]string{name: `{"target_overrides": {"*": {"target.bootloader_img": "bl.img"` + c.more + `}}}`, filepath.Join(dir, "bl.img"): c.image} {
			if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		l, ps := Load([]string{name}, ExampleTarget, f429Chip())
		if c.problem == "" && len(ps) > 0 || !strings.Contains(ps.Error(), c.problem) {
			t.Errorf("%s: %v, want %q", c.name, ps, c.problem)
		}
		start := uint32(0)
		if l != nil {
			if a, ok := l.Region(RegionApplication); ok {
				start = a.Start
			}
		}
		if start != c.application {
			t.Errorf("%s: the application begins at 0x%08X, want 0x%08X", c.name, start, c.application)
		}
	}
}

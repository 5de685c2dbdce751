package layout_test

import (
	"fmt"
	"os"

	"dualbank/boot/layout"
)

// The project's example configurations, drawn.
func ExampleNew() {
	l, problems := layout.New(layout.Example(), layout.ExampleTarget, layout.Chip{})
	if err := problems.Err(); err != nil {
		fmt.Println(err)
		return
	}
	l.Draw(os.Stdout)
	size, _ := l.Option("storage_tdb_internal.internal_size")
	fmt.Println("\nstore:", size, "bytes")
	// Output:
	// NUCLEO_F429ZI: flash 0x08000000-0x08200000, 2 MiB in 2 banks, programmed by 1 B
	//
	// region             start       end         size     bank  erase units                        notes
	// bootloader         0x08000000  0x08008000  32 KiB   1     2 x 16 KiB
	// active header      0x08008000  0x08008070  112 B    1     16 KiB                             version 2, 112 B
	// (free)             0x08008070  0x08008400  912 B    1     16 KiB
	// application        0x08008400  0x08100000  991 KiB  1     2 x 16 KiB + 64 KiB + 7 x 128 KiB  erased together with the header
	// KVStore            0x08100000  0x08120000  128 KiB  2     4 x 16 KiB + 64 KiB                two areas of 64 KiB
	// candidate storage  0x08120000  0x08200000  896 KiB  2     7 x 128 KiB                        1 slot, firmware up to 917392 B
	//
	// store: 131072 bytes
}

// Problems come all at once, each with file, place, key and remedy.
func ExampleProblems() {
	file := layout.Source{Name: "mbed_app.json", Text: []byte(`{
    "target_overrides": {"NUCLEO_F429ZI": {
        "target.bootloader_img": "bl.bin", "target.header_offset": "0x8000", "target.app_offset": "0x8400",
        "update-client.application-details": "0x08008000", "update-client.storage-page": 1,
        "storage_tdb_internal.internal_base_address": "0x08100000", "storage_tdb_internal.internal_size": "0x20000",
        "update-client.storage-address": "0x08110000", "update-client.storage-size": "0xF0000", "update-client.storage-locations": "SLOTS"
    }}}`)}
	_, problems := layout.New([]layout.Source{file}, "NUCLEO_F429ZI", layout.Chip{})
	for _, p := range problems.Errors() {
		fmt.Println(p)
	}
	// Output:
	// mbed_app.json:6:97: update-client.storage-locations: unknown macro SLOTS; define it under "macros", or give the mbed_lib.json whose option it is
	// mbed_app.json:6:9: update-client.storage-address: candidate storage 0x08110000-0x08200000 overlaps KVStore 0x08100000-0x08120000; move one of them or make it smaller
}

// ChipOf knows the flash of the boards that mbed-bootloader has configurations for.
func ExampleChipOf() {
	for _, dual := range []bool{false, true} {
		chip, err := layout.ChipOf("DISCO_F769NI", dual)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(chip.Name, len(chip.Banks), "bank(s), first erase unit", chip.Sectors[0]>>10, "KiB")
	}
	// Output:
	// STM32F769NI 1 bank(s), first erase unit 32 KiB
	// STM32F769NI 2 bank(s), first erase unit 16 KiB
}

package boot_test

import (
	"bytes"
	"fmt"
	"time"

	"dualbank/boot"
	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
)

// config is the porting guide's layout for a NUCLEO-F429ZI: the bootloader's 32 KiB, header and application
// in bank 1, one slot of 896 KiB in bank 2.
var config = boot.Config{
	Details: 0x0800_8000, AppStart: 0x0800_8400, MaxAppSize: 0xF_7C00, StorageAddr: 0x0812_0000, StorageSize: 0xE_0000,
	Locations: 1, StoragePage: 1, BootRetries: 3, CopyRetries: 1, ResetReason: true,
}

func newFlash() *model.Flash {
	bank := []uint32{16 << 10, 16 << 10, 16 << 10, 16 << 10, 64 << 10}
	for range 7 {
		bank = append(bank, 128<<10)
	}
	flash, err := model.New(model.Config{Part: part.Plain("example", 0x0800_0000, append(bank, bank...), cell.AND), Unit: 1})
	if err != nil {
		panic(err)
	}
	return flash
}

// An update from its download to the first boot of the new image.
func Example() {
	flash := newFlash()
	image := bytes.Repeat([]byte{0x00, 0xBF}, 50_000)
	update := boot.Updater{
		Store:     boot.NewClient(config, flash, boot.ClientNew, nil),
		Link:      boot.Link{BitsPerSecond: 250_000, RoundTrip: 50 * time.Millisecond},
		Locations: config.Locations,
		Enter:     func(p boot.Phase) {},
	}
	if err := update.Run(boot.NewCampaign(1700000000, [16]byte{1}, image)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("blocks downloaded:", update.Stats.Blocks)

	loader := boot.NewBootloader(config, flash, nil)
	loader.Print = func(line string) {
		if line != "" {
			fmt.Println(line)
		}
	}
	outcome := loader.Boot(boot.Software, &boot.RAM{})
	fmt.Println(outcome.Result, outcome.Version, "installed:", outcome.Installed)
	// Output:
	// blocks downloaded: 98
	// Mbed Bootloader
	// [DBG ] Active firmware integrity check failed
	// [DBG ] Update active firmware
	// [DBG ] Erase active application
	// [DBG ] Write header
	// [DBG ] Copy application
	// [DBG ] Verify application
	// [DBG ] New active firmware is valid
	// booting...
	// BOOT 1700000000 installed: true
}

// Slots are rounded to erase units: three slots of seven units of 128 KiB leave one unit unused.
func ExampleSlots() {
	c := config
	c.Locations = 3
	slots, ok := boot.Slots(newFlash(), &c)
	fmt.Println(ok)
	for _, s := range slots {
		fmt.Printf("0x%08X %d KiB\n", s.Addr, s.Size>>10)
	}
	// Output:
	// true
	// 0x08120000 256 KiB
	// 0x08160000 256 KiB
	// 0x081A0000 256 KiB
}

// A header round trip.
func ExampleParseHeader() {
	p := make([]byte, boot.HeaderSize)
	boot.EncodeHeader(p, &boot.Details{Version: 42, Size: 1000})
	var d boot.Details
	fmt.Println(boot.ParseHeader(p, &d), d.Version, d.Size)
	p[20] ^= 1 // one flipped bit breaks the CRC
	fmt.Println(boot.ParseHeader(p, &d))
	// Output:
	// true 42 1000
	// false
}

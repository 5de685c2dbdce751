package fuzz

import (
	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/update"
)

// swapDevices are flashes whose banks option bytes swap: a small one, and parts with the unit of Mbed's driver, which
// ignores the swap on some of them. The header is behind 32 KiB of bootloader.
var swapDevices = []struct {
	device  explore.Device
	header  uint32 // offset
	half    uint32 // size of a bank
	room    uint32 // for header and application
	ignores bool
}{
	{explore.Device{Sectors: "32x2K", Start: 0x08000000, Unit: 8}, 0x2000, 0x8000, 0x4000, true},
	{explore.Device{Part: "stm32f429zi", Unit: 1}, 0x8000, 1 << 20, 0xB8000, true},
	{explore.Device{Part: "stm32u575zi", Unit: 16}, 0x8000, 1 << 20, 0xE8000, true},
	{explore.Device{Part: "stm32h563zi", Unit: 16}, 0x8000, 1 << 20, 0xE8000, true},
	{explore.Device{Part: "stm32h743zi", Unit: 32}, 0x20000, 1 << 20, 0xA0000, false},
	{explore.Device{Part: "stm32l4r5zi", Unit: 8}, 0x8000, 1 << 20, 0xE8000, false},
	{explore.Device{Part: "stm32g474re", Unit: 8}, 0x8000, 1 << 18, 0x30000, false},
}

// SwapCampaign is every cut of updates that swap the banks in place of copying, on a small flash and on parts of six
// families, and lives of such devices; the latter also with a driver that ignores the swap when it erases, where there is
// one. It takes seconds.
func SwapCampaign(seed uint64) Campaign {
	c := Campaign{Tries: 300}
	for _, s := range swapDevices {
		d := s.device
		d.Swap = explore.SwapFollowed
		start := max(d.Start, 0x08000000) + s.header
		cfg := boot.Config{
			Details: start, AppStart: start + 1024, MaxAppSize: s.room - 1024, StorageAddr: start + s.half, StorageSize: s.room,
			Locations: 1, StoragePage: d.Unit, BootRetries: 3, CopyRetries: 1, ResetReason: true, Swap: true,
		}
		modes := []string{"before", "after", "torn", "prefix"}
		u := update.Sweep{Device: d, Boot: cfg, Old: 700, New: 900, Seed: seed, Modes: modes, Deep: 4}
		life := update.LifeSweep{Device: d, Boot: cfg, Seed: seed}
		if d.Part != "" {
			u.Old, u.New, u.Deep, u.MaxCuts = 4000, 4000, 0, 4000
			life.Most, life.Lives = 3000, 8
		}
		c.Updates, c.Lives = append(c.Updates, u), append(c.Lives, life)
		if s.ignores {
			life.Device.Swap = explore.SwapIgnored
			c.Lives = append(c.Lives, life)
		}
	}
	return c
}

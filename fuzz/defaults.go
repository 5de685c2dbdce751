package fuzz

import (
	"slices"

	"dualbank/boot"
	"dualbank/fuzz/edge"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/layout"
	"dualbank/fuzz/update"
	"dualbank/kvstore"
)

// F429KV is the guide's KVStore region on the NUCLEO-F429ZI.
var F429KV = explore.Device{Part: "stm32f429zi", Unit: 1, Base: 0x08100000, Size: 128 << 10}

// F429Guide is the porting guide's layout for the NUCLEO-F429ZI.
var F429Guide = boot.Config{
	Details: 0x08008000, AppStart: 0x08008400, MaxAppSize: 0xF7C00, StorageAddr: 0x08120000, StorageSize: 0xE0000,
	Locations: 1, StoragePage: 1, BootRetries: 3, CopyRetries: 1, ResetReason: true,
}

// DefaultCampaign is every cut of a KVStore workload on the F429's region and on three small geometries with
// program units of 1 and 8 bytes, each followed by second cuts: at every step of the recovery and of the set
// behind it where areas are small and units large, at some of these steps elsewhere; with weak cells, on
// flash with ECC; and of a small update with both clients. It takes some minutes on two processors.
func DefaultCampaign(p kvstore.Profile, seed uint64) Campaign {
	c := Campaign{Tries: 300}
	modes := []string{"before", "after", "torn", "prefix"}
	sweep := func(d explore.Device, collections, deepSteps uint64, modes ...string) {
		c.KV = append(c.KV, kv.Sweep{
			Device: d, Profile: p, Seed: seed, Collections: collections, Modes: modes, Deep: true, DeepSteps: deepSteps,
		})
	}
	for _, unit := range []uint32{1, 8} {
		d := F429KV
		d.Unit = unit
		sweep(d, 3, 16, modes...)
		some := uint64(0)
		if unit == 1 {
			some = 128
		}
		sweep(explore.Device{Sectors: "8x512", Unit: unit, Size: 4096}, 6, some, modes...)
		sweep(explore.Device{Sectors: "4x1K+1x4K", Unit: unit, Size: 8192}, 6, some, modes...)
		sweep(explore.Device{Sectors: "2x2K", Unit: unit, Size: 4096}, 6, some, modes...)
	}
	// What only cells between two values show, and what only flash with ECC does.
	sweep(explore.Device{Sectors: "8x512", Unit: 1, Size: 4096}, 6, 16, "weak")
	sweep(explore.Device{Part: "stm32l496zg", Unit: 8, Base: 0x080F0000, Size: 8192}, 3, 0, append(modes, "ecc")...)
	for _, client := range []boot.Generation{boot.ClientNew, boot.ClientOld} {
		c.Updates = append(c.Updates, update.Sweep{
			Device: explore.Device{Part: "stm32f429zi", Unit: 1}, Boot: F429Guide, Client: client, Old: 20000, New: 20000, Seed: seed, Modes: modes,
		})
	}
	c.Updates = append(c.Updates, update.Sweep{
		Device: explore.Device{Part: "stm32l496zg", Unit: 8}, Boot: L496Update, Old: 20000, New: 20000, Seed: seed, Modes: append(modes, "ecc"),
	})
	for _, driver := range []string{"mbed", "word"} {
		for _, corner := range []string{"typ", "max"} {
			c.Stores = append(c.Stores, kv.Watched{Sweep: kv.Sweep{Device: F429KV, Seed: seed, Profile: p}, Driver: driver, Corner: corner})
			c.Installs = append(c.Installs, update.Watched{
				Sweep:  update.Sweep{Device: explore.Device{Part: "stm32f429zi", Unit: 1}, Boot: F429Guide, Old: 400 << 10, New: 400 << 10, Seed: seed},
				Driver: driver, Corner: corner,
			})
		}
	}
	c.Guided = []explore.Guided{
		{Target: &kv.Target, Seed: seed, Runs: 16000, Planted: kv.PlantProfile(p)},
		{Target: &kv.SecureTarget, Seed: seed, Runs: 8000, Planted: kv.PlantProfile(p)},
		{Target: &update.Target, Seed: seed, Runs: 16000, Planted: update.PlantRepairs(bootRepairs(p))},
		{Target: &layout.Target, Seed: seed, Runs: 4000},
	}
	c.Layouts = true
	c.check(p, seed)
	c.reseed()
	for i := range edge.Probes {
		c.Edges = append(c.Edges, edge.Sweep{Probe: &edge.Probes[i], Profile: p})
	}
	c.repair(bootRepairs(p))
	return c
}

// bootRepairs are those of client and bootloader that a profile has.
func bootRepairs(p kvstore.Profile) boot.Repairs {
	if p == kvstore.Hardened {
		return boot.AllRepairs
	}
	return 0
}

// repair gives the updates of the campaign repairs.
func (c *Campaign) repair(r boot.Repairs) {
	for i := range c.Lives {
		c.Lives[i].Boot.Repairs = r
	}
	for i := range c.Updates {
		c.Updates[i].Boot.Repairs = r
	}
	for i := range c.Installs {
		c.Installs[i].Boot.Repairs = r
	}
	for i := range c.Edges {
		c.Edges[i].Mended = r
	}
}

// EveryByte is every cut of an install of 512 KiB on the guide's layout: update.EveryByte.
func EveryByte(p kvstore.Profile, seed uint64) Campaign {
	s, err := update.EveryByte(explore.Device{Part: "stm32f429zi", Unit: 1}, F429Guide, seed)
	if err != nil {
		panic(err) // the guide's layout is there
	}
	c := Campaign{Updates: []update.Sweep{s}, Tries: 300}
	c.repair(bootRepairs(p))
	return c
}

// L496Update is the layout of the bootloader's own example for an STM32L4 with pages of 2 KiB: the
// header in a page of its own, one slot.
var L496Update = boot.Config{
	Details: 0x08008000, AppStart: 0x08008800, MaxAppSize: 0x37800, StorageAddr: 0x08080000, StorageSize: 0x40000,
	Locations: 1, StoragePage: 8, BootRetries: 3, CopyRetries: 1, ResetReason: true,
}

// lifeLayouts are small devices on which updates are quick, and which have what layouts get wrong: sectors
// of several sizes in a row, up and down, in the application and in a slot; several slots; a storage that
// begins with bank 2 of an STM32F429.
var lifeLayouts = []struct {
	device explore.Device
	boot   boot.Config
	most   uint32
}{
	{explore.Device{Sectors: "32x2K", Start: 0x08000000, Unit: 8}, boot.Config{
		Details: 0x08002000, AppStart: 0x08002800, MaxAppSize: 0x3800, StorageAddr: 0x08008000, StorageSize: 0x6000, Locations: 1, StoragePage: 8,
	}, 0},
	{explore.Device{Sectors: "32x2K", Start: 0x08000000, Unit: 8}, boot.Config{
		Details: 0x08002000, AppStart: 0x08002400, MaxAppSize: 0x3C00, StorageAddr: 0x08008000, StorageSize: 0x6000, Locations: 3, StoragePage: 8,
	}, 0},
	{explore.Device{Sectors: "4x2K+1x8K+3x16K", Start: 0x08000000, Unit: 1}, boot.Config{
		Details: 0x08001000, AppStart: 0x08001400, MaxAppSize: 0x6C00, StorageAddr: 0x08008000, StorageSize: 0x8000, Locations: 1, StoragePage: 1,
	}, 0},
	{explore.Device{Sectors: "22x1K+1x4K", Start: 0x08000000, Unit: 4}, boot.Config{
		Details: 0x08001000, AppStart: 0x08001400, MaxAppSize: 0x2C00, StorageAddr: 0x08004000, StorageSize: 0x2800, Locations: 2, StoragePage: 4,
	}, 0},
	{explore.Device{Sectors: "2x4K+1x16K+20x2K", Start: 0x08000000, Unit: 8}, boot.Config{
		Details: 0x08002000, AppStart: 0x08002400, MaxAppSize: 0x7C00, StorageAddr: 0x0800A000, StorageSize: 0x6000, Locations: 1, StoragePage: 8,
	}, 0},
	{explore.Device{Part: "stm32f429zi", Unit: 1}, boot.Config{
		Details: 0x08008000, AppStart: 0x08008400, MaxAppSize: 0xF7C00, StorageAddr: 0x08100000, StorageSize: 0x100000, Locations: 1, StoragePage: 1,
	}, 3000},
}

// cheapSeeds is how many seeds the sweeps without cuts and those with device errors run with.
const cheapSeeds = 3

// reseed adds the cheap sweeps of c once more, with other seeds of what is made.
func (c *Campaign) reseed() {
	stores := func(of []kv.Sweep) []kv.Sweep {
		for _, s := range slices.Clone(of) {
			for n := uint64(1); n < cheapSeeds && s.Ops == nil; n++ {
				again := s
				again.Seed += n
				of = append(of, again)
			}
		}
		return of
	}
	c.Live, c.Failing = stores(c.Live), stores(c.Failing)
	for _, s := range slices.Clone(c.Lives) {
		for n := uint64(1); n < cheapSeeds; n++ {
			again := s
			again.Seed += 1000 * n // each life has a seed of its own
			c.Lives = append(c.Lives, again)
		}
	}
}

// check adds the sweeps that take seconds in all: what goes wrong without any cut, with a device that fails,
// on a SecureStore under attack, and every cut of small updates.
func (c *Campaign) check(p kvstore.Profile, seed uint64) {
	small := explore.Device{Sectors: "8x512", Unit: 8, Size: 4096}
	mixed := explore.Device{Sectors: "4x1K+1x4K", Unit: 8, Size: 8192}
	fine := explore.Device{Sectors: "32x128", Unit: 16, Size: 4096}
	with := func(d explore.Device, unit uint32) explore.Device {
		d.Unit = unit
		return d
	}
	add := func(to *[]kv.Sweep, d explore.Device, ops []script.Op, collections uint64) *kv.Sweep {
		*to = append(*to, kv.Sweep{Device: d, Profile: p, Seed: seed, Ops: ops, Collections: collections})
		return &(*to)[len(*to)-1]
	}
	for _, unit := range []uint32{1, 8, 32} {
		add(&c.Live, with(small, unit), nil, 12)
		add(&c.Live, with(mixed, unit), nil, 8)
		add(&c.Live, with(small, unit), script.Edge(2048, script.MasterEnd(unit), unit, true), 0)
		add(&c.Live, with(small, unit), script.Brim(2048, script.MasterEnd(unit), unit, seed), 0)
		add(&c.Live, with(small, unit), script.Uniform(seed, 150, 20), 0)
	}
	add(&c.Live, small, script.EqualHashes(), 0)
	add(&c.Live, explore.Device{Sectors: "3x512", Unit: 4, Size: 1536}, script.Uniform(seed, 60, 20), 0)
	add(&c.Live, fine, script.Uniform(seed, 200, 20), 0)
	add(&c.Live, explore.Device{Part: "stm32l496zg", Unit: 8, Base: 0x080F0000, Size: 8192, Filled: true}, script.Uniform(seed, 150, 180), 0)
	add(&c.Live, F429KV, nil, 4)
	// Sectors that are not aligned to their own size from the region's start.
	for _, d := range []explore.Device{
		{Sectors: "1x1K+2x2K+1x1K", Unit: 8, Size: 6144}, {Sectors: "1x512+2x1K+1x512", Unit: 1, Size: 3072}, {Sectors: "1x1K+1x4K+1x1K+1x4K", Unit: 8, Size: 10240},
	} {
		add(&c.Live, d, nil, 4)
		add(&c.Live, d, script.Uniform(seed, 60, 20), 0)
	}
	secure := explore.Device{Sectors: "24x512", Unit: 8, Size: 12288}
	add(&c.Live, secure, script.Secure(seed, 300), 0).Secure = true
	add(&c.Attacked, secure, script.Attacked(seed, 120), 0).Secure = true
	for _, d := range []explore.Device{small, with(mixed, 1)} {
		add(&c.Failing, d, nil, 3).MaxCuts = 4000
	}
	for i, l := range lifeLayouts {
		l.boot.BootRetries, l.boot.CopyRetries, l.boot.ResetReason = 3, 1, true
		c.Lives = append(c.Lives, update.LifeSweep{Device: l.device, Boot: l.boot, Seed: seed, Most: l.most})
		if i < 2 {
			c.Lives = append(c.Lives, update.LifeSweep{Device: l.device, Boot: l.boot, Seed: seed, Client: boot.ClientOld})
			c.Updates = append(c.Updates, update.Sweep{
				Device: l.device, Boot: l.boot, Old: 700, New: 900, Seed: seed, Modes: []string{"before", "after", "torn", "prefix"}, Deep: 4,
			})
		}
	}
	// Clean cuts apart: they need least, and what only they show is not lost among what torn cells do.
	for _, d := range []explore.Device{small, fine} {
		add(&c.KV, d, nil, 6).Modes = []string{"before", "after"}
	}
	add(&c.KV, small, script.Edge(2048, script.MasterEnd(8), 8, false), 0)
	// What is under way when the power goes is a reset, with either area active.
	for collections := range 2 {
		for _, d := range []explore.Device{small, with(small, 1)} {
			add(&c.KV, d, script.ToReset(seed, collections, script.ResetKeys), 0).MaxCuts = 4000
		}
		s := add(&c.KV, secure, script.ToReset(seed, 2*collections, script.SecureResetKeys), 0)
		s.Secure, s.Modes, s.MaxCuts = true, []string{"before", "after", "torn"}, 3000
	}
	s := add(&c.KV, secure, script.Secure(seed, 120), 0)
	s.Secure, s.Modes = true, []string{"before", "after", "torn"}
}

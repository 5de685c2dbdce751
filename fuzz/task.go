package fuzz

import (
	"context"
	"fmt"
	"slices"

	"dualbank/boot"
	"dualbank/kvstore"
)

// task is one sweep of a campaign, on software with or without defects of the past.
type task struct {
	name string
	cost cost
	run  func(ctx context.Context, s setting) (*Sweep, error)
}

// cost orders sweeps: what takes less comes first.
type cost int

const (
	noCutsAtAll cost = iota // thousandths of a second
	fewCuts                 // a second or two
	deepCuts                // a minute
	allCuts                 // minutes
)

func costOf(d *Device, deep bool) cost {
	switch {
	case d.Part != "":
		return allCuts
	case deep:
		return deepCuts
	}
	return fewCuts
}

// setting is what the sweeps of a campaign have in common.
type setting struct {
	kv       kvstore.Defects
	boot     boot.Defects
	workers  int
	journal  string
	progress func(done, total uint64)
}

// tasks are the sweeps of the campaign in their order.
func (c *Campaign) tasks() (list []task) {
	kv := func(what string, most cost, of []KVSweep, run func(context.Context, KVSweep, setting) (*Sweep, error)) {
		for _, s := range of {
			list = append(list, task{s.Device.String() + what, min(most, costOf(&s.Device, s.Deep)), func(ctx context.Context, at setting) (*Sweep, error) {
				s := s
				s.Defects, s.Workers, s.Journal = at.kv, at.workers, at.journal
				return run(ctx, s, at)
			}})
		}
	}
	alone := func(run func(context.Context, KVSweep) (*Sweep, error)) func(context.Context, KVSweep, setting) (*Sweep, error) {
		return func(ctx context.Context, s KVSweep, _ setting) (*Sweep, error) { return run(ctx, s) }
	}
	kv(", no cut", noCutsAtAll, c.Live, alone(LiveKV))
	kv(", attacked", noCutsAtAll, c.Attacked, alone(AttackKV))
	for _, s := range c.Lives {
		list = append(list, task{fmt.Sprintf("lives, %v client, %v", s.Client, &s.Device), noCutsAtAll, func(ctx context.Context, at setting) (*Sweep, error) {
			s := s
			s.Boot.Defects = at.boot
			return SweepLives(ctx, s)
		}})
	}
	for _, s := range c.Watched {
		list = append(list, task{fmt.Sprintf("watchdog, %v, driver %s, %s", &s.Device, s.Driver, s.Corner), fewCuts, func(ctx context.Context, at setting) (*Sweep, error) {
			s := s
			s.Boot.Defects, s.Defects = at.boot, at.kv
			return SweepWatchdog(ctx, s)
		}})
	}
	kv(", device errors", fewCuts, c.Failing, alone(FailKV))
	for _, s := range c.Updates {
		list = append(list, task{fmt.Sprintf("update, %v client, %v", s.Client, &s.Device), costOf(&s.Device, false), func(ctx context.Context, at setting) (*Sweep, error) {
			s := s
			s.Boot.Defects, s.Workers, s.Journal = at.boot, at.workers, at.journal
			return SweepUpdate(ctx, s, at.progress)
		}})
	}
	for _, s := range c.Guided {
		list = append(list, task{"guided search " + s.Target, deepCuts, func(ctx context.Context, at setting) (*Sweep, error) {
			s := s
			s.Planted, s.Workers, s.Journal = Planted{KV: at.kv, Boot: at.boot}, at.workers, at.journal
			return SweepGuided(ctx, s, at.progress)
		}})
	}
	kv("", allCuts, c.KV, func(ctx context.Context, s KVSweep, at setting) (*Sweep, error) { return SweepKV(ctx, s, at.progress) })
	slices.SortStableFunc(list, func(a, b task) int { return int(a.cost - b.cost) })
	return list
}

// lifeLayouts are small devices on which updates are quick, and which have what layouts get wrong: sectors
// of several sizes in a row, up and down, in the application and in a slot; several slots; a storage that
// begins with bank 2 of an STM32F429.
var lifeLayouts = []struct {
	device Device
	boot   boot.Config
	most   uint32
}{
	{Device{Sectors: "32x2K", Start: 0x08000000, Unit: 8}, boot.Config{
		Details: 0x08002000, AppStart: 0x08002800, MaxAppSize: 0x3800, StorageAddr: 0x08008000, StorageSize: 0x6000, Locations: 1, StoragePage: 8,
	}, 0},
	{Device{Sectors: "32x2K", Start: 0x08000000, Unit: 8}, boot.Config{
		Details: 0x08002000, AppStart: 0x08002400, MaxAppSize: 0x3C00, StorageAddr: 0x08008000, StorageSize: 0x6000, Locations: 3, StoragePage: 8,
	}, 0},
	{Device{Sectors: "4x2K+1x8K+3x16K", Start: 0x08000000, Unit: 1}, boot.Config{
		Details: 0x08001000, AppStart: 0x08001400, MaxAppSize: 0x6C00, StorageAddr: 0x08008000, StorageSize: 0x8000, Locations: 1, StoragePage: 1,
	}, 0},
	{Device{Sectors: "22x1K+1x4K", Start: 0x08000000, Unit: 4}, boot.Config{
		Details: 0x08001000, AppStart: 0x08001400, MaxAppSize: 0x2C00, StorageAddr: 0x08004000, StorageSize: 0x2800, Locations: 2, StoragePage: 4,
	}, 0},
	{Device{Sectors: "2x4K+1x16K+20x2K", Start: 0x08000000, Unit: 8}, boot.Config{
		Details: 0x08002000, AppStart: 0x08002400, MaxAppSize: 0x7C00, StorageAddr: 0x0800A000, StorageSize: 0x6000, Locations: 1, StoragePage: 8,
	}, 0},
	{Device{Part: "stm32f429zi", Unit: 1}, boot.Config{
		Details: 0x08008000, AppStart: 0x08008400, MaxAppSize: 0xF7C00, StorageAddr: 0x08100000, StorageSize: 0x100000, Locations: 1, StoragePage: 1,
	}, 3000},
}

// check adds the sweeps that take seconds in all: what goes wrong without any cut, with a device that fails,
// on a SecureStore that somebody attacks, and every cut of small updates.
func (c *Campaign) check(p kvstore.Profile, seed uint64) {
	small := Device{Sectors: "8x512", Unit: 8, Size: 4096}
	mixed := Device{Sectors: "4x1K+1x4K", Unit: 8, Size: 8192}
	fine := Device{Sectors: "32x128", Unit: 16, Size: 4096}
	with := func(d Device, unit uint32) Device {
		d.Unit = unit
		return d
	}
	add := func(to *[]KVSweep, d Device, ops []Op, collections uint64) *KVSweep {
		*to = append(*to, KVSweep{Device: d, Profile: p, Seed: seed, Ops: ops, Collections: collections})
		return &(*to)[len(*to)-1]
	}
	for _, unit := range []uint32{1, 8, 32} {
		add(&c.Live, with(small, unit), nil, 12)
		add(&c.Live, with(mixed, unit), nil, 8)
		add(&c.Live, with(small, unit), edgeOps(2048, masterEnd(unit), unit, true), 0)
		add(&c.Live, with(small, unit), brimOps(2048, masterEnd(unit), unit, seed), 0)
		add(&c.Live, with(small, unit), uniformOps(seed, 150, 20), 0)
	}
	add(&c.Live, Device{Sectors: "3x512", Unit: 4, Size: 1536}, uniformOps(seed, 60, 20), 0)
	add(&c.Live, fine, uniformOps(seed, 200, 20), 0)
	add(&c.Live, Device{Part: "stm32l496zg", Unit: 8, Base: 0x080F0000, Size: 8192, Filled: true}, uniformOps(seed, 150, 180), 0)
	add(&c.Live, F429KV, nil, 4)
	secure := Device{Sectors: "24x512", Unit: 8, Size: 12288}
	add(&c.Live, secure, secureOps(seed, 300), 0).Secure = true
	add(&c.Attacked, secure, attackedOps(seed, 120), 0).Secure = true
	for _, d := range []Device{small, with(mixed, 1)} {
		add(&c.Failing, d, nil, 3).MaxCuts = 4000
	}
	for i, l := range lifeLayouts {
		l.boot.BootRetries, l.boot.CopyRetries, l.boot.ResetReason = 3, 1, true
		c.Lives = append(c.Lives, LifeSweep{Device: l.device, Boot: l.boot, Seed: seed, Most: l.most})
		if i < 2 {
			c.Lives = append(c.Lives, LifeSweep{Device: l.device, Boot: l.boot, Seed: seed, Client: boot.ClientOld})
			c.Updates = append(c.Updates, UpdateSweep{
				Device: l.device, Boot: l.boot, Old: 700, New: 900, Seed: seed, Modes: []string{"before", "after", "torn", "prefix"}, Deep: 4,
			})
		}
	}
	// Clean cuts apart: they need least, and what only they show is not lost among what torn cells do.
	for _, d := range []Device{small, fine} {
		add(&c.KV, d, nil, 6).Modes = []string{"before", "after"}
	}
	add(&c.KV, small, edgeOps(2048, masterEnd(8), 8, false), 0)
	s := add(&c.KV, secure, secureOps(seed, 120), 0)
	s.Secure, s.Modes = true, []string{"before", "after", "torn"}
}

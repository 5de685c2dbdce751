package fuzz

import (
	"errors"
	"fmt"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/fuzz/update"
	"dualbank/kvstore"
	"dualbank/model"
)

// smallGeometries are what a store of your own is cut on before it is cut on its device: sectors of one size, and
// sectors of two sizes, small enough that every few sets come to the end of one.
var smallGeometries = []explore.Device{{Sectors: "8x1K", Size: 8192}, {Sectors: "4x1K+1x4K", Size: 8192}}

// tinyGeometry has a collection in every few sets: it is for cuts of headers and marks alone.
var tinyGeometry = explore.Device{Sectors: "2x512", Size: 1024}

// StoreCampaign is what a store of your own goes through. On small geometries: a workload without a cut; one whose device
// refuses a program or an erase now and then; cuts, about smallCuts on each, and second cuts at some steps of the recovery
// from some of them. Then, on its own device d: a watchdog, where d is a part, and about so many cuts, at most three times as
// many, 0: at every step. The modes are all that the device has. build tells builds of the store apart. left says which
// small geometries are left out, and why: a store may be made for one device only.
func StoreCampaign(store kv.Software, build string, d explore.Device, seed, cuts uint64) (c Campaign, left []string, err error) {
	f, _, err := d.Region()
	if err != nil {
		return c, nil, err
	}
	modes := []string{"before", "after", "torn", "prefix", "weak"}
	if f.Part().ECC.Bytes != 0 {
		modes = append(modes, "ecc")
	}
	sweep := kv.Sweep{New: store, Build: build, Seed: seed, Modes: modes}
	for _, g := range append(append([]explore.Device{tinyGeometry}, smallGeometries...), fewSectors(d)...) {
		if g.Part == "" {
			g.Unit = d.Unit
		}
		s := sweep
		if s.Device, s.MaxCuts = g, smallCuts; cuts > 0 {
			s.MaxCuts = min(smallCuts, cuts)
		}
		tiny, ops := g.Sectors == tinyGeometry.Sectors, smallOps
		if tiny {
			ops = tinyOps
		}
		why := ""
		if s.Ops, why, err = rehearsed(store, g, seed, ops); err != nil {
			return c, nil, err
		}
		if why != "" {
			left = append(left, fmt.Sprintf("%v: %s", &g, why))
			continue
		}
		whole := kv.Sweep{Device: g, New: store, Build: build, Seed: seed, Ops: s.Ops}
		edge := whole
		edge.Ops = script.Edge(edgeArea, script.MasterEnd(g.Unit), g.Unit, true)
		c.Live = append(c.Live, whole, edge)
		whole.MaxCuts = min(s.MaxCuts, failures)
		c.Failing = append(c.Failing, whole)
		if tiny {
			s.Modes, s.Draws, s.Short = []string{"weak"}, 8, max(shortCall/uint64(g.Unit), 1)
			c.KV = append(c.KV, s)
			continue
		}
		deep := s
		deep.Deep, deep.DeepSteps, deep.MaxCuts, deep.Modes = true, 8, s.MaxCuts/8, []string{"torn"}
		deep.Ops = s.Ops[:min(len(s.Ops), deepOps)]
		c.KV = append(c.KV, s, deep)
	}
	s := sweep
	s.Device, s.MaxCuts, s.Most = d, cuts, 3*cuts
	c.KV = append(c.KV, s)
	if d.Part != "" {
		c.Stores = append(c.Stores, kv.Watched{Sweep: kv.Sweep{New: store, Build: build, Device: d, Seed: seed}, Driver: slowDriver, Corner: "max"})
	}
	c.Tries, c.Env = 30, explore.Env{Software: store}
	return c, left, nil
}

const (
	failures   = 200    // of the device, on a small geometry
	slowDriver = "mbed" // which masks interrupts while it erases
	smallCuts  = 1000   // about so many cuts on a small geometry, beside those at the first and last steps of calls
	edgeArea   = 1024   // bytes that the values of seldom operations are made for
	smallOps   = 120    // operations on a small geometry
	tinyOps    = 240    // and on the tiny one
	shortCall  = 20     // bytes of the longest program that is a header or a mark
	deepOps    = 60     // of these, those whose recoveries are cut, too
	mostFew    = 64 << 10
)

// fewSectors is the start of a device whose cells are not those of the small geometries, if that is small, too.
func fewSectors(d explore.Device) []explore.Device {
	f, dev, err := d.Region()
	if err != nil || dev.Clears() && f.Part().ECC.Bytes == 0 {
		return nil
	}
	few := d
	few.Size = 0
	for range 4 {
		if few.Size < d.Size {
			few.Size += dev.EraseSize(few.Size)
		}
	}
	if few.Size > mostFew || few.Size == d.Size {
		return nil
	}
	return []explore.Device{few}
}

// rehearsed makes the workload for a small geometry, performs it without a cut, and says what keeps the store from
// being judged there; "": nothing. A reset is among the operations where the store has one: it alone shows whether
// removing all keys is all or nothing.
func rehearsed(store kv.Software, d explore.Device, seed uint64, n int) (ops []script.Op, why string, err error) {
	f, dev, err := d.Region()
	if err != nil {
		return nil, "", err
	}
	s := store(dev)
	if err := s.Open(); err != nil {
		return nil, "the store does not open there: " + err.Error(), nil
	}
	can, full := sut.Abilities(s), false
	w := script.NewWorkload(seed, d.Size/2, can, nil)
	for i := range n {
		op := w.Next()
		if can.Reset && i%50 == 40 {
			op = script.Op{Kind: script.Reset}
		}
		ops = append(ops, op)
		err := sut.Do(&op, s, f)
		if err != nil && op.Kind == script.Reboot {
			break // which is to be found
		}
		full = full || errors.Is(err, kvstore.ErrMediaFull)
	}
	// On more room a store that is full leaks.
	if full && d.Sectors == tinyGeometry.Sectors {
		return nil, "the store is full there before any cut", nil
	}
	if n := f.Counters(); n.Refused+n.RefusedReads > 0 {
		return nil, "the store asks for flash that is not there: is its geometry compiled in?", nil
	}
	return ops, "", nil
}

// UpdateCampaign is what an update client and a bootloader of your own, which have a region to themselves, go through:
// lives without a cut, a watchdog that nothing feeds while the bootloader works, and cuts of an update in every mode, also in the boot after some of them, on two small
// geometries; then cuts on a part, about so many of them, in the larger part of the flash beside its KVStore d.
func UpdateCampaign(software update.Maker, build string, d explore.Device, seed, cuts uint64) (c Campaign, left []string, err error) {
	f, _, err := d.Region()
	if err != nil {
		return c, nil, err
	}
	modes := []string{"before", "after", "torn", "prefix", "weak"}
	small := []explore.Device{{Sectors: "16x1K", Start: 0x08000000, Unit: d.Unit}, {Sectors: "4x1K+1x4K+2x8K", Start: 0x08000000, Unit: d.Unit}}
	for _, g := range small {
		cfg := update.DividedBy(6 << 10)
		s := update.Sweep{Device: g, Boot: cfg, Software: software(g), Build: build, Old: 700, New: 900, Seed: seed, Modes: modes, MaxCuts: 4 * smallCuts, Deep: 4}
		if cuts > 0 {
			s.MaxCuts = min(s.MaxCuts, cuts)
		}
		c.Lives = append(c.Lives, update.LifeSweep{Device: g, Boot: cfg, Software: software(g), Build: build, Seed: seed})
		weak := s
		weak.Modes, weak.Draws, weak.Short, weak.Deep = []string{"weak"}, 16, max(shortCall/uint64(g.Unit), 1), 0
		c.Updates = append(c.Updates, s, weak)
	}
	if f.Part().ECC.Bytes != 0 {
		modes = append(modes, "ecc")
	}
	d.Base, d.Size = besideStore(f, d)
	if d.Part != "" {
		c.Installs = append(c.Installs, update.Watched{
			Sweep:  update.Sweep{Device: d, Boot: update.DividedBy(d.Size / 4), Software: software(d), Build: build, Old: 9000, New: 10000, Seed: seed},
			Driver: slowDriver, Corner: "max",
		})
	}
	c.Updates = append(c.Updates, update.Sweep{
		Device: d, Boot: update.DividedBy(d.Size / 4), Software: software(d), Build: build, Old: 9000, New: 10000, Seed: seed, Modes: modes, MaxCuts: cuts, Most: 3 * cuts,
	})
	c.Tries, c.Env = 30, explore.Env{Software: software}
	return c, nil, nil
}

// besideStore is the larger stretch of a flash before or behind the KVStore, without the first 32 KiB, where a
// bootloader is.
func besideStore(f *model.Flash, d explore.Device) (base, size uint32) {
	at := f.Start()
	for at < f.Start()+bootloader {
		at += f.SectorSize(at)
	}
	behind := d.Base + d.Size
	if before := d.Base - min(d.Base, at); before >= f.Start()+f.Size()-behind {
		return at, before
	}
	return behind, f.Start() + f.Size() - behind
}

// bootloader is the bytes that are kept for it on a part.
const bootloader = 32 << 10

package edge

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/update"
	"dualbank/model"
)

var generations = []boot.Generation{boot.ClientNew, boot.ClientOld}

// imageVersions updates from every version at an edge to every higher one, and not to a lower one.
func imageVersions(t *trial, n int) (bool, error) {
	edges := []uint64{1, 2, 127, 128, 255, 256, 257, 65535, 65536, 1<<31 - 1, 1 << 31, 1<<31 + 1, 1<<32 - 1, 1 << 32, 1<<32 + 1, 1<<63 - 1, 1 << 63, 1<<63 + 1, 1<<64 - 1}
	if n >= len(edges) {
		return false, nil
	}
	low := newImage(edges[n], 300)
	for _, v := range edges[n+1:] {
		t.part("versions")
		t.tell("versions %d and %d", low.Version, v)
		high := newImage(v, 310)
		b, err := t.board(onePage(8, 1), boot.ClientNew, low)
		if err != nil {
			return false, err
		}
		if !b.installs(0, high) {
			return true, nil
		}
		if err := b.download(0, low); err == nil && !b.idle(high) {
			return true, nil
		}
		// Boots that count against one version do not count against another.
		if b, err = t.board(onePage(8, 1), boot.ClientNew, low); err != nil {
			return false, err
		}
		early := explore.Symptom{Rule: update.RuleRuns, Kind: "given-up-early"}
		for range b.cfg.BootRetries {
			if !b.runs(boot.Watchdog, low, early) {
				return true, nil
			}
		}
		if b.download(0, high) != nil || !b.runs(boot.Software, high, notInstalled) {
			return true, nil
		}
		for range b.cfg.BootRetries {
			if !b.runs(boot.Watchdog, high, early) {
				return true, nil
			}
		}
	}
	return true, nil
}

// imageSizes updates to images of sizes around every page, fragment and buffer, and offers those that are far too
// large.
func imageSizes(t *trial, n int) (bool, error) {
	units := []uint32{1, 8, 32}
	if n >= len(units)*len(generations) {
		return false, nil
	}
	unit, gen := units[n/2], generations[n%2]
	l := wide(unit)
	most := int(min(l.boot.StorageSize-boot.FirmwareOffset(unit), l.boot.MaxAppSize))
	version := uint64(1)
	for _, edge := range []int{1, 8, 32, 64, 112, 128, 511, 512, 513, 1024, 2048, 4096, boot.BufferSize, 2 * boot.BufferSize, 3 * boot.BufferSize, most} {
		for size := edge - 1; size <= edge+1; size++ {
			if size < 1 || size > most {
				continue
			}
			t.part("sizes around buffers")
			t.tell("%d bytes, unit %d, %v client", size, unit, gen)
			b, err := t.board(l, gen, newImage(1, 100))
			if err != nil {
				return false, err
			}
			version++
			b.installs(0, newImage(version, size))
		}
	}
	t.part("sizes near 2^32")
	t.tell("unit %d, %v client", unit, gen)
	first := newImage(1, 100)
	for _, size := range []uint64{1<<31 - 1, 1 << 31, 1<<32 - 1, 1<<32 - 100, 1<<32 - 112, 1<<32 - 200, 1<<32 - 1000, 1 << 32, 1<<32 + 1, 1<<32 + 300, 1 << 63, 1<<64 - 1} {
		b, err := t.board(l, gen, first)
		if err != nil {
			return false, err
		}
		im := newImage(2, 300)
		im.Size = size
		b.client.Reset()
		before := b.f.Hash()
		if b.client.Prepare(0, &im.Details) != nil {
			if b.f.Hash() != before {
				b.report(explore.Symptom{Rule: update.RuleInside, Kind: "write-outside"}, "a refused image changes nothing", fmt.Sprintf("%d bytes", size))
			}
			continue
		}
		b.report(explore.Symptom{Rule: update.RuleInside, Kind: "oversize-taken"}, fmt.Sprintf("at most %d bytes", most), fmt.Sprintf("%d bytes", size))
		if b.write(0, im, 0) == nil && b.client.Activate(0) == nil {
			b.runs(boot.PowerOn, first, neverBoots)
		}
	}
	return true, nil
}

// activation resets the device between the phases of a download; then the client activates what it no longer knows,
// and another image is downloaded to the same slot or another.
func activation(t *trial, n int) (bool, error) {
	const phases, slots = 3, 3
	if n >= phases*slots*len(generations) {
		return false, nil
	}
	phase, other, gen := n%phases, uint32(n/phases%slots), generations[n/phases/slots]
	first := newImage(1, 200)
	b, err := t.board(onePage(8, slots), gen, first)
	if err != nil {
		return false, err
	}
	t.part("reset %s, %v client", [phases]string{"after prepare", "within write", "before activate"}[phase], gen)
	lost := newImage(2, 1500)
	if err := b.client.Prepare(1, &lost.Details); err != nil {
		return false, err
	}
	switch phase {
	case 1:
		part := *lost
		part.bytes = lost.bytes[:512]
		err = b.write(1, &part, 0)
	case 2:
		err = b.write(1, lost, 0)
	}
	if err != nil {
		return false, err
	}
	b.client.Reset()
	if gen == boot.ClientNew {
		_ = b.client.Activate(1) // of which it does not know what it is
		if !b.idle(first) {
			return true, nil
		}
		var d boot.Details
		if err := b.client.GetFirmwareDetails(1, &d); err == nil {
			b.report(explore.Symptom{Rule: update.RuleSound, Kind: "details-differ"}, "an error: nothing was activated", fmt.Sprintf("version %d, %d bytes", d.Version, d.Size))
		}
	}
	next := newImage(3, 1700)
	b.installs(other, next)
	b.client.Reset()
	var d boot.Details
	if err := b.client.GetFirmwareDetails(other, &d); err != nil || d != next.Details {
		b.report(explore.Symptom{Rule: update.RuleSound, Kind: "details-differ"}, "what was activated", fmt.Sprintf("version %d, %d bytes, error %v", d.Version, d.Size, err))
	}
	return true, nil
}

// intact boots images of many hashes: all are intact, so all run.
func intact(t *trial, n int) (bool, error) {
	const trials, images = 8, 160
	if n >= trials {
		return false, nil
	}
	t.part("images of many hashes")
	b, err := t.board(onePage(8, 1), boot.ClientNew, nil)
	if err != nil {
		return false, err
	}
	for i := range images {
		im := newImage(uint64(n*images+i+1), 40+i%13)
		b.poke(im)
		if !b.idle(im) {
			break
		}
	}
	return true, nil
}

// damage turns bits of an active image or of a candidate over, and writes headers that no server makes.
func damage(t *trial, n int) (bool, error) {
	kinds := []func(*board, *image, *image){damagedActive, damagedCandidate, damagedBoth, madeCandidate, madeActive}
	if n >= 2*len(kinds) {
		return false, nil
	}
	first, next := newImage(5, 300), newImage(6, 310)
	b, err := t.board(onePage(8, uint32(1+n%2)), boot.ClientNew, first)
	if err != nil {
		return false, err
	}
	kinds[n/2](b, first, next)
	return true, nil
}

// flips flips every bit of a header, and one bit of every byte of size bytes of firmware, one at a time.
func (b *board) flips(header, firmware uint32, size int, look func(what string)) {
	flip := func(addr uint32, bit int, what string) {
		b.f.Mark()
		var p [1]byte
		b.f.Peek(addr, p[:])
		p[0] ^= 1 << bit
		b.f.Poke(addr, p[:])
		look(what)
		b.f.Rollback()
	}
	for at := range uint32(boot.HeaderSize) {
		for bit := range 8 {
			flip(header+at, bit, "header")
		}
	}
	for at := range uint32(size) {
		flip(firmware+at, int(at%8), "firmware")
	}
}

func damagedActive(b *board, first, _ *image) {
	b.part("active image damaged")
	b.flips(b.cfg.Details, b.cfg.AppStart, len(first.bytes), func(what string) {
		if out := b.boot(boot.PowerOn); out.Result == boot.Jumped {
			b.report(explore.Symptom{Rule: update.RuleComplete, Kind: "damaged-runs", Op: what}, "no application", fmt.Sprintf("version %d runs", out.Version))
		}
	})
}

func damagedCandidate(b *board, first, next *image) {
	b.part("candidate damaged")
	if b.download(0, next) != nil {
		return
	}
	slot := b.loader.Slots()[0].Addr
	b.flips(slot, slot+boot.FirmwareOffset(b.f.PageSize()), len(next.bytes), func(what string) {
		out := b.boot(boot.PowerOn)
		switch {
		case out.Result == boot.Jumped && b.active(first):
		case out.Result == boot.Jumped && out.Version != first.Version:
			b.report(explore.Symptom{Rule: update.RuleSound, Kind: "bad-runs", Op: what}, "the intact image runs", fmt.Sprintf("version %d runs", out.Version))
		default:
			s := intactHalts
			s.Error = out.Result.String()
			b.report(s, "the intact image runs", fmt.Sprintf("%v, a damaged %s in the slot", out.Result, what))
		}
	})
}

func damagedBoth(b *board, first, next *image) {
	b.part("active image damaged, candidate good")
	if b.download(0, next) != nil {
		return
	}
	b.flips(b.cfg.Details, b.cfg.AppStart, len(first.bytes), func(string) { b.runs(boot.PowerOn, next, notInstalled) })
}

// made is a header that no server makes, whose CRC is right.
type made struct {
	what   string
	change func(h []byte)
}

func madeHeaders(of *image) []made {
	put32 := func(at int, v uint32) func([]byte) { return func(h []byte) { binary.BigEndian.PutUint32(h[at:], v) } }
	put64 := func(at int, v uint64) func([]byte) { return func(h []byte) { binary.BigEndian.PutUint64(h[at:], v) } }
	list := []made{
		{"magic", put32(0, 0x5A51B3D5)},
		{"magic", put32(0, 0)},
		{"magic", put32(0, 0x96F3B83D)}, // of mcuboot
		{"header version", put32(4, 0)},
		{"header version", put32(4, 1)},
		{"header version", put32(4, 3)},
		{"header version", put32(4, 2|1<<31)},
		{"size", put64(16, 0)},
		{"size", put64(16, of.Size-1)},
		{"size", put64(16, of.Size+1)},
		{"size beyond 2^32", put64(16, of.Size|1<<32)},
		{"size beyond 2^32", put64(16, of.Size|1<<63)},
	}
	for at := 24; at < 56; at++ {
		list = append(list, made{"hash", func(h []byte) { h[at] ^= 0x10 }})
	}
	return list
}

// write puts a header at addr with a change, and its CRC right again.
func (m *made) write(b *board, addr uint32, of *image) {
	h := make([]byte, boot.HeaderSize)
	boot.EncodeHeader(h, &of.Details)
	m.change(h)
	binary.BigEndian.PutUint32(h[boot.HeaderSize-4:], crc32.ChecksumIEEE(h[:boot.HeaderSize-4]))
	b.f.Poke(addr, h)
}

func madeCandidate(b *board, first, next *image) {
	if b.download(0, next) != nil {
		return
	}
	for _, m := range madeHeaders(next) {
		b.part("candidate, %s", m.what)
		b.f.Mark()
		m.write(b, b.loader.Slots()[0].Addr, next)
		out := b.boot(boot.PowerOn)
		switch {
		case out.Result == boot.Jumped && b.active(first):
		case out.Result == boot.Jumped:
			b.report(explore.Symptom{Rule: update.RuleSound, Kind: "bad-runs", Op: m.what}, "the intact image runs", fmt.Sprintf("version %d runs", out.Version))
		default:
			s := intactHalts
			s.Error = out.Result.String()
			b.report(s, "the intact image runs", fmt.Sprintf("%v, with another %s in the candidate's header", out.Result, m.what))
		}
		b.f.Rollback()
	}
}

func madeActive(b *board, first, _ *image) {
	for _, m := range madeHeaders(first) {
		b.part("active image, %s", m.what)
		b.f.Mark()
		m.write(b, b.cfg.Details, first)
		if out := b.boot(boot.PowerOn); out.Result == boot.Jumped {
			b.report(explore.Symptom{Rule: update.RuleComplete, Kind: "damaged-runs", Op: m.what}, "no application", fmt.Sprintf("version %d runs", out.Version))
		}
		b.f.Rollback()
	}
}

// updateErrors lets one step of an update fail, once or for good.
func updateErrors(t *trial, n int) (bool, error) {
	units := []uint32{1, 8}
	times := []int{1, 20}
	if n >= 2*len(units)*len(times)*len(generations) {
		return false, nil
	}
	gen, fails, unit, install := generations[n%2], times[n/2%2], units[n/4%2], n/8 == 1
	l := onePage(unit, 1)
	if install && fails > 1 {
		l.boot.CopyRetries = 2
	}
	what := "a download"
	if install {
		what = "an install"
	}
	t.part("%s", what)
	t.tell("%d failures, unit %d, %v client", fails, unit, gen)
	first, old, next := newImage(4, 300), newImage(3, 500), newImage(5, 700)
	b, err := t.board(l, gen, first)
	if err != nil {
		return false, err
	}
	dev := &flaky{Flash: b.f}
	b.build(dev, l.boot, gen)
	if err := b.download(0, old); err != nil { // which leaves a slot that is not erased
		return false, err
	}
	if install {
		if err := b.download(0, next); err != nil {
			return false, err
		}
	}
	all := steps(b.f, func() {
		if install {
			b.loader.Boot(boot.Software, &boot.RAM{})
		} else {
			_ = b.download(0, next)
		}
	})
	for at := uint64(0); at < all; at += 1 + at/64 {
		b.f.Mark()
		dev.at, dev.times = at, fails
		if install {
			b.cuts++
			b.f.Boot()
			if out := b.loader.Boot(boot.Software, &boot.RAM{}); out.Result == boot.Jumped && !b.active(first) && !b.active(next) {
				b.report(explore.Symptom{Rule: update.RuleComplete, Kind: "damaged-runs", Op: "install"}, "a complete image", fmt.Sprintf("version %d, after a failure at step %d", out.Version, at))
			}
		} else if err := b.download(0, next); err != nil {
			dev.times = 0
			b.idle(first)
			if err := b.download(0, next); err != nil {
				b.report(explore.Symptom{Rule: update.RuleProgress, Kind: "redownload-fails", Op: "download", Error: err.Error()}, "success", err.Error())
			}
		}
		dev.times = 0
		b.runs(boot.PowerOn, next, notInstalled)
		b.f.Rollback()
	}
	return true, nil
}

// periodic cuts the power again and again after so many steps: an install or a resumed download that each time has
// enough of them comes to its end.
func periodic(t *trial, n int) (bool, error) {
	const periods = 3
	modes := []model.Mode{model.Before, model.Torn}
	if n >= periods*len(modes) {
		return false, nil
	}
	mode := modes[n%len(modes)]
	first, next := newImage(1, 9000), newImage(2, 9100)
	b, err := t.board(onePage(8, 1), boot.ClientNew, first)
	if err != nil {
		return false, err
	}
	period := uint64(0)
	cut := func(i int) { b.f.Boot(); b.f.Arm(model.Cut{Step: period, Mode: mode, Seed: uint64(i)}) }
	if n/len(modes) == 0 {
		t.part("a third of a download, which is resumed")
		period = steps(b.f, func() { _ = b.download(0, next) })/3 + 64
		for i := range 16 {
			cut(i)
			b.cuts++
			b.client.Reset()
			from, err := b.client.Resume(0, &next.Details)
			if err == nil && b.write(0, next, from) == nil && b.client.Activate(0) == nil {
				b.f.Disarm()
				b.runs(boot.Software, next, notInstalled)
				return true, nil
			}
		}
		b.report(explore.Symptom{Rule: update.RuleProgress, Kind: "no-progress", Op: "download"}, "the end of the download", fmt.Sprintf("16 times %d steps are not enough", period))
		return true, nil
	}
	if err := b.download(0, next); err != nil {
		return false, err
	}
	period = steps(b.f, func() { b.loader.Boot(boot.Software, &boot.RAM{}) })
	if t.part("as long as an install takes, after one that was cut"); n/len(modes) == 2 {
		t.part("half as long as an install takes")
		period /= 2
	}
	whole := period
	period /= 2
	for i := range 8 {
		cut(i)
		b.cuts++
		if out := b.loader.Boot(boot.PowerOn, &boot.RAM{}); out.Result == boot.Jumped && b.active(next) {
			return true, nil
		}
		period = whole
	}
	b.report(explore.Symptom{Rule: update.RuleProgress, Kind: "no-progress", Op: "install"}, "the end of the install", fmt.Sprintf("8 times %d steps are not enough", period))
	return true, nil
}

// slotLayouts are layouts that are off sectors, at the end of the flash, or of many slots.
func slotLayouts() []layout {
	var all []layout
	add := func(sectors string, unit uint32, change func(c *boot.Config)) {
		l := onePage(unit, 1)
		l.device.Sectors = sectors
		change(&l.boot)
		all = append(all, l)
	}
	for _, locations := range []uint32{1, 2, 3, 4, 5} {
		add("32x2K", 8, func(c *boot.Config) { c.Locations, c.StorageSize = locations, 0x7000 })
		add("32x2K", 8, func(c *boot.Config) { c.Locations, c.StorageSize = locations, 0x6400 })
		add("32x2K", 8, func(c *boot.Config) { c.Locations, c.StorageSize = locations, 0x8000 })
		add("32x2K", 8, func(c *boot.Config) { c.Locations, c.StorageAddr, c.StorageSize = locations, 0x08008400, 0x5C00 })
		add("16x2K+2x8K+4x4K", 1, func(c *boot.Config) { c.Locations, c.StorageSize = locations, 0x8000 })
		add("16x2K+8x4K", 1, func(c *boot.Config) { c.Locations, c.StorageAddr, c.StorageSize = locations, 0x08007800, 0x8400 })
	}
	for _, most := range []uint32{0x3400, 0x3600, 0x3001} {
		add("32x2K", 8, func(c *boot.Config) { c.MaxAppSize = most })
		add("32x2K", 8, func(c *boot.Config) { c.AppStart, c.MaxAppSize = 0x08002400, most })
	}
	return all
}

// slotEdges computes the slots of a layout anew, and lets each take and install the largest image that it should.
func slotEdges(t *trial, n int) (bool, error) {
	layouts := slotLayouts()
	if n >= len(layouts)*len(generations) {
		return false, nil
	}
	l, gen := layouts[n/2], generations[n%2]
	c := &l.boot
	t.part("slots")
	t.tell("%d slots in 0x%X at 0x%08X, application 0x%X at 0x%08X, %v client", c.Locations, c.StorageSize, c.StorageAddr, c.MaxAppSize, c.AppStart, gen)
	first := newImage(1, 200)
	b, err := t.board(l, gen, first)
	if err != nil {
		return false, err
	}
	down := func(addr uint32) uint32 {
		at := b.f.Start()
		for at < addr && at+b.f.SectorSize(at) <= addr {
			at += b.f.SectorSize(at)
		}
		return at
	}
	up := func(addr uint32) uint32 {
		if at := down(addr); at != addr {
			return at + b.f.SectorSize(at)
		}
		return addr
	}
	start, end := up(c.StorageAddr), down(c.StorageAddr+c.StorageSize)
	each := (end - start) / c.Locations
	where := [2]uint32{} // that may be written
	b.f.Observe(func(e *model.Event) {
		if e.Kind != model.Read && (e.Addr < where[0] || e.Addr+e.Size > where[1]) {
			t.report(explore.Symptom{Rule: update.RuleInside, Kind: "write-outside"}, fmt.Sprintf("writes from 0x%08X to 0x%08X", where[0], where[1]), fmt.Sprintf("%v at 0x%08X, %d bytes", e.Kind, e.Addr, e.Size))
		}
	})
	defer b.f.Observe(nil)
	version, running := uint64(1), first
	for i := range c.Locations {
		from := down(start + i*each)
		want := boot.Slot{Addr: from, Size: down(from+each) - from}
		if got := b.loader.Slots()[i]; got != want {
			t.report(explore.Symptom{Rule: update.RuleInside, Kind: "slots-differ"}, fmt.Sprintf("0x%08X+0x%X", want.Addr, want.Size), fmt.Sprintf("slot %d at 0x%08X+0x%X", i, got.Addr, got.Size))
			return true, nil
		}
		head := boot.FirmwareOffset(b.f.PageSize())
		most := min(int(want.Size)-int(head), int(down(c.AppStart+c.MaxAppSize))-int(c.AppStart))
		if most < 1 {
			continue
		}
		version++
		next := newImage(version, most)
		where = [2]uint32{want.Addr, want.Addr + want.Size}
		if err := b.download(i, next); err != nil {
			t.report(explore.Symptom{Rule: update.RuleProgress, Kind: "download-fails", Op: "download", Error: err.Error()}, "success", fmt.Sprintf("%d bytes to slot %d: %v", most, i, err))
			return true, nil
		}
		where = [2]uint32{down(c.Details), c.AppStart + c.MaxAppSize}
		if !b.runs(boot.Software, next, notInstalled) || !b.idle(next) {
			return true, nil
		}
		running = next
	}
	// One that reaches into the sector in which the application's room ends is not installed, and nothing is written
	// behind that room.
	over := newImage(version+1, int(c.MaxAppSize))
	if down(c.AppStart+c.MaxAppSize) == c.AppStart+c.MaxAppSize || c.MaxAppSize > each-boot.FirmwareOffset(b.f.PageSize()) {
		return true, nil
	}
	t.part("application that ends inside a sector")
	where = [2]uint32{start, end}
	if b.download(0, over) == nil {
		where = [2]uint32{down(c.Details), c.AppStart + c.MaxAppSize}
		b.runs(boot.Software, running, intactHalts)
	}
	return true, nil
}

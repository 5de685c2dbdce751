package edge

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/update"
	"dualbank/model"
	"dualbank/model/random"
)

// image is a firmware image with its header.
type image struct {
	boot.Details
	bytes []byte
}

func newImage(version uint64, size int) *image {
	im := &image{bytes: make([]byte, size)}
	r := random.New(version*0x9E37 + uint64(size))
	r.Fill(im.bytes)
	im.Version, im.Size, im.Hash = version, uint64(size), sha256.Sum256(im.bytes)
	r.Fill(im.Campaign[:])
	return im
}

// layout is a device and what client and bootloader are built with on it.
type layout struct {
	device explore.Device
	boot   boot.Config
}

// onePage is a device with even sectors of 2 KiB, header and application in sectors of their own, and slots.
func onePage(unit, slots uint32) layout {
	return layout{explore.Device{Sectors: "32x2K", Start: 0x08000000, Unit: unit}, boot.Config{
		Details: 0x08002000, AppStart: 0x08002800, MaxAppSize: 0x3800, StorageAddr: 0x08008000, StorageSize: 0x6000, Locations: slots, StoragePage: unit,
	}}
}

// wide is a device for images of more than two of the bootloader's buffers.
func wide(unit uint32) layout {
	return layout{explore.Device{Sectors: "64x2K", Start: 0x08000000, Unit: unit}, boot.Config{
		Details: 0x08002000, AppStart: 0x08002400, MaxAppSize: 0xDC00, StorageAddr: 0x08010000, StorageSize: 0xE000, Locations: 1, StoragePage: unit,
	}}
}

// board is a device with client and bootloader.
type board struct {
	*trial
	f      *model.Flash
	cfg    boot.Config
	client *boot.Client
	loader *boot.Bootloader
	ram    boot.RAM
}

// board makes a device on which first runs; nil: none does.
func (t *trial) board(l layout, gen boot.Generation, first *image) (*board, error) {
	f, err := t.flash(&l.device)
	if err != nil {
		return nil, err
	}
	b := &board{trial: t, f: f}
	b.build(f, l.boot, gen)
	if first != nil {
		b.poke(first)
	}
	return b, nil
}

// build makes client and bootloader on a flash.
func (b *board) build(f boot.Flash, cfg boot.Config, gen boot.Generation) {
	b.cfg = b.c.loader(cfg)
	b.client, b.loader = boot.NewClient(b.cfg, f, gen, nil), boot.NewBootloader(b.cfg, f, nil)
}

// poke makes im the active image.
func (b *board) poke(im *image) {
	header := make([]byte, boot.HeaderSize)
	boot.EncodeHeader(header, &im.Details)
	b.f.Poke(b.cfg.Details, header)
	b.f.Poke(b.cfg.AppStart, im.bytes)
}

// download stores im in a slot and activates it.
func (b *board) download(slot uint32, im *image) error {
	b.client.Reset()
	if err := b.client.Prepare(slot, &im.Details); err != nil {
		return err
	}
	if err := b.write(slot, im, 0); err != nil {
		return err
	}
	return b.client.Activate(slot)
}

// write stores the firmware of im from an offset on.
func (b *board) write(slot uint32, im *image, from uint32) error {
	for off := from; off < uint32(len(im.bytes)); {
		p := bytes.Repeat([]byte{0xFF}, boot.Fragment)
		n := copy(p, im.bytes[off:])
		if err := b.client.Write(slot, off, p[:n]); err != nil {
			return err
		}
		off += uint32(n)
	}
	return b.client.Finalize(slot)
}

// boot is a boot.
func (b *board) boot(reason boot.ResetReason) boot.Outcome {
	b.cuts++
	if b.f.Boot(); reason == boot.PowerOn {
		b.ram = boot.RAM{}
	}
	return b.loader.Boot(reason, &b.ram)
}

// active reports whether im is the active image, header and all.
func (b *board) active(im *image) bool {
	header := make([]byte, boot.HeaderSize)
	b.f.Peek(b.cfg.Details, header)
	var d boot.Details
	p := make([]byte, len(im.bytes))
	return b.f.Peek(b.cfg.AppStart, p) && boot.ParseHeader(header, &d) && d == im.Details && bytes.Equal(p, im.bytes)
}

// runs boots and reports whether im runs, which it should.
func (b *board) runs(reason boot.ResetReason, im *image, or explore.Symptom) bool {
	out := b.boot(reason)
	if out.Result == boot.Jumped && b.active(im) {
		return true
	}
	if out.Result != boot.Jumped {
		or.Error = out.Result.String()
	}
	b.report(or, fmt.Sprintf("version %d of %d bytes runs", im.Version, im.Size), fmt.Sprintf("%v, version %d", out.Result, out.Version))
	return false
}

var (
	notInstalled = explore.Symptom{Rule: update.RuleProgress, Kind: "not-installed"}
	intactHalts  = explore.Symptom{Rule: update.RuleRuns, Kind: "intact-halts"}
	neverBoots   = explore.Symptom{Rule: update.RuleRuns, Kind: "never-boots"}
)

// idle boots a device that has nothing to install: im runs, and the flash stays as it is.
func (b *board) idle(im *image) bool {
	if !b.runs(boot.Software, im, intactHalts) {
		return false
	}
	if n := b.f.Steps(); n > 0 {
		b.report(explore.Symptom{Rule: update.RuleInside, Kind: "idle-boot-writes"}, "no steps", fmt.Sprintf("%d steps", n))
		return false
	}
	return true
}

// installs downloads im and boots into it, and once more.
func (b *board) installs(slot uint32, im *image) bool {
	if err := b.download(slot, im); err != nil {
		b.report(explore.Symptom{Rule: update.RuleProgress, Kind: "download-fails", Op: "download", Error: err.Error()}, "success", fmt.Sprintf("version %d of %d bytes: %v", im.Version, im.Size, err))
		return false
	}
	return b.runs(boot.Software, im, notInstalled) && b.idle(im)
}

// flaky is a flash of which one step fails again and again, without a power cut.
type flaky struct {
	*model.Flash
	at    uint64 // steps until it fails
	times int    // failures left
}

// failure is the error of a program that has done some bytes.
type failure struct {
	error
	done uint32
}

// Done is the number of bytes that were programmed.
func (f failure) Done() uint32 { return f.done }

var errFlaky = errors.New("edge: the device fails")

// Program programs as far as the device goes.
func (f *flaky) Program(addr uint32, p []byte) error {
	if n := uint64(len(p)) / uint64(f.PageSize()); f.times == 0 || f.at >= n {
		f.at -= min(f.at, n)
		return f.Flash.Program(addr, p)
	}
	done := uint32(f.at) * f.PageSize()
	if f.at > 0 {
		if err := f.Flash.Program(addr, p[:done]); err != nil {
			return err
		}
	}
	f.at = 0
	f.times--
	return failure{errFlaky, done}
}

// Erase erases sector by sector as far as the device goes.
func (f *flaky) Erase(addr, size uint32) error {
	for end := addr + size; addr < end; {
		if f.times > 0 && f.at == 0 {
			f.times--
			return errFlaky
		}
		n := f.SectorSize(addr)
		if err := f.Flash.Erase(addr, min(n, end-addr)); err != nil {
			return err
		}
		f.at -= min(f.at, 1)
		addr += n
	}
	return nil
}

package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"dualbank/bench/release"
	"dualbank/boot"
	"dualbank/boot/firmware"
	"dualbank/boot/layout"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/random"
)

// UpdateRun is what RunUpdate measured. Times are in core cycles.
type UpdateRun struct {
	Name     string // "driver mbed"
	Bytes    uint32 // of firmware
	Delta    uint32 // bytes of the delta that was downloaded; 0: the whole image was
	Version  uint64
	Slot     int // from which it was installed
	Phases   [phases]PhaseTime
	Link     boot.Transfer
	Restarts uint64 // after interruptions
	NextBoot uint64 // an ordinary boot of the new image, from the reset to the jump
	Counters model.Counters

	OnExternal bool              // the candidate is on external flash
	External   model.NORCounters // then of that flash

	began, ended uint64
	panes        []pane
	tracks       tracks
}

// Cycles returns the length of the whole update in core cycles.
func (u *UpdateRun) Cycles() uint64 { return u.ended - u.began }

// RunUpdate updates the device to its next release: download over the link into a candidate slot, whole or by
// a delta, verify, activate, reset, bootloader, first boot. KV must be open. The power fails u.Interruptions
// times during the download, which resumes; to external flash it begins anew. An update that does not end in the
// new firmware is an error; boot.ErrFirmwareTooLarge and kvstore.ErrMediaFull are wrapped. When ctx ends during
// the download, the error is ctx's. progress may be nil.
func (d *Device) RunUpdate(ctx context.Context, u *Update, seed uint64, progress func(done, total uint64)) (*UpdateRun, error) {
	f := d.Flash
	rng := random.New(seed)
	next := d.release + 1
	image := d.Releases.Image(next)
	run := &UpdateRun{Bytes: uint32(len(image)), Version: u.Version + uint64(d.release), OnExternal: d.Layout.BlockDevice}
	var id [16]byte
	random.New(seed ^ run.Version).Fill(id[:])
	campaign := boot.NewCampaign(run.Version, id, image)
	if u.Delta {
		var err error
		if campaign.Delta, err = d.Releases.Delta(next); err != nil {
			return nil, fmt.Errorf("delta: %w", err)
		}
		run.Delta = uint32(len(campaign.Delta))
	}

	run.began = f.Now()
	before, outside := f.Counters(), d.NORCounters()
	d.observe(run.tracks.observe)
	defer d.observe(nil)
	c := newClock(f, run)
	installed, err := d.download(ctx, u, run, c, campaign, rng, progress)
	if err != nil {
		return nil, err
	}
	if !installed {
		c.enter(PhaseReboot)
		o := d.reset(boot.Software, c)
		if o.Result != boot.Jumped || !o.Installed || o.Version != run.Version {
			return nil, fmt.Errorf("install: the bootloader ends in %v with version %d, not %d", o.Result, o.Version, run.Version)
		}
		run.Slot = o.Slot
	}
	c.enter(PhaseFirstBoot)
	if err := d.start(); err != nil {
		return nil, fmt.Errorf("first boot: %w", err)
	}
	c.enter(phases)
	run.ended = f.Now()
	run.Counters = f.Counters().Since(before)
	if run.OnExternal {
		run.External = d.NORCounters().Since(outside)
	}
	d.release = next

	d.observe(nil)
	began := f.Now()
	if o := d.reset(boot.Software, nil); o.Result != boot.Jumped || o.Version != run.Version || o.Slot >= 0 {
		return nil, fmt.Errorf("first boot: the boot after the update ends in %v, version %d", o.Result, o.Version)
	}
	run.NextBoot = f.Now() - began
	return run, nil
}

// observe calls fn after each operation of the internal flash, and of the external one if the candidate is there; nil
// ends it.
func (d *Device) observe(fn func(*model.Event)) {
	d.Flash.Observe(fn)
	if d.Layout.BlockDevice {
		d.nor.Observe(fn)
	}
}

// download runs the update client until the candidate is active, with a restart after each power cut.
// installed reports that a cut hit the activation and the restart installed the candidate already.
func (d *Device) download(ctx context.Context, u *Update, run *UpdateRun, c *clock, campaign *boot.Campaign, rng *random.Source, progress func(done, total uint64)) (installed bool, err error) {
	f := d.Flash
	client := d.client(boot.Generation(u.Client))
	left := u.Interruptions
	up := &boot.Updater{
		Store:     client,
		Link:      u.Link.boot(rng.Uint64()),
		Locations: d.Layout.Config.Locations,
		Journal:   journal{d.KV},
		Fragment:  u.Fragment,
		Pause:     max(time.Duration(u.Link.Resume), 1),
		Wait:      func(t time.Duration) { f.Wait(f.Cycles(t)) },
		Enter:     c.part,
		CPU:       f.CPU(),
		Progress: func(done, total uint32) error {
			if progress != nil {
				progress(uint64(done), uint64(total))
			}
			if nth := u.Interruptions - left + 1; left > 0 && uint64(done)*uint64(u.Interruptions+1) >= uint64(total)*uint64(nth) {
				left--
				f.Arm(model.Cut{Step: d.cutAt(u, campaign, done, rng), Mode: model.Torn, Seed: rng.Uint64()})
			}
			return ctx.Err()
		},
	}
	if campaign.Delta != nil {
		up.Base = &boot.ActiveImage{Flash: f, Config: d.Layout.Config}
	}
	for {
		err := up.Run(campaign)
		run.Link = up.Stats
		switch {
		case err == nil:
			f.Disarm()
			return false, nil
		case f.Off():
			c.enter(PhaseRestart)
			run.Restarts++
			d.ram = boot.RAM{}
			o := d.reset(boot.PowerOn, nil)
			if o.Result != boot.Jumped {
				return false, fmt.Errorf("download: after a power cut the bootloader ends in %v", o.Result)
			}
			if err := d.start(); err != nil {
				return false, fmt.Errorf("download: after a power cut: %w", err)
			}
			if o.Version == campaign.Version {
				run.Slot = o.Slot
				return true, nil
			}
			client.Reset()
		case errors.Is(err, boot.ErrFirmwareTooLarge):
			return false, fmt.Errorf("prepare: %d bytes of firmware: %w", len(campaign.Firmware), err)
		case err == ctx.Err():
			return false, err
		default:
			return false, fmt.Errorf("download: %w", err)
		}
	}
}

// cutAt draws the step of an interruption, counted from now: one of the next fragment's.
func (d *Device) cutAt(u *Update, campaign *boot.Campaign, done uint32, rng *random.Source) uint64 {
	if campaign.Delta != nil {
		return 0 // how many bytes the next part of a delta makes is not known
	}
	width := d.data.driver.ProgramWidth.Value
	if d.Layout.BlockDevice {
		width = d.nor.part.Page.Bytes
	}
	steps := min(u.Fragment, uint32(len(campaign.Firmware))-done) / width
	return rng.Uint64n(uint64(max(steps, 1)))
}

// client returns the storage side of a new update client.
func (d *Device) client(g boot.Generation) boot.Storage {
	if d.Layout.BlockDevice {
		return d.blockClient(g)
	}
	return boot.NewClient(d.Layout.Config, d.Flash, g, d.Flash.CPU())
}

// bootloader returns the bootloader as it is after a reset.
func (d *Device) bootloader() *boot.Bootloader {
	if d.Layout.BlockDevice {
		return boot.NewBlockBootloader(d.Layout.Config, d.Flash, d.Flash.CPU(), d.blockClient(boot.ClientNew))
	}
	return boot.NewBootloader(d.Layout.Config, d.Flash, d.Flash.CPU())
}

// reset resets the device and runs the bootloader. c may be nil.
func (d *Device) reset(why boot.ResetReason, c *clock) boot.Outcome {
	b := d.bootloader()
	restart := func() {
		d.Flash.Boot()
		d.Flash.Wait(d.startup)
	}
	b.Restart = restart
	if c != nil {
		b.Enter = c.part
		b.Restart = func() {
			c.enter(PhaseReboot)
			restart()
		}
	}
	restart()
	return b.Boot(why, &d.ram)
}

// start starts the application, which opens its store.
func (d *Device) start() error {
	d.Flash.Wait(d.startup)
	if err := d.KV.Open(); err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	return nil
}

// journalKey is the KVStore key of the update client's journal.
const journalKey = "update_in_progress"

// journal is a boot.Journal in a KVStore: one value of campaign id and slot number.
type journal struct{ store kvstore.Store }

// Load reads the journal. Without the key no download is in progress.
func (j journal) Load() (campaign [16]byte, slot uint32, ok bool) {
	var p [20]byte
	if n, err := j.store.Get(journalKey, p[:], 0); err != nil || n != len(p) {
		return campaign, 0, false
	}
	return [16]byte(p[:16]), binary.LittleEndian.Uint32(p[16:]), true
}

// Save records that slot is prepared for a campaign.
func (j journal) Save(campaign [16]byte, slot uint32) error {
	return j.store.Set(journalKey, binary.LittleEndian.AppendUint32(campaign[:], slot), 0)
}

// Clear removes the journal.
func (j journal) Clear() error {
	if err := j.store.Remove(journalKey); err != kvstore.ErrItemNotFound {
		return err
	}
	return nil
}

// releases reads the scenario's firmware files for a layout. An error names the key.
func (s *Scenario) releases(l *layout.Layout) (*release.Series, error) {
	u := &s.Update
	r := &release.Series{Seed: s.Seed, Base: l.Config.AppStart, Bytes: u.Bytes, Changed: u.Changed}
	for i, f := range []struct {
		key, name string
		file      []byte
	}{{"running", u.Running, u.RunningFile}, {"firmware", u.Firmware, u.FirmwareFile}} {
		if f.name == "" {
			continue
		}
		if f.file == nil {
			return nil, fmt.Errorf("update.%s: %s was not read: give the path of the scenario file", f.key, f.name)
		}
		image, err := firmware.Read(f.name, f.file, l.Config.AppStart, l.Config.MaxAppSize)
		if err != nil {
			return nil, fmt.Errorf("update.%s: %w", f.key, err)
		}
		r.Files[i] = image
	}
	return r, nil
}

// OpenTime opens the store as a boot does, in core cycles, and leaves it open.
func (d *Device) OpenTime() (cycles uint64, err error) {
	began := d.Flash.Now()
	if err := d.KV.Open(); err != nil {
		return 0, fmt.Errorf("opening the store: %w", err)
	}
	return d.Flash.Now() - began, nil
}

// Ready is the time from a reset to the application with its store open, in core cycles, when nothing is to be
// installed: start-up, bootloader, start-up of the application, store. It is measured on a copy of the device's
// state; the clock goes on.
func (d *Device) Ready() (cycles uint64, err error) {
	state := d.Snapshot()
	began := d.Flash.Now()
	d.reset(boot.Software, nil)
	if err := d.start(); err != nil {
		return 0, err
	}
	cycles = d.Flash.Now() - began
	d.Restore(state)
	return cycles, d.KV.Open()
}

package bench

import (
	"context"
	"crypto/sha256"
	"fmt"

	"dualbank/boot"
	"dualbank/model"
	"dualbank/results"
)

// The phases of an update as they are reported.
const (
	phasePrepare  = "prepare"  // the slot is erased
	phaseDownload = "download" // blocks come over the link and are programmed
	phaseVerify   = "verify"   // the stored image is read back and hashed, then made a candidate
	phaseInstall  = "install"  // the bootloader, from the reset to the jump
	phaseBoot     = "boot"     // the new application opens its store
)

// UpdateRun is what one update measured. Times are in core cycles.
type UpdateRun struct {
	Name     string // "driver mbed"
	Bytes    uint32
	Phases   []PhaseTime
	Boot     []PhaseTime // the bootloader's part, by the bootloader's own phases
	Repeats  uint64      // messages of the link that were sent again
	Resumes  uint64      // blocks that the client gave up and began anew
	NextBoot uint64      // an ordinary boot of the new image, checks included
	Counters model.Counters
	tracks   []spans
	began    uint64
}

// PhaseTime is one phase.
type PhaseTime struct {
	Name       string
	Start, End uint64
	Stall      uint64 // the application's code could not be fetched
	Masked     uint64 // interrupts were masked
}

// Cycles is the length of the whole update.
func (u *UpdateRun) Cycles() uint64 { return u.Phases[len(u.Phases)-1].End - u.began }

// clock cuts a run into phases.
type clock struct {
	f      *model.Flash
	phases *[]PhaseTime
	before model.Counters
	open   bool // the last phase goes on
}

// enter ends the phase that goes on and begins another one; "" begins none.
func (c *clock) enter(name string) {
	now := c.f.Counters()
	if c.open {
		p := &(*c.phases)[len(*c.phases)-1]
		p.End = c.f.Now()
		p.Stall, p.Masked = now.Stall-c.before.Stall, now.Masked-c.before.Masked
	}
	if c.open = name != ""; c.open {
		*c.phases = append(*c.phases, PhaseTime{Name: name, Start: c.f.Now()})
	}
	c.before = now
}

// RunUpdate updates the device: download over the link into the candidate slot, verify, activate,
// reset, bootloader, first boot. An update that does not end in the new firmware is an error. When ctx
// ends in between, the error is ctx's.
func (d *Device) RunUpdate(ctx context.Context, u *Update, seed uint64, progress func(done, total uint64)) (*UpdateRun, error) {
	run := &UpdateRun{Bytes: u.Bytes, began: d.Flash.Now()}
	before := d.Flash.Counters()
	d.Flash.Observe(run.observe)
	defer d.Flash.Observe(nil)

	c := clock{f: d.Flash, phases: &run.Phases}
	firmware := make([]byte, u.Bytes)
	rng := model.NewRand(seed)
	rng.Fill(firmware)
	details := &boot.Details{Version: u.Version, Size: uint64(u.Bytes), Hash: sha256.Sum256(firmware)}
	rng.Fill(details.Campaign[:])
	if err := d.download(ctx, u, run, &c, firmware, details, rng.Uint64(), progress); err != nil {
		return nil, err
	}
	if err := d.install(run, &c, u.Version); err != nil {
		return nil, err
	}
	c.enter(phaseBoot)
	if err := d.Store.Open(); err != nil {
		return nil, fmt.Errorf("boot: opening the store: %w", err)
	}
	c.enter("")
	run.Counters = since(d.Flash.Counters(), before)

	d.Flash.Observe(nil)
	began := d.Flash.Now()
	if o := d.reset(nil); o.Result != boot.Jumped || o.Version != u.Version || o.Slot >= 0 {
		return nil, fmt.Errorf("boot: the boot after the update ends in %v, version %d", o.Result, o.Version)
	}
	run.NextBoot = d.Flash.Now() - began
	return run, nil
}

// download is the update client's part.
func (d *Device) download(ctx context.Context, u *Update, run *UpdateRun, c *clock, firmware []byte, details *boot.Details, seed uint64, progress func(done, total uint64)) error {
	f := d.Flash
	client := boot.NewClient(d.Layout.Config, f, boot.Generation(u.Client), f.CPU())
	c.enter(phasePrepare)
	if err := client.Prepare(0, details); err != nil {
		return fmt.Errorf("prepare: %d bytes of firmware: %w", u.Bytes, err)
	}

	c.enter(phaseDownload)
	link := newChannel(u.Link, seed)
	total := uint64(len(firmware))
	fragment := make([]byte, u.Fragment)
	for at := uint64(0); at < total; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if progress != nil {
			progress(at, total)
		}
		block := min(uint64(u.Link.Block), total-at)
		f.Wait(f.Cycles(link.fetch(uint32(block))))
		for end := at + block; at < end; {
			n := copy(fragment, firmware[at:min(at+uint64(u.Fragment), end)])
			for i := n; i < len(fragment); i++ {
				fragment[i] = 0xFF
			}
			if err := client.Write(0, uint32(at), fragment[:n]); err != nil {
				return fmt.Errorf("download: writing %d bytes at offset %d: %w", n, at, err)
			}
			at += uint64(n)
		}
	}
	run.Repeats, run.Resumes = link.repeats, link.resumes
	if err := client.Finalize(0); err != nil {
		return fmt.Errorf("finalize: %w", err)
	}

	c.enter(phaseVerify)
	digest := sha256.New()
	for at := uint64(0); at < total; at += uint64(u.Fragment) {
		p := fragment[:min(uint64(u.Fragment), total-at)]
		if err := client.Read(0, uint32(at), p); err != nil {
			return fmt.Errorf("verify: reading %d bytes at offset %d: %w", len(p), at, err)
		}
		digest.Write(p)
		f.CPU().SHA256(len(p))
	}
	if got := [32]byte(digest.Sum(nil)); got != details.Hash {
		return fmt.Errorf("verify: the stored image has the hash %x, not %x", got, details.Hash)
	}
	if err := client.Activate(0); err != nil {
		return fmt.Errorf("activate: %w", err)
	}
	return nil
}

// install is the bootloader's part.
func (d *Device) install(run *UpdateRun, c *clock, version uint64) error {
	c.enter(phaseInstall)
	inner := clock{f: d.Flash, phases: &run.Boot}
	o := d.reset(func(p boot.Phase) {
		if p == boot.Done {
			p = ""
		}
		inner.enter(string(p))
	})
	if o.Result != boot.Jumped || !o.Installed || o.Version != version {
		return fmt.Errorf("install: the bootloader ends in %v with version %d, not %d", o.Result, o.Version, version)
	}
	return nil
}

// reset is a software reset and what the bootloader does then.
func (d *Device) reset(enter func(boot.Phase)) boot.Outcome {
	d.Flash.Boot()
	b := boot.NewBootloader(d.Layout.Config, d.Flash, d.Flash.CPU())
	b.Enter = enter
	return b.Boot(boot.Software, &d.ram)
}

// Record is the update as a report shows it.
func (u *UpdateRun) Record(f *model.Flash) results.UpdateTime {
	r := results.UpdateTime{Name: u.Name, Size: u.Bytes}
	for _, p := range u.Phases {
		r.Phases = append(r.Phases, results.Phase{
			Name: p.Name, Seconds: f.Seconds(p.End - p.Start), Stall: f.Seconds(p.Stall), Masked: f.Seconds(p.Masked),
		})
	}
	return r
}

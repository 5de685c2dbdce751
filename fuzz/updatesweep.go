package fuzz

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"dualbank/boot"
	"dualbank/model"
	"dualbank/model/random"
	"dualbank/results"
)

// UpdateSweep cuts the power during the download and the install of a firmware update.
type UpdateSweep struct {
	Device  Device
	Boot    boot.Config
	Client  boot.Generation
	Old     uint32 // bytes of the firmware that runs before, version 1
	New     uint32 // bytes of the update, version 2
	Seed    uint64
	Bad     BadCandidate
	Modes   []string // names of modes; nil: before, after, torn
	Deep    int      // so many of the first cuts are followed by a cut at every step of the boot after it
	MaxCuts uint64   // 0: every step; else steps are drawn so that about this many cuts result
	Workers int      // 0: one for each processor
	plain   bool     // judge everything anew, for comparison
	Journal string   // file that keeps what is explored; a sweep that was stopped goes on from it. "": none
}

// identity is what the outcome depends on, for a journal.
func (c *UpdateSweep) identity() any {
	return []any{"update", c.Device, c.Boot, c.Client, c.Old, c.New, c.Seed, c.Bad, c.Modes, c.MaxCuts, c.Deep}
}

// BadCandidate is what is wrong with the update that is downloaded. A bad one must never run.
type BadCandidate string

// The kinds of candidates.
const (
	GoodCandidate  BadCandidate = ""
	BadHash        BadCandidate = "hash"         // the header's hash is not that of the firmware
	OlderVersion   BadCandidate = "older"        // version 0, where 1 runs
	SameVersion    BadCandidate = "same version" // version 1, where 1 runs
	EmptyCandidate BadCandidate = "empty"        // the header says 0 bytes
	TruncatedSize  BadCandidate = "truncated"    // the header says one byte less than the hash is of
)

// spoil gives im the fault.
func (b BadCandidate) spoil(im *image) error {
	switch b {
	case GoodCandidate:
	case BadHash:
		im.Hash[31] ^= 1
	case OlderVersion:
		im.Version = 0
	case SameVersion:
		im.Version = 1
	case EmptyCandidate:
		im.Size = 0
	case TruncatedSize:
		im.Size--
	default:
		return fmt.Errorf("bad: candidate %q is unknown: use %q, %q, %q, %q or %q", b, BadHash, OlderVersion, SameVersion, EmptyCandidate, TruncatedSize)
	}
	return nil
}

// The operations of an update, in the order of the recording.
const (
	opPrepare = iota
	opWrite
	opActivate
	opInstall
	updateOps
)

var updateOpNames = [updateOps]string{"download: prepare", "download: write", "download: activate", "install"}

// slotZero is the slot that the sweep updates through.
const slotZero = 0

// image is a firmware image with what its header says.
type image struct {
	boot.Details
	bytes []byte
}

func newImage(version uint64, size uint32, seed uint64) *image {
	im := &image{bytes: make([]byte, size)}
	r := random.New(seed ^ version)
	r.Fill(im.bytes)
	im.Version, im.Size, im.Hash = version, uint64(size), sha256.Sum256(im.bytes)
	r.Fill(im.Campaign[:])
	return im
}

// updateRun is a recorded update.
type updateRun struct {
	cfg    *UpdateSweep
	old    *image
	new    *image
	images []*image // all that may ever run
	rec    *recording
	slot   boot.Slot
	inside [2]span // where client and bootloader may write
	// recovery: the recording is of the boot after a cut, and not of the update.
	recovery bool
}

// span is a range of addresses, end excluded.
type span struct{ from, to uint32 }

func (s span) holds(addr, size uint32) bool { return addr >= s.from && addr+size <= s.to }

// SweepUpdate runs the sweep. When ctx ends, it returns what was explored until then together with
// ctx's error. The result is a function of c, whatever the number of workers.
func SweepUpdate(ctx context.Context, c UpdateSweep, progress func(done, total uint64)) (*Sweep, error) {
	modes, err := parseModes(c.Modes)
	if err != nil {
		return nil, err
	}
	run, err := recordUpdate(&c)
	if err != nil {
		return nil, err
	}
	s := &Sweep{Map: results.CutMap{Name: fmt.Sprintf("update of %d KiB, %v client, %v", (c.New+1023)/1024, c.Client, &c.Device)}}
	for i, name := range updateOpNames {
		s.Map.Marks = append(s.Map.Marks, results.Span{Name: name, Start: float64(run.rec.ops[i]), End: float64(run.rec.ops[i+1]), Share: 1})
	}
	x := run.exploration(modes)
	g := newGroups()
	err = x.sweep(ctx, s, g, c.MaxCuts, c.Journal, c.identity(), progress)
	s.Findings = g.findings(func(f *Finding, at CutCase) { run.describe(f, at, nil) })
	for i := 0; i < c.Deep && err == nil; i++ {
		// Spread over the run, so that every part of it is followed by recoveries.
		step := x.steps[(2*i+1)*len(x.steps)/(2*c.Deep)]
		err = run.deeper(ctx, s, step, i%len(modes), modes)
	}
	slices.SortStableFunc(s.Findings, graver)
	return s, err
}

func (run *updateRun) exploration(modes []model.Mode) *exploration {
	return &exploration{
		chunk: chunkSteps,
		plain: run.cfg.plain,
		rec:   run.rec, modes: modes, seed: run.cfg.Seed, workers: run.cfg.Workers,
		newFlash: run.cfg.Device.flash,
		newJudge: func(f *model.Flash) (judge, error) { return newUpdateJudge(run, f), nil },
		where:    func(_ Violation, step uint64) Place { return run.place(step) },
	}
}

// deeper sweeps every step of the boot that follows one cut.
func (run *updateRun) deeper(ctx context.Context, s *Sweep, step uint64, m int, modes []model.Mode) error {
	f, err := run.cfg.Device.flash()
	if err != nil {
		return err
	}
	f.Restore(run.rec.start)
	if err := run.rec.do(f, 0, step); err != nil {
		return err
	}
	first := CutCase{Op: run.rec.op(step), Mode: modes[m].String(), Seed: cutSeed(run.cfg.Seed, step, m)}
	first.Step = step - run.rec.ops[first.Op]
	f.Arm(model.Cut{Mode: modes[m], Seed: first.Seed})
	if err := run.rec.do(f, step, step+1); !f.Off() {
		return fmt.Errorf("fuzz: the cut at step %d did not hit: %w", step, err)
	}
	f.Boot()
	again := *run
	again.rec = record(f)
	again.rec.operation()
	loader := boot.NewBootloader(run.cfg.Boot, f, nil)
	loader.Boot(boot.PowerOn, new(boot.RAM))
	again.rec.operation()
	if again.rec.steps == 0 {
		return nil
	}
	again.recovery = true
	g := newGroups()
	second := &Sweep{}
	x := again.exploration(modes)
	err = x.sweep(ctx, second, g, 0, "", nil, nil)
	s.Stats.add(second.Stats)
	found := g.findings(func(f *Finding, at CutCase) { again.describe(f, first, &at) })
	for _, f := range found {
		if !slices.ContainsFunc(s.Findings, func(o Finding) bool { return o.ID == f.ID }) {
			s.Findings = append(s.Findings, f)
		}
	}
	return err
}

func (run *updateRun) describe(f *Finding, at CutCase, then *CutCase) {
	c := run.cfg
	f.Subject = "update"
	f.Update = &UpdateCase{
		Device: c.Device, Boot: c.Boot, Client: c.Client.String(), Old: c.Old, New: c.New, Seed: c.Seed, Bad: c.Bad, Cut: at, Then: then,
	}
}

// newUpdateRun prepares a device with the old firmware running.
func newUpdateRun(c *UpdateSweep) (*updateRun, *model.Flash, error) {
	f, err := c.Device.flash()
	if err != nil {
		return nil, nil, err
	}
	run, err := c.run(f)
	return run, f, err
}

// run prepares the device on f.
func (c *UpdateSweep) run(f *model.Flash) (*updateRun, error) {
	if c.Boot.Locations == 0 {
		return nil, fmt.Errorf("boot.Locations: is 0: an update needs a slot")
	}
	if c.Old == 0 || c.New == 0 || c.Old > c.Boot.MaxAppSize || c.New > c.Boot.MaxAppSize {
		return nil, fmt.Errorf("firmware of %d and %d bytes: both must be from 1 byte to the %d that the application may have", c.Old, c.New, c.Boot.MaxAppSize)
	}
	slots, ok := boot.Slots(f, &c.Boot)
	if !ok {
		return nil, fmt.Errorf("candidate storage 0x%08X+0x%X does not lie in the flash", c.Boot.StorageAddr, c.Boot.StorageSize)
	}
	run := &updateRun{cfg: c, old: newImage(1, c.Old, c.Seed), new: newImage(2, c.New, c.Seed), slot: slots[slotZero]}
	if err := c.Bad.spoil(run.new); err != nil {
		return nil, err
	}
	run.images = []*image{run.old, run.new}
	run.inside[0] = span{c.Boot.StorageAddr, c.Boot.StorageAddr + c.Boot.StorageSize}
	run.inside[1] = span{sectorStart(f, c.Boot.Details), c.Boot.AppStart + c.Boot.MaxAppSize}

	// Everything that no update may touch holds something, as it does on a device.
	fill := make([]byte, 4096)
	r := random.New(c.Seed ^ 0xF111)
	for addr := f.Start(); addr < f.Start()+f.Size(); addr += uint32(len(fill)) {
		n := uint32(len(fill))
		if !run.inside[0].holds(addr, n) && !run.inside[1].holds(addr, n) {
			r.Fill(fill)
			f.Poke(addr, fill)
		}
	}
	header := make([]byte, boot.HeaderSize)
	boot.EncodeHeader(header, &run.old.Details)
	if !f.Poke(c.Boot.Details, header) || !f.Poke(c.Boot.AppStart, run.old.bytes) {
		return nil, fmt.Errorf("application 0x%08X+0x%X does not lie in the flash", c.Boot.AppStart, c.Old)
	}
	return run, nil
}

// sectorStart is the start of the sector that holds addr.
func sectorStart(f *model.Flash, addr uint32) uint32 {
	at := f.Start()
	for size := f.SectorSize(at); at+size <= addr; size = f.SectorSize(at) {
		at += size
	}
	return at
}

// recordUpdate runs the update once, undisturbed.
func recordUpdate(c *UpdateSweep) (*updateRun, error) {
	run, f, err := newUpdateRun(c)
	if err != nil {
		return nil, err
	}
	run.rec = record(f)
	client := boot.NewClient(c.Boot, f, c.Client, nil)
	loader := boot.NewBootloader(c.Boot, f, nil)
	for op := range updateOps {
		run.rec.operation()
		if err := run.do(client, loader, op); err != nil {
			return nil, fmt.Errorf("the update fails without any cut, in %s: %w", updateOpNames[op], err)
		}
	}
	run.rec.operation()
	f.Observe(nil)
	return run, nil
}

// do performs one operation of the update.
func (run *updateRun) do(client *boot.Client, loader *boot.Bootloader, op int) error {
	return run.doIn(client, loader, op, slotZero)
}

func (run *updateRun) doIn(client *boot.Client, loader *boot.Bootloader, op int, slot uint32) error {
	switch op {
	case opPrepare:
		return client.Prepare(slot, &run.new.Details)
	case opWrite:
		fragment := make([]byte, boot.Fragment)
		for off := 0; off < len(run.new.bytes); off += boot.Fragment {
			n := copy(fragment, run.new.bytes[off:])
			for i := n; i < len(fragment); i++ {
				fragment[i] = 0xFF // the last fragment is padded up to the page from here
			}
			if err := client.Write(slot, uint32(off), fragment[:n]); err != nil {
				return err
			}
		}
		return nil
	case opActivate:
		if err := client.Finalize(slot); err != nil {
			return err
		}
		return client.Activate(slot)
	default:
		out := loader.Boot(boot.Software, new(boot.RAM))
		want := run.new.Version
		if run.cfg.Bad != GoodCandidate {
			want = run.old.Version
		}
		if out.Result != boot.Jumped || out.Version != want {
			return fmt.Errorf("the boot ends with %v, version %d", out.Result, out.Version)
		}
		return nil
	}
}

// place says what the step changes.
func (run *updateRun) place(step uint64) Place {
	c := &run.rec.calls[run.rec.at(step)]
	p := Place{Op: "recovery"}
	if !run.recovery {
		p.Op = updateOpNames[run.rec.op(step)]
	}
	b := &run.cfg.Boot
	switch {
	case c.kind == model.Erase && run.inside[0].holds(c.addr, c.size):
		p.Part = "erase in the slot"
	case c.kind == model.Erase:
		p.Part = "erase of the active image"
	case c.addr >= b.Details && c.addr < b.Details+boot.HeaderSize:
		p.Part = "active header"
	case run.inside[1].holds(c.addr, c.size):
		p.Part = "active application"
	case c.addr == run.slot.Addr:
		p.Part = "candidate header"
	default:
		p.Part = "candidate firmware"
	}
	return p
}

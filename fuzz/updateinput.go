package fuzz

import (
	"fmt"
	"strings"

	"dualbank/boot"
	"dualbank/model"
	"dualbank/model/random"
)

// UpdateInput is the life of a device that a fuzzer chose byte by byte: downloads of good and bad
// candidates, resets of all kinds, and cuts in any of them.
type UpdateInput struct {
	Device Device
	Boot   boot.Config
	Client boot.Generation
	Steps  []UpdateStep
}

// UpdateStep is one event of it.
type UpdateStep struct {
	Download bool // else a reset
	Slot     uint32
	Version  uint64
	Size     uint32
	Bad      BadCandidate
	Leave    bool             // the candidate is not activated
	Reason   boot.ResetReason // of the reset
	RAM      uint64           // seed of what a power cycle leaves in RAM
	Fault
	Then []Fault // in the boots that follow Fault, one after the other
}

// inputLayouts are small, so that a life is short: sectors of 2 KiB and 8-byte pages as on an STM32L4, and
// 1-byte pages over mixed sectors as on an STM32F4, with one slot and with three.
var inputLayouts = []struct {
	device Device
	boot   boot.Config
}{
	{Device{Sectors: "32x2K", Start: 0x08000000, Unit: 8}, boot.Config{
		Details: 0x08002000, AppStart: 0x08002800, MaxAppSize: 0x3800, StorageAddr: 0x08008000, StorageSize: 0x6000, Locations: 1, StoragePage: 8,
	}},
	{Device{Sectors: "32x2K", Start: 0x08000000, Unit: 8}, boot.Config{
		Details: 0x08002000, AppStart: 0x08002400, MaxAppSize: 0x3C00, StorageAddr: 0x08008000, StorageSize: 0x6000, Locations: 3, StoragePage: 8,
	}},
	{Device{Sectors: "4x2K+1x8K+3x16K", Start: 0x08000000, Unit: 1}, boot.Config{
		Details: 0x08001000, AppStart: 0x08001400, MaxAppSize: 0x6C00, StorageAddr: 0x08008000, StorageSize: 0x8000, Locations: 1, StoragePage: 1,
	}},
}

// DecodeUpdate reads an input from bytes. Every string of bytes is a life.
func DecodeUpdate(data []byte) *UpdateInput { return decodeUpdate(&choices{data: data}) }

func decodeUpdate(c *choices) *UpdateInput {
	l := inputLayouts[c.of(len(inputLayouts))]
	in := &UpdateInput{Device: l.device, Boot: l.boot, Client: boot.Generation(c.next() & 1)}
	in.Boot.BootRetries, in.Boot.CopyRetries, in.Boot.ResetReason = 3, uint32(1+c.of(2)), c.of(4) > 0
	bad := []BadCandidate{GoodCandidate, GoodCandidate, GoodCandidate, BadHash, EmptyCandidate, TruncatedSize}
	for len(in.Steps) < 40 && c.more() {
		s := UpdateStep{Download: c.next()&1 == 0}
		if s.Fault = c.fault(updateModes); s.Mode != nil {
			s.At += uint64(c.of(4)) << 11
			s.Then = c.recovery(updateModes[2:])
		}
		if s.Download {
			s.Slot = uint32(c.next()) % l.boot.Locations
			s.Version = uint64(c.of(16))
			s.Size = uint32(c.next())*16 + uint32(c.of(16)) + 1
			s.Bad = bad[c.of(len(bad))]
			// What the older client leaves so is installed: known (docs/findings.md, 13).
			s.Leave = c.of(4) == 3 && in.Client == boot.ClientNew
		} else {
			s.Reason = boot.ResetReason(c.of(int(boot.Unknown) + 1))
			s.RAM = uint64(c.next())
		}
		in.Steps = append(in.Steps, s)
	}
	return in
}

var updateModes = []model.Mode{nil, nil, model.Before, model.After, model.Torn, model.Prefix}

// run lives the life. After every boot, what runs must be a complete image that somebody made for
// this device, good, and no older than what ran before; at the end the device must boot.
func (in *UpdateInput) run(o *outcome) error {
	cfg := &UpdateSweep{Device: in.Device, Boot: in.Boot, Client: in.Client, Old: firstImage, New: firstImage, Seed: 1}
	cfg.Boot.Defects = o.planted.Boot
	run, f, err := newUpdateRun(cfg)
	if err != nil {
		return err
	}
	run.images = []*image{run.old}
	l := &updateTrial{updateJudge: newUpdateJudge(run, f), in: in, o: o, running: run.old}
	f.Observe(l.watch)
	defer f.Observe(nil)
	for i := range in.Steps {
		s := &in.Steps[i]
		sound := l.live(s)
		l.visited(s, sound)
		if l.note(s.place()); !sound {
			return nil
		}
	}
	if l.running == nil {
		l.take()
		l.boot(" at the end")
		l.note(Place{Op: "end of the life", Part: "without a fault"})
	}
	return nil
}

// updateTrial is a device that a life is tried on.
type updateTrial struct {
	*updateJudge
	in      *UpdateInput
	o       *outcome
	running *image // nil: nothing, which is a violation only at the end
}

func (l *updateTrial) note(at Place) {
	l.o.note(l.bad, at)
	l.bad = l.bad[:0]
}

func (l *updateTrial) take() { l.o.take(l.f, l.f.Start(), l.f.Size()) }

// place is where a step is, for a finding.
func (s *UpdateStep) place() Place {
	p := Place{Op: "download", Part: "without a fault"}
	if !s.Download {
		p.Op = "reset"
	}
	if s.Mode != nil {
		p.Part = "fault " + s.Mode.String()
		if len(s.Then) > 0 {
			p.Part += " and another in the boot after it"
		}
	}
	return p
}

// live lives through a step. sound is false where nothing more can be learned from the life.
func (l *updateTrial) live(s *UpdateStep) (sound bool) {
	if s.Mode != nil {
		l.f.Arm(s.cut(s.RAM))
	}
	if s.Download {
		l.in.download(l.updateJudge, s)
	} else {
		if s.Reason == boot.PowerOn {
			l.scramble(s.RAM)
		}
		if !l.reset(s.Reason) {
			return false
		}
	}
	for i := 0; l.f.Off(); i++ {
		l.o.hits(s.Mode)
		l.take()
		l.f.Boot()
		l.scramble(s.At + uint64(i))
		l.client.Reset()
		if i < len(s.Then) {
			l.f.Arm(s.Then[i].cut(s.At))
		}
		if !l.reset(boot.PowerOn) {
			return false
		}
	}
	l.f.Disarm()
	return true
}

// reset boots once and looks at what runs.
func (l *updateTrial) reset(reason boot.ResetReason) (sound bool) {
	now, ok := l.in.reset(l.updateJudge, reason, l.running)
	if !ok {
		return false
	}
	if now != nil {
		l.o.interesting = l.o.interesting || now != l.running
	}
	switch {
	case !l.f.Off():
		l.running = now
	case reason >= boot.Watchdog || !l.in.Boot.ResetReason:
		l.running = nil // the boot that was cut may have given the newer one up
	}
	return true
}

// scramble leaves what a power cycle leaves in RAM: anything.
func (j *updateJudge) scramble(seed uint64) {
	r := random.New(seed)
	j.ram.Version, j.ram.Counter = r.Uint64()%16, uint8(r.Uint64())
}

// download puts a candidate into a slot, as far as it comes.
func (in *UpdateInput) download(j *updateJudge, s *UpdateStep) {
	im := newImage(s.Version, s.Size, uint64(s.Size)<<8|s.Version)
	if s.Bad.spoil(im) == nil && s.Bad == GoodCandidate && im.Version > 0 && !s.Leave {
		j.run.images = append(j.run.images, im)
	}
	j.inside = &j.run.inside[0]
	j.run.new = im
	j.client.Reset()
	for op := opPrepare; op < opInstall && (op < opActivate || !s.Leave); op++ {
		if j.run.doIn(j.client, j.loader, op, s.Slot) != nil {
			return // refused, or the power is gone: what was there before is gone, too
		}
	}
}

// reset boots once and looks at what runs: nil if nothing does, which is a violation only at the end.
func (in *UpdateInput) reset(j *updateJudge, reason boot.ResetReason, before *image) (now *image, ok bool) {
	j.inside = &j.run.inside[1]
	out := j.loader.Boot(reason, &j.ram)
	if out.Result != boot.Jumped {
		return nil, true
	}
	j.client.Reset()
	now = j.running("")
	if now == nil {
		return nil, false
	}
	// An older one may run where the newer one has been given up after too many boots.
	if before != nil && now.Version < before.Version && reason < boot.Watchdog && in.Boot.ResetReason {
		j.report(RuleNoOlder, "an older version runs than before", fmt.Sprintf("version %d or later", before.Version), fmt.Sprintf("version %d", now.Version))
		return nil, false
	}
	return now, true
}

func (in *UpdateInput) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v, %v client, %+v\n", &in.Device, in.Client, in.Boot)
	for i := range in.Steps {
		s := &in.Steps[i]
		if s.Download {
			fmt.Fprintf(&b, "%4d download version %d, %d bytes, to slot %d", i, s.Version, s.Size, s.Slot)
			if s.Bad != GoodCandidate {
				fmt.Fprintf(&b, ", bad: %s", s.Bad)
			}
			if s.Leave {
				b.WriteString(", not activated")
			}
		} else {
			fmt.Fprintf(&b, "%4d reset, %v, RAM %d", i, s.Reason, s.RAM)
		}
		tell(&b, s.Fault, s.Then)
	}
	return b.String()
}

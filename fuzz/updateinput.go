package fuzz

import (
	"fmt"
	"strings"

	"dualbank/boot"
	"dualbank/model"
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
	Reason   boot.ResetReason // of the reset
	RAM      uint64           // seed of what a power cycle leaves in RAM
	Fault    model.Mode       // nil: none
	At       uint64           // steps that complete before the fault
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
func DecodeUpdate(data []byte) UpdateInput {
	next := func() int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b)
	}
	l := inputLayouts[next()%len(inputLayouts)]
	in := UpdateInput{Device: l.device, Boot: l.boot, Client: boot.Generation(next() & 1)}
	in.Boot.BootRetries, in.Boot.CopyRetries, in.Boot.ResetReason = 3, uint32(1+next()%2), next()%4 > 0
	bad := []BadCandidate{GoodCandidate, GoodCandidate, GoodCandidate, BadHash, EmptyCandidate, TruncatedSize}
	modes := []model.Mode{nil, nil, model.Before, model.After, model.Torn, model.Prefix}
	for len(data) > 0 && len(in.Steps) < 40 {
		s := UpdateStep{Download: next()&1 == 0, Fault: modes[next()%len(modes)]}
		if s.Fault != nil {
			s.At = uint64(next()) | uint64(next()%32)<<8
		}
		if s.Download {
			s.Slot = uint32(next()) % l.boot.Locations
			s.Version = uint64(next() % 16)
			s.Size = uint32(next())*16 + uint32(next()%16) + 1
			s.Bad = bad[next()%len(bad)]
		} else {
			s.Reason = boot.ResetReason(next() % (int(boot.Unknown) + 1))
			s.RAM = uint64(next())
		}
		in.Steps = append(in.Steps, s)
	}
	return in
}

// Run lives the life. After every boot, what runs must be a complete image that somebody made for
// this device, good, and no older than what ran before; at the end the device must boot.
func (in *UpdateInput) Run() (bad []Violation, interesting bool, err error) {
	cfg := &UpdateSweep{Device: in.Device, Boot: in.Boot, Client: in.Client, Old: 900, New: 900, Seed: 1}
	run, f, err := newUpdateRun(cfg)
	if err != nil {
		return nil, false, err
	}
	run.images = []*image{run.old}
	j := newUpdateJudge(run, f)
	f.Observe(j.watch)
	defer f.Observe(nil)
	running := run.old
	reason := boot.PowerOn
	for i := range in.Steps {
		s := &in.Steps[i]
		if s.Fault != nil {
			f.Arm(model.Cut{Step: s.At, Mode: s.Fault, Seed: s.At ^ s.RAM<<32})
		}
		if s.Download {
			in.download(j, s)
		} else {
			if reason = s.Reason; reason == boot.PowerOn {
				j.scramble(s.RAM)
			}
			now, ok := in.reset(j, reason, running)
			if !ok {
				return j.bad, true, nil
			}
			interesting = interesting || now != running
			running = now
		}
		f.Disarm()
		if f.Off() {
			interesting = true
			f.Boot()
			j.scramble(s.At)
			j.client.Reset()
			now, ok := in.reset(j, boot.PowerOn, running)
			if !ok {
				return j.bad, true, nil
			}
			running = now
		}
	}
	if running == nil {
		j.boot(" at the end")
	}
	return j.bad, interesting, nil
}

// scramble leaves what a power cycle leaves in RAM: anything.
func (j *updateJudge) scramble(seed uint64) {
	r := model.NewRand(seed)
	j.ram.Version, j.ram.Counter = r.Uint64()%16, uint8(r.Uint64())
}

// download puts a candidate into a slot, as far as it comes.
func (in *UpdateInput) download(j *updateJudge, s *UpdateStep) {
	im := newImage(s.Version, s.Size, uint64(s.Size)<<8|s.Version)
	if s.Bad.spoil(im) == nil && s.Bad == GoodCandidate && im.Version > 0 {
		j.run.images = append(j.run.images, im)
	}
	j.inside = &j.run.inside[0]
	j.run.new = im
	j.client.Reset()
	for op := opPrepare; op < opInstall; op++ {
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

// RunUpdateInput is the body of the guided search for both engines, as RunInput is for the KVStore.
func RunUpdateInput(data []byte, strict bool) int {
	in := DecodeUpdate(data)
	bad, interesting, err := in.Run()
	if err != nil {
		panic(err)
	}
	if strict && len(bad) > 0 {
		v := bad[0]
		panic(fmt.Sprintf("rule %d is broken: %s: expected %s, seen %s\n%v", v.Rule, v.Symptom, v.Expected, v.Seen, &in))
	}
	if interesting || len(bad) > 0 {
		return 1
	}
	return 0
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
		} else {
			fmt.Fprintf(&b, "%4d reset, %v, RAM %d", i, s.Reason, s.RAM)
		}
		if s.Fault != nil {
			fmt.Fprintf(&b, "; %v after %d steps", s.Fault, s.At)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

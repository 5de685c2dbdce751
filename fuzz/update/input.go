package update

import (
	"fmt"
	"io"
	"strings"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/model"
	"dualbank/results/unit"
)

func init() { replays[JudgeWalk] = replayWalk }

// Target is the body of the guided search for updates.
var Target = explore.Target{Name: "FuzzUpdate", Subject: SubjectName, Decode: func(c *explore.Choices) explore.Input { return decode(c) }}

// Input is a run of downloads and resets with power cuts anywhere in it.
type Input struct {
	c        Case
	software Software
}

// inputLayouts are small, so that a run is short: sectors of 2 KiB and 8-byte pages as on an STM32L4, and
// 1-byte pages over mixed sectors as on an STM32F4, with one slot and with three.
var inputLayouts = []struct {
	device explore.Device
	boot   boot.Config
}{
	{explore.Device{Sectors: "32x2K", Start: 0x08000000, Unit: 8}, boot.Config{
		Details: 0x08002000, AppStart: 0x08002800, MaxAppSize: 0x3800, StorageAddr: 0x08008000, StorageSize: 0x6000, Locations: 1, StoragePage: 8,
	}},
	{explore.Device{Sectors: "32x2K", Start: 0x08000000, Unit: 8}, boot.Config{
		Details: 0x08002000, AppStart: 0x08002400, MaxAppSize: 0x3C00, StorageAddr: 0x08008000, StorageSize: 0x6000, Locations: 3, StoragePage: 8,
	}},
	{explore.Device{Sectors: "4x2K+1x8K+3x16K", Start: 0x08000000, Unit: 1}, boot.Config{
		Details: 0x08001000, AppStart: 0x08001400, MaxAppSize: 0x6C00, StorageAddr: 0x08008000, StorageSize: 0x8000, Locations: 1, StoragePage: 1,
	}},
}

// inputModes are those of cuts that leave cells which keep what they read as.
var inputModes = []model.Mode{nil, nil, model.Before, model.After, model.Torn, model.Prefix}

// decode reads a run from bytes. Any bytes are a run.
func decode(c *explore.Choices) *Input {
	l := inputLayouts[c.Of(len(inputLayouts))]
	client := boot.Generation(c.Next() & 1)
	in := &Input{c: Case{On: l.device, Boot: l.boot, Client: client.String(), Seed: 1, First: firstImage, Judge: JudgeWalk}}
	in.c.Boot.BootRetries, in.c.Boot.CopyRetries, in.c.Boot.ResetReason = 3, uint32(1+c.Of(2)), c.Of(4) > 0
	bad := []BadCandidate{GoodCandidate, GoodCandidate, GoodCandidate, BadHash, EmptyCandidate, TruncatedSize}
	for len(in.c.Steps) < 40 && c.More() {
		s := Step{Do: Reset}
		if c.Next()&1 == 0 {
			s.Do = Download
		}
		if s.Fault = c.Fault(inputModes); s.Fault.Mode != nil {
			s.Fault.At += uint64(c.Of(4)) << 11
			s.Then = c.Recovery(inputModes[2:])
		}
		if s.Do == Download {
			s.Slot = uint32(c.Next()) % l.boot.Locations
			s.Version = uint64(c.Of(16))
			s.Size = uint32(c.Next())*16 + uint32(c.Of(16)) + 1
			s.Seed = uint64(s.Size)<<8 | s.Version
			s.Bad = bad[c.Of(len(bad))]
			s.Left = c.Of(4) == 3
		} else {
			s.Reason = boot.ResetReason(c.Of(int(boot.Unknown) + 1))
			s.RAM = uint64(c.Next())
		}
		s.seedFaults()
		in.c.Steps = append(in.c.Steps, s)
	}
	return in
}

// seedFaults derives the seeds of a step's faults, and keeps the seed of RAM where it matters.
func (s *Step) seedFaults() {
	if s.Fault.Mode != nil {
		s.Fault.Seed = s.RAM<<16 | s.Fault.At
		for i := range s.Then {
			s.Then[i].Seed = s.Fault.At<<16 | s.Then[i].At
		}
	}
	if s.Random = s.Do == Reset && s.Reason == boot.PowerOn; !s.Random {
		s.RAM = 0
	}
}

// Case is the run as a case.
func (in *Input) Case(p explore.Planted) explore.Case {
	c := in.c
	c.Boot.Defects, c.Boot.Repairs = boot.Defects(p[Planted]), boot.Repairs(p[PlantedRepairs])
	return &c
}

// Run performs the run.
func (in *Input) Run(o *explore.Outcome) error {
	c := &Sweep{Device: in.c.On, Boot: in.c.Boot, Software: in.software, Old: in.c.First, Seed: in.c.Seed}
	c.Client, _ = boot.ParseGeneration(in.c.Client) // unknown where the software is not of this module
	c.Boot.Defects, c.Boot.Repairs = boot.Defects(o.Planted[Planted]), boot.Repairs(o.Planted[PlantedRepairs])
	return walkOn(c, in.c.Steps, o)
}

func (in *Input) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v, %s client, %+v\n", &in.c.On, in.c.Client, in.c.Boot)
	for i := range in.c.Steps {
		fmt.Fprintf(&b, "%4d %v\n", i, &in.c.Steps[i])
	}
	return b.String()
}

// replayWalk runs a case with power cuts anywhere again.
func replayWalk(c *Case, w io.Writer, sweep *Sweep, env explore.Env) (*explore.Replayed, error) {
	p := explore.Planted{Planted: uint64(c.Boot.Defects), PlantedRepairs: uint64(c.Boot.Repairs)}
	return explore.ReplayInput(w, "run      of "+unit.Plural(len(c.Steps), "step"), &Input{*c, sweep.Software}, p, env)
}

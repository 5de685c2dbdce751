package update

import (
	"context"
	"fmt"
	"io"
	"slices"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/model/random"
	"dualbank/results"
)

func init() { replays[JudgeLife] = replayLife }

// LifeSweep is devices that live without any cut: one update after the other, images of all sizes up to the
// slot's and some that are too large, candidates that are bad or never activated, and resets of all kinds
// in between. Every boot must run the newest image that was activated.
type LifeSweep struct {
	Device   explore.Device
	Boot     boot.Config
	Client   boot.Generation
	Software Software // of your own; what is nil there is that of package boot
	Build    string   // of software of your own
	Seed     uint64
	Lives    int    // 0: 20
	Most     uint32 // bytes of the largest image; 0: what fits
	Events   uint64 // no more updates and resets than these in all lives; 0: any number
}

// Lives runs the sweep. The result is a function of c.
func Lives(ctx context.Context, c LifeSweep) (*explore.Sweep, error) {
	sweep := Sweep{Device: c.Device, Boot: c.Boot, Client: c.Client, Software: c.Software, Build: c.Build, Old: min(firstImage, c.Boot.MaxAppSize)}
	s := &explore.Sweep{Map: results.CutMap{Name: fmt.Sprintf("lives of a device, %s client, %v", sweep.client(), &c.Device)}}
	g := explore.NewGroups()
	var cases []*Case
	lives := c.Lives
	if lives == 0 {
		lives = 20
	}
	for n := range lives {
		if ctx.Err() != nil {
			break
		}
		of := sweep
		of.Seed = c.Seed + uint64(n)
		l, err := newLife(&of)
		if err != nil {
			return nil, err
		}
		if err := l.room(); err != nil {
			return nil, err
		}
		l.most = c.Most
		var steps []Step
		for range 24 {
			if c.Events > 0 && s.Stats.Cuts == c.Events {
				break
			}
			steps = append(steps, l.next())
			s.Stats.Cuts++
			s.Stats.Judged++
			if l.step(&steps[len(steps)-1]); len(l.bad) > 0 {
				break
			}
		}
		if len(steps) == 0 {
			break
		}
		for _, v := range l.bad {
			g.Add(v, l.place(&steps[len(steps)-1]), explore.Hit{Op: len(cases), Mode: explore.NoCut})
		}
		cases = append(cases, of.caseOf(JudgeLife, steps))
	}
	s.Findings = g.Findings(SubjectName, func(at explore.Hit) explore.Case { return cases[at.Op] })
	return s, ctx.Err()
}

// life is a device and what is expected of it.
type life struct {
	*run
	r      *random.Source
	most   uint32   // bytes of the largest image that next makes; 0: what fits
	now    *image   // that runs
	held   []*image // by slot: the good image that was activated there; nil: none
	left   []*image // by slot: the one that was not
	newest uint64
	warm   int // warm resets since the last power cycle
}

func newLife(c *Sweep) (*life, error) {
	f, err := c.Device.Flash()
	if err != nil {
		return nil, err
	}
	s, err := newSetup(c, f)
	if err != nil {
		return nil, err
	}
	l := &life{run: s.start(f), r: random.New(c.Seed), now: s.first, newest: 1, held: make([]*image, len(s.slots)), left: make([]*image, len(s.slots))}
	f.Observe(l.watch)
	return l, nil
}

// room returns an error if a slot has no room for an image.
func (l *life) room() error {
	if l.cfg.Software.Whole {
		return nil
	}
	for i := range l.slots {
		if head := l.cfg.Boot.FirmwareOffset(l.f.PageSize()); l.slots[i].Size <= head {
			return fmt.Errorf("slot %d has %d bytes: it needs more than the %d of its header", i, l.slots[i].Size, head)
		}
	}
	return nil
}

// fits is the size in bytes of the largest image that slot takes.
func (l *life) fits(slot uint32) uint32 {
	if l.cfg.Software.Whole {
		return l.cfg.Boot.MaxAppSize
	}
	return l.takes(slot, l.f.PageSize())
}

// next makes the next event.
func (l *life) next() Step {
	if l.r.Intn(5) < 2 {
		slot := uint32(l.r.Intn(len(l.slots)))
		takes := l.fits(slot)
		most := min(takes, l.cfg.Boot.MaxAppSize)
		if l.most > 0 {
			most = min(most, l.most)
		}
		s := Step{Do: Download, Slot: slot, Version: l.newest + 1, Size: 1 + uint32(l.r.Intn(int(most)))}
		switch l.r.Intn(8) {
		case 0:
			s.Size = most
		case 1:
			if l.most == 0 {
				s.Size = takes + 1 + uint32(l.r.Intn(int(takes)))
			}
		case 2:
			s.Left = true
		case 3:
			s.Bad = BadHash
		case 4:
			s.Version = max(l.newest, 2) - 1
		case 5, 6:
			if l.cfg.Software.Whole {
				s.Bad = []BadCandidate{SameVersion, EmptyCandidate, TruncatedSize}[l.r.Intn(3)]
			}
		}
		s.Seed = l.cfg.Seed + uint64(s.Size)
		return s
	}
	reasons := []boot.ResetReason{boot.Software, boot.Software, boot.Software, boot.Software, boot.PinReset, boot.Watchdog, boot.PowerOn}
	reason := reasons[l.r.Intn(len(reasons))]
	if reason == boot.Watchdog && l.warm > 1 {
		reason = boot.PowerOn // more of them would give the application up
	}
	return Step{Do: Reset, Reason: reason}
}

// place is what is special about an event.
func (l *life) place(s *Step) explore.Place {
	if s.Do == Reset {
		return explore.Place{Op: string(Reset), Part: "reason/" + s.Reason.String()}
	}
	p := explore.Place{Op: string(Download), Part: "size/smaller"}
	if s.Left {
		p.Op = "download/left"
	}
	switch takes := l.fits(s.Slot); {
	case s.Size > takes:
		p.Part = "size/larger"
	case s.Size == takes:
		p.Part = "size/exact"
	}
	return p
}

// step performs an event and judges what follows from it.
func (l *life) step(s *Step) {
	if s.Do == Reset {
		l.reset(s)
		return
	}
	if l.store(s); l.wrong {
		// The running image is erased. The device is looked at once more, since nothing else follows.
		if now := l.untilRunning(""); now != nil && now.Version < l.now.Version {
			l.older(now)
		}
	}
}

// older reports that an older image runs than before.
func (l *life) older(now *image) {
	l.report(explore.Symptom{Rule: RuleNoOlder, Kind: "older-runs"}, fmt.Sprintf("version %d or later", l.now.Version), fmt.Sprintf("version %d", now.Version))
}

// store downloads a candidate, and judges what becomes of it.
func (l *life) store(s *Step) {
	l.candidate = s.image()
	if s.Bad == GoodCandidate {
		l.images = append(l.images, l.candidate)
	}
	at := l.slots[s.Slot]
	l.may = &span{at.Addr, at.Addr + at.Size}
	fits := s.Size <= l.fits(s.Slot)
	for p, err := range l.download(s) {
		switch {
		case err != nil && !fits && p == Prepare:
			return // and the slot is as it was
		case err != nil && l.cfg.Software.Whole && (s.Bad != GoodCandidate || s.Version <= l.now.Version):
			l.held[s.Slot], l.left[s.Slot] = nil, nil
			return // turned down, as it should be
		case err == nil && !fits && l.cfg.Software.Whole:
			// it knows better how much it has room for
		case err != nil:
			l.report(explore.Symptom{Rule: RuleProgress, Kind: "download-fails", Op: p.op(), Error: err.Error()}, "success", err.Error())
			return
		case !fits && p == Prepare:
			l.report(explore.Symptom{Rule: RuleInside, Kind: "oversize-taken"}, fmt.Sprintf("at most %d bytes", l.fits(s.Slot)), fmt.Sprintf("%d bytes", s.Size))
			return
		}
	}
	l.held[s.Slot], l.left[s.Slot] = nil, nil
	switch {
	case s.Bad != GoodCandidate:
	case s.Left:
		l.left[s.Slot] = l.candidate
	default:
		l.held[s.Slot] = l.candidate
	}
	l.newest = max(l.newest, s.Version)
}

// reset boots the device.
func (l *life) reset(s *Step) {
	if l.warm++; s.Reason == boot.PowerOn {
		l.ram, l.warm = boot.RAM{}, 0
		if s.Random {
			l.scramble(s.RAM)
		}
	}
	want := l.now
	for _, im := range l.held {
		if im != nil && im.Version > want.Version && im.Size <= uint64(l.cfg.Boot.MaxAppSize) {
			want = im
		}
	}
	l.f.Boot()
	out := l.boot(s.Reason)
	if out.Result != boot.Jumped {
		l.report(explore.Symptom{Rule: RuleRuns, Kind: "boot-fails", Error: l.why(out)}, fmt.Sprintf("version %d runs", want.Version), l.why(out))
		return
	}
	now := l.running("")
	if now == l.now && l.f.Steps() > 0 && !l.cfg.Software.Whole {
		l.report(explore.Symptom{Rule: RuleInside, Kind: "idle-boot-writes"}, "no steps", fmt.Sprintf("%d steps", l.f.Steps()))
	}
	l.client.Reset()
	if now == nil {
		return
	}
	switch {
	case now == want:
	case now.Version < want.Version:
		l.report(explore.Symptom{Rule: RuleProgress, Kind: "not-installed"}, fmt.Sprintf("version %d", want.Version), fmt.Sprintf("version %d", now.Version))
	case slices.Contains(l.left, now):
		l.report(explore.Symptom{Rule: RuleSound, Kind: "left-runs"}, fmt.Sprintf("version %d", want.Version), fmt.Sprintf("version %d", now.Version))
	}
	l.now = now
}

// replayLife runs a life again.
func replayLife(c *Case, w io.Writer, sweep *Sweep, env explore.Env) (*explore.Replayed, error) {
	l, err := newLife(sweep)
	if err != nil {
		return nil, err
	}
	c.tell(w)
	for i := range c.Steps {
		fmt.Fprintf(w, "%8d %v\n", i, &c.Steps[i])
		if i == len(c.Steps)-1 && env.Film != nil {
			l.film(env.Film)
			l.f.Observe(env.Film.Observer(l.watch))
		}
		if l.step(&c.Steps[i]); len(l.bad) > 0 {
			break
		}
	}
	return l.replayed(), nil
}

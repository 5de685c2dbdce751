package fuzz

import (
	"context"
	"fmt"
	"io"

	"dualbank/boot"
	"dualbank/model"
	"dualbank/model/random"
	"dualbank/results"
)

// LifeSweep lets devices live without any cut: one update after the other, images of all sizes up to the
// slot's and one that is too large, candidates that are bad or never activated, and resets of all kinds
// in between. Every boot must run the newest image that was activated.
type LifeSweep struct {
	Device Device
	Boot   boot.Config
	Client boot.Generation
	Seed   uint64
	Lives  int    // 0: 20
	Most   uint32 // bytes of the largest image; 0: what fits
}

// LifeStep is one event in a life.
type LifeStep struct {
	Do      string       `json:"do"` // "download", "download, not activated", or "reset"
	Slot    uint32       `json:"slot,omitempty"`
	Version uint64       `json:"version,omitempty"`
	Size    uint32       `json:"size,omitempty"`
	Bad     BadCandidate `json:"bad,omitempty"`
	Reason  string       `json:"reason,omitempty"` // of a reset, as boot.ResetReason spells it
}

// The events of a life.
const (
	lifeDownload = "download"
	lifeLeave    = "download, not activated"
	lifeReset    = "reset"
)

// LifeCase is a life that can be lived again.
type LifeCase struct {
	Device Device      `json:"device"`
	Boot   boot.Config `json:"boot"`
	Client string      `json:"client"`
	Seed   uint64      `json:"seed"`
	Steps  []LifeStep  `json:"steps"`
}

// firstImage is the number of bytes of the image that a device is made with, version 1.
const firstImage = 900

// SweepLives runs the sweep. The result is a function of c.
func SweepLives(ctx context.Context, c LifeSweep) (*Sweep, error) {
	s := &Sweep{Map: results.CutMap{Name: fmt.Sprintf("lives of a device, %v client, %v", c.Client, &c.Device)}}
	g := newGroups()
	var cases [][]LifeStep
	lives := c.Lives
	if lives == 0 {
		lives = 20
	}
	for n := range lives {
		if ctx.Err() != nil {
			break
		}
		l, err := newLife(&c, c.Seed+uint64(n))
		if err != nil {
			return nil, err
		}
		for range 24 {
			l.steps = append(l.steps, l.next())
			s.Stats.Cuts++
			s.Stats.Judged++
			if l.step(len(l.steps)-1, nil); len(l.j.bad) > 0 {
				break
			}
		}
		for _, v := range l.j.bad {
			last := &l.steps[len(l.steps)-1]
			g.add(v, Place{Op: last.Do, Part: l.where(last)}, CutCase{Op: len(cases), Seed: c.Seed + uint64(n), Mode: noCut})
		}
		cases = append(cases, l.steps)
	}
	s.Findings = g.findings(func(f *Finding, at CutCase) {
		f.Subject = "update"
		f.Life = &LifeCase{Device: c.Device, Boot: c.Boot, Client: c.Client.String(), Seed: at.Seed, Steps: cases[at.Op]}
	})
	return s, ctx.Err()
}

// life is a device and what is expected of it.
type life struct {
	cfg     *LifeSweep
	seed    uint64
	f       *model.Flash
	j       *updateJudge
	r       *random.Source
	slots   []boot.Slot
	steps   []LifeStep
	running *image
	held    []*image // by slot: the good image that was activated there; nil: none
	left    []*image // by slot: the one that was not
	newest  uint64
	warm    int // warm resets since the last power cycle
}

func newLife(c *LifeSweep, seed uint64) (*life, error) {
	run, f, err := newUpdateRun(&UpdateSweep{Device: c.Device, Boot: c.Boot, Client: c.Client, Old: firstImage, New: firstImage, Seed: seed})
	if err != nil {
		return nil, err
	}
	slots, ok := boot.Slots(f, &c.Boot)
	if !ok {
		return nil, fmt.Errorf("candidate storage 0x%08X+0x%X does not lie in the flash", c.Boot.StorageAddr, c.Boot.StorageSize)
	}
	run.images = []*image{run.old}
	l := &life{
		cfg: c, seed: seed, f: f, j: newUpdateJudge(run, f), r: random.New(seed), slots: slots, running: run.old, newest: 1,
		held: make([]*image, len(slots)), left: make([]*image, len(slots)),
	}
	f.Observe(l.j.watch)
	return l, nil
}

// header is what the candidate's header takes in a slot.
func (l *life) header() uint32 { return roundUp(boot.HeaderSize, l.f.PageSize()) }

func roundUp(n, to uint32) uint32 { return (n + to - 1) / to * to }

// takes is the size of the largest image that fits slot.
func (l *life) takes(slot uint32) uint32 { return l.slots[slot].Size - l.header() }

// next makes the next event.
func (l *life) next() LifeStep {
	if l.r.Intn(5) < 2 {
		slot := uint32(l.r.Intn(len(l.slots)))
		most := min(l.takes(slot), l.cfg.Boot.MaxAppSize)
		if l.cfg.Most > 0 {
			most = min(most, l.cfg.Most)
		}
		s := LifeStep{Do: lifeDownload, Slot: slot, Version: l.newest + 1, Size: 1 + uint32(l.r.Intn(int(most)))}
		switch l.r.Intn(8) {
		case 0:
			s.Size = most
		case 1:
			if l.cfg.Most == 0 {
				s.Size = l.takes(slot) + 1 + uint32(l.r.Intn(int(l.takes(slot))))
			}
		case 2:
			s.Do = lifeLeave
		case 3:
			s.Bad = BadHash
		case 4:
			s.Version = max(l.newest, 2) - 1
		}
		return s
	}
	reasons := []boot.ResetReason{boot.Software, boot.Software, boot.Software, boot.Software, boot.PinReset, boot.Watchdog, boot.PowerOn}
	reason := reasons[l.r.Intn(len(reasons))]
	if reason == boot.Watchdog && l.warm > 1 {
		reason = boot.PowerOn // more of them would give the application up
	}
	return LifeStep{Do: lifeReset, Reason: reason.String()}
}

// where is what is special about an event.
func (l *life) where(s *LifeStep) string {
	switch {
	case s.Do == lifeReset:
		return "reset reason " + s.Reason
	case s.Size > l.takes(s.Slot):
		return "an image that is too large"
	case s.Size == l.takes(s.Slot):
		return "an image that just fits"
	}
	return "an image that fits"
}

// step lives through event i.
func (l *life) step(i int, w io.Writer) {
	s := &l.steps[i]
	if w != nil {
		fmt.Fprintf(w, "%8d %s", i, s.Do)
		if s.Do == lifeReset {
			fmt.Fprintf(w, ", %s\n", s.Reason)
		} else {
			fmt.Fprintf(w, " of version %d, %d bytes, to slot %d %s\n", s.Version, s.Size, s.Slot, s.Bad)
		}
	}
	if s.Do == lifeReset {
		l.reset(s)
		return
	}
	l.download(s)
}

// download puts a candidate into its slot.
func (l *life) download(s *LifeStep) {
	j := l.j
	im := newImage(s.Version, s.Size, l.seed+uint64(s.Size))
	good := s.Bad == GoodCandidate
	if err := s.Bad.spoil(im); err != nil {
		return
	}
	if good {
		j.run.images = append(j.run.images, im)
	}
	at := l.slots[s.Slot]
	j.inside = &span{at.Addr, at.Addr + at.Size}
	j.run.new = im
	fits := s.Size <= l.takes(s.Slot)
	last := opActivate
	if s.Do == lifeLeave {
		last = opWrite
	}
	for op := opPrepare; op <= last; op++ {
		err := j.run.doIn(j.client, j.loader, op, s.Slot)
		switch {
		case err != nil && !fits && op == opPrepare:
			return // and the slot is as it was
		case err != nil:
			j.report(RuleProgress, fmt.Sprintf("a download without any cut fails in %s: %v", updateOpNames[op], err), "success", err.Error())
			return
		case !fits && op == opPrepare:
			j.report(RuleInside, "an image is accepted that does not fit its slot", fmt.Sprintf("at most %d bytes", l.takes(s.Slot)), fmt.Sprintf("%d bytes", s.Size))
			return
		}
	}
	l.held[s.Slot], l.left[s.Slot] = nil, nil
	switch {
	case !good:
	case s.Do == lifeLeave:
		l.left[s.Slot] = im
	default:
		l.held[s.Slot] = im
	}
	l.newest = max(l.newest, s.Version)
}

// reset boots the device.
func (l *life) reset(s *LifeStep) {
	j := l.j
	reason, ok := boot.ParseResetReason(s.Reason)
	if !ok {
		return
	}
	if l.warm++; reason == boot.PowerOn {
		j.ram, l.warm = boot.RAM{}, 0
	}
	want := l.running
	for _, im := range l.held {
		if im != nil && im.Version > want.Version && im.Size <= uint64(l.cfg.Boot.MaxAppSize) {
			want = im
		}
	}
	j.inside = &j.run.inside[1]
	l.f.Boot()
	out := j.loader.Boot(reason, &j.ram)
	if out.Result != boot.Jumped {
		j.report(RuleRuns, fmt.Sprintf("a boot without any cut ends with %v", out.Result), fmt.Sprintf("version %d runs", want.Version), out.Result.String())
		return
	}
	now := j.running("")
	if now == l.running && l.f.Steps() > 0 {
		j.report(RuleInside, "a boot with nothing to install changes the flash", "no steps", fmt.Sprintf("%d steps", l.f.Steps()))
	}
	j.client.Reset()
	switch {
	case now == nil || now == want:
	case now.Version < want.Version:
		j.report(RuleProgress, "an update that was activated is not installed", fmt.Sprintf("version %d", want.Version), fmt.Sprintf("version %d", now.Version))
	default:
		for _, im := range l.left {
			if im == now {
				j.report(RuleSound, "an image that was never activated is installed", fmt.Sprintf("version %d", want.Version), fmt.Sprintf("version %d", now.Version))
			}
		}
	}
	if now != nil {
		l.running = now
	}
}

// replay lives the life again and tells w.
func (c *LifeCase) replay(w io.Writer) (*replayed, error) {
	cfg := &LifeSweep{Device: c.Device, Boot: c.Boot, Seed: c.Seed}
	var ok bool
	if cfg.Client, ok = boot.ParseGeneration(c.Client); !ok {
		return nil, fmt.Errorf("life.client: %q is unknown: use old or new", c.Client)
	}
	l, err := newLife(cfg, c.Seed)
	if err != nil {
		return nil, err
	}
	for i, s := range c.Steps {
		_, known := boot.ParseResetReason(s.Reason)
		switch {
		case s.Do == lifeReset && !known:
			return nil, fmt.Errorf("life.steps[%d].reason: %q is unknown", i, s.Reason)
		case s.Do == lifeReset:
		case s.Do != lifeDownload && s.Do != lifeLeave:
			return nil, fmt.Errorf("life.steps[%d].do: %q is unknown: use %q, %q or %q", i, s.Do, lifeDownload, lifeLeave, lifeReset)
		case s.Slot >= uint32(len(l.slots)) || s.Size == 0 || s.Size > 16<<20:
			return nil, fmt.Errorf("life.steps[%d]: slot %d and %d bytes are out of range: there are %d slots", i, s.Slot, s.Size, len(l.slots))
		}
	}
	fmt.Fprintf(w, "device   %v, %s client\nlife     from version 1, %d bytes\n", &c.Device, c.Client, firstImage)
	l.steps = c.Steps
	for i := range l.steps {
		if l.step(i, w); len(l.j.bad) > 0 {
			break
		}
	}
	re := &replayed{base: l.f.Start(), image: make([]byte, l.f.Size()), bad: l.j.bad}
	l.f.Peek(l.f.Start(), re.image)
	return re, nil
}

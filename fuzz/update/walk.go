package update

import (
	"fmt"

	"dualbank/boot"
	"dualbank/fuzz/explore"
)

// walk is a run with power cuts anywhere in it, and in the boots after them. After every boot, what runs must
// be a complete image that was made for this device, good, and no older than what ran before; at the end the
// device must boot.
type walk struct {
	*run
	o   *explore.Outcome
	now *image // that runs; nil: nothing does, which is a violation only at the end
}

// walkOn performs the steps of a script on the device and the software of a sweep.
func walkOn(c *Sweep, steps []Step, o *explore.Outcome) error {
	f, err := c.Device.Flash()
	if err != nil {
		return err
	}
	s, err := newSetup(c, f)
	if err != nil {
		return err
	}
	t := &walk{run: s.start(f), o: o, now: s.first}
	f.Observe(t.watch)
	defer f.Observe(nil)
	for i := range steps {
		if o.Film != nil && t.cam == nil && (steps[i].Fault.Mode != nil || i == len(steps)-1) {
			t.film(o.Film)
			f.Observe(o.Film.Observer(t.watch))
		}
		sound := t.step(&steps[i])
		t.visited(&steps[i], sound)
		if t.note(placeOf(&steps[i])); !sound {
			return nil
		}
	}
	if t.now == nil {
		t.take()
		t.untilRunning(atEnd)
		t.note(explore.Place{Op: opEnd, Part: noFault})
	}
	return nil
}

// note hands over what was found in a step.
func (t *walk) note(at explore.Place) {
	t.o.Note(t.bad, at)
	t.bad = t.bad[:0]
}

// take keeps the image of the flash for a replay.
func (t *walk) take() { t.o.Take(t.f, t.f.Start(), t.f.Size()) }

// placeOf is where a step is, for a finding.
func placeOf(s *Step) explore.Place {
	p := explore.Place{Op: string(s.Do), Part: noFault}
	if s.Fault.Mode != nil {
		p.Part = "fault/" + s.Fault.Mode.String()
		if len(s.Then) > 0 {
			p.Part += andBoot
		}
	}
	return p
}

// step performs a step, and after a cut boots and looks. sound is false where nothing more can be learned from
// the run.
func (t *walk) step(s *Step) (sound bool) {
	if s.Do == Download {
		t.store(s)
	} else {
		if s.Fault.Mode != nil {
			t.f.Arm(s.Fault.Cut())
		}
		if s.Reason == boot.PowerOn {
			t.powerOn(s)
		}
		if !t.reset(s.Reason) {
			return false
		}
	}
	for i := 0; t.f.Off(); i++ {
		t.o.Hits(s.Fault.Mode)
		t.cam.Cut("the power is cut")
		t.take()
		t.f.Boot()
		t.scramble(s.Fault.At + uint64(i))
		t.client.Reset()
		if i < len(s.Then) {
			t.f.Arm(s.Then[i].Cut())
		}
		if !t.reset(boot.PowerOn) {
			return false
		}
	}
	t.f.Disarm()
	return true
}

// powerOn leaves in RAM what the power cycle of a step does.
func (t *walk) powerOn(s *Step) {
	if t.ram = (boot.RAM{}); s.Random {
		t.scramble(s.RAM)
	}
}

// store puts a candidate into a slot, as far as it comes.
func (t *walk) store(s *Step) {
	t.candidate = s.image()
	if s.Bad == GoodCandidate && s.Version > 0 && !s.Left {
		t.images = append(t.images, t.candidate)
	}
	t.may = &t.storage
	t.client.Reset()
	for _, err := range t.download(s) {
		if err != nil {
			return // refused, or the power is gone: what was there before is gone, too
		}
	}
}

// reset boots once and looks at what runs. sound is false if it is none that may run.
func (t *walk) reset(reason boot.ResetReason) (sound bool) {
	now, ok := t.look(reason)
	if !ok {
		return false
	}
	t.o.Interesting = t.o.Interesting || now != nil && now != t.now
	switch {
	case !t.f.Off():
		t.now = now
	case reason >= boot.Watchdog || !t.cfg.Boot.ResetReason:
		t.now = nil // the boot that was cut may have given the newer one up
	}
	return true
}

// look boots once and returns what runs: nil if nothing does, which is a violation only at the end.
func (t *walk) look(reason boot.ResetReason) (now *image, ok bool) {
	if t.boot(reason).Result != boot.Jumped {
		return nil, true
	}
	t.client.Reset()
	if now = t.running(""); now == nil {
		return nil, false
	}
	// An older one may run where the newer one has been given up after too many boots.
	if t.now != nil && now.Version < t.now.Version && reason < boot.Watchdog && t.cfg.Boot.ResetReason {
		t.report(explore.Symptom{Rule: RuleNoOlder, Kind: "older-runs"}, fmt.Sprintf("version %d or later", t.now.Version), fmt.Sprintf("version %d", now.Version))
		return nil, false
	}
	return now, true
}

// visited notes where a step has led.
func (t *walk) visited(s *Step, sound bool) {
	if !t.o.Step() {
		return
	}
	flag := func(is bool) uint64 {
		if is {
			return 1
		}
		return 0
	}
	what := []uint64{flag(s.Do == Download), explore.Number(string(s.Bad)), flag(s.Left), 0, uint64(len(s.Then)), flag(sound), flag(t.f.Off())}
	if s.Fault.Mode != nil {
		what[3] = explore.Number(s.Fault.Mode.String())
	}
	if s.Do == Reset {
		what[1] = uint64(s.Reason)
	}
	t.o.Visit(what...)
	// What runs, beside what was downloaded last.
	now := uint64(0)
	if t.now != nil {
		now = 2
		if im := t.candidate; im != nil {
			now += flag(t.now.Version > im.Version) + 2*flag(t.now == im)
		}
	}
	t.o.Visit(append(what, now, explore.Number(t.cfg.Device.Sectors), uint64(t.cfg.Client), uint64(len(t.images)))...)
}

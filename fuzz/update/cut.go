package update

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/model"
	"dualbank/results"
)

func init() { replays[JudgeCut] = replayCut }

// operations are those of an update, in the order of the recording: the phases of the download, and the boot.
var operations = []string{Prepare.op(), Write.op(), Activate.op(), opInstall}

// recorded is an update that was performed once, undisturbed.
type recorded struct {
	*setup
	steps     []Step // download and reset
	candidate *image
	slot      boot.Slot
	rec       *explore.Recording
	recovery  bool // the recording is of the boot after a cut, and not of the update
}

// Cut runs the sweep. When ctx ends, it returns what was explored until then together with ctx's error. The
// result is a function of c, whatever the number of workers.
func Cut(ctx context.Context, c Sweep, progress func(done, total uint64)) (*explore.Sweep, error) {
	t, ready := c.Piece.Ready().(*cuts)
	if !ready {
		var err error
		if t, err = c.cuts(); err != nil {
			return uncut(c, err)
		}
		c.Piece.Prepare(t)
	}
	u, p := t.u, t.plan
	s := &explore.Sweep{Map: t.shown}
	g := explore.NewGroups()
	p.Piece = c.Piece
	err := p.Run(ctx, s, g, progress)
	s.Findings = g.Findings(SubjectName, func(at explore.Hit) explore.Case { return u.caseOf(at) })
	deep := min(c.Deep, len(p.Steps)*len(p.Modes)) // each cut once
	for i := 0; i < deep && err == nil && c.Piece == nil; i++ {
		// Spread over the run, so that every part of it is followed by recoveries.
		step := p.Steps[(2*i+1)*len(p.Steps)/(2*deep)]
		err = u.deeper(ctx, s, step, i%len(t.modes), t.modes)
	}
	explore.SortFindings(s.Findings)
	return s, err
}

// cuts is a sweep that is ready to be explored, whole or piece by piece.
type cuts struct {
	u     *recorded
	modes []model.Mode
	plan  *explore.Plan
	shown results.CutMap // of nothing explored
}

// cuts records the update that is to be cut.
func (c *Sweep) cuts() (*cuts, error) {
	modes, err := explore.ParseModes(c.Modes)
	if err != nil {
		return nil, err
	}
	if err := c.Bad.check(); err != nil {
		return nil, fmt.Errorf("bad: %w", err)
	}
	u, err := record(c, c.script())
	if err != nil {
		return nil, err
	}
	t := &cuts{u: u, modes: modes, plan: u.plan(explore.Drawn(modes, c.Draws))}
	t.shown = results.CutMap{Name: fmt.Sprintf("update of %d KiB, %s client, %v", (c.New+1023)/1024, c.client(), &c.Device)}
	for i, op := range operations {
		t.shown.Marks = append(t.shown.Marks, results.Span{Name: words(op), Start: float64(u.rec.Ops[i]), End: float64(u.rec.Ops[i+1]), Share: 1})
	}
	t.plan.Journal, t.plan.Identity = c.Journal, c.identity()
	t.plan.Pick(c.MaxCuts, c.Most, c.Short, &t.shown)
	if c.Install {
		first := u.rec.Ops[slices.Index(operations, opInstall)]
		t.plan.Steps = slices.DeleteFunc(t.plan.Steps, func(step uint64) bool { return step < first })
		t.shown.Sampling += " of the install"
	}
	return t, nil
}

// uncut is a sweep whose update fails without any cut, for which cause says why: what the judge of lives finds in it.
func uncut(c Sweep, cause error) (*explore.Sweep, error) {
	if _, alone := errors.AsType[*explore.NoCutError](cause); !alone || c.Piece != nil {
		return nil, cause
	}
	l, err := newLife(&c)
	if err != nil {
		return nil, err
	}
	if l.room() != nil || c.New > l.fits(c.script()[0].Slot) {
		return nil, cause // which is no fault of the software
	}
	s := &explore.Sweep{Map: results.CutMap{Name: fmt.Sprintf("update without a cut, %s client, %v", c.client(), &c.Device)}}
	g, steps := explore.NewGroups(), c.script()
	for i := range steps {
		s.Stats.Cuts++
		s.Stats.Judged++
		l.step(&steps[i])
		for _, v := range l.bad {
			g.Add(v, l.place(&steps[i]), explore.Hit{Op: i, Mode: explore.NoCut})
		}
		if len(l.bad) > 0 {
			break
		}
	}
	s.Findings = g.Findings(SubjectName, func(at explore.Hit) explore.Case { return c.caseOf(JudgeLife, steps[:at.Op+1]) })
	if len(s.Findings) == 0 {
		return s, cause
	}
	return s, nil
}

// plan is a sweep over the recording.
func (u *recorded) plan(modes []model.Mode) *explore.Plan {
	chunk, workers := explore.ChunkSteps, u.cfg.Workers
	if n := u.cfg.Software.Batch; n > 0 && workers == 0 {
		chunk, workers = explore.BatchChunkSteps, n
	}
	return &explore.Plan{
		Recording: u.rec, Modes: modes, Seed: u.cfg.Seed, Chunk: chunk, Workers: workers, Plain: u.cfg.plain, Took: u.cfg.Took,
		NewFlash: u.cfg.Device.Flash,
		NewRunner: func(f *model.Flash) (explore.Runner, error) {
			return newRecovery(u.downloaded(f, u.candidate), &u.steps[0], u.cfg.plain), nil
		},
		Where: func(_ explore.Violation, step uint64) explore.Place { return u.place(step) },
	}
}

// record performs the update once, undisturbed.
func record(c *Sweep, steps []Step) (*recorded, error) {
	if c.New == 0 || c.New > c.Boot.MaxAppSize {
		return nil, fmt.Errorf("firmware of %d bytes: it must have from 1 byte to the %d that the application may have", c.New, c.Boot.MaxAppSize)
	}
	f, err := c.Device.Flash()
	if err != nil {
		return nil, err
	}
	s, err := newSetup(c, f)
	if err != nil {
		return nil, err
	}
	d := &steps[0]
	u := &recorded{setup: s, steps: steps, candidate: d.image(), slot: s.slots[d.Slot], rec: explore.Record(f)}
	defer f.Observe(nil)
	r := u.downloaded(f, u.candidate)
	u.rec.Operation()
	for p, err := range r.download(d) {
		if err != nil {
			return nil, explore.FailsAlone("the update fails without any cut, in its phase %s: %w", p, err)
		}
		u.rec.Operation()
	}
	out := r.boot(boot.Software)
	u.rec.Operation()
	want := u.candidate.Version
	if d.Bad != GoodCandidate {
		want = u.first.Version
	}
	if out.Result != boot.Jumped || out.Version != want {
		return nil, explore.FailsAlone("the update fails without any cut: the boot that installs it ends with %v, version %d", out.Result, out.Version)
	}
	return u, nil
}

// deeper sweeps every step of the boot that follows one cut.
func (u *recorded) deeper(ctx context.Context, s *explore.Sweep, step uint64, m int, modes []model.Mode) error {
	f, err := u.cfg.Device.Flash()
	if err != nil {
		return err
	}
	f.Restore(u.rec.Start)
	if err := u.rec.Do(f, 0, step); err != nil {
		return err
	}
	first := explore.Hit{Op: u.rec.Op(step), Mode: modes[m].String(), Seed: explore.CutSeed(u.cfg.Seed, step, m)}
	first.Step = step - u.rec.Ops[first.Op]
	f.Arm(model.Cut{Mode: modes[m], Seed: first.Seed})
	if err := u.rec.Do(f, step, step+1); !f.Off() {
		return fmt.Errorf("fuzz: the cut at step %d did not hit: %w", step, err)
	}
	f.Boot()
	again := *u
	again.rec, again.recovery = explore.Record(f), true
	again.rec.Operation()
	u.start(f).boot(boot.PowerOn)
	again.rec.Operation()
	if again.rec.Steps == 0 {
		return nil
	}
	g := explore.NewGroups()
	second := &explore.Sweep{}
	p := again.plan(modes)
	p.Steps, _ = again.rec.Pick(0, u.cfg.Seed)
	err = p.Run(ctx, second, g, nil)
	s.Stats.Add(second.Stats)
	found := g.Findings(SubjectName, func(at explore.Hit) explore.Case { return u.caseOf(first, at) })
	for i := range found {
		if !slices.ContainsFunc(s.Findings, func(o explore.Finding) bool { return o.ID == found[i].ID }) {
			s.Findings = append(s.Findings, found[i])
		}
	}
	return err
}

// caseOf is a case with the cut at, and others in the boots that follow.
func (u *recorded) caseOf(at explore.Hit, then ...explore.Hit) *Case {
	last := 0
	if at.Op == len(phases) {
		last = 1
	}
	steps := slices.Clone(u.steps[:last+1])
	s := &steps[last]
	if s.Fault = fault(at); s.Do == Download {
		s.In = phases[at.Op]
	}
	for _, h := range then {
		s.Then = append(s.Then, fault(h))
	}
	return u.cfg.caseOf(JudgeCut, steps)
}

// fault is the fault of a cut.
func fault(h explore.Hit) explore.Fault {
	m, _ := model.ModeByName(h.Mode) // a hit has the name of a mode
	return explore.Fault{Mode: m, At: h.Step, Seed: h.Seed}
}

// place is what a step changes.
func (u *recorded) place(step uint64) explore.Place {
	c := u.rec.Call(step)
	p := explore.Place{Op: opRecovery}
	if !u.recovery {
		p.Op = operations[u.rec.Op(step)]
	}
	b := &u.cfg.Boot
	switch {
	case c.Kind == model.WriteOptions || c.Kind == model.LoadOptions:
		p.Part = "options"
	case u.cfg.Software.Whole:
		p.Part = c.Kind.String()
	case c.Kind == model.Erase && u.storage.holds(c.Addr, c.Size):
		p.Part = "slot/erase"
	case c.Kind == model.Erase:
		p.Part = "image/erase"
	case c.Addr >= b.Details && c.Addr < b.Details+boot.HeaderSize:
		p.Part = "image/header"
	case u.active.holds(c.Addr, c.Size):
		p.Part = "image/application"
	case c.Addr == u.slot.Addr:
		p.Part = "candidate/header"
	default:
		p.Part = "candidate/firmware"
	}
	return p
}

// replayCut runs a case with a cut in its last step again.
func replayCut(c *Case, w io.Writer, sweep *Sweep, env explore.Env) (*explore.Replayed, error) {
	f, err := c.On.Flash()
	if err != nil {
		return nil, err
	}
	s, err := newSetup(sweep, f)
	if err != nil {
		return nil, err
	}
	d, last := &c.Steps[0], &c.Steps[len(c.Steps)-1]
	r := s.downloaded(f, d.image())
	var done model.Event
	r.film(env.Film)
	f.Observe(env.Film.Observer(func(e *model.Event) {
		if e.Kind != model.Read {
			done = *e
		}
	}))
	op := opInstall
	for p, err := range r.download(d) {
		if err != nil && p != d.In {
			return nil, fmt.Errorf("the download fails before the cut, in its phase %s: %w", p, err)
		}
		if p == d.In {
			op = p.op()
			if !f.Off() {
				return nil, noStep(last)
			}
			break
		}
	}
	if last.Do == Reset {
		f.Arm(last.Fault.Cut())
		if r.boot(last.Reason); !f.Off() {
			return nil, noStep(last)
		}
	}
	env.Film.Cut("the power is cut")
	c.tell(w)
	fmt.Fprintf(w, "update   to version %d, %d bytes\n", d.Version, d.Size)
	fmt.Fprintf(w, "cut      in %s, after %d of its steps, mode %v; the last thing done was %v at 0x%08X\n",
		words(op), last.Fault.At, last.Fault.Mode, done.Kind, done.Addr)
	fmt.Fprintf(w, "then     the device boots, without further cuts\n")
	f.Observe(env.Film.Observer(nil))
	f.Boot()
	for _, then := range last.Then {
		r.ram = boot.RAM{}
		f.Arm(then.Cut())
		if out := r.boot(boot.PowerOn); !f.Off() {
			return nil, fmt.Errorf("update.script: the boot after the cut has no step %d (it ends with %v): the file does not fit this update", then.At, out.Result)
		}
		fmt.Fprintf(w, "then     the device boots, and the power is cut after %d steps of that, mode %v\n", then.At, then.Mode)
		f.Boot()
	}
	re := r.replayed()
	if len(last.Then) == 0 {
		re.Where = func(explore.Violation) (explore.Place, bool) {
			sweep.New = d.Size
			u, err := record(sweep, installing(d.undisturbed()))
			if err != nil {
				return explore.Place{}, false
			}
			return u.place(u.rec.Ops[slices.Index(operations, op)] + last.Fault.At), true
		}
	}
	if c.After != 0 {
		after := *sweep
		after.Boot.Repairs = after.Boot.Repairs.With(c.After)
		s.cfg = &after
	}
	j := newRecovery(s.downloaded(f, r.candidate), d, env.Film != nil) // a film shows every read
	j.cam = env.Film
	re.Bad, _, err = j.Judge(0, last.Fault.Mode, f.Hash())
	return re, err
}

// noStep is the error of a fault that did not hit.
func noStep(s *Step) error {
	return fmt.Errorf("update.script: the %s has no step %d: the file does not fit this update", s.Do, s.Fault.At)
}

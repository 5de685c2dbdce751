package kv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/results"
)

// Live runs the workload of c without any cut and looks between the operations: what fails although
// nothing is wrong, what a second store finds on the same flash after a clean reboot, and what the checks
// find (checks.go). The result is a function of c.
func Live(ctx context.Context, c Sweep) (*explore.Sweep, error) {
	ops, err := c.workload()
	if err != nil {
		return nil, err
	}
	if c.Most > 0 && uint64(len(ops)) > c.Most {
		ops = ops[:c.Most] // a state after each
	}
	l, err := newLive(&c, script.Steps(ops))
	if err != nil {
		return nil, err
	}
	for i := range l.steps {
		if ctx.Err() != nil || !l.step(i) {
			break
		}
	}
	l.end(len(l.steps) - 1)
	s := &explore.Sweep{Map: results.CutMap{Name: fmt.Sprintf("KVStore workload without a cut, profile %s, %v", c.profile(), &c.Device)}, Stats: l.stats}
	s.Findings = l.g.Findings(sut.SubjectName, func(at explore.Hit) explore.Case { return c.caseOf(JudgeLive, l.steps[:at.Op+1], nil) })
	return s, ctx.Err()
}

// live is a store at work and a second one that is opened anew on the same flash to look at it.
type live struct {
	*sut.Run
	fork   *sut.Run
	steps  []script.Step
	tdb    *kvstore.TDBStore // the store at work; nil: it is another store
	own    bool              // it is not of this module
	g      *explore.Groups
	stats  explore.Stats
	checks []check
	opened bool
	// pending: an incremental set was left unfinished since the last open.
	pending bool
	refused uint64            // operations that the flash has refused until now
	forked  map[uint32]uint32 // erases on forks, by the sector's address
}

func newLive(c *Sweep, steps []script.Step) (*live, error) {
	f, err := c.Device.Flash()
	if err != nil {
		return nil, err
	}
	l := &live{steps: steps, g: explore.NewGroups()}
	for _, r := range []**sut.Run{&l.Run, &l.fork} {
		if *r, err = sut.NewRun(f, &c.Device, c.software(), script.Keys(steps), script.Once(steps), sut.LongestValue(steps)); err != nil {
			return nil, err
		}
		(*r).Own = map[string]bool{sut.MasterKey: true}
	}
	l.tdb, _ = l.Store.(*kvstore.TDBStore)
	_, log := l.Store.(script.Log) // a TDBStore, whatever is around it
	l.own = c.New != nil && !log
	l.forked = map[uint32]uint32{}
	l.checks = newChecks(l.Run, l.forked)
	return l, nil
}

// layout is that of the store at work.
func (l *live) layout() (at kvstore.Layout) {
	if l.tdb != nil {
		at = l.tdb.Layout()
	}
	return at
}

// step performs operation i and looks at what it led to. It reports whether the run can go on.
func (l *live) step(i int) bool {
	s := &l.steps[i]
	if !l.opened {
		l.opened = true
		if err := l.Store.Open(); err != nil {
			l.Report(explore.Symptom{Rule: sut.RuleOpens, Kind: sut.KindNotOpen, When: "erased", Error: sut.ErrorName(err)}, "open succeeds", err.Error())
			l.note(i, "")
			return false
		}
	}
	m := moment{step: s, layout: l.layout(), locks: sut.LocksHeld(l.Store)}
	collected := sut.Collections(l.Store)
	m.done = l.Perform(s)
	m.collected, m.held = sut.Collections(l.Store) > collected, sut.LocksHeld(l.Store)
	part := special(s, &m.layout, l.pending)
	if m.collected {
		part += sut.Collects
	}
	err := m.done.Err
	if err != nil && s.Kind == script.Reboot {
		l.Report(explore.Symptom{Rule: sut.RuleOpens, Kind: sut.KindNotOpen, When: "clean-reboot", Error: sut.ErrorName(err)}, "open succeeds", err.Error())
		l.note(i, part)
		return false
	}
	l.outcome(&m)
	l.limits(&m)
	if k, ok := l.Exp.Index[s.Key]; ok && err != nil {
		l.Flight = k
	}
	sound := l.LookRunning("")
	for _, c := range l.checks {
		if c.after != nil {
			c.after(&m, sound)
		}
	}
	l.note(i, part)
	l.reboot(err)
	l.note(i, part)
	return sound
}

// end looks at what only a whole run shows. last is the index of its last operation.
func (l *live) end(last int) {
	if !l.opened || last < 0 {
		return
	}
	for _, c := range l.checks {
		if c.end != nil {
			c.end()
		}
	}
	l.note(last, "no-cut")
}

// special is what is special about an operation. pending: the one before it is a set that was left unfinished.
func special(s *script.Step, at *kvstore.Layout, pending bool) string {
	switch {
	case len(s.Key) >= kvstore.MaxKey:
		return "key-128"
	case at.Unit != 0 && s.Kind.Keyed() && at.Free+sut.RecordSize(&s.Op, at.Unit) == at.Size:
		return "exact-fit"
	case pending && s.Kind.Keyed():
		return "after-unfinished"
	}
	return "no-cut"
}

// note groups what was found in operation i.
func (l *live) note(i int, part string) {
	for _, r := range []*sut.Run{l.Run, l.fork} {
		for _, v := range r.Bad {
			l.g.Add(v, explore.Place{Op: sut.OpCode(l.steps[i].Kind), Part: part}, explore.Hit{Op: i, Mode: explore.NoCut})
		}
		r.Bad = nil
	}
}

// outcome judges what an operation returned, and expects what follows from it.
func (l *live) outcome(m *moment) {
	s, err := m.step, m.done.Err
	if s.Kind == script.Reboot {
		l.pending = false
		return
	}
	k, keyed := l.Exp.Index[s.Key]
	once := keyed && l.Exp.Keys[k].Now != nil && l.Exp.Keys[k].Flags&kvstore.FlagWriteOnce != 0
	switch {
	case err == nil && once && s.Kind != script.Abandon:
		l.Report(explore.Symptom{Rule: sut.RuleWriteOnce, Kind: "once-taken", Op: sut.OpCode(s.Kind)}, "write protected", "success")
	case err == nil:
	case once && errors.Is(err, kvstore.ErrWriteProtected):
		return
	case s.Kind == script.Reserved && l.Exp.Reserved.Now != nil:
		return
	case errors.Is(err, kvstore.ErrInvalidArgument) && l.collides(s.Key):
		return // refused: RepairEqualHashes
	case errors.Is(err, kvstore.ErrInvalidArgument) && l.Refusable(s.Key):
		return
	case errors.Is(err, kvstore.ErrMediaFull) && !l.fits(&s.Op, &m.layout):
	default:
		l.Report(explore.Symptom{Rule: sut.RuleWorks, Kind: "op-fails", Op: sut.OpCode(s.Kind), Error: sut.ErrorName(err)}, "success", fmt.Sprintf("%v: %v", &s.Op, err))
	}
	how := sut.Succeeded
	if err != nil {
		how = sut.Maybe
	}
	l.Exp.Apply(&s.Op, s.Value(), how)
	l.pending = l.pending && err != nil || s.Kind == script.Abandon
}

// collides reports whether another live key has the hash of key.
func (l *live) collides(key string) bool {
	return slices.ContainsFunc(l.Exp.Keys, func(k sut.Key) bool {
		return k.Now != nil && k.Name != key && kvstore.CRC([]byte(k.Name)) == kvstore.CRC([]byte(key))
	})
}

// fits reports whether the record of op has room beside those of the live keys.
func (l *live) fits(op *script.Op, at *kvstore.Layout) bool {
	if at.Unit == 0 {
		return false // nothing is known of such a store
	}
	used := sut.RecordSize(op, at.Unit)
	for i := range l.Exp.Keys {
		k := &l.Exp.Keys[i]
		if n := max(len(k.Now), len(k.Other)); k.Now != nil || k.Either {
			used += sut.RecordSize(&script.Op{Kind: script.Set, Key: k.Name, Size: n}, at.Unit)
		}
	}
	return used <= at.Limit-at.First
}

// limits is rules 8 and 9 for one operation.
func (l *live) limits(m *moment) {
	if c := l.F.Counters(); c.Refused+c.RefusedReads != l.refused {
		l.refused = c.Refused + c.RefusedReads
		l.Report(explore.Symptom{Rule: sut.RuleRegion, Kind: "refused"}, "operations within the region and the part's rules", fmt.Sprintf("%v is refused", &m.step.Op))
	}
	if m.done.Steps > l.Limit {
		l.Report(explore.Symptom{Rule: sut.RuleBounded, Kind: "too-long", Op: sut.OpCode(m.step.Kind)}, fmt.Sprintf("at most %d", l.Limit), fmt.Sprintf("%d steps, %v", m.done.Steps, m.done.Err))
	}
}

// reboot opens a second store on the flash as it is and looks at what that finds. err is what the operation
// before it returned.
func (l *live) reboot(err error) {
	l.stats.Cuts++
	l.stats.Judged++
	j := l.fork
	l.F.Mark()
	before := l.F.Wear()
	defer func() {
		l.F.Rollback()
		for i, w := range l.F.Wear() {
			l.forked[w.Addr] += w.Erases - before[i].Erases
		}
	}()
	j.Exp.CopyFrom(&l.Exp)
	j.Before.CopyFrom(&l.Exp)
	j.Flight = l.Flight
	erases, cells := l.F.Counters().Erases, l.F.Hash()
	if !j.Reopen(sut.RuleOpens, "clean-reboot") {
		return
	}
	// To program again what is there is no change. Another store may mark every open.
	if err == nil && !l.own && !l.pending && l.F.Steps() > 0 && (l.F.Counters().Erases > erases || l.F.Hash() != cells) {
		j.Report(explore.Symptom{Rule: sut.RuleBounded, Kind: "open-writes"}, "no change", fmt.Sprintf("%d steps", l.F.Steps()))
	}
	if !j.Look("clean-reboot") || l.tdb == nil {
		return
	}
	for _, c := range l.checks {
		if c.image != nil {
			c.image(j)
		}
	}
}

// replayLive runs a case without cuts again.
func replayLive(c *Case, w io.Writer, sw *Sweep, env explore.Env) (*explore.Replayed, error) {
	l, err := newLive(sw, c.Steps)
	if err != nil {
		return nil, err
	}
	c.tell(w, len(c.Steps), ", no cut", c.Steps)
	for i := range c.Steps {
		if i == len(c.Steps)-1 {
			l.Film(env.Film, sw.Profile, l.fork)
		}
		l.g = explore.NewGroups() // what earlier operations show is another finding
		if !l.step(i) {
			break
		}
	}
	l.end(len(c.Steps) - 1)
	return &explore.Replayed{Bad: l.g.All(), Base: c.On.Base, Image: l.Image()}, nil
}

package kv

import (
	"context"
	"fmt"
	"io"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/random"
	"dualbank/results"
)

// Fail runs the workload of c on a serial NOR flash, whose driver passes errors on, and lets it fail: at steps of every operation in turn the store is
// opened on the flash as it was before, the step reports an error and has no effect, the power stays on, and
// the store is judged while it runs and after a reboot. MaxCuts bounds the failures. The result is a
// function of c.
func Fail(ctx context.Context, c Sweep) (*explore.Sweep, error) {
	ops, err := c.workload()
	if err != nil {
		return nil, err
	}
	steps := script.Steps(ops)
	keys, once := script.Keys(steps), script.Once(steps)
	l, err := newFailing(&c, steps, keys, once)
	if err != nil {
		return nil, err
	}
	every, of := uint64(1), uint64(1)
	// chosen are the first and last steps of every call of operation i, and evenly spread ones in between.
	chosen := func(i int, rec *explore.Recording) (list []uint64) {
		for n := range rec.Steps {
			call := rec.Call(n)
			if n == call.First || n+1 == call.First+call.Steps() || (n+uint64(i))%every == 0 {
				list = append(list, n)
			}
		}
		return list
	}
	if c.MaxCuts > 0 {
		total, all := uint64(0), []*explore.Recording{}
		for i := range steps {
			all = append(all, l.rehearse(i))
			total += all[i].Steps
			l.follow(i)
		}
		every = total/c.MaxCuts + 1
		if c.Most > 0 { // one of so many, over the whole workload
			n := uint64(0)
			for i, rec := range all {
				n += uint64(len(chosen(i, rec)))
			}
			of = max(1, (n+c.Most-1)/c.Most)
		}
		if l, err = newFailing(&c, steps, keys, once); err != nil {
			return nil, err
		}
	}
	s := &explore.Sweep{Map: results.CutMap{Name: fmt.Sprintf("KVStore workload with device errors, serial NOR, profile %s, %v", c.profile(), &c.Device)}}
	g := explore.NewGroups()
	met := uint64(0)
	for i := range steps {
		if ctx.Err() != nil {
			break
		}
		rec := l.rehearse(i)
		for _, n := range chosen(i, rec) {
			if met++; met%of != 0 || c.Most > 0 && s.Stats.Cuts == c.Most {
				continue
			}
			s.Stats.Cuts++
			s.Stats.Judged++
			for _, v := range l.fail(i, n) {
				g.Add(v, l.places.of(v, n), explore.Hit{Op: i, Step: n, Mode: model.Fail.String()}, model.Fail.String())
			}
		}
		l.follow(i)
	}
	s.Findings = g.Findings(sut.SubjectName, func(at explore.Hit) explore.Case {
		k := c.caseOf(JudgeError, faulted(steps, at), nil)
		k.Keys, k.Once = keys, once // the judge has picked one of all keys
		return k
	})
	return s, ctx.Err()
}

// failing is a store at work, and a second one on forks of its flash whose device fails.
type failing struct {
	*sut.Run
	fork   *sut.Run
	cfg    *Sweep
	steps  []script.Step
	places places // of the operation that was rehearsed last
}

// newFailing is a store that is open on an erased device.
func newFailing(c *Sweep, steps []script.Step, keys, once []string) (*failing, error) {
	f, err := c.Device.Flash()
	if err != nil {
		return nil, err
	}
	l := &failing{cfg: c, steps: steps}
	for _, r := range []**sut.Run{&l.Run, &l.fork} {
		if *r, err = sut.NewRun(f, &c.Device, c.software(), keys, once, sut.LongestValue(steps)); err != nil {
			return nil, err
		}
		(*r).Serial()
		(*r).Own = map[string]bool{sut.MasterKey: true}
	}
	if err := l.Store.Open(); err != nil {
		return nil, explore.FailsAlone("the store does not open on an erased device (%v): %w", &c.Device, err)
	}
	return l, nil
}

// rehearse records what operation i does without a failure, on a fork.
func (l *failing) rehearse(i int) *explore.Recording {
	s := &l.steps[i]
	l.F.Mark()
	defer l.F.Rollback()
	l.F.Boot()
	store := l.fork.Store
	if s.Kind == script.Reboot || store.Open() != nil {
		return &explore.Recording{}
	}
	rec := explore.Record(l.F)
	rec.Ops = []uint64{0}
	l.places = places{cfg: l.cfg, ops: []script.Op{s.Op}, rec: rec}
	if tdb, ok := store.(*kvstore.TDBStore); ok {
		at := tdb.Layout()
		l.places.layout, l.places.rest = []kvstore.Layout{at}, []bool{restIn(l.F, l.cfg.Device.Base, &at)}
	}
	collected := sut.Collections(store)
	_ = sut.Do(&s.Op, store, l.F) // what it returns is expected when the store at work does it
	l.F.Observe(nil)
	if sut.Collections(store) > collected {
		l.places.collections = []results.Span{{Start: 0, End: float64(rec.Steps)}}
	}
	return rec
}

// follow lets the store at work do operation i.
func (l *failing) follow(i int) {
	s := &l.steps[i]
	l.Expect(s, l.Perform(s))
}

// fail does operation i on a fork, with a failure of step n, and judges: the rest of the store is whole, the
// lock is free, the next set succeeds, and a reboot finds the same.
func (l *failing) fail(i int, n uint64) []explore.Violation {
	l.F.Mark()
	defer l.F.Rollback()
	l.judge(i, n)
	bad := l.fork.Bad
	l.fork.Bad = nil
	return bad
}

func (l *failing) judge(i int, n uint64) {
	j := l.fork
	s := l.steps[i]
	s.Fault = explore.Fault{Mode: model.Fail, At: n}
	j.Exp.CopyFrom(&l.Exp)
	j.Before.CopyFrom(&l.Exp)
	if !j.Reopen(sut.RuleOpens, "") {
		return
	}
	d := j.Perform(&s)
	j.Expect(&s, d)
	if k, ok := j.Exp.Index[s.Key]; ok && d.Err != nil {
		j.Flight = k
	}
	j.Resetting = s.Kind == script.Reset && d.Err != nil
	if locks := sut.LocksHeld(j.Store); locks != 0 && s.Kind != script.Abandon {
		j.Report(explore.Symptom{Rule: sut.RuleWorks, Kind: lockKind(locks, 0), Op: sut.OpCode(s.Kind), When: "device-failed"}, "a free lock", fmt.Sprintf("held %d times, error %v", locks, d.Err))
	}
	if j.LookRunning(sut.AfterDeviceError) {
		rnd := random.New(n)
		if key := j.Pick(rnd, j.Flight); key >= 0 && !j.Fixed(key) {
			j.Set(key, rnd, "set-after-error")
		}
	}
	if j.Reopen(sut.RuleOpens, sut.AfterDeviceError) {
		j.Look("error-reboot")
	}
}

// replayError runs a case with a device error again.
func replayError(c *Case, w io.Writer, sw *Sweep, env explore.Env) (*explore.Replayed, error) {
	last := len(c.Steps) - 1
	l, err := newFailing(sw, c.Steps, c.Keys, c.Once)
	if err != nil {
		return nil, err
	}
	if c.After != 0 {
		l.fork.Replace(c.after(sw).software())
	}
	for i := range last {
		l.follow(i)
	}
	rec := l.rehearse(last)
	n := c.Steps[last].Fault.At
	if n >= rec.Steps {
		return nil, fmt.Errorf("kv.script: operation %d has no step %d: the file does not fit this store", last, n)
	}
	c.tell(w, len(c.Steps), "", c.Steps)
	place := l.places.at(n)
	fmt.Fprintf(w, "failure  in operation %d, after %d of its steps, the device reports an error and does nothing: %s\n", last, n, place.PartWords())
	fmt.Fprint(w, rec.Tell(n, 0))
	l.F.Mark()
	l.fork.Film(env.Film, sw.Profile)
	l.judge(last, n)
	return &explore.Replayed{Bad: l.fork.Bad, Base: c.On.Base, Image: l.Image()}, nil
}

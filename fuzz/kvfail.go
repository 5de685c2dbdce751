package fuzz

import (
	"context"
	"fmt"
	"io"

	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/random"
	"dualbank/results"
)

// FailKV runs the workload of c and lets the device fail: at steps of every operation in turn the store is
// opened on the flash as it was before, the step reports an error and has no effect, the power stays on, and
// the store is judged while it runs and after a reboot. MaxCuts bounds the failures. The result is a
// function of c.
func FailKV(ctx context.Context, c KVSweep) (*Sweep, error) {
	ops, err := c.workload()
	if err != nil {
		return nil, err
	}
	l, err := newLive(&c, ops)
	if err != nil {
		return nil, err
	}
	if err := l.j.store.Open(); err != nil {
		return nil, fmt.Errorf("the store does not open on an erased device (%v): %w", &c.Device, err)
	}
	l.opened = true
	every := uint64(1)
	if c.MaxCuts > 0 {
		total := uint64(0)
		for i := range ops {
			total += l.dry(i)
			l.follow(i)
		}
		every = total/c.MaxCuts + 1
		if l, err = newLive(&c, ops); err != nil {
			return nil, err
		}
		if err := l.j.store.Open(); err != nil {
			return nil, err
		}
	}
	for i := range ops {
		if ctx.Err() != nil {
			break
		}
		steps := l.dry(i)
		for n := uint64(0); n < steps; n++ {
			// The first and last steps of every call, and evenly spread ones in between.
			c := &l.run.rec.calls[l.run.rec.at(n)]
			if edge := n == c.first || n+1 == c.first+c.steps(); edge || (n+uint64(i))%every == 0 {
				l.fail(i, n)
			}
		}
		l.follow(i)
	}
	s := &Sweep{Map: results.CutMap{Name: fmt.Sprintf("KVStore workload with device errors, profile %s, %v", c.profile(), &c.Device)}, Stats: l.stats}
	s.Findings = l.g.findings(func(f *Finding, at CutCase) { l.run.describe(f, at, nil) })
	return s, ctx.Err()
}

// dry records what operation i does without a failure, on a fork, and returns its steps.
func (l *live) dry(i int) uint64 {
	op := &l.run.ops[i]
	l.f.Mark()
	defer l.f.Rollback()
	l.f.Boot()
	l.run.rec = &recording{}
	if op.Kind == OpReboot || l.fork.store.Open() != nil {
		return 0
	}
	l.run.rec = record(l.f)
	l.run.rec.ops = []uint64{0}
	collected := collections(l.fork.store)
	if tdb, ok := l.fork.store.(*kvstore.TDBStore); ok {
		l.run.layout = []kvstore.Layout{tdb.Layout()}
	}
	_ = op.do(l.fork.store, l.f) // what it returns is expected when it is done for good
	l.f.Observe(nil)
	l.run.marks = nil
	if collections(l.fork.store) > collected {
		l.run.marks = []results.Span{{Start: 0, End: float64(l.run.rec.steps)}}
	}
	return l.run.rec.steps
}

// follow does operation i for good.
func (l *live) follow(i int) {
	op := &l.run.ops[i]
	j := l.j
	how := succeeded
	if err := op.do(j.store, l.f); err != nil {
		how = maybe
		if refused(err, &KVStep{Op: *op}) {
			return
		}
	}
	j.exp.apply(op, op.value(), how)
}

// fail does operation i on a fork, with a failure of step n, and judges.
func (l *live) fail(i int, n uint64) {
	l.stats.Cuts++
	l.stats.Judged++
	l.f.Mark()
	defer l.f.Rollback()
	op := &l.run.ops[i]
	place := l.placeIn(i, n)
	l.judgeFailure(op, n)
	for _, v := range l.fork.bad {
		l.g.add(v, place, CutCase{Op: i, Step: n, Mode: model.Fail.String()})
	}
	l.fork.bad = nil
}

// placeIn is the place of step n of operation i, which dry has recorded.
func (l *live) placeIn(i int, n uint64) Place {
	whole := l.run.ops
	l.run.ops = whole[i : i+1]
	defer func() { l.run.ops = whole }()
	return l.run.place(n)
}

// judgeFailure judges the store after a failing step n of op: the rest of the store is whole, the lock is
// free, the next set succeeds, and a reboot finds the same.
func (l *live) judgeFailure(op *Op, n uint64) {
	j := l.fork
	j.exp.copyFrom(&l.j.exp)
	j.before.copyFrom(&l.j.exp)
	j.flight, j.second = -1, false
	if !j.reopen(RuleOpens, "") {
		return
	}
	held := func() int {
		if s, ok := j.store.(interface{ LocksHeld() int }); ok {
			return s.LocksHeld()
		}
		return 0
	}
	l.f.Arm(model.Cut{Step: n, Mode: model.Fail})
	err := op.do(j.store, l.f)
	l.f.Disarm()
	how := succeeded
	if err != nil {
		how = maybe
		if k, ok := j.exp.index[op.Key]; ok {
			j.flight = k
		}
	}
	if err == nil || !refused(err, &KVStep{Op: *op, Fault: Fault{Mode: model.Fail}}) {
		j.exp.apply(op, op.value(), how)
	}
	j.resetting = op.Kind == OpReset && err != nil
	if locks := held(); locks != 0 && op.Kind != OpAbandon {
		j.report(RuleWorks, fmt.Sprintf("the store's lock is %s after a %s whose device failed", unlocked(locks, 0), op.Kind.plain()), "a free lock", fmt.Sprintf("held %d times, error %v", locks, err))
	}
	if j.lookRunning(" after a device error") {
		r := random.New(n)
		if key := j.pick(r, j.flight); key >= 0 && !j.fixed(key) {
			j.set(key, r, "the next set after a device error")
		}
	}
	if j.reopen(RuleOpens, " after a device error") {
		j.look(" after a device error and a reboot")
	}
}

// replayFail runs a case with a device error again.
func (c *KVCase) replayFail(w io.Writer, cfg *KVSweep) (*replayed, error) {
	l, err := newLive(cfg, c.Ops)
	if err != nil {
		return nil, err
	}
	l.run.once = l.run.once[:0]
	for _, k := range c.Once {
		if i, ok := l.j.exp.index[k]; ok {
			l.run.once = append(l.run.once, i)
		}
	}
	if err := l.j.store.Open(); err != nil {
		return nil, err
	}
	for i := range c.Cut.Op {
		l.follow(i)
	}
	steps := l.dry(c.Cut.Op)
	if c.Cut.Step >= steps {
		return nil, fmt.Errorf("kv.cut: operation %d has no step %d: the file does not fit this store", c.Cut.Op, c.Cut.Step)
	}
	fmt.Fprintf(w, "device   %v\nprofile  %s\nworkload %d operations, from an erased device\n", &c.Device, c.Profile, len(c.Ops))
	l.run.tellOps(w, c.Cut.Op)
	fmt.Fprintf(w, "failure  in operation %d, after %d of its steps, the device reports an error and does nothing: %s\n", c.Cut.Op, c.Cut.Step, l.placeIn(c.Cut.Op, c.Cut.Step).Part)
	l.run.rec.tell(w, c.Cut.Step, 0)
	l.f.Mark()
	l.judgeFailure(&c.Ops[c.Cut.Op], c.Cut.Step)
	re := &replayed{base: c.Device.Base, image: make([]byte, c.Device.Size), bad: l.fork.bad}
	l.f.Peek(re.base, re.image)
	return re, nil
}

package fuzz

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/results"
)

// LiveKV runs the workload of c without any cut and looks between the operations: what fails although
// nothing is wrong, what a second store finds on the same flash after a clean reboot, iterators that stay
// open across changes, the lock, steps and wear, reserved data of which one copy is damaged. The result is a
// function of c.
func LiveKV(ctx context.Context, c KVSweep) (*Sweep, error) {
	ops, err := c.workload()
	if err != nil {
		return nil, err
	}
	l, err := newLive(&c, ops)
	if err != nil {
		return nil, err
	}
	for i := range ops {
		if ctx.Err() != nil || !l.step(i) {
			break
		}
	}
	l.wear(len(ops) - 1)
	s := &Sweep{Map: results.CutMap{Name: fmt.Sprintf("KVStore workload without a cut, profile %s, %v", c.profile(), &c.Device)}, Stats: l.stats}
	s.Findings = l.g.findings(func(f *Finding, at CutCase) {
		l.run.describe(f, at, nil)
		f.KV.Live = true
	})
	return s, ctx.Err()
}

// workload is the list of operations: those given, or those made, as far as the store gets with them.
func (c *KVSweep) workload() ([]Op, error) {
	if c.Ops != nil {
		return c.Ops, nil
	}
	f, dev, err := c.Device.region()
	if err != nil {
		return nil, err
	}
	store := c.newStore(dev)
	run := &kvRun{cfg: c}
	tdb, _ := store.(*kvstore.TDBStore)
	_, reserves := store.(reserver)
	if store.Open() != nil {
		return []Op{{Kind: OpReboot}}, nil // which is to be found
	}
	next := run.made(newKVWorkload(c.Seed, c.Device.Size/2, reserves, tdb), tdb)
	for range madeOps {
		op, ok := next()
		if !ok {
			break
		}
		run.ops = append(run.ops, op)
		// What fails here is looked at when it happens again.
		if op.do(store, f) != nil && op.Kind == OpReboot {
			break
		}
	}
	return run.ops, nil
}

// live is a store at work and a second one that looks at its flash.
type live struct {
	run     *kvRun
	f       *model.Flash
	tdb     *kvstore.TDBStore // nil: another store
	j       *kvJudge          // with the store at work
	fork    *kvJudge          // with one that is opened anew each time
	g       *groups
	stats   Stats
	walk    *walk
	pending bool // an incremental set was left unfinished since the last open
	refused uint64
	opened  bool
}

func newLive(c *KVSweep, ops []Op) (*live, error) {
	f, dev, err := c.Device.region()
	if err != nil {
		return nil, err
	}
	l := &live{run: &kvRun{cfg: c, ops: ops, rec: &recording{}}, f: f, g: newGroups()}
	longest := 64
	for _, o := range ops {
		longest = max(longest, o.Size)
		if o.Kind.sets() && kvstore.Flags(o.Flags)&kvstore.FlagWriteOnce != 0 {
			l.run.once = append(l.run.once, slices.Index(keysOf(ops), o.Key))
		}
	}
	l.run.before = []expectation{*newExpectation(keysOf(ops))}
	judge := func() *kvJudge {
		return &kvJudge{
			f: f, store: c.newStore(dev), w: l.run, limit: c.Device.stepsAllowed(), own: map[string]bool{"TDBS": true}, flight: -1,
			exp: *newExpectation(keysOf(ops)), before: *newExpectation(keysOf(ops)), buf: make([]byte, longest+1), listed: make([]int, len(keysOf(ops))),
		}
	}
	l.j, l.fork = judge(), judge()
	l.tdb, _ = l.j.store.(*kvstore.TDBStore)
	return l, nil
}

// layout is that of the store at work.
func (l *live) layout() (at kvstore.Layout) {
	if l.tdb != nil {
		at = l.tdb.Layout()
	}
	return at
}

// step performs operation i and looks at what it led to. It tells whether the run can go on.
func (l *live) step(i int) bool {
	op := &l.run.ops[i]
	j := l.j
	if !l.opened {
		l.opened = true
		if err := j.store.Open(); err != nil {
			j.report(RuleOpens, "the store does not open on an erased device: "+name(err), "open succeeds", err.Error())
			l.note(i, "")
			return false
		}
	}
	before, locks, collected := l.layout(), l.locks(), collections(j.store)
	j.before.copyFrom(&j.exp)
	first := l.f.Steps()
	if op.Kind == OpReboot {
		first = 0
	}
	err := op.do(j.store, l.f)
	part := l.where(op, &before)
	if collections(j.store) > collected {
		part += ", with a collection"
	}
	if err != nil && op.Kind == OpReboot {
		j.report(RuleOpens, "the store does not open after a clean reboot: "+name(err), "open succeeds", err.Error())
		l.note(i, part)
		return false
	}
	l.outcome(op, err, &before)
	l.bounds(op, l.f.Steps()-first, err)
	l.lock(op, locks)
	j.flight = -1
	if k, ok := j.exp.index[op.Key]; ok && err != nil {
		j.flight = k
	}
	sound := j.lookRunning("")
	if sound && err == nil {
		l.iterate(op)
	} else {
		l.walk = nil
	}
	l.note(i, part)
	l.reboot(op, err)
	l.note(i, part)
	return sound
}

// lookRunning looks at a store that runs. One that answers wrongly is one violation, whatever the answers
// are: its idea of the flash is wrong. What is expected stays, for what a reboot finds.
func (j *kvJudge) lookRunning(when string) (sound bool) {
	n := len(j.bad)
	var exp expectation
	exp.copyFrom(&j.exp)
	if sound = j.look(" while the store runs"); !sound {
		first := j.bad[n]
		j.bad = j.bad[:n]
		j.exp.copyFrom(&exp)
		j.report(RuleDurable, "a running store gives wrong answers"+when, first.Expected, first.Seen)
	}
	return sound
}

// where is what is special about an operation.
func (l *live) where(op *Op, at *kvstore.Layout) string {
	switch {
	case len(op.Key) >= kvstore.MaxKey:
		return "key of 128 bytes"
	case at.Unit != 0 && op.Kind.keyed() && at.Free+recordSize(op, at.Unit) == at.Size:
		return "the record ends with its area"
	}
	return "without any cut"
}

// recordSize is the number of bytes that the record of op takes on flash.
func recordSize(op *Op, unit uint32) uint32 {
	up := func(n uint32) uint32 { return (n + unit - 1) / unit * unit }
	size := uint32(0)
	if op.Kind.sets() || op.Kind == OpAbandon {
		size = uint32(op.Size)
	}
	return up(24) + up(uint32(len(op.Key))+size)
}

// note groups what was found in operation i.
func (l *live) note(i int, part string) {
	for _, j := range []*kvJudge{l.j, l.fork} {
		for _, v := range j.bad {
			l.g.add(v, Place{Op: l.run.ops[i].Kind.plain(), Part: part}, CutCase{Op: i, Mode: noCut})
		}
		j.bad = nil
	}
}

// outcome judges what an operation returned, and expects what follows from it.
func (l *live) outcome(op *Op, err error, at *kvstore.Layout) {
	j := l.j
	if op.Kind == OpReboot {
		l.pending, l.walk = false, nil
		return
	}
	k, keyed := j.exp.index[op.Key]
	once := keyed && j.exp.keys[k].now != nil && j.exp.keys[k].flags&kvstore.FlagWriteOnce != 0
	switch {
	case err == nil && once && op.Kind != OpAbandon:
		j.report(RuleWriteOnce, "a write-once key takes another "+op.Kind.plain(), "write protected", "success")
	case err == nil:
	case once && errors.Is(err, kvstore.ErrWriteProtected):
		return
	case op.Kind == OpReserved && j.exp.reserved.now != nil:
		return
	case errors.Is(err, kvstore.ErrMediaFull) && !l.fits(op, at):
	default:
		j.report(RuleWorks, fmt.Sprintf("a %s fails although nothing is wrong: %s", op.Kind.plain(), name(err)), "success", fmt.Sprintf("%v: %v", op, err))
	}
	how := succeeded
	if err != nil {
		how = maybe
	}
	j.exp.apply(op, op.value(), how)
	l.pending = l.pending && err != nil || op.Kind == OpAbandon
}

// fits tells whether the record of op has room beside those of the live keys.
func (l *live) fits(op *Op, at *kvstore.Layout) bool {
	if at.Unit == 0 {
		return false // nothing is known of such a store
	}
	used := recordSize(op, at.Unit)
	for i := range l.j.exp.keys {
		k := &l.j.exp.keys[i]
		if n := max(len(k.now), len(k.other)); k.now != nil || k.either {
			used += recordSize(&Op{Kind: OpSet, Key: k.name, Size: n}, at.Unit)
		}
	}
	return used <= at.Size-at.First
}

// bounds is rules 8 and 9 for one operation.
func (l *live) bounds(op *Op, steps uint64, err error) {
	if c := l.f.Counters(); c.Refused+c.RefusedReads != l.refused {
		l.refused = c.Refused + c.RefusedReads
		l.j.report(RuleRegion, "the store asks the device for what it cannot do", "operations within the region and the part's rules", fmt.Sprintf("%v is refused", op))
	}
	if limit := l.run.cfg.Device.stepsAllowed(); steps > limit {
		l.j.report(RuleBounded, fmt.Sprintf("a %s takes too many steps", op.Kind.plain()), fmt.Sprintf("at most %d", limit), fmt.Sprintf("%d steps, %v", steps, err))
	}
}

// locks is how often the store's lock is held.
func (l *live) locks() int {
	if s, ok := l.j.store.(interface{ LocksHeld() int }); ok {
		return s.LocksHeld()
	}
	return 0
}

// lock: an operation that is over holds no lock that it took.
func (l *live) lock(op *Op, before int) {
	held := l.locks()
	switch op.Kind {
	case OpReboot:
		before = 0
	case OpAbandon:
		return
	}
	if held != before {
		l.j.report(RuleWorks, fmt.Sprintf("the store's lock is %s after a %s", unlocked(held, before), op.Kind.plain()), fmt.Sprintf("held %d times", before), fmt.Sprintf("held %d times", held))
	}
}

// unlocked says what is wrong with a lock.
func unlocked(held, want int) string {
	if held < want {
		return "released once too often"
	}
	return "still held"
}

// reboot opens a second store on the flash as it is and looks at what that finds.
func (l *live) reboot(op *Op, err error) {
	l.stats.Cuts++
	l.stats.Judged++
	j := l.fork
	l.f.Mark()
	defer l.f.Rollback()
	j.exp.copyFrom(&l.j.exp)
	j.before.copyFrom(&l.j.exp)
	j.flight = l.j.flight
	if !j.reopen(RuleOpens, " after a clean reboot") {
		return
	}
	if err == nil && !l.pending && l.f.Steps() > 0 {
		j.report(RuleBounded, "an open changes a flash that needs no repair", "no steps", fmt.Sprintf("%d steps", l.f.Steps()))
	}
	if !j.look(" after a clean reboot") {
		return
	}
	if l.tdb != nil {
		l.copies(j)
		l.padding(j)
	}
}

// copies: reserved data is there twice, so that it survives the loss of either copy; a buffer that is too
// small is refused and not overrun.
func (l *live) copies(j *kvJudge) {
	want := j.exp.reserved
	if want.now == nil || want.either || len(want.now) < 2 {
		return
	}
	store := j.store.(*kvstore.TDBStore)
	at := store.Layout()
	buf := make([]byte, 96)
	short := buf[:len(want.now)/2]
	n, err := store.Reserved(short)
	if slices.ContainsFunc(buf[len(short):], func(b byte) bool { return b != 0 }) {
		j.report(RuleReserved, "reserved data is written past the end of the caller's buffer", fmt.Sprintf("an error, %d bytes at most", len(short)), fmt.Sprintf("%d bytes, error %v", n, err))
	}
	for _, base := range at.Base {
		l.f.Mark()
		l.f.Poke(l.run.cfg.Device.Base+base, make([]byte, 72))
		l.f.Boot()
		if err := store.Open(); err == nil {
			n, err := store.Reserved(buf)
			if v := buf[:n]; err != nil || !same(v, want.now) {
				j.report(RuleReserved, "reserved data is lost with one of its copies", describe(want.now), fmt.Sprintf("%d bytes, error %v", n, err))
			}
		}
		l.f.Rollback()
	}
}

// padding: between a record's header and its key, flash holds nothing that nobody stored.
func (l *live) padding(j *kvJudge) {
	at := j.store.(*kvstore.TDBStore).Layout()
	up := (24 + at.Unit - 1) / at.Unit * at.Unit
	if up == 24 {
		return
	}
	p := make([]byte, up)
	for off := at.First; off+up <= at.Free; {
		l.f.Peek(l.run.cfg.Device.Base+at.Base[at.Active]+off, p)
		gap := p[24:]
		if (gap[0] != 0 && gap[0] != 0xFF) || slices.ContainsFunc(gap, func(b byte) bool { return b != gap[0] }) {
			j.report(RuleNoMore, "the padding of a record holds bytes that nobody stored", "zeros or erased bytes", fmt.Sprintf("% X", gap))
			return
		}
		key, data := uint32(p[12])|uint32(p[13])<<8, uint32(p[16])|uint32(p[17])<<8|uint32(p[18])<<16
		off += up + (key+data+at.Unit-1)/at.Unit*at.Unit
	}
}

// walk is an iterator that stays open while the store is used.
type walk struct {
	it   kvstore.Iterator
	must []bool // by key: it was there all the time
	seen []bool
}

// iterate takes a step of the iterator that is open, after op succeeded.
func (l *live) iterate(op *Op) {
	j := l.j
	if op.Kind == OpReboot || op.Kind == OpReset || op.Kind == OpAbandon {
		l.walk = nil
		return
	}
	if l.walk == nil {
		it, err := j.store.Iterate("")
		if err != nil {
			j.report(RuleNoMore, "the keys cannot be listed while the store runs: "+name(err), "an iterator", err.Error())
			return
		}
		l.walk = &walk{it: it, must: make([]bool, len(j.exp.keys)), seen: make([]bool, len(j.exp.keys))}
		for i := range j.exp.keys {
			l.walk.must[i] = j.exp.keys[i].now != nil
		}
	} else if op.Key != "" {
		if i := j.exp.index[op.Key]; j.exp.keys[i].now == nil || j.before.keys[i].now == nil {
			l.walk.must[i] = false
		}
	}
	w := l.walk
	key, err := w.it.Next()
	switch i, ok := j.exp.index[key]; {
	case errors.Is(err, kvstore.ErrItemNotFound):
		for i, must := range w.must {
			if must && !w.seen[i] {
				j.report(RuleNoMore, "an open iterator leaves out a key while others are set and removed", "each key once", fmt.Sprintf("%q is left out", j.exp.keys[i].name))
			}
		}
		_ = w.it.Close() // an error of it shows with the next iterator
		l.walk = nil
	case err != nil:
		j.report(RuleNoMore, "an open iterator fails while keys are set and removed: "+name(err), "the next key", err.Error())
		l.walk = nil
	case !ok:
	case j.exp.keys[i].now == nil:
		j.report(RuleNoMore, "an open iterator lists a key that was removed", "keys that exist", fmt.Sprintf("%q", key))
	case w.seen[i] && w.must[i]:
		j.report(RuleNoMore, "an open iterator lists a key twice while others are set and removed", "each key once", fmt.Sprintf("%q is listed again", key))
	default:
		w.seen[i] = true
	}
}

// wear compares the erases of the two areas.
func (l *live) wear(last int) {
	if l.tdb == nil || !l.opened || last < 0 {
		return
	}
	at := l.tdb.Layout()
	var most [2]uint32
	for _, w := range l.f.Wear() {
		off := w.Addr - l.run.cfg.Device.Base
		for a := range most {
			if off >= at.Base[a] && off < at.Base[a]+at.Size {
				most[a] = max(most[a], w.Erases)
			}
		}
	}
	if most[0] > 2*most[1]+4 || most[1] > 2*most[0]+4 {
		l.j.report(RuleBounded, "one area is erased far more often than the other", "at most twice as often", fmt.Sprintf("%d and %d erases", most[0], most[1]))
		l.note(last, "without any cut")
	}
}

// replayLive runs the case again.
func (c *KVCase) replayLive(w io.Writer, cfg *KVSweep) (*replayed, error) {
	l, err := newLive(cfg, c.Ops)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(w, "device   %v\nprofile  %s\nworkload %d operations from an erased device, no cut\n", &c.Device, c.Profile, len(c.Ops))
	l.run.tellOps(w, len(c.Ops)-1)
	re := &replayed{base: c.Device.Base, image: make([]byte, c.Device.Size)}
	for i := range c.Ops {
		l.g = newGroups() // what earlier operations show is another finding
		if !l.step(i) {
			break
		}
	}
	l.wear(len(c.Ops) - 1)
	for _, g := range l.g.order {
		re.bad = append(re.bad, g.V)
	}
	l.f.Peek(re.base, re.image)
	return re, nil
}

// plain is the operation in plain words.
func (k OpKind) plain() string {
	switch k {
	case OpPieces:
		return "set in pieces"
	case OpAbandon:
		return "set left unfinished"
	case OpReserved:
		return "set of reserved data"
	}
	return string(k)
}

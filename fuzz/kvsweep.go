package fuzz

import (
	"context"
	"fmt"
	"math"

	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/random"
	"dualbank/results"
)

// KVSweep cuts the power at every step of a KVStore workload.
type KVSweep struct {
	Device      Device
	Profile     kvstore.Profile
	New         func(kvstore.BlockDevice) kvstore.Store // a store of your own; nil: TDBStore in Profile
	Seed        uint64
	Ops         []Op            // the workload; nil: one made from Seed for the size of the device
	Collections uint64          // of a made workload on TDBStore: it goes on until so many garbage collections are over
	Modes       []string        // names of modes; nil: before, after, torn
	MaxCuts     uint64          // 0: every step; else steps are drawn so that about this many cuts result
	Deep        bool            // also cut every step of the recovery and of the set after it
	DeepSteps   uint64          // with Deep: about so many of these steps; 0: every one
	Workers     int             // 0: one for each processor
	Defects     kvstore.Defects // defects of the past that the store shows
	Secure      bool            // the store is a SecureStore over two TDBStores, see secureStore
	plain       bool            // read every record anew, for comparison
	Journal     string          // file that keeps what is explored; a sweep that was stopped goes on from it. "": none
}

// identity is what the outcome depends on, for a journal.
func (c *KVSweep) identity() any {
	return []any{"kv", c.Device, c.profile(), c.Seed, c.Ops, c.Collections, c.Modes, c.MaxCuts, c.Deep, c.DeepSteps, c.Defects, c.Secure}
}

// newStore makes the store under test.
func (c *KVSweep) newStore(dev kvstore.BlockDevice) kvstore.Store {
	if c.New != nil {
		return c.New(dev)
	}
	opts := kvstore.Options{Profile: c.Profile, Memo: !c.plain, Defects: c.Defects}
	if c.Secure {
		return newSecureStore(dev, opts)
	}
	return kvstore.NewTDB(dev, opts)
}

// kvRun is a recorded run of a KVStore workload.
type kvRun struct {
	cfg     *KVSweep
	ops     []Op
	values  [][]byte
	before  []expectation // before operation i; one more for the end
	once    []int         // keys that the run sets with the write-once flag
	longest int           // bytes of the longest value
	rec     *recording
	marks   []results.Span // garbage collections, in steps
	layout  []kvstore.Layout
	// collected is the number of operations until the last collection asked for.
	collected int
}

var defaultModes = []string{"before", "after", "torn"}

func parseModes(names []string) ([]model.Mode, error) {
	if len(names) == 0 {
		names = defaultModes
	}
	var modes []model.Mode
	for _, n := range names {
		m, ok := model.ModeByName(n)
		if !ok || m == model.Fail {
			return nil, fmt.Errorf("mode %q is unknown: use before, after, torn, prefix, weak or ecc", n)
		}
		modes = append(modes, m)
	}
	return modes, nil
}

// SweepKV runs the sweep. When ctx ends, it returns what was explored until then together with
// ctx's error. The result is a function of c, whatever the number of workers.
func SweepKV(ctx context.Context, c KVSweep, progress func(done, total uint64)) (*Sweep, error) {
	modes, err := parseModes(c.Modes)
	if err != nil {
		return nil, err
	}
	run, err := recordKV(&c, nil, nil)
	if err != nil {
		return nil, err
	}
	own, bad, err := run.undisturbed()
	if err != nil {
		return nil, err
	}
	x := exploration{
		rec: run.rec, modes: modes, seed: c.Seed, workers: c.Workers,
		chunk:    chunkSteps,
		newFlash: c.Device.flash,
		newJudge: func(f *model.Flash) (judge, error) { return newKVJudge(run, f, own) },
		where:    run.where,
	}
	if c.Deep {
		x.chunk = deepChunkSteps
	}
	s := &Sweep{Map: results.CutMap{Name: fmt.Sprintf("KVStore workload, profile %s, %v", c.profile(), &c.Device) + c.depth(), Marks: run.marks}}
	g := newGroups()
	for _, v := range bad {
		p := Place{Op: "reboot", Part: "without any cut"}
		if v.Second {
			p = secondCut
		}
		g.add(v, p, CutCase{Op: len(run.ops), Mode: noCut})
	}
	err = x.sweep(ctx, s, g, c.MaxCuts, c.Journal, c.identity(), progress)
	s.Findings = g.findings(func(f *Finding, at CutCase) { run.describe(f, at, own) })
	return s, err
}

// depth says how deep the sweep goes.
func (c *KVSweep) depth() string {
	switch {
	case !c.Deep:
		return ""
	case c.DeepSteps == 0:
		return ", a second cut at every step of the recovery"
	}
	return fmt.Sprintf(", second cuts at some %d steps of each recovery", c.DeepSteps)
}

// madeOps is the length of a made workload for a store that does not tell of its collections.
const madeOps = 400

// recordKV runs the workload once. keys and once are those that the judge is to know; nil: those of
// the workload.
func recordKV(c *KVSweep, keys, once []string) (*kvRun, error) {
	f, dev, err := c.Device.region()
	if err != nil {
		return nil, err
	}
	store := c.newStore(dev)
	run := &kvRun{cfg: c}
	if err := store.Open(); err != nil {
		return nil, fmt.Errorf("the store does not open on an erased device (%v): %w", &c.Device, err)
	}
	tdb, _ := store.(*kvstore.TDBStore)
	run.rec = record(f)
	next := run.given
	if c.Ops == nil {
		_, reserves := store.(reserver)
		next = run.made(newKVWorkload(c.Seed, c.Device.Size/2, reserves, tdb), tdb)
	}
	var how []known
	for {
		op, ok := next()
		if !ok {
			break
		}
		run.rec.operation()
		if tdb != nil {
			run.layout = append(run.layout, tdb.Layout())
		}
		first, gcs := run.rec.steps, collections(store)
		k := succeeded
		if err := op.do(store, f); err != nil {
			if op.Kind == OpReboot {
				return nil, fmt.Errorf("the store does not open after operation %d, without any cut: %w", len(run.ops), err)
			}
			k = maybe
		}
		how = append(how, k)
		run.ops = append(run.ops, op)
		run.values = append(run.values, op.value())
		run.longest = max(run.longest, op.Size)
		if n := collections(store); n > gcs {
			run.marks = append(run.marks, results.Span{Name: fmt.Sprintf("GC %d", n), Start: float64(first), End: float64(run.rec.steps), Share: 1})
		}
	}
	run.rec.operation()
	f.Observe(nil)
	if keys == nil {
		keys = keysOf(run.ops)
		for _, o := range run.ops {
			if o.Kind.sets() && kvstore.Flags(o.Flags)&kvstore.FlagWriteOnce != 0 {
				once = append(once, o.Key)
			}
		}
	}
	run.expect(how, keys, once)
	run.longest = max(run.longest, 64)
	return run, nil
}

// given takes the next operation from the list.
func (run *kvRun) given() (Op, bool) {
	if i := len(run.ops); i < len(run.cfg.Ops) {
		return run.cfg.Ops[i], true
	}
	return Op{}, false
}

// made makes operations until the collections asked for are over, and a few more.
func (run *kvRun) made(w *kvWorkload, tdb *kvstore.TDBStore) func() (Op, bool) {
	last := madeOps
	return func() (Op, bool) {
		if tdb != nil {
			last = math.MaxInt
			if tdb.Collections() >= max(run.cfg.Collections, 1) {
				last = run.collected + 8
			} else {
				run.collected = len(run.ops)
			}
		}
		return w.next(), len(run.ops) < last
	}
}

func collections(s kvstore.Store) uint64 {
	if c, ok := s.(interface{ Collections() uint64 }); ok {
		return c.Collections()
	}
	return 0
}

// expect works out what must hold before each operation.
func (run *kvRun) expect(how []known, keys, once []string) {
	e := newExpectation(keys)
	for _, k := range once {
		run.once = append(run.once, e.index[k])
	}
	for i := range run.ops {
		var b expectation
		b.copyFrom(e)
		run.before = append(run.before, b)
		o := &run.ops[i]
		e.apply(o, run.values[i], how[i])
	}
	run.before = append(run.before, *e)
}

// undisturbed judges the end of the run without any cut. A key that the store lists of its own
// accord is one violation, and is expected from then on: it is no matter of power.
func (run *kvRun) undisturbed() (own map[string]bool, bad []Violation, err error) {
	f, err := run.end()
	if err != nil {
		return nil, nil, err
	}
	j, err := newKVJudge(run, f, nil)
	if err != nil {
		return nil, nil, err
	}
	own = map[string]bool{}
	if err := j.store.Open(); err != nil {
		return nil, nil, fmt.Errorf("the store does not open at the end of the run, without any cut: %w", err)
	}
	it, err := j.store.Iterate("")
	if err != nil {
		return nil, nil, fmt.Errorf("the store cannot be listed at the end of the run, without any cut: %w", err)
	}
	for range len(j.listed) + 16 {
		key, err := it.Next()
		if err != nil {
			break
		}
		if _, ok := run.before[0].index[key]; !ok && !own[key] {
			own[key] = true
			bad = append(bad, Violation{
				Rule: RuleNoMore, Symptom: fmt.Sprintf("the store lists a key of its own after a clean reopen: %q", key),
				Expected: "the keys that were set", Seen: fmt.Sprintf("%q is listed too", key),
			})
		}
	}
	if err := it.Close(); err != nil {
		return nil, nil, err
	}
	j.own = own
	j.begin(len(run.ops))
	v, _, err := j.judge(f, len(run.ops), model.Before, f.Hash())
	return own, append(bad, v...), err
}

// pick chooses the steps to cut: all of them, or with most above 0 about most: every erase, the
// first and last few steps of every call, and evenly spread ones in between.
func (r *recording) pick(most, seed uint64) ([]uint64, string) {
	if most == 0 || r.steps <= most {
		all := make([]uint64, r.steps)
		for i := range all {
			all[i] = uint64(i)
		}
		return all, "every step"
	}
	const edge = 4
	var steps []uint64
	every := max(r.steps/most, 1)
	shift := random.New(seed).Uint64() % every
	for i := range r.calls {
		c := &r.calls[i]
		last := c.first + c.steps()
		for s := c.first; s < last; {
			if s < c.first+edge || s+edge >= last || (s+shift)%every == 0 {
				steps = append(steps, s)
				s++
				continue
			}
			s = min(s+every-(s+shift)%every, last-edge)
		}
	}
	return steps, fmt.Sprintf("every erase, the first and last %d steps of every call, and every %dth step", edge, every)
}

// Package fuzz cuts the power at every step of a run and judges what is left: which of the rules
// of a key-value store or of a firmware update a recovery breaks.
//
// A run is recorded once. At every step the cells are forked, the step is left as a mode says, the
// software boots on what is there, and oracles look at it; then the fork is thrown away. The cost of
// a cut is that of recovery and judging, not of the history before it.
package fuzz

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/random"
	"dualbank/results"
)

// Violation is one rule that a recovery broke. Rule is its number in the list of rules for the
// subject; Symptom says in plain words how it shows, the same for equal causes; Detail adds what was
// expected and seen in this very case.
type Violation struct {
	Rule     int    `json:"rule"`
	Symptom  string `json:"symptom"`
	Expected string `json:"expected"`
	Seen     string `json:"seen"`
	Second   bool   `json:"second,omitempty"` // a second cut came in between: where the first one was does not matter
}

// judge looks at a flash after a cut: it boots and uses it as it likes, and says what is broken.
// Equal cells under the same operation give equal answers. A judge serves one worker.
type judge interface {
	// begin tells that the cuts that follow hit operation op.
	begin(op int)
	// judge is called with the power on again; hash is that of the cells as the cut left them. second counts
	// the further cuts that it explored.
	judge(f *model.Flash, op int, mode model.Mode, hash uint64) (bad []Violation, second uint64, err error)
}

// exploration is a sweep of cuts over a recording.
type exploration struct {
	rec      *recording
	steps    []uint64 // to be cut, ascending
	modes    []model.Mode
	seed     uint64
	chunk    int // steps that a worker takes at a time
	workers  int // 0: one for each processor
	newFlash func() (*model.Flash, error)
	newJudge func(*model.Flash) (judge, error)
	where    func(v Violation, step uint64) Place
	plain    bool     // judge equal states again, for comparison
	journal  *journal // nil: nothing is kept for a later run
}

// Sweep is what a sweep found, and what it covered.
type Sweep struct {
	Map      results.CutMap
	Findings []Finding
	Stats    Stats
}

// Stats says how much work a sweep was.
type Stats struct {
	Cuts   uint64 `json:"cuts"`   // cuts explored
	Judged uint64 `json:"judged"` // of these, recovered and judged
	Equal  uint64 `json:"equal"`  // of these, the cells and the operation were those of a cut judged before
	Second uint64 `json:"second"` // second cuts explored beside the one that every judgement ends with
}

func (s *Stats) add(o Stats) {
	s.Cuts += o.Cuts
	s.Judged += o.Judged
	s.Equal += o.Equal
	s.Second += o.Second
}

// chunk is what a worker takes at a time: consecutive steps to be cut, and what came out.
type chunk struct {
	steps []uint64
	start *cell.Snapshot // cells before the first of steps
	done  bool
	chunkResult
}

// chunkResult is what a journal keeps of a chunk.
type chunkResult struct {
	Stats  Stats              `json:"stats"`
	Groups []*group           `json:"groups"`
	Rows   [][]results.CutRun `json:"rows"`             // by mode
	Island *islandResult      `json:"island,omitempty"` // of a guided search
}

// Steps of a chunk. They are constants, so that what is judged and what is recognised as equal does not
// depend on the number of workers. A kill loses the chunks that are being explored, no more.
const (
	chunkSteps     = 2048
	deepChunkSteps = 128
)

// cutSeed is the seed of the randomness in one cut.
func cutSeed(seed, step uint64, mode int) uint64 {
	return random.New(seed ^ step*0x9E3779B97F4A7C15 ^ uint64(mode)<<56).Uint64()
}

// sweep explores most cuts, 0 for every one, and adds what comes out to s and g. An error leaves what is
// complete until then.
func (x *exploration) sweep(ctx context.Context, s *Sweep, g *groups, most uint64, path string, identity any, progress func(done, total uint64)) error {
	if path != "" {
		var err error
		if x.journal, err = openJournal(path, []any{identity, x.chunk}); err != nil {
			return err
		}
		defer x.journal.close()
	}
	x.steps, s.Map.Sampling = x.rec.pick(most/uint64(len(x.modes)), x.seed)
	s.Map.Steps = x.rec.steps
	all, err := x.run(ctx, progress)
	if all == nil {
		return err
	}
	s.Stats = all.Stats
	s.Map.Explored = all.Stats.Cuts
	for m, runs := range all.Rows {
		s.Map.Rows = append(s.Map.Rows, results.CutRow{Mode: x.modes[m].String(), Runs: runs})
	}
	for _, gr := range all.Groups {
		g.merge(gr)
	}
	return err
}

// run explores. When ctx ends early it returns what is complete until then, and ctx's error.
func (x *exploration) run(ctx context.Context, progress func(done, total uint64)) (*chunkResult, error) {
	var chunks []*chunk
	for rest := x.steps; len(rest) > 0; {
		n := min(len(rest), x.chunk)
		c := &chunk{steps: rest[:n]}
		c.done = x.journal.load(len(chunks), &c.chunkResult)
		chunks = append(chunks, c)
		rest = rest[n:]
	}
	if err := x.snapshots(chunks); err != nil {
		return nil, err
	}
	err := x.work(ctx, chunks, progress)
	all := &chunkResult{Rows: make([][]results.CutRun, len(x.modes))}
	g := newGroups()
	for _, c := range chunks {
		if !c.done {
			break
		}
		all.Stats.add(c.Stats)
		for _, gr := range c.Groups {
			g.merge(gr)
		}
		for m, runs := range c.Rows {
			for _, r := range runs {
				all.Rows[m] = appendRun(all.Rows[m], r)
			}
		}
	}
	all.Groups = g.order
	return all, err
}

// snapshots runs the recording once and keeps the cells before each chunk that is to be explored.
func (x *exploration) snapshots(chunks []*chunk) error {
	f, err := x.newFlash()
	if err != nil {
		return err
	}
	f.Restore(x.rec.start)
	now := uint64(0)
	for _, c := range chunks {
		if c.done {
			continue
		}
		if err := x.rec.do(f, now, c.steps[0]); err != nil {
			return fmt.Errorf("fuzz: the recorded run does not repeat at step %d: %w", now, err)
		}
		now = c.steps[0]
		c.start = f.Snapshot()
	}
	return nil
}

// work has the workers explore all chunks that are not done.
func (x *exploration) work(ctx context.Context, chunks []*chunk, progress func(done, total uint64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	total := uint64(len(x.steps)) * uint64(len(x.modes))
	var mu sync.Mutex // guards what follows and the journal
	next, cuts := 0, uint64(0)
	take := func() (int, *chunk) {
		mu.Lock()
		defer mu.Unlock()
		for ; next < len(chunks); next++ {
			if c := chunks[next]; !c.done {
				next++
				return next - 1, c
			}
			cuts += chunks[next].Stats.Cuts
		}
		return 0, nil
	}
	finish := func(i int, c *chunk) error {
		mu.Lock()
		defer mu.Unlock()
		c.done, c.start = true, nil
		if cuts += c.Stats.Cuts; progress != nil {
			progress(cuts, total)
		}
		return x.journal.save(i, &c.chunkResult)
	}
	var wg sync.WaitGroup
	n := x.workers
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	for range n {
		wg.Go(func() {
			w, err := x.worker()
			for err == nil && ctx.Err() == nil {
				i, c := take()
				if c == nil {
					return
				}
				if err = w.explore(ctx, c); err == nil {
					err = finish(i, c)
				}
			}
			if err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	for _, c := range chunks {
		if !c.done {
			return context.Cause(ctx)
		}
	}
	return nil
}

type worker struct {
	x    *exploration
	f    *model.Flash
	j    judge
	seen map[state][]Violation
}

// state is what a judgement depends on. The operation stands for everything that is expected.
type state struct {
	hash uint64
	op   int
}

func (x *exploration) worker() (*worker, error) {
	f, err := x.newFlash()
	if err != nil {
		return nil, err
	}
	j, err := x.newJudge(f)
	return &worker{x: x, f: f, j: j, seen: map[state][]Violation{}}, err
}

// explore cuts at each step of c.
func (w *worker) explore(ctx context.Context, c *chunk) error {
	x := w.x
	c.chunkResult = chunkResult{Rows: make([][]results.CutRun, len(x.modes))}
	g := newGroups()
	clear(w.seen)
	w.f.Restore(c.start)
	now, last := c.steps[0], -1
	for _, step := range c.steps {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := x.rec.do(w.f, now, step); err != nil {
			return fmt.Errorf("fuzz: the recorded run does not repeat at step %d: %w", now, err)
		}
		now = step
		op := x.rec.op(step)
		if op != last {
			w.j.begin(op)
			last = op
		}
		for m, mode := range x.modes {
			seed := cutSeed(x.seed, step, m)
			bad, second, equal, err := w.cut(step, mode, seed, op)
			if err != nil {
				return fmt.Errorf("fuzz: step %d, mode %v: %w", step, mode, err)
			}
			c.Stats.Cuts++
			c.Stats.Second += second
			if equal {
				c.Stats.Equal++
			} else {
				c.Stats.Judged++
			}
			at := CutCase{Op: op, Step: step - x.rec.ops[op], Mode: mode.String(), Seed: seed}
			for _, v := range bad {
				g.add(v, x.where(v, step), at)
			}
			c.Rows[m] = appendRun(c.Rows[m], cutRun(step, bad))
		}
	}
	c.Groups = g.order
	return nil
}

// cut forks the cells, leaves step as the mode says, and judges. equal tells that the same state was
// judged before.
func (w *worker) cut(step uint64, mode model.Mode, seed uint64, op int) (bad []Violation, second uint64, equal bool, err error) {
	f := w.f
	f.Mark()
	defer f.Rollback()
	f.Arm(model.Cut{Mode: mode, Seed: seed})
	err = w.x.rec.do(f, step, step+1)
	if !f.Off() {
		return nil, 0, false, fmt.Errorf("the cut did not hit: %w", err)
	}
	f.Boot()
	at := state{f.Hash(), op}
	if bad, equal = w.seen[at]; equal && !w.x.plain {
		return bad, 0, true, nil
	}
	if bad, second, err = w.j.judge(f, op, mode, at.hash); err != nil {
		return nil, 0, false, err
	}
	w.seen[at] = bad
	return bad, second, false, nil
}

// cutRun is the outcome of one cut: the first of the rules that it breaks.
func cutRun(step uint64, bad []Violation) results.CutRun {
	r := results.CutRun{First: step, Last: step, Cuts: 1, Outcome: "ok"}
	for _, v := range bad {
		if r.Rule == 0 || v.Rule < r.Rule {
			r.Rule, r.Outcome = v.Rule, v.Symptom
		}
	}
	return r
}

// appendRun codes outcomes by run length. r follows the runs in the order of steps explored.
func appendRun(runs []results.CutRun, r results.CutRun) []results.CutRun {
	if n := len(runs); n > 0 && runs[n-1].Rule == r.Rule && runs[n-1].Outcome == r.Outcome {
		runs[n-1].Last = r.Last
		runs[n-1].Cuts += r.Cuts
		return runs
	}
	return append(runs, r)
}

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
	"sync"
	"sync/atomic"

	"dualbank/model"
)

// Violation is one rule that a recovery broke. Rule is its number in the list of rules for the
// subject; Symptom says in plain words how it shows, the same for equal causes; Detail adds what was
// expected and seen in this very case.
type Violation struct {
	Rule     int    `json:"rule"`
	Symptom  string `json:"symptom"`
	Expected string `json:"expected"`
	Seen     string `json:"seen"`
	second   bool   // a second cut came in between: where the first one was does not matter
}

// judge looks at a flash after a cut: it boots and uses it as it likes, and says what is broken.
// Equal cells under the same operation give equal answers. A judge serves one worker.
type judge interface {
	// begin tells that the cuts that follow hit operation op.
	begin(op int)
	// judge is called with the power on again; hash is that of the cells as the cut left them.
	judge(f *model.Flash, op int, mode model.Mode, hash uint64) ([]Violation, error)
}

// exploration is a sweep of cuts over a recording.
type exploration struct {
	rec      *recording
	steps    []uint64 // to be cut, ascending
	modes    []model.Mode
	seed     uint64
	workers  int
	newFlash func() (*model.Flash, error)
	newJudge func(*model.Flash) (judge, error)
}

// outcome is the judgement of one cut.
type outcome struct {
	step uint64
	mode int
	bad  []Violation
}

// Stats says how much work a sweep was.
type Stats struct {
	Cuts   uint64 `json:"cuts"`   // cuts explored
	Judged uint64 `json:"judged"` // of these, recovered and judged
	Equal  uint64 `json:"equal"`  // of these, the cells and the operation were those of a cut judged before
}

// chunkSteps bounds what one worker takes at a time. It is a constant, so that what is judged and
// what is recognised as equal does not depend on the number of workers.
const chunkSteps = 2048

// cutSeed is the seed of the randomness in one cut.
func cutSeed(seed, step uint64, mode int) uint64 {
	return model.NewRand(seed ^ step*0x9E3779B97F4A7C15 ^ uint64(mode)<<56).Uint64()
}

// run explores and returns the cuts that broke a rule, in order of step and mode. When ctx ends it
// returns what was explored until then, and ctx's error; done says up to which step all is explored.
func (x *exploration) run(ctx context.Context, progress func(done, total uint64)) (bad []outcome, st Stats, done uint64, err error) {
	type chunk struct {
		steps []uint64
		bad   []outcome
		stats Stats
		ok    bool
	}
	var chunks []*chunk
	for rest := x.steps; len(rest) > 0; {
		n := min(len(rest), chunkSteps)
		chunks = append(chunks, &chunk{steps: rest[:n]})
		rest = rest[n:]
	}
	starts, err := x.snapshots(func(i int) (uint64, bool) {
		if i >= len(chunks) {
			return 0, false
		}
		return chunks[i].steps[0], true
	})
	if err != nil {
		return nil, st, 0, err
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next, finished atomic.Int64
	var cuts atomic.Uint64
	total := uint64(len(x.steps)) * uint64(len(x.modes))
	var wg sync.WaitGroup
	for range max(1, x.workers) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w, err := x.worker()
			if err != nil {
				cancel(err)
				return
			}
			for {
				i := int(next.Add(1)) - 1
				if i >= len(chunks) || ctx.Err() != nil {
					return
				}
				c := chunks[i]
				if c.bad, c.stats, err = w.explore(ctx, starts[i], c.steps); err != nil {
					cancel(err)
					return
				}
				c.ok = true
				finished.Add(1)
				if n := cuts.Add(c.stats.Cuts); progress != nil {
					progress(n, total)
				}
			}
		}()
	}
	wg.Wait()
	for _, c := range chunks {
		if !c.ok {
			break
		}
		bad = append(bad, c.bad...)
		st.Cuts += c.stats.Cuts
		st.Judged += c.stats.Judged
		st.Equal += c.stats.Equal
		done = c.steps[len(c.steps)-1] + 1
	}
	if int(finished.Load()) == len(chunks) {
		return bad, st, x.rec.steps, nil
	}
	return bad, st, done, context.Cause(ctx)
}

// snapshots runs the recording once and keeps the cells before the steps that at names, in order.
func (x *exploration) snapshots(at func(i int) (uint64, bool)) ([]*model.Snapshot, error) {
	f, err := x.newFlash()
	if err != nil {
		return nil, err
	}
	f.Restore(x.rec.start)
	var s []*model.Snapshot
	now := uint64(0)
	for i := 0; ; i++ {
		step, ok := at(i)
		if !ok {
			return s, nil
		}
		if err := x.rec.do(f, now, step); err != nil {
			return nil, fmt.Errorf("fuzz: the recorded run does not repeat at step %d: %w", now, err)
		}
		now = step
		s = append(s, f.Snapshot())
	}
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

// explore cuts at each of steps; start holds the cells before the first of them.
func (w *worker) explore(ctx context.Context, start *model.Snapshot, steps []uint64) (bad []outcome, st Stats, err error) {
	clear(w.seen)
	w.f.Restore(start)
	now := steps[0]
	last := -1
	for _, step := range steps {
		if ctx.Err() != nil {
			return nil, st, ctx.Err()
		}
		if err := w.x.rec.do(w.f, now, step); err != nil {
			return nil, st, fmt.Errorf("fuzz: the recorded run does not repeat at step %d: %w", now, err)
		}
		now = step
		op := w.x.rec.op(step)
		if op != last {
			w.j.begin(op)
			last = op
		}
		for m := range w.x.modes {
			v, hit, err := w.cut(step, m, op)
			if err != nil {
				return nil, st, fmt.Errorf("fuzz: step %d, mode %v: %w", step, w.x.modes[m], err)
			}
			st.Cuts++
			if hit {
				st.Equal++
			} else {
				st.Judged++
			}
			if len(v) > 0 {
				bad = append(bad, outcome{step, m, v})
			}
		}
	}
	return bad, st, nil
}

// cut forks the cells, leaves step as the mode says, and judges. hit tells that the same state was
// judged before.
func (w *worker) cut(step uint64, m, op int) (v []Violation, hit bool, err error) {
	mode := w.x.modes[m]
	f := w.f
	f.Mark()
	defer f.Rollback()
	f.Arm(model.Cut{Mode: mode, Seed: cutSeed(w.x.seed, step, m)})
	err = w.x.rec.do(f, step, step+1)
	if !f.Off() {
		return nil, false, fmt.Errorf("the cut did not hit: %w", err)
	}
	f.Boot()
	at := state{f.Hash(), op}
	if v, hit = w.seen[at]; hit {
		return v, true, nil
	}
	if v, err = w.j.judge(f, op, mode, at.hash); err != nil {
		return nil, false, err
	}
	w.seen[at] = v
	return v, false, nil
}

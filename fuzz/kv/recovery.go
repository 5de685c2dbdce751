package kv

import (
	"fmt"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/film"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/model"
	"dualbank/model/random"
)

// recovery judges a store after a cut in a recorded run: it is opened, read, used, and cut again. It is the
// explore.Runner of the subject.
type recovery struct {
	*sut.Run
	w     *recorded
	once  *sut.Once
	first sut.Expectation   // after the recovery from the first cut
	deep  map[state]bool    // states after a second cut that were judged
	run   explore.Recording // of the recovery that deeper cuts
	cuts  uint64            // that deeper has explored for the present first cut
}

// state is what a judgement after a second cut depends on.
type state struct {
	hash uint64
	op   int
}

func newRecovery(w *recorded, f *model.Flash, own map[string]bool) (*recovery, error) {
	r, err := sut.NewRun(f, &w.cfg.Device, w.cfg.software(), w.keys, w.once, w.longest)
	if err != nil {
		return nil, err
	}
	r.Own = own
	j := &recovery{Run: r, w: w, once: sut.NewOnce(r), deep: map[state]bool{}}
	j.once.Off = w.cfg.New != nil || w.cfg.plain
	return j, nil
}

// filmed has c film what is judged; nil: nothing does.
func (j *recovery) filmed(c *film.Camera) {
	j.once.Off = j.once.Off || c != nil
	j.Film(c, j.w.cfg.Profile)
}

// Begin says that the cuts that follow hit operation op.
func (j *recovery) Begin(op int) {
	j.Before.CopyFrom(&j.w.before[op])
	clear(j.deep)
	j.once.Forget()
}

// Judge is called with the power on again.
func (j *recovery) Judge(op int, mode model.Mode, hash uint64) ([]explore.Violation, uint64, error) {
	j.Bad, j.Second, j.cuts = nil, nil, 0
	j.Seen = j.F.Counters()
	j.recover(op, mode, hash)
	j.Inside()
	return j.Bad, j.cuts, nil
}

// recover lets the store recover from the cut, looks at it, and lets it work on.
func (j *recovery) recover(op int, mode model.Mode, hash uint64) {
	j.Exp.CopyFrom(&j.Before)
	j.Flight, j.Resetting = -1, false
	if op < len(j.w.ops) {
		o := &j.w.ops[op]
		j.Resetting = o.Kind == script.Reset
		j.Exp.Apply(o, j.w.values[op], sut.Maybe)
		if o.Key != "" {
			j.Flight = j.Exp.Index[o.Key]
		}
	}
	drawn := draw(op, hash)
	if !j.w.cfg.Deep {
		j.foresee(func(s sut.Store) {
			j.Read(s)
			j.used(s, *random.New(drawn))
		})
	}
	ok, sound := j.once.Open()
	if !ok {
		return
	}
	if !sound {
		if j.w.cfg.Secure && j.Flight >= 0 {
			j.ComeBack(0)
		}
		return
	}
	if j.w.cfg.Deep {
		j.deeper(op, mode, hash)
		j.foresee(func(s sut.Store) {
			_ = s.Open()
			j.used(s, *random.New(drawn))
		})
		if !j.Reopen(sut.RuleOpens, "") { // what the store has in RAM is of a fork
			return
		}
	}
	j.use(drawn, mode)
}

// draws is how many ways there are to work on after a cut of one operation.
const draws = 8

// draw is the seed of what is drawn for a judgement. Few cuts of an operation draw alike with seeds of their own.
func draw(op int, hash uint64) uint64 { return uint64(op)*draws + hash%draws }

// use makes the store work on: a set of another key survives a clean reboot, and so does the key in
// flight, which is then set again and survives a second cut.
func (j *recovery) use(drawn uint64, mode model.Mode) {
	rnd := random.New(drawn)
	first := j.Pick(rnd, j.Flight)
	if first < 0 {
		return // every key is written once
	}
	steps := j.F.Steps()
	if !j.Set(first, rnd, "next-set") {
		return
	}
	steps = j.F.Steps() - steps
	j.Inside()
	k := sut.Alike{Part: sut.WorkOn, Mode: mode, Drawn: drawn, Steps: steps, Expects: j.Expects()}
	j.once.Do(k, true, func() { j.workOn(rnd, mode, steps) })
}

// workOn is what use does once a set has succeeded, which took so many steps.
func (j *recovery) workOn(rnd *random.Source, mode model.Mode, steps uint64) {
	if !j.Reopen(sut.RuleWorks, sut.AfterNextSet) || !j.Look("next-set-reboot") {
		return
	}

	i := j.Flight
	if i < 0 || j.Fixed(i) {
		i = j.Pick(rnd, -1)
	}
	j.Inside()
	k := &j.Exp.Keys[i]
	then := &sut.SecondCut{What: "a set of", Key: k.Name, Cut: model.Cut{Step: rnd.Uint64() % max(steps, 1), Mode: mode, Seed: rnd.Uint64()}}
	j.F.Arm(then.Cut)
	v := j.SmallValue(rnd)
	j.Sets(k.Name, v)
	err := j.Store.Set(k.Name, v, 0)
	j.Ends(err, j.F.Off(), false)
	k.May(v, 0)
	switch {
	case err == nil:
		k.Holds(v, 0)
	case !j.F.Off():
		j.Report(explore.Symptom{Rule: sut.RuleWorks, Kind: "set-fails-later", Error: sut.ErrorName(err)}, "set succeeds", fmt.Sprintf("set %q: %v", k.Name, err))
	}
	j.F.Disarm()
	j.Second, j.Flight = then, i
	j.foresee(func(s sut.Store) {
		rnd := *rnd
		j.Read(s)
		_ = s.Set(k.Name, j.SmallValue(&rnd), 0)
	})
	if j.Reopen(sut.RuleWorks, sut.AfterSecondCut) && j.Look(sut.AfterSecondCut) {
		j.Set(i, rnd, "set-after-cut")
	}
	j.Inside()
}

// foresee tells the store which calls come next, if it wants to know.
func (j *recovery) foresee(fn func(s sut.Store)) {
	if s, ok := j.Store.(sut.Foreseer); ok {
		s.Foresee(fn)
	}
}

// used makes the calls that use makes until its second cut.
func (j *recovery) used(s sut.Store, rnd random.Source) {
	first := j.Pick(&rnd, j.Flight)
	if first < 0 {
		return
	}
	_ = s.Set(j.Exp.Keys[first].Name, j.SmallValue(&rnd), 0)
	j.Read(s)
	i := j.Flight
	if i < 0 || j.Fixed(i) {
		i = j.Pick(&rnd, -1)
	}
	rnd.Uint64() // place and seed of the cut
	rnd.Uint64()
	_ = s.Set(j.Exp.Keys[i].Name, j.SmallValue(&rnd), 0)
}

// deeper cuts every step of a recovery and of the set that follows it, each on the cells that the first
// cut left; or about DeepSteps of them, evenly spread from a place that the cells decide.
func (j *recovery) deeper(op int, mode model.Mode, hash uint64) {
	// The value depends on the operation alone, so that different first cuts lead to equal states.
	rnd := random.New(uint64(op))
	i := j.Pick(rnd, j.Flight)
	if i < 0 {
		return
	}
	v := j.SmallValue(rnd)
	j.first.CopyFrom(&j.Exp)
	acked := j.record(i, v)
	step, every := uint64(0), uint64(1)
	if most := j.w.cfg.DeepSteps; most > 0 {
		every = max(j.run.Steps/most, 1)
		step = hash % every
	}
	flight := j.Flight
	then := &sut.SecondCut{What: "a boot, or the set behind it, of", Key: j.Exp.Keys[i].Name}
	expects := j.Expects()
	j.F.Mark()
	j.F.Boot()
	for now := uint64(0); step < j.run.Steps; step += every {
		then.Cut = model.Cut{Step: step, Mode: mode, Seed: rnd.Uint64()}
		_ = j.run.Do(j.F, now, step) // which it did when it was recorded
		now = step
		j.F.Mark()
		j.F.Arm(model.Cut{Mode: mode, Seed: then.Cut.Seed})
		_ = j.run.Do(j.F, step, step+1)
		j.cuts++
		if at := (state{j.F.Hash(), op}); !j.deep[at] {
			j.deep[at] = true
			k := &j.Exp.Keys[i]
			if k.May(v, 0); step >= acked {
				k.Holds(v, 0)
			}
			j.Flight, j.Second = i, then
			j.once.Do(sut.Alike{Part: sut.AfterCut, Expects: expects, Acked: step >= acked}, false, func() {
				if j.Reopen(sut.RuleWorks, sut.AfterSecondCut) {
					j.Look(sut.AfterSecondCut)
				}
			})
			j.Exp.CopyFrom(&j.first)
			j.Flight, j.Second = flight, nil
		}
		j.F.Boot()
		j.F.Rollback()
	}
	j.F.Rollback()
}

// record records an open and the set of a key after it, as they would be without a second cut. A second cut at step
// acked, or behind it, leaves the set acknowledged: what the store does then may fail.
func (j *recovery) record(key int, v []byte) (acked uint64) {
	run := func() error {
		err := j.Store.Open()
		if err == nil {
			err = j.Store.Set(j.Exp.Keys[key].Name, v, 0)
		}
		return err
	}
	j.foresee(func(s sut.Store) {
		_ = s.Open()
		_ = s.Set(j.Exp.Keys[key].Name, v, 0)
	})
	j.F.Mark()
	j.F.Boot()
	j.run.Again(j.F)
	err := run()
	j.F.Observe(j.Observer(nil))
	j.F.Rollback()
	for acked = j.run.Steps; err == nil && acked > 0; acked-- {
		j.F.Mark()
		j.F.Boot()
		j.F.Arm(model.Cut{Step: acked - 1, Mode: model.Before})
		err = run()
		j.F.Boot()
		j.F.Rollback()
		if err != nil {
			break
		}
	}
	return acked
}

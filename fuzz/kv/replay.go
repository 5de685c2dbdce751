package kv

import (
	"fmt"
	"io"
	"iter"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
)

func init() { explore.Register("kv", func() explore.Case { return new(Case) }) }

// replay runs a case again on the store of a sweep.
type replay func(c *Case, w io.Writer, sweep *Sweep, env explore.Env) (*explore.Replayed, error)

// replays are the ways to run a case again, by Case.Judge.
var replays = map[string]replay{
	JudgeCut: replayCut, JudgeLive: replayLive, JudgeError: replayError, JudgeAttack: replayAttack, JudgeWalk: replayWalk, JudgeWatchdog: replayWatchdog,
}

// Replay runs the case from an erased device and tells w what happens. env.Software is the Software of a case of
// profile "own".
func (c *Case) Replay(w io.Writer, env explore.Env) (*explore.Replayed, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	sweep, err := c.sweep(env)
	if err != nil {
		return nil, err
	}
	return replays[c.Judge](c, w, sweep, env)
}

// sweep is the device, the store and the operations of the case.
func (c *Case) sweep(env explore.Env) (*Sweep, error) {
	sweep := &Sweep{Device: c.On, Deep: c.Deep, DeepSteps: c.DeepSteps, Secure: c.Secure, Defects: c.Defects, Repairs: c.Repairs, Ops: []script.Op{}}
	for i := range c.Steps {
		if c.Steps[i].Attack == nil {
			sweep.Ops = append(sweep.Ops, c.Steps[i].Op)
		}
	}
	var ok bool
	if sweep.Profile, ok = kvstore.ParseProfile(c.Profile); !ok {
		if sweep.New, ok = env.Software.(sut.Software); !ok {
			return nil, fmt.Errorf("kv.profile: the store is not part of dualbank: replay the finding in a test of your own, with fuzz.Replay")
		}
	}
	return sweep, nil
}

// Near yields the case with its fault at the steps of its operation that change the same, from where it is outward.
func (c *Case) Near() iter.Seq[explore.Case] {
	return func(yield func(explore.Case) bool) {
		last := len(c.Steps) - 1
		fault := c.Steps[last].Fault
		if fault.Mode == nil || c.Judge != JudgeCut && c.Judge != JudgeError {
			yield(c)
			return
		}
		sweep, err := c.sweep(explore.Env{})
		if err != nil {
			return
		}
		var steps uint64
		var part func(step uint64) string // what a step changes
		if c.Judge == JudgeCut {
			run, err := record(sweep, c.Keys, c.Once)
			if err != nil {
				return
			}
			first := run.rec.Ops[last]
			steps, part = run.rec.Ops[last+1]-first, func(at uint64) string { return run.at(first + at).Part }
		} else {
			l, err := newFailing(sweep, c.Steps, c.Keys, c.Once)
			if err != nil {
				return
			}
			for i := range last {
				l.follow(i)
			}
			steps, part = l.rehearse(last).Steps, func(at uint64) string { return l.places.at(at).Part }
		}
		if steps == 0 {
			return
		}
		want := part(min(fault.At, steps-1))
		for at := range explore.Outward(fault.At, steps) {
			if part(at) != want {
				continue
			}
			o := c.clone()
			o.Steps[last].Fault.At = at
			if !yield(o) {
				return
			}
		}
	}
}

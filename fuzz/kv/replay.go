package kv

import (
	"fmt"
	"io"

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
	return replays[c.Judge](c, w, sweep, env)
}

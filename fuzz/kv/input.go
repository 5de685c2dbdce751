package kv

import (
	"fmt"
	"io"
	"strings"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
)

// Target and SecureTarget are the bodies of the guided search for stores.
var (
	Target       = explore.Target{Name: "FuzzKV", Subject: sut.SubjectName, Known: sut.KnownPlain, Decode: decoder(script.Decode, false)}
	SecureTarget = explore.Target{Name: "FuzzSecure", Subject: sut.SubjectName, Known: sut.KnownSecure, Decode: decoder(script.DecodeSecure, true)}
)

// Planted is the key of a store's defects in explore.Planted.
const Planted = "kv"

// Input is a run with faults and attacks anywhere in it.
type Input struct{ c Case }

func decoder(decode func(*explore.Choices) (explore.Device, []script.Step), secure bool) func(*explore.Choices) explore.Input {
	return func(c *explore.Choices) explore.Input {
		d, steps := decode(c)
		// MbedOS differs by one defect that is known, and that hides others: a record that ends just with
		// the area.
		return &Input{Case{
			On: d, Profile: kvstore.MbedCE.String(), Secure: secure, Judge: JudgeWalk, Keys: script.Keys(steps), Once: script.Once(steps), Steps: steps,
		}}
	}
}

// Case is the run as a case.
func (in *Input) Case(p explore.Planted) explore.Case {
	c := in.c
	c.Defects = kvstore.Defects(p[Planted])
	return &c
}

// Run performs the run.
func (in *Input) Run(o *explore.Outcome) error {
	c := in.c
	c.Defects = kvstore.Defects(o.Planted[Planted])
	if c.Secure {
		return walkSecure(&c, o)
	}
	return walkPlain(&c, o)
}

func (in *Input) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v, profile %s", &in.c.On, in.c.Profile)
	if in.c.Secure {
		b.WriteString(", SecureStore: the internal store in the first third")
	}
	b.WriteByte('\n')
	for i := range in.c.Steps {
		fmt.Fprintf(&b, "%4d %v\n", i, &in.c.Steps[i])
	}
	return b.String()
}

// replayWalk runs a case with faults and attacks anywhere again.
func replayWalk(c *Case, w io.Writer, _ *Sweep, env explore.Env) (*explore.Replayed, error) {
	in := &Input{*c}
	o := explore.Replaying(env.Want, explore.Planted{Planted: uint64(c.Defects)})
	if err := explore.Examine(in, o); err != nil {
		return nil, err
	}
	fmt.Fprintf(w, "run      of %d steps\n", len(c.Steps))
	for line := range strings.Lines(in.String()) {
		fmt.Fprintf(w, "         %s", line)
	}
	if len(o.Hit) > 0 {
		fmt.Fprintf(w, "faults   that hit: %s\n", strings.Join(o.Hit, ", "))
	}
	for i := range o.Bad {
		if b := &o.Bad[i]; env.Want != nil && b.Symptom == *env.Want {
			fmt.Fprintf(w, "shows    in: %v\n", b.Place)
		}
	}
	return o.Replayed(), nil
}

package kv

import (
	"fmt"
	"io"
	"strings"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/results/unit"
)

// Target and SecureTarget are the bodies of the guided search for stores.
var (
	Target       = explore.Target{Name: "FuzzKV", Subject: sut.SubjectName, Decode: decoder(script.Decode, false)}
	SecureTarget = explore.Target{Name: "FuzzSecure", Subject: sut.SubjectName, Decode: decoder(script.DecodeSecure, true)}
)

// The keys of a store's defects (kvstore.Defects), repairs (kvstore.Repairs) and profile (kvstore.Profile) in
// explore.Planted. Without a profile it is MbedCE.
const (
	Planted        = "kv"
	PlantedRepairs = "kv-repairs"
	PlantedProfile = "kv-profile"
)

// PlantProfile is what makes a guided search look at a profile. MbedOS is searched as MbedCE: it differs by one
// defect that is known, and that hides others, a record that ends just with the area.
func PlantProfile(p kvstore.Profile) explore.Planted {
	if p != kvstore.Hardened {
		return nil
	}
	return explore.Planted{PlantedProfile: uint64(p)}
}

// plant gives the case the software that p says.
func (c *Case) plant(p explore.Planted) {
	c.Defects, c.Repairs = kvstore.Defects(p[Planted]), kvstore.Repairs(p[PlantedRepairs])
	c.Profile = kvstore.Profile(p[PlantedProfile]).String()
}

// planted is the opposite of plant.
func (c *Case) planted() explore.Planted {
	profile, _ := kvstore.ParseProfile(c.Profile) // check has looked
	return explore.Planted{Planted: uint64(c.Defects), PlantedRepairs: uint64(c.Repairs), PlantedProfile: uint64(profile)}
}

// Input is a run with faults and attacks anywhere in it.
type Input struct{ c Case }

func decoder(decode func(*explore.Choices) (explore.Device, []script.Step), secure bool) func(*explore.Choices) explore.Input {
	return func(c *explore.Choices) explore.Input {
		d, steps := decode(c)
		return &Input{Case{
			On: d, Profile: kvstore.MbedCE.String(), Secure: secure, Judge: JudgeWalk, Keys: script.Keys(steps), Once: script.Once(steps), Steps: steps,
		}}
	}
}

// Case is the run as a case.
func (in *Input) Case(p explore.Planted) explore.Case {
	c := in.c
	c.plant(p)
	return &c
}

// Run performs the run.
func (in *Input) Run(o *explore.Outcome) error {
	c := in.c
	c.plant(o.Planted)
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
	return explore.ReplayInput(w, "run      of "+unit.Plural(len(c.Steps), "step"), &Input{*c}, c.planted(), env)
}

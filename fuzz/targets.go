package fuzz

import (
	"fmt"
	"strings"

	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/layout"
	"dualbank/fuzz/update"
	"dualbank/kvstore"
)

// Targets are the bodies of the guided search.
var Targets = []*explore.Target{&kv.Target, &kv.SecureTarget, &update.Target, &layout.Target}

// News reports whether what a case shows has no known cause: no remedy removes it.
func News(c explore.Case, s explore.Symptom) bool {
	name, _ := cause.Of(c, s, explore.Env{})
	return !cause.Known(name)
}

// TargetCampaign is the guided search of one target alone, as the default campaign has it, with so many inputs.
func TargetCampaign(t *explore.Target, p kvstore.Profile, seed, runs uint64) Campaign {
	all := DefaultCampaign(p, seed)
	c := Campaign{Tries: all.Tries}
	for _, g := range all.Guided {
		if g.Target == t {
			g.Runs = runs
			c.Guided = append(c.Guided, g)
		}
	}
	return c
}

// TargetByName finds a target.
func TargetByName(name string) (*explore.Target, error) {
	var names []string
	for _, t := range Targets {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return nil, fmt.Errorf("target %q is unknown: use %s", name, strings.Join(names, ", "))
}

package fuzz

import (
	"fmt"
	"strings"

	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/layout"
	"dualbank/fuzz/update"
)

// Targets are the bodies of the guided search.
var Targets = []*explore.Target{&kv.Target, &kv.SecureTarget, &update.Target, &layout.Target}

// News reports whether what a case shows has no known cause: no remedy removes it.
func News(c explore.Case, s explore.Symptom) bool {
	name, _ := cause.Of(c, s, explore.Env{})
	return !cause.Known(name)
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

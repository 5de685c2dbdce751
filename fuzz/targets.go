package fuzz

import (
	"fmt"
	"strings"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/layout"
	"dualbank/fuzz/update"
)

// Targets are the bodies of the guided search.
var Targets = []*explore.Target{&kv.Target, &kv.SecureTarget, &update.Target, &layout.Target}

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

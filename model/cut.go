package model

import (
	"dualbank/model/cell"
	"dualbank/model/part"
)

// Cut is one entry of a fault plan: Step further steps complete, then the next one is left as Mode
// says, with the randomness of Seed.
type Cut struct {
	Step uint64
	Mode Mode
	Seed uint64
}

// Mode is how an interrupted step leaves its cells.
type Mode = cell.Mode

// The modes of faults, as package cell describes them. All but Fail are power cuts.
var (
	Before = cell.Before
	After  = cell.After
	Torn   = cell.Torn
	Prefix = cell.Prefix
	Weak   = cell.Weak
	ECC    = cell.ECC
	Fail   = cell.Fail
)

// CutModes lists the modes of power cuts that mean something on a part: ECC on one that has it only.
func CutModes(p *part.Part) []Mode {
	modes := []Mode{Before, After, Torn, Prefix, Weak}
	if p.ECC.Bytes != 0 {
		modes = append(modes, ECC)
	}
	return modes
}

// ModeByName finds a mode by what its String method says.
func ModeByName(name string) (Mode, bool) {
	for _, m := range []Mode{Before, After, Torn, Prefix, Weak, ECC, Fail} {
		if m.String() == name {
			return m, true
		}
	}
	return nil, false
}

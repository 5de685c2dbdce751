package explore

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"dualbank/model"
)

// Fault is a power cut or an error of the device in an operation or a boot. The zero value is none.
type Fault struct {
	Mode model.Mode // how the step is left; model.Fail: the device reports an error and does nothing; nil: no fault
	At   uint64     // steps that complete before it
	Seed uint64     // of what the mode leaves to chance
}

// Cut is the fault as the flash takes it.
func (f Fault) Cut() model.Cut { return model.Cut{Step: f.At, Mode: f.Mode, Seed: f.Seed} }

// String is the fault as a script has it: "torn at step 12, seed 7"; "" is none.
func (f Fault) String() string {
	if f.Mode == nil {
		return ""
	}
	s := fmt.Sprintf("%v at step %d", f.Mode, f.At)
	if f.Seed != 0 {
		s += fmt.Sprintf(", seed %d", f.Seed)
	}
	return s
}

// ParseFault reads what String writes of a fault. No text is no fault, and an error.
func ParseFault(s string) (Fault, error) {
	var f Fault
	name, rest, ok := strings.Cut(s, " at step ")
	if f.Mode, _ = model.ModeByName(name); f.Mode == nil || !ok {
		return f, fmt.Errorf("%q is no fault: write for instance \"torn at step 12, seed 7\", with mode before, after, torn, prefix, weak, ecc, stray or fail", s)
	}
	_, err := fmt.Sscanf(rest, "%d, seed %d", &f.At, &f.Seed)
	if err != nil {
		f.Seed = 0
		_, err = fmt.Sscanf(rest, "%d", &f.At)
	}
	if err != nil || f.String() != s {
		return f, fmt.Errorf("%q is no fault: write for instance \"torn at step 12, seed 7\"", s)
	}
	return f, nil
}

// Again is the fault with another seed: with n from 1 on others than the fault's own.
func (f Fault) Again(n uint64) Fault {
	if f.Mode != nil {
		f.Seed ^= n * 0x9E3779B97F4A7C15
	}
	return f
}

// Outward yields the numbers from 0 to before n: from at, those nearest to it first.
func Outward(at, n uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		if at = min(at, max(n, 1)-1); n == 0 || !yield(at) {
			return
		}
		for d := uint64(1); d < n; d++ {
			if at+d < n && !yield(at+d) || d <= at && !yield(at-d) {
				return
			}
		}
	}
}

// DefaultModes are the names of the modes of a cut that every flash can leave behind.
var DefaultModes = []string{"before", "after", "torn"}

// ParseModes finds the modes of cuts of these names; none: the default ones.
func ParseModes(names []string) ([]model.Mode, error) {
	if len(names) == 0 {
		names = DefaultModes
	}
	var modes []model.Mode
	for _, n := range names {
		m, ok := model.ModeByName(n)
		if !ok || m == model.Fail {
			return nil, fmt.Errorf("mode %q is unknown: use before, after, torn, prefix, weak, ecc or stray", n)
		}
		modes = append(modes, m)
	}
	return modes, nil
}

// Faults yields the faults of a script step by step: that of the step, and those of the boots that follow it.
type Faults iter.Seq2[*Fault, *[]Fault]

// Change puts change(f) in the place of each fault f. The lists are new ones.
func (all Faults) Change(change func(Fault) Fault) {
	for own, then := range all {
		*own, *then = change(*own), slices.Clone(*then)
		for i, f := range *then {
			(*then)[i] = change(f)
		}
	}
}

// Modes are those of the faults, each once.
func (all Faults) Modes() (modes []string) {
	for own, then := range all {
		for _, f := range append(slices.Clone(*then), *own) {
			if f.Mode != nil && !slices.Contains(modes, f.Mode.String()) {
				modes = append(modes, f.Mode.String())
			}
		}
	}
	return modes
}

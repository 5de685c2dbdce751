package explore

import (
	"io"
	"iter"
	"slices"

	"dualbank/fuzz/film"
	"dualbank/model"
)

// Case is what a finding runs again, from nothing. Each subject has its own kinds.
type Case interface {
	// Device says in words on what it runs.
	Device() string
	// Variant is the profile or generation of the software, which is part of a finding's identity.
	Variant() string
	// Len is the number of steps of the script.
	Len() int
	// Replay runs the case and tells w what happens. An error is of a case that cannot be run.
	Replay(w io.Writer, env Env) (*Replayed, error)
	// Shrink offers simpler cases to try. One that try takes is the one to make simpler from then on.
	Shrink(try func(Case) bool)
	// Clean is the case on software without planted defects.
	Clean() Case
}

// EnvironmentOf are the names of the remedies of the environment for a case with faults of these modes, under w or
// without a watchdog (nil).
func EnvironmentOf(modes []string, w *Watchdog) (names []string) {
	if slices.Contains(modes, "weak") {
		names = append(names, WeakCells)
	}
	if slices.Contains(modes, "stray") {
		names = append(names, BrownOut)
	}
	if slices.Contains(modes, "ecc") {
		names = append(names, ECCErrors)
	}
	if w != nil && w.Driver != otherDriver {
		names = append(names, SlowDriver)
	}
	if w != nil {
		names = append(names, ShortWatchdog)
	}
	return names
}

// InEnvironment is a fault, or a watchdog, with a remedy of the environment. ok is false if the name is of none.
func InEnvironment(name string, w *Watchdog) (fault func(Fault) Fault, dog *Watchdog, ok bool) {
	fault, dog = func(f Fault) Fault { return f }, w
	switch name {
	case BrownOut:
		fault = func(f Fault) Fault {
			if f.Mode == model.Stray {
				f.Mode = model.Before
			}
			return f
		}
	case WeakCells, ECCErrors:
		mode := model.Weak
		if name == ECCErrors {
			mode = model.ECC
		}
		fault = func(f Fault) Fault {
			if f.Mode == mode {
				f.Mode = model.Torn
			}
			return f
		}
	case SlowDriver, ShortWatchdog:
		if w == nil {
			return nil, nil, false
		}
		other := *w
		if dog = &other; name == SlowDriver {
			dog.Driver = otherDriver
		} else {
			dog.Period = noWatchdog
		}
	default:
		return nil, nil, false
	}
	return fault, dog, true
}

// Curable is a case whose environment can be changed, or whose software can be repaired, to find the cause of
// what it shows.
type Curable interface {
	Case
	// Remedies are the names of those that can be tried, those of the environment first.
	Remedies() []string
	// With is the case with further remedies. With late, repairs begin to work after the fault. ok is false where
	// that means nothing.
	With(names []string, late bool) (c Case, ok bool)
	// Near yields the same case with its fault at other steps that do the same: a repair moves steps.
	Near() iter.Seq[Case]
	// Again is the case with other seeds of what its faults leave to chance.
	Again(n uint64) Case
	// Modes are those of its faults.
	Modes() []string
	// ECC reports whether the case runs on a part with ECC.
	ECC() bool
}

// Env is what a case needs that no file holds.
type Env struct {
	Software any          // the software of a case whose software is not part of dualbank
	Film     *film.Camera // films the last step and what is judged after it; nil: nothing does
	Want     *Symptom     // what the replay is to show: the image is the one that the software found before it
}

// Replayed is what a case led to.
type Replayed struct {
	Bad   []Violation
	Base  uint32 // address of Image
	Image []byte // the flash as the software found it after the last fault
	// Where is the place of a violation, as far as it is known; nil: it is not.
	Where func(v Violation) (p Place, known bool)
	// Moves: a simpler case may show at another place and in other modes; Modes are those that hit.
	Moves bool
	Modes []string
}

// caseKinds are the kinds of cases by their names in finding files.
var caseKinds = map[string]func() Case{}

// Register makes a kind of cases known under the key that it has in a finding's file. It is called while
// packages are initialised. blank returns a pointer to decode into.
func Register(kind string, blank func() Case) { caseKinds[kind] = blank }

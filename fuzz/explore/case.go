package explore

import (
	"io"

	"dualbank/fuzz/film"
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

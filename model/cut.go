package model

import "errors"

// The errors of a flash operation.
var (
	// ErrPowerCut: the power is gone. Every operation fails with it until Boot.
	ErrPowerCut = errors.New("model: power cut")
	// ErrRange: the operation does not lie wholly in the flash.
	ErrRange = errors.New("model: outside the flash")
	// ErrAlign: address or size is not a multiple of the program or erase unit.
	ErrAlign = errors.New("model: not aligned to the unit")
	// ErrProgram: the cells refuse to be programmed without an erase.
	ErrProgram = errors.New("model: programming a unit that is not erased")
	// ErrInjected: the fault plan made this step fail.
	ErrInjected = errors.New("model: injected failure")
)

// Cut is one entry of a fault plan: Step further steps complete, then the next one is left as Mode
// says, with the randomness of Seed.
type Cut struct {
	Step uint64
	Mode Mode
	Seed uint64
}

// Outcome is what became of a step that a fault hit.
type Outcome int

const (
	// NotDone: the power went before the step was complete.
	NotDone Outcome = iota
	// Done: the step was complete, but the power went before it was acknowledged.
	Done
	// Failed: the step had no effect and reports an error; the power stays on.
	Failed
)

// Mode is a way in which an interrupted step leaves its cells.
type Mode interface {
	String() string
	// Leave changes cells, which hold what the flash held before the step, to what is left. want is
	// what the complete step would leave. erase tells an erase from a program.
	Leave(cells, want []byte, erase bool, seed uint64) Outcome
}

// The modes of power cuts. Vendors promise nothing of an interrupted operation (parts.md section
// 11); these four need no more than that cells move from old to new one by one.
var (
	// Before: nothing happened.
	Before Mode = beforeMode{}
	// After: completed, not acknowledged.
	After Mode = afterMode{}
	// Torn: a random subset of the bits that should change has changed.
	Torn Mode = tornMode{}
	// Prefix: the first bytes are done, the rest is old. How many is random.
	Prefix Mode = prefixMode{}
	// Fail is no power cut: the step reports an error and has no effect.
	Fail Mode = failMode{}
)

// ModeByName finds a mode by what its String method says.
func ModeByName(name string) (Mode, bool) {
	for _, m := range []Mode{Before, After, Torn, Prefix, Fail} {
		if m.String() == name {
			return m, true
		}
	}
	return nil, false
}

type beforeMode struct{}

func (beforeMode) String() string { return "before" }

func (beforeMode) Leave(_, _ []byte, _ bool, _ uint64) Outcome { return NotDone }

type afterMode struct{}

func (afterMode) String() string { return "after" }

func (afterMode) Leave(cells, want []byte, _ bool, _ uint64) Outcome {
	copy(cells, want)
	return Done
}

type tornMode struct{}

func (tornMode) String() string { return "torn" }

func (tornMode) Leave(cells, want []byte, _ bool, seed uint64) Outcome {
	r := NewRand(seed)
	for i := 0; i < len(cells); i += 8 {
		v := r.Uint64()
		for j := i; j < len(cells) && j < i+8; j++ {
			cells[j] ^= (cells[j] ^ want[j]) & byte(v)
			v >>= 8
		}
	}
	return NotDone
}

type prefixMode struct{}

func (prefixMode) String() string { return "prefix" }

func (prefixMode) Leave(cells, want []byte, _ bool, seed uint64) Outcome {
	k := NewRand(seed).Intn(len(cells) + 1)
	copy(cells[:k], want)
	return NotDone
}

type failMode struct{}

func (failMode) String() string { return "fail" }

func (failMode) Leave(_, _ []byte, _ bool, _ uint64) Outcome { return Failed }

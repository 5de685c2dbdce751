package cell

import "dualbank/model/random"

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
	// what the complete step would leave. erase: the step is an erase, not a program.
	Leave(cells, want []byte, erase bool, seed uint64) Outcome
}

// Left is what an interrupted step leaves beside the values of its cells.
type Left struct {
	// Undecided marks, by byte, bits that read differently from read to read, until they are erased or
	// programmed to 0. On a part with ECC the units that hold such a bit read as old, as new, or as an
	// ECC error. nil: none.
	Undecided []byte
	// Falls marks, by byte, bits that read 1 after the next boot and fall back to 0 at the one after
	// it. nil: none.
	Falls []byte
	// Damaged lists offsets in the step whose ECC units read as uncorrectable errors until their sector
	// is erased. Unused on a part without ECC.
	Damaged []uint32
}

// DeepMode is a Mode that leaves more than the values of cells. LeaveDeep is called instead of Leave; ecc is the
// size of the part's ECC units in bytes, 0 if it has none.
type DeepMode interface {
	Mode
	LeaveDeep(cells, want []byte, erase bool, ecc uint32, seed uint64) (Outcome, Left)
}

// The modes of power cuts. Vendors promise nothing of an interrupted operation (parts.md section
// 11). The first four need no more than that cells move from old to new one by one; Weak and ECC are
// apart from them so that a finding says what it needs.
var (
	// Before: nothing happened.
	Before Mode = beforeMode{}
	// After: completed, not acknowledged.
	After Mode = afterMode{}
	// Torn: a random subset of the bits that should change has changed.
	Torn Mode = tornMode{}
	// Prefix: the first bytes are done, the rest is old. How many is random.
	Prefix Mode = prefixMode{}
	// Weak: as Torn, and cells that are not decided read differently from read to read until they are
	// erased or fully programmed. An erase may also have come so far that it reads as complete, and
	// fall back at the boot after the next.
	Weak Mode = weakMode{}
	// ECC: as Torn, and the unit, or some units of an erase, read as uncorrectable errors until their
	// sector is erased. On a part without ECC it is Torn.
	ECC Mode = eccMode{}
	// Stray is a supply that falls slowly on a part whose brown-out reset is off: the processor goes on outside of what it is
	// specified for. The access that was due programs random data in place of its own; an erase does not begin, and one
	// access of random data hits its sector. On a part with ECC a unit that held something cannot be read afterwards.
	Stray Mode = strayMode{}
	// Fail is no power cut: the step reports an error and has no effect.
	Fail Mode = failMode{}
)

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
	r := random.New(seed)
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
	k := random.New(seed).Intn(len(cells) + 1)
	copy(cells[:k], want)
	return NotDone
}

type failMode struct{}

func (failMode) String() string { return "fail" }

func (failMode) Leave(_, _ []byte, _ bool, _ uint64) Outcome { return Failed }

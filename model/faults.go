package model

import (
	"errors"
	"fmt"
	"math"

	"dualbank/model/cell"
	"dualbank/model/part"
)

// The errors of a flash operation.
var (
	// ErrPowerCut: the power is gone. Every operation fails with it until Boot.
	ErrPowerCut = errors.New("model: power cut")
	// ErrReset: the watchdog has reset the device in the middle of an operation. It is a power cut
	// (errors.Is) but for RAM, which is kept. Every operation fails with it until Boot.
	ErrReset = fmt.Errorf("model: watchdog reset, RAM kept: %w", ErrPowerCut)
	// ErrRange: the operation does not lie wholly in the flash.
	ErrRange = errors.New("model: outside the flash")
	// ErrAlign: address or size is not a multiple of the program or erase unit.
	ErrAlign = errors.New("model: not aligned to the unit")
	// ErrProgram: the cells refuse to be programmed without an erase.
	ErrProgram = errors.New("model: programming a unit that is not erased")
	// ErrVerify: the driver read back something else than it wrote, or a sector that is not blank
	// after its erase.
	ErrVerify = errors.New("model: verify failed")
	// ErrECC: a read touched a unit with more wrong bits than its ECC corrects.
	ErrECC error = eccError("model: uncorrectable ECC error")
	// ErrFault: the same where it raises a bus fault or an NMI. Every operation fails with it until Boot.
	ErrFault = fmt.Errorf("model: bus fault or NMI: %w", ErrECC)
	// ErrInjected: the fault plan made this step fail.
	ErrInjected = errors.New("model: injected failure")
)

// eccError tells a store that may read on what kind of error it is.
type eccError string

func (e eccError) Error() string { return string(e) }

// Uncorrectable reports that the unit stays unreadable until its sector is erased.
func (eccError) Uncorrectable() bool { return true }

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
	Stray  = cell.Stray
	Fail   = cell.Fail
)

// CutModes lists the modes of power cuts that mean something on a part: ECC on one that has it only, Stray on one
// whose brown-out reset is off.
func CutModes(p *part.Part) []Mode {
	modes := []Mode{Before, After, Torn, Prefix, Weak}
	if p.ECC.Bytes != 0 {
		modes = append(modes, ECC)
	}
	if p.BrownOutOff.Value {
		modes = append(modes, Stray)
	}
	return modes
}

// ModeByName finds a mode by what its String method says.
func ModeByName(name string) (Mode, bool) {
	for _, m := range []Mode{Before, After, Torn, Prefix, Weak, ECC, Stray, Fail} {
		if m.String() == name {
			return m, true
		}
	}
	return nil, false
}

// faults is the step counter with the fault plan, and what is left when it has hit.
type faults struct {
	steps uint64 // since the last boot
	cutAt uint64 // step at which cut hits
	cut   Cut

	dogReset bool // the armed cut is the watchdog's
	// The caller's fault plan, restored if the watchdog's reset does not happen.
	planned   Cut
	plannedAt uint64

	off  bool
	down error // what every operation fails with while off

	onECC  string // part.ECCFault, ...
	masked bool   // no read raises an exception
	done   uint32 // bytes that the operation which failed last had done before
}

// noCut is a step that is never reached.
const noCut = math.MaxUint64

// Steps is the number of steps since the last boot: program accesses and sector erases that
// completed or failed.
func (f *faults) Steps() uint64 { return f.steps }

// Arm sets the fault plan: c.Step further steps complete, then c.Mode hits. It replaces an earlier
// plan.
func (f *faults) Arm(c Cut) {
	f.cut = c
	f.cutAt = f.steps + c.Step
}

// Disarm removes the fault plan.
func (f *faults) Disarm() { f.cutAt = noCut }

// Off reports whether a power cut has hit. Every operation fails until Boot.
func (f *faults) Off() bool { return f.off && f.down != ErrFault && f.down != ErrLocked }

// Faulted reports whether a read of a unit that the ECC cannot correct has raised an exception (ErrFault).
// The code that reads does not go on: every operation fails until Boot.
func (f *faults) Faulted() bool { return f.off && f.down == ErrFault }

// MaskFaults switches the exception off, and on again, that a read of a unit raises which the ECC cannot correct
// (on a Cortex-M with FAULTMASK and BFHFNMIGN, or an NMI handler that notes the error and returns). The read fails
// with ErrECC then.
func (f *faults) MaskFaults(on bool) { f.masked = on }

// uncorrectable is what a read of a unit does that the ECC cannot correct.
func (f *faults) uncorrectable() error {
	if f.masked && f.onECC != part.ECCFlag {
		return ErrECC
	}
	switch f.onECC {
	case part.ECCFault, part.ECCNMI:
		f.off, f.down = true, ErrFault
		return ErrFault
	case part.ECCFlag:
		return nil
	}
	return ErrECC
}

// hit counts the present step, which the fault plan has left as out, and takes the device down unless the step
// only failed.
func (f *faults) hit(out cell.Outcome) error {
	f.cutAt = noCut
	if out != cell.NotDone {
		f.steps++
	}
	if out == cell.Failed {
		return ErrInjected
	}
	f.off, f.down = true, ErrPowerCut
	return ErrPowerCut
}

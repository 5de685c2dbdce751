package model

import (
	"math"

	"dualbank/model/cell"
	"dualbank/model/part"
)

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

	onECC string // part.ECCFault, ...
	done  uint32 // bytes that the operation which failed last had done before
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
func (f *faults) Off() bool { return f.off && f.down != ErrFault }

// Faulted reports whether a read of a unit that the ECC cannot correct has raised an exception (ErrFault).
// The code that reads does not go on: every operation fails until Boot.
func (f *faults) Faulted() bool { return f.off && f.down == ErrFault }

// uncorrectable is what a read of a unit does that the ECC cannot correct.
func (f *faults) uncorrectable() error {
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

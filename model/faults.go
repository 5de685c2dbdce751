package model

import (
	"math"

	"dualbank/model/cell"
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
func (f *faults) Off() bool { return f.off }

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

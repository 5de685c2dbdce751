package model

import (
	"errors"
	"fmt"
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
	ErrECC = errors.New("model: uncorrectable ECC error")
	// ErrFault: the same where it raises a bus fault or an NMI. Every operation fails with it until Boot.
	ErrFault = fmt.Errorf("model: bus fault or NMI: %w", ErrECC)
	// ErrInjected: the fault plan made this step fail.
	ErrInjected = errors.New("model: injected failure")
)

package boot

import "errors"

// Error is an error of the update client's storage layer. Code is the number that the reference
// returns for it, as the recorded traces print it.
type Error struct {
	Code uint32
	text string
}

func (e *Error) Error() string { return e.text }

// The errors of the storage layer.
var (
	ErrInvalidParameter = &Error{2, "invalid parameter"}
	ErrNotReady         = &Error{4, "no firmware header of version 2"}
	ErrActivate         = &Error{4, "writing the header failed"}
	ErrFirmwareTooLarge = &Error{0x4C500001, "firmware too large for the slot"}
)

// ErrFault is a read that the bus or the flash refused: outside the flash, or uncorrectable. On a
// device it ends in the fault handler, so no operation goes on after it.
var ErrFault = errors.New("bus fault while reading the flash")

// ErrPowerCut means that the power failed during the operation. Nothing was done after it.
var ErrPowerCut = errors.New("power cut")

// powered is a Flash that can lose its power. A device handles a failed write; without power it does
// nothing.
type powered interface {
	// Off is true from the cut until the power is back.
	Off() bool
}

// progress is an error of Program that knows how many bytes were programmed before it. FlashIAP retries
// from there.
type progress interface {
	Done() uint32
}

func isOff(f Flash) bool {
	p, ok := f.(powered)
	return ok && p.Off()
}

// stops reports whether err ends what the client does: a fault or a power cut.
func stops(err error) bool { return err == ErrFault || err == ErrPowerCut }

// read fills p. Its error is ErrPowerCut or ErrFault.
func read(f Flash, addr uint32, p []byte) error {
	if f.Read(addr, p) == nil {
		return nil
	}
	if isOff(f) {
		return ErrPowerCut
	}
	return ErrFault
}

package update

import "dualbank/boot"

// Client is what is asked of an update client: the storage of candidates. *boot.Client has it.
type Client interface {
	// Prepare makes slot ready for an image of these details.
	Prepare(slot uint32, d *boot.Details) error
	// Write stores a fragment of the firmware from offset on. All fragments but the last have boot.Fragment
	// bytes; behind the last one the slice has 0xFF up to that.
	Write(slot, offset uint32, fragment []byte) error
	// Finalize ends the writing of the firmware.
	Finalize(slot uint32) error
	// Activate makes the image in slot a candidate.
	Activate(slot uint32) error
	// Reset forgets what was in RAM, as a reset of the device does.
	Reset()
}

// Loader is what is asked of a bootloader. *boot.Bootloader has it.
type Loader interface {
	// Boot is one boot after a reset. ram is what the reset has left of the words that the bootloader counts
	// boots in; a bootloader that has none leaves it alone. The result is boot.Jumped if an application runs.
	Boot(reason boot.ResetReason, ram *boot.RAM) boot.Outcome
}

// Software makes what is judged, on a flash. A field that is nil stands for that of package boot.
type Software struct {
	Client func(boot.Flash) Client
	Loader func(boot.Flash) Loader
}

// or is s, with the client of generation gen and the bootloader of package boot where s has none. cpu is
// the bootloader's; it may be nil.
func (s Software) or(cfg boot.Config, gen boot.Generation, cpu boot.CPU) Software {
	if s.Client == nil {
		s.Client = func(f boot.Flash) Client { return boot.NewClient(cfg, f, gen, nil) }
	}
	if s.Loader == nil {
		s.Loader = func(f boot.Flash) Loader { return boot.NewBootloader(cfg, f, cpu) }
	}
	return s
}

package boot

// candidates is where the bootloader finds images to install.
type candidates interface {
	// count is the number of slots.
	count() int
	// details reads a slot's header. An error is ErrFault, ErrPowerCut, or anything else for "no image".
	details(slot int, d *Details) error
	// read fills buf[:n] from offset bytes into the slot's firmware; it may write on up to cap(buf).
	// An error is ErrFault, ErrPowerCut, or anything else for a read that failed.
	read(slot int, offset uint32, buf []byte, n int) error
}

// internalCandidates are slots on the internal flash, with internal headers.
type internalCandidates struct {
	flash  Flash
	cpu    CPU
	head   uint32 // offset of the firmware in a slot
	slots  []Slot
	magic  bool // a header needs magic and version
	header [HeaderSize]byte
}

func (c *internalCandidates) count() int { return len(c.slots) }

func (c *internalCandidates) details(slot int, d *Details) error {
	if c.slots[slot].Addr == invalid {
		return ErrInvalidParameter
	}
	if c.magic {
		return readActive(c.flash, c.cpu, c.slots[slot].Addr, d, c.header[:])
	}
	return readHeader(c.flash, c.cpu, c.slots[slot].Addr, d, c.header[:])
}

func (c *internalCandidates) read(slot int, offset uint32, buf []byte, n int) error {
	return read(c.flash, c.slots[slot].Addr+c.head+offset, buf[:n])
}

package boot

// Defects switches known defects back on in bootloader and update client; a test harness must be able to
// find them. Each one was in a published version of the reference or of a related project and is fixed in the
// versions that this package follows. The comments name the sources. The zero value has none.
type Defects uint64

const (
	// DefectSoftwareResets: the bootloader counts boots after software resets too, so that an application
	// that resets itself is taken for one that fails. github.com/PelionIoT/mbed-bootloader pull 68 (833ca0b).
	DefectSoftwareResets Defects = 1 << iota
	// DefectHeaderFirst: the client writes the candidate's header when it prepares the slot: what was
	// never activated is installed. github.com/PelionIoT/mbed-cloud-client release 3.4.0 (pull 52).
	DefectHeaderFirst
	// DefectLastSectorSize: the client rounds what it erases up by the size of the slot's last erase unit.
	// mbed-cloud-client release 4.9.0 (pull 83).
	DefectLastSectorSize
	// DefectOversize: the client does not compare the firmware's size with the slot's. mbed-cloud-client
	// changelog, releases 1.3.2 and 2.1.0.
	DefectOversize
	// DefectNotResumed: an install that was interrupted is not begun again. mbed-cloud-client release
	// 4.10.0 (pull 89).
	DefectNotResumed
	// DefectIntentLost: the mark that asks for an install is gone before the install is over.
	// github.com/mcu-tools/mcuboot issue 480, pull 485.
	DefectIntentLost
	// DefectPartialPage: an install that was interrupted goes on behind the last page that is not erased,
	// and takes that one for complete. github.com/PelionIoT/pelion-client-lite release 1.2.1.
	DefectPartialPage
	// DefectBankTwoSizes: the flash driver of the STM32F42x returns 16 bytes for the sectors of 16 KiB at the
	// start of bank 2. github.com/ARMmbed/mbed-os issue 5450.
	DefectBankTwoSizes
	// DefectEraseAcross: FlashIAP refuses to erase sectors of several sizes in one call unless their sum is a
	// multiple of the first one's. mbed-os issue 6077.
	DefectEraseAcross
)

// Has reports whether d has any of x.
func (d Defects) Has(x Defects) bool { return d&x != 0 }

// countedFrom returns the first reset reason that counts against the application.
func (d Defects) countedFrom() ResetReason {
	if d.Has(DefectSoftwareResets) {
		return Software
	}
	return Watchdog
}

// flash returns f as a driver with the defects of d shows it.
func (d Defects) flash(f Flash) Flash {
	if !d.Has(DefectBankTwoSizes | DefectEraseAcross) {
		return f
	}
	return &oldDriver{f, d}
}

type oldDriver struct {
	Flash
	defects Defects
}

func (f *oldDriver) Off() bool { return isOff(f.Flash) }

func (f *oldDriver) SectorSize(addr uint32) uint32 {
	size := f.Flash.SectorSize(addr)
	if f.defects.Has(DefectBankTwoSizes) && size == 16<<10 && f.Size() == 2<<20 && addr-f.Start() >= f.Size()/2 {
		return 16
	}
	return size
}

func (f *oldDriver) Erase(addr, size uint32) error {
	if f.defects.Has(DefectEraseAcross) && size%f.SectorSize(addr) != 0 {
		return ErrInvalidParameter
	}
	return f.Flash.Erase(addr, size)
}

// prepared returns the end of what Prepare erases in slot s for total bytes; end is its correct value.
func (d Defects) prepared(f Flash, s Slot, total, end uint32) uint32 {
	if !d.Has(DefectLastSectorSize) || s.Size == 0 {
		return end
	}
	return s.Addr + pageUp(total, f.SectorSize(s.Addr+s.Size-1))
}

// interrupted returns the offset at which an interrupted copy of best continues. ok is false if the install
// starts over.
func (b *Bootloader) interrupted() (from uint32, ok bool, err error) {
	var d Details
	if err = readActive(b.flash, b.cpu, b.cfg.Details, &d, b.header[:]); err != nil || d != b.best {
		if !b.stops(err) {
			err = nil
		}
		return 0, false, err
	}
	for from = 0; uint64(from) < d.Size; from += b.page {
		p := b.buffer[:b.page]
		if err = read(b.flash, b.cfg.AppStart+from, p); err != nil {
			return 0, false, err
		}
		blank := true
		for _, c := range p {
			blank = blank && c == 0xFF
		}
		if blank {
			break
		}
	}
	return from, true, nil
}

// consume invalidates the candidate in an internal slot.
func (b *Bootloader) consume(slot int) (bool, error) {
	if slot >= len(b.slots) {
		return true, nil
	}
	p := b.buffer[:pageUp(HeaderSize, b.page)]
	clear(p)
	return b.done(b.flash.Program(b.slots[slot].Addr, p))
}

package boot

import "errors"

var (
	errHang   = errors.New("the reference does not come back")
	errAssert = errors.New("an assertion of the reference failed")

	errRestart = errors.New("the banks are swapped: the device is reset")
)

// Banks is what a bootloader that swaps needs of the option bytes, beside the flash. Its errors are those of a Flash.
type Banks interface {
	// SwapBanks writes the option bytes: the other bank than now is at the start once they are loaded.
	SwapBanks() error
	// LoadOptions loads them, which resets the device.
	LoadOptions() error
	// Locked reports whether option bytes were loaded that do not match: nothing works then.
	Locked() bool
}

// banks returns the option bytes of f if c swaps the banks by them.
func (c *Config) banks(f Flash) Banks {
	if b, ok := f.(Banks); ok && c.Swap {
		return b
	}
	return nil
}

// swap puts the other bank at the start of the flash. ok is false if there are no options or their write failed;
// otherwise the error is errRestart.
func (b *Bootloader) swap() (ok bool, err error) {
	if b.banks == nil {
		return false, nil
	}
	b.enter(SwapBanks)
	b.print("[DBG ] Swap banks")
	if ok, err = b.done(b.banks.SwapBanks()); !ok {
		return false, err
	}
	if ok, err = b.done(b.banks.LoadOptions()); !ok {
		return false, err
	}
	return false, errRestart
}

// install replaces the active image by best from the slot and verifies it. ok is false if the flash or the
// verification failed. An error ends the boot.
func (b *Bootloader) install(slot int) (ok bool, err error) {
	if b.cfg.Swap {
		return b.swap()
	}
	if b.cfg.Defects.Has(DefectPartialPage) {
		if from, again, err := b.interrupted(); err != nil {
			return false, err
		} else if again {
			return b.finish(slot, from)
		}
	}
	if b.cfg.Repairs.Has(RepairResumeCopy) {
		if ok, err = b.resume(slot); !ok {
			return false, err
		}
		return b.verifyInstalled()
	}
	b.enter(EraseActive)
	b.print("[DBG ] Erase active application")
	if ok, err = b.eraseActive(uint32(b.best.Size)); !ok {
		return false, err
	}
	b.enter(WriteHeader)
	b.print("[DBG ] Write header")
	if ok, err = b.writeHeader(); !ok {
		return false, err
	}
	if b.cfg.Defects.Has(DefectIntentLost) {
		if ok, err = b.consume(slot); !ok {
			return false, err
		}
	}
	return b.finish(slot, 0)
}

// finish copies the firmware from an offset on and verifies the active image.
func (b *Bootloader) finish(slot int, from uint32) (ok bool, err error) {
	b.enter(CopyFirmware)
	b.print("[DBG ] Copy application")
	if ok, err = b.copy(slot, from); !ok {
		return false, err
	}
	return b.verifyInstalled()
}

func (b *Bootloader) verifyInstalled() (ok bool, err error) {
	b.enter(VerifyInstalled)
	b.print("[DBG ] Verify application")
	status, err := b.checkActive(&b.best)
	return status == imageValid, err
}

// eraseActive erases the header's erase units and those of size bytes of firmware.
func (b *Bootloader) eraseActive(size uint32) (bool, error) {
	from := b.cfg.Details
	header, separate, err := b.headerUnits()
	if err != nil {
		return false, err
	}
	length := b.cfg.AppStart - from + size
	if separate {
		b.print("[DBG ] Erasing header separately from active application")
		if ok, err := b.erase(from, header); !ok {
			return false, err
		}
		from, length = b.cfg.AppStart, size
	}
	if ok, err := b.fits(from, length); !ok {
		return false, err
	}
	return b.erase(from, length)
}

// headerUnits is the size of the header's erase units. separate: the application begins in others.
func (b *Bootloader) headerUnits() (size uint32, separate bool, err error) {
	from := b.cfg.Details
	size, err = b.unitsUp(from, HeaderSize)
	return size, from+size < b.cfg.AppStart || from > b.cfg.AppStart, err
}

// fits reports whether the erase units from one address on for length bytes are the application's.
func (b *Bootloader) fits(from, length uint32) (bool, error) {
	units, err := b.unitsUp(from, length)
	if err != nil {
		return false, err
	}
	if from+units > b.cfg.MaxAppSize+b.cfg.AppStart {
		b.print("[DBG ] Firmware size rounded up to the nearest sector boundary is larger than the maximum application size")
		return false, nil
	}
	return true, nil
}

// ranges are the one or two stretches of erase units that an install erases, ends excluded.
type ranges [2][2]uint32

// activeRanges are those of the active header and size bytes of firmware.
func (b *Bootloader) activeRanges(size uint32) (r ranges, ok bool, err error) {
	from := b.cfg.Details
	header, separate, err := b.headerUnits()
	if err != nil {
		return r, false, err
	}
	length := b.cfg.AppStart - from + size
	if separate {
		if r[0], ok = b.aligned(from, header); !ok {
			return r, false, nil
		}
		from, length = b.cfg.AppStart, size
	}
	if ok, err = b.fits(from, length); !ok {
		return r, false, err
	}
	r[1], ok = b.aligned(from, length)
	return r, ok, nil
}

// aligned is the stretch of erase units that size bytes from addr on lie in. ok is false unless addr is an erase
// boundary.
func (b *Bootloader) aligned(addr, size uint32) (r [2]uint32, ok bool) {
	g := generation{pins: true}
	return [2]uint32{addr, g.align(b.flash, addr+size, false)}, addr == g.align(b.flash, addr, true)
}

// first is the first erase unit of r. ok is false if there is none.
func (r *ranges) first() (addr uint32, ok bool) {
	for _, s := range r {
		if s[0] < s[1] {
			return s[0], true
		}
	}
	return 0, false
}

// next is the erase unit of r behind the one at addr. ok is false if that is the last one.
func (r *ranges) next(f Flash, addr uint32) (next uint32, ok bool) {
	in := 0
	if addr < r[0][0] || addr >= r[0][1] {
		in = 1
	}
	next = addr + f.SectorSize(addr)
	if next < r[in][1] {
		return next, true
	}
	return r[1][0], in == 0 && r[1][0] < r[1][1]
}

// unitsUp is size rounded up to erase units from addr on, by adding the size of the unit at each
// step: exact where addr is a boundary.
func (b *Bootloader) unitsUp(addr, size uint32) (uint32, error) {
	at := addr
	for at < addr+size {
		unit := b.flash.SectorSize(at)
		if unit == invalid {
			// The reference adds 0xFFFFFFFF, the size of "no such unit", which steps one byte back.
			// Just behind the flash this finds the last unit again, endlessly if that unit does
			// not reach far enough.
			unit = b.flash.SectorSize(at - 1)
			if unit == invalid || at-1+unit < addr+size {
				return 0, errHang
			}
			at--
		}
		at += unit
	}
	return at - addr, nil
}

// erase erases the erase units from addr to addr+size, its end rounded up. It fails unless addr is
// an erase boundary.
func (b *Bootloader) erase(addr, size uint32) (bool, error) {
	r, ok := b.aligned(addr, size)
	if !ok {
		return false, nil
	}
	if r[1] <= addr {
		return true, nil
	}
	if !b.cfg.Repairs.Has(RepairFeedWatchdog) {
		return b.done(b.flash.Erase(addr, r[1]-addr))
	}
	for ; addr < r[1]; addr += b.flash.SectorSize(addr) {
		if ok, err := b.eraseSector(addr); !ok {
			return false, err
		}
	}
	return true, nil
}

// done converts the flash's error into success, failure, or the end of the boot.
func (b *Bootloader) done(err error) (bool, error) {
	if err != nil && isOff(b.flash) {
		return false, ErrPowerCut
	}
	return err == nil, nil
}

// writeHeader programs a new header of best at the start of the buffer, 0xFF up to the page.
func (b *Bootloader) writeHeader() (bool, error) {
	p := b.buffer[:pageUp(HeaderSize, b.page)]
	for i := HeaderSize; i < len(p); i++ {
		p[i] = 0xFF
	}
	EncodeHeader(p, &b.best)
	if b.cpu != nil {
		b.cpu.CRC32(headerCRC)
	}
	return b.done(b.flash.Program(b.cfg.Details, p))
}

// copy programs the slot's firmware from an offset on. The last page is filled up with what the buffer held
// before.
func (b *Bootloader) copy(slot int, from uint32) (bool, error) {
	if b.cfg.AppStart%b.page != 0 {
		return false, errAssert
	}
	chunk := b.chunk()
	for offset, size := from, b.best.Size; uint64(offset) < size; {
		n := int(min(size-uint64(offset), uint64(chunk)))
		if err := b.from.read(slot, offset, b.buffer[:chunk], n); b.stops(err) {
			return false, err
		} else if err != nil {
			b.print("[DBG ] ARM_UCP_Read returned 0 bytes")
			return false, nil
		}
		p := b.buffer[:pageUp(uint32(n), b.page)]
		b.feed()
		if ok, err := b.done(b.flash.Program(b.cfg.AppStart+offset, p)); !ok {
			return false, err
		}
		offset += uint32(len(p))
	}
	return true, nil
}

package boot

import (
	"iter"

	"dualbank/internal/named"
)

// Repairs are switches that mend defects of the reference in bootloader and update client, each by itself. Headers
// and slots stay as they are. docs/repairs.md says of each what goes wrong, what to change, what it costs, and which
// finding proves it. The zero value is the reference as it is.
type Repairs uint64

const (
	// RepairMaskFaults: the bootloader reads images and headers with ECC faults masked (FAULTMASK and BFHFNMIGN, or
	// an NMI handler that notes the error and returns). One with a unit that cannot be read is a bad one.
	RepairMaskFaults Repairs = 1 << iota
	// RepairResumeCopy: an install goes on where it was interrupted. It erases and programs sector by sector, one
	// sector erased ahead, and leaves out those at the start that are right already.
	RepairResumeCopy
	// RepairFeedWatchdog: the bootloader calls Bootloader.Feed after each read, each erase of a sector, and each KiB
	// that it programs.
	RepairFeedWatchdog
	// RepairHeaderLast: the older client keeps a candidate's header in RAM until it is activated, as the newer
	// one does.
	RepairHeaderLast
	// RepairWideSizes: sizes are compared in 64 bits, before anything is read or erased. An image that is larger than
	// the application or its slot may be is a bad one.
	RepairWideSizes
	// RepairHeaderMagic: the bootloader looks at magic and version of a candidate's header, too, as it does at the
	// active one's.
	RepairHeaderMagic
	// RepairNotItself: an image that fails is not installed over itself.
	RepairNotItself
	// RepairFitsFirst: whether the erase units of an image lie within the application's is found out before the old
	// image is touched. The image is passed over.
	RepairFitsFirst

	repairsEnd
)

// AllRepairs is the set of every repair.
const AllRepairs = repairsEnd - 1

// repairNames are in the order of the constants.
var repairNames = [...]string{"mask-faults", "resume-copy", "feed-watchdog", "header-last", "wide-sizes", "header-magic", "not-itself", "fits-first"}

// Has reports whether any of x is among r.
func (r Repairs) Has(x Repairs) bool { return r&x != 0 }

// With is r and x together.
func (r Repairs) With(x Repairs) Repairs { return r | x }

// Without is r but for x.
func (r Repairs) Without(x Repairs) Repairs { return r &^ x }

// Each yields the repairs of r one by one, each as a set of its own.
func (r Repairs) Each() iter.Seq[Repairs] { return named.Each(r) }

// String lists the names, separated by commas; "" if there is none.
func (r Repairs) String() string { return named.String(r, repairNames[:]) }

// ParseRepairs reads what String writes; "all" is every repair. The error names what is unknown.
func ParseRepairs(text string) (Repairs, error) {
	return named.Parse[Repairs]("repair", text, repairNames[:])
}

// MarshalText writes what String does.
func (r Repairs) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads it.
func (r *Repairs) UnmarshalText(b []byte) (err error) {
	*r, err = ParseRepairs(string(b))
	return err
}

// masker is a Flash whose reads can be made without the exception that an ECC error raises: they fail instead.
type masker interface{ MaskFaults(on bool) }

// masked is a Flash whose reads do so.
type masked struct{ Flash }

func (f *masked) Off() bool { return isOff(f.Flash) }

// Read never raises an exception. One of a unit that cannot be read is an error.
func (f *masked) Read(addr uint32, p []byte) error {
	if m, ok := f.Flash.(masker); ok {
		m.MaskFaults(true)
		defer m.MaskFaults(false)
	}
	return f.Flash.Read(addr, p)
}

// repaired is a flash as a bootloader with repairs reads it.
func (r Repairs) repaired(f Flash) Flash {
	if r.Has(RepairMaskFaults) {
		return &masked{f}
	}
	return f
}

// stops reports whether err ends the boot: a power cut, or a fault that is not masked.
func (b *Bootloader) stops(err error) bool {
	return err == ErrPowerCut || err == ErrFault && !b.cfg.Repairs.Has(RepairMaskFaults)
}

// feed feeds the watchdog, with RepairFeedWatchdog.
func (b *Bootloader) feed() {
	if b.Feed != nil && b.cfg.Repairs.Has(RepairFeedWatchdog) {
		b.Feed()
	}
}

// fedChunk is the most bytes that are programmed between two feeds of the watchdog.
const fedChunk = 1 << 10

// chunk is the number of bytes that the bootloader copies at once, whole pages.
func (b *Bootloader) chunk() uint32 {
	n := uint32(BufferSize)
	if b.cfg.Repairs.Has(RepairFeedWatchdog) {
		n = max(fedChunk, b.page)
	}
	return n / b.page * b.page
}

// resume is the install with RepairResumeCopy: the sectors of the active image in their order. What an install
// before this one has completed is left out, but for its last sector, in which the power may have gone. Each sector
// is erased before the one ahead of it is programmed, so that what is right ends where that install ended, and not
// where the old image happens to be the same.
func (b *Bootloader) resume(slot int) (ok bool, err error) {
	if b.cfg.AppStart%b.page != 0 {
		return false, errAssert
	}
	ranges, ok, err := b.activeRanges(uint32(b.best.Size))
	if !ok {
		return false, err
	}
	b.enter(CopyFirmware)
	b.print("[DBG ] Copy application")
	first, ok := ranges.first()
	if !ok {
		return true, nil // there is nothing to copy, as for the reference
	}
	for {
		right, err := b.right(slot, first)
		if err != nil {
			return false, err
		}
		next, more := ranges.next(b.flash, first)
		if !right || !more {
			break
		}
		if right, err = b.right(slot, next); err != nil {
			return false, err
		}
		if !right {
			break
		}
		first = next
	}
	if ok, err := b.eraseSector(first); !ok {
		return false, err
	}
	for at := first; ; {
		next, more := ranges.next(b.flash, at)
		if more {
			if ok, err := b.eraseSector(next); !ok {
				return false, err
			}
		}
		if ok, err := b.programSector(slot, at); !ok {
			return false, err
		}
		if !more {
			return true, nil
		}
		at = next
	}
}

// eraseSector erases the sector at addr.
func (b *Bootloader) eraseSector(addr uint32) (bool, error) {
	b.feed()
	return b.done(b.flash.Erase(addr, b.flash.SectorSize(addr)))
}

// wanted fills p with what the active image is to hold from addr on: header, firmware, and 0xFF elsewhere.
func (b *Bootloader) wanted(slot int, addr uint32, p []byte) error {
	end := addr + uint32(len(p))
	from, to := max(addr, b.cfg.AppStart), min(end, b.cfg.AppStart+uint32(b.best.Size))
	if from >= to {
		from, to = end, end
	} else if err := b.from.read(slot, from-b.cfg.AppStart, p[from-addr:], int(to-from)); err != nil {
		return err
	}
	for at := addr; at < end; at++ {
		if at == from {
			if at = to; at == end {
				break
			}
		}
		p[at-addr] = 0xFF
	}
	if at := b.cfg.Details; addr < at+HeaderSize && end > at {
		EncodeHeader(b.header[:], &b.best)
		if addr <= at {
			copy(p[at-addr:], b.header[:])
		} else {
			copy(p, b.header[addr-at:])
		}
	}
	return nil
}

// right reports whether the sector at addr holds what it is to hold, and is not blank.
func (b *Bootloader) right(slot int, addr uint32) (bool, error) {
	want, have := b.buffer[:BufferSize/2], b.buffer[BufferSize/2:]
	blank := true
	for end := addr + b.flash.SectorSize(addr); addr < end; addr += uint32(len(want)) {
		b.feed()
		n := min(end-addr, BufferSize/2)
		want, have = want[:n], have[:n]
		err := b.wanted(slot, addr, want)
		if err == nil {
			err = read(b.flash, addr, have)
		}
		if b.stops(err) {
			return false, err
		}
		if err != nil || string(want) != string(have) {
			return false, nil
		}
		for _, c := range want {
			blank = blank && c == 0xFF
		}
	}
	return !blank, nil
}

// programSector programs what the erased sector at addr is to hold of header and firmware.
func (b *Bootloader) programSector(slot int, addr uint32) (bool, error) {
	end := addr + b.flash.SectorSize(addr)
	for _, part := range [2][2]uint32{
		{b.cfg.Details, b.cfg.Details + pageUp(HeaderSize, b.page)},
		{b.cfg.AppStart, b.cfg.AppStart + pageUp(uint32(b.best.Size), b.page)},
	} {
		for from, to := max(addr, part[0]), min(end, part[1]); from < to; {
			p := b.buffer[:min(to-from, b.chunk())]
			if err := b.wanted(slot, from, p); b.stops(err) {
				return false, err
			} else if err != nil {
				b.print("[DBG ] ARM_UCP_Read returned 0 bytes")
				return false, nil
			}
			b.feed()
			if ok, err := b.done(b.flash.Program(from, p)); !ok {
				return false, err
			}
			from += uint32(len(p))
		}
	}
	return true, nil
}

package kvstore

import "errors"

// unitBuffer is the device behind a write buffer of one program unit, as Mbed's
// BufferedBlockDevice is: bytes may be written at any address; a unit that is not complete is held
// back, filled up with what the flash holds there, until it is complete, until a program goes to
// another unit, or until a flush. Reads see the held unit. A held unit whose program failed stays
// held, so every later program elsewhere tries it first.
type unitBuffer struct {
	dev  BlockDevice
	size uint32 // bytes of the device
	unit uint32
	held bool
	drop bool   // RepairHeldUnit: a held unit whose program fails is dropped
	at   uint32 // address of the held unit
	data []byte // one unit

	masked  bool // RepairMaskedReads: exceptions of ECC errors are masked
	damaged bool // with masked: the last read that failed met a unit that no read can correct
}

// attach takes the measures of the device, with nothing held.
func (b *unitBuffer) attach(size, unit uint32) {
	b.size, b.unit, b.held = size, unit, false
	if uint32(cap(b.data)) < unit {
		b.data = make([]byte, unit)
	}
	b.data = b.data[:unit]
}

// read fills p from addr on; the range lies within the device.
func (b *unitBuffer) read(addr uint32, p []byte) error {
	if b.held && addr < b.at+b.unit && b.at < addr+uint32(len(p)) {
		return b.readAround(addr, p)
	}
	if err := b.dev.Read(addr, p); err != nil {
		return b.unread(err)
	}
	return nil
}

// unread is the error of a read of the device.
func (b *unitBuffer) unread(err error) error {
	var of interface{ Uncorrectable() bool }
	b.damaged = b.masked && errors.As(err, &of) && of.Uncorrectable()
	return ErrReadFailed
}

// readAround reads a range that touches the held unit: that part comes from the buffer, and the
// unit's cells are not read.
func (b *unitBuffer) readAround(addr uint32, p []byte) error {
	if addr < b.at {
		n := b.at - addr
		if err := b.dev.Read(addr, p[:n]); err != nil {
			return b.unread(err)
		}
		addr, p = b.at, p[n:]
	}
	n := copy(p, b.data[addr-b.at:])
	addr, p = addr+uint32(n), p[n:]
	if len(p) > 0 {
		if err := b.dev.Read(addr, p); err != nil {
			return b.unread(err)
		}
	}
	return nil
}

// program writes p at addr, through the buffer.
func (b *unitBuffer) program(addr uint32, p []byte) error {
	if b.unit == 1 {
		if len(p) == 0 {
			return nil
		}
		return b.issue(addr, p)
	}
	mask := b.unit - 1
	if b.held && addr&^mask != b.at {
		if err := b.flush(); err != nil {
			return err
		}
	}
	for len(p) > 0 {
		at, off := addr&^mask, addr&mask
		var n uint32
		if off == 0 && uint32(len(p)) >= b.unit {
			n = uint32(len(p)) &^ mask
			if err := b.issue(at, p[:n]); err != nil {
				return err
			}
			b.held = false
		} else {
			n = min(b.unit-off, uint32(len(p)))
			if !b.held {
				if uint64(at)+uint64(b.unit) > uint64(b.size) || b.dev.Read(at, b.data) != nil {
					return ErrWriteFailed
				}
			}
			copy(b.data[off:], p[:n])
			if off+n == b.unit {
				if err := b.issue(at, b.data); err != nil {
					return err
				}
				b.held = false
			} else {
				b.held, b.at = true, at
			}
		}
		addr, p = addr+n, p[n:]
	}
	return nil
}

// flush programs the held unit.
func (b *unitBuffer) flush() error {
	if !b.held {
		return nil
	}
	if err := b.issue(b.at, b.data); err != nil {
		return err
	}
	b.held = false
	return nil
}

// issue programs whole units. A write that runs off the device (the reference does not bound a
// record whose announced size wraps) fails.
func (b *unitBuffer) issue(addr uint32, p []byte) error {
	if uint64(addr)+uint64(len(p)) > uint64(b.size) || b.dev.Program(addr, p) != nil {
		b.held = b.held && !b.drop
		return ErrWriteFailed
	}
	return nil
}

// erase erases the units [from, to) and drops a held unit that lies there, the address to included.
func (b *unitBuffer) erase(from, to uint32) error {
	if b.held && b.at >= from && b.at <= to {
		b.held = false
	}
	if b.dev.Erase(from, to-from) != nil {
		return ErrWriteFailed
	}
	return nil
}

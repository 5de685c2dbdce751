package model

import "math/bits"

// operation is one stretch in which a bank is busy with a run of accesses or an erase, as the application
// feels it.
type operation struct {
	bank   int
	start  uint64 // of the first access, with the driver's share of it
	count  uint64 // accesses
	gap    uint64 // driver's share of each, before it
	busy   uint64 // of all of them
	masked bool
	apart  bool   // masked for each access, not for all of them at a stretch
	yields uint64 // cycles after which an erase makes way for an interrupt; 0: it does not
	ahead  bool   // the core's speculative fetch from the bank stalls code of other banks too
}

func (o *operation) end() uint64 { return o.start + o.count*o.gap + o.busy }

// programTime puts n bytes at addr, programmed in steps accesses, on the clock and returns how long the
// bank was busy.
func (f *Flash) programTime(addr uint32, n int, steps uint64, refused bool) (busy uint64) {
	f.count.Programs += steps
	f.count.ProgramBytes += uint64(n)
	t := &f.timing
	if !t.on {
		return 0
	}
	f.cache.flush()
	if f.quick && n > 0 && !refused {
		// The usual case in a few lines: equal accesses in one sector.
		off := addr - f.base
		if i := f.index[off>>f.granule]; f.index[(off+uint32(n)-1)>>f.granule] == i {
			bank := f.sectors[i].Bank
			busy = steps * t.program.each
			f.now += t.program.call + t.program.chunk + steps*t.program.access + busy
			f.count.Busy[bank] += busy
			f.count.Programming += busy
			if f.stalls[bank] {
				f.count.Stall += busy
				f.count.LongestStall = max(f.count.LongestStall, t.program.each)
			}
			return busy
		}
	}
	f.now += t.program.call
	if refused {
		// The driver tries again, and is refused at once.
		f.now += (t.tries - 1) * (t.program.chunk + t.program.access)
	}
	if n == 0 {
		return 0
	}
	off := addr - f.base
	first, last := f.index[off>>f.granule], f.index[(off+uint32(n)-1)>>f.granule]
	for i := first; i < last; i++ {
		end := f.sectors[i+1].Addr
		k := int(end - addr)
		busy += f.chunkTime(i, addr, k, t.Count(addr, k))
		steps -= t.Count(addr, k)
		addr = end
		n -= k
	}
	return busy + f.chunkTime(last, addr, n, steps)
}

// pieces divides n bytes at addr into what comes before whole rows, the rows, and what comes after them.
func (t *programTiming) pieces(addr uint32, n int) (lengths [3]int) {
	row := t.row
	head := int(-addr & (row - 1))
	if head+int(row) > n {
		return [3]int{n, 0, 0}
	}
	rows := (n - head) &^ int(row-1)
	return [3]int{head, rows, n - head - rows}
}

// chunkTime puts what a call programs in one sector on the clock.
func (f *Flash) chunkTime(i int, addr uint32, n int, steps uint64) (busy uint64) {
	if f.timing.program.row == 0 {
		return f.pieceTime(i, addr, n, steps)
	}
	for _, k := range f.timing.program.pieces(addr, n) {
		if k > 0 {
			busy += f.pieceTime(i, addr, k, f.timing.Count(addr, k))
			addr += uint32(k)
		}
	}
	return busy
}

// pieceTime is chunkTime for rows alone or for accesses alone.
func (f *Flash) pieceTime(i int, addr uint32, n int, steps uint64) uint64 {
	var o operation
	longest := f.chunk(&o, i, addr, n, steps, f.now)
	f.now = o.end()
	f.count.Programming += o.busy
	f.feelOf(&o, longest)
	return o.busy
}

// chunk fills in o, which is zero, with what a call programs in one sector, as the driver does it from cycle now on.
// longest is the time of the longest access. It is called for every program: an operation that is returned would be copied.
func (f *Flash) chunk(o *operation, i int, addr uint32, n int, steps, now uint64) (longest uint64) {
	t := &f.timing
	o.bank, o.start, o.count, o.gap, o.masked = f.sectors[i].Bank, now, steps, t.program.access, t.program.masked
	o.busy, longest = f.programBusy(i, addr, n, steps)
	if row := t.program.row; row > 0 && addr&(row-1) == 0 && uint32(n)&(row-1) == 0 {
		// The driver's share is one of a row, and a row is one stretch without interrupts.
		o.count = uint64(uint32(n) / row)
		o.masked = o.masked || t.program.rowMasked
		o.apart = o.apart || t.program.rowMasked && !t.program.masked && o.count > 1
	}
	if t.program.unaligned {
		// FlashIAP copies a source that is not aligned and hands it over unit by unit.
		o.gap += t.program.chunk
		o.apart = true
	} else {
		o.start += t.program.chunk
	}
	return longest
}

// feelOf accounts for what an operation lets the application feel.
func (f *Flash) feelOf(o *operation, longest uint64) {
	f.count.Busy[o.bank] += o.busy
	if f.stalls[o.bank] || o.ahead {
		f.count.Stall += o.busy
		f.count.LongestStall = max(f.count.LongestStall, longest)
		if f.part.ReadCollision.Value && !o.masked {
			f.count.Collisions++
		}
	}
	if o.masked {
		f.count.Masked += o.busy + o.count*o.gap
		if !o.apart {
			longest = o.busy + o.count*o.gap
		} else {
			longest += o.gap
		}
		f.count.LongestMasked = max(f.count.LongestMasked, longest)
	}
	if f.app != nil {
		f.app.feel(o)
	}
}

// EraseCycles is the typical time of an erase of the sector at addr when it is new, or the maximum at corner Max.
// addr is inside the flash.
func (f *Flash) EraseCycles(addr uint32) uint64 {
	time := f.sectors[f.sectorAt(addr)].time
	if f.timing.corner == Max {
		return time.high
	}
	return time.typ
}

// StepCycles is what one step takes of a driver's work, at the corner Typ or Max: a program of n bytes at addr, an erase of
// the sector at addr, or a write of the option bytes. addr is inside the flash. Less than an access of the driver takes
// its share of one.
func (f *Flash) StepCycles(kind Kind, addr, n uint32) uint64 {
	t := &f.timing
	corner := t.corner
	if corner == Sampled {
		corner = Typ
	}
	switch kind {
	case Erase:
		return f.EraseCycles(addr) + t.erase.sector
	case WriteOptions:
		return f.time.at(corner, 0, nil)
	case Program:
		access := t.program.busy[bits.TrailingZeros32(t.Width)].at(corner, 0, nil) + t.program.access
		if n < t.Width {
			return access * uint64(n) / uint64(t.Width)
		}
		return access * uint64(n/t.Width)
	}
	return 0
}

// eraseCycles is what an erase of sector i takes at its present age.
func (f *Flash) eraseCycles(i int) uint64 {
	s := &f.sectors[i]
	time := s.time
	if f.law != nil && len(f.law.Growth) > 0 {
		time.high = time.high * f.law.MaxFactor(s.erases) >> 10
		time.typ = min(time.typ*f.law.Factor(s.erases)>>10, time.high)
	}
	return time.at(f.timing.corner, f.ageOf(i), &f.rand)
}

// suspended is how long an erase of bank that begins now and takes so many cycles is when it makes way for the
// interrupts that come meanwhile.
func (f *Flash) suspended(bank int, cycles uint64) uint64 {
	t := &f.timing.erase
	if t.suspend == 0 || t.masked || f.app == nil {
		return cycles
	}
	return f.app.yielded(bank, f.now+t.sector, cycles, t.suspend+t.resume)
}

// eraseTime puts the erase of a sector, or of a whole bank, on the clock.
func (f *Flash) eraseTime(bank int, cycles uint64, ahead bool) (busy uint64) {
	f.count.Erases++
	t := &f.timing
	if !t.on {
		return 0
	}
	f.cache.flush()
	o := operation{bank: bank, start: f.now, count: 1, gap: t.erase.sector, busy: cycles, masked: t.erase.masked, ahead: ahead, yields: t.erase.suspend}
	f.now = o.end() + t.erase.reset
	f.count.Erasing += cycles
	f.feelOf(&o, cycles)
	return cycles
}

package model

import (
	"slices"

	"dualbank/model/cell"
)

// Program programs p at addr, both multiples of the program unit; every access of the driver is one
// step, in address order. Errors: ErrPowerCut, ErrRange and ErrAlign before the first step,
// ErrProgram and ErrInjected with the steps before it done, ErrVerify with all of them done.
func (f *Flash) Program(addr uint32, p []byte) error {
	if f.off {
		return f.down
	}
	if !f.inside(addr, len(p)) {
		return f.refuse(ErrRange)
	}
	if (addr|uint32(len(p)))&(f.unit-1) != 0 {
		return f.refuse(ErrAlign)
	}
	if len(p) == 0 {
		return nil
	}
	if f.swap {
		done := uint32(0)
		err := f.halves(addr, len(p), func(at uint32, from, to int) error {
			err := f.program(at, p[from:to])
			done += f.done
			return err
		})
		f.done = done
		return err
	}
	return f.program(addr, p)
}

// program is Program at a physical address, for whole units inside the flash.
func (f *Flash) program(addr uint32, p []byte) error {
	start := f.now
	steps := f.timing.Count(addr, len(p))
	var at uint64
	if f.app != nil && f.app.dog != nil && f.timing.on {
		at = f.resetDuring(addr, len(p))
	}
	var done int
	var err error
	if left := f.cutAt - f.steps; steps <= left {
		ok := false
		if done, ok = f.cells.Program(addr-f.base, p); !ok {
			steps, err = f.timing.Count(addr, done), f.refuse(ErrProgram)
		}
		f.steps += steps
	} else {
		done, steps, err = f.programUntil(addr-f.base, p, left)
	}
	f.done = uint32(done)
	busy := f.programTime(addr, done, steps, err == ErrProgram)
	if f.observe != nil && done > 0 {
		f.report(Event{Kind: Program, Addr: addr, Size: uint32(done), Data: p[:done], Steps: steps, Start: start}, busy, false)
	}
	if f.dogReset {
		return f.reset(at, err)
	}
	if err == nil && f.timing.program.verified && !f.cells.Holds(addr-f.base, p) {
		f.done = 0
		return f.refuse(ErrVerify)
	}
	return err
}

// programUntil programs p at off up to a fault at access number left. It returns the bytes and steps that were
// done.
func (f *Flash) programUntil(off uint32, p []byte, left uint64) (done int, steps uint64, err error) {
	for ; steps < left; steps++ {
		done += int(f.timing.First(off+uint32(done), len(p)-done))
	}
	if n, ok := f.cells.Program(off, p[:done]); !ok {
		steps = f.timing.Count(off, n)
		f.steps += steps
		return n, steps, f.refuse(ErrProgram)
	}
	f.steps += steps
	at := off + uint32(done)
	n := int(f.timing.First(at, len(p)-done))
	out, ok := f.cells.CutProgram(at, p[done:done+n], f.cut.Mode, f.cut.Seed)
	if !ok {
		return done, steps, f.refuse(ErrProgram)
	}
	if out == cell.Done {
		done += n
		steps++
	}
	return done, steps, f.hit(out)
}

// Erase erases the sectors from addr to addr+size, one step each, in address order. Errors:
// ErrPowerCut, ErrRange, ErrAlign, ErrInjected, ErrVerify.
func (f *Flash) Erase(addr, size uint32) error {
	if f.off {
		return f.down
	}
	if !f.inside(addr, int(size)) {
		return f.refuse(ErrRange)
	}
	if size == 0 {
		return nil
	}
	first := f.sectorAt(addr)
	last := f.sectorAt(addr + size - 1)
	if f.sectors[first].Addr != addr || f.sectors[last].Addr+f.sectors[last].Size != addr+size {
		return f.refuse(ErrAlign)
	}
	called := f.now
	f.now += f.timing.erase.call
	for i := first; i <= last; i++ {
		if err := f.eraseSector(f.erased(i), called); err != nil {
			f.done = f.sectors[i].Addr - addr
			return err
		}
	}
	return nil
}

// erased is the sector that an erase at the address of sector i reaches.
func (f *Flash) erased(i int) int {
	if n := len(f.sectors); f.swap && !f.naive {
		return (i + n/2) % n
	}
	return i
}

// eraseSector erases sector i, and again up to the driver's number of tries while a driver that verifies finds
// it not blank.
func (f *Flash) eraseSector(i int, called uint64) error {
	s := &f.sectors[i]
	for try := uint64(1); ; try++ {
		if err := f.erase(s.Bank, s.Addr-f.base, s.Size, f.eraseCycles(i), called); err != nil {
			return err
		}
		stuck := f.age(i)
		if !stuck || !f.timing.erase.verified {
			return nil
		}
		if try >= f.timing.tries {
			return f.refuse(ErrVerify)
		}
	}
}

// age counts an erase of sector i, and leaves the stuck bits of a sector that is at its end.
func (f *Flash) age(i int) (stuck bool) {
	s := &f.sectors[i]
	s.erases++
	return s.life > 0 && f.wearOut(i)
}

// EraseBank erases all sectors of a bank, from 0, in one step, in the time that the part has for it.
// Errors: ErrPowerCut, ErrRange if there is no such bank or the part cannot, ErrInjected, ErrVerify.
func (f *Flash) EraseBank(bank int) error {
	if f.off {
		return f.down
	}
	if bank < 0 || bank >= len(f.part.Banks) || f.timing.on && f.timing.erase.bank[bank].typ == 0 {
		return f.refuse(ErrRange)
	}
	if f.swap && !f.naive {
		bank = 1 - bank
	}
	first := slices.IndexFunc(f.sectors, func(s sector) bool { return s.Bank == bank })
	called := f.now
	f.now += f.timing.erase.call
	cycles := uint64(0)
	if f.timing.on {
		age := uint64(0)
		for i := first; i < len(f.sectors) && f.sectors[i].Bank == bank; i++ {
			age = max(age, f.ageOf(i))
		}
		cycles = f.timing.erase.bank[bank].at(f.timing.corner, age, &f.rand)
	}
	if err := f.erase(bank, f.sectors[first].Addr-f.base, f.part.Banks[bank].Size(), cycles, called); err != nil {
		return err
	}
	stuck := false
	for i := first; i < len(f.sectors) && f.sectors[i].Bank == bank; i++ {
		stuck = f.age(i) || stuck
	}
	if stuck && f.timing.erase.verified {
		return f.refuse(ErrVerify)
	}
	return nil
}

// erase is the step of an erase that takes the flash so many cycles, within a call from cycle called
// on.
func (f *Flash) erase(bank int, off, n uint32, cycles, called uint64) error {
	start, ahead := f.now, f.speculates(bank)
	if f.timing.erase.suspend > 0 {
		cycles = f.suspended(bank, cycles)
	}
	var at uint64
	if f.app != nil && f.app.dog != nil && f.steps != f.cutAt {
		o := operation{bank: bank, start: f.now, count: 1, gap: f.timing.erase.sector, busy: cycles, masked: f.timing.erase.masked, ahead: ahead, yields: f.timing.erase.suspend}
		if when, ok := f.app.dog.survives(&o, called); !ok {
			at = when
			f.resetIn(0, at < o.start+o.gap)
		}
	}
	if f.steps == f.cutAt {
		out := f.cells.CutErase(off, n, f.cut.Mode, f.cut.Seed)
		err := f.hit(out)
		if f.dogReset {
			return f.reset(at, err)
		}
		if out != cell.Done {
			return err
		}
		for i := range f.sectors {
			if s := &f.sectors[i]; s.Addr-f.base-off < n {
				s.erases++
			}
		}
		f.report(Event{Kind: Erase, Addr: f.base + off, Size: n, Steps: 1, Bank: bank, Start: start}, f.eraseTime(bank, cycles, ahead), ahead)
		return err
	}
	f.cells.Erase(off, n)
	f.steps++
	f.report(Event{Kind: Erase, Addr: f.base + off, Size: n, Steps: 1, Bank: bank, Start: start}, f.eraseTime(bank, cycles, ahead), ahead)
	return nil
}

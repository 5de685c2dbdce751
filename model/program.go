package model

import "dualbank/model/cell"

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

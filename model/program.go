package model

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
	start := f.now
	steps := f.timing.accesses(addr, len(p))
	var at uint64
	if f.app != nil && f.app.dog != nil && f.timing.on {
		at = f.biteIn(addr, len(p))
	}
	var done int
	var err error
	if left := f.cutAt - f.steps; steps <= left {
		done, err = f.programCells(addr-f.base, p)
		if err != nil {
			steps = f.timing.accesses(addr, done)
		}
		f.steps += steps
	} else {
		done, steps, err = f.programUntil(addr-f.base, p, left)
	}
	busy := f.programTime(addr, done, steps, err == ErrProgram)
	if f.observe != nil && done > 0 {
		f.told(Event{Kind: Program, Addr: addr, Size: uint32(done), Data: p[:done], Steps: steps, Start: start}, busy)
	}
	if f.biting {
		return f.reset(at, err)
	}
	if err == nil && f.timing.verified && !f.cells.holds(addr-f.base, p) {
		return f.refuse(ErrVerify)
	}
	return err
}

// programCells gives the cells from off on the data of complete accesses. It returns the bytes that
// were done before an access was refused.
func (f *Flash) programCells(off uint32, p []byte) (done int, err error) {
	switch f.rule {
	case CellAND:
		f.count.Reprogrammed += uint64(f.cells.and(off, p))
		if f.cells.scarred > 0 {
			f.cells.decide(off, p)
		}
		return len(p), nil
	case CellCopy:
		f.cells.write(off, p)
		f.cells.settle(off, uint32(len(p)))
		return len(p), nil
	}
	for {
		if f.cells.scarred == 0 {
			if f.rule == CellLimited {
				n, again := f.cells.andLimited(off+uint32(done), p[done:], f.limit)
				f.count.Reprogrammed += uint64(again)
				done += n
			} else {
				done += f.cells.fill(off+uint32(done), p[done:], f.unit)
			}
		}
		if done == len(p) {
			return done, nil
		}
		n := int(f.timing.access(off+uint32(done), len(p)-done))
		if err := f.programAccess(off+uint32(done), p[done:done+n]); err != nil {
			f.count.NotErased++
			return done, f.refuse(err)
		}
		done += n
	}
}

// programAccess programs one access into cells that are not plainly erased.
func (f *Flash) programAccess(off uint32, p []byte) error {
	if !f.takes(off, p) {
		return ErrProgram
	}
	n := uint32(len(p))
	if f.cells.blank(off, n) {
		f.cells.write(off, p)
		f.cells.decide(off, p)
		f.cells.count(off, n)
		return nil
	}
	switch f.rule {
	case CellReject: // the same again
	case CellRejectNonblank: // zeros
		f.count.Reprogrammed += uint64(f.cells.and(off, p))
		f.cells.settle(off, n)
	case CellCorruptECC:
		f.corrupt(off, p)
	default:
		f.count.Reprogrammed += uint64(f.cells.and(off, p))
		f.cells.decide(off, p)
		f.cells.count(off, n)
	}
	return nil
}

// takes tells whether the cells let p be programmed at off.
func (f *Flash) takes(off uint32, p []byte) bool {
	n := uint32(len(p))
	switch f.rule {
	case CellReject:
		return f.cells.blank(off, n) || f.cells.holds(off, p)
	case CellRejectNonblank:
		return f.cells.blank(off, n) || isZero(p)
	case CellLimited:
		return f.cells.counted(off, n) < f.limit
	}
	return true
}

// corrupt programs ECC units a second time. The array takes the AND of data and of ECC alike, which fit
// each other no more unless the data is the same.
func (f *Flash) corrupt(off uint32, p []byte) {
	for i := uint32(0); i < uint32(len(p)); i += f.ecc {
		data := p[i : i+f.ecc]
		switch {
		case f.cells.blank(off+i, f.ecc):
			f.cells.write(off+i, data)
			f.cells.decide(off+i, data)
		case !f.cells.holds(off+i, data):
			f.count.NotErased++
			f.count.Reprogrammed += uint64(f.cells.and(off+i, data))
			f.cells.scarUnit(off+i, &unit{kind: damaged})
		}
	}
}

// programUntil is programCells for a fault at access number left. It returns the bytes and steps that
// were done.
func (f *Flash) programUntil(off uint32, p []byte, left uint64) (done int, steps uint64, err error) {
	for ; steps < left; steps++ {
		done += int(f.timing.access(off+uint32(done), len(p)-done))
	}
	if n, err := f.programCells(off, p[:done]); err != nil {
		steps = f.timing.accesses(off, n)
		f.steps += steps
		return n, steps, err
	}
	f.steps += steps
	at := off + uint32(done)
	n := int(f.timing.access(at, len(p)-done))
	data := p[done : done+n]
	if !f.takes(at, data) {
		f.count.NotErased++
		return done, steps, f.refuse(ErrProgram)
	}
	cells := f.old(at, uint32(n))
	f.want = append(f.want[:0], data...)
	if f.rule != CellCopy {
		for i, b := range cells {
			f.want[i] &= b
		}
	}
	out, err := f.hit(at, cells, f.want, false)
	if out == Done {
		done += n
		steps++
	}
	return done, steps, err
}

// old reads n cells at off into the buffer kept for that.
func (f *Flash) old(off, n uint32) []byte {
	if uint32(cap(f.have)) < n {
		f.have = make([]byte, n)
	}
	f.have = f.have[:n]
	f.cells.read(off, f.have)
	return f.have
}

// hit leaves the present step as the fault plan says. cells hold what the flash holds, want what the
// step was to leave.
func (f *Flash) hit(off uint32, cells, want []byte, erase bool) (Outcome, error) {
	var out Outcome
	var left Left
	n := uint32(len(cells))
	if deep, ok := f.cut.Mode.(DeepMode); ok {
		f.before = append(f.before[:0], cells...)
		out, left = deep.LeaveDeep(cells, want, erase, f.ecc, f.cut.Seed)
	} else {
		out = f.cut.Mode.Leave(cells, want, erase, f.cut.Seed)
	}
	if out == Failed {
		f.steps++
		f.cutAt = noCut
		return out, ErrInjected
	}
	f.off, f.down = true, ErrPowerCut
	f.cutAt = noCut
	if out == Done {
		f.steps++
		f.complete(off, want, erase)
		return out, ErrPowerCut
	}
	f.cells.write(off, cells)
	if !erase {
		f.cells.count(off, n)
	}
	f.scar(off, want, left)
	return out, ErrPowerCut
}

// complete does the whole step, which leaves want.
func (f *Flash) complete(off uint32, want []byte, erase bool) {
	n := uint32(len(want))
	switch {
	case erase:
		f.cells.erase(off, n)
	case f.rule == CellCopy:
		f.cells.write(off, want)
		f.cells.settle(off, n)
	default:
		if err := f.programAccess(off, want); err != nil {
			panic(err) // the step was let in
		}
	}
}

// scar gives the cells what a step left beside bits.
func (f *Flash) scar(off uint32, want []byte, left Left) {
	if f.ecc == 0 || left.Falls != nil {
		f.cells.scar(off, left.Undecided, left.Falls, f.cut.Seed)
	}
	if f.ecc == 0 {
		return
	}
	for i := uint32(0); i+f.ecc <= uint32(len(left.Undecided)); i += f.ecc {
		if !isZero(left.Undecided[i : i+f.ecc]) {
			f.cells.scarUnit(off+i, &unit{
				kind: unsettled,
				old:  append([]byte(nil), f.before[i:i+f.ecc]...),
				want: append([]byte(nil), want[i:i+f.ecc]...),
			})
		}
	}
	for _, i := range left.Damaged {
		f.cells.scarUnit(off+i, &unit{kind: damaged})
	}
}

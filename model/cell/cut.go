package cell

// CutProgram is one access that is to program p at off and that a fault leaves as mode says, with the
// randomness of seed. ok is false if the cells refuse the access before.
func (a *Array) CutProgram(off uint32, p []byte, mode Mode, seed uint64) (out Outcome, ok bool) {
	a.follow.need(off, uint32(len(p)))
	p = a.cellsOf(off, p)
	if !a.takes(off, p) {
		a.count.NotErased++
		return NotDone, false
	}
	cells := a.old(off, uint32(len(p)))
	a.want = append(a.want[:0], p...)
	if a.rule != Copy {
		for i, b := range cells {
			a.want[i] &= b
		}
	}
	out = a.hit(off, cells, mode, false, seed)
	if a.rows.bytes > 0 && out != Failed {
		a.countRows(off, uint32(len(p)))
	}
	return out, true
}

// CutErase is the erase of n cells at off that a fault leaves as mode says.
func (a *Array) CutErase(off, n uint32, mode Mode, seed uint64) Outcome {
	if mode == Before {
		return NotDone // a sector is large: it is not read, and written as it was
	}
	a.follow.need(off, n)
	a.want = a.want[:0]
	for range n {
		a.want = append(a.want, 0xFF)
	}
	return a.hit(off, a.old(off, n), mode, true, seed)
}

// old reads n cells at off into the buffer kept for that.
func (a *Array) old(off, n uint32) []byte {
	if uint32(cap(a.have)) < n {
		a.have = make([]byte, n)
	}
	a.have = a.have[:n]
	a.read(off, a.have)
	return a.have
}

// hit leaves a step that was to leave a.want as mode says. cells hold what the array holds.
func (a *Array) hit(off uint32, cells []byte, mode Mode, erase bool, seed uint64) Outcome {
	var out Outcome
	var left Left
	n := uint32(len(cells))
	if deep, ok := mode.(DeepMode); ok {
		a.before = append(a.before[:0], cells...)
		out, left = deep.LeaveDeep(cells, a.want, erase, a.ecc, seed)
	} else {
		out = mode.Leave(cells, a.want, erase, seed)
	}
	switch out {
	case Done:
		a.complete(off, erase)
	case NotDone:
		a.write(off, cells)
		if !erase {
			a.countProgram(off, n)
		}
		a.leave(off, left, seed)
	}
	return out
}

// complete does the whole step, which leaves a.want.
func (a *Array) complete(off uint32, erase bool) {
	n := uint32(len(a.want))
	switch {
	case erase:
		a.erase(off, n)
	case a.rule == Copy:
		a.write(off, a.want)
		a.settle(off, n)
	default:
		if !a.programAccess(off, a.want) {
			panic("cell: an access was taken, and then refused")
		}
	}
}

// leave gives the cells what a step left beside bits.
func (a *Array) leave(off uint32, left Left, seed uint64) {
	if a.ecc == 0 || left.Falls != nil {
		a.scar(off, left.Undecided, left.Falls, seed)
	}
	if a.ecc == 0 {
		return
	}
	for i := uint32(0); i+a.ecc <= uint32(len(left.Undecided)); i += a.ecc {
		if !isZero(left.Undecided[i : i+a.ecc]) {
			a.scarUnit(off+i, &unit{
				kind: unsettled,
				old:  append([]byte(nil), a.before[i:i+a.ecc]...),
				want: append([]byte(nil), a.want[i:i+a.ecc]...),
			})
		}
	}
	for _, i := range left.Damaged {
		a.scarUnit(off+i, &unit{kind: damaged})
	}
}

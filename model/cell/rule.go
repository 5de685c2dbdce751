package cell

// Rule says what programming a byte that is not erased does.
type Rule string

const (
	// AND clears bits, silently: STM32F4 and F7.
	AND Rule = "and"
	// Reject refuses to program a unit that is not erased, unless it already holds just these
	// bytes.
	Reject Rule = "reject"
	// RejectNonblank refuses to program a unit that is not erased unless with all zeros: STM32L4,
	// G4, L5, U5, WB.
	RejectNonblank Rule = "reject-nonblank"
	// CorruptECC lets a second program of a unit damage its ECC: STM32H7, H5, Kinetis K6x.
	CorruptECC Rule = "corrupt-ecc"
	// Limited clears bits, and refuses a word that was programmed as often as is allowed between
	// erases: nRF52.
	Limited Rule = "limited"
	// Copy overwrites, as a simulated medium may.
	Copy Rule = "copy"
)

// LimitWord is the number of bytes of which cells of rule Limited count the programs.
const LimitWord = 4

// Program programs p at off by accesses, as the cells' rule says. It returns the bytes that were done before
// an access was refused, which ok says of.
func (a *Array) Program(off uint32, p []byte) (done int, ok bool) {
	if a.follow != nil {
		a.follow.need(off, uint32(len(p)))
	}
	if a.unusual {
		return a.programUnusual(off, p)
	}
	switch a.rule {
	case AND:
		a.count.Reprogrammed += uint64(a.and(off, p))
		if a.scarred > 0 {
			a.decide(off, p)
		}
		return len(p), true
	case Copy:
		a.write(off, p)
		a.settle(off, uint32(len(p)))
		return len(p), true
	}
	for {
		if a.scarred == 0 {
			if a.rule == Limited {
				n, again := a.andLimited(off+uint32(done), p[done:], a.limit)
				a.count.Reprogrammed += uint64(again)
				done += n
			} else {
				done += a.fill(off+uint32(done), p[done:], a.access.Unit)
			}
		}
		if done == len(p) {
			return done, true
		}
		n := int(a.access.First(off+uint32(done), len(p)-done))
		if !a.programAccess(off+uint32(done), p[done:done+n]) {
			a.count.NotErased++
			return done, false
		}
		done += n
	}
}

// programUnusual is Program of inverted cells and of rows that count their programs.
func (a *Array) programUnusual(off uint32, p []byte) (done int, ok bool) {
	a.unusual = false
	done, ok = a.Program(off, a.cellsOf(off, p))
	a.unusual = true
	if a.rows.bytes > 0 {
		a.countRows(off, uint32(done))
	}
	return done, ok
}

// programAccess programs one access into cells that are not plainly erased. It reports whether they take it.
func (a *Array) programAccess(off uint32, p []byte) bool {
	if !a.takes(off, p) {
		return false
	}
	n := uint32(len(p))
	if a.blank(off, n) {
		a.write(off, p)
		a.decide(off, p)
		a.countProgram(off, n)
		return true
	}
	switch a.rule {
	case Reject: // the same again
	case RejectNonblank: // zeros
		a.count.Reprogrammed += uint64(a.and(off, p))
		a.settle(off, n)
	case CorruptECC:
		a.corrupt(off, p)
	default:
		a.count.Reprogrammed += uint64(a.and(off, p))
		a.decide(off, p)
		a.countProgram(off, n)
	}
	return true
}

// takes reports whether the cells let p be programmed at off.
func (a *Array) takes(off uint32, p []byte) bool {
	n := uint32(len(p))
	switch a.rule {
	case Reject:
		return a.blank(off, n) || a.holds(off, p)
	case RejectNonblank:
		return a.blank(off, n) || isZero(p)
	case Limited:
		return a.counted(off, n) < a.limit
	}
	return true
}

// corrupt programs ECC units a second time. The array takes the AND of data and of ECC alike, which fit
// each other no more unless the data is the same.
func (a *Array) corrupt(off uint32, p []byte) {
	for i := uint32(0); i < uint32(len(p)); i += a.ecc {
		data := p[i : i+a.ecc]
		switch {
		case a.blank(off+i, a.ecc):
			a.write(off+i, data)
			a.decide(off+i, data)
		case !a.holds(off+i, data):
			a.count.NotErased++
			a.count.Reprogrammed += uint64(a.and(off+i, data))
			a.scarUnit(off+i, &unit{kind: damaged})
		}
	}
}

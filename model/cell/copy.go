package cell

// Version identifies what n cells from off on hold, scars left out: equal versions mean equal bytes, whichever
// array they come from. It is what Stamp is, while a cell does not read as it stands, too.
func (a *Array) Version(off, n uint32) [2]uint64 { return a.version(off, n) }

// Peek fills p with the cells from off on, as they stood when the snapshot was taken.
func (s *Snapshot) Peek(off uint32, p []byte) {
	size := uint32(len(s.pages[0].data))
	for len(p) > 0 {
		n := copy(p, s.pages[off/size].data[off%size:])
		p = p[n:]
		off += uint32(n)
	}
}

// Version is Array.Version of what the snapshot holds.
func (s *Snapshot) Version(off, n uint32) [2]uint64 {
	size := uint32(len(s.pages[0].data))
	return versionOf(s.pages, off/size, (off+n-1)/size)
}

// Scarred calls fn for every stretch among n cells from off on in which a cell may not read as it stands, in
// address order. at counts from off.
func (a *Array) Scarred(off, n uint32, fn func(at, n uint32)) {
	if a.scarred == 0 {
		return
	}
	a.eachPage(off, n, func(i int, from, to, at uint32) {
		s := a.pages[i].scars
		if s == nil {
			return
		}
		first, open := from, false
		for o := from; o <= to; o++ {
			in := o < to && s.touch(o, a.ecc)
			switch {
			case in && !open:
				first = o
			case !in && open:
				fn(at+first-from, o-first)
			}
			open = in
		}
	})
}

// touch reports whether the byte at off of the page may not read as it stands, or not program as others do.
func (s *scars) touch(off, ecc uint32) bool {
	if s.weak != nil && s.weak[off] != 0 || s.falls != nil && s.falls[off] != 0 {
		return true
	}
	if len(s.units) == 0 {
		return false
	}
	_, ok := s.find(off &^ (ecc - 1))
	return ok
}

// SetReads says how many reads there were since the boot, for software that reads a copy of the cells beside:
// undecided cells read differently from read to read.
func (a *Array) SetReads(n uint64) { a.flicker = n }

// Clears reports whether a program of cells that are not erased clears bits and is not refused.
func (a *Array) Clears() bool {
	return a.rule == AND && a.ecc == 0 && a.inverted == 0 && a.rows.bytes == 0
}

// Blank reports whether n cells from off on are erased.
func (a *Array) Blank(off, n uint32) bool { return a.blank(off, n) }

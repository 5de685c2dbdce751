package cell

import "encoding/binary"

// fill programs p into erased cells from off on, whole units of it, up to the first unit that is not
// erased, and returns how many bytes that were.
func (im *image) fill(off uint32, p []byte, unit uint32) (done int) {
	mask := uint32(1)<<im.shift - 1
	for len(p) > 0 {
		i := int(off >> im.shift)
		dst := im.pages[i].data[off&mask:]
		n := min(len(dst), len(p))
		k := erased(dst[:n]) &^ int(unit-1)
		if k > 0 {
			copy(im.own(i).data[off&mask:], p[:k])
		}
		done += k
		if k < n {
			break
		}
		p = p[n:]
		off += uint32(n)
	}
	return done
}

// erased is the number of bytes of p before the first that is not 0xFF.
func erased(p []byte) int {
	n := 0
	for len(p) >= 8 && binary.LittleEndian.Uint64(p) == ^uint64(0) {
		n += 8
		p = p[8:]
	}
	for _, b := range p {
		if b != 0xFF {
			break
		}
		n++
	}
	return n
}

// andLimited is and for cells that take limit programs of a word: it stops at the first word that has
// had them.
func (im *image) andLimited(off uint32, p []byte, limit byte) (done, reprogrammed int) {
	for ; done < len(p); done += LimitWord {
		if im.counted(off, LimitWord) >= limit {
			break
		}
		reprogrammed += im.and(off, p[done:done+LimitWord])
		im.countProgram(off, LimitWord)
		off += LimitWord
	}
	return done, reprogrammed
}

// countProgram counts one more program of n cells at off, where that matters.
func (im *image) countProgram(off, n uint32) {
	if im.blankPage.writes == nil {
		return
	}
	im.eachPage(off, n, func(i int, from, to, _ uint32) {
		w := im.own(i).writes
		for j := from / LimitWord; j < to/LimitWord; j++ {
			if w[j] < 255 {
				w[j]++
			}
		}
	})
}

// counted is the most programs that any word of n cells at off has had since its erase.
func (im *image) counted(off, n uint32) byte {
	most := byte(0)
	im.eachPage(off, n, func(i int, from, to, _ uint32) {
		for _, w := range im.pages[i].writes[from/LimitWord : to/LimitWord] {
			most = max(most, w)
		}
	})
	return most
}

// blank reports whether n cells at off are erased and read so.
func (im *image) blank(off, n uint32) bool {
	ok := true
	im.eachPage(off, n, func(i int, from, to, _ uint32) {
		pg := im.pages[i]
		ok = ok && erased(pg.data[from:to]) == int(to-from)
		if s := pg.scars; s != nil && ok {
			ok = (s.weak == nil || isZero(s.weak[from:to])) && !s.marked(from, to)
		}
	})
	return ok
}

// holds reports whether the cells from off on are p and read so.
func (im *image) holds(off uint32, p []byte) bool {
	ok := true
	im.eachPage(off, uint32(len(p)), func(i int, from, to, at uint32) {
		pg := im.pages[i]
		ok = ok && string(pg.data[from:to]) == string(p[at:at+to-from])
		if s := pg.scars; s != nil && ok {
			ok = (s.weak == nil || isZero(s.weak[from:to])) && !s.marked(from, to)
		}
	})
	return ok
}

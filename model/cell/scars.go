package cell

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/cespare/xxhash/v2"

	"dualbank/model/random"
)

// scars is what the cells of one page hold beside plain bits, after an interrupted operation, a
// flipped bit or a worn-out erase. It is shared between pages and never changed, only replaced.
type scars struct {
	seed  uint64 // of what undecided cells read as
	weak  []byte // by byte of the page: bits that read differently from read to read; nil: none
	falls []byte // by byte: bits that read 1 now and fall at a later boot; nil: none
	boots int    // boots until they fall
	units []unit // ECC units that do not read as they stand, by ascending offset
}

// unit is an ECC unit that does not read as it stands.
type unit struct {
	off  uint32 // in the page
	kind unitKind
	flip []byte // flipped: what to correct the cells by
	old  []byte // unsettled: what the unit held before the interrupted step, and what it was to hold
	want []byte
}

type unitKind byte

const (
	// damaged: more bits are wrong than the ECC corrects.
	damaged unitKind = iota
	// flipped: one bit is wrong, and corrected.
	flipped
	// unsettled: reads as old, as new, or not at all, from read to read.
	unsettled
	// filled: programmed, and reads as erased.
	filled
)

func (s *scars) sum() uint64 {
	var d xxhash.Digest
	var b [24]byte
	binary.LittleEndian.PutUint64(b[:], s.seed)
	binary.LittleEndian.PutUint64(b[8:], uint64(s.boots))
	binary.LittleEndian.PutUint64(b[16:], uint64(len(s.weak))<<32|uint64(len(s.falls)))
	d.Reset()
	d.Write(b[:])
	d.Write(s.weak)
	d.Write(s.falls)
	for _, u := range s.units {
		binary.LittleEndian.PutUint64(b[:], uint64(u.off)<<8|uint64(u.kind))
		d.Write(b[:8])
		d.Write(u.flip)
		d.Write(u.old)
		d.Write(u.want)
	}
	return d.Sum64()
}

// setScars replaces the scars of page i; those that say nothing are dropped.
func (im *image) setScars(i int, s *scars) {
	if isZero(s.weak) {
		s.weak = nil
	}
	if isZero(s.falls) {
		s.falls, s.boots = nil, 0
	}
	if s.weak == nil && s.falls == nil && len(s.units) == 0 {
		s = nil
	}
	pg := im.own(i)
	if pg.scars != nil {
		im.scarred--
	}
	if s != nil {
		im.scarred++
	}
	pg.scars = s
}

func isZero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

// edit returns a copy of the scars of page i that may be changed until setScars.
func (im *image) edit(i int) *scars {
	s := new(scars)
	if old := im.pages[i].scars; old != nil {
		*s = scars{old.seed, slices.Clone(old.weak), slices.Clone(old.falls), old.boots, slices.Clone(old.units)}
	}
	return s
}

// eachPage calls fn for every page that holds some of the n cells from off on, with their place in
// it and in the stretch.
func (im *image) eachPage(off, n uint32, fn func(i int, from, to, at uint32)) {
	size := uint32(1) << im.shift
	for at := uint32(0); at < n; {
		o := (off + at) & (size - 1)
		k := min(size-o, n-at)
		fn(int((off+at)>>im.shift), o, o+k, at)
		at += k
	}
}

// settle takes the scars off n cells from off on: they have been erased or written as a whole.
func (im *image) settle(off, n uint32) {
	if im.scarred == 0 {
		return
	}
	im.eachPage(off, n, func(i int, from, to, _ uint32) {
		if im.pages[i].scars == nil {
			return
		}
		s := im.edit(i)
		if s.weak != nil {
			clear(s.weak[from:to])
		}
		if s.falls != nil {
			clear(s.falls[from:to])
		}
		s.units = slices.DeleteFunc(s.units, func(u unit) bool { return u.off >= from && u.off < to })
		im.setScars(i, s)
	})
}

// decide takes the scars off those bits that a program with p drove to 0.
func (im *image) decide(off uint32, p []byte) {
	im.eachPage(off, uint32(len(p)), func(i int, from, to, at uint32) {
		old := im.pages[i].scars
		if old == nil || old.weak == nil && old.falls == nil {
			return
		}
		s := im.edit(i)
		for j := from; j < to; j++ {
			if s.weak != nil {
				s.weak[j] &= p[at+j-from]
			}
			if s.falls != nil {
				s.falls[j] &= p[at+j-from]
			}
		}
		im.setScars(i, s)
	})
}

// unitAt returns the scar of the ECC unit at off, if it has one.
func (im *image) unitAt(off uint32) (unit, bool) {
	s := im.pages[off>>im.shift].scars
	if s == nil {
		return unit{}, false
	}
	i, ok := s.find(off & (uint32(1)<<im.shift - 1))
	if !ok {
		return unit{}, false
	}
	return s.units[i], true
}

func (s *scars) find(off uint32) (int, bool) {
	return slices.BinarySearchFunc(s.units, off, func(u unit, off uint32) int { return cmp.Compare(u.off, off) })
}

// marked reports whether an ECC unit that starts in [from, to) does not read as it stands.
func (s *scars) marked(from, to uint32) bool {
	for _, u := range s.units {
		if u.off >= from && u.off < to {
			return true
		}
	}
	return false
}

// scarUnit gives the ECC unit at off a scar, or takes it away if u is nil.
func (im *image) scarUnit(off uint32, u *unit) {
	i := int(off >> im.shift)
	o := off & (uint32(1)<<im.shift - 1)
	s := im.edit(i)
	k, ok := s.find(o)
	switch {
	case u == nil && ok:
		s.units = slices.Delete(s.units, k, k+1)
	case u == nil:
		return
	case ok:
		s.units[k] = *u
		s.units[k].off = o
	default:
		s.units = slices.Insert(s.units, k, *u)
		s.units[k].off = o
	}
	if s.seed == 0 {
		s.seed = random.Mix(int(off), uint64(off)|1)
	}
	im.setScars(i, s)
}

// scar adds what an interrupted step left beside bits: undecided and falling bits by byte from off
// on. Either may be nil.
func (im *image) scar(off uint32, weak, falls []byte, seed uint64) {
	n := uint32(max(len(weak), len(falls)))
	im.eachPage(off, n, func(i int, from, to, at uint32) {
		s := im.edit(i)
		s.seed = random.Mix(i, seed|1)
		s.weak = add(s.weak, weak, 1<<im.shift, from, to, at)
		if s.falls = add(s.falls, falls, 1<<im.shift, from, to, at); s.falls != nil {
			s.boots = 2
		}
		im.setScars(i, s)
	})
}

func add(have, more []byte, size, from, to, at uint32) []byte {
	if more == nil {
		return have
	}
	if have == nil {
		have = make([]byte, size)
	}
	for j := from; j < to; j++ {
		have[j] |= more[at+j-from]
	}
	return have
}

// boot ages the scars by one power-up: undecided cells get a new reading; bits of an incomplete erase fall
// after their second boot. ecc is the size of an ECC unit, or 0.
func (im *image) boot(ecc uint32) {
	if im.scarred == 0 {
		return
	}
	for i, pg := range im.pages {
		if pg.scars == nil {
			continue
		}
		s := im.edit(i)
		s.seed = random.Mix(i, s.seed)
		if s.falls == nil {
			im.setScars(i, s)
			continue
		}
		if s.boots--; s.boots > 0 {
			im.setScars(i, s)
			continue
		}
		falls := s.falls
		s.falls = nil
		im.setScars(i, s)
		if ecc == 0 {
			data := im.own(i).data
			for j, b := range falls {
				data[j] &^= b
			}
			continue
		}
		for j, b := range falls {
			for ; b != 0; b &= b - 1 {
				off := uint32(i)<<im.shift + uint32(j)
				bit := b & -b
				if im.pages[i].data[j]&bit != 0 {
					im.flip(off, bit, ecc)
				}
			}
		}
	}
}

// flip inverts one bit of a cell. On a part with ECC the first one in a unit is corrected, a second
// one damages the unit.
func (im *image) flip(off uint32, bit byte, ecc uint32) {
	var cell [1]byte
	im.read(off, cell[:])
	cell[0] ^= bit
	im.write(off, cell[:])
	if ecc == 0 {
		return
	}
	at := off &^ (ecc - 1)
	u, had := im.unitAt(at)
	if had && u.kind == flipped {
		flip := slices.Clone(u.flip)
		flip[off-at] ^= bit
		if isZero(flip) {
			im.scarUnit(at, nil)
			return
		}
	}
	if had {
		im.scarUnit(at, &unit{kind: damaged})
		return
	}
	u = unit{kind: flipped, flip: make([]byte, ecc)}
	u.flip[off-at] = bit
	im.scarUnit(at, &u)
}

// readScarred is Read where pages may have scars.
func (a *Array) readScarred(off uint32, p []byte) bool {
	a.flicker++
	bad := false
	a.read(off, p)
	a.eachPage(off, uint32(len(p)), func(i int, from, to, at uint32) {
		s := a.pages[i].scars
		if s == nil {
			return
		}
		part := p[at : at+to-from]
		if s.weak != nil {
			s.noise(part, s.weak[from:to], a.flicker)
		}
		for _, u := range s.units {
			if u.off+a.ecc <= from || u.off >= to {
				continue
			}
			var in []byte
			switch u.kind {
			case damaged:
				bad = true
				continue
			case flipped:
				a.count.Corrected++
				for j, b := range u.flip {
					if k := u.off + uint32(j); k >= from && k < to {
						part[k-from] ^= b
					}
				}
				continue
			case unsettled:
				switch random.Mix(int(u.off), s.seed^a.flicker) & 3 {
				case 0:
					in = u.old
				case 1:
					in = u.want
				default:
					bad = true
					continue
				}
				a.count.Corrected++
			}
			for j, b := range in {
				if k := u.off + uint32(j); k >= from && k < to {
					part[k-from] = b
				}
			}
		}
	})
	if bad {
		a.count.BadReads++
	}
	return !bad
}

// noise lets the undecided bits of p read as they like. The level that a read compares cells with
// drifts for all of them at once, so that they may also read all as 0 or all as 1.
func (s *scars) noise(p, weak []byte, flicker uint64) {
	switch random.Mix(3, s.seed^flicker) & 3 {
	case 0:
		for i, w := range weak {
			p[i] |= w
		}
	case 1:
		for i, w := range weak {
			p[i] &^= w
		}
	default:
		r := random.New(random.Mix(4, s.seed^flicker))
		for i, w := range weak {
			if w != 0 {
				p[i] = p[i]&^w | byte(r.Uint64())&w
			}
		}
	}
}

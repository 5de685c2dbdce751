package cell

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"dualbank/model/random"
)

// MaxPage is the largest copy-on-write page in bytes. Small pages make a fork with few changes
// cheap to hash and to copy, large ones make an erase and a full snapshot cheap.
const MaxPage = 1024

// page is a piece of the image. It is written in place only by the image and in the epoch that made it; all
// others copy it first.
type page struct {
	epoch  uint64
	stamp  uint64 // changes with every write, and is never the same for two contents; 0: erased
	hash   uint64 // of all below, valid while no image lists the page as stale
	data   []byte
	writes []byte   // by word of LimitWord bytes: programs since the erase; nil where they do not count
	rows   []uint16 // by row: programs since the erase; nil where they do not count
	scars  *scars   // nil: every cell reads as it was left
}

// image holds the cells of a flash as a table of pages, copy on write: an erased stretch points at
// one shared page of 0xFF, mark and rollback cost what was changed in between, and the hash of the
// whole is kept up to date from the pages that changed.
type image struct {
	shift     uint // log2 of the page size
	pages     []*page
	blankPage *page
	epoch     uint64
	stamp     uint64 // of the latest write
	free      []*page

	// What rollback undoes: the page that stood at index before its first change since the mark.
	undo  []undo
	marks []mark

	sum   uint64 // sum of mix over all pages that are not stale
	stale []int32
	isOld []bool // isOld[i]: page i is listed in stale

	scarred int    // pages with scars
	flicker uint64 // reads since the boot that may have met undecided cells
}

type undo struct {
	index int32
	page  *page
}

type mark struct {
	epoch   uint64
	undo    int
	sum     uint64
	scarred int
	flicker uint64
}

// epochs is unique over all images, so that a page shared between two of them is owned by neither.
var epochs atomic.Uint64

func newEpoch() uint64 { return epochs.Add(1) }

// images counts images, so that no two of them give the same stamp.
var images atomic.Uint64

// stampOf identifies what n cells from off on hold, by the stamps of the first page and of the last, with
// those between mixed in. ok is false while any cell does not read as it stands.
func (im *image) stampOf(off, n uint32) (stamp [2]uint64, ok bool) {
	return im.version(off, n), im.scarred == 0
}

// version is stampOf whatever the cells read as. Most ranges lie in one page or two: that path is short enough
// to be inlined, since a store asks for stamps all the time.
func (im *image) version(off, n uint32) [2]uint64 {
	first, last := off>>im.shift, (off+n-1)>>im.shift
	if last-first > 1 {
		return versionOf(im.pages, first, last)
	}
	return [2]uint64{im.pages[first].stamp, im.pages[last].stamp}
}

// versionOf is the version of the pages from first to last.
func versionOf(pages []*page, first, last uint32) [2]uint64 {
	v := [2]uint64{pages[first].stamp, pages[last].stamp}
	for _, pg := range pages[min(first+1, last):last] {
		v[1] = random.Mix(0, v[1]) ^ pg.stamp
	}
	return v
}

// newImage makes an erased image of size bytes with pages of pageSize, a power of two that divides
// size. counted has every page count the programs of its words, a row above 0 those of its rows of so many bytes.
func newImage(size, pageSize uint32, counted bool, row uint32) *image {
	n := int(size / pageSize)
	im := &image{
		shift: uint(bits.TrailingZeros32(pageSize)),
		pages: make([]*page, n),
		epoch: newEpoch(),
		stamp: images.Add(1) << 40,
		isOld: make([]bool, n),
	}
	im.blankPage = &page{data: make([]byte, pageSize)}
	for i := range im.blankPage.data {
		im.blankPage.data[i] = 0xFF
	}
	if counted {
		im.blankPage.writes = make([]byte, pageSize/LimitWord)
	}
	if row > 0 {
		im.blankPage.rows = make([]uint16, pageSize/row)
	}
	im.blankPage.hash = im.blankPage.sum()
	for i := range im.pages {
		im.pages[i] = im.blankPage
		im.sum += random.Mix(i, im.blankPage.hash)
	}
	return im
}

// sum is the hash of what the page holds.
func (pg *page) sum() uint64 {
	h := xxhash.Sum64(pg.data)
	if pg.writes != nil {
		h = random.Mix(1, h) + xxhash.Sum64(pg.writes)
	}
	if pg.scars != nil {
		h = random.Mix(2, h) + pg.scars.sum()
	}
	for i, n := range pg.rows {
		if n > 0 {
			h = random.Mix(3+i, h) + uint64(n)
		}
	}
	return h
}

func (im *image) touch(i int) {
	if !im.isOld[i] {
		im.isOld[i] = true
		im.stale = append(im.stale, int32(i))
		im.sum -= random.Mix(i, im.pages[i].hash)
	}
}

// own returns page i for writing in place.
func (im *image) own(i int) *page {
	im.touch(i)
	im.stamp++
	pg := im.pages[i]
	if pg.epoch == im.epoch {
		pg.stamp = im.stamp
		return pg
	}
	var cp *page
	if n := len(im.free); n > 0 {
		cp = im.free[n-1]
		im.free = im.free[:n-1]
	} else {
		cp = &page{data: make([]byte, 1<<im.shift)}
		if pg.writes != nil {
			cp.writes = make([]byte, len(pg.writes))
		}
		if pg.rows != nil {
			cp.rows = make([]uint16, len(pg.rows))
		}
	}
	cp.epoch, cp.stamp = im.epoch, im.stamp
	cp.scars = pg.scars
	copy(cp.data, pg.data)
	copy(cp.writes, pg.writes)
	if pg.rows != nil {
		copy(cp.rows, pg.rows)
	}
	im.replace(i, cp)
	return cp
}

// replace puts pg at index i and keeps what stood there for rollback if there is a mark.
func (im *image) replace(i int, pg *page) {
	old := im.pages[i]
	switch {
	case old.epoch == im.epoch:
		// Made since the mark: the page that rollback wants is in the log already.
		im.free = append(im.free, old)
	case len(im.marks) > 0:
		im.undo = append(im.undo, undo{int32(i), old})
	}
	if old.scars != nil {
		im.scarred--
	}
	if pg.scars != nil {
		im.scarred++
	}
	im.pages[i] = pg
}

// read fills p with the cells from off on.
func (im *image) read(off uint32, p []byte) {
	mask := uint32(1)<<im.shift - 1
	for len(p) > 0 {
		n := copy(p, im.pages[off>>im.shift].data[off&mask:])
		p = p[n:]
		off += uint32(n)
	}
}

// write sets the cells from off on to p, whatever they held. Scars stay.
func (im *image) write(off uint32, p []byte) {
	mask := uint32(1)<<im.shift - 1
	for len(p) > 0 {
		n := copy(im.own(int(off >> im.shift)).data[off&mask:], p)
		p = p[n:]
		off += uint32(n)
	}
}

// and clears the bits from off on that are clear in p, and returns how many bytes of p fell on
// bytes that were not erased.
func (im *image) and(off uint32, p []byte) (reprogrammed int) {
	mask := uint32(1)<<im.shift - 1
	for len(p) > 0 {
		dst := im.own(int(off >> im.shift)).data[off&mask:]
		n := min(len(dst), len(p))
		dst = dst[:n]
		src := p[:n]
		i := 0
		for ; i <= n-8; i += 8 {
			old := binary.LittleEndian.Uint64(dst[i:])
			if old != ^uint64(0) {
				reprogrammed += notErased(old)
			}
			binary.LittleEndian.PutUint64(dst[i:], old&binary.LittleEndian.Uint64(src[i:]))
		}
		for ; i < n; i++ {
			if dst[i] != 0xFF {
				reprogrammed++
			}
			dst[i] &= src[i]
		}
		p = p[n:]
		off += uint32(n)
	}
	return reprogrammed
}

// notErased counts the bytes of w that are not 0xFF.
func notErased(w uint64) int {
	const low7 = 0x7F7F_7F7F_7F7F_7F7F
	w = ^w
	return bits.OnesCount64((w&low7 + low7 | w) &^ low7)
}

// erase sets n cells from off on to 0xFF.
func (im *image) erase(off, n uint32) {
	size := uint32(1) << im.shift
	for n > 0 {
		o := off & (size - 1)
		k := min(size-o, n)
		i := int(off >> im.shift)
		if k == size {
			if im.pages[i] != im.blankPage {
				im.touch(i)
				im.replace(i, im.blankPage)
			}
		} else {
			d := im.own(i).data[o : o+k]
			for j := range d {
				d[j] = 0xFF
			}
			if w := im.pages[i].writes; w != nil {
				clear(w[o/LimitWord : (o+k)/LimitWord])
			}
			if r := im.pages[i].rows; r != nil {
				row := size / uint32(len(r))
				clear(r[o/row : (o+k)/row])
			}
			im.settle(off, k)
		}
		off += k
		n -= k
	}
}

// hash is the hash of all cells. It costs the pages that changed since it was last asked for.
func (im *image) hash() uint64 {
	for _, i := range im.stale {
		pg := im.pages[i]
		if pg != im.blankPage {
			pg.hash = pg.sum()
		}
		im.isOld[i] = false
		im.sum += random.Mix(int(i), pg.hash)
	}
	im.stale = im.stale[:0]
	return im.sum
}

// mark remembers the present cells; rollback returns to them. Marks nest.
func (im *image) mark() {
	sum := im.hash()
	im.marks = append(im.marks, mark{im.epoch, len(im.undo), sum, im.scarred, im.flicker})
	im.epoch = newEpoch()
}

func (im *image) rollback() {
	m := im.marks[len(im.marks)-1]
	im.marks = im.marks[:len(im.marks)-1]
	for _, i := range im.stale {
		im.isOld[i] = false
	}
	im.stale = im.stale[:0]
	for len(im.undo) > m.undo {
		u := im.undo[len(im.undo)-1]
		im.undo = im.undo[:len(im.undo)-1]
		if pg := im.pages[u.index]; pg.epoch == im.epoch {
			im.free = append(im.free, pg)
		}
		im.pages[u.index] = u.page
	}
	im.epoch = m.epoch
	im.sum = m.sum
	im.scarred = m.scarred
	im.flicker = m.flicker
}

// Snapshot is the cells of an array at one moment, to be put back with Restore, also into another array of the
// same size and rule.
type Snapshot struct {
	pages   []*page
	sum     uint64
	flicker uint64
}

// snapshot copies the table of pages. From now on no image owns the pages that stand in it, nor those
// that the marks may bring back.
func (im *image) snapshot() *Snapshot {
	s := &Snapshot{sum: im.hash(), flicker: im.flicker, pages: append([]*page(nil), im.pages...)}
	im.epoch = newEpoch()
	for i := range im.marks {
		im.marks[i].epoch = newEpoch()
	}
	return s
}

// restore brings the cells of s back. Marks are kept: rolling back undoes the restore.
func (im *image) restore(s *Snapshot) {
	im.hash() // no page is stale from here on
	for i, pg := range s.pages {
		if im.pages[i] != pg {
			im.replace(i, pg)
		}
	}
	im.sum = s.sum
	im.flicker = s.flicker
}

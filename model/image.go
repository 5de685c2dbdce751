package model

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
)

// maxPage is the largest copy-on-write page in bytes. Small pages make a fork with few changes
// cheap to hash and to copy, large ones make an erase and a full snapshot cheap.
const maxPage = 1024

// page is a piece of the image. It is written in place only by the image and in the epoch that
// made it; everybody else copies it first.
type page struct {
	epoch uint64
	hash  uint64 // of data, valid while no image lists the page as stale
	data  []byte
}

// image holds the cells of a flash as a table of pages, copy on write: an erased stretch points at
// one shared page of 0xFF, mark and rollback cost what was changed in between, and the hash of the
// whole is kept up to date from the pages that changed.
type image struct {
	shift uint // log2 of the page size
	pages []*page
	blank *page
	epoch uint64
	free  []*page

	// What rollback undoes: the page that stood at index before its first change since the mark.
	undo  []undo
	marks []mark

	sum   uint64 // sum of mix over all pages that are not stale
	stale []int32
	isOld []bool // isOld[i]: page i is listed in stale
}

type undo struct {
	index int32
	page  *page
}

type mark struct {
	epoch uint64
	undo  int
	sum   uint64
}

// epochs is unique over all images, so that a page shared between two of them is owned by neither.
var epochs atomic.Uint64

func newEpoch() uint64 { return epochs.Add(1) }

// newImage makes an erased image of size bytes with pages of pageSize, a power of two that divides
// size.
func newImage(size, pageSize uint32) *image {
	n := int(size / pageSize)
	im := &image{
		shift: uint(bits.TrailingZeros32(pageSize)),
		pages: make([]*page, n),
		epoch: newEpoch(),
		isOld: make([]bool, n),
	}
	im.blank = &page{data: make([]byte, pageSize)}
	for i := range im.blank.data {
		im.blank.data[i] = 0xFF
	}
	im.blank.hash = xxhash.Sum64(im.blank.data)
	for i := range im.pages {
		im.pages[i] = im.blank
		im.sum += mix(i, im.blank.hash)
	}
	return im
}

// mix makes the contribution of page i to the image's hash depend on its place.
func mix(i int, h uint64) uint64 {
	h += uint64(i+1) * 0x9E3779B97F4A7C15
	h = (h ^ h>>30) * 0xBF58476D1CE4E5B9
	h = (h ^ h>>27) * 0x94D049BB133111EB
	return h ^ h>>31
}

func (im *image) touch(i int) {
	if !im.isOld[i] {
		im.isOld[i] = true
		im.stale = append(im.stale, int32(i))
		im.sum -= mix(i, im.pages[i].hash)
	}
}

// own returns page i for writing in place.
func (im *image) own(i int) *page {
	im.touch(i)
	pg := im.pages[i]
	if pg.epoch == im.epoch {
		return pg
	}
	var cp *page
	if n := len(im.free); n > 0 {
		cp = im.free[n-1]
		im.free = im.free[:n-1]
	} else {
		cp = &page{data: make([]byte, 1<<im.shift)}
	}
	cp.epoch = im.epoch
	copy(cp.data, pg.data)
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

// write sets the cells from off on to p, whatever they held.
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
		for len(dst) >= 8 {
			old := binary.LittleEndian.Uint64(dst)
			if old != ^uint64(0) {
				reprogrammed += notErased(old)
			}
			binary.LittleEndian.PutUint64(dst, old&binary.LittleEndian.Uint64(src))
			dst, src = dst[8:], src[8:]
		}
		for i, b := range src {
			if dst[i] != 0xFF {
				reprogrammed++
			}
			dst[i] &= b
		}
		p = p[n:]
		off += uint32(n)
	}
	return reprogrammed
}

// notErased counts the bytes of w that are not 0xFF.
func notErased(w uint64) int {
	n := 0
	for ; w != ^uint64(0); w = w>>8 | 0xFF<<56 {
		if byte(w) != 0xFF {
			n++
		}
	}
	return n
}

// erase sets n cells from off on to 0xFF.
func (im *image) erase(off, n uint32) {
	size := uint32(1) << im.shift
	for n > 0 {
		o := off & (size - 1)
		k := min(size-o, n)
		i := int(off >> im.shift)
		if k == size {
			if im.pages[i] != im.blank {
				im.touch(i)
				im.replace(i, im.blank)
			}
		} else {
			d := im.own(i).data[o : o+k]
			for j := range d {
				d[j] = 0xFF
			}
		}
		off += k
		n -= k
	}
}

// hash is the hash of all cells. It costs the pages that changed since it was last asked for.
func (im *image) hash() uint64 {
	for _, i := range im.stale {
		pg := im.pages[i]
		if pg != im.blank {
			pg.hash = xxhash.Sum64(pg.data)
		}
		im.isOld[i] = false
		im.sum += mix(int(i), pg.hash)
	}
	im.stale = im.stale[:0]
	return im.sum
}

// mark remembers the present cells; rollback returns to them. Marks nest.
func (im *image) mark() {
	sum := im.hash()
	im.marks = append(im.marks, mark{im.epoch, len(im.undo), sum})
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
}

// Snapshot is the cells of a flash at one moment, to be put back with Restore, also into another
// flash of the same part.
type Snapshot struct {
	pages []*page
	sum   uint64
}

// snapshot copies the table of pages. From now on nobody owns the pages that stand in it, nor those
// that the marks may bring back.
func (im *image) snapshot() *Snapshot {
	s := &Snapshot{sum: im.hash(), pages: append([]*page(nil), im.pages...)}
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
}

package update

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"strings"

	"dualbank/boot"
	"dualbank/model"
	"dualbank/model/random"
)

// BadCandidate is what is wrong with the candidate that is downloaded. A bad one must never run.
type BadCandidate string

// The kinds of candidates.
const (
	GoodCandidate  BadCandidate = ""
	BadHash        BadCandidate = "hash"         // the header's hash is not that of the firmware
	OlderVersion   BadCandidate = "older"        // version 0, where 1 runs
	SameVersion    BadCandidate = "same version" // version 1, where 1 runs
	EmptyCandidate BadCandidate = "empty"        // the header says 0 bytes
	TruncatedSize  BadCandidate = "truncated"    // the header says one byte less than the hash is of
)

// spoils makes an image bad, for each kind of bad candidate.
var spoils = map[BadCandidate]func(im *image){
	GoodCandidate:  func(*image) {},
	BadHash:        func(im *image) { im.Hash[31] ^= 1 },
	OlderVersion:   func(im *image) { im.Version = 0 },
	SameVersion:    func(im *image) { im.Version = 1 },
	EmptyCandidate: func(im *image) { im.Size = 0 },
	TruncatedSize:  func(im *image) { im.Size-- },
}

// check returns an error for a kind that is unknown.
func (b BadCandidate) check() error {
	if spoils[b] != nil {
		return nil
	}
	kinds := []string{string(BadHash), string(OlderVersion), string(SameVersion), string(EmptyCandidate), string(TruncatedSize)}
	return fmt.Errorf("candidate %q is unknown: use %s", b, strings.Join(kinds, ", "))
}

// image is a firmware image, and what its header says of it.
type image struct {
	boot.Details
	bytes []byte
	sum   [sha256.Size]byte // of the bytes; Hash is another one where it is what is bad about the image
}

// newImage makes an image of size bytes. Its bytes follow from version and seed.
func newImage(version uint64, size uint32, seed uint64) *image {
	im := &image{bytes: make([]byte, size)}
	r := random.New(seed ^ version)
	r.Fill(im.bytes)
	im.sum = sha256.Sum256(im.bytes)
	im.Version, im.Size, im.Hash = version, uint64(size), im.sum
	r.Fill(im.Campaign[:])
	return im
}

// crc32 is the CRC-32 of the bytes; that of others where the hash is the hash of others.
func (im *image) crc32() uint32 {
	crc := crc32.ChecksumIEEE(im.bytes)
	if im.Hash != im.sum {
		crc = ^crc
	}
	return crc
}

// poke makes im the active image on f. It reports whether it lies in the flash.
func (im *image) poke(f *model.Flash, cfg *boot.Config) bool {
	header := make([]byte, boot.HeaderSize)
	boot.EncodeHeader(header, &im.Details)
	return f.Poke(cfg.Details, header) && f.Poke(cfg.AppStart, im.bytes)
}

// known spares a run reading what it has read before. A device that was cut at one of a million steps holds mostly
// what it held at the step before: pieces of the flash that have not changed since they were compared, by their
// stamps, are not compared again.
type known struct {
	f      *model.Flash
	places map[place]*compared
}

// place is an image at an address.
type place struct {
	addr uint32
	im   *image
}

// compared is what is known of a place.
type compared struct {
	stamp  [2]uint64 // of all
	equal  bool      // it holds the image
	pieces []piece
}

// piece is what is known of a piece of a place.
type piece struct {
	stamp [2]uint64
	asked bool
	equal bool
}

// pieceSize is that of a page of cells, in bytes.
const pieceSize = 1024

func newKnown(f *model.Flash) *known { return &known{f, map[place]*compared{}} }

// holds reports whether the flash holds im at addr; sure is false where cells do not read as they stand.
func (k *known) holds(addr uint32, im *image, buf []byte) (equal, sure bool) {
	n := uint32(len(im.bytes))
	if addr < k.f.Start() || uint64(addr)+uint64(n) > uint64(k.f.Start())+uint64(k.f.Size()) {
		return false, false
	}
	stamp, sure := k.f.Stamp(addr, n)
	if !sure {
		return false, false
	}
	c := k.places[place{addr, im}]
	if c == nil {
		c = &compared{pieces: make([]piece, (n+pieceSize-1)/pieceSize)}
		k.places[place{addr, im}] = c
	} else if c.stamp == stamp {
		return c.equal, true
	}
	c.stamp, c.equal = stamp, true
	for i := range c.pieces {
		p, off := &c.pieces[i], uint32(i)*pieceSize
		want := im.bytes[off:min(off+pieceSize, n)]
		if at, _ := k.f.Stamp(addr+off, uint32(len(want))); !p.asked || at != p.stamp {
			got := buf[:len(want)]
			k.f.Peek(addr+off, got)
			p.asked, p.stamp, p.equal = true, at, bytes.Equal(got, want)
		}
		if !p.equal {
			c.equal = false
			break
		}
	}
	return c.equal, true
}

// outside is what the flash holds beside a stretch, its end excluded; sure is false where cells do not read as they stand.
func (k *known) outside(from, to uint32) (stamp [4]uint64, sure bool) {
	first, end := k.f.Start(), k.f.Start()+k.f.Size()
	sure = true
	for i, n := range [2][2]uint32{{first, max(from, first)}, {min(to, end), end}} {
		if n[0] == n[1] {
			continue
		}
		part, ok := k.f.Stamp(n[0], n[1]-n[0])
		stamp[2*i], stamp[2*i+1] = part[0], part[1]
		sure = sure && ok
	}
	return stamp, sure
}

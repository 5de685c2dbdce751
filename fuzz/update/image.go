package update

import (
	"crypto/sha256"
	"fmt"
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
}

// newImage makes an image of size bytes. Its bytes follow from version and seed.
func newImage(version uint64, size uint32, seed uint64) *image {
	im := &image{bytes: make([]byte, size)}
	r := random.New(seed ^ version)
	r.Fill(im.bytes)
	im.Version, im.Size, im.Hash = version, uint64(size), sha256.Sum256(im.bytes)
	r.Fill(im.Campaign[:])
	return im
}

// poke makes im the active image on f. It reports whether it lies in the flash.
func (im *image) poke(f *model.Flash, cfg *boot.Config) bool {
	header := make([]byte, boot.HeaderSize)
	boot.EncodeHeader(header, &im.Details)
	return f.Poke(cfg.Details, header) && f.Poke(cfg.AppStart, im.bytes)
}

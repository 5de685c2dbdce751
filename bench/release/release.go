// Package release makes the firmware images that a simulated device is updated to. Package bench builds a
// Series from a scenario and asks it for release after release:
//
//  1. Release 0 is what a device runs at first. Release n is what campaign n brings; it may be written as a
//     delta against release n-1.
//  2. Images come from files, which take turns: even releases from one, odd ones from the other. A file that
//     is missing is generated.
//  3. A generated image looks like a linked Thumb-2 program: a vector table, functions with calls and
//     literals, constant data. From release to release some functions are edited and some are added, so that
//     what lies behind them moves and every call and pointer to it changes, as in a real firmware. That makes
//     the sizes of deltas plausible; nothing else in a run depends on the contents.
//
// Invariants: an image has exactly the size that was asked for, and depends on seed, base, size, share of
// changed functions and number alone. A Series keeps what it made; it is not safe for concurrent use.
package release

import "dualbank/boot/firmware"

// Series is the images of one device, release after release.
type Series struct {
	Seed    uint64
	Base    uint32    // address that images are linked for
	Bytes   uint32    // size of a generated image
	Changed uint32    // functions of 1000 that a generated release edits; a quarter as many are added
	Files   [2][]byte // images of even and of odd releases; nil: they are generated

	images, deltas map[int][]byte
}

// Image returns release n, from 0 on. The caller must not change it.
func (s *Series) Image(n int) []byte {
	if f := s.Files[n&1]; f != nil {
		return f
	}
	if s.images[n] == nil {
		if s.images == nil {
			s.images = map[int][]byte{}
		}
		s.images[n] = generate(s.Seed, s.Bytes, s.Base, s.Changed, n)
	}
	return s.images[n]
}

// Comparable reports whether a delta between two releases says anything: both come from files, or both are
// generated.
func (s *Series) Comparable() bool { return (s.Files[0] == nil) == (s.Files[1] == nil) }

// Delta returns release n, from 1 on, as a delta against the release before. An error is that of
// firmware.MakeDelta.
func (s *Series) Delta(n int) ([]byte, error) {
	if s.deltas[n] == nil {
		d, err := firmware.MakeDelta(s.Image(n-1), s.Image(n))
		if err != nil {
			return nil, err
		}
		if s.deltas == nil {
			s.deltas = map[int][]byte{}
		}
		s.deltas[n] = d
	}
	return s.deltas[n], nil
}

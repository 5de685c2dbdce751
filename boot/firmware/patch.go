package firmware

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/pierrec/lz4/v4"
)

// DeltaRAM is the memory in bytes that applying a delta takes on the device: one packed and one
// unpacked block, one piece of the image, and the state between them.
const DeltaRAM = 2*deltaBlock + Piece + 128

// Piece is the size in bytes of the pieces in which a Patch hands out the new image.
const Piece = 512

// ErrDeltaBase means that a delta was made against another image than the one that it is applied to.
var ErrDeltaBase = errors.New("the delta is for another image than the active one")

// ErrDelta means that a delta is damaged or was made wrongly.
var ErrDelta = errors.New("the delta is damaged")

// CPU is told of the n bytes that the processor moves when it unpacks a block.
type CPU interface {
	Copy(n int)
}

// Patch makes an image from a delta that comes in pieces of any size. The zero value is not ready:
// see NewPatch.
type Patch struct {
	base func(offset uint32, p []byte) error // reads the image that the delta was made against
	out  func(offset uint32, p []byte) error // takes the new image, in pieces of Piece bytes and the rest
	cpu  CPU

	want     [32]byte // hash of the base that there is
	baseSize uint32
	newSize  uint32
	started  bool // the header is read
	failed   error

	packed  [deltaBlock + 4]byte // a header or a block as it comes in
	in      int                  // bytes of it that are there
	needed  int                  // bytes of it that are needed next
	content [deltaBlock]byte
	piece   [Piece]byte // of the new image
	fill    int
	made    uint32 // bytes of the new image, piece included
	pointer uint32 // of the base

	// An operation in progress: its number so far, then what is left of it.
	number uint64
	shift  uint
	kind   int
	left   uint32
}

// NewPatch returns a Patch for a base with the given hash. base reads it; out takes the new image in
// ascending order, in pieces of Piece bytes and the rest, which it may not keep. An error of either ends the patch. cpu may be nil.
func NewPatch(hash [32]byte, base, out func(offset uint32, p []byte) error, cpu CPU) *Patch {
	return &Patch{want: hash, base: base, out: out, cpu: cpu, needed: deltaHeader}
}

// Size is the size of the new image, 0 before the delta's header is read.
func (p *Patch) Size() uint32 { return p.newSize }

// Write takes the next piece of the delta. Errors: ErrDelta, ErrDeltaBase, those of base and out. After
// an error every Write fails.
func (p *Patch) Write(delta []byte) (int, error) {
	n := 0
	for n < len(delta) && p.failed == nil {
		k := copy(p.packed[p.in:p.needed], delta[n:])
		n += k
		if p.in += k; p.in == p.needed {
			p.failed = p.take()
		}
	}
	return n, p.failed
}

// Close ends the delta. It is an error if the image is not complete.
func (p *Patch) Close() error {
	if p.failed == nil && (!p.started || p.in > 0 || p.made < p.newSize) {
		p.failed = fmt.Errorf("%w: it is cut short", ErrDelta)
	}
	if p.failed == nil {
		p.failed = p.flush()
	}
	return p.failed
}

// take uses what packed holds: the header, a block's two sizes, or a whole block.
func (p *Patch) take() error {
	if !p.started {
		return p.header(p.packed[:deltaHeader])
	}
	raw, size := int(binary.LittleEndian.Uint16(p.packed[:])), int(binary.LittleEndian.Uint16(p.packed[2:]))
	if p.in == 4 {
		if raw == 0 || raw > deltaBlock || size == 0 || size > raw {
			return fmt.Errorf("%w: a block of %d bytes for %d", ErrDelta, size, raw)
		}
		p.needed = 4 + size
		return nil
	}
	p.in, p.needed = 0, 4
	content := p.packed[4 : 4+raw]
	if size < raw {
		n, err := lz4.UncompressBlock(p.packed[4:4+size], p.content[:raw])
		if err != nil || n != raw {
			return fmt.Errorf("%w: a block does not unpack", ErrDelta)
		}
		content = p.content[:raw]
	}
	if p.cpu != nil {
		p.cpu.Copy(raw)
	}
	return p.operations(content)
}

func (p *Patch) header(h []byte) error {
	if string(h[:4]) != deltaMagic || binary.LittleEndian.Uint32(h[44:]) != crc32.ChecksumIEEE(h[:44]) {
		return fmt.Errorf("%w: its header is no delta's", ErrDelta)
	}
	if [32]byte(h[12:44]) != p.want {
		return ErrDeltaBase
	}
	p.baseSize, p.newSize = binary.LittleEndian.Uint32(h[4:]), binary.LittleEndian.Uint32(h[8:])
	p.started, p.in, p.needed = true, 0, 4
	return nil
}

// operations goes on with the stream.
func (p *Patch) operations(in []byte) error {
	for {
		var err error
		if in, err = p.proceed(in); err != nil {
			return err
		}
		if len(in) == 0 {
			return nil
		}
		if p.made == p.newSize {
			return fmt.Errorf("%w: it goes on behind the image's end", ErrDelta)
		}
		b := in[0]
		in = in[1:]
		if p.shift > 35 {
			return fmt.Errorf("%w: a number is too large", ErrDelta)
		}
		p.number |= uint64(b&0x7F) << p.shift
		p.shift += 7
		if b&0x80 != 0 {
			continue
		}
		n := p.number >> 2
		p.kind, p.number, p.shift = int(p.number&3), 0, 0
		if n > 1<<32-1 {
			return fmt.Errorf("%w: a number is too large", ErrDelta)
		}
		if p.kind == opSeek {
			z := uint32(n)
			p.pointer += z>>1 ^ -(z & 1)
			continue
		}
		if uint32(n) > p.newSize-p.made {
			return fmt.Errorf("%w: it goes past the image's end", ErrDelta)
		}
		if p.kind != opLiteral && (p.pointer > p.baseSize || uint32(n) > p.baseSize-p.pointer) {
			return fmt.Errorf("%w: it reads past the base's end", ErrDelta)
		}
		p.left = uint32(n)
	}
}

// proceed does what can be done of the operation in progress and returns what is left of in.
func (p *Patch) proceed(in []byte) ([]byte, error) {
	for p.left > 0 && (p.kind == opCopy || len(in) > 0) {
		n := min(int(p.left), Piece-p.fill)
		if p.kind != opCopy {
			n = min(n, len(in))
		}
		to := p.piece[p.fill : p.fill+n]
		if p.kind == opLiteral {
			copy(to, in)
		} else {
			if err := p.base(p.pointer, to); err != nil {
				return nil, err
			}
			p.pointer += uint32(n)
		}
		if p.kind == opAdd {
			for i := range to {
				to[i] += in[i]
			}
		}
		if p.kind != opCopy {
			in = in[n:]
		}
		p.fill += n
		p.made += uint32(n)
		p.left -= uint32(n)
		if p.fill == Piece {
			if err := p.flush(); err != nil {
				return nil, err
			}
		}
	}
	return in, nil
}

func (p *Patch) flush() error {
	n := p.fill
	p.fill = 0
	if n == 0 {
		return nil
	}
	return p.out(p.made-uint32(n), p.piece[:n])
}

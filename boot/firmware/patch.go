package firmware

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/pierrec/lz4/v4"
)

// DeltaRAM is the memory in bytes that a Patch takes on the device: one packed and one unpacked block, one
// piece of the image, and its state.
const DeltaRAM = 2*deltaBlock + Piece + 128

// Piece is the size in bytes of the pieces in which a Patch hands out the new image.
const Piece = 512

// ErrDeltaBase means that a delta was made against another base than the one at hand.
var ErrDeltaBase = errors.New("the delta is for another image than the active one")

// ErrDelta means that a delta is damaged or was made wrongly.
var ErrDelta = errors.New("the delta is damaged")

// CPU is notified of the n bytes that the processor moves when it unpacks a block.
type CPU interface {
	Copy(n int)
}

// Patch applies a delta that arrives in pieces of any size. The zero value is not usable: see NewPatch.
type Patch struct {
	base func(offset uint32, p []byte) error // reads the image that the delta was made against
	out  func(offset uint32, p []byte) error // takes the new image, in pieces of Piece bytes and the rest
	cpu  CPU

	want     [32]byte // hash of the base at hand
	baseSize uint32
	newSize  uint32
	started  bool // the header is read
	failed   error

	block block
	op    operation
	piece [Piece]byte // of the new image
	fill  int         // bytes of piece
	made  uint32      // bytes of the new image, piece included
}

// block is a header or a block of a delta, as it arrives.
type block struct {
	packed  [deltaBlock + 4]byte
	in      int // bytes of packed that have arrived
	needed  int // bytes of packed after which it is processed
	content [deltaBlock]byte
}

// operation is the current operation: the number before it as far as it has arrived, then what is left
// of it.
type operation struct {
	number  uint64
	shift   uint
	kind    int
	left    uint32 // bytes of the new image
	pointer uint32 // into the base
}

// NewPatch returns a Patch for a base with the given SHA-256. base reads the base. out receives the new image
// in ascending order, in pieces of Piece bytes, the last one shorter; it must not keep p. An error of either
// ends the patch. cpu may be nil.
func NewPatch(hash [32]byte, base, out func(offset uint32, p []byte) error, cpu CPU) *Patch {
	return &Patch{want: hash, base: base, out: out, cpu: cpu, block: block{needed: deltaHeader}}
}

// Size returns the size of the new image in bytes, 0 before the delta's header is read.
func (p *Patch) Size() uint32 { return p.newSize }

// Write takes the next piece of the delta. Errors: ErrDelta, ErrDeltaBase, those of base and out. After
// an error every Write fails.
func (p *Patch) Write(delta []byte) (int, error) {
	n := 0
	for n < len(delta) && p.failed == nil {
		k := copy(p.block.packed[p.block.in:p.block.needed], delta[n:])
		n += k
		if p.block.in += k; p.block.in == p.block.needed {
			p.failed = p.take()
		}
	}
	return n, p.failed
}

// Close ends the delta and hands out the last piece. It fails if the image is not complete.
func (p *Patch) Close() error {
	if p.failed == nil && (!p.started || p.block.in > 0 || p.made < p.newSize) {
		p.failed = fmt.Errorf("%w: it is cut short", ErrDelta)
	}
	if p.failed == nil {
		p.failed = p.flush()
	}
	return p.failed
}

// take processes packed once it holds the header, a block's two sizes, or a whole block.
func (p *Patch) take() error {
	if !p.started {
		return p.header(p.block.packed[:deltaHeader])
	}
	raw, size := int(binary.LittleEndian.Uint16(p.block.packed[:])), int(binary.LittleEndian.Uint16(p.block.packed[2:]))
	if p.block.in == 4 {
		if raw == 0 || raw > deltaBlock || size == 0 || size > raw {
			return fmt.Errorf("%w: a block of %d bytes for %d", ErrDelta, size, raw)
		}
		p.block.needed = 4 + size
		return nil
	}
	p.block.in, p.block.needed = 0, 4
	content := p.block.packed[4 : 4+raw]
	if size < raw {
		n, err := lz4.UncompressBlock(p.block.packed[4:4+size], p.block.content[:raw])
		if err != nil || n != raw {
			return fmt.Errorf("%w: a block does not unpack", ErrDelta)
		}
		content = p.block.content[:raw]
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
	p.started, p.block.in, p.block.needed = true, 0, 4
	return nil
}

// operations continues the stream of operations with in.
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
		if p.op.shift > 35 {
			return fmt.Errorf("%w: a number is too large", ErrDelta)
		}
		p.op.number |= uint64(b&0x7F) << p.op.shift
		p.op.shift += 7
		if b&0x80 != 0 {
			continue
		}
		n := p.op.number >> 2
		p.op.kind, p.op.number, p.op.shift = int(p.op.number&3), 0, 0
		if n > 1<<32-1 {
			return fmt.Errorf("%w: a number is too large", ErrDelta)
		}
		if p.op.kind == opSeek {
			z := uint32(n)
			p.op.pointer += z>>1 ^ -(z & 1)
			continue
		}
		if uint32(n) > p.newSize-p.made {
			return fmt.Errorf("%w: it goes past the image's end", ErrDelta)
		}
		if p.op.kind != opLiteral && (p.op.pointer > p.baseSize || uint32(n) > p.baseSize-p.op.pointer) {
			return fmt.Errorf("%w: it reads past the base's end", ErrDelta)
		}
		p.op.left = uint32(n)
	}
}

// proceed continues the current operation as far as in reaches and returns the rest of in.
func (p *Patch) proceed(in []byte) ([]byte, error) {
	for p.op.left > 0 && (p.op.kind == opCopy || len(in) > 0) {
		n := min(int(p.op.left), Piece-p.fill)
		if p.op.kind != opCopy {
			n = min(n, len(in))
		}
		to := p.piece[p.fill : p.fill+n]
		if p.op.kind == opLiteral {
			copy(to, in)
		} else {
			if err := p.base(p.op.pointer, to); err != nil {
				return nil, err
			}
			p.op.pointer += uint32(n)
		}
		if p.op.kind == opAdd {
			for i := range to {
				to[i] += in[i]
			}
		}
		if p.op.kind != opCopy {
			in = in[n:]
		}
		p.fill += n
		p.made += uint32(n)
		p.op.left -= uint32(n)
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

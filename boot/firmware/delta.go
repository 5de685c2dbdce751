package firmware

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"index/suffixarray"

	"github.com/pierrec/lz4/v4"
)

// A delta describes a new image as its difference against another one, the base. To apply it the device
// needs the base, which is the image that it runs, and DeltaRAM bytes of memory.
//
//	offset  size  field (little-endian)
//	     0     4  "DBD1"
//	     4     4  size of the base
//	     8     4  size of the new image
//	    12    32  SHA-256 of the base
//	    44     4  CRC-32 (IEEE) of bytes 0 to 43
//	    48        blocks
//
// A block has the size of its content (u16, 1 to 4096), its packed size (u16) and the packed bytes: one LZ4
// block, or the content itself if both sizes are equal. The concatenated contents are a stream of
// operations. Each begins with the number n*4+kind as an unsigned LEB128:
//
//	kind 0  literal: n bytes of the new image follow
//	kind 1  copy: n bytes of the base, from its pointer on, which moves behind them
//	kind 2  add: n bytes follow that, added to those of the base, are the new image's; the pointer moves
//	kind 3  seek: the pointer moves by n, zigzag-encoded, modulo 2^32
//
// The stream ends with the last byte of the new image.
const (
	deltaMagic  = "DBD1"
	deltaHeader = 48
	deltaBlock  = 4096
)

// The kinds of operations of a delta.
const (
	opLiteral = iota
	opCopy
	opAdd
	opSeek
)

const (
	deltaSeed  = 12 // bytes of the shortest match that is worth a seek
	deltaSlack = 64 // bytes that widen looks past the best end of an inexact match
)

// MakeDelta returns the delta that makes new from base. It fails if one of them has more than 1<<28 bytes.
func MakeDelta(base, new []byte) ([]byte, error) {
	if len(base) > 1<<28 || len(new) > 1<<28 {
		return nil, fmt.Errorf("images of %d and %d bytes: a delta takes at most %d", len(base), len(new), 1<<28)
	}
	e := &deltaEncoder{base: base, new: new}
	e.run()
	out := make([]byte, deltaHeader, deltaHeader+len(e.ops)/2)
	copy(out, deltaMagic)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(base)))
	binary.LittleEndian.PutUint32(out[8:], uint32(len(new)))
	sum := sha256.Sum256(base)
	copy(out[12:], sum[:])
	binary.LittleEndian.PutUint32(out[44:], crc32.ChecksumIEEE(out[:44]))

	packer := lz4.CompressorHC{Level: lz4.Level9}
	packed := make([]byte, lz4.CompressBlockBound(deltaBlock))
	for ops := e.ops; len(ops) > 0; {
		content := ops[:min(len(ops), deltaBlock)]
		ops = ops[len(content):]
		n, err := packer.CompressBlock(content, packed)
		body := packed[:n]
		if err != nil || n == 0 || n >= len(content) {
			body = content
		}
		out = binary.LittleEndian.AppendUint16(out, uint16(len(content)))
		out = binary.LittleEndian.AppendUint16(out, uint16(len(body)))
		out = append(out, body...)
	}
	return out, nil
}

type deltaEncoder struct {
	base, new []byte
	ops       []byte
	pointer   int // of the base, after ops
	done      int // bytes of new that ops make
}

func (e *deltaEncoder) op(kind, n int) {
	e.ops = binary.AppendUvarint(e.ops, uint64(n)<<2|uint64(kind))
}

// literal emits new up to to as a literal.
func (e *deltaEncoder) literal(to int) {
	if to > e.done {
		e.op(opLiteral, to-e.done)
		e.ops = append(e.ops, e.new[e.done:to]...)
		e.done = to
	}
}

// follow emits new up to to as copies from the base at at, and as additions where they differ.
func (e *deltaEncoder) follow(at, to int) {
	if d := int32(at - e.pointer); d != 0 {
		e.op(opSeek, int(uint32(d<<1)^uint32(d>>31)))
		e.pointer = at
	}
	for e.done < to {
		n := 0
		for e.done+n < to && e.new[e.done+n] == e.base[e.pointer+n] {
			n++
		}
		if n > 0 {
			e.op(opCopy, n)
			e.done += n
			e.pointer += n
		}
		// A gap of a few equal bytes costs less as zeros than as an operation of its own.
		n, equal := 0, 0
		for e.done+n < to && equal < 4 {
			if e.new[e.done+n] == e.base[e.pointer+n] {
				equal++
			} else {
				equal = 0
			}
			n++
		}
		if n -= equal; n > 0 {
			e.op(opAdd, n)
			for range n {
				e.ops = append(e.ops, e.new[e.done]-e.base[e.pointer])
				e.done++
				e.pointer++
			}
		}
	}
}

// run finds exact matches of new in the base and widens each while more than half of its bytes agree: code
// that moved differs only where it holds addresses.
func (e *deltaEncoder) run() {
	index := suffixarray.New(e.base)
	shift := 0 // offset in the base minus offset in new, of the last match
	for i := 0; i+deltaSeed <= len(e.new); {
		at := -1
		if o := i + shift; o >= 0 && o+deltaSeed <= len(e.base) && bytes.Equal(e.new[i:i+deltaSeed], e.base[o:o+deltaSeed]) {
			at = o // continues the last match
		} else {
			at = e.longest(index, i)
		}
		if at < 0 {
			i++
			continue
		}
		from := i - e.widen(i, at, -1, min(i-e.done, at))
		to := i + e.widen(i, at, 1, min(len(e.new)-i, len(e.base)-at))
		shift = at - i
		e.literal(from)
		e.follow(from+shift, to)
		i = max(to, i+1)
	}
	e.literal(len(e.new))
}

// longest returns the offset in the base of the longest of the first 16 matches for new at i, or -1 if none
// has deltaSeed bytes.
func (e *deltaEncoder) longest(index *suffixarray.Index, i int) int {
	best, most := -1, 0
	for _, at := range index.Lookup(e.new[i:i+deltaSeed], 16) {
		n := deltaSeed
		for i+n < len(e.new) && at+n < len(e.base) && e.new[i+n] == e.base[at+n] {
			n++
		}
		if n > most || n == most && at < best {
			best, most = at, n
		}
	}
	return best
}

// widen returns how many bytes of new from i on (backwards with step -1) match the base at at, up to the
// point with the largest surplus of equal bytes over different ones, at most limit.
func (e *deltaEncoder) widen(i, at, step, limit int) int {
	if step < 0 {
		i, at = i-1, at-1
	}
	best, score, top := 0, 0, 0
	for n := 0; n < limit && n-best < deltaSlack; n++ {
		if e.new[i+n*step] == e.base[at+n*step] {
			score++
		} else {
			score--
		}
		if score > top {
			best, top = n+1, score
		}
	}
	return best
}

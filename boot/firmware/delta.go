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

// A delta is an image as its difference against another one, the base. The device needs the base, which
// it runs, and DeltaRAM bytes.
//
//	offset  size  field (little-endian)
//	     0     4  "DBD1"
//	     4     4  size of the base
//	     8     4  size of the new image
//	    12    32  SHA-256 of the base
//	    44     4  CRC-32 (IEEE) of bytes 0 to 43
//	    48        blocks
//
// A block is the size of its content (u16, 1 to 4096), its size here (u16) and that many bytes: the
// content as one LZ4 block, or, where both sizes are equal, the content itself. The contents one
// behind the other are a stream of operations, each a number n*4+kind as an unsigned LEB128:
//
//	kind 0  literal: n bytes of the new image follow
//	kind 1  copy: n bytes of the base, from its pointer on, which moves behind them
//	kind 2  add: n bytes follow that, added to those of the base, are the new image's; the pointer moves
//	kind 3  seek: the pointer moves by n, zigzag-encoded, modulo 2^32
//
// They end with the new image's last byte.
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

// The shortest stretch that is worth a jump in the base, and how far behind the best point of an inexact
// stretch the search goes on.
const (
	deltaSeed  = 12
	deltaSlack = 64
)

// MakeDelta returns new as its difference against base. Neither may have more than 1<<28 bytes.
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

// literal takes new up to to as it is.
func (e *deltaEncoder) literal(to int) {
	if to > e.done {
		e.op(opLiteral, to-e.done)
		e.ops = append(e.ops, e.new[e.done:to]...)
		e.done = to
	}
}

// follow takes new up to to from the base at at on, as far as it is the same, and adds the differences.
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

// run finds stretches of new in the base, exact ones first, and widens each as long as more than half of
// its bytes agree: code that moved differs where addresses are in it.
func (e *deltaEncoder) run() {
	index := suffixarray.New(e.base)
	shift := 0 // of the stretch before: place in the base minus place in new
	for i := 0; i+deltaSeed <= len(e.new); {
		at := -1
		if o := i + shift; o >= 0 && o+deltaSeed <= len(e.base) && bytes.Equal(e.new[i:i+deltaSeed], e.base[o:o+deltaSeed]) {
			at = o // where the last stretch would go on
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

// longest is the place in the base of the longest of the first few stretches that agree with new at i,
// or -1 if none has deltaSeed bytes.
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

// widen is how far new from i on (back from it with step -1) agrees with the base at at: up to the point
// with the largest surplus of equal bytes over others. limit is the most.
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

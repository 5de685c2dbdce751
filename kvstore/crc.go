package kvstore

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// The store's CRC is polynomial 0x04C11DB7 from 0xFFFFFFFF, input reflected, output neither
// reflected nor inverted (Mbed's MbedCRC<POLY_32BIT_ANSI> as TDBStore sets it up). That is the
// bit-reversed complement of the ordinary IEEE CRC-32, so the work is done in IEEE form, which
// hash/crc32 does fast, and turned at the end.

// shifted has, in row k, the IEEE CRC of a byte that k bytes of zeros follow.
var shifted = func() (t [8][256]uint32) {
	t[0] = *crc32.IEEETable
	for k := 1; k < len(t); k++ {
		for i, c := range t[k-1] {
			t[k][i] = t[0][byte(c)] ^ c>>8
		}
	}
	return t
}()

// ieeeAdd continues an IEEE CRC-32 over p; it starts at 0. Most records are below 64 bytes, where the library uses
// tables as this does (slicing by 8), and takes as long to choose its way.
func ieeeAdd(sum uint32, p []byte) uint32 {
	if len(p) >= 64 {
		return crc32.Update(sum, crc32.IEEETable, p)
	}
	sum = ^sum
	t := &shifted
	for ; len(p) >= 8; p = p[8:] {
		x := binary.LittleEndian.Uint64(p) ^ uint64(sum)
		sum = t[7][byte(x)] ^ t[6][byte(x>>8)] ^ t[5][byte(x>>16)] ^ t[4][byte(x>>24)] ^
			t[3][byte(x>>32)] ^ t[2][byte(x>>40)] ^ t[1][byte(x>>48)] ^ t[0][x>>56]
	}
	for _, b := range p {
		sum = t[0][byte(sum)^b] ^ sum>>8
	}
	return ^sum
}

// storeCRC turns an IEEE CRC-32 into the store's CRC of the same bytes.
func storeCRC(ieee uint32) uint32 { return bits.Reverse32(^ieee) }

// CRC is the checksum of TDBStore's records, key hashes and reserved data over p.
func CRC(p []byte) uint32 { return storeCRC(ieeeAdd(0, p)) }

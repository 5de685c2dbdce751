package kvstore

import (
	"hash/crc32"
	"math/bits"
)

// The store's CRC is polynomial 0x04C11DB7 from 0xFFFFFFFF, input reflected, output neither
// reflected nor inverted (Mbed's MbedCRC<POLY_32BIT_ANSI> as TDBStore sets it up). That is the
// bit-reversed complement of the ordinary IEEE CRC-32, so the work is done in IEEE form, which
// hash/crc32 does fast, and turned at the end.

// ieeeAdd continues an IEEE CRC-32 over p; it starts at 0. Keys are short, and below 16 bytes the library
// takes as long to choose its way as a table takes to go through them.
func ieeeAdd(sum uint32, p []byte) uint32 {
	if len(p) >= 16 {
		return crc32.Update(sum, crc32.IEEETable, p)
	}
	sum = ^sum
	for _, b := range p {
		sum = crc32.IEEETable[byte(sum)^b] ^ sum>>8
	}
	return ^sum
}

// storeCRC turns an IEEE CRC-32 into the store's CRC of the same bytes.
func storeCRC(ieee uint32) uint32 { return bits.Reverse32(^ieee) }

// CRC is the checksum of TDBStore's records, key hashes and reserved data over p.
func CRC(p []byte) uint32 { return storeCRC(ieeeAdd(0, p)) }

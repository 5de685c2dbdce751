package kvstore

import "encoding/binary"

// Master is a master record that was found in memory of which nothing else is known.
type Master struct {
	Area    uint32   // offset of the area that it begins
	Units   []uint32 // program units in bytes with which it may have been written, smallest first
	Version uint16
}

// The places of a master record and its key for the program units of real parts: units of a row share
// them but for what follows the record.
var masterPlaces = []struct {
	master, key uint32
	units       []uint32
}{
	{72, 24, []uint32{1, 4, 8}},
	{80, 32, []uint32{16}},
	{96, 32, []uint32{32}},
	{128, 64, []uint32{64}},
	{128, 128, []uint32{128}},
	{256, 256, []uint32{256}},
	{512, 512, []uint32{512}},
}

// FindMasters looks for master records of TDBStore areas that begin on multiples of align, which is at
// least 4, and returns those whose CRC holds, in the order of their areas. The copy of a master record
// that a store takes over like any other record is one of them if it happens to lie as a master record
// would: whoever knows the areas' sizes can tell.
func FindMasters(mem []byte, align uint32) []Master {
	var found []Master
	for area := uint64(0); area < uint64(len(mem)); area += uint64(align) {
		for _, p := range masterPlaces {
			if v, ok := masterAt(mem[area:], p.master, p.key); ok {
				found = append(found, Master{uint32(area), p.units, v})
				break
			}
		}
	}
	return found
}

// masterAt is the version in the master record at an offset in an area whose key follows at key.
func masterAt(area []byte, master, key uint32) (version uint16, ok bool) {
	const total = uint32(len(masterKey)) + masterData
	if uint64(len(area)) < uint64(master+key+total) {
		return 0, false
	}
	h, body := area[master:master+headerSize], area[master+key:master+key+total]
	if binary.LittleEndian.Uint32(h) != recordMagic || string(body[:len(masterKey)]) != masterKey ||
		binary.LittleEndian.Uint16(h[12:]) != uint16(len(masterKey)) || binary.LittleEndian.Uint32(h[16:]) != masterData {
		return 0, false
	}
	var all [crcOffset + total]byte
	copy(all[:], h[:crcOffset])
	copy(all[crcOffset:], body)
	if binary.LittleEndian.Uint32(h[crcOffset:]) != CRC(all[:]) {
		return 0, false
	}
	return binary.LittleEndian.Uint16(body[len(masterKey):]), true
}

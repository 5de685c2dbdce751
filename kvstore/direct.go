package kvstore

import "encoding/binary"

// DirectAccess reads the reserved data, the device key, from the region of an internal TDBStore
// without opening the store, as a bootloader does, and returns its size. Any failure is
// ErrItemNotFound.
//
// The reference does not share TDBStore's idea of where the second area starts: it starts after the
// erase units that first reach half of the region, rounded up. With an odd number of units the copy
// there is not found, but for RepairDirectAccess among repairs.
func DirectAccess(region BlockDevice, buf []byte, repairs Repairs) (int, error) {
	size := region.Size()
	if size < 2*(reservedSize+trailerSize)-1 {
		return 0, ErrItemNotFound
	}
	second := uint32(0)
	for second < (size+1)/2 {
		n := region.EraseSize(second)
		if n == 0 || n > size-second {
			return 0, ErrItemNotFound
		}
		second += n
	}
	if repairs.Has(RepairDirectAccess) {
		var g geometry
		if g.measure(region, 0) == nil {
			second = g.base[1]
		}
	}
	for _, area := range []uint32{0, second} {
		if n, ok := directArea(region, area, buf); ok {
			return n, nil
		}
	}
	return 0, ErrItemNotFound
}

func directArea(region BlockDevice, area uint32, buf []byte) (int, bool) {
	var trailer [trailerSize]byte
	if area > region.Size()-reservedSize-trailerSize || region.Read(area+reservedSize, trailer[:]) != nil {
		return 0, false
	}
	if binary.LittleEndian.Uint64(trailer[:]) == 1<<64-1 {
		return 0, false
	}
	n := uint32(binary.LittleEndian.Uint16(trailer[2:]))
	if int(n) > len(buf) || n > region.Size()-area || region.Read(area, buf[:n]) != nil {
		return 0, false
	}
	return int(n), CRC(buf[:n]) == binary.LittleEndian.Uint32(trailer[4:])
}

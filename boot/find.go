package boot

import (
	"bytes"
	"encoding/binary"
)

// FindHeaders returns the offsets, multiples of 4, at which memory of which nothing is known has the
// magic and the version of a metadata header, internal or external.
func FindHeaders(mem []byte) (at []uint32) {
	mark := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, headerMagic), HeaderVersion)
	for off := 0; off < len(mem); {
		i := bytes.Index(mem[off:], mark)
		if i < 0 {
			break
		}
		off += i
		if off%4 == 0 {
			at = append(at, uint32(off))
		}
		off++
	}
	return at
}

// HeaderMagic tells whether p begins with the magic and the version of a metadata header, which the
// bootloader wants of the active one before it looks at its CRC.
func HeaderMagic(p []byte) bool {
	return len(p) >= 8 && binary.BigEndian.Uint32(p) == headerMagic && binary.BigEndian.Uint32(p[4:]) == HeaderVersion
}

// PeekExternalHeader fills d from what looks like an external header: magic, version, and a payload
// that is the firmware itself. Its HMAC, which only the device's root of trust can check, is not looked
// at. d is untouched unless it returns true.
func PeekExternalHeader(p []byte, d *Details) bool {
	if len(p) < ExternalHeaderSize || !HeaderMagic(p) || !bytes.Equal(p[16:24], p[88:96]) || !bytes.Equal(p[24:56], p[96:128]) {
		return false
	}
	d.fromExternal(p)
	return true
}

// FirmwareOffset is where the firmware begins in a slot on flash with that page size in bytes, at least
// 1: behind the header.
func FirmwareOffset(page uint32) uint32 { return pageUp(HeaderSize, page) }

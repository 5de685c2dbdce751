package boot

import (
	"bytes"
	"encoding/binary"
)

// FindHeaders returns the offsets in mem, multiples of 4, that hold the magic and the version of a metadata
// header, internal or external.
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

// HeaderMagic reports whether p begins with the magic and the version of a metadata header. The bootloader
// checks them in the active header before it checks the CRC.
func HeaderMagic(p []byte) bool {
	return len(p) >= 8 && binary.BigEndian.Uint32(p) == headerMagic && binary.BigEndian.Uint32(p[4:]) == HeaderVersion
}

// PeekExternalHeader fills d from what looks like an external header: magic, version, and a payload
// that is the firmware itself. Its HMAC is
// not checked: that takes the device's root of trust. d is untouched unless it returns true.
func PeekExternalHeader(p []byte, d *Details) bool {
	if len(p) < ExternalHeaderSize || !HeaderMagic(p) || !bytes.Equal(p[16:24], p[88:96]) || !bytes.Equal(p[24:56], p[96:128]) {
		return false
	}
	d.fromExternal(p)
	return true
}

// FirmwareOffset returns the offset of the firmware in a slot, behind the header rounded up to the page.
// page is the program unit in bytes, at least 1.
func FirmwareOffset(page uint32) uint32 { return pageUp(HeaderSize, page) }

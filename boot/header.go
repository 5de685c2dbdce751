package boot

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// Version 2 of the metadata header, the internal kind: for flash that only the device writes.
const (
	// HeaderSize is the size of the internal header in bytes.
	HeaderSize = 112
	// HeaderVersion is the version in both kinds of headers.
	HeaderVersion = 2

	headerMagic = 0x5A51B3D4
	headerCRC   = 108 // offset of the CRC, and the number of bytes under it
)

// Details is what a metadata header says of a firmware image.
type Details struct {
	Version  uint64 // larger is newer; the manifest's time stamp
	Size     uint64 // bytes
	Hash     [32]byte
	Campaign [16]byte
}

// EncodeHeader writes the internal header of d to the first HeaderSize bytes of p, which must be
// at least that long.
func EncodeHeader(p []byte, d *Details) {
	p = p[:HeaderSize]
	clear(p)
	binary.BigEndian.PutUint32(p, headerMagic)
	binary.BigEndian.PutUint32(p[4:], HeaderVersion)
	binary.BigEndian.PutUint64(p[8:], d.Version)
	binary.BigEndian.PutUint64(p[16:], d.Size)
	copy(p[24:56], d.Hash[:])
	copy(p[88:104], d.Campaign[:])
	binary.BigEndian.PutUint32(p[headerCRC:], crc32.ChecksumIEEE(p[:headerCRC]))
}

// ParseHeader fills d from the internal header p. As in the reference it looks at the CRC alone,
// not at magic and version; d is untouched unless it returns true. A p shorter than HeaderSize is
// no header.
func ParseHeader(p []byte, d *Details) bool {
	if len(p) < HeaderSize || binary.BigEndian.Uint32(p[headerCRC:]) != crc32.ChecksumIEEE(p[:headerCRC]) {
		return false
	}
	d.Version = binary.BigEndian.Uint64(p[8:])
	d.Size = binary.BigEndian.Uint64(p[16:])
	copy(d.Hash[:], p[24:])
	copy(d.Campaign[:], p[88:])
	return true
}

// readActive reads the active image's header at addr into d: first 8 bytes, of which it checks the version
// and then the magic, then the whole header and its CRC. d is untouched unless it returns
// nil. A header that is not one is ErrNotReady or, with a wrong CRC, ErrInvalidParameter. buf is
// scratch of at least HeaderSize bytes.
func readActive(f Flash, cpu CPU, addr uint32, d *Details, buf []byte) error {
	if err := read(f, addr, buf[:8]); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(buf[4:]) != HeaderVersion || binary.BigEndian.Uint32(buf) != headerMagic {
		return ErrNotReady
	}
	return readHeader(f, cpu, addr, d, buf)
}

// readHeader reads a header at addr and checks its CRC alone.
func readHeader(f Flash, cpu CPU, addr uint32, d *Details, buf []byte) error {
	if err := read(f, addr, buf[:HeaderSize]); err != nil {
		return err
	}
	if cpu != nil {
		cpu.CRC32(headerCRC)
	}
	if !ParseHeader(buf[:HeaderSize], d) {
		return ErrInvalidParameter
	}
	return nil
}

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

package inspect

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"dualbank/boot"
	"dualbank/boot/layout"
)

// maxImages is the largest number of images reported, for dumps full of headers.
const maxImages = 64

// firmware reports the active image, the slots, and headers elsewhere.
func (l *inspection) firmware() {
	known := map[uint32]bool{}
	if l.Options.Layout != nil {
		l.layoutImages()
		for _, im := range l.report.Firmware {
			known[im.Header] = true
		}
	}
	for _, at := range l.findHeaders() {
		if known[at] {
			continue
		}
		if len(l.report.Firmware) >= maxImages {
			l.damage("more than %d firmware headers: the rest is not shown", maxImages)
			break
		}
		l.foundImage(at)
	}
}

func (l *inspection) layoutImages() {
	if l.Options.Layout.FOTA {
		return // it has other headers
	}
	c := &l.Options.Layout.Config
	var active *Image
	if _, ok := l.Options.Layout.Region(layout.RegionHeader); ok {
		im := l.image("active", c.Details, c.AppStart)
		_, im.Written = l.dump.count(c.AppStart, c.MaxAppSize)
		if im.State == headerValid && im.Size > uint64(c.MaxAppSize) {
			l.damage("active firmware: %d bytes, the layout has room for %d", im.Size, c.MaxAppSize)
		}
		switch {
		case im.State == headerMissing:
		case im.State == headerNone && im.Written == 0:
			im.Note = "no application"
		case im.State != headerValid:
			im.Note = "the bootloader does not start it"
			l.damage("active header at 0x%08X: %s, with %d bytes of firmware behind it: the bootloader does not start it", im.Header, map[string]string{
				headerNone: "it is erased", headerDamaged: "its magic, version or CRC is wrong",
			}[im.State], im.Written)
		case im.Check == hashDiffers && im.Size > 0:
			im.Note = "the bootloader does not start it"
			l.damage("active firmware at 0x%08X: its SHA-256 is not the header's: it is damaged, or an install did not come to its end", im.Start)
		case im.Check == hashHolds:
			im.Note = "the bootloader starts it, unless it installs a newer candidate"
		}
		l.report.Firmware = append(l.report.Firmware, im)
		active = &im
	}
	if l.Options.Layout.BlockDevice {
		return
	}
	first := len(l.report.Firmware)
	for i, s := range l.Options.Layout.Slots {
		if s.Size == 0 || uint64(s.Addr)+uint64(s.Size) > 1<<32 {
			continue
		}
		im := l.image(fmt.Sprintf("slot %d", i), s.Addr, s.Addr+boot.FirmwareOffset(max(l.Chip.Unit, 1)))
		_, im.Written = l.dump.count(s.Addr, s.Size)
		switch {
		case im.State == headerMissing:
		case im.State == headerNone && im.Written > 0:
			im.Note = "firmware without a header: a download that is not over, or was given up"
		case im.State == headerDamaged:
			im.Note = "not a candidate"
			l.damage("header of slot %d at 0x%08X: its CRC is wrong", i, im.Header)
		case im.State == headerValid && im.Check == hashDiffers:
			im.Note = "not a candidate: the bootloader passes it over"
			l.damage("firmware in slot %d at 0x%08X: its SHA-256 is not the header's: a download that is not over, or damage", i, im.Start)
		case im.State == headerValid && im.Size > uint64(c.MaxAppSize):
			im.Note = fmt.Sprintf("too large for the application's %d bytes: the bootloader passes it over", c.MaxAppSize)
		}
		l.report.Firmware = append(l.report.Firmware, im)
	}
	choose(l.report.Firmware[first:], active, c)
}

// choose notes which candidate the bootloader installs: the newest valid one that is newer than a valid active
// image.
func choose(slots []Image, active *Image, c *boot.Config) {
	best, newest := -1, uint64(0)
	if active != nil && active.State == headerValid && active.Check == hashHolds && active.Size > 0 {
		newest = active.Version
	}
	for i := range slots {
		im := &slots[i]
		if im.State != headerValid || im.Check != hashHolds || im.Size == 0 || im.Size > uint64(c.MaxAppSize) {
			continue
		}
		im.Note = "not newer: the bootloader passes it over"
		if im.Version > newest {
			best, newest = i, im.Version
		}
	}
	if best >= 0 {
		slots[best].Note = "the bootloader installs it at the next boot"
	}
}

// image reads the internal header at an address and checks the firmware at start against it.
func (l *inspection) image(place string, header, start uint32) Image {
	im := Image{Place: place, Header: header, State: headerMissing}
	var p [boot.HeaderSize]byte
	if l.dump.read(header, p[:]) == 0 {
		return im
	}
	switch {
	case boot.ParseHeader(p[:], &im.details) && (place != "active" || boot.HeaderMagic(p[:])):
		im.State = headerValid
	case erased(p[:]):
		im.State = headerNone
		return im
	default:
		im.State = headerDamaged
		return im
	}
	im.Start, im.Check = start, l.verify(start, &im.details)
	im.describe()
	return im
}

func (im *Image) describe() {
	d := &im.details
	im.Version, im.Size = d.Version, d.Size
	im.Hash, im.Campaign = hex.EncodeToString(d.Hash[:]), hex.EncodeToString(d.Campaign[:])
}

// verify compares the firmware at start with its header.
func (l *inspection) verify(start uint32, d *boot.Details) string {
	h := sha256.New()
	if !l.dump.writeRange(h, start, d.Size) {
		return hashPartly
	}
	if [32]byte(h.Sum(nil)) == d.Hash {
		return hashHolds
	}
	return hashDiffers
}

// foundImage reports a header outside the layout's places, and searches its firmware behind it.
func (l *inspection) foundImage(at uint32) {
	var p [boot.ExternalHeaderSize]byte
	l.dump.read(at, p[:])
	im := Image{Place: "found", Header: at, State: headerDamaged}
	first := uint32(boot.HeaderSize)
	switch {
	case boot.ParseHeader(p[:], &im.details):
		im.State = headerValid
	case boot.PeekExternalHeader(p[:], &im.details):
		im.State, first = headerExternal, boot.ExternalHeaderSize
		im.Note = "only the device can check its HMAC"
	default:
		l.damage("a firmware header at 0x%08X: its CRC is wrong", at)
		l.report.Firmware = append(l.report.Firmware, im)
		return
	}
	im.Check = hashNotFound
	// Behind the header, rounded up to a page, or to the start of a vector table.
	seen := uint32(0)
	for page := uint32(1); page <= 1<<16 && im.details.Size > 0; page *= 2 {
		start := (first + page - 1) &^ (page - 1)
		if start == seen || uint64(at)+uint64(start) >= 1<<32 {
			continue
		}
		seen = start
		if l.verify(at+start, &im.details) == hashHolds {
			im.Start, im.Check = at+start, hashHolds
			break
		}
	}
	im.describe()
	l.report.Firmware = append(l.report.Firmware, im)
}

func erased(p []byte) bool {
	for _, c := range p {
		if c != 0xFF {
			return false
		}
	}
	return true
}

// findHeaders returns the addresses of what looks like a metadata header.
func (l *inspection) findHeaders() (at []uint32) {
	for _, s := range l.dump.Segments {
		for _, off := range boot.FindHeaders(s.Data) {
			at = append(at, s.Addr+off)
		}
	}
	return at
}

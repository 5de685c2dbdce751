package layout

import (
	"fmt"
	"slices"
	"strings"

	"dualbank/boot"
	"dualbank/boot/layout/cexpr"
)

// updateStorage is the option, and the macro, that says where candidates lie.
const (
	updateStorage      = "mbed-cloud-client.update-storage"
	updateStorageMacro = "MBED_CLOUD_CLIENT_UPDATE_STORAGE"
)

// findClient finds out whether the files configure an update client, and which.
func (b *builder) findClient() {
	b.client = b.external || b.bootloader != nil && !b.plain || b.hasClient(b.application)
	if ap := b.application; ap != nil {
		enabled, s, ok := ap.number("fota.enable")
		b.FOTA = ok && enabled != 0 && s.given || ap.gives("fota.block-device-type", "fota.storage-start-addr", "fota.storage-size") != nil
	}
}

// updating returns the images that take part in an update, the bootloader first: one that is not
// mbed-bootloader does not.
func (b *builder) updating() []*image {
	if b.plain && b.application != nil {
		return []*image{b.application}
	}
	return b.both()
}

// hasClient reports whether an application's configuration sets something that only an update client reads.
func (b *builder) hasClient(ap *image) bool {
	return ap.gives("update-client.application-details", "update-client.storage-address", "update-client.storage-size", updateStorage) != nil
}

// medium returns where an image's candidates lie, and the place that says so. With nothing said it is the
// client's default.
func (im *image) medium() (text string, from macroText, said bool) {
	if s, given := im.is(updateStorage); given {
		t, _ := s.value.macroText()
		return t, macroText{t, s.file, s.at, s.key}, true
	}
	if m, ok := im.macros[updateStorageMacro]; ok && m.file != nil && !isBuiltin(m.file) {
		return m.text, m, true
	}
	return "ARM_UCP_FLASHIAP", macroText{}, false
}

// onBlockDevice reports whether candidates lie on a block device. The storage option decides; that the
// block-device layer is compiled in (ARM_UC_USE_PAL_BLOCKDEVICE) says nothing where the option is set. Clients before
// 4.0 have the option in a header file: then the storage's address tells.
func (b *builder) onBlockDevice(addr uint32, size uint64) bool {
	pal := false
	for _, im := range slices.Backward(b.updating()) {
		if text, _, said := im.medium(); said {
			return strings.Contains(text, "BLOCKDEVICE") || strings.Contains(text, "FILESYSTEM")
		}
		pal = pal || im.macros["ARM_UC_USE_PAL_BLOCKDEVICE"].text == "1"
	}
	return pal && !b.inside(Region{Start: addr, Size: uint32(min(size, 1<<32-1))})
}

// candidateRegion places the candidate storage.
func (b *builder) candidateRegion() {
	c := &b.Config
	c.Locations = 1
	if b.FOTA {
		b.fotaRegion()
		return
	}
	if !b.client {
		return
	}
	ims := b.updating()
	var key, locations *setting
	c.StorageAddr, key, _ = b.first("update-client.storage-address", ims...)
	c.StorageSize, _, _ = b.first("update-client.storage-size", ims...)
	c.Locations, locations, _ = b.first("update-client.storage-locations", ims...)
	c.StoragePage, _, _ = b.first("update-client.storage-page", ims...)
	if c.Locations == 0 || c.Locations > 1000 {
		if locations != nil {
			b.add(locations.problem(fmt.Sprintf("%d slots", c.Locations), "give a number from 1 to 1000"))
		}
		c.Locations = 1
	}
	b.BlockDevice = b.onBlockDevice(c.StorageAddr, uint64(c.StorageSize))
	if b.external && !b.BlockDevice {
		b.BlockDevice, b.moved, c.StorageAddr, c.StorageSize = true, true, 0, 0
	}
	if !b.BlockDevice && c.StorageSize > 0 {
		b.region(RegionCandidate, c.StorageAddr, uint64(c.StorageSize), key)
	}
}

// fotaRegion places the FOTA client's storage: one candidate on internal flash or on a block device.
func (b *builder) fotaRegion() {
	ap, c := b.application, &b.Config
	addr, key, ok := ap.size("fota.storage-start-addr")
	size, _, ok2 := ap.size("fota.storage-size")
	c.StorageAddr, c.StorageSize, c.StoragePage = addr, size, 1
	if !ok || !ok2 || size == 0 {
		if !ap.bad["fota.storage-start-addr"] && !ap.bad["fota.storage-size"] {
			p := Problem{
				File: ap.app.src.Name, Key: "fota.enable", Text: "the FOTA client has no storage: MBED_CLOUD_CLIENT_FOTA_STORAGE_START_ADDR or _SIZE is not set",
				Remedy: "give the mbed_lib.json of the bootloader that sets them", Warning: true,
			}
			b.add(p)
		}
		return
	}
	text := ap.text("fota.block-device-type")
	b.BlockDevice = text != "" && !strings.Contains(text, "INTERNAL_FLASH") ||
		text == "" && !b.inside(Region{Start: addr, Size: size})
	if !b.BlockDevice {
		b.region(RegionCandidate, addr, uint64(size), key)
	}
}

// fragment returns the size in bytes of the update client's fragments: half of its buffer.
func (b *builder) fragment() uint32 {
	for _, im := range slices.Backward(b.updating()) {
		for _, name := range []string{"ARM_UC_BUFFER_SIZE", "MBED_CLOUD_CLIENT_UPDATE_BUFFER"} {
			if t, ok := im.macro(name); ok {
				if n, err := cexpr.Evaluate(t, im.macro); err == nil && n >= 2 && n <= 1<<20 {
					return uint32(n / 2)
				}
			}
		}
	}
	return boot.Fragment
}

func (b *builder) checkCandidate() {
	switch {
	case b.FOTA:
		if r, ok := b.Region(RegionCandidate); ok && b.inside(r) {
			b.checkFOTA(r)
		}
		return
	case !b.client:
		return
	}
	b.checkPages()
	if b.BlockDevice {
		return
	}
	r, ok := b.Region(RegionCandidate)
	if !ok {
		for _, im := range b.both() {
			if im.bad["update-client.storage-size"] || im.bad["update-client.storage-address"] {
				return
			}
		}
		b.missing("update-client.storage-size", "no room for a candidate", "set it and update-client.storage-address")
		return
	}
	if b.inside(r) {
		b.checkSlots(r)
	}
}

// checkFOTA checks the FOTA client's storage on internal flash, which begins on an erase boundary and is
// erased as one of Mbed's block devices.
func (b *builder) checkFOTA(r Region) {
	for _, at := range []uint64{uint64(r.Start), r.End()} {
		if !b.Chip.boundary(at) {
			b.report(r, at == r.End(), fmt.Sprintf("%s: 0x%08X is no erase boundary", r.span(), at),
				fmt.Sprintf("use 0x%08X or 0x%08X", b.Chip.down(at), b.Chip.up(at)))
			return
		}
	}
	b.checkUnitAlignment(r)
}

// checkPages checks the storage page, which the client's build checks its buffers with, and the client's
// fragments, which the flash must be able to program.
func (b *builder) checkPages() {
	c := &b.Config
	var page *setting
	fragment := b.fragment()
	for _, im := range b.updating() {
		if s, _ := im.is("update-client.storage-page"); s != nil {
			page = s
		}
	}
	warn := func(text, remedy string) {
		p := page.problem(text, remedy)
		p.Warning = true
		b.add(p)
	}
	switch {
	case c.StoragePage == 0:
		b.add(page.problem("the storage page is 0", fmt.Sprintf("set it to %d", b.Chip.Unit)))
	case fragment%c.StoragePage != 0:
		warn(fmt.Sprintf("the update client's buffer of %d bytes is no multiple of the storage page of %d",
			fragment, c.StoragePage), "use a power of two up to 512")
	case !b.BlockDevice && c.StoragePage%b.Chip.Unit != 0 && fragment%b.Chip.Unit == 0:
		warn(fmt.Sprintf("the storage page of %d bytes is no multiple of the program unit of %d", c.StoragePage, b.Chip.Unit),
			fmt.Sprintf("set it to %d", b.Chip.Unit))
	}
	if !b.BlockDevice && fragment%b.Chip.Unit != 0 {
		b.add(page.problem(fmt.Sprintf("the update client writes fragments of %d bytes, no multiple of the program unit of %d: each write fails",
			fragment, b.Chip.Unit), fmt.Sprintf("set the macro ARM_UC_BUFFER_SIZE to %d", 2*b.Chip.Unit)))
	}
}

// checkSlots computes the candidate slots and checks what rounding to erase boundaries leaves of them.
func (b *builder) checkSlots(r Region) {
	c := &b.Config
	var locations *setting
	for _, im := range b.updating() {
		if s, _ := im.is("update-client.storage-locations"); s != nil {
			locations = s
		}
	}
	if lost := b.Chip.up(uint64(r.Start)) - uint64(r.Start); lost > 0 {
		b.report(r, true, fmt.Sprintf("%s begins inside an erase unit: its first %s are lost",
			r.span(), size(lost)), fmt.Sprintf("use 0x%08X", b.Chip.up(uint64(r.Start))))
	}
	if lost := r.End() - b.Chip.down(r.End()); lost > 0 {
		b.report(r, true, fmt.Sprintf("%s ends inside an erase unit: its last %s are lost", r.span(), size(lost)), "end it on an erase boundary")
	}
	slots, ok := boot.Slots(&b.Chip, c)
	if !ok {
		b.report(r, false, fmt.Sprintf("%s: nothing is left between the erase boundaries", r.span()), "make it larger")
		return
	}
	b.Slots = slots
	app, hasApp := b.Region(RegionApplication)
	used := uint64(0)
	for i, s := range slots {
		used += uint64(s.Size)
		header := uint64(boot.FirmwareOffset(b.Chip.Unit))
		switch room := uint64(s.Size) - min(uint64(s.Size), header); {
		case s.Size == 0:
			b.add(locations.problem(fmt.Sprintf("slot %d of %d at 0x%08X is empty: %s divided in %d and rounded down to erase boundaries",
				i, len(slots), s.Addr, size(uint64(c.StorageSize)), len(slots)),
				"use fewer slots or a larger storage"))
		case room < uint64(app.Size) && hasApp && app.guess:
			p := r.key.problem(fmt.Sprintf("slot %d at 0x%08X holds an application of %d bytes; nothing limits the application to that", i, s.Addr, room),
				"set target.restrict_size")
			p.Note = true
			b.add(p)
		case room < uint64(app.Size) && hasApp:
			than, remedy := "the largest that the bootloader installs", fmt.Sprintf("set mbed-bootloader.max-application-size to at most %d, or make the storage larger", room)
			if !b.maxGiven {
				than, remedy = "the application may have", fmt.Sprintf("make the application's region %d bytes, or the storage larger", room)
			}
			b.report(r, true, fmt.Sprintf("slot %d at 0x%08X holds an application of %d bytes, %d fewer than %s",
				i, s.Addr, room, uint64(app.Size)-room, than), remedy)
		}
	}
	if whole := b.Chip.down(r.End()) - min(b.Chip.down(r.End()), b.Chip.up(uint64(r.Start))); used < whole {
		p := locations.problem(fmt.Sprintf("%s of the candidate storage lie in no slot: %d slots rounded to erase units",
			size(whole-used), len(slots)), "use a number of slots that divides it on erase boundaries")
		p.Warning = true
		b.add(p)
	}
}

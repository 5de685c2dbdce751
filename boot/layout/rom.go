package layout

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"dualbank/boot"
	"dualbank/boot/firmware"
	"dualbank/boot/layout/cexpr"
	"dualbank/internal/input"
)

// rom is where Mbed's build puts one image and what lies before it, by the target's ROM parameters:
// bootloader_img, restrict_size, header_format, header_offset, app_offset, or mbed_app_start and
// mbed_app_size. Addresses are absolute.
type rom struct {
	start, end uint64   // MBED_ROM_START, and the address behind MBED_ROM_SIZE
	loaderKey  *setting // target.bootloader_img; nil: there is none
	loader     uint64   // end of the bootloader image, rounded up to an erase boundary; start if not known
	code       uint64   // end of the image's bytes; 0 if the image is not at hand
	headerKey  *setting // nil: there is no header
	header     uint64
	headerSize uint64
	app        uint64
	appKey     *setting // nil: the image begins where the ROM begins, or behind the bootloader
	appEnd     uint64
	endKey     *setting // nil: nothing limits the image
	failed     bool     // where the image begins is not known
}

// place computes the ROM parameters of an image, reports what contradicts in them, and defines the macros
// that the build derives from them.
func (b *builder) place(im *image) *rom {
	r := &rom{start: uint64(b.Chip.Base), end: b.end(), headerSize: boot.HeaderSize}
	b.readROM(im, r)
	r.loader = r.start
	r.app = r.start
	r.appEnd = r.end
	header, headerKey, hasHeader := im.size("target.header-offset")
	offset, offsetKey, hasOffset := im.size("target.app-offset")
	if s, _ := im.is("target.bootloader-img"); s != nil && s.value.kind == 's' && s.value.text != "" && (im.kind == applicationImage || b.plain) {
		r.loaderKey = s
		b.readLoader(im, r, hasOffset || hasHeader)
		r.app = r.loader
	}
	if format, _ := im.is("target.header-format"); format != nil && format.value.kind == 'a' {
		if n := headerFormat(format.value.items); n > 0 {
			r.headerSize = n
			if !hasHeader && r.loaderKey != nil && !r.failed {
				r.header, r.headerKey = r.app, format
			}
		}
	}
	if hasHeader && im.kind == applicationImage {
		r.header, r.headerKey = r.start+uint64(header), headerKey
	}
	if r.headerKey != nil {
		r.app = (r.header + r.headerSize + 127) &^ 127
	}
	if hasOffset {
		r.app, r.appKey = r.start+uint64(offset), offsetKey
	}
	b.limit(im, r)
	b.defineRegions(im, r)
	return r
}

// readROM defines MBED_ROM_START and MBED_ROM_SIZE: the flash, or the part of it that the configuration
// leaves to the target.
func (b *builder) readROM(im *image, r *rom) {
	// The size may be an expression of the start.
	im.define("MBED_ROM_START", r.start)
	im.define("MBED_ROM_SIZE", r.end-r.start)
	start, startKey, hasStart := im.size("target.mbed-rom-start")
	size, sizeKey, hasSize := im.size("target.mbed-rom-size")
	if !hasStart && !hasSize {
		r.start, r.end = b.targetROM(r.start, r.end)
	}
	if hasStart && (uint64(start) < r.start || uint64(start) >= r.end) {
		im.report(startKey, fmt.Sprintf("is 0x%X, but the flash of %s has 0x%X", start, b.Target, r.start), "give the part that the target has")
		hasStart = false
	}
	if hasStart {
		r.start = uint64(start)
	}
	if hasSize && size != 0 {
		p := sizeKey.problem(fmt.Sprintf("is 0x%X, but the flash of %s has 0x%X%s", size, b.Target, r.end-r.start, b.restText()), "give the part that the target has")
		switch end := r.start + uint64(size); {
		case end > r.end:
			im.report(sizeKey, p.Text, p.Remedy)
		case end < r.end:
			p.Note, p.Remedy = true, "set it to that, unless another image or core has the rest"
			im.problems = append(im.problems, p)
			r.end = end
		}
	}
	im.define("MBED_ROM_START", r.start)
	im.define("MBED_ROM_SIZE", r.end-r.start)
}

// targetROM returns the part of the flash from start to end that targets.json leaves to the target: to a core or
// to the non-secure side.
func (b *builder) targetROM(start, end uint64) (from, to uint64) {
	number := func(m *member) uint64 {
		if m == nil {
			return 0
		}
		if n, err := cexpr.Evaluate(m.text, func(string) (string, bool) { return "", false }); err == nil && n > 0 && n <= math.MaxUint32 {
			return uint64(n)
		}
		return 0
	}
	var first, size uint64
	for _, name := range b.lineage() {
		m := b.targetNamed(name)
		if m == nil {
			continue
		}
		first, size = cmp.Or(first, number(m.find("mbed_rom_start"))), cmp.Or(size, number(m.find("mbed_rom_size")))
		if bank := m.find("memory_bank_config"); bank != nil && bank.find("IROM1") != nil {
			first, size = cmp.Or(first, number(bank.find("IROM1").find("start"))), cmp.Or(size, number(bank.find("IROM1").find("size")))
		}
	}
	from = cmp.Or(first, start)
	to = end
	if size != 0 {
		to = from + size
	}
	if from < start || to > end {
		return start, end // of another part
	}
	return from, to
}

// restText says who has the flash behind the chip's erase units.
func (b *builder) restText() string {
	if g := b.Chip.Gap; g.Size > 0 {
		return fmt.Sprintf(", of which 0x%08X-0x%08X is a gap between two banks", g.Start, uint64(g.Start)+uint64(g.Size))
	}
	if b.Chip.Rest == "" {
		return ""
	}
	return " (the rest belongs to " + b.Chip.Rest + ")"
}

// readLoader finds the end of the bootloader image that the build puts in front of the application. Without
// the image it is known only that the bootloader ends before what has an offset.
func (b *builder) readLoader(im *image, r *rom, placed bool) {
	s := r.loaderKey
	name := s.value.text
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.file.src.Dir, name)
	}
	data, err := []byte(nil), fs.ErrNotExist
	if s.file.src.Dir != "" {
		data, err = input.Read(path, input.Firmware)
	}
	if err != nil {
		reason := "not found"
		if !errors.Is(err, fs.ErrNotExist) {
			reason = "cannot be read: " + err.Error()
		}
		if !placed {
			r.failed = true
			im.report(s, "bootloader image "+reason+": "+name+": the application begins behind it", "correct its path, or set target.app_offset")
			return
		}
		if s.file.src.Dir != "" {
			p := s.problem("bootloader image "+reason+": "+name+": its size is not checked", "put it there, relative to this file, to have it checked")
			p.Note = true
			im.problems = append(im.problems, p)
		}
		return
	}
	segs, err := firmware.Segments(name, data, uint32(r.start))
	if err != nil {
		r.failed = !placed
		im.report(s, "bootloader image "+err.Error(), "give an image as ELF, Intel HEX or binary")
		return
	}
	if uint64(segs[0].Addr) != r.start {
		im.report(s, fmt.Sprintf("bootloader image %s begins at 0x%08X, not where the flash does, 0x%08X", name, segs[0].Addr, r.start), "link it for the start of the flash")
	}
	r.code = segs[0].End()
	for _, seg := range segs[1:] {
		// An image in several pieces leaves the room between them to the application.
		if seg.End() <= r.end && (!placed || seg.End() <= r.start+uint64(b.lowestOffset(im))) {
			r.code = seg.End()
		}
	}
	if r.code > r.end {
		r.failed = !placed
		im.report(s, fmt.Sprintf("bootloader image %s ends at 0x%08X, behind the flash", name, r.code), "give one that fits")
		return
	}
	r.loader = b.Chip.up(r.code)
}

// lowestOffset returns the lower one of header_offset and app_offset, of those that are set.
func (b *builder) lowestOffset(im *image) uint32 {
	low := uint32(math.MaxUint32)
	for _, name := range []string{"target.app-offset", "target.header-offset"} {
		if v, _, ok := im.size(name); ok {
			low = min(low, v)
		}
	}
	return low
}

// headerFormat returns the size in bytes of a target.header_format, whose members have the form
// [name, kind, type, value], or 0 if a type is not known.
func headerFormat(members []value) uint64 {
	total := uint64(0)
	for _, m := range members {
		if m.kind != 'a' || len(m.items) < 3 {
			return 0
		}
		kind := m.items[2].text
		bits := map[string]uint64{"SHA256": 256, "SHA512": 512}[kind]
		if strings.HasPrefix(kind, "CRCITT32") {
			bits = 32
		}
		if bits == 0 && len(kind) > 2 {
			bits, _ = strconv.ParseUint(kind[:len(kind)-2], 10, 16)
		}
		if bits == 0 {
			return 0
		}
		total += bits / 8
	}
	return total
}

// limit finds the end of the image.
func (b *builder) limit(im *image, r *rom) {
	restrict, restrictKey, hasRestrict := im.size("target.restrict-size")
	start, startKey, hasStart := im.size("target.mbed-app-start")
	size, sizeKey, hasSize := im.size("target.mbed-app-size")
	if own := cmp.Or(startKey, sizeKey); (hasStart || hasSize) && (r.loaderKey != nil || hasRestrict) {
		other := cmp.Or(r.loaderKey, restrictKey)
		im.report(own, fmt.Sprintf("excludes %s: the build refuses both", other.key), "set the image's place in one way only")
		return
	}
	bankStart, bankSize, bankKey := im.memoryBank()
	switch {
	case hasRestrict:
		r.appEnd, r.endKey = b.Chip.down(r.app+uint64(restrict)), restrictKey
		if r.appEnd <= r.app {
			r.appEnd = r.app
			who := "the application"
			if im.kind == bootloaderImage {
				who = "the bootloader"
			}
			im.report(restrictKey, fmt.Sprintf("0x%X bytes from 0x%08X on, rounded down to an erase boundary, leave nothing for %s", restrict, r.app, who),
				fmt.Sprintf("make it at least 0x%X", b.Chip.up(r.app+1)-r.app))
		}
	case hasStart || hasSize:
		if hasStart {
			r.app, r.appKey = uint64(start), startKey
		}
		if hasSize {
			r.appEnd, r.endKey = r.app+uint64(size), sizeKey
		}
	case bankKey != nil:
		if bankStart != 0 {
			r.app, r.appKey = uint64(bankStart), bankKey
		}
		if bankSize != 0 {
			r.appEnd, r.endKey = r.app+uint64(bankSize), bankKey
		}
	}
	if r.app < r.start {
		im.report(cmp.Or(r.appKey, r.endKey), fmt.Sprintf("the application begins at 0x%08X, before the flash, which begins at 0x%08X", r.app, r.start), "give an address in the flash")
		r.failed = true
	}
	r.appEnd = max(r.appEnd, r.app)
}

// memoryBank returns what target.memory_bank_config says of the main flash (mbed-ce): the range that the
// image is linked for. Zeros stand for what it does not say.
func (im *image) memoryBank() (start, size uint32, key *setting) {
	s, _ := im.is("target.memory-bank-config")
	if s == nil || s.value.kind != 'o' {
		return 0, 0, nil
	}
	for _, name := range []string{"IROM1", "ROM", "FLASH", "Flash", "EXT_FLASH"} {
		bank := s.value.find(name)
		if bank == nil {
			continue
		}
		for field, to := range map[string]*uint32{"start": &start, "size": &size} {
			if m := bank.find(field); m != nil {
				if n, err := cexpr.Evaluate(m.text, im.macro); err == nil && n >= 0 && n <= math.MaxUint32 {
					*to = uint32(n)
				}
			}
		}
		return start, size, s
	}
	return 0, 0, nil
}

// defineRegions defines the macros of the image's regions. In its own build the image is the application.
func (b *builder) defineRegions(im *image, r *rom) {
	im.define("APPLICATION_ADDR", r.app)
	im.define("APPLICATION_SIZE", r.appEnd-r.app)
	im.define("POST_APPLICATION_ADDR", r.appEnd)
	im.define("POST_APPLICATION_SIZE", r.end-min(r.end, r.appEnd))
	if r.headerKey != nil {
		im.define("HEADER_ADDR", r.header)
		im.define("HEADER_SIZE", r.headerSize)
	}
	if im.kind == applicationImage {
		im.define("BOOTLOADER_ADDR", r.start)
		im.define("BOOTLOADER_SIZE", r.loaderEnd()-r.start)
	}
}

// loaderEnd returns the end of the bootloader in front of the application, or the most that it can be.
func (r *rom) loaderEnd() uint64 {
	switch {
	case r.code != 0:
		return r.loader
	case r.headerKey != nil && r.header > r.start:
		return min(r.header, r.app)
	case r.appKey != nil:
		return r.app
	}
	return r.start
}

// bootloaderRegion places the bootloader: as its own configuration limits it, else as the application's has
// its image.
func (b *builder) bootloaderRegion() {
	if bl := b.bootloader; bl != nil {
		r := b.roms[bl]
		var size uint32
		var s *setting
		var ok bool
		if !b.plain {
			size, s, ok = bl.size("mbed-bootloader.bootloader-size")
		}
		if r.endKey != nil && !bl.bad[r.endKey.name] {
			n := r.appEnd - r.app
			if ok && uint64(size) != n && s.given {
				p := s.problem(fmt.Sprintf("is 0x%X, but target.restrict_size leaves 0x%X", size, n), "make both the same")
				p.Warning = true
				b.add(p)
			}
			b.region(RegionBootloader, uint32(r.app), n, r.endKey)
			return
		}
		// Nothing limits the bootloader: bootloader-size serves other expressions only.
		switch {
		case r.appKey != nil:
			b.region(RegionBootloader, uint32(r.app), r.appEnd-r.app, r.appKey)
		case ok:
			b.region(RegionBootloader, uint32(r.start), uint64(size), s)
		default:
			return
		}
		if at := b.at(RegionBootloader); at != nil {
			at.guess = true
		}
		return
	}
	r := b.roms[b.application]
	key := cmp.Or(r.loaderKey, r.headerKey, r.appKey)
	if key == nil || r.failed {
		return
	}
	b.region(RegionBootloader, uint32(r.start), r.loaderEnd()-r.start, key)
	if at := b.at(RegionBootloader); at != nil && r.code == 0 {
		at.guess = true
	}
}

// checkJump compares where a bootloader that is not mbed-bootloader starts an application with where the
// application is linked.
func (b *builder) checkJump(r *rom) {
	jump, from := b.roms[b.bootloader].appEnd, b.roms[b.bootloader].endKey
	if r.app == jump || from == nil {
		return
	}
	key := cmp.Or(r.appKey, r.loaderKey, r.endKey)
	text := fmt.Sprintf("the application is linked at 0x%08X, but the bootloader starts what lies behind it, at 0x%08X (%s in %s)",
		r.app, jump, from.key, b.bootloader.app.src.Name)
	remedy := fmt.Sprintf("give the bootloader a size of 0x%X", r.app-min(r.app, uint64(b.Chip.Base)))
	if key == nil {
		b.add(Problem{File: b.application.app.src.Name, Text: text, Remedy: remedy})
		return
	}
	b.add(key.problem(text, remedy))
}

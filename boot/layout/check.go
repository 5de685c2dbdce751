package layout

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"dualbank/boot"
)

// size formats a number of bytes.
func size(n uint64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// span formats a region's name and range.
func (r Region) span() string { return fmt.Sprintf("%s 0x%08X-0x%08X", r.Name, r.Start, r.End()) }

// report adds a problem of a region, at the setting that places it.
func (b *builder) report(r Region, warning bool, text, remedy string) {
	p := r.key.problem(text, remedy)
	p.Warning = warning
	b.add(p)
}

// checks adds all problems of the regions.
func (b *builder) checks() {
	for i, r := range b.Regions {
		if !b.inside(r) {
			b.report(r, false, fmt.Sprintf("%s does not lie in the flash 0x%08X-0x%08X%s", r.span(), b.Chip.Base, b.end(), b.restText()), "move it or make it smaller")
		}
		for _, other := range b.Regions[i+1:] {
			b.checkPair(r, other)
		}
	}
	b.checkHeader()
	b.checkApplication()
	b.checkKVStore()
	b.checkCandidate()
	b.checkBanks()
	b.checkTarget()
}

// checkPair checks two regions, r not after other, for common bytes and common erase units.
func (b *builder) checkPair(r, other Region) {
	if r.guess && r.Start != other.Start {
		return // r ends before other
	}
	// A bootloader's region is rounded up to an erase boundary. Behind its last byte others only share the unit.
	behind := r.Name == RegionBootloader && b.loaderCode() != 0 && uint64(other.Start) >= b.loaderCode()
	if r.End() > uint64(other.Start) && !behind {
		b.report(other, false, fmt.Sprintf("%s overlaps %s", other.span(), r.span()), "move one of them or make it smaller")
		return
	}
	if r.End() > b.end() || uint64(other.Start) < uint64(b.Chip.Base) || b.Chip.down(uint64(other.Start)) >= r.End() {
		return
	}
	// Header and application are erased together. The candidate storage is rounded to whole erase units. What
	// lies behind a bootloader is erased if there is an update client.
	if r.Name == RegionHeader && other.Name == RegionApplication || r.Name == RegionCandidate || other.Name == RegionCandidate ||
		r.Name == RegionBootloader && other.Name != RegionKVStore && !b.client && !b.FOTA {
		return
	}
	// Erasing one region erases the shared unit.
	unit := b.Chip.down(uint64(other.Start))
	b.report(other, r.Name == RegionApplication && b.roundsOff(r), fmt.Sprintf("%s and %s share the erase unit at 0x%08X (%s): erasing one destroys the other",
		r.span(), other.span(), unit, size(uint64(b.Chip.SectorSize(uint32(unit))))), fmt.Sprintf("begin it at 0x%08X", b.Chip.up(uint64(other.Start))))
}

// loaderCode returns the end of the bootloader image's bytes in front of the application, 0 if not known.
func (b *builder) loaderCode() uint64 {
	if b.application == nil || b.bootloader != nil {
		return 0
	}
	return b.roms[b.application].code
}

// roundsOff reports whether r ends inside an erase unit: the bootloader refuses applications that reach into
// this unit, so it is never erased.
func (b *builder) roundsOff(r Region) bool { return b.maxGiven && !b.Chip.boundary(r.End()) }

func (b *builder) checkHeader() {
	h, ok := b.Region(RegionHeader)
	if !ok {
		switch {
		case b.bootloader != nil && !b.plain:
			b.missing("update-client.application-details", "no address for the active image's header", "set it in both configurations")
		case b.client && !b.FOTA:
			b.add(Problem{
				Warning: true, File: b.application.app.src.Name, Key: "update-client.application-details",
				Text: "no address for the active image's header: the update client does not find the active version", Remedy: "set it to where the bootloader keeps the header",
			})
		}
		return
	}
	if b.client && !b.FOTA && !b.Chip.boundary(uint64(h.Start)) {
		b.report(h, false, fmt.Sprintf("the header's address 0x%08X is no erase boundary, so the bootloader cannot erase it", h.Start),
			fmt.Sprintf("use 0x%08X or 0x%08X", b.Chip.down(uint64(h.Start)), b.Chip.up(uint64(h.Start))))
	}
	if h.Start%b.Chip.Unit != 0 {
		b.report(h, false, fmt.Sprintf("the header's address 0x%08X is no multiple of the program unit of %d bytes", h.Start, b.Chip.Unit), "move it")
	}
}

func (b *builder) checkApplication() {
	a, ok := b.Region(RegionApplication)
	if !ok {
		bl := b.bootloader
		switch {
		case bl != nil && !b.plain:
			if !bl.bad["mbed-bootloader.application-start-address"] && !bl.bad["mbed-bootloader.max-application-size"] {
				b.missing("mbed-bootloader.application-start-address", "there is no room for an application", "set it and mbed-bootloader.max-application-size")
			}
		case b.application != nil && !b.roms[b.application].failed:
			if end := b.roms[b.application].endKey; end == nil || !b.application.bad[end.name] {
				b.add(Problem{File: b.application.app.src.Name, Text: "there is no room for an application", Remedy: "let it begin in the flash"})
			}
		}
		return
	}
	if a.Start%b.Chip.Unit != 0 {
		b.report(a, false, fmt.Sprintf("the application's address 0x%08X is no multiple of the program unit of %d bytes", a.Start, b.Chip.Unit), "move it")
	}
	if b.Chip.Vectors > 0 {
		if table := uint32(1) << bits.Len32(uint32(b.Chip.Vectors*4-1)); a.Start%table != 0 {
			b.report(a, false, fmt.Sprintf("the application's address 0x%08X is no multiple of 0x%X, which its vector table of %d entries needs",
				a.Start, table, b.Chip.Vectors),
				fmt.Sprintf("use 0x%08X", (a.Start+table-1)/table*table))
		}
	}
	h, hasHeader := b.Region(RegionHeader)
	if hasHeader && b.inside(h) && (b.client || b.FOTA) {
		headerEnd := b.Chip.up(h.End())
		if apart := headerEnd < uint64(a.Start) || h.Start > a.Start; apart && !b.Chip.boundary(uint64(a.Start)) {
			b.report(a, false, fmt.Sprintf("the application at 0x%08X neither shares the header's erase units (up to 0x%08X) nor begins on an erase boundary, so the bootloader cannot erase it",
				a.Start, headerEnd),
				fmt.Sprintf("use 0x%08X", b.Chip.up(uint64(a.Start))))
		}
	}
	if b.maxGiven && a.End() <= b.end() && !b.Chip.boundary(a.End()) {
		b.checkLargest(a)
	}
	b.checkLinkedEnd(a)
}

// checkLargest says what mbed-bootloader does with an application that would reach into the erase unit in
// which the largest one ends: the install fails before the application is erased, and so does each boot after it.
func (b *builder) checkLargest(a Region) {
	from := uint64(a.Start)
	left := "with the old image intact"
	if h, ok := b.Region(RegionHeader); ok && b.inside(h) {
		if apart := b.Chip.up(h.End()) < from || h.Start > a.Start; apart {
			left = "with the header erased and the old image not started"
		} else {
			from = uint64(h.Start)
		}
	}
	last := b.Chip.down(a.End())
	room := last - min(last, uint64(a.Start))
	s, _ := b.bootloader.is("mbed-bootloader.max-application-size")
	text := fmt.Sprintf("the largest application ends at 0x%08X, in an erase unit up to 0x%08X: a candidate of more than %s makes the bootloader halt at every boot, %s",
		a.End(), b.Chip.up(a.End()), size(room), left)
	remedy := fmt.Sprintf("set it to %d or %d", room, b.Chip.up(a.End())-uint64(a.Start))
	if last <= from {
		text, remedy = fmt.Sprintf("the application's erase units end at 0x%08X, past its largest end 0x%08X: every candidate makes the bootloader halt at every boot, %s",
			b.Chip.up(a.End()), a.End(), left),
			fmt.Sprintf("set it to %d", b.Chip.up(a.End())-uint64(a.Start))
	}
	p := s.problem(text, remedy)
	p.Warning = last > from
	b.add(p)
}

// checkLinkedEnd compares the room that the application is linked for with what mbed-bootloader installs.
func (b *builder) checkLinkedEnd(a Region) {
	if b.application == nil || !b.maxGiven {
		return
	}
	r := b.roms[b.application]
	if r.failed || r.endKey == nil || r.appEnd <= a.End() || r.app != uint64(a.Start) {
		return
	}
	p := r.endKey.problem(fmt.Sprintf("the application may be linked up to 0x%08X, but the bootloader installs none that reaches past 0x%08X", r.appEnd, a.End()),
		fmt.Sprintf("set it to 0x%X", a.Size))
	p.Warning = true
	b.add(p)
}

// checkBanks reports storage in the bank of the code, which stalls it, and regions that straddle such a bank.
func (b *builder) checkBanks() {
	switch len(b.Chip.Banks) {
	case 0:
		return // nothing is known of banks
	case 1:
		b.add(Problem{Warning: true, Text: fmt.Sprintf("the flash of %s has one bank in this mode: code stands still while anything is erased or programmed",
			b.Target), Remedy: "use a part or a mode with two banks, where there is one"})
		return
	}
	a, ok := b.Region(RegionApplication)
	if !ok || !b.inside(a) {
		return
	}
	first, last := b.Chip.bank(uint64(a.Start)), b.Chip.bank(a.End()-1)
	if a.guess {
		last = first // it begins there, its end is not known
	}
	var shared []Region
	for _, name := range []string{RegionKVStore, RegionCandidate} {
		r, ok := b.Region(name)
		if !ok || !b.inside(r) {
			continue
		}
		if from, to := b.Chip.bank(uint64(r.Start)), b.Chip.bank(r.End()-1); from <= last && to >= first {
			shared = append(shared, r)
		}
	}
	for _, r := range b.Regions {
		from, to := b.Chip.bank(uint64(r.Start)), b.Chip.bank(r.End()-1)
		if !b.inside(r) || from == to || r.guess || len(shared) == 0 ||
			r.Name != RegionApplication && !slices.ContainsFunc(shared, func(s Region) bool { return s.Name == r.Name }) {
			continue
		}
		text := fmt.Sprintf("%s lies in bank %d and bank %d, which meet at 0x%08X", r.span(), from+1, to+1, b.Chip.Banks[to])
		if to > from+1 {
			text = fmt.Sprintf("%s reaches from bank %d to bank %d", r.span(), from+1, to+1)
		}
		b.report(r, true, text, "keep it in one bank")
	}
	for _, r := range shared {
		b.report(r, true, fmt.Sprintf("%s shares a bank with %s: the application stands still while it is written",
			r.span(), a.span()), "put code and storage in different banks")
	}
}

// checkTarget checks the options of the target itself.
func (b *builder) checkTarget() {
	for _, im := range b.both() {
		if n, s, ok := im.number("target.flash-dual-bank"); ok {
			switch {
			case n != 0 && len(b.Chip.Banks) == 1:
				b.add(s.problem("asks for two banks, but the flash is described with one", "give the part in its dual-bank mode"))
			case n == 0 && len(b.Chip.Banks) > 1:
				b.add(s.problem("asks for one bank, but the flash is described with two", "set it to 1, as the layout with storage in its own bank needs it"))
			}
		}
		if n, s, ok := im.number("update-client.firmware-header-version"); ok && s.given && n != boot.HeaderVersion {
			p := s.problem(fmt.Sprintf("header version %d", n), "use 2, the only one that this bootloader knows; no source reads it")
			p.Note = true
			b.add(p)
		}
	}
	if b.application != nil && b.roms[b.application].loaderKey == nil && b.bootloader == nil && b.roms[b.application].endKey == nil {
		return // nothing here needs the support of a bootloader
	}
	if b.supported() {
		return
	}
	at := -1
	f := b.targets[0]
	for _, t := range b.targets {
		if m := t.targets.find(b.Target); m != nil {
			f, at = t, m.at
		}
	}
	b.add(f.problem(at, b.Target, "the target does not support a bootloader: bootloader_supported is missing or false",
		"set \"target.bootloader_supported\": true in the target_overrides of both configurations"))
}

// supported reports whether the target supports a bootloader, by an override or by targets.json. Files that
// never name the key, as those of mbed-ce, say nothing about it.
func (b *builder) supported() bool {
	for _, im := range b.both() {
		if s, _ := im.is("target.bootloader-supported"); s != nil {
			return s.value.text == "true" || s.value.text == "1"
		}
	}
	named := false
	for _, f := range b.targets {
		for _, m := range f.targets.members {
			named = named || m.find("bootloader_supported") != nil
		}
	}
	if !named {
		return true
	}
	// A target's own entry comes before its parents', which come in the order of "inherits".
	var look func(name string, seen []string) (yes, known bool)
	look = func(name string, seen []string) (yes, known bool) {
		m := b.targetNamed(name)
		if m == nil || slices.Contains(seen, name) {
			return false, false
		}
		if v := m.find("bootloader_supported"); v != nil {
			return v.text == "true", true
		}
		if in := m.find("inherits"); in != nil {
			for _, v := range in.items {
				if yes, known := look(v.text, append(seen, name)); known {
					return yes, true
				}
			}
		}
		return false, false
	}
	yes, _ := look(b.Target, nil)
	return yes
}

// How much it matters that both images have different values of an option: that follows from who reads it.
const (
	readAsAddress = iota // an error
	readAtBuild          // the build checks its buffers with it, or nothing depends on the difference: a warning
	readByNone           // no source reads it: a note
)

// disagreements compares the settings that bootloader and application share, and those of one file that say
// the same thing.
func (b *builder) disagreements() {
	bl, ap := b.bootloader, b.application
	if ap == nil {
		return
	}
	hex := func(v uint32) string { return fmt.Sprintf("0x%X", v) }
	other := ap.app.src.Name
	if bl != nil {
		other = bl.app.src.Name
	}
	differ := func(s *setting, what, mine, yours string) {
		b.add(s.problem(fmt.Sprintf("%sis %s here and %s in %s", what, mine, yours, other), "give both the same value"))
	}
	if v, s, ok := ap.size("target.header-offset"); ok && b.Config.Details != 0 && !b.FOTA && b.Chip.Base+v != b.Config.Details {
		if _, mine := ap.is("update-client.application-details"); mine && (bl == nil || b.plain) {
			b.add(s.problem(fmt.Sprintf("the header's address is %s here, but %s by update-client.application-details", hex(b.Chip.Base+v), hex(b.Config.Details)), "give both the same value"))
		} else {
			differ(s, "the header's address ", hex(b.Chip.Base+v), hex(b.Config.Details))
		}
	}
	if bl == nil || b.plain {
		return
	}
	same := func(name string, always bool, read int) {
		x, xs, ok := bl.size(name)
		y, ys, ok2 := ap.size(name)
		if !ok || !ok2 || x == y || !always && !(xs.given && ys.given) {
			return
		}
		p := ys.problem(fmt.Sprintf("is %s here and %s in %s", hex(y), hex(x), other), "give both the same value")
		if !ys.given {
			p = Problem{File: ap.app.src.Name, Key: name, Text: fmt.Sprintf("is not set and so %s, but %s in %s",
				hex(y), hex(x), other), Remedy: "give both the same value"}
		}
		p.Warning, p.Note = read == readAtBuild, read == readByNone
		if p.Note {
			p.Text, p.Remedy = p.Text+": no source reads it", "leave it, or give both the same value"
		}
		b.add(p)
	}
	if b.hasClient(ap) {
		address, size := readAsAddress, readAsAddress
		switch {
		case b.moved:
			address, size = readByNone, readByNone
		case b.BlockDevice && b.Config.Locations == 1:
			size = readAtBuild // the only slot begins where the storage does
		}
		same("update-client.application-details", true, readAsAddress)
		same("update-client.storage-address", true, address)
		same("update-client.storage-locations", true, readAsAddress)
		same("update-client.storage-size", true, size)
		same("update-client.storage-page", true, readAtBuild)
		same("update-client.firmware-header-version", true, readByNone)
	}
	storage := internalStores[b.StorageType]
	if b.StorageType == "default" {
		storage = internalStores["TDB_INTERNAL"]
	}
	for _, name := range storage {
		if name != "" {
			same(name, b.KVStoreRoT, readAsAddress)
		}
	}
	if s, given := ap.is("storage.storage-type"); given {
		if theirs, given := bl.is("storage.storage-type"); given && theirs.value.text != s.value.text {
			differ(s, "", s.value.text, theirs.value.text)
		}
	}
	if r := b.roms[ap]; r.appKey != nil && b.Config.AppStart != 0 && uint32(r.app) != b.Config.AppStart {
		differ(r.appKey, "the application's address ", hex(uint32(r.app)), hex(b.Config.AppStart))
	}
	b.compareMedia()
	if r, ok := b.Region(RegionBootloader); ok {
		if rom := b.roms[ap]; rom.loaderKey != nil {
			if n := rom.loaderEnd() - rom.start; n > uint64(r.Size) && rom.code != 0 {
				b.add(rom.loaderKey.problem(fmt.Sprintf("the bootloader takes 0x%X bytes here and 0x%X in %s", n, r.Size, other), "make room for it in both"))
			}
		}
	}
}

// compareMedia compares where both images look for candidates.
func (b *builder) compareMedia() {
	x, xm, xs := b.bootloader.medium()
	y, ym, ys := b.application.medium()
	pal := b.application.macros["ARM_UC_USE_PAL_BLOCKDEVICE"].text == "1"
	switch {
	case x == y || !xs || !ys && (pal || !b.hasClient(b.application)):
	case ys:
		b.add(ym.file.problem(ym.at, cmp.Or(ym.key, updateStorageMacro), fmt.Sprintf("is %s here and %s in %s", y, x, b.bootloader.app.src.Name), "give both the same value"))
	default:
		b.add(Problem{
			File: b.application.app.src.Name, Key: updateStorage, Text: fmt.Sprintf("is not set and so %s, but %s in %s", y, xm.text, b.bootloader.app.src.Name),
			Remedy: "give both the same value",
		})
	}
}

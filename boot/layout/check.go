package layout

import (
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
		if uint64(r.Start) < uint64(b.Chip.Base) || r.End() > b.end() {
			b.report(r, false, fmt.Sprintf("%s does not lie in the flash 0x%08X-0x%08X", r.span(), b.Chip.Base, b.end()), "move it or make it smaller")
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
	if r.End() > uint64(other.Start) {
		b.report(other, false, fmt.Sprintf("%s overlaps %s", other.span(), r.span()), "move one of them or make it smaller")
		return
	}
	if r.End() > b.end() || uint64(other.Start) < uint64(b.Chip.Base) || b.Chip.down(uint64(other.Start)) >= r.End() {
		return
	}
	// Header and application are erased together. The candidate storage is rounded to whole erase units.
	if r.Name == RegionHeader && other.Name == RegionApplication || r.Name == RegionCandidate || other.Name == RegionCandidate {
		return
	}
	// Erasing one region erases the shared unit.
	unit := b.Chip.down(uint64(other.Start))
	b.report(other, r.Name == RegionApplication && b.roundsOff(r), fmt.Sprintf("%s and %s share the erase unit at 0x%08X (%s): erasing one destroys the other",
		r.span(), other.span(), unit, size(uint64(b.Chip.SectorSize(uint32(unit))))), fmt.Sprintf("begin it at 0x%08X", b.Chip.up(uint64(other.Start))))
}

// roundsOff reports whether r ends inside an erase unit: the bootloader refuses applications that reach into
// this unit, so it is never erased.
func (b *builder) roundsOff(r Region) bool { return b.maxGiven && !b.Chip.boundary(r.End()) }

func (b *builder) checkHeader() {
	h, ok := b.Region(RegionHeader)
	if !ok {
		b.missing("update-client.application-details", "no address for the active image's header", "set it in both configurations")
		return
	}
	if !b.Chip.boundary(uint64(h.Start)) {
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
		if bl := b.bootloader; bl == nil || !bl.bad["mbed-bootloader.application-start-address"] && !bl.bad["mbed-bootloader.max-application-size"] {
			b.missing("mbed-bootloader.application-start-address", "there is no room for an application", "set it and mbed-bootloader.max-application-size")
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
	from := uint64(a.Start)
	if h, ok := b.Region(RegionHeader); ok && uint64(h.Start) >= uint64(b.Chip.Base) && h.End() <= b.end() {
		headerEnd := b.Chip.up(h.End())
		apart := headerEnd < from || h.Start > a.Start
		if apart && !b.Chip.boundary(from) {
			b.report(a, false, fmt.Sprintf("the application at 0x%08X neither shares the header's erase units (up to 0x%08X) nor begins on an erase boundary, so the bootloader cannot erase it",
				from, headerEnd),
				fmt.Sprintf("use 0x%08X", b.Chip.up(from)))
		}
		if !apart {
			from = uint64(h.Start)
		}
	}
	if !b.maxGiven || a.End() > b.end() || b.Chip.boundary(a.End()) {
		return
	}
	last := b.Chip.down(a.End())
	s, _ := b.bootloader.is("mbed-bootloader.max-application-size")
	text := fmt.Sprintf("the largest application ends at 0x%08X, in an erase unit up to 0x%08X: the bootloader refuses to install more than %s",
		a.End(), b.Chip.up(a.End()), size(last-min(last, uint64(a.Start))))
	remedy := fmt.Sprintf("set it to %d or %d", last-min(last, uint64(a.Start)), b.Chip.up(a.End())-uint64(a.Start))
	if last <= from {
		text, remedy = fmt.Sprintf("the application's erase units end at 0x%08X, past its largest end 0x%08X: the bootloader refuses every install",
			b.Chip.up(a.End()), a.End()),
			fmt.Sprintf("set it to %d", b.Chip.up(a.End())-uint64(a.Start))
	}
	p := s.problem(text, remedy)
	p.Warning = last > from
	b.add(p)
}

func (b *builder) checkKVStore() {
	k, ok := b.Region(RegionKVStore)
	if !ok || uint64(k.Start) < uint64(b.Chip.Base) || k.End() > b.end() {
		return
	}
	for _, at := range []uint64{uint64(k.Start), k.End()} {
		if !b.Chip.boundary(at) {
			b.report(k, false, fmt.Sprintf("%s: 0x%08X is no erase boundary",
				k.span(), at), fmt.Sprintf("use 0x%08X or 0x%08X", b.Chip.down(at), b.Chip.up(at)))
			return
		}
	}
	units := b.Chip.units(uint64(k.Start), k.End())
	if len(units) < 2 {
		b.report(k, false, fmt.Sprintf("%s is %d erase unit: a store needs at least two", k.span(), len(units)), "make it larger")
		return
	}
	areas := storeAreas(units)
	if areas[0] != areas[1] || areas[0] == 0 {
		b.report(k, false, fmt.Sprintf("%s does not split into two equal areas on erase boundaries: %s and %s",
			k.span(), size(areas[0]), size(areas[1])), "choose erase units that do")
	}
}

// storeAreas returns the sizes in bytes of TDBStore's two areas on these erase units.
func storeAreas(units []uint32) (areas [2]uint64) {
	total := uint64(0)
	for _, u := range units {
		total += uint64(u)
	}
	i := 0
	for a := range areas {
		for i < len(units) && areas[a]+uint64(units[i]) <= total/2 {
			areas[a] += uint64(units[i])
			i++
		}
	}
	return areas
}

func (b *builder) checkCandidate() {
	c := &b.Config
	var page, locations *setting
	for _, im := range []*image{b.application, b.bootloader} {
		if im != nil {
			page, _ = im.is("update-client.storage-page")
			locations, _ = im.is("update-client.storage-locations")
		}
	}
	switch {
	case c.StoragePage == 0:
		b.add(page.problem("the storage page is 0", fmt.Sprintf("set it to %d", b.Chip.Unit)))
	case !b.BlockDevice && c.StoragePage%b.Chip.Unit != 0:
		// The option serves compile-time checks of buffers only: the client asks the flash.
		p := page.problem(fmt.Sprintf("the storage page of %d bytes is no multiple of the program unit of %d",
			c.StoragePage, b.Chip.Unit), fmt.Sprintf("set it to %d", b.Chip.Unit))
		p.Warning = boot.Fragment%b.Chip.Unit == 0
		b.add(p)
	case boot.Fragment%c.StoragePage != 0:
		b.add(page.problem(fmt.Sprintf("the update client's buffer of %d bytes is no multiple of the storage page of %d",
			boot.Fragment, c.StoragePage), "use a power of two up to 512"))
	}
	r, ok := b.Region(RegionCandidate)
	if b.BlockDevice {
		return
	}
	if !ok {
		for _, im := range []*image{b.bootloader, b.application} {
			if im != nil && (im.bad["update-client.storage-size"] || im.bad["update-client.storage-address"]) {
				return
			}
		}
		b.missing("update-client.storage-size", "no room for a candidate", "set it and update-client.storage-address")
		return
	}
	if uint64(r.Start) < uint64(b.Chip.Base) || r.End() > b.end() {
		return
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
	used := uint64(0)
	for i, s := range slots {
		used += uint64(s.Size)
		header := uint64(boot.FirmwareOffset(b.Chip.Unit))
		switch room := uint64(s.Size) - min(uint64(s.Size), header); {
		case s.Size == 0:
			b.add(locations.problem(fmt.Sprintf("slot %d of %d at 0x%08X is empty: %s divided in %d and rounded down to erase boundaries",
				i, len(slots), s.Addr, size(uint64(c.StorageSize)), len(slots)),
				"use fewer slots or a larger storage"))
		case room < uint64(c.MaxAppSize):
			if _, has := b.Region(RegionApplication); has {
				b.report(r, true, fmt.Sprintf("slot %d at 0x%08X holds an application of %d bytes, %d fewer than the largest that the bootloader installs",
					i, s.Addr, room, uint64(c.MaxAppSize)-room),
					fmt.Sprintf("set mbed-bootloader.max-application-size to at most %d, or make the storage larger", room))
			}
		}
	}
	if whole := b.Chip.down(r.End()) - min(b.Chip.down(r.End()), b.Chip.up(uint64(r.Start))); used < whole {
		p := locations.problem(fmt.Sprintf("%s of the candidate storage lie in no slot: %d slots rounded to erase units",
			size(whole-used), len(slots)), "use a number of slots that divides it on erase boundaries")
		p.Warning = true
		b.add(p)
	}
}

// checkBanks reports regions that straddle banks, and storage in the bank of the code, which stalls it.
func (b *builder) checkBanks() {
	inside := func(r Region) bool { return uint64(r.Start) >= uint64(b.Chip.Base) && r.End() <= b.end() }
	if len(b.Chip.Banks) < 2 {
		b.add(Problem{Warning: true, Text: fmt.Sprintf("the flash of %s has one bank in this mode: code stands still while anything is erased or programmed",
			b.Target), Remedy: "use a part or a mode with two banks, where there is one"})
		return
	}
	a, ok := b.Region(RegionApplication)
	if !ok || !inside(a) {
		return
	}
	first, last := b.Chip.bank(uint64(a.Start)), b.Chip.bank(a.End()-1)
	for _, r := range b.Regions {
		if from, to := b.Chip.bank(uint64(r.Start)), b.Chip.bank(r.End()-1); inside(r) && from != to {
			text := fmt.Sprintf("%s lies in bank %d and bank %d, which meet at 0x%08X", r.span(), from+1, to+1, b.Chip.Banks[to])
			if to > from+1 {
				text = fmt.Sprintf("%s reaches from bank %d to bank %d", r.span(), from+1, to+1)
			}
			b.report(r, true, text, "keep it in one bank")
		}
	}
	for _, name := range []string{RegionKVStore, RegionCandidate} {
		r, ok := b.Region(name)
		if !ok || !inside(r) {
			continue
		}
		if from, to := b.Chip.bank(uint64(r.Start)), b.Chip.bank(r.End()-1); from <= last && to >= first {
			b.report(r, true, fmt.Sprintf("%s shares a bank with %s: the application stands still while it is written",
				r.span(), a.span()), "put code and storage in different banks")
		}
	}
}

// checkTarget checks the options of the target itself.
func (b *builder) checkTarget() {
	for _, im := range []*image{b.bootloader, b.application} {
		if im == nil {
			continue
		}
		if n, s, ok := im.number("target.flash-dual-bank"); ok {
			switch {
			case n.v != 0 && len(b.Chip.Banks) < 2:
				b.add(s.problem("asks for two banks, but the flash is described with one", "give the part in its dual-bank mode"))
			case n.v == 0 && len(b.Chip.Banks) > 1:
				b.add(s.problem("asks for one bank, but the flash is described with two", "set it to 1, as the layout with storage in its own bank needs it"))
			}
		}
		if n, s, ok := im.number("update-client.firmware-header-version"); ok && s.given && n.v != boot.HeaderVersion {
			b.add(s.problem(fmt.Sprintf("header version %d", n.v), "use 2, the only one that this bootloader knows"))
		}
	}
	if b.targets == nil || b.supported() {
		return
	}
	at := -1
	if m := b.targets.targets.find(b.Target); m != nil {
		at = m.at
	}
	b.add(b.targets.problem(at, b.Target, "the target does not support a bootloader: bootloader_supported is missing or false",
		"set \"target.bootloader_supported\": true in the target_overrides of both configurations"))
}

// supported reports whether the target supports a bootloader, by an override or by targets.json.
func (b *builder) supported() bool {
	for _, im := range []*image{b.bootloader, b.application} {
		if s, _ := im.is("target.bootloader-supported"); s != nil {
			return s.value.text == "true" || s.value.text == "1"
		}
	}
	// A target's own entry comes before its parents', which come in the order of "inherits".
	var look func(name string, seen []string) (yes, known bool)
	look = func(name string, seen []string) (yes, known bool) {
		m := b.targets.targets.find(name)
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

// disagreements compares the settings that bootloader and application share. All update settings must be
// the same in both.
func (b *builder) disagreements() {
	bl, ap := b.bootloader, b.application
	if bl == nil || ap == nil {
		return
	}
	differ := func(s *setting, what, mine, yours string) {
		b.add(s.problem(fmt.Sprintf("%sis %s here and %s in %s", what, mine, yours, bl.app.src.Name), "give both the same value"))
	}
	hex := func(v uint32) string { return fmt.Sprintf("0x%X", v) }
	same := func(name string, always bool) {
		x, xs, ok := bl.size(name)
		y, ys, ok2 := ap.size(name)
		if !ok || !ok2 || x == y || !always && !(xs.given && ys.given) {
			return
		}
		if !ys.given {
			b.add(Problem{File: ap.app.src.Name, Key: name, Text: fmt.Sprintf("is not set and so %s, but %s in %s",
				hex(y), hex(x), bl.app.src.Name), Remedy: "give both the same value"})
			return
		}
		differ(ys, "", hex(y), hex(x))
	}
	for _, name := range []string{"application-details", "storage-address", "storage-size", "storage-locations", "storage-page", "firmware-header-version"} {
		same("update-client."+name, true)
	}
	for _, names := range internalStores {
		if b.StorageType == "default" && names != internalStores["TDB_INTERNAL"] || b.StorageType != "default" && names != internalStores[b.StorageType] {
			continue
		}
		same(names[0], b.KVStoreRoT)
		same(names[1], b.KVStoreRoT)
	}
	if s, given := ap.is("storage.storage-type"); given {
		if other, given := bl.is("storage.storage-type"); given && other.value.text != s.value.text {
			differ(s, "", s.value.text, other.value.text)
		}
	}
	if v, s, ok := ap.size("target.header-offset"); ok && b.Config.Details != 0 && b.Chip.Base+v != b.Config.Details {
		differ(s, "the header's address ", hex(b.Chip.Base+v), hex(b.Config.Details))
	}
	if v, s, ok := ap.size("target.app-offset"); ok && b.Config.AppStart != 0 && b.Chip.Base+v != b.Config.AppStart {
		differ(s, "the application's address ", hex(b.Chip.Base+v), hex(b.Config.AppStart))
	}
	const storage = "MBED_CLOUD_CLIENT_UPDATE_STORAGE"
	if x, y := bl.macros[storage], ap.macros[storage]; x.text != "" && y.text != "" && x.text != y.text {
		b.add(y.file.problem(y.at, storage, fmt.Sprintf("is %s here and %s in %s", y.text, x.text, bl.app.src.Name), "give both the same value"))
	}
	if s, _ := ap.is("target.bootloader-img"); s != nil {
		if r, ok := b.Region(RegionBootloader); ok {
			if n := b.imageSize(); n > uint64(r.Size) {
				b.add(s.problem(fmt.Sprintf("the bootloader takes 0x%X bytes here and 0x%X in %s", n, r.Size, bl.app.src.Name), "make room for it in both"))
			}
		}
	}
}

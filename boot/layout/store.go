package layout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// internalStores are the storage types with a store on internal flash, and the options of its place and size.
var internalStores = map[string][2]string{
	"TDB_INTERNAL": {"storage-tdb-internal.internal-base-address", "storage-tdb-internal.internal-size"},
	"TDB_EXTERNAL": {"storage-tdb-external.internal-base-address", "storage-tdb-external.rbp-internal-size"},
	"FILESYSTEM":   {"storage-filesystem.internal-base-address", "storage-filesystem.rbp-internal-size"},
}

// kvstoreRegion places the KVStore. The application's configuration decides if it has a store of its own. A
// bootloader that does not use the store need not place it.
func (b *builder) kvstoreRegion() {
	im := b.application
	if im == nil {
		im = b.bootloader
	} else if s, given := im.is("storage.storage-type"); b.bootloader != nil && !given && (s == nil || s.value.text == "default") {
		if _, given := b.bootloader.is("storage.storage-type"); given && im.gives("storage-tdb-internal.", "storage-tdb-external.", "storage-filesystem.") == nil {
			im = b.bootloader
		}
	}
	option, _ := im.is("storage.storage-type")
	if option == nil || im == b.application && !b.storeWanted(im) {
		b.StorageType = "" // the files ask for no store
		return
	}
	b.StorageType = cmp.Or(im.text("storage.storage-type"), "default")
	b.noteStorage(im, option)
	names, ok := internalStores[b.StorageType]
	if b.StorageType == "default" {
		names, ok = internalStores["TDB_INTERNAL"], true
	}
	if !ok {
		return
	}
	start, key, has := im.size(names[0])
	size, sizeKey, hasSize := im.size(names[1])
	if !has || !hasSize {
		return
	}
	ownStore := im == b.application || b.KVStoreRoT
	switch {
	case start == 0 && size == 0:
		if !ownStore {
			return // only the application has a store, and its file is not given
		}
		size = b.defaultStore()
		start = uint32(b.end() - uint64(size))
	case start == 0:
		start, key = uint32(b.end()-min(uint64(size), b.end())), sizeKey
	case size == 0 && !ownStore:
		if size, _, has = im.size("app.kvstore-size"); !has {
			return
		}
	case size == 0:
		size = uint32(b.end() - min(b.end(), uint64(start)))
	}
	b.region(RegionKVStore, start, uint64(size), key)
}

// nvstoreRegions places the two areas of NVStore, which Mbed OS 5 had before KVStore, where a file sets them.
func (b *builder) nvstoreRegions() {
	for _, area := range []string{"nvstore.area-1-", "nvstore.area-2-"} {
		for _, im := range b.both() {
			start, key, ok := im.size(area + "address")
			size, _, ok2 := im.size(area + "size")
			if ok && ok2 && size > 0 {
				b.region(RegionNVStore, start, uint64(size), key)
				break
			}
		}
	}
}

// storeWanted reports whether an application's configuration mentions a KVStore, or has a client that needs
// one.
func (b *builder) storeWanted(ap *image) bool {
	if b.FOTA || ap.gives("storage.", "storage-tdb-internal.", "storage-tdb-external.", "storage-filesystem.") != nil {
		return true
	}
	s := ap.gives(updateStorage) // an option of the client since version 4; before, it was a macro
	return s != nil && canonical(s.key) == updateStorage
}

// noteStorage says which part of a KVStore is not laid out, and which type is not known.
func (b *builder) noteStorage(im *image, option *setting) {
	note := func(text, remedy string) {
		p := option.problem(text, remedy)
		p.Note = true
		b.add(p)
	}
	external := slices.ContainsFunc(im.components, func(c string) bool {
		return slices.Contains([]string{"QSPIF", "SPIF", "OSPIF", "DATAFLASH", "SD"}, c)
	})
	switch t := b.StorageType; {
	case t == "default" && external:
		note("storage_type default: Mbed OS 5 and 6 take an external device where the target has one (components "+strings.Join(im.components, ", ")+
			"); laid out as TDB_INTERNAL", "set storage.storage_type")
	case t == "FILESYSTEM":
		note("a KVStore on a file system (FILESYSTEM, SD card) is not supported: only its internal store is laid out", "read its part on the card from the configuration")
	case strings.HasSuffix(t, "_NO_RBP"):
		note(fmt.Sprintf("a KVStore of type %s has nothing on internal flash", t), "use TDB_INTERNAL, TDB_EXTERNAL or FILESYSTEM to have a store there")
	case t != "default" && internalStores[t][0] == "":
		p := option.problem(fmt.Sprintf("no storage type %s is known: no KVStore is laid out", quote(t)), "give TDB_INTERNAL, TDB_EXTERNAL or FILESYSTEM")
		p.Warning = true
		b.add(p)
	}
}

// defaultStore returns the size in bytes of the internal store that Mbed OS places by itself at the end of
// the flash: twice the last erase unit, or 14 pages rounded up to pairs of erase units if that is larger.
func (b *builder) defaultStore() uint32 {
	last := b.Chip.Sectors[len(b.Chip.Sectors)-1]
	size := min(2*uint64(last), uint64(b.Chip.Size()))
	if pages := 14 * uint64(b.Chip.Unit); pages >= size {
		pair := 2 * uint64(last)
		start := (b.end() - min(b.end(), pages)) / pair * pair
		size = min(b.end()-start, uint64(b.Chip.Size()))
	}
	return uint32(size)
}

// The sizes in bytes that TDBStore needs at the start of each of its areas, and for the smallest record.
const (
	reservedSize     = 72 // reserved data with its trailer
	masterRecordSize = 36
	recordHeader     = 24
)

// firstRecord returns the size of the smallest area in which a key can be set, for a program unit: reserved
// data, master record, and one record with a key of one character and no value.
func firstRecord(unit uint64) uint64 {
	up := func(n uint64) uint64 { return (n + unit - 1) / unit * unit }
	return up(reservedSize) + up(masterRecordSize) + up(recordHeader+1)
}

func (b *builder) checkKVStore() {
	k, ok := b.Region(RegionKVStore)
	if !ok || !b.inside(k) {
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
		return
	}
	if need := firstRecord(uint64(b.Chip.Unit)); areas[0] < need {
		b.report(k, false, fmt.Sprintf("%s has two areas of %s, but with a program unit of %s reserved data, master record and one record take %d bytes: no key can be set",
			k.span(), size(areas[0]), size(uint64(b.Chip.Unit)), need), "make it larger")
	}
	b.checkUnitAlignment(k)
}

// checkUnitAlignment reports a region in which an erase unit does not begin at a multiple of its size from
// the region's start: Mbed's block devices count from there, and refuse to erase the unit or erase another one.
func (b *builder) checkUnitAlignment(r Region) {
	at := uint64(0)
	for _, u := range b.Chip.units(uint64(r.Start), r.End()) {
		if at%uint64(u) != 0 {
			b.report(r, false, fmt.Sprintf("%s: its erase unit at 0x%08X (%s) does not begin at a multiple of its size from the region's start: Mbed's block device cannot erase it",
				r.span(), uint64(r.Start)+at, size(uint64(u))), "choose a region whose larger erase units come first, or that has one size only")
			return
		}
		at += uint64(u)
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

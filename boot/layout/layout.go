package layout

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dualbank/boot"
)

// Region is a named range of the internal flash.
type Region struct {
	Name  string
	Start uint32
	Size  uint32 // bytes, not 0
	key   *setting
}

// End is the address behind the region, at most 1<<32.
func (r Region) End() uint64 { return uint64(r.Start) + uint64(r.Size) }

// The names of a layout's regions.
const (
	RegionBootloader  = "bootloader"
	RegionHeader      = "active header"
	RegionApplication = "application"
	RegionKVStore     = "KVStore"
	RegionCandidate   = "candidate storage"
)

// Layout is the map of a device's flash, computed from the configurations of its bootloader and its
// application.
type Layout struct {
	Target      string
	Chip        Chip
	Regions     []Region    // ascending by address
	Config      boot.Config // what bootloader and update client are built with
	Slots       []boot.Slot // candidate slots on internal flash
	BlockDevice bool        // candidates lie on a block device at Config.StorageAddr
	KVStoreRoT  bool        // the bootloader takes the root of trust from the KVStore
	StorageType string      // storage.storage_type

	bootloader, application *image
}

// Region returns the region with that name.
func (l *Layout) Region(name string) (Region, bool) {
	for _, r := range l.Regions {
		if r.Name == name {
			return r, true
		}
	}
	return Region{}, false
}

// Option returns the value of a configuration option ("storage_tdb_internal.internal_size", in either
// spelling): the application's if it has one, else the bootloader's. An expression is returned as its value in
// decimal. ok is false if the option has no value.
func (l *Layout) Option(name string) (text string, ok bool) {
	name = canonical(name)
	for _, im := range []*image{l.application, l.bootloader} {
		if s, _ := im.is(name); s != nil {
			if t, isText := s.value.macroText(); isText {
				n, err := evaluate(t, func(m string) (string, bool) {
					mt, ok := im.macros[m]
					return mt.text, ok
				})
				if err == nil {
					t = fmt.Sprint(n.v)
				}
				return t, true
			}
		}
	}
	return "", false
}

// ReadSources reads configuration files. Each file that cannot be read is a Problem.
func ReadSources(files []string) ([]Source, Problems) {
	var srcs []Source
	var ps Problems
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			reason := err.Error()
			if e, ok := err.(*os.PathError); ok {
				reason = e.Err.Error()
			}
			ps = append(ps, Problem{File: name, Text: "cannot be read: " + reason, Remedy: "give the path of a configuration file"})
			continue
		}
		srcs = append(srcs, Source{name, text, filepath.Dir(name)})
	}
	return srcs, ps
}

// Load is ReadSources and New.
func Load(files []string, target string, chip Chip) (*Layout, Problems) {
	srcs, ps := ReadSources(files)
	if len(ps) > 0 {
		return nil, ps
	}
	return New(srcs, target, chip)
}

// New computes and checks the layout for target from configuration files in any order: a bootloader's
// configuration, an application's, or both, with mbed_lib.json files of libraries and a targets.json if
// given. With a chip that has no erase units it uses the flash of the target's board (ChipOf). It reports all
// problems at once. The layout is nil if too little is known to compute one. With errors among the problems
// it is good for drawing only.
func New(srcs []Source, target string, chip Chip) (*Layout, Problems) {
	b := builder{Layout: &Layout{Target: target, Chip: chip}}
	if !b.images(srcs) {
		return nil, b.problems
	}
	b.regions()
	b.disagreements()
	for _, im := range []*image{b.Layout.bootloader, b.Layout.application} {
		if im != nil {
			b.problems = append(b.problems, im.problems...)
		}
	}
	b.checks()
	if len(b.Regions) == 0 {
		return nil, b.problems
	}
	return b.Layout, b.problems
}

// builder holds the state of one New call.
type builder struct {
	*Layout
	problems Problems
	targets  *file
	maxGiven bool // a bootloader's configuration says how large the application may be
}

func (b *builder) add(ps ...Problem) { b.problems = append(b.problems, ps...) }

// missing reports a key that no file has.
func (b *builder) missing(key, text, remedy string) {
	im := b.bootloader
	if im == nil {
		im = b.application
	}
	b.add(Problem{File: im.app.src.Name, Key: key, Text: text, Remedy: remedy})
}

// images parses all files, assigns them to images, and resolves both images.
func (b *builder) images(srcs []Source) bool {
	var libs, apps []*file
	for _, src := range srcs {
		f, ps := parseFile(src)
		b.add(ps...)
		switch {
		case f == nil:
		case f.targets != nil:
			b.targets = f
		case f.library:
			libs = append(libs, f)
		default:
			apps = append(apps, f)
		}
	}
	if len(b.problems.Errors()) > 0 {
		return false
	}
	if len(apps) == 0 {
		b.add(Problem{
			Text:   "no configuration of a bootloader or an application among the files",
			Remedy: "give the bootloader's configuration, the application's mbed_app.json, or both",
		})
		return false
	}
	for _, f := range builtin() {
		if !slices.ContainsFunc(libs, func(l *file) bool { return l.module == f.module }) {
			libs = append(libs, f)
		}
	}
	labels, ok := b.labels()
	if !ok {
		return false
	}
	if !b.chip(apps, labels) {
		return false
	}
	for _, f := range apps {
		kind, why := f.kind(labels)
		at := &b.bootloader
		if kind == applicationImage {
			at = &b.application
		}
		if *at != nil {
			b.add(Problem{File: f.src.Name, Text: fmt.Sprintf("a second configuration of the %s (%s), beside %s",
				kind, why, (*at).app.src.Name), Remedy: "give one of each"})
			return false
		}
		*at = resolve(kind, f, libs, labels)
	}
	if b.bootloader != nil {
		b.defineBootloader()
	}
	if b.application != nil {
		b.defineApplication()
	}
	return true
}

// chip uses the flash of the target's board, in the bank mode that the files select, unless one is given.
func (b *builder) chip(apps []*file, labels []string) bool {
	if len(b.Chip.Sectors) == 0 {
		dual := false
		for _, f := range apps {
			for _, label := range labels {
				for _, block := range f.overrides {
					for _, m := range block.keys {
						if block.target == label && canonical(m.name) == "target.flash-dual-bank" {
							dual = m.text != "0" && m.text != "false"
						}
					}
				}
			}
		}
		err := error(nil)
		for _, label := range slices.Backward(labels) {
			if b.Chip, err = ChipOf(label, dual); err == nil {
				return true
			}
		}
		b.add(Problem{Text: fmt.Sprintf("the flash of target %s is not known", b.Target), Remedy: "give one of " + strings.Join(Boards(), ", ")})
		return false
	}
	if err := b.Chip.check(); err != nil {
		b.add(Problem{Text: fmt.Sprintf("the flash of %s: %v", cmp.Or(b.Chip.Name, b.Target), err), Remedy: "correct its description"})
		return false
	}
	return true
}

// kind reports which image the file configures, by the options that only one of them sets, and why.
func (f *file) kind(labels []string) (kind, why string) {
	kind, why = applicationImage, "no mbed-bootloader option in it"
	for _, block := range f.overrides {
		if !slices.Contains(labels, block.target) {
			continue
		}
		for _, m := range block.keys {
			switch name := canonical(m.name); {
			case name == "target.bootloader-img" || name == "target.app-offset" || name == "target.header-offset":
				return applicationImage, "sets " + m.name
			case name == "target.restrict-size" || strings.HasPrefix(name, "mbed-bootloader."):
				kind, why = bootloaderImage, "sets "+m.name
			}
		}
	}
	return kind, why
}

// labels returns the names whose overrides apply, in order: "*", the parents in targets.json, the target.
func (b *builder) labels() ([]string, bool) {
	labels := []string{b.Target}
	if b.targets != nil {
		if b.targets.targets.find(b.Target) == nil {
			var names []string
			for _, m := range b.targets.targets.members {
				names = append(names, m.name)
			}
			b.add(Problem{File: b.targets.src.Name, Text: "has no target " + b.Target, Remedy: "give a target that it has" + orNearest(b.Target, names)})
			return nil, false
		}
		for i := 0; i < len(labels); i++ {
			m := b.targets.targets.find(labels[i])
			if m == nil {
				continue
			}
			if in := m.find("inherits"); in != nil {
				for _, v := range in.items {
					if !slices.Contains(labels, v.text) {
						labels = append(labels, v.text)
					}
				}
			}
		}
	}
	slices.Reverse(labels)
	return append([]string{"*"}, labels...), true
}

func (b *builder) end() uint64 { return uint64(b.Chip.Base) + uint64(b.Chip.Size()) }

// defineROM defines the macros of the flash, which both images have.
func (b *builder) defineROM(im *image) {
	im.define("MBED_ROM_START", uint64(b.Chip.Base))
	im.define("MBED_ROM_SIZE", uint64(b.Chip.Size()))
	for name, is := range map[string]uint32{"target.mbed-rom-start": b.Chip.Base, "target.mbed-rom-size": b.Chip.Size()} {
		if v, s, ok := im.size(name); ok && v != is {
			im.report(s, fmt.Sprintf("is 0x%X, but the flash of %s has 0x%X", v, b.Target, is), "give the part that the target has")
		}
	}
}

// defineBootloader defines the regions of a bootloader build: the bootloader itself is the
// application of its own image.
func (b *builder) defineBootloader() {
	im := b.bootloader
	b.defineROM(im)
	start, end := uint64(b.Chip.Base), b.end()
	if v, _, ok := im.size("target.app-offset"); ok {
		start += uint64(v)
	}
	if v, s, ok := im.size("target.restrict-size"); ok {
		end = b.Chip.down(start + uint64(v))
		if end <= start {
			im.report(s, fmt.Sprintf("0x%X bytes from 0x%08X on, rounded down to an erase boundary, leave nothing for the bootloader", v, start),
				fmt.Sprintf("make it at least 0x%X", b.Chip.up(start+1)-start))
			return
		}
	}
	im.define("APPLICATION_ADDR", start)
	im.define("APPLICATION_SIZE", end-start)
	im.define("POST_APPLICATION_ADDR", end)
	im.define("POST_APPLICATION_SIZE", b.end()-end)
}

// defineApplication defines the regions of an application that is linked behind a bootloader.
func (b *builder) defineApplication() {
	im := b.application
	b.defineROM(im)
	base := uint64(b.Chip.Base)
	start, end := base, b.end()
	header, _, hasHeader := im.size("target.header-offset")
	app, _, hasApp := im.size("target.app-offset")
	if hasApp {
		start += uint64(app)
	}
	if v, _, ok := im.size("target.restrict-size"); ok {
		end = b.Chip.down(start + uint64(v))
	}
	im.define("APPLICATION_ADDR", start)
	im.define("APPLICATION_SIZE", end-min(start, end))
	im.define("POST_APPLICATION_ADDR", end)
	im.define("POST_APPLICATION_SIZE", b.end()-end)
	if hasHeader {
		im.define("HEADER_ADDR", base+uint64(header))
		im.define("HEADER_SIZE", boot.HeaderSize)
	}
	im.define("BOOTLOADER_ADDR", base)
	im.define("BOOTLOADER_SIZE", b.imageSize())
}

// imageSize returns the size of the bootloader in front of the application: the image that
// target.bootloader_img names, rounded up to an erase boundary. Without the image it is everything before
// header and application.
func (b *builder) imageSize() uint64 {
	im := b.application
	if s, _ := im.is("target.bootloader-img"); s != nil && s.file.src.Dir != "" && strings.HasSuffix(s.value.text, ".bin") {
		if info, err := os.Stat(filepath.Join(s.file.src.Dir, s.value.text)); err == nil {
			base := uint64(b.Chip.Base)
			return b.Chip.up(base+uint64(info.Size())) - base
		}
	}
	first := uint64(0)
	for _, name := range []string{"target.app-offset", "target.header-offset"} {
		if v, _, ok := im.size(name); ok && (first == 0 || uint64(v) < first) {
			first = uint64(v)
		}
	}
	return first
}

// first returns the size setting name of the first image that has it.
func (b *builder) first(name string, ims ...*image) (uint32, *setting, bool) {
	for _, im := range ims {
		if im == nil {
			continue
		}
		if v, s, ok := im.size(name); ok {
			return v, s, ok
		}
	}
	return 0, nil, false
}

// region adds a region, cut at the end of the address space.
func (b *builder) region(name string, start uint32, size uint64, key *setting) {
	if size = min(size, 1<<32-uint64(start), 1<<32-1); size > 0 {
		b.Regions = append(b.Regions, Region{name, start, uint32(size), key})
	}
}

// regions computes all regions and the Config.
func (b *builder) regions() {
	bl, ap := b.bootloader, b.application
	c := &b.Config
	c.BootRetries, c.CopyRetries, c.ResetReason = 3, 1, true

	if bl != nil {
		if n, _, ok := bl.size("mbed-bootloader.max-boot-retries"); ok {
			c.BootRetries = uint8(min(n, 255))
		}
		if n, _, ok := bl.size("mbed-bootloader.max-copy-retries"); ok {
			c.CopyRetries = n
		}
		n, _, ok := bl.size("mbed-bootloader.use-kvstore-rot")
		b.KVStoreRoT = ok && n != 0
	}
	b.BlockDevice = b.onBlockDevice()
	b.bootloaderRegion()

	details, key, hasHeader := b.first("update-client.application-details", bl, ap)
	if hasHeader && (details != 0 || key.given) {
		c.Details = details
		b.region(RegionHeader, details, boot.HeaderSize, key)
	}
	b.applicationRegion()
	b.kvstoreRegion()

	var locations *setting
	c.StorageAddr, key, _ = b.first("update-client.storage-address", bl, ap)
	c.StorageSize, _, _ = b.first("update-client.storage-size", bl, ap)
	c.Locations, locations, _ = b.first("update-client.storage-locations", bl, ap)
	c.StoragePage, _, _ = b.first("update-client.storage-page", bl, ap)
	if c.Locations == 0 || c.Locations > 1000 {
		if locations != nil {
			b.add(locations.problem(fmt.Sprintf("%d slots", c.Locations), "give a number from 1 to 1000"))
		}
		c.Locations = 1
	}
	if !b.BlockDevice && c.StorageSize > 0 {
		b.region(RegionCandidate, c.StorageAddr, uint64(c.StorageSize), key)
	}
	slices.SortStableFunc(b.Regions, func(x, y Region) int { return cmp.Compare(x.Start, y.Start) })
	if !b.maxGiven {
		b.growApplication()
	}
}

func (b *builder) bootloaderRegion() {
	base := b.Chip.Base
	if bl := b.bootloader; bl != nil {
		key, _ := bl.is("target.restrict-size")
		size, s, ok := bl.size("mbed-bootloader.bootloader-size")
		if key != nil && !bl.bad[key.name] {
			n, err := evaluate("APPLICATION_SIZE", func(m string) (string, bool) { t, ok := bl.macros[m]; return t.text, ok })
			if err == nil {
				if ok && uint64(size) != uint64(n.v) && s.given {
					p := s.problem(fmt.Sprintf("is 0x%X, but target.restrict_size leaves 0x%X", size, n.v), "make both the same")
					p.Warning = true
					b.add(p)
				}
				b.region(RegionBootloader, base, uint64(n.v), key)
				return
			}
		}
		if ok {
			b.region(RegionBootloader, base, uint64(size), s)
		}
		return
	}
	key, _ := b.application.is("target.bootloader-img")
	if key == nil {
		key, _ = b.application.is("target.app-offset")
	}
	if key != nil {
		b.region(RegionBootloader, base, b.imageSize(), key)
	}
}

// applicationRegion places the active application. With an application's configuration alone its end is
// not known yet: growApplication sets it.
func (b *builder) applicationRegion() {
	c := &b.Config
	if bl := b.bootloader; bl != nil {
		start, key, ok := bl.size("mbed-bootloader.application-start-address")
		if !ok {
			return
		}
		c.AppStart = start
		b.maxGiven = true
		var has bool
		if c.MaxAppSize, _, has = bl.size("mbed-bootloader.max-application-size"); has {
			b.region(RegionApplication, start, uint64(c.MaxAppSize), key)
		}
		return
	}
	offset, key, ok := b.application.size("target.app-offset")
	if !ok {
		key = nil
	}
	c.AppStart = b.Chip.Base + offset
	b.region(RegionApplication, c.AppStart, 1, key)
}

// growApplication extends an application without a given end to the next region or the end of the flash.
func (b *builder) growApplication() {
	for i, r := range b.Regions {
		if r.Name != RegionApplication {
			continue
		}
		end := b.end()
		for _, next := range b.Regions {
			if next.Start > r.Start && uint64(next.Start) < end {
				end = uint64(next.Start)
			}
		}
		if end > uint64(r.Start) {
			b.Regions[i].Size = uint32(end - uint64(r.Start))
		}
		b.Config.MaxAppSize = b.Regions[i].Size
	}
}

// onBlockDevice reports whether candidates lie on a block device.
func (b *builder) onBlockDevice() bool {
	for _, im := range []*image{b.bootloader, b.application} {
		if im == nil {
			continue
		}
		if im.macros["ARM_UC_USE_PAL_BLOCKDEVICE"].text == "1" ||
			strings.Contains(im.macros["MBED_CLOUD_CLIENT_UPDATE_STORAGE"].text, "BLOCKDEVICE") {
			return true
		}
	}
	return false
}

// internalStores are the storage types with a store on internal flash, and their options.
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
		if _, given := b.bootloader.is("storage.storage-type"); given {
			im = b.bootloader
		}
	}
	b.StorageType = cmp.Or(im.text("storage.storage-type"), "default")
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
	switch {
	case start == 0 && size == 0:
		if b.application == nil && !b.KVStoreRoT {
			return // only the application has a store, and its file is not given
		}
		size = b.defaultStore()
		start = uint32(b.end() - uint64(size))
	case start == 0 && b.Chip.Base != 0:
		start, key = uint32(b.end()-min(uint64(size), b.end())), sizeKey
	case size == 0:
		n, _, ok := im.size("app.kvstore-size")
		if !ok {
			im.report(sizeKey, "the KVStore has an address but no size", "set "+sizeKey.name)
			return
		}
		size = n
	}
	b.region(RegionKVStore, start, uint64(size), key)
}

// defaultStore returns the size in bytes of the internal store that Mbed OS places by itself at the end of
// the flash: two erase units or 14 pages, whichever is larger.
func (b *builder) defaultStore() uint32 {
	n := len(b.Chip.Sectors)
	size := b.Chip.Sectors[n-1]
	if n > 1 {
		size += b.Chip.Sectors[n-2]
	}
	return max(size, 14*b.Chip.Unit)
}

package layout

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"dualbank/boot"
	"dualbank/boot/layout/cexpr"
	"dualbank/internal/input"
)

// Region is a named range of the internal flash.
type Region struct {
	Name  string
	Start uint32
	Size  uint32 // bytes, not 0

	key   *setting
	guess bool // where it ends is not known: nothing can be wrong with its end
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
	RegionNVStore     = "NVStore" // each of the two areas of Mbed OS 5's store
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
	Limited     bool        // the configuration limits the application; else its region ends at the next one
	FOTA        bool        // the update client is the FOTA client, which has another header and no slots
	KVStoreRoT  bool        // the bootloader takes the root of trust from the KVStore
	StorageType string      // storage.storage_type; "" if there is no KVStore

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
				if n, err := cexpr.Evaluate(t, im.macro); err == nil {
					t = fmt.Sprint(n)
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
		text, err := input.ReadText(name, maxFile)
		if err != nil {
			ps = append(ps, Problem{File: name, Text: "cannot be read: " + err.Error(), Remedy: "give the path of a configuration file"})
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
// given. With a chip that has no erase units it uses the flash of the target's board (ChipOf), or the one that
// the configuration describes. It reports all problems at once. The layout is nil if too little is known to
// compute one. With errors among the problems it is good for drawing only.
func New(srcs []Source, target string, chip Chip) (*Layout, Problems) {
	return compute(builder{Layout: &Layout{Target: target, Chip: chip}}, srcs)
}

// NewExternal is New for candidates on a block device, whatever the files say. If they place them on internal flash,
// that place is neither laid out nor checked, and Config.StorageAddr and StorageSize are 0.
func NewExternal(srcs []Source, target string, chip Chip) (*Layout, Problems) {
	return compute(builder{Layout: &Layout{Target: target, Chip: chip}, external: true}, srcs)
}

func compute(b builder, srcs []Source) (*Layout, Problems) {
	if !b.images(srcs) {
		return nil, b.problems
	}
	b.regions()
	b.disagreements()
	for _, im := range b.both() {
		b.problems = append(b.problems, im.problems...)
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
	targets  []*file
	labels   []string // whose overrides apply, in order
	roms     map[*image]*rom
	plain    bool // the bootloader is not mbed-bootloader: it starts what lies behind it
	client   bool // the application has an update client, or the bootloader installs candidates
	maxGiven bool // an mbed-bootloader configuration says how large the application may be
	external bool // the candidates lie on a block device, whatever the files say
	moved    bool // and the files place them on internal flash, where they do not lie
}

func (b *builder) add(ps ...Problem) { b.problems = append(b.problems, ps...) }

// both returns the images that there are, the bootloader first.
func (b *builder) both() []*image {
	return slices.DeleteFunc([]*image{b.bootloader, b.application}, func(im *image) bool { return im == nil })
}

// missing reports a key that no file has.
func (b *builder) missing(key, text, remedy string) {
	b.add(Problem{File: b.updating()[0].app.src.Name, Key: key, Text: text, Remedy: remedy})
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
			b.targets = append(b.targets, f)
		case f.library:
			libs = append(libs, f)
		default:
			apps = append(apps, f)
			if f.custom != nil {
				b.targets = append(b.targets, &file{src: f.src, targets: f.custom, library: true})
			}
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
	if !b.findLabels(apps) || b.unsupported(slices.Concat(apps, libs)) || !b.chip(slices.Concat(apps, libs)) {
		return false
	}
	for _, f := range apps {
		b.noteLabels(f)
	}
	for _, f := range builtin() {
		if !slices.ContainsFunc(libs, func(l *file) bool { return l.module == f.module }) {
			libs = append(libs, f)
		}
	}
	kinds := make([]string, len(apps))
	reasons := make([]string, len(apps))
	for i, f := range apps {
		kinds[i], reasons[i] = f.kind(b.labels)
	}
	b.pairUp(apps, kinds, reasons)
	for i, f := range apps {
		at := &b.bootloader
		if kinds[i] == applicationImage {
			at = &b.application
		}
		if *at != nil {
			b.add(Problem{File: f.src.Name, Text: fmt.Sprintf("a second configuration of the %s (%s), beside %s",
				kinds[i], reasons[i], (*at).app.src.Name), Remedy: "give one of each"})
			return false
		}
		*at = resolve(kinds[i], f, librariesOf(kinds[i], b.plain, libs, b.labels), b.labels)
	}
	b.roms = map[*image]*rom{}
	for _, im := range b.both() {
		b.roms[im] = b.place(im)
	}
	return true
}

const (
	noMCUboot = "MCUboot is not supported: its slots, scratch area and headers are not laid out"
	useOther  = "give a configuration for mbed-bootloader, or for a bootloader image that starts the application behind it"
)

// unsupported refuses configurations of bootloaders with another layout than is known here.
func (b *builder) unsupported(files []*file) bool {
	for _, f := range files {
		for _, m := range f.matching(b.labels) {
			name := canonical(m.name)
			if strings.HasPrefix(name, "mcuboot.") || strings.HasSuffix(name, "update-storage") && strings.Contains(m.text, "MCUBOOT") {
				b.add(f.problem(m.at, m.name, noMCUboot, useOther))
				return true
			}
		}
		for _, m := range f.macros {
			if m.name == updateStorageMacro && strings.Contains(m.text, "MCUBOOT") {
				b.add(f.problem(m.at, m.name, noMCUboot, useOther))
				return true
			}
		}
	}
	return false
}

// pairUp finds the bootloader among two files of which none configures mbed-bootloader: the one that
// restricts its own size and does not place itself behind another image.
func (b *builder) pairUp(apps []*file, kinds, reasons []string) {
	if len(apps) != 2 || kinds[0] != kinds[1] || kinds[0] != applicationImage {
		return
	}
	first := func(f *file, names ...string) *member {
		for _, m := range f.matching(b.labels, names...) {
			if m.kind != '0' {
				return m
			}
		}
		return nil
	}
	own := -1
	for i, f := range apps {
		size := first(f, "target.restrict-size", "target.mbed-app-size")
		behind := first(f, "target.bootloader-img", "target.header-offset", "target.app-offset", "target.mbed-app-start")
		if size == nil || behind != nil {
			continue
		}
		if own >= 0 {
			return
		}
		own = i
		reasons[i] = "sets " + size.name
	}
	if own >= 0 {
		kinds[own] = bootloaderImage
		b.plain = true
	}
}

// librariesOf returns the libraries in one image: mbed-bootloader is in no application, the cloud client in no
// bootloader, and a library that places the application behind a bootloader in no bootloader either.
func librariesOf(kind string, plain bool, libs []*file, labels []string) (in []*file) {
	for _, l := range libs {
		other := l.module == "mbed-bootloader"
		if kind == bootloaderImage {
			other = other && plain || l.module == "mbed-cloud-client" || l.module == "fota" ||
				len(l.matching(labels, "target.bootloader-img", "target.header-offset", "target.app-offset")) > 0
		}
		if !other {
			in = append(in, l)
		}
	}
	return in
}

// kind reports which image the file configures, by the options that only one of them sets, and why.
func (f *file) kind(labels []string) (kind, why string) {
	kind, why = applicationImage, "no mbed-bootloader option in it"
	placed := false
	for _, o := range f.options {
		if o.name == "application-start-address" { // mbed-bootloader before 4
			kind, why, placed = bootloaderImage, "has the option "+o.name, true
		}
	}
	for _, m := range f.matching(labels) {
		switch name := canonical(m.name); {
		case name == "target.bootloader-img":
			if m.kind != '0' {
				return applicationImage, "sets " + m.name
			}
		case name == "mbed-bootloader.application-start-address" || name == "mbed-bootloader.max-application-size":
			kind, why = bootloaderImage, "sets "+m.name
			placed = true
		case placed:
		case name == "target.app-offset" || name == "target.header-offset":
			kind, why, placed = applicationImage, "sets "+m.name, true
		case strings.HasPrefix(name, "mbed-bootloader."):
			kind, why = bootloaderImage, "sets "+m.name
		}
	}
	return kind, why
}

// chip uses the given flash, that of the target's board in the bank mode that the files select, or the one
// that the files describe.
func (b *builder) chip(files []*file) bool {
	if len(b.Chip.Sectors) == 0 {
		dual := false
		for _, f := range files {
			for _, m := range f.matching(b.labels, "target.flash-dual-bank") {
				dual = m.text != "0" && m.text != "false"
			}
		}
		for _, label := range slices.Backward(slices.Concat(b.labels, b.reversedLineage())) {
			if c, err := ChipOf(label, dual); err == nil {
				b.Chip = c
				return true
			}
		}
		c, key, err := describedChip(b.Target, files, b.labels)
		switch {
		case err != nil:
			b.add(Problem{Text: fmt.Sprintf("the flash of target %s is not known%v", b.Target, err), Remedy: "give its part with --part" +
				orNearest(b.Target, Boards()) + "; known targets: " + strings.Join(Boards(), ", ")})
			return false
		default:
			key.Note = true
			b.add(key)
		}
		b.Chip = c
	}
	b.leaveRest()
	if err := b.Chip.check(); err != nil {
		b.add(Problem{Text: fmt.Sprintf("the flash of %s: %v", cmp.Or(b.Chip.Name, b.Target), err), Remedy: "correct its description"})
		return false
	}
	return true
}

// leaveRest takes from a given part what the target's board may not use of it.
func (b *builder) leaveRest() {
	board, err := ChipOf(b.Target, false)
	if err != nil || board.Rest == "" || board.Base != b.Chip.Base || len(board.Sectors) >= len(b.Chip.Sectors) ||
		!slices.Equal(board.Sectors, b.Chip.Sectors[:len(board.Sectors)]) {
		return
	}
	b.Chip.Sectors, b.Chip.Rest = b.Chip.Sectors[:len(board.Sectors)], board.Rest
}

// reversedLineage returns the target's parents and the target, the most general one first.
func (b *builder) reversedLineage() []string {
	names := b.lineage()
	slices.Reverse(names)
	return names
}

func (b *builder) end() uint64 { return uint64(b.Chip.Base) + uint64(b.Chip.Size()) }

// inside reports whether a region lies in the flash, and not in its gap.
func (b *builder) inside(r Region) bool {
	return uint64(r.Start) >= uint64(b.Chip.Base) && r.End() <= b.end() && !b.Chip.Gap.meets(uint64(r.Start), r.End())
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
		b.Regions = append(b.Regions, Region{Name: name, Start: start, Size: uint32(size), key: key})
	}
}

// at returns the region with that name for changes, or nil.
func (b *builder) at(name string) *Region {
	for i := range b.Regions {
		if b.Regions[i].Name == name {
			return &b.Regions[i]
		}
	}
	return nil
}

// regions computes all regions and the Config.
func (b *builder) regions() {
	bl := b.bootloader
	c := &b.Config
	c.BootRetries, c.CopyRetries, c.ResetReason = 3, 1, true
	if bl != nil && !b.plain {
		if n, _, ok := bl.size("mbed-bootloader.max-boot-retries"); ok {
			c.BootRetries = uint8(min(n, 255))
		}
		if n, _, ok := bl.size("mbed-bootloader.max-copy-retries"); ok {
			c.CopyRetries = n
		}
		n, _, ok := bl.size("mbed-bootloader.use-kvstore-rot")
		b.KVStoreRoT = ok && n != 0
	}
	b.findClient()
	b.bootloaderRegion()
	b.headerRegion()
	b.applicationRegion()
	b.kvstoreRegion()
	b.nvstoreRegions()
	b.candidateRegion()
	slices.SortStableFunc(b.Regions, func(x, y Region) int { return cmp.Compare(x.Start, y.Start) })
	b.fitGuesses()
}

// headerRegion places the active image's header: where the update client and mbed-bootloader look for it, or,
// without a client's setting, where the build puts it.
func (b *builder) headerRegion() {
	details, key, ok := b.first("update-client.application-details", b.updating()...)
	if ok && !b.FOTA && (details != 0 || key.given) {
		b.Config.Details = details
		b.region(RegionHeader, details, boot.HeaderSize, key)
		return
	}
	if ap := b.application; ap != nil {
		if r := b.roms[ap]; r.headerKey != nil {
			b.Config.Details = uint32(r.header)
			b.region(RegionHeader, uint32(r.header), r.headerSize, r.headerKey)
		}
	}
}

// applicationRegion places the active application: where mbed-bootloader installs it, or where it is linked.
func (b *builder) applicationRegion() {
	c := &b.Config
	if bl := b.bootloader; bl != nil && !b.plain {
		start, key, ok := bl.size("mbed-bootloader.application-start-address")
		if !ok {
			return
		}
		c.AppStart = start
		b.maxGiven = true
		var has bool
		if c.MaxAppSize, _, has = bl.size("mbed-bootloader.max-application-size"); has {
			size := uint64(c.MaxAppSize)
			if r := b.roms[b.application]; r != nil && !r.failed && r.endKey != nil && r.app == uint64(start) {
				size = min(size, r.appEnd-r.app) // no larger one can be linked
			}
			b.region(RegionApplication, start, size, key)
			b.Limited = true
		}
		return
	}
	ap := b.application
	if ap == nil {
		return
	}
	r := b.roms[ap]
	if r.failed {
		return
	}
	if b.plain {
		b.checkJump(r)
	}
	c.AppStart, c.MaxAppSize = uint32(r.app), uint32(r.appEnd-r.app)
	b.region(RegionApplication, c.AppStart, r.appEnd-r.app, cmp.Or(r.endKey, r.appKey, r.loaderKey))
	b.Limited = r.endKey != nil
	if a := b.at(RegionApplication); a != nil {
		a.guess = !b.Limited
	}
}

// fitGuesses ends regions of unknown size at the next region, at the gap, or at the end of the flash.
func (b *builder) fitGuesses() {
	for i := range b.Regions {
		r := &b.Regions[i]
		if !r.guess {
			continue
		}
		end := b.end()
		if r.Name == RegionBootloader {
			end = r.End()
		}
		for _, next := range b.Regions {
			if next.Start > r.Start && uint64(next.Start) < end {
				end = uint64(next.Start)
			}
		}
		if g := b.Chip.Gap; g.Size > 0 && r.Start < g.Start {
			end = min(end, uint64(g.Start))
		}
		if end > uint64(r.Start) {
			r.Size = uint32(end - uint64(r.Start))
		}
		if r.Name == RegionApplication {
			b.Config.MaxAppSize = r.Size
		}
	}
}

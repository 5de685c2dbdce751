package layout

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dualbank/boot"
	bootlayout "dualbank/boot/layout"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/update"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/random"
)

// firmware is the update that is tried on a layout without errors.
type firmware struct {
	client boot.Generation
	slot   uint32 // modulo the number of slots
	size   uint32 // bytes, modulo what fits
}

// trial judges what the files of a configuration lead to.
type trial struct {
	c    *Config
	chip bootlayout.Chip
	with firmware
	o    *explore.Outcome
	at   explore.Place
	l    *bootlayout.Layout
	ps   bootlayout.Problems

	f    *model.Flash
	who  string   // writes at the moment
	own  []string // names of the regions that it may write to
	done bool     // a write into another region was reported
}

// try reads the files, judges what is said of them, and makes a device of a layout without errors.
func try(c *Config, with firmware, o *explore.Outcome) error {
	chip, err := c.chip()
	if err != nil {
		return err
	}
	t := &trial{c: c, chip: chip, with: with, o: o, at: explore.Place{Op: "layout", Part: "files"}}
	t.l, t.ps = bootlayout.New(c.sources(), c.Target, chip)
	again, problems := bootlayout.New(c.sources(), c.Target, chip)
	if !slices.Equal(t.ps, problems) || (t.l == nil) != (again == nil) || t.l != nil && (t.l.Config != again.Config || t.l.String() != again.String()) {
		t.report(explore.Symptom{Rule: RuleSame, Kind: "layout-differs"}, fmt.Sprint(t.ps), fmt.Sprint(problems))
	}
	if t.l == nil {
		if t.ps.Err() == nil {
			t.report(explore.Symptom{Rule: RuleReported, Kind: "no-layout"}, "one of them", "none")
		}
		return nil
	}
	t.named()
	if t.ps.Err() != nil {
		return nil
	}
	o.Interesting = true
	t.wanted()
	t.apart()
	if len(o.Bad) > 0 || !c.small() || !t.updates() {
		return nil
	}
	t.at.Part = "update/" + with.client.String()
	return t.device()
}

// report notes a violation.
func (t *trial) report(s explore.Symptom, expected, seen string) {
	if t.f != nil {
		t.o.Take(t.f, t.f.Start(), t.f.Size())
	}
	t.o.Note([]explore.Violation{{Symptom: s, Expected: expected, Seen: seen}}, t.at)
}

// updates reports whether the layout has all that a simulated update needs.
func (t *trial) updates() bool {
	for _, name := range []string{bootlayout.RegionHeader, bootlayout.RegionApplication, bootlayout.RegionCandidate} {
		if _, ok := t.l.Region(name); !ok {
			return false
		}
	}
	return !t.l.BlockDevice && !t.l.FOTA
}

// wanted compares the layout with the numbers that the files say: with those of the KVStore's region in the last
// file, with others in the first one.
func (t *trial) wanted() {
	var says []Numbers
	for i := range t.c.Files {
		if n := t.c.Files[i].Says; n != nil {
			says = append(says, n)
		}
	}
	if len(says) == 0 {
		return
	}
	c := &t.l.Config
	got := map[int]uint32{numDetails: c.Details, numAppStart: c.AppStart, numStorage: c.StorageAddr, numStorageSize: c.StorageSize, numLocations: c.Locations, numPage: c.StoragePage}
	if t.c.Files[0].Name == bootloaderFile {
		got[numMaxApp] = c.MaxAppSize
	}
	region := says[len(says)-1]
	if r, ok := t.l.Region(bootlayout.RegionKVStore); ok && t.c.Files[len(t.c.Files)-1].Name == applicationFile {
		if region[numberNames[numKV]] != 0 && region[numberNames[numKVSize]] != 0 {
			got[numKV], got[numKVSize] = r.Start, r.Size
		}
	}
	for i, name := range numberNames {
		from := says[0]
		if i == numKV || i == numKVSize {
			from = region
		}
		n, ok := got[i]
		want, said := from[name]
		if ok && said && n != uint32(want) {
			t.report(explore.Symptom{Rule: RuleValues, Kind: "number-differs", Op: name}, fmt.Sprintf("0x%X", uint32(want)), fmt.Sprintf("0x%X", n))
		}
	}
}

// apart looks at the regions of a layout without errors, independently of the layout's own checks.
func (t *trial) apart() {
	rs := t.l.Regions
	first, end := uint64(t.chip.Base), uint64(t.chip.Base)+uint64(t.chip.Size())
	for i, r := range rs {
		if uint64(r.Start) < first || r.End() > end {
			t.report(explore.Symptom{Rule: RuleReported, Kind: "outside-unreported", Op: r.Name}, "an error", fmt.Sprintf("0x%08X to 0x%08X", r.Start, r.End()))
		}
		for _, o := range rs[i+1:] {
			if uint64(r.Start) < o.End() && uint64(o.Start) < r.End() {
				t.report(explore.Symptom{Rule: RuleReported, Kind: "overlap-unreported", Op: r.Name + " and " + o.Name}, "an error",
					fmt.Sprintf("0x%08X to 0x%08X, 0x%08X to 0x%08X", r.Start, r.End(), o.Start, o.End()))
			}
		}
		edges := map[string][]uint64{
			bootlayout.RegionHeader: {uint64(r.Start)}, bootlayout.RegionKVStore: {uint64(r.Start), r.End()},
		}[r.Name]
		if !t.updates() && r.Name == bootlayout.RegionHeader {
			edges = nil // nothing erases it
		}
		if h, ok := t.l.Region(bootlayout.RegionHeader); r.Name == bootlayout.RegionApplication && t.updates() && (!ok || t.sector(h.End()-1) < t.sector(uint64(r.Start))) {
			edges = []uint64{uint64(r.Start)}
		}
		for _, at := range edges {
			if at != t.sector(at) {
				t.report(explore.Symptom{Rule: RuleReported, Kind: "boundary-unreported", Op: r.Name}, "an error", fmt.Sprintf("0x%08X", at))
			}
		}
		if r.Name == bootlayout.RegionCandidate && len(t.ps.Warnings()) == 0 && (t.sector(uint64(r.Start)) != uint64(r.Start) || t.sector(r.End()) != r.End()) {
			t.report(explore.Symptom{Rule: RuleReported, Kind: "boundary-unreported", Op: r.Name}, "a warning", fmt.Sprintf("0x%08X to 0x%08X", r.Start, r.End()))
		}
	}
}

// named looks at regions that overlap, or of which one begins in the sector in which another ends: to erase one erases the
// other. Whatever else is wrong with the layout, one of its problems names both regions. Header and application are erased
// together, the candidates' sectors are rounded, and a bootloader without an update client erases nothing.
func (t *trial) named() {
	first, end := uint64(t.chip.Base), uint64(t.chip.Base)+uint64(t.chip.Size())
	for i, r := range t.l.Regions {
		for _, o := range t.l.Regions[i+1:] {
			kind := "overlap-unnamed"
			switch {
			case uint64(r.Start) < first || r.End() > end || o.End() > end: // which is a problem of its own
				continue
			case uint64(o.Start) < r.End():
			case t.sector(uint64(o.Start)) >= r.End() || !t.ends(r) || r.Name == bootlayout.RegionHeader && o.Name == bootlayout.RegionApplication ||
				r.Name == bootlayout.RegionCandidate || o.Name == bootlayout.RegionCandidate || r.Name == bootlayout.RegionBootloader && !t.updates():
				continue
			default:
				kind = "shared-unnamed"
			}
			if !slices.ContainsFunc(t.ps, func(p bootlayout.Problem) bool { return names(p, r) && names(p, o) }) {
				t.report(explore.Symptom{Rule: RuleReported, Kind: kind, Op: r.Name + " and " + o.Name}, "a problem that names both", fmt.Sprintf("%v", t.ps))
			}
		}
	}
}

// ends reports whether the files say where a region ends. One that they do not ends where the next one begins.
func (t *trial) ends(r bootlayout.Region) bool {
	switch r.Name {
	case bootlayout.RegionApplication:
		return t.l.Limited
	case bootlayout.RegionBootloader:
		return len(t.c.Files) > 0 && t.c.Files[0].Name == bootloaderFile && t.c.Files[0].Says[numberNames[numRestrict]] != 0
	}
	return true
}

// names reports whether a problem's text has the name and the address of a region.
func names(p bootlayout.Problem, r bootlayout.Region) bool {
	return strings.Contains(p.Text, r.Name) && strings.Contains(p.Text, fmt.Sprintf("0x%08X", r.Start))
}

// sector is the start of the sector that holds addr; the flash's end is one too.
func (t *trial) sector(addr uint64) uint64 {
	at := uint64(t.chip.Base)
	for _, s := range t.chip.Sectors {
		if at+uint64(s) > addr {
			break
		}
		at += uint64(s)
	}
	return at
}

// device makes the device, and lets its KVStore, its update client and its bootloader do what they are for.
func (t *trial) device() error {
	f, err := t.c.On.Flash()
	if err != nil {
		return err
	}
	t.f = f
	cfg := t.l.Config
	cfg.Defects = boot.Defects(t.o.Planted[update.Planted])
	slots, ok := boot.Slots(f, &cfg)
	if !ok {
		t.report(explore.Symptom{Rule: RuleUpdate, Kind: "no-slots"}, "slots", fmt.Sprintf("0x%08X+0x%X", cfg.StorageAddr, cfg.StorageSize))
		return nil
	}
	slot := t.with.slot % uint32(len(slots))
	most := t.fits(&cfg, slots[slot])
	if most == 0 {
		return nil // which is a warning
	}
	size := 1 + t.with.size%most
	// A layout that limits the application and passes without a warning installs the largest one.
	if app, ok := t.l.Region(bootlayout.RegionApplication); ok && t.l.Limited && len(t.ps.Warnings()) == 0 {
		if size = app.Size; most < size {
			t.report(explore.Symptom{Rule: RuleUpdate, Kind: "largest-does-not-fit"}, fmt.Sprintf("%d bytes", size), fmt.Sprintf("%d bytes", most))
			return nil
		}
	}
	u, ok := update.NewOnce(f, cfg, t.with.client, min(most, 64), size, slot)
	if !ok {
		t.report(explore.Symptom{Rule: RuleUpdate, Kind: "no-room"}, "room for it", fmt.Sprintf("%+v", cfg))
		return nil
	}
	f.Observe(t.watch)
	defer f.Observe(nil)
	s, err := t.store()
	if err != nil || s != nil && !t.sets(s, 1) {
		return err
	}
	t.update(u)
	if s != nil && len(t.o.Bad) == 0 && t.keeps(s, 1) {
		t.sets(s, 2)
	}
	return nil
}

// fits is the size of the largest firmware that slot and application take.
func (t *trial) fits(cfg *boot.Config, s boot.Slot) uint32 {
	header := boot.FirmwareOffset(t.chip.Unit)
	if s.Size <= header {
		return 0
	}
	end := t.sector(uint64(cfg.AppStart) + uint64(cfg.MaxAppSize))
	if end <= uint64(cfg.AppStart) {
		return 0
	}
	return min(s.Size-header, uint32(end-uint64(cfg.AppStart)))
}

// watch sees every write: it must lie in a region of whoever writes, and in no other.
func (t *trial) watch(e *model.Event) {
	if e.Kind == model.Read || t.done {
		return
	}
	seen := fmt.Sprintf("%v at 0x%08X, %d bytes", e.Kind, e.Addr, e.Size)
	inside := false
	for _, r := range t.l.Regions {
		from, to := uint64(r.Start), r.End()
		mine := slices.Contains(t.own, r.Name)
		if r.Name == bootlayout.RegionHeader {
			// It has its erase units to itself, or shares them with the application.
			from, to = t.sector(from), t.sector(to-1)+uint64(t.f.SectorSize(uint32(to-1)))
		}
		if a, ok := t.l.Region(bootlayout.RegionApplication); ok && r.Name == bootlayout.RegionHeader && r.Start < a.Start && to >= uint64(a.Start) {
			to = a.End()
		}
		overlaps := uint64(e.Addr) < r.End() && uint64(e.Addr)+uint64(e.Size) > uint64(r.Start)
		if !mine && overlaps {
			t.done = true
			t.report(explore.Symptom{Rule: RuleApart, Kind: "region-changed", Op: changes(t.who, r.Name)}, "each region is its owner's", seen)
			return
		}
		inside = inside || mine && uint64(e.Addr) >= from && uint64(e.Addr)+uint64(e.Size) <= to
	}
	if !inside {
		t.done = true
		t.report(explore.Symptom{Rule: RuleApart, Kind: "foreign-changed", Op: t.who}, fmt.Sprint(t.own), seen)
	}
}

// begins notes who writes from now on.
func (t *trial) begins(who string) {
	t.who = who
	switch who {
	case byStore:
		t.own = []string{bootlayout.RegionKVStore}
	case byDownload:
		t.own = []string{bootlayout.RegionCandidate}
	case byBoot:
		t.own = []string{bootlayout.RegionHeader, bootlayout.RegionApplication}
	}
}

// store opens the KVStore: nil if the layout has none.
func (t *trial) store() (*kvstore.TDBStore, error) {
	r, ok := t.l.Region(bootlayout.RegionKVStore)
	if !ok {
		return nil, nil
	}
	dev, err := t.f.Region(r.Start, r.Size)
	if err != nil {
		return nil, err // apart has looked
	}
	t.begins(byStore)
	s := kvstore.NewTDB(dev, kvstore.Options{Profile: kvstore.MbedCE, Defects: kvstore.Defects(t.o.Planted[kv.Planted])})
	if err := s.Open(); err != nil {
		t.report(explore.Symptom{Rule: RuleStore, Kind: "store-not-open", Error: errorName(err)}, "open succeeds", err.Error())
		return nil, nil
	}
	return s, nil
}

var storeKeys = []string{"device-id", "counter", "certificate"}

func storeValue(key string, n uint64) []byte {
	v := make([]byte, 8+len(key))
	random.New(n ^ uint64(len(key))).Fill(v)
	return v
}

// sets gives every key its value number n, and reports whether the store keeps them.
func (t *trial) sets(s *kvstore.TDBStore, n uint64) bool {
	t.begins(byStore)
	for _, k := range storeKeys {
		if err := s.Set(k, storeValue(k, n), 0); err != nil {
			t.report(explore.Symptom{Rule: RuleStore, Kind: "store-refuses", Error: errorName(err)}, "success", err.Error())
			return false
		}
	}
	return t.keeps(s, n)
}

// keeps reports whether the store has the values number n after a reboot.
func (t *trial) keeps(s *kvstore.TDBStore, n uint64) bool {
	t.begins(byStore)
	t.f.Boot()
	if err := s.Open(); err != nil {
		t.report(explore.Symptom{Rule: RuleStore, Kind: "store-lost", Error: errorName(err)}, "open succeeds", err.Error())
		return false
	}
	buf := make([]byte, 64)
	for _, k := range storeKeys {
		if got, err := s.Get(k, buf, 0); err != nil || !bytes.Equal(buf[:got], storeValue(k, n)) {
			t.report(explore.Symptom{Rule: RuleStore, Kind: "store-value-lost"}, "what was set", fmt.Sprintf("get %q: %d bytes, %v", k, got, err))
			return false
		}
	}
	return true
}

// errorName is the short name of an error of the KVStore API.
func errorName(err error) string {
	var e *kvstore.Error
	if errors.As(err, &e) {
		return e.Name
	}
	return err.Error()
}

// update downloads an image and boots into it.
func (t *trial) update(u *update.Once) {
	failed := u.Perform(t.begins)
	if failed == nil {
		return
	}
	s := explore.Symptom{Rule: RuleUpdate, Error: failed.Error}
	switch failed.Stage {
	case update.StageFirst:
		s.Kind = "first-fails"
	case update.StageInstall:
		s.Kind = "layout-install-fails"
	case update.StageImage:
		s.Kind = "layout-image-differs"
	default:
		s.Kind, s.Op = "layout-download-fails", byDownload+"/"+string(failed.Stage)
	}
	t.report(s, failed.Expected, failed.Seen)
}

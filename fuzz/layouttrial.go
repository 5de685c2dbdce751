package fuzz

import (
	"fmt"
	"slices"

	"dualbank/boot"
	"dualbank/boot/layout"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/random"
)

// The rules for a layout.
const (
	RuleLayoutSame     = 1 // the same files always give the same layout and the same problems
	RuleLayoutReported = 2 // what overlaps, or lies off erase boundaries or outside the flash, is reported
	RuleLayoutValues   = 3 // the layout has the addresses that the files say
	RuleLayoutUpdate   = 4 // on a layout without errors a whole update goes through
	RuleLayoutApart    = 5 // and nothing outside the region meant is erased or programmed
	RuleLayoutStore    = 6 // and the KVStore works, and keeps its keys
)

// layoutTrial judges what the files of an input lead to.
type layoutTrial struct {
	in  *LayoutInput
	o   *outcome
	at  Place
	l   *layout.Layout
	ps  layout.Problems
	f   *model.Flash
	own []string // names of the regions that may be written to at the moment
	doing,
	saw string
}

func (t *layoutTrial) report(rule int, symptom, expected, seen string) {
	if t.f != nil {
		t.o.take(t.f, t.f.Start(), t.f.Size())
	}
	t.o.note([]Violation{{Rule: rule, Symptom: symptom, Expected: expected, Seen: seen}}, t.at)
}

// run reads the files, judges what is said of them, and tries a layout without errors.
func (in *LayoutInput) run(o *outcome) error {
	t := &layoutTrial{in: in, o: o, at: Place{Op: "layout", Part: "files"}}
	target := layoutTarget
	if in.Device.Sectors == "" {
		target = layout.ExampleTarget
	}
	t.l, t.ps = layout.New(in.Files, target, in.Chip)
	again, problems := layout.New(in.Files, target, in.Chip)
	if !slices.Equal(t.ps, problems) || (t.l == nil) != (again == nil) || t.l != nil && (t.l.Config != again.Config || t.l.String() != again.String()) {
		t.report(RuleLayoutSame, "the same files give another layout", fmt.Sprint(t.ps), fmt.Sprint(problems))
	}
	if t.l == nil {
		if t.ps.Err() == nil {
			t.report(RuleLayoutReported, "there is neither a layout nor an error", "one of them", "none")
		}
		return nil
	}
	if t.ps.Err() != nil {
		return nil
	}
	o.interesting = true
	t.wanted()
	t.apart()
	if len(o.bad) > 0 || in.Device.Sectors == "" || t.l.BlockDevice {
		return nil
	}
	t.at.Part = fmt.Sprintf("update by the %v client", in.Client)
	return t.try()
}

// wanted compares the layout with the numbers that were written into the files.
func (t *layoutTrial) wanted() {
	if len(t.in.wants) == 0 {
		return
	}
	c := &t.l.Config
	got := map[int]uint32{numDetails: c.Details, numAppStart: c.AppStart, numStorage: c.StorageAddr, numStorageSize: c.StorageSize, numLocations: c.Locations, numPage: c.StoragePage}
	if len(t.in.wants) == 2 || t.in.Files[0].Name == "bootloader.json" {
		got[numMaxApp] = c.MaxAppSize
	}
	if kv, ok := t.l.Region(layout.RegionKVStore); ok && t.in.Files[len(t.in.Files)-1].Name == "application.json" {
		w := &t.in.wants[len(t.in.wants)-1].n
		if w[numKV] != 0 && w[numKVSize] != 0 {
			got[numKV], got[numKVSize] = kv.Start, kv.Size
		}
	}
	for i := range layoutNumbers {
		n, ok := got[i]
		w := t.in.wants[0]
		if i == numKV || i == numKVSize {
			w = t.in.wants[len(t.in.wants)-1]
		}
		if ok && n != w.n[i] {
			t.report(RuleLayoutValues, fmt.Sprintf("number %d of a layout without errors is not that of the files", i), fmt.Sprintf("0x%X", w.n[i]), fmt.Sprintf("0x%X", n))
		}
	}
}

// apart looks at the regions of a layout without errors, independently of the layout's own checks.
func (t *layoutTrial) apart() {
	rs := t.l.Regions
	first, end := uint64(t.in.Chip.Base), uint64(t.in.Chip.Base)+uint64(t.in.Chip.Size())
	for i, r := range rs {
		if uint64(r.Start) < first || r.End() > end {
			t.report(RuleLayoutReported, "a region outside the flash is not reported: "+r.Name, "an error", fmt.Sprintf("0x%08X to 0x%08X", r.Start, r.End()))
		}
		for _, o := range rs[i+1:] {
			if uint64(r.Start) < o.End() && uint64(o.Start) < r.End() {
				t.report(RuleLayoutReported, fmt.Sprintf("regions that overlap are not reported: %s and %s", r.Name, o.Name), "an error", fmt.Sprintf("0x%08X to 0x%08X, 0x%08X to 0x%08X", r.Start, r.End(), o.Start, o.End()))
			}
		}
		edges := map[string][]uint64{
			layout.RegionHeader: {uint64(r.Start)}, layout.RegionKVStore: {uint64(r.Start), r.End()},
		}[r.Name]
		if h, ok := t.l.Region(layout.RegionHeader); r.Name == layout.RegionApplication && (!ok || t.sector(uint64(h.End()-1)) < t.sector(uint64(r.Start))) {
			edges = []uint64{uint64(r.Start)}
		}
		for _, at := range edges {
			if at != t.sector(at) {
				t.report(RuleLayoutReported, "a region off an erase boundary is not reported: "+r.Name, "an error", fmt.Sprintf("0x%08X", at))
			}
		}
		if r.Name == layout.RegionCandidate && len(t.ps) == 0 && (t.sector(uint64(r.Start)) != uint64(r.Start) || t.sector(r.End()) != r.End()) {
			t.report(RuleLayoutReported, "a region off an erase boundary is not reported: "+r.Name, "a warning", fmt.Sprintf("0x%08X to 0x%08X", r.Start, r.End()))
		}
	}
}

// sector is the start of the sector that holds addr; the flash's end is one too.
func (t *layoutTrial) sector(addr uint64) uint64 {
	at := uint64(t.in.Chip.Base)
	for _, s := range t.in.Chip.Sectors {
		if at+uint64(s) > addr {
			break
		}
		at += uint64(s)
	}
	return at
}

// try makes the device, and lets its KVStore, its update client and its bootloader do what they are for.
func (t *layoutTrial) try() error {
	f, err := t.in.Device.flash()
	if err != nil {
		return err
	}
	t.f = f
	cfg := t.l.Config
	cfg.Defects = t.o.planted.Boot
	slots, ok := boot.Slots(f, &cfg)
	if !ok {
		t.report(RuleLayoutUpdate, "the candidate storage of a layout without errors has no slots", "slots", fmt.Sprintf("0x%08X+0x%X", cfg.StorageAddr, cfg.StorageSize))
		return nil
	}
	most := t.fits(&cfg, slots[t.in.Slot%uint32(len(slots))])
	if most == 0 {
		return nil // which is a warning
	}
	old, im := newImage(1, min(most, 64), 1), newImage(2, 1+t.in.Size%most, 2)
	header := make([]byte, boot.HeaderSize)
	boot.EncodeHeader(header, &old.Details)
	if !f.Poke(cfg.Details, header) || !f.Poke(cfg.AppStart, old.bytes) {
		t.report(RuleLayoutUpdate, "the application of a layout without errors does not lie in the flash", "room for it", fmt.Sprintf("%+v", cfg))
		return nil
	}
	f.Observe(t.watch)
	defer f.Observe(nil)
	s, err := t.store()
	if err != nil || s != nil && !t.sets(s, 1) {
		return err
	}
	t.update(&cfg, old, im)
	if s != nil && len(t.o.bad) == 0 && t.keeps(s, 1) {
		t.sets(s, 2)
	}
	return nil
}

// fits is the size of the largest firmware that slot and application take.
func (t *layoutTrial) fits(cfg *boot.Config, s boot.Slot) uint32 {
	header := roundUp(boot.HeaderSize, t.in.Chip.Unit)
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
func (t *layoutTrial) watch(e *model.Event) {
	if e.Kind == model.Read || t.saw != "" {
		return
	}
	inside := false
	for _, r := range t.l.Regions {
		from, to := uint64(r.Start), r.End()
		mine := slices.Contains(t.own, r.Name)
		if r.Name == layout.RegionHeader {
			// It has its erase units to itself, or shares them with the application.
			from, to = t.sector(from), t.sector(to-1)+uint64(t.f.SectorSize(uint32(to-1)))
		}
		if a, ok := t.l.Region(layout.RegionApplication); ok && r.Name == layout.RegionHeader && r.Start < a.Start && to >= uint64(a.Start) {
			to = a.End()
		}
		overlaps := uint64(e.Addr) < r.End() && uint64(e.Addr)+uint64(e.Size) > uint64(r.Start)
		if !mine && overlaps {
			t.saw = r.Name
			t.report(RuleLayoutApart, fmt.Sprintf("a %s changes the %s", t.doing, r.Name), "each region is its owner's", fmt.Sprintf("%v at 0x%08X, %d bytes", e.Kind, e.Addr, e.Size))
			return
		}
		inside = inside || mine && uint64(e.Addr) >= from && uint64(e.Addr)+uint64(e.Size) <= to
	}
	if !inside {
		t.saw = "nobody's"
		t.report(RuleLayoutApart, fmt.Sprintf("a %s changes flash that lies in no region of its own", t.doing), fmt.Sprint(t.own), fmt.Sprintf("%v at 0x%08X, %d bytes", e.Kind, e.Addr, e.Size))
	}
}

// by says who writes now.
func (t *layoutTrial) by(what string, own ...string) { t.doing, t.own = what, own }

// store opens the KVStore: nil if the layout has none.
func (t *layoutTrial) store() (kvstore.Store, error) {
	kv, ok := t.l.Region(layout.RegionKVStore)
	if !ok {
		return nil, nil
	}
	dev, err := t.f.Region(kv.Start, kv.Size)
	if err != nil {
		return nil, err // apart has looked
	}
	t.by("KVStore set", layout.RegionKVStore)
	s := kvstore.NewTDB(dev, kvstore.Options{Profile: kvstore.MbedCE, Defects: t.o.planted.KV})
	if err := s.Open(); err != nil {
		t.report(RuleLayoutStore, "the KVStore of a layout without errors does not open: "+name(err), "open succeeds", err.Error())
		return nil, nil
	}
	return s, nil
}

var layoutKeys = []string{"device-id", "counter", "certificate"}

func layoutValue(key string, n uint64) []byte {
	v := make([]byte, 8+len(key))
	random.New(n ^ uint64(len(key))).Fill(v)
	return v
}

// sets gives every key its value number n.
func (t *layoutTrial) sets(s kvstore.Store, n uint64) bool {
	t.by("KVStore set", layout.RegionKVStore)
	for _, k := range layoutKeys {
		if err := s.Set(k, layoutValue(k, n), 0); err != nil {
			t.report(RuleLayoutStore, "the KVStore of a layout without errors refuses a set: "+name(err), "success", err.Error())
			return false
		}
	}
	return t.keeps(s, n)
}

// keeps tells whether the store has the values number n after a reboot.
func (t *layoutTrial) keeps(s kvstore.Store, n uint64) bool {
	t.by("KVStore set", layout.RegionKVStore)
	t.f.Boot()
	if err := s.Open(); err != nil {
		t.report(RuleLayoutStore, "the KVStore does not open any more: "+name(err), "open succeeds", err.Error())
		return false
	}
	buf := make([]byte, 64)
	for _, k := range layoutKeys {
		if got, err := s.Get(k, buf, 0); err != nil || !same(buf[:got], layoutValue(k, n)) {
			t.report(RuleLayoutStore, "the KVStore has lost a value", "what was set", fmt.Sprintf("get %q: %d bytes, %v", k, got, err))
			return false
		}
	}
	return true
}

// update downloads im and boots into it.
func (t *layoutTrial) update(cfg *boot.Config, old, im *image) {
	client, loader := boot.NewClient(*cfg, t.f, t.in.Client, nil), boot.NewBootloader(*cfg, t.f, nil)
	run := &updateRun{cfg: &UpdateSweep{Boot: *cfg}, old: old, new: im, images: []*image{old, im}}
	t.by("boot", layout.RegionHeader, layout.RegionApplication)
	for range 2 { // nothing to install: the old one runs, and nothing is written
		if out := loader.Boot(boot.Software, new(boot.RAM)); out.Result != boot.Jumped || out.Version != old.Version {
			t.report(RuleLayoutUpdate, fmt.Sprintf("the first application does not run: %v", out.Result), "version 1 runs", fmt.Sprintf("%v, version %d", out.Result, out.Version))
			return
		}
	}
	t.by("download", layout.RegionCandidate)
	for op := opPrepare; op <= opActivate; op++ {
		if err := run.doIn(client, loader, op, t.in.Slot%cfg.Locations); err != nil {
			t.report(RuleLayoutUpdate, fmt.Sprintf("a download fails in %s: %v", updateOpNames[op], err), "success", fmt.Sprintf("%d bytes to slot %d: %v", im.Size, t.in.Slot%cfg.Locations, err))
			return
		}
	}
	t.by("boot", layout.RegionHeader, layout.RegionApplication)
	t.f.Boot()
	if out := loader.Boot(boot.Software, new(boot.RAM)); out.Result != boot.Jumped || out.Version != im.Version {
		t.report(RuleLayoutUpdate, fmt.Sprintf("an update that was downloaded is not installed: %v", out.Result), "version 2 runs", fmt.Sprintf("%v, version %d, firmware of %d bytes", out.Result, out.Version, im.Size))
		return
	}
	j := &updateJudge{run: run, f: t.f, buf: make([]byte, boot.BufferSize)}
	if now := j.running(""); now != im {
		t.report(RuleLayoutUpdate, "what runs is not what was downloaded", "version 2", fmt.Sprint(j.bad))
	}
}

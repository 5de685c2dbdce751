package plan

import (
	"fmt"
	"slices"
	"strings"

	"dualbank/bench"
	"dualbank/boot/layout"
	"dualbank/model"
	"dualbank/model/part"
	"dualbank/results"
	"dualbank/results/unit"
)

// Places that [plan] does not name.
const (
	placeExternal bench.Place = "external" // on the external flash
	placeFixed    bench.Place = ""         // where the configuration files put it
)

// site is a KVStore that can be tried.
type site struct {
	place bench.Place
	base  uint32
	size  uint32
	unit  uint32 // bytes of an erase unit of external flash
}

// sites returns the stores that a part can have at the places of p. Sizes are those of p; without any, powers of two
// and the sizes half way between them, up to a quarter of the flash. A size of p that no place can have is an error of
// one line.
func sites(p *bench.Plan, part *part.Part, unit uint32) ([]site, error) {
	blank, err := model.New(model.Config{Part: part, Unit: unit})
	if err != nil {
		return nil, err
	}
	sizes := slices.Sorted(slices.Values(p.Sizes))
	sizes = slices.Compact(sizes)
	if len(sizes) == 0 {
		for n := uint32(512); n <= part.Size()/4; n *= 2 {
			sizes = append(sizes, n)
			if more := n + n/2; more <= part.Size()/4 {
				sizes = append(sizes, more)
			}
		}
	}
	var all []site
	var tried error
	for _, size := range sizes {
		found := false
		var first string
		for _, place := range bench.Places {
			if !slices.Contains(p.Places, place) {
				continue
			}
			base, err := place.Site(blank, size)
			if err != nil {
				if !found && (place != bench.PlaceLower || tried == nil) {
					tried = err
				}
				continue
			}
			// Equal sectors at both ends of the upper half make equal stores.
			if text := sectorsOf(part, base, size); first != text || place == bench.PlaceLower {
				first = text
				all = append(all, site{place: place, base: base, size: size})
			}
			found = true
		}
		if !found && len(p.Sizes) > 0 {
			return nil, fmt.Errorf("plan.kvstore_bytes: %d: %w", size, tried)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("plan: part %s has no place for a KVStore: %w", part.Name, tried)
	}
	return all, nil
}

// sectorsOf lists the sectors of a stretch of flash: "4 x 16 KiB + 1 x 64 KiB".
func sectorsOf(chip *part.Part, base, size uint32) string {
	var runs []part.SectorRun
	for _, s := range chip.Sectors() {
		if s.Addr-base >= size {
			continue
		}
		if n := len(runs); n > 0 && runs[n-1].Bytes == s.Size {
			runs[n-1].Count++
		} else {
			runs = append(runs, part.SectorRun{Count: 1, Bytes: s.Size})
		}
	}
	var text []string
	for _, r := range runs {
		text = append(text, fmt.Sprintf("%d x %s", r.Count, unit.Size(float64(r.Bytes))))
	}
	return strings.Join(text, " + ")
}

// candidate is a scenario with one of the stores, and what was measured of it.
type candidate struct {
	s    *bench.Scenario
	out  results.PlanCandidate
	wear []results.SectorWear // after the years that the device must last
	sets results.SetLatency

	misses []miss // the wishes that it does not meet, one for each line of out.Unmet
}

// candidates returns the stores to try. A scenario with configuration files of its own has one.
func candidates(s *bench.Scenario) ([]candidate, error) {
	part, unit, err := bench.PartAndUnit(s.Board.Part, s.Board.Driver)
	if err != nil {
		return nil, fmt.Errorf("board: %w", err)
	}
	if s.ExternalStorage() {
		return externalCandidates(s, part)
	}
	half, err := halfLayout(s, part)
	if err != nil {
		return nil, err
	}
	if !half {
		if len(s.Plan.Sizes) > 0 {
			return nil, fmt.Errorf("plan.kvstore_bytes: the configuration files in [layout] fix the size: leave out one or the other")
		}
		l, err := s.BootLayout()
		if err != nil {
			return nil, err
		}
		kv, _ := l.Region(layout.RegionKVStore)
		return []candidate{newCandidate(s, part, site{place: placeFixed, base: kv.Start, size: kv.Size})}, nil
	}
	places, err := sites(&s.Plan, part, unit)
	if err != nil {
		return nil, err
	}
	var all []candidate
	for _, at := range places {
		c := newCandidate(s, part, at)
		h := bench.HalfLayout{Name: s.Layout.Name, Target: s.Layout.Target, KVBase: at.base, KVSize: at.size}
		if c.s.Layout, err = h.Layout(part, unit); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// halfLayout reports whether the scenario's layout is not its own: it is the guide's, or that of a board for any
// program unit.
func halfLayout(s *bench.Scenario, part *part.Part) (bool, error) {
	if s.Layout.BootloaderText == "" && s.Layout.ApplicationText == "" {
		return true, nil
	}
	l, err := s.BootLayout()
	if err != nil {
		return false, err
	}
	kv, _ := l.Region(layout.RegionKVStore)
	h := bench.HalfLayout{Name: s.Layout.Name, Target: s.Layout.Target, KVBase: kv.Start, KVSize: kv.Size}
	for unit := uint32(1); unit <= 512; unit *= 2 {
		if own, err := h.Layout(part, unit); err == nil && own.BootloaderText == s.Layout.BootloaderText && own.ApplicationText == s.Layout.ApplicationText {
			return true, nil
		}
	}
	return false, nil
}

// newCandidate returns the scenario with a store. Its sectors do not age: only a part of their life is simulated, in
// which none fails.
func newCandidate(s *bench.Scenario, part *part.Part, at site) candidate {
	own := *s
	own.Board.Wear = ""
	c := candidate{s: &own}
	place := string(at.place)
	name := fmt.Sprintf("%s at the %s", unit.Size(float64(at.size)), place)
	sectors := sectorsOf(part, at.base, at.size)
	switch at.place {
	case bench.PlaceLower:
		name = unit.Size(float64(at.size)) + " beside the code"
	case placeExternal:
		name, sectors = unit.Size(float64(at.size))+" external", fmt.Sprintf("%d x %s", at.size/at.unit, unit.Size(float64(at.unit)))
		own.Store.ExternalBytes = at.size
	case placeFixed:
		place = s.Layout.Name
		name = unit.Size(float64(at.size)) + " of layout " + place
	}
	c.out = results.PlanCandidate{Name: name, Place: place, Start: at.base, Bytes: at.size, Sectors: sectors, Unmet: []string{}}
	return c
}

// maxTriedExternal is the largest store in bytes on external flash that is tried unless [plan] names sizes.
const maxTriedExternal = 512 << 10

// externalCandidates returns stores on the external flash: of the sizes of [plan], else of powers of two erase units
// and half way between them.
func externalCandidates(s *bench.Scenario, chip *part.Part) ([]candidate, error) {
	nor, err := part.NORByName(s.Store.External)
	if err != nil {
		return nil, fmt.Errorf("store.external: %w", err)
	}
	l, err := s.BootLayout()
	if err != nil {
		return nil, err
	}
	storage, err := s.Store.Storage(l)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	unit := nor.Erases[0].Bytes
	room := s.StoreRoom(l, storage.ExternalBase, nor.Bytes.Bytes)
	sizes := slices.Compact(slices.Sorted(slices.Values(s.Plan.Sizes)))
	if len(sizes) == 0 {
		for n := 2 * unit; n <= min(room, maxTriedExternal); n *= 2 {
			sizes = append(sizes, n)
			if more := n + n/2; more%(2*unit) == 0 && more <= min(room, maxTriedExternal) {
				sizes = append(sizes, more)
			}
		}
		if len(sizes) == 0 {
			return nil, fmt.Errorf("store.external: %s has %d bytes for a store from 0x%X on, which needs two erase units of %d: move the store or the candidate", nor.Name, room, storage.ExternalBase, unit)
		}
	}
	var all []candidate
	for _, size := range sizes {
		if size%(2*unit) != 0 || size > room {
			before := ""
			if room < nor.Bytes.Bytes {
				before = " for a store"
			}
			return nil, fmt.Errorf("plan.kvstore_bytes: %d: %s has %d bytes%s in erase units of %d: give an even number of them", size, nor.Name, room, before, unit)
		}
		all = append(all, newCandidate(s, chip, site{place: placeExternal, base: storage.ExternalBase, size: size, unit: unit}))
	}
	return all, nil
}

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

// Places that are not asked for.
const (
	placeExternal bench.Place = "external" // on the device beside the microcontroller
	placeFixed    bench.Place = ""         // by configuration files
)

// site is a place and a size of a KVStore.
type site struct {
	place bench.Place
	base  uint32
	size  uint32
	unit  uint32 // erase unit, of external flash
}

// sites are the places and sizes that a KVStore can have on a part: those whose sectors split into two
// equal areas that together are all of it. Sizes that were asked for and that no place can have are an
// error; without any, they are the powers of two and the sizes half way between them, up to half of the
// upper half of the flash.
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
			// The same sectors in another place of the upper half are the same store.
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

// sectorsOf spells the sectors of a stretch of flash: "4 x 16 KiB + 1 x 64 KiB".
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

// candidate is a scenario with one of the stores that planning tries.
type candidate struct {
	s    *bench.Scenario
	out  results.PlanCandidate
	wear []results.SectorWear // after the years that were wished
	sets results.SetLatency
}

// candidates are the stores to try. With configuration files of its own the scenario has one.
func candidates(s *bench.Scenario) ([]candidate, error) {
	part, unit, err := bench.PartAndUnit(s.Board.Part, s.Board.Driver)
	if err != nil {
		return nil, fmt.Errorf("board: %w", err)
	}
	if s.ExternalStorage() {
		return externalCandidates(s, part)
	}
	if !halfLayout(s, part) {
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

// halfLayout tells whether the scenario's layout is none of its own: the guide's, or the one that a board
// comes with, for whatever program unit.
func halfLayout(s *bench.Scenario, part *part.Part) bool {
	if s.Layout.BootloaderText == "" && s.Layout.ApplicationText == "" {
		return true
	}
	l, err := s.BootLayout()
	if err != nil {
		return false
	}
	kv, _ := l.Region(layout.RegionKVStore)
	h := bench.HalfLayout{Name: s.Layout.Name, Target: s.Layout.Target, KVBase: kv.Start, KVSize: kv.Size}
	for unit := uint32(1); unit <= 512; unit *= 2 {
		if own, err := h.Layout(part, unit); err == nil && own.BootloaderText == s.Layout.BootloaderText && own.ApplicationText == s.Layout.ApplicationText {
			return true
		}
	}
	return false
}

// newCandidate is the scenario with a store. Its sectors only count their erases: what is simulated is a
// part of a life, in which none fails.
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

// maxTriedExternal is the largest store on external flash that planning tries unasked, in bytes.
const maxTriedExternal = 512 << 10

// externalCandidates are stores on the external device: the sizes that were asked for, else powers of two
// and those half way between.
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
	sizes := slices.Compact(slices.Sorted(slices.Values(s.Plan.Sizes)))
	if len(sizes) == 0 {
		for n := 2 * unit; n <= min(nor.Bytes.Bytes, maxTriedExternal); n *= 2 {
			sizes = append(sizes, n)
			if more := n + n/2; more%(2*unit) == 0 && more <= min(nor.Bytes.Bytes, maxTriedExternal) {
				sizes = append(sizes, more)
			}
		}
	}
	var all []candidate
	for _, size := range sizes {
		if size%(2*unit) != 0 || size > nor.Bytes.Bytes {
			return nil, fmt.Errorf("plan.kvstore_bytes: %d: %s has %d bytes in erase units of %d: give an even number of them", size, nor.Name, nor.Bytes.Bytes, unit)
		}
		all = append(all, newCandidate(s, chip, site{place: placeExternal, base: storage.ExternalBase, size: size, unit: unit}))
	}
	return all, nil
}

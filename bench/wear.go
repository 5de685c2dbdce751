package bench

import (
	"cmp"
	"fmt"
	"slices"

	"dualbank/boot/layout"
	"dualbank/model"
	"dualbank/model/part"
	"dualbank/results"
)

// UnitWear is the wear of one erase unit.
type UnitWear struct {
	model.Wear
	External  bool // on the external flash: the address is that in the device, the bank is -1
	Candidate bool // External, and in the candidate storage
}

// Wear returns the wear of all sectors of the flash, then of the erase units of a store and of candidates on external
// flash.
func (d *Device) Wear() []UnitWear {
	var out []UnitWear
	for _, w := range d.Flash.Wear() {
		out = append(out, UnitWear{Wear: w})
	}
	if d.nor == nil {
		return out
	}
	inside, unit, counts := len(out), d.nor.EraseSize(0), d.nor.EraseCounts()
	add := func(from, to uint32, candidate bool) {
		for at := from; at < to; at += unit {
			w := model.Wear{Sector: part.Sector{Addr: at, Size: unit, Bank: -1}, Erases: counts[at/unit], Rated: d.nor.part.Endurance.Erases}
			out = append(out, UnitWear{w, true, candidate})
		}
	}
	if e := d.external; e != nil {
		add(e.base, e.end(), false)
	}
	if c := &d.Layout.Config; d.Layout.BlockDevice {
		add(d.nor.up(c.StorageAddr), (c.StorageAddr+c.StorageSize)/unit*unit, true)
		slices.SortFunc(out[inside:], func(a, b UnitWear) int { return cmp.Compare(a.Addr, b.Addr) })
	}
	return out
}

// PlaceOf returns the name of an erase unit in a sentence.
func PlaceOf(addr uint32, external bool) string {
	if external {
		return fmt.Sprintf("the erase unit at 0x%06X of the external flash", addr)
	}
	return fmt.Sprintf("the sector at 0x%08X", addr)
}

// nearerEnd reports whether a erases of a unit rated for ra use up more of its life than b of one rated for rb.
// Ratings of 0 are not known; the counts decide then.
func nearerEnd(a uint64, ra uint32, b uint64, rb uint32) bool {
	if ra > 0 && rb > 0 {
		return a*uint64(rb) > b*uint64(ra)
	}
	return a > b
}

// WearRecord returns Wear as a report has it: each sector with the region that covers most of it.
func (d *Device) WearRecord() []results.SectorWear {
	labels := map[string]string{
		layout.RegionBootloader: "bootloader", layout.RegionHeader: "application", layout.RegionApplication: "application",
		layout.RegionKVStore: "KVStore", layout.RegionCandidate: "candidate",
	}
	var out []results.SectorWear
	for _, w := range d.Wear() {
		s := results.SectorWear{Addr: w.Addr, Size: w.Size, Bank: w.Bank, Erases: w.Erases, Endurance: w.Rated}
		if w.External {
			s.External, s.Bank, s.Region = true, 0, "external KVStore"
			if w.Candidate {
				s.Region = "external candidate"
			}
			out = append(out, s)
			continue
		}
		most := uint64(0)
		for _, r := range d.Layout.Regions {
			from, to := max(uint64(w.Addr), uint64(r.Start)), min(uint64(w.Addr)+uint64(w.Size), r.End())
			if from < to && to-from > most {
				most, s.Region = to-from, labels[r.Name]
			}
		}
		out = append(out, s)
	}
	return out
}

// Life is the erase rate of the store's sector that reaches its rating first.
type Life struct {
	Sector   part.Sector
	External bool   // the sector is on the external flash
	Erases   uint64 // of the sector in Cycles
	Cycles   uint64
	Rounds   int    // passes over both areas in Cycles; 0: less than one, so that Erases is a rough figure
	Rated    uint32 // erases that the sector is rated for; 0: not known
}

// Hours returns the virtual time in hours until the sector has been erased as often as it is rated for; ok is
// false if no sector was erased or the rating is not known. hz is the core clock.
func (l *Life) Hours(hz uint64) (hours float64, ok bool) {
	if l.Erases == 0 || l.Rated == 0 {
		return 0, false
	}
	return float64(l.Rated) / float64(l.Erases) * float64(l.Cycles) / float64(hz) / 3600, true
}

// years converts hours to years of 365.25 days.
func years(hours float64) float64 { return hours / 24 / 365.25 }

// Metrics returns the life in years, or nothing if Hours has none.
func (l *Life) Metrics(hz uint64) []results.Metric {
	hours, ok := l.Hours(hz)
	if !ok {
		return nil
	}
	return []results.Metric{Exact("years", years(hours), "higher")}
}

// lifeRecorder records the erase counts of the store's sectors at each garbage collection.
type lifeRecorder struct {
	d     *Device
	marks []lifeMark
	start []uint32 // erases before the first operation
}

// lifeMark is the state after one garbage collection.
type lifeMark struct {
	at     uint64   // cycle
	erases []uint32 // by sector of the store
}

func newLifeRecorder(d *Device) *lifeRecorder {
	r := &lifeRecorder{d: d}
	r.start = r.erases()
	return r
}

// units returns the wear of the store's sectors, internal and external.
func (r *lifeRecorder) units() []UnitWear {
	return slices.DeleteFunc(r.d.Wear(), func(w UnitWear) bool { return w.Candidate || !w.External && !r.d.inStore(w.Addr) })
}

// erases returns the erase counts of the store's sectors.
func (r *lifeRecorder) erases() []uint32 {
	var n []uint32
	for _, w := range r.units() {
		n = append(n, w.Erases)
	}
	return n
}

// collected is called after each garbage collection.
func (r *lifeRecorder) collected() {
	if r.d.foreign() {
		return // nothing is known of rounds
	}
	r.marks = append(r.marks, lifeMark{r.d.Flash.Now(), r.erases()})
}

// life returns the wear over whole rounds, from the first collection on. A round is one pass over both areas
// and erases each sector once, so the figure does not depend on where in a round the run ends. With less than
// one round it is the wear over all of the run's cycles.
func (r *lifeRecorder) life(cycles uint64) Life {
	first, last, over := r.start, r.erases(), cycles
	rounds := (len(r.marks) - 1) / 2
	if rounds > 0 {
		end := &r.marks[2*rounds]
		first, last, over = r.marks[0].erases, end.erases, end.at-r.marks[0].at
	}
	l := Life{Cycles: over, Rounds: rounds}
	for i, w := range r.units() {
		if n := uint64(last[i] - first[i]); i == 0 || nearerEnd(n, w.Rated, l.Erases, l.Rated) {
			l.Sector, l.External, l.Erases, l.Rated = w.Sector, w.External, n, w.Rated
		}
	}
	return l
}

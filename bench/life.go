package bench

import (
	"slices"

	"dualbank/boot/layout"
	"dualbank/model/part"
	"dualbank/results"
)

// Life is how fast a workload wears the store's sectors out.
type Life struct {
	Sector   part.Sector // the one that comes to its end first
	External bool        // it is the external device's
	Erases   uint64      // its erases over Cycles of virtual time
	Cycles   uint64
	Rounds   int    // of the store's two areas that Cycles are; 0: less than one, so that Erases is a rough figure
	Rated    uint32 // erases that it is rated for; 0: nothing known
}

// Hours is the virtual time in hours until the sector has been erased as often as it is rated for;
// ok is false if no sector was erased or nothing is known of the part.
func (l *Life) Hours(hz uint64) (hours float64, ok bool) {
	if l.Erases == 0 || l.Rated == 0 {
		return 0, false
	}
	return float64(l.Rated) / float64(l.Erases) * float64(l.Cycles) / float64(hz) / 3600, true
}

// years turns hours into years of 365.25 days.
func years(hours float64) float64 { return hours / 24 / 365.25 }

// Metrics is the life in years, if there is one.
func (l *Life) Metrics(hz uint64) []results.Metric {
	hours, ok := l.Hours(hz)
	if !ok {
		return nil
	}
	return []results.Metric{Exact("years", years(hours), "higher")}
}

// lifeRecorder notes the erase counts of the store's sectors at each garbage collection.
type lifeRecorder struct {
	d     *Device
	marks []lifeMark
	start []uint32
}

type lifeMark struct {
	at     uint64
	erases []uint32 // by sector of the store
}

func newLifeRecorder(d *Device) *lifeRecorder {
	r := &lifeRecorder{d: d}
	r.start = r.erases()
	return r
}

// units are the store's sectors, with those of an external store.
func (r *lifeRecorder) units() []UnitWear {
	return slices.DeleteFunc(r.d.Wear(), func(w UnitWear) bool { return !w.External && !r.d.inStore(w.Addr) })
}

// erases are the erase counts of the store's sectors.
func (r *lifeRecorder) erases() []uint32 {
	var n []uint32
	for _, w := range r.units() {
		n = append(n, w.Erases)
	}
	return n
}

// collected is called after each garbage collection.
func (r *lifeRecorder) collected() {
	r.marks = append(r.marks, lifeMark{r.d.Flash.Now(), r.erases()})
}

// life is the wear over whole rounds of the two areas, from the first collection on: a round erases
// each sector once, so that what is counted does not depend on where in a round the run ends. With
// Less than one round it is the wear over all of the run's cycles.
func (r *lifeRecorder) life(cycles uint64) Life {
	first, last, over := r.start, r.erases(), cycles
	rounds := (len(r.marks) - 1) / 2
	if rounds > 0 {
		end := &r.marks[2*rounds]
		first, last, over = r.marks[0].erases, end.erases, end.at-r.marks[0].at
	}
	l := Life{Cycles: over, Rounds: rounds}
	for i, w := range r.units() {
		if n := uint64(last[i] - first[i]); i == 0 || sooner(n, w.Rated, l.Erases, l.Rated) {
			l.Sector, l.External, l.Erases, l.Rated = w.Sector, w.External, n, w.Rated
		}
	}
	return l
}

// WearRecord is the wear of every sector, with the region that has most of it, and of the external store.
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

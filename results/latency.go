package results

import "math"

// Latencies are the sets of one workload, with and without garbage collection, the fastest first. All and GC
// have one entry for each set.
type Latencies struct {
	Name string
	All  []float64 // seconds
	GC   []bool    // whether the set collected garbage
	NGC  int       // sets that did
}

// Merge returns the sets of s as one list, the fastest first.
func (s SetLatency) Merge() Latencies {
	l := Latencies{Name: s.Name, NGC: len(s.GC)}
	i, j := 0, 0
	for i < len(s.Plain) || j < len(s.GC) {
		takeGC := i == len(s.Plain) || j < len(s.GC) && s.GC[j] < s.Plain[i]
		if takeGC {
			l.All = append(l.All, s.GC[j])
			j++
		} else {
			l.All = append(l.All, s.Plain[i])
			i++
		}
		l.GC = append(l.GC, takeGC)
	}
	return l
}

// MergeSets merges each workload that has at least one set.
func MergeSets(sets []SetLatency) []Latencies {
	var all []Latencies
	for _, s := range sets {
		if l := s.Merge(); len(l.All) > 0 {
			all = append(all, l)
		}
	}
	return all
}

// Quantile returns the smallest latency that a share q of the sets does not exceed (nearest rank).
func (l Latencies) Quantile(q float64) float64 {
	i := int(math.Ceil(q*float64(len(l.All)))) - 1
	return l.All[min(max(i, 0), len(l.All)-1)]
}

// Max returns the latency of the slowest set.
func (l Latencies) Max() float64 { return l.All[len(l.All)-1] }

// GCRange returns the fastest and the slowest set that collected garbage; ok is false if none did.
func (l Latencies) GCRange() (lo, hi float64, ok bool) {
	for i, gc := range l.GC {
		if gc && !ok {
			lo, ok = l.All[i], true
		}
		if gc {
			hi = l.All[i]
		}
	}
	return lo, hi, ok
}

package plan

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"dualbank/bench"
	"dualbank/kvstore"
	"dualbank/model"
)

// longRun is what settle measured over whole rounds, after a first round that does not count. A round is one pass over
// both areas, that is two garbage collections; each round erases the same sectors again.
type longRun struct {
	ops         uint64 // operations in the rounds, with skipped removes
	rounds      int
	uncertain   float64  // three standard errors of the mean length of a round, relative to it
	plain, gc   []uint64 // latencies in cycles without and with garbage collection, ascending
	erases      []uint32 // by erase unit, in the order of Device.Wear
	counters    model.Counters
	external    model.NORCounters
	live        float64 // mean bytes of live records at a garbage collection
	unit, area  uint32  // bytes of a program unit and of an area
	master      uint32  // bytes of an area before its first record
	whole       bool    // a sector reached its rated erases: nothing is extrapolated
	openLeast   uint64  // cycles of opening the store right after a garbage collection
	openMost    uint64  // and right before one
	lifeOps     uint64  // operations until then
	worstSector int
}

// effort is how much is simulated.
type effort struct {
	uncertain float64   // uncertainty at which a simulation may end
	rounds    int       // fewest rounds, a multiple of batches
	fills     []float64 // live data in the picture of times against live data, as shares of an area
}

// thorough keeps a plan well within the 1 % that it may be off.
var thorough = effort{0.003, 32, []float64{0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}}

// quick is the effort of plan.quick.
var quick = effort{0.009, 16, []float64{0.1, 0.3, 0.6, 0.9}}

const (
	// leastUncertain is reported if all rounds are alike.
	leastUncertain = 0.001
	// batches is the number of groups of neighbouring rounds, whose means hardly depend on each other.
	batches = 16
	// mostOps ends a simulation whose rounds differ too much.
	mostOps = 1_500_000
)

// settle runs a demand on a device until the function until accepts what was measured, which is asked after each
// round. A demand that does not fit is kvstore.ErrMediaFull, wrapped; one that never fills an area is
// errNeverCollects. When ctx ends the error is ctx's.
func settle(ctx context.Context, d *bench.Device, dm *demand, seed uint64, until func(s *longRun) bool) (*longRun, error) {
	t := newTraffic(dm, seed)
	if err := t.l.Provision(d.KV); err != nil {
		return nil, err
	}
	// After this boot garbage collections copy the master record like any other.
	if err := d.KV.Open(); err != nil {
		return nil, err
	}
	store := d.DataStore()
	l := store.Layout()
	s := &longRun{unit: l.Unit, area: l.Size, master: l.First}
	f := d.Flash
	var rounds []float64 // operations of each
	var before model.Counters
	var outside model.NORCounters
	var first []uint32 // erases
	var from, last, all uint64
	lives := uint64(0)
	for started := false; ; {
		if all++; all%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		key, size, remove := t.next()
		began, gcs := f.Now(), store.Collections()
		if err := t.do(d.KV, key, size, remove); err != nil {
			return nil, fmt.Errorf("after %d operations: %w", t.passed, err)
		}
		took := f.Now() - began
		collected := store.Collections() != gcs
		if !collected {
			if started {
				s.plain = append(s.plain, took)
			}
			if all > mostOps && store.Collections() < 2 {
				return nil, errNeverCollects
			}
			continue
		}
		if started {
			s.gc = append(s.gc, took)
			lives += t.live(l.Unit)
		}
		wear := d.Wear()
		for i, w := range wear {
			if w.Rated > 0 && w.Erases >= w.Rated && !s.whole {
				s.whole, s.lifeOps, s.worstSector = true, t.passed, i
			}
		}
		if store.Collections()%2 != 0 {
			continue
		}
		if !started {
			started, from, last, before, outside, first = true, t.passed, t.passed, f.Counters(), d.NORCounters(), erasesOf(wear)
			continue
		}
		rounds = append(rounds, float64(t.passed-last))
		last = t.passed
		s.ops, s.rounds = t.passed-from, len(rounds)
		s.uncertain = uncertainty(rounds)
		if !until(s) {
			continue
		}
		s.live = float64(lives) / float64(len(s.gc))
		s.counters = f.Counters().Since(before)
		s.external = d.NORCounters().Since(outside)
		for i := range wear {
			s.erases = append(s.erases, wear[i].Erases-first[i])
		}
		slices.Sort(s.plain)
		slices.Sort(s.gc)
		for i := range dm.w.Keys {
			if err := t.l.Get(d.KV, i); err != nil {
				return nil, fmt.Errorf("after %d operations: %w", t.passed, err)
			}
		}
		return s, s.opening(d, t)
	}
}

// opening measures how long the store takes to open, with the area as garbage collection leaves it and as full as
// it gets. The device is as before then.
func (s *longRun) opening(d *bench.Device, t *traffic) (err error) {
	state := d.Snapshot()
	if s.openLeast, err = d.OpenTime(); err != nil {
		return err
	}
	for {
		before, gcs := d.Snapshot(), d.DataStore().Collections()
		key, size, remove := t.next()
		if err := t.do(d.KV, key, size, remove); err != nil {
			return fmt.Errorf("filling the store: %w", err)
		}
		if d.DataStore().Collections() == gcs {
			continue
		}
		d.Restore(before)
		if s.openMost, err = d.OpenTime(); err != nil {
			return err
		}
		d.Restore(state)
		_, err = d.OpenTime()
		return err
	}
}

// erasesOf returns the erase counts of wear.
func erasesOf(wear []bench.UnitWear) (n []uint32) {
	for _, w := range wear {
		n = append(n, w.Erases)
	}
	return n
}

// errNeverCollects is a store that the demand does not fill within mostOps operations.
var errNeverCollects = errors.New("no garbage collection in as many operations as are simulated: the store is larger than it needs to be")

// enough reports whether a simulation may end.
func (e *effort) enough(s *longRun) bool {
	return s.whole || s.rounds >= e.rounds && s.rounds%batches == 0 && (s.uncertain <= e.uncertain || s.ops >= mostOps)
}

// uncertainty returns three standard errors of the mean of rounds, relative to it. They come from the means of batches
// of neighbours, because neighbouring rounds are correlated: a large value of a key that is seldom set lasts for
// many rounds.
func uncertainty(rounds []float64) float64 {
	each := len(rounds) / batches
	if each == 0 {
		return 1
	}
	var sum, squares float64
	for b := range batches {
		mean := 0.0
		for _, r := range rounds[b*each : (b+1)*each] {
			mean += r / float64(each)
		}
		sum += mean
		squares += float64(mean * mean)
	}
	mean := sum / batches
	variance := max(0, squares/batches-float64(mean*mean)) * batches / (batches - 1)
	return max(leastUncertain, 3*math.Sqrt(variance/batches)/mean)
}

// all returns the latencies of all operations in cycles, ascending.
func (s *longRun) all() []uint64 {
	a := slices.Concat(s.plain, s.gc)
	slices.Sort(a)
	return a
}

// perOp returns the erases of each sector per operation.
func (s *longRun) perOp() []float64 {
	out := make([]float64, len(s.erases))
	for i, n := range s.erases {
		out[i] = float64(n) / float64(s.ops)
	}
	return out
}

// full reports whether err is that of a demand that does not fit in the store.
func full(err error) bool { return errors.Is(err, kvstore.ErrMediaFull) }

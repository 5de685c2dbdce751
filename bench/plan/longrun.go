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

// longRun is how a store fares in the long run: what was measured over whole rounds of its two areas, a
// round being two garbage collections, after a first round that does not count. All that a round erases
// is erased in each round again.
type longRun struct {
	ops         uint64 // operations that were asked for
	rounds      int
	uncertain   float64 // of operations in a round: three standard errors, relative
	plain, gc   []uint64
	erases      []uint32 // by erase unit, as Device.worn has them
	counters    model.Counters
	live        float64 // bytes of live records, mean
	unit, area  uint32
	master      uint32 // bytes of an area before its first record
	whole       bool   // a sector came to its rated erases: nothing is extrapolated
	lifeOps     uint64 // operations until then
	worstSector int
}

// effort is how long is simulated.
type effort struct {
	uncertain float64   // at which a simulation may end
	rounds    int       // that are measured at least; a multiple of batches
	fills     []float64 // shares of an area that live data take in the picture of times against live data
}

// thorough is the effort of a plan: well within the 1 % that it may be off.
var thorough = effort{0.003, 32, []float64{0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}}

// quick is the effort of plan.quick.
var quick = effort{0.009, 16, []float64{0.1, 0.3, 0.6, 0.9}}

const (
	// leastUncertain is what is said where every round was like the one before.
	leastUncertain = 0.001
	// batches are what rounds are put together in: their means hardly depend on each other.
	batches = 16
	// mostOps ends a simulation whose rounds differ too much.
	mostOps = 1_500_000
)

// settle lets a device live with a demand until what it measures is steady, or a sector has been
// erased as often as it is rated for. A demand that does not fit is kvstore.ErrMediaFull. When ctx ends
// the error is ctx's.
func settle(ctx context.Context, d *bench.Device, dm *demand, seed uint64, until func(s *longRun) bool) (*longRun, error) {
	t := newTraffic(dm, seed)
	if err := t.l.Provision(d.KV); err != nil {
		return nil, err
	}
	// The next boot: from now on the master record is a key like any other.
	if err := d.KV.Open(); err != nil {
		return nil, err
	}
	store := d.DataStore()
	l := store.Layout()
	s := &longRun{unit: l.Unit, area: l.Size, master: l.First}
	f := d.Flash
	var rounds []float64 // operations of each
	var before model.Counters
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
			started, from, last, before, first = true, t.passed, t.passed, f.Counters(), erasesOf(wear)
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
		s.counters = bench.Since(f.Counters(), before)
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
		return s, nil
	}
}

// erasesOf are the erases alone.
func erasesOf(wear []bench.UnitWear) (n []uint32) {
	for _, w := range wear {
		n = append(n, w.Erases)
	}
	return n
}

// errNeverCollects is a store that no demand fills: it does not wear.
var errNeverCollects = errors.New("no garbage collection in as many operations as are simulated: the store is larger than it needs to be")

// enough is when a simulation may end.
func (e *effort) enough(s *longRun) bool {
	return s.whole || s.rounds >= e.rounds && s.rounds%batches == 0 && (s.uncertain <= e.uncertain || s.ops >= mostOps)
}

// uncertainty is three standard errors of the mean of rounds, relative to it, from the means of batches
// of neighbours: rounds next to each other are alike where keys that are seldom set have values of many
// sizes.
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
		squares += mean * mean
	}
	mean := sum / batches
	variance := max(0, squares/batches-mean*mean) * batches / (batches - 1)
	return max(leastUncertain, 3*math.Sqrt(variance/batches)/mean)
}

// all are the latencies of all operations, ascending.
func (s *longRun) all() []uint64 {
	a := slices.Concat(s.plain, s.gc)
	slices.Sort(a)
	return a
}

// perOp is how often each sector is erased for an operation.
func (s *longRun) perOp() []float64 {
	out := make([]float64, len(s.erases))
	for i, n := range s.erases {
		out[i] = float64(n) / float64(s.ops)
	}
	return out
}

// full tells that a demand does not fit in the store.
func full(err error) bool { return errors.Is(err, kvstore.ErrMediaFull) }

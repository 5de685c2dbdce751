package kv

import (
	"fmt"
	"math"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
)

// Sweep says which store does what on which device. Cut cuts the power at every step of it; Live, Fail and
// Attack look at the same in other ways.
type Sweep struct {
	Device      explore.Device
	Profile     kvstore.Profile
	New         sut.Software // a store of your own; nil: TDBStore in Profile
	Build       string       // of a store of your own: tells its builds apart, in journals and findings
	Seed        uint64
	Ops         []script.Op                // the workload; nil: one made from Seed for the size of the device
	Collections uint64                     // of a made workload on TDBStore: it goes on until so many garbage collections are over
	Modes       []string                   // names of modes; nil: explore.DefaultModes
	MaxCuts     uint64                     // 0: every step; else steps are drawn so that about this many cuts result
	Most        uint64                     // no more cuts than these; 0: any number
	Short       uint64                     // not 0: every step is cut of calls with up to so many steps, and no other one
	Draws       int                        // cuts of each step in each mode, with seeds of their own; 0: one
	Deep        bool                       // also cut every step of the recovery and of the set after it
	DeepSteps   uint64                     // with Deep: about so many of these steps; 0: every one
	Workers     int                        // 0: one for each processor
	Defects     kvstore.Defects            // defects of the past that the store shows
	Repairs     kvstore.Repairs            // repairs that it has, beside those of its profile
	Secure      bool                       // the store is a SecureStore over two TDBStores, see secureStore
	Took        func(*explore.Call) uint64 // nanoseconds of one step, which cuts are weighed by; nil: they are counted alone
	Journal     string                     // file that keeps what is explored; a sweep that was stopped resumes from it. "": none
	Piece       *explore.Piece             // some chunks of Cut alone, into it; nil: all
	plain       bool                       // read every record anew, for comparison
}

// identity is what the outcome depends on, for a journal.
func (c *Sweep) identity() any {
	return []any{"kv", c.Device, c.profile(), c.Seed, c.Ops, c.Collections, c.Modes, c.MaxCuts, c.Most, c.Short, c.Draws, c.Deep, c.DeepSteps, c.Defects, c.Repairs, c.Secure, c.Build}
}

// ownProfile is the profile of a store that is not part of dualbank.
const ownProfile = "own"

func (c *Sweep) profile() string {
	if c.New != nil {
		return ownProfile
	}
	return c.Profile.String()
}

// software makes the store under test.
func (c *Sweep) software() sut.Software {
	if c.New != nil {
		return c.New
	}
	opts := kvstore.Options{Profile: c.Profile, Memo: !c.plain, Defects: c.Defects, Repairs: c.Repairs}
	return func(dev kvstore.BlockDevice) sut.Store {
		if c.Secure {
			return sut.NewSecureStore(dev, opts)
		}
		return kvstore.NewTDB(dev, opts)
	}
}

// depth says how deep the sweep goes.
func (c *Sweep) depth() string {
	switch {
	case !c.Deep:
		return ""
	case c.DeepSteps == 0:
		return ", a second cut at every step of the recovery"
	}
	return fmt.Sprintf(", second cuts at some %d steps of each recovery", c.DeepSteps)
}

// madeOps is the length of a made workload for a store that does not tell of its collections.
const madeOps = 400

// next returns the next operation of the workload for a store: of those given, what the store can do; or made
// ones, until the collections asked for are over, and a few more.
func (c *Sweep) next(s sut.Store) func() (script.Op, bool) {
	can, made := sut.Abilities(s), 0
	if c.Ops != nil {
		return func() (op script.Op, ok bool) {
			for !ok && made < len(c.Ops) {
				op, ok = can.Fit(c.Ops[made])
				made++
			}
			return op, ok
		}
	}
	tdb, _ := s.(*kvstore.TDBStore)
	var log script.Log
	if tdb != nil {
		log = tdb
	}
	w := script.NewWorkload(c.Seed, c.Device.Size/2, can, log)
	last, collected := madeOps, 0
	return func() (script.Op, bool) {
		if tdb != nil {
			last = math.MaxInt
			if tdb.Collections() >= max(c.Collections, 1) {
				last = collected + 8
			} else {
				collected = made
			}
		}
		op, ok := can.Fit(w.Next())
		for !ok {
			op, ok = can.Fit(w.Next())
		}
		made++
		return op, made <= last
	}
}

// workload returns what the store can do of c.Ops, or generates operations until it fails to reopen.
func (c *Sweep) workload() (ops []script.Op, err error) {
	f, dev, err := c.Device.Region()
	if err != nil {
		return nil, err
	}
	store := c.software()(dev)
	made := c.Ops == nil
	if made && store.Open() != nil {
		return []script.Op{{Kind: script.Reboot}}, nil // which is to be found
	}
	next := c.next(store)
	for !made || len(ops) < madeOps {
		op, ok := next()
		if !ok {
			break
		}
		ops = append(ops, op)
		// What fails here is looked at when it happens again.
		if made && sut.Do(&op, store, f) != nil && op.Kind == script.Reboot {
			break
		}
	}
	return ops, nil
}

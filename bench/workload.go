package bench

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/random"
)

// Workload is the [workload] section: sets of keys that are drawn by weight, and some removes, at a rate in
// virtual time.
type Workload struct {
	SetsPerHour uint32 `toml:"sets_per_hour" comment:"Sets and removes in an hour of virtual time, at irregular intervals."`
	Hours       uint32 `toml:"hours" comment:"How long, after every key was set once."`
	Removes     uint32 `toml:"removes_permille" comment:"Of 1000 sets, how many are removes of a key that is there."`
	Reads       uint32 `toml:"reads" comment:"Gets after each set, of keys drawn likewise."`
	Keys        []Key  `toml:"keys,inline,multiline" comment:"Name without its /kv/, bytes of a value from least to most, and how often the key is drawn."`
}

// Key is one key of a workload.
type Key struct {
	Name   string    `toml:"name"`
	Bytes  [2]uint32 `toml:"bytes"`
	Weight uint32    `toml:"weight"`
}

// MaxKeys bounds the keys of a workload; forbiddenInKeys are the characters that no key has.
const (
	MaxKeys         = 10_000
	maxWeight       = 1_000_000_000
	ForbiddenInKeys = " */?:;\"|<>\\\x00"
)

// maxOperations bounds one workload run, whose latencies are all kept: a set a minute for 15 years.
const maxOperations = 8_000_000

func (w *Workload) check() error {
	bad := func(key, format string, args ...any) error {
		return fmt.Errorf("workload.%s: %s", key, fmt.Sprintf(format, args...))
	}
	switch {
	case w.SetsPerHour == 0 || w.SetsPerHour > 3_600_000:
		return bad("sets_per_hour", "%d: give 1 to 3600000", w.SetsPerHour)
	case w.Hours == 0 || uint64(w.Hours)*uint64(w.SetsPerHour) > maxOperations:
		return bad("hours", "%d hours of %d sets: give at least 1 hour and at most %d sets", w.Hours, w.SetsPerHour, maxOperations)
	case w.Removes > 500:
		return bad("removes_permille", "%d: give 0 to 500", w.Removes)
	case w.Reads > 1000:
		return bad("reads", "%d: give 0 to 1000", w.Reads)
	case len(w.Keys) == 0 || len(w.Keys) > MaxKeys:
		return bad("keys", "%d keys: give 1 to %d", len(w.Keys), MaxKeys)
	}
	names := make(map[string]bool, len(w.Keys))
	sum := uint64(0)
	for i, k := range w.Keys {
		at := fmt.Sprintf("keys[%d]", i)
		switch {
		case k.Name == "" || len(k.Name) >= kvstore.MaxKey || strings.ContainsAny(k.Name, ForbiddenInKeys):
			return bad(at, "name %q: give 1 to %d characters without any of ` */?:;\"|<>\\`", k.Name, kvstore.MaxKey-1)
		case names[k.Name]:
			return bad(at, "name %q stands there twice: name each key once", k.Name)
		case k.Weight > maxWeight:
			return bad(at, "weight %d: give 0 to %d", k.Weight, maxWeight)
		case k.Bytes[0] > k.Bytes[1] || k.Bytes[1] > 1<<20:
			return bad(at, "bytes %d to %d: give the least size first, up to %d", k.Bytes[0], k.Bytes[1], 1<<20)
		}
		names[k.Name] = true
		sum += uint64(k.Weight)
	}
	if sum == 0 {
		return bad("keys", "all weights are 0: give one of them more")
	}
	return nil
}

// Load draws the operations of a workload and knows what the store must hold after each. It is not safe for
// concurrent use.
type Load struct {
	w      *Workload
	rng    *random.Source
	bounds []uint64 // of the weights' running sum, by key
	held   []held   // by key
	buf    []byte   // for values that are read
	before []byte   // value before an operation that a watchdog may interrupt
}

// held is what the store holds under a key.
type held struct {
	value   []byte
	present bool
}

// NewLoad returns a Load for a store that has none of the workload's keys. Its draws depend on seed alone.
func NewLoad(w *Workload, seed uint64) *Load {
	l := &Load{w: w, rng: random.New(seed), held: make([]held, len(w.Keys))}
	sum, longest := uint64(0), uint32(0)
	for i, k := range w.Keys {
		sum += uint64(k.Weight)
		longest = max(longest, k.Bytes[1])
		l.bounds = append(l.bounds, sum)
		l.held[i].value = make([]byte, 0, k.Bytes[1])
	}
	l.buf = make([]byte, longest+1)
	return l
}

// Draw returns the index of a key, drawn by weight.
func (l *Load) Draw() int {
	at := l.rng.Uint64n(l.bounds[len(l.bounds)-1])
	i, found := slices.BinarySearch(l.bounds, at)
	if found {
		i++
	}
	// Keys of weight 0 repeat the bound before them.
	for l.w.Keys[i].Weight == 0 {
		i++
	}
	return i
}

// Provision opens the store and sets every key once, as is done when a device is made.
func (l *Load) Provision(store kvstore.Store) error {
	if err := store.Open(); err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	for i := range l.w.Keys {
		if err := l.Set(store, i); err != nil {
			return err
		}
	}
	return nil
}

// Size draws the size in bytes of a value for key i.
func (l *Load) Size(i int) uint32 {
	k := &l.w.Keys[i]
	return k.Bytes[0] + uint32(l.rng.Intn(int(k.Bytes[1]-k.Bytes[0])+1))
}

// Chance draws true with a probability of permille in 1000.
func (l *Load) Chance(permille uint32) bool { return l.rng.Intn(1000) < int(permille) }

// Held returns the size in bytes of what the store holds under key i; ok is false if it holds nothing.
func (l *Load) Held(i int) (size uint32, ok bool) {
	return uint32(len(l.held[i].value)), l.held[i].present
}

// Set sets key i to a new value of a drawn size.
func (l *Load) Set(store kvstore.Store, i int) error { return l.SetSize(store, i, l.Size(i)) }

// SetSize sets key i to a new value of size bytes, at most the largest size of the key.
func (l *Load) SetSize(store kvstore.Store, i int, size uint32) error {
	k, h := &l.w.Keys[i], &l.held[i]
	h.value = h.value[:size]
	l.rng.Fill(h.value)
	h.present = true
	if err := store.Set(k.Name, h.value, 0); err != nil {
		return fmt.Errorf("set of %s, %d bytes: %w", k.Name, len(h.value), err)
	}
	return nil
}

// Remove removes key i.
func (l *Load) Remove(store kvstore.Store, i int) error {
	l.held[i].present = false
	if err := store.Remove(l.w.Keys[i].Name); err != nil {
		return fmt.Errorf("remove of %s: %w", l.w.Keys[i].Name, err)
	}
	return nil
}

// Get reads key i. A value other than the one that was set is an error.
func (l *Load) Get(store kvstore.Store, i int) error {
	h, name := &l.held[i], l.w.Keys[i].Name
	n, err := store.Get(name, l.buf, 0)
	switch {
	case !h.present && err == kvstore.ErrItemNotFound:
		return nil
	case !h.present:
		return fmt.Errorf("get of %s, which was removed: %d bytes, error %v", name, n, err)
	case err != nil:
		return fmt.Errorf("get of %s: %w", name, err)
	case !bytes.Equal(l.buf[:n], h.value):
		return fmt.Errorf("get of %s: the %d bytes that were read are not the %d that were set", name, n, len(h.value))
	}
	return nil
}

// Sets is what RunWorkload measured, without the first set of every key. Times are in core cycles.
type Sets struct {
	Driver      string
	Plain       []uint64 // latencies of sets and removes without garbage collection, ascending
	GC          []uint64 // latencies of those with garbage collection, ascending
	Gets        []uint64 // latencies of gets, ascending
	Removes     uint64
	ValueBytes  uint64 // of the values that were set
	LiveBytes   uint64 // of the values held at the end
	Cycles      uint64 // virtual time from the first operation to the last
	Counters    model.Counters
	Collections uint64
	Spent       [2][2]uint64      // cycles of erasing and of programming, by sets and removes without garbage collection and with it
	External    model.NORCounters // of the external flash, if the keys are on it
	Wear        []model.Wear      // of the internal flash, at the end
	worst       uint32            // erases of the most erased sector, internal or external
	Life        Life
	Latencies   []model.Latency // of the application's interrupts
	Resets      Resets
	Opening     uint64 // of the store as the workload leaves it
	Ready       uint64 // from a reset to the application with the store open
}

// Count returns the number of sets and removes.
func (s *Sets) Count() uint64 { return uint64(len(s.Plain) + len(s.GC)) }

// RunWorkload sets every key of the workload once and then runs the workload for its hours, with the
// application beside it. A key that reads back wrong is an error, and so is a full store
// (kvstore.ErrMediaFull, wrapped); what resets by the watchdog leave is counted. When ctx ends it returns what
// was measured so far together with ctx's error. progress may be nil.
func (d *Device) RunWorkload(ctx context.Context, w *Workload, seed uint64, progress func(done, total uint64)) (*Sets, error) {
	f, l := d.Flash, NewLoad(w, seed)
	if err := l.Provision(d.KV); err != nil {
		return nil, err
	}
	total := uint64(w.Hours) * uint64(w.SetsPerHour)
	s := &Sets{
		Driver: d.Driver,
		Plain:  make([]uint64, 0, total),
		Gets:   make([]uint64, 0, total*uint64(w.Reads)),
	}
	start, before, outside, collections := f.Now(), f.Counters(), d.NORCounters(), d.collections()
	life := newLifeRecorder(d)
	if err := f.Run(d.app); err != nil {
		return nil, err
	}
	interval := f.Hz() * 3600 / uint64(w.SetsPerHour)
	due := start
	var failed error
	for n := uint64(0); n < total && failed == nil; n++ {
		if n%256 == 0 {
			if failed = ctx.Err(); failed != nil {
				break
			}
			if progress != nil {
				progress(n, total)
			}
		}
		// Intervals are uniform from 0 to twice the mean.
		if due += l.rng.Uint64n(2*interval + 1); due > f.Now() {
			f.Wait(due - f.Now())
		}
		i := l.Draw()
		was := d.remember(l, i)
		remove := l.held[i].present && l.Chance(w.Removes)
		began, gcs := f.Now(), d.collections()
		erasing, programming := f.Spent()
		if remove {
			failed = l.Remove(d.KV, i)
		} else {
			failed = l.Set(d.KV, i)
		}
		if f.Off() {
			failed = d.revive(l, i, was, &s.Resets)
			continue
		}
		if remove {
			s.Removes++
		} else {
			s.ValueBytes += uint64(len(l.held[i].value))
		}
		kind := 0
		if took := f.Now() - began; d.collections() == gcs {
			s.Plain = append(s.Plain, took)
		} else {
			kind = 1
			s.GC = append(s.GC, took)
			life.collected()
		}
		e, p := f.Spent()
		s.Spent[kind][0] += e - erasing
		s.Spent[kind][1] += p - programming
		for r := uint32(0); r < w.Reads && failed == nil; r++ {
			began := f.Now()
			failed = l.Get(d.KV, l.Draw())
			s.Gets = append(s.Gets, f.Now()-began)
		}
	}
	s.Cycles = f.Now() - start
	s.Latencies = f.Latencies()
	if err := f.Run(model.App{}); err != nil {
		return nil, err
	}
	s.Counters = f.Counters().Since(before)
	s.Collections = d.collections() - collections
	s.External = d.NORCounters().Since(outside)
	s.Wear = f.Wear()
	for _, w := range d.Wear() {
		s.worst = max(s.worst, w.Erases)
	}
	s.Life = life.life(s.Cycles)
	slices.Sort(s.Plain)
	slices.Sort(s.GC)
	slices.Sort(s.Gets)
	for i := range l.held {
		if failed == nil {
			failed = l.Get(d.KV, i)
		}
		if l.held[i].present {
			s.LiveBytes += uint64(len(l.held[i].value))
		}
	}
	if failed != nil && ctx.Err() == nil {
		failed = fmt.Errorf("after %d sets: %w", s.Count(), failed)
	}
	if failed == nil {
		s.Opening, failed = d.OpenTime()
	}
	if failed == nil {
		s.Ready, failed = d.Ready()
	}
	return s, failed
}

// Quantile returns the smallest of the ascending values that is at least as large as permille in 1000 of them,
// and 0 if there are none.
func Quantile(permille int, sorted []uint64) uint64 {
	if len(sorted) == 0 {
		return 0
	}
	i := (len(sorted)*permille + 999) / 1000
	return sorted[max(i-1, 0)]
}

// All returns the latencies of all sets and removes in cycles, ascending.
func (s *Sets) All() []uint64 {
	a := slices.Concat(s.Plain, s.GC)
	slices.Sort(a)
	return a
}

package plan

import (
	"fmt"
	"slices"

	"dualbank/bench"
	"dualbank/kvstore"
	"dualbank/results/unit"
)

// demand is what a store has to take.
type demand struct {
	w      *bench.Workload // keys, weights and removes; of a trace, its keys alone
	perDay float64         // sets and removes a day
	trace  *Trace          // nil: operations are drawn
	extra  uint32          // bytes that a SecureStore adds to a value

	assumed []string // what of it is a default: see bench.Plan
}

// demandOf returns the scenario's demand. An error is one line.
func demandOf(s *bench.Scenario) (*demand, error) {
	p, extra := &s.Plan, uint32(0)
	if s.ExternalStorage() {
		extra = bench.SecureBytes
	}
	if p.TraceFile == nil {
		perDay := p.SetsPerDay
		if perDay == 0 {
			perDay = 24 * float64(s.Workload.SetsPerHour)
		}
		return &demand{w: &s.Workload, perDay: perDay, extra: extra, assumed: p.Assumed}, nil
	}
	t, err := ParseTrace(p.Trace, p.TraceFile)
	if err != nil {
		return nil, err
	}
	perDay := float64(len(t.Ops)) / t.Span * 86400
	if !(perDay >= 1e-3 && perDay <= bench.MaxSetsPerDay) {
		return nil, fmt.Errorf("%s: %g operations a day: give a trace of 0.001 to %g", p.Trace, perDay, bench.MaxSetsPerDay)
	}
	return &demand{w: &bench.Workload{Keys: t.Keys}, perDay: perDay, trace: t, extra: extra}, nil
}

// byDefault marks a wish that is a default.
func byDefault(assumed []string, name string) string {
	if slices.Contains(assumed, name) {
		return " (default)"
	}
	return ""
}

// String returns the demand as a text: "40 keys of 16 to 600 bytes, 500 sets a day".
func (d *demand) String() string {
	lo, hi := d.w.Keys[0].Bytes[0], uint32(0)
	for _, k := range d.w.Keys {
		lo, hi = min(lo, k.Bytes[0]), max(hi, k.Bytes[1])
	}
	sizes := fmt.Sprintf("%d to %d", lo, hi)
	if lo == hi {
		sizes = fmt.Sprint(lo)
	}
	text := fmt.Sprintf("%s of %s bytes%s, %.4g sets a day%s", unit.Plural(len(d.w.Keys), "key"), sizes, byDefault(d.assumed, bench.AssumedKeys), d.perDay, byDefault(d.assumed, bench.AssumedSets))
	if d.trace != nil {
		text += fmt.Sprintf(", from a trace of %s", unit.Duration(d.trace.Span))
	}
	return text
}

// record returns the size in bytes of a key's record on flash with program units of unit bytes.
func (d *demand) record(unit uint32, key string, value uint32) uint64 {
	return onFlash(unit, key, value+d.extra)
}

// onFlash returns the size in bytes of a TDBStore's record on flash with program units of unit bytes.
func onFlash(unit uint32, key string, value uint32) uint64 {
	up := func(n uint64) uint64 { return (n + uint64(unit) - 1) / uint64(unit) * uint64(unit) }
	return up(recordHeader) + up(uint64(len(key))+uint64(value))
}

// recordHeader is the size of a TDBStore record's header. The master record has key and value of its own; from the
// first reboot on a garbage collection copies it like any other record.
const (
	recordHeader = 24
	tdbsKey      = "TDBS"
	tdbsValue    = 8
)

// worst returns the bytes that an area must hold in the worst case: the records of all keys with their longest values
// and behind them one more of the longest.
func (d *demand) worst(unit uint32) uint64 {
	sum, longest := onFlash(unit, tdbsKey, tdbsValue), uint64(0)
	for _, k := range d.w.Keys {
		n := d.record(unit, k.Name, k.Bytes[1])
		sum, longest = sum+n, max(longest, n)
	}
	return sum + longest
}

// tableRAM returns the bytes of RAM of the key table, and at its peak while it grows.
func (d *demand) tableRAM() (bytes, peak uint32) {
	return bench.TableRAM(uint32(len(d.w.Keys)), d.extra > 0)
}

// scaled returns a demand with keys of the same sizes and weights, as many as fill about bytes bytes of records.
func (d *demand) scaled(unit uint32, bytes float64) *demand {
	out := &demand{w: &bench.Workload{Removes: d.w.Removes}, perDay: d.perDay, extra: d.extra}
	for i, sum := 0, 0.0; i < bench.MaxKeys; i++ {
		k := d.w.Keys[i%len(d.w.Keys)]
		k.Name = fmt.Sprintf("%.*s#%d", kvstore.MaxKey-8, k.Name, i)
		mean := float64(d.record(unit, k.Name, k.Bytes[0])+d.record(unit, k.Name, k.Bytes[1])) / 2
		if sum += mean; sum > bytes && i > 0 {
			break
		}
		out.w.Keys = append(out.w.Keys, k)
	}
	if !slices.ContainsFunc(out.w.Keys, func(k bench.Key) bool { return k.Weight > 0 }) {
		out.w.Keys[0].Weight = 1
	}
	return out
}

// traffic makes the operations of a demand. It does not wait between them: neither wear nor the time of a set depends
// on when it comes.
type traffic struct {
	d      *demand
	l      *bench.Load
	at     int    // next operation of the trace, which is repeated
	passed uint64 // operations so far, with removes of absent keys, which are skipped
}

// newTraffic returns the traffic of a demand on an empty store.
func newTraffic(d *demand, seed uint64) *traffic { return &traffic{d: d, l: bench.NewLoad(d.w, seed)} }

// next returns the next operation. A remove is of a key that is present, and has no size.
func (t *traffic) next() (key int, size uint32, remove bool) {
	l := t.l
	if t.d.trace == nil {
		t.passed++
		key = l.Draw()
		if _, there := l.Held(key); there && t.d.w.Removes > 0 && l.Chance(t.d.w.Removes) {
			return key, 0, true
		}
		return key, l.Size(key), false
	}
	for {
		op := &t.d.trace.Ops[t.at]
		t.at = (t.at + 1) % len(t.d.trace.Ops)
		t.passed++
		if _, there := l.Held(op.Key); there || !op.Remove {
			return op.Key, op.Bytes, op.Remove
		}
	}
}

// do performs an operation on the store.
func (t *traffic) do(store kvstore.Store, key int, size uint32, remove bool) error {
	if remove {
		return t.l.Remove(store, key)
	}
	return t.l.SetSize(store, key, size)
}

// live returns the bytes of live records in the store.
func (t *traffic) live(unit uint32) uint64 {
	sum := onFlash(unit, tdbsKey, tdbsValue)
	for i := range t.d.w.Keys {
		if size, ok := t.l.Held(i); ok {
			sum += t.d.record(unit, t.d.w.Keys[i].Name, size)
		}
	}
	return sum
}

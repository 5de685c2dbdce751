package kv

import (
	"encoding/binary"
	"fmt"
	"slices"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/results"
)

// recorded is a run of a workload that was performed once, undisturbed.
type recorded struct {
	places
	values  [][]byte          // by operation
	before  []sut.Expectation // before operation i; one more for the end
	keys    []string          // that the judge looks for and writes to
	once    []string          // of these, the ones that it must not write to
	longest int               // bytes of the longest value
	batch   int               // stores that are to be at work at the same time; 0: any number
}

// record runs the workload once. keys and once are those that the judge is to know; nil: those of the
// workload.
func record(c *Sweep, keys, once []string) (*recorded, error) {
	f, dev, err := c.Device.Region()
	if err != nil {
		return nil, err
	}
	store := c.software()(dev)
	if err := store.Open(); err != nil {
		return nil, fmt.Errorf("the store does not open on an erased device (%v): %w", &c.Device, err)
	}
	tdb, _ := store.(*kvstore.TDBStore)
	w := &recorded{places: places{cfg: c, rec: explore.Record(f)}, longest: 64, batch: sut.Batch(store)}
	next := c.next(store)
	var how []sut.Known
	for {
		op, ok := next()
		if !ok {
			break
		}
		w.rec.Operation()
		if tdb != nil {
			w.layout = append(w.layout, tdb.Layout())
		}
		first, gcs := w.rec.Steps, sut.Collections(store)
		k := sut.Succeeded
		if err := sut.Do(&op, store, f); err != nil {
			if op.Kind == script.Reboot {
				return nil, fmt.Errorf("the store does not open after operation %d, without any cut: %w", len(w.ops), err)
			}
			k = sut.Maybe
		}
		how = append(how, k)
		w.ops = append(w.ops, op)
		w.values = append(w.values, op.Value())
		w.longest = max(w.longest, op.Size)
		if n := sut.Collections(store); n > gcs {
			w.collections = append(w.collections, results.Span{Name: fmt.Sprintf("GC %d", n), Start: float64(first), End: float64(w.rec.Steps), Share: 1})
		}
	}
	w.rec.Operation()
	f.Observe(nil)
	if w.keys, w.once = keys, once; keys == nil {
		steps := script.Steps(w.ops)
		w.keys, w.once = script.Keys(steps), script.Once(steps)
	}
	w.expect(how)
	return w, nil
}

// expect works out what must hold before each operation.
func (w *recorded) expect(how []sut.Known) {
	e := sut.NewExpectation(w.keys)
	for i := range w.ops {
		var b sut.Expectation
		b.CopyFrom(e)
		w.before = append(w.before, b)
		e.Apply(&w.ops[i], w.values[i], how[i])
	}
	w.before = append(w.before, *e)
}

// end is a flash with the cells at the end of the run.
func (w *recorded) end() (*model.Flash, error) {
	f, err := w.cfg.Device.Flash()
	if err != nil {
		return nil, err
	}
	f.Restore(w.rec.Start)
	return f, w.rec.Do(f, 0, w.rec.Steps)
}

// places says of each step of a recorded run what it changes.
type places struct {
	cfg         *Sweep
	ops         []script.Op
	rec         *explore.Recording
	collections []results.Span   // garbage collections, in steps
	layout      []kvstore.Layout // by operation, before it; nil: the store has none
}

// afterRecovery is the place of what shows after a second cut only.
var afterRecovery = explore.Place{Op: "set", Part: "second-cut"}

// of is the place that matters for a violation.
func (p *places) of(v explore.Violation, step uint64) explore.Place {
	if v.Second {
		return afterRecovery
	}
	return p.at(step)
}

// at is the place of a step.
func (p *places) at(step uint64) explore.Place {
	op := p.rec.Op(step)
	c := p.rec.Call(step)
	where := explore.Place{Op: string(p.ops[op].Kind)}
	switch p.ops[op].Kind {
	case script.Pieces, script.Remove, script.Abandon:
		where.Op = string(script.Set) // the same on flash
	}
	if slices.ContainsFunc(p.collections, func(m results.Span) bool { return float64(step) >= m.Start && float64(step) < m.End }) {
		where.Op += sut.Collects
	}
	addr := c.Addr - p.cfg.Device.Base
	switch {
	case p.layout != nil:
		where.Part = inArea(c, addr, &p.layout[op])
	case p.cfg.Secure:
		where.Part = c.Kind.String() + "/" + sut.SecurePart(&p.cfg.Device, addr)
	default:
		where.Part = c.Kind.String()
	}
	return where
}

// inArea says what of a TDBStore a call changes, and in which area.
func inArea(c *explore.Call, addr uint32, l *kvstore.Layout) string {
	area, which := l.Active, "/active"
	if addr >= l.Base[1-l.Active] && addr < l.Base[1-l.Active]+l.Size {
		area, which = 1-l.Active, "/standby"
	}
	off := addr - l.Base[area]
	switch {
	case c.Kind == model.Erase:
		return "erase" + which
	case off < l.Master:
		return "reserved" + which
	case off < l.First:
		return "master" + which
	case len(c.Data) >= 4 && binary.LittleEndian.Uint32(c.Data) == sut.RecordMagic:
		return "header" + which
	}
	return "data" + which
}

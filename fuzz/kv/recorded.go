package kv

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

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
		return nil, explore.FailsAlone("the store does not open on an erased device (%v): %w", &c.Device, err)
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
			l := tdb.Layout()
			w.layout, w.rest = append(w.layout, l), append(w.rest, restIn(f, c.Device.Base, &l))
		}
		first, gcs := w.rec.Steps, sut.Collections(store)
		k := sut.Succeeded
		if err := sut.Do(&op, store, f); err != nil {
			if op.Kind == script.Reboot {
				return nil, explore.FailsAlone("the store does not open after operation %d, without any cut: %w", len(w.ops), err)
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
	rest        []bool           // likewise: a set that came to nothing has left something behind the active area's log
}

// afterRecovery is the place of what shows after a second cut only.
var afterRecovery = explore.Place{Op: "set", Part: "second-cut"}

// restOfSet is what a cut leaves where it ends a collection that was to remove it.
const restOfSet = "rest/active"

// of is the place that matters for a violation. Where a set fails after a cut in a collection, what matters is not what the
// collection was writing in the standby area, but what it was to remove from the active one.
func (p *places) of(v explore.Violation, step uint64) explore.Place {
	if v.Second {
		return afterRecovery
	}
	where := p.at(step)
	if p.layout != nil && p.rest[p.rec.Op(step)] && strings.HasSuffix(where.Part, "/standby") && sut.SetFails(v.Symptom) {
		where.Part = restOfSet
	}
	return where
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
		if part, ok := strings.CutSuffix(where.Part, "/standby"); ok && strings.HasSuffix(where.Op, sut.Collects) && step >= p.collected(op) {
			where.Part = part + "/new"
		}
	case p.cfg.Secure:
		where.Part = c.Kind.String() + "/" + sut.SecurePart(&p.cfg.Device, addr)
	default:
		where.Part = c.Kind.String()
	}
	return where
}

// collected is the step of an operation at which the master record counts that its last collection has written.
func (p *places) collected(op int) (step uint64) {
	end := p.rec.Steps
	if op+1 < len(p.rec.Ops) {
		end = p.rec.Ops[op+1]
	}
	step = end
	for at := p.rec.Ops[op]; at < end; {
		c := p.rec.Call(at)
		at = c.First + c.Steps()
		if inArea(c, c.Addr-p.cfg.Device.Base, &p.layout[op]) == "master/standby" {
			step = at
		}
	}
	return step
}

// restIn reports whether anything is programmed behind the log in the active area, up to the end of the sector or as
// far as the header and the key of the next record reach.
func restIn(f *model.Flash, base uint32, l *kvstore.Layout) bool {
	addr, end := base+l.Base[l.Active]+l.Free, base+l.Base[l.Active]+l.Size
	sector := f.Start()
	for sector < addr {
		sector += f.SectorSize(sector)
	}
	if sector == addr {
		return false // it is erased before it is written
	}
	p := make([]byte, min(end, sector, addr+sut.RecordHeader+kvstore.MaxKey)-addr)
	f.Peek(addr, p)
	return slices.ContainsFunc(p, func(b byte) bool { return b != 0xFF })
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

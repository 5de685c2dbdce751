package sut

import (
	"slices"

	"github.com/cespare/xxhash/v2"

	"dualbank/fuzz/explore"
	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/random"
)

// Once does parts of judgements once for all that are alike. What a judge does from a boot on follows from the cells that
// the store reads, from what is expected, and from what the judge draws. Most cuts of an operation differ in cells that no
// recovery reads.
type Once struct {
	Off   bool // every part is done: for comparison, for software that may keep more than cells, for a film
	r     *Run
	done  map[Alike][]known
	spare *cell.Footprint
}

// NewOnce knows of no part.
func NewOnce(r *Run) *Once { return &Once{r: r, done: map[Alike][]known{}} }

// Part is a part of a judgement that begins with a boot.
type Part int

// The parts.
const (
	FirstLook Part = iota // the store is opened and read
	WorkOn                // the rest, once a set has succeeded
	AfterCut              // it is opened and read after a second cut
)

// Alike is what the outcome of a part depends on beside cells, among the judgements of one operation.
type Alike struct {
	Part    Part
	Mode    model.Mode // of the second cut that the part makes; nil: it makes none
	Drawn   uint64     // seed of what it draws
	Steps   uint64     // among which it draws one
	Expects uint64     // Run.Expects
	Acked   bool       // the set that the second cut has hit was acknowledged
}

// known are the parts with one footprint, by the hash of what it held.
type known struct {
	cells *cell.Footprint
	came  map[uint64]outcome
}

// outcome is what a part came to.
type outcome struct {
	bad  []explore.Violation
	then Expectation // after a FirstLook
}

// Forget forgets all parts: another operation begins.
func (o *Once) Forget() { clear(o.done) }

// came returns the outcome of a part that was done on equal cells.
func (o *Once) came(k Alike) (out outcome, ok bool) {
	if o.Off {
		return out, false
	}
	for _, n := range o.done[k] {
		h, plain := o.r.F.HashOf(n.cells)
		if !plain {
			return out, false
		}
		if out, ok = n.came[h]; ok {
			return out, true
		}
	}
	return out, false
}

// follow begins to note the footprint of a part. It reports false where cells may not read as they stand.
func (o *Once) follow() bool {
	if o.Off {
		return false
	}
	if o.spare == nil {
		o.spare = &cell.Footprint{}
	}
	o.r.F.Follow(o.spare)
	_, plain := o.r.F.HashOf(o.spare)
	return plain
}

// keep keeps the outcome of a part whose footprint was noted. The cells are those that it began with.
func (o *Once) keep(k Alike, out outcome) {
	o.r.F.Follow(nil)
	h, plain := o.r.F.HashOf(o.spare)
	if !plain {
		return
	}
	all := o.done[k]
	i := slices.IndexFunc(all, func(n known) bool { return n.cells.Equal(o.spare) })
	if i < 0 {
		i = len(all)
		all = append(all, known{o.spare, map[uint64]outcome{}})
		o.spare = nil
	}
	all[i].came[h] = out
	o.done[k] = all
}

// Do does a part after which nothing of the cells is needed, unless it was done on equal cells. retold says that one that
// broke a rule may be told of again in the same words.
func (o *Once) Do(k Alike, retold bool, do func()) {
	r := o.r
	if out, ok := o.came(k); ok {
		r.again(out.bad)
		return
	}
	follows := o.follow()
	if follows {
		r.F.Mark()
	}
	before := r.Bad
	r.Bad = nil
	do()
	bad := r.Bad
	r.Bad = before
	if follows {
		r.F.Rollback()
		if retold || bad == nil {
			o.keep(k, outcome{bad: bad})
		}
	}
	r.F.Follow(nil)
	r.again(bad)
}

// again reports violations that a part of the judgement came to.
func (r *Run) again(bad []explore.Violation) {
	for _, v := range bad {
		if !slices.ContainsFunc(r.Bad, func(o explore.Violation) bool { return o.Symptom == v.Symptom }) {
			r.Bad = append(r.Bad, v)
		}
	}
}

// Open is a boot, an open and a look. ok is false if the store does not open, and sound if it does not read as expected. What
// is read on equal cells, where nothing is wrong, is read once; the store is open in any case.
func (o *Once) Open() (ok, sound bool) {
	r, k := o.r, Alike{Part: FirstLook}
	if out, known := o.came(k); known {
		if ok = r.Reopen(RuleOpens, ""); ok {
			r.Exp.CopyFrom(&out.then)
			r.Resetting = false
		}
		return ok, ok
	}
	follows := o.follow()
	if ok = r.Reopen(RuleOpens, ""); ok {
		sound = r.Look("")
	}
	if follows && sound && len(r.Bad) == 0 && r.F.Steps() == 0 {
		var out outcome
		out.then.CopyFrom(&r.Exp)
		o.keep(k, out)
	}
	r.F.Follow(nil)
	return ok, sound
}

// Expects is a hash of what is expected otherwise than before the operation.
func (r *Run) Expects() (h uint64) {
	add := func(i int, now, was *ValueState) {
		if now.Either || !Same(now.Now, was.Now) {
			h = random.Mix(i, h) ^ xxhash.Sum64(now.Now)
			if now.Now == nil {
				h++ // an empty value is there
			}
			if now.Either {
				h = random.Mix(i, h) ^ xxhash.Sum64(now.Other)
			}
		}
	}
	for i := range r.Exp.Keys {
		add(i, &r.Exp.Keys[i].ValueState, &r.Before.Keys[i].ValueState)
	}
	add(len(r.Exp.Keys), &r.Exp.Reserved, &r.Before.Reserved)
	return h
}

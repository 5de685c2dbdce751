package sut

import (
	"errors"
	"fmt"
	"slices"

	"dualbank/fuzz/explore"
	"dualbank/kvstore"
)

// Look reads everything back. It reports whether the store is sound enough to go on.
func (r *Run) Look(when string) bool {
	sound := true
	for i := range r.Exp.Keys {
		k := &r.Exp.Keys[i]
		v, err := r.Get(k.Name)
		if err == nil && k.allows(v) {
			continue
		}
		sound = false
		r.wrong(i, k, v, err, when)
		if err == nil {
			k.ValueState = ValueState{Now: slices.Clone(v)} // what follows is to be judged by what is there
		}
		if r.F.Faulted() {
			return false
		}
	}
	if sound && r.Resetting {
		sound = r.allOrNothing(when)
	}
	if sound {
		r.list(when) // beside a wrong value it would say the same again
		r.answersOne(when)
	}
	r.reservedData(when)
	return sound && !r.F.Faulted()
}

// Read makes the calls of a Reopen and of a Look that finds nothing wrong on s.
func (r *Run) Read(s Store) {
	_ = s.Open()
	for i := range r.Exp.Keys {
		_, _ = s.Get(r.Exp.Keys[i].Name, r.Buf, 0)
	}
	_, _ = s.Iterate("")
}

// LookRunning looks at a store that runs. One that answers wrongly is one violation, whatever the answers
// are: its idea of the flash is wrong. What is expected stays, for what a reboot finds.
func (r *Run) LookRunning(when string) (sound bool) {
	n := len(r.Bad)
	var exp Expectation
	exp.CopyFrom(&r.Exp)
	if sound = r.Look(explore.After("running", when)); !sound {
		first := r.Bad[n]
		r.Bad = r.Bad[:n]
		r.Exp.CopyFrom(&exp)
		r.Report(explore.Symptom{Rule: RuleDurable, Kind: "running-wrong", When: when}, first.Expected, first.Seen)
	}
	return sound
}

// allOrNothing looks at a reset that was in flight: all keys are gone, or none is.
func (r *Run) allOrNothing(when string) bool {
	gone, kept := -1, -1
	for i := range r.Exp.Keys {
		switch {
		case r.Before.Keys[i].Now == nil || r.Before.Keys[i].Either:
		case r.Exp.Keys[i].Now == nil:
			gone = i
		default:
			kept = i
		}
	}
	r.Resetting = false
	if gone < 0 || kept < 0 {
		return true
	}
	r.Report(explore.Symptom{Rule: RuleAtomic, Kind: "half-reset", When: when}, "all keys or none",
		fmt.Sprintf("%q is missing, %q is there", r.Exp.Keys[gone].Name, r.Exp.Keys[kept].Name))
	return false
}

// Get reads a value; missing is nil without an error. The bytes are valid until the next call.
func (r *Run) Get(key string) ([]byte, error) {
	n, err := r.Store.Get(key, r.Buf, 0)
	switch {
	case err == nil:
		return r.Buf[:n:n], nil
	case errors.Is(err, kvstore.ErrItemNotFound):
		return nil, nil
	}
	return nil, err
}

// wrong reports that key i reads as v and err.
func (r *Run) wrong(i int, k *Key, v []byte, err error, when string) {
	sym := explore.Symptom{Rule: RuleDurable, Op: "key-stored", When: when}
	switch {
	case i == r.Flight:
		sym.Rule, sym.Op = RuleAtomic, InFlight
	case k.Flags&kvstore.FlagWriteOnce != 0:
		sym.Rule, sym.Op = RuleWriteOnce, "key-once"
	case k.Now == nil:
		sym.Op = "key-removed"
	}
	seen := ""
	switch {
	case r.F.Faulted():
		sym.Kind, sym.Error = kindFaults, r.exception()
		seen = fmt.Sprintf("get %q: %v", k.Name, err)
	case err != nil:
		sym.Kind, sym.Error = KindUnreadable, ErrorName(err)
		seen = fmt.Sprintf("get %q: %v", k.Name, err)
	case v == nil:
		sym.Kind, seen = "missing", fmt.Sprintf("%q is missing", k.Name)
	case k.Now == nil && !k.Either:
		sym.Kind, seen = "back", fmt.Sprintf("%q has %d bytes", k.Name, len(v))
	default:
		sym.Kind, seen = "changed", fmt.Sprintf("%q has %d bytes that were never stored", k.Name, len(v))
		if len(v) == len(k.Now) && len(v) > 0 {
			at := 0
			for at < len(v) && v[at] == k.Now[at] {
				at++
			}
			seen = fmt.Sprintf("%q has %d bytes that differ from byte %d on", k.Name, len(v), at)
		}
	}
	want := Describe(k.Now)
	if k.Either {
		want += " or " + Describe(k.Other)
	}
	r.Report(sym, fmt.Sprintf("%q: %s", k.Name, want), seen)
}

// keyIterator is an iterator that needs no new string for each key.
type keyIterator interface {
	NextKey(buf []byte) (int, error)
}

type copying struct{ kvstore.Iterator }

func (c copying) NextKey(buf []byte) (int, error) {
	key, err := c.Next()
	return copy(buf, key), err
}

// list walks the iterator: exactly the keys that exist, each once.
func (r *Run) list(when string) {
	it, err := r.Store.Iterate("")
	if err != nil {
		r.Report(explore.Symptom{Rule: RuleNoMore, Kind: "no-list", When: when, Error: ErrorName(err)}, "the list of keys", "iterator: "+err.Error())
		return
	}
	defer it.Close()
	r.gen++
	want := 0
	for i := range r.Exp.Keys {
		if r.Exp.Keys[i].Now != nil {
			want++
		}
	}
	got, nth := 0, 0
	keys, ok := it.(keyIterator)
	if !ok {
		keys = copying{it}
	}
	for {
		n, err := keys.NextKey(r.name[:])
		key := r.name[:n]
		if errors.Is(err, kvstore.ErrItemNotFound) {
			break
		}
		if r.F.Faulted() {
			r.Report(explore.Symptom{Rule: RuleNoMore, Kind: kindFaults, Op: "list", When: when, Error: r.exception()}, "the list of keys", "next: "+err.Error())
			return
		}
		if err != nil {
			r.Report(explore.Symptom{Rule: RuleNoMore, Kind: "short-list", When: when, Error: ErrorName(err)}, "the list of keys", "next: "+err.Error())
			return
		}
		i, ok := r.indexOf(key, nth)
		nth++
		switch {
		case !ok && r.Own[string(key)]:
			continue
		case !ok || r.Exp.Keys[i].Now == nil:
			r.Report(explore.Symptom{Rule: RuleNoMore, Kind: "ghost-key", When: when}, "keys that were set", fmt.Sprintf("%q is listed", key))
			if got++; got > len(r.Exp.Keys) {
				return // a list without an end
			}
		case r.listed[i] == r.gen:
			r.Report(explore.Symptom{Rule: RuleNoMore, Kind: "listed-twice", When: when}, "each key once", fmt.Sprintf("%q is listed again", key))
		default:
			r.listed[i] = r.gen
			got++
		}
	}
	if got < want {
		for i := range r.Exp.Keys {
			if k := &r.Exp.Keys[i]; k.Now != nil && r.listed[i] != r.gen {
				r.Report(explore.Symptom{Rule: RuleNoMore, Kind: "unlisted", When: when}, fmt.Sprintf("%q is listed", k.Name), fmt.Sprintf("%d of %d keys are listed", got, want))
				return
			}
		}
	}
}

// indexOf finds a key that is listed in place nth. Lists are mostly alike: it is the key that was listed there
// before.
func (r *Run) indexOf(key []byte, nth int) (i int, ok bool) {
	if nth < len(r.order) {
		if i = r.order[nth]; r.Exp.Keys[i].Name == string(key) {
			return i, true
		}
	}
	if i, ok = r.Exp.Index[string(key)]; !ok {
		return 0, false
	}
	for len(r.order) <= nth {
		r.order = append(r.order, i)
	}
	r.order[nth] = i
	return i, true
}

// reservedData is rule 5.
func (r *Run) reservedData(when string) {
	s := &r.Exp.Reserved
	if s.Now == nil && !s.Either || !r.can.Reserved {
		return
	}
	if r.F.Faulted() {
		return
	}
	n, err := r.Store.(Reserver).Reserved(r.Buf)
	v := r.Buf[:n]
	if errors.Is(err, kvstore.ErrItemNotFound) {
		v, err = nil, nil
	}
	if r.F.Faulted() {
		r.Report(explore.Symptom{Rule: RuleReserved, Kind: kindFaults, Op: "reserved-data", When: when, Error: r.exception()}, Describe(s.Now), err.Error())
		return
	}
	if err != nil {
		r.Report(explore.Symptom{Rule: RuleReserved, Kind: "reserved-lost", When: when, Error: ErrorName(err)}, Describe(s.Now), err.Error())
		return
	}
	was := s.Now
	if !s.allows(v) {
		seen := "missing"
		if v != nil {
			seen = fmt.Sprintf("%d bytes that were never stored", len(v))
		}
		r.Report(explore.Symptom{Rule: RuleReserved, Kind: "reserved-changed", When: when}, Describe(was), seen)
	}
}

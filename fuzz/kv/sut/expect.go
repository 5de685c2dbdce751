package sut

import (
	"bytes"
	"fmt"

	"dualbank/fuzz/kv/script"
	"dualbank/kvstore"
	"dualbank/results"
)

// Expectation is what a KVStore must hold at some moment of a workload: for every key its value, or
// two that are allowed until it is read.
type Expectation struct {
	Keys     []Key
	Index    map[string]int
	Reserved ValueState
}

// Key is what is known of one key. A key that was never set is in the table too, as missing.
type Key struct {
	Name string
	ValueState
	Flags kvstore.Flags
	Loose bool // a set with other flags may have been done
}

// Holds says that the key has been set to v.
func (k *Key) Holds(v []byte, flags kvstore.Flags) {
	k.become(v, Succeeded)
	k.Flags, k.Loose = flags, false
}

// May says that the key may have been set to v.
func (k *Key) May(v []byte, flags kvstore.Flags) {
	k.become(v, Maybe)
	k.Loose = k.Loose || flags != k.Flags
}

// ValueState is what a read may return: one value, or, after an unfinished operation, the old or the new
// one. nil is missing; an empty value is not nil.
type ValueState struct {
	Now    []byte
	Other  []byte
	Either bool // other is allowed as well
}

// allows reports whether v may be read. From then on it is the only value.
func (s *ValueState) allows(v []byte) bool {
	if Same(s.Now, v) {
		s.Either = false
		return true
	}
	if s.Either && Same(s.Other, v) {
		s.Now, s.Either = s.Other, false
		return true
	}
	return false
}

// Same reports whether two values are equal; a missing one is not an empty one.
func Same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// NewExpectation is a store in which every one of keys is missing.
func NewExpectation(keys []string) *Expectation {
	e := &Expectation{Index: map[string]int{}}
	for _, k := range keys {
		e.Index[k] = len(e.Keys)
		e.Keys = append(e.Keys, Key{Name: k})
	}
	return e
}

// CopyFrom makes e what o is. Both know the same keys.
func (e *Expectation) CopyFrom(o *Expectation) {
	e.Keys = append(e.Keys[:0], o.Keys...)
	e.Index = o.Index
	e.Reserved = o.Reserved
}

// The outcomes of an operation, as far as the caller knows.
type Known int

const (
	Succeeded Known = iota
	Maybe           // it failed, or the power went: done or not, but one of them
)

// Apply brings e to the moment after op.
func (e *Expectation) Apply(op *script.Op, value []byte, how Known) {
	switch op.Kind {
	case script.Set, script.Pieces:
		k := &e.Keys[e.Index[op.Key]]
		if how == Succeeded {
			k.Holds(value, op.Flags)
		} else {
			k.May(value, op.Flags)
		}
	case script.Remove:
		e.Keys[e.Index[op.Key]].become(nil, how)
	case script.Reserved:
		e.Reserved.become(value, how)
	case script.Reset:
		for i := range e.Keys {
			e.Keys[i].become(nil, how)
			if how == Succeeded {
				e.Keys[i].Flags, e.Keys[i].Loose = 0, false
			}
		}
		e.Reserved.become(nil, how)
	}
}

func (s *ValueState) become(next []byte, how Known) {
	if how == Succeeded {
		*s = ValueState{Now: next}
		return
	}
	s.Other, s.Either = next, true
}

// Wanted are the keys, and what each must be.
func (e *Expectation) Wanted() (all []results.Wanted) {
	for i := range e.Keys {
		k := &e.Keys[i]
		if k.Now == nil && !k.Either {
			continue
		}
		text := Describe(k.Now)
		if k.Either {
			text += " or " + Describe(k.Other)
		}
		all = append(all, results.Wanted{Key: k.Name, Text: text})
	}
	if s := &e.Reserved; s.Now != nil || s.Either {
		text := Describe(s.Now)
		if s.Either {
			text += " or " + Describe(s.Other)
		}
		all = append(all, results.Wanted{Key: "reserved data", Text: text})
	}
	return all
}

// Describe says in words what a value is.
func Describe(v []byte) string {
	if v == nil {
		return "missing"
	}
	return fmt.Sprintf("the %d bytes stored", len(v))
}

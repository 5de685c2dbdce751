package fuzz

import (
	"bytes"
	"slices"

	"dualbank/kvstore"
)

// expectation is what a KVStore must hold at some moment of a workload: for every key its value, or
// two that are allowed while nobody has looked.
type expectation struct {
	keys     []keyState
	index    map[string]int
	reserved valueState
}

// keyState is one key. A key that was never set is in the table too, as missing.
type keyState struct {
	name string
	valueState
	flags kvstore.Flags
}

// valueState is a value that is known, or one of two. nil is missing; an empty value is not nil.
type valueState struct {
	now    []byte
	other  []byte
	either bool // other is allowed as well
}

// allows tells whether v may be read, and from then on it is the only one.
func (s *valueState) allows(v []byte) bool {
	if same(s.now, v) {
		s.either = false
		return true
	}
	if s.either && same(s.other, v) {
		s.now, s.either = s.other, false
		return true
	}
	return false
}

// same compares values, telling a missing one from an empty one.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// newExpectation is a store in which every one of keys is missing.
func newExpectation(keys []string) *expectation {
	e := &expectation{index: map[string]int{}}
	for _, k := range keys {
		e.index[k] = len(e.keys)
		e.keys = append(e.keys, keyState{name: k})
	}
	return e
}

// keysOf lists the keys that ops use, in order of first use.
func keysOf(ops []Op) []string {
	var keys []string
	for _, o := range ops {
		if o.Key != "" && !slices.Contains(keys, o.Key) {
			keys = append(keys, o.Key)
		}
	}
	return keys
}

// copyFrom makes e what o is. Both know the same keys.
func (e *expectation) copyFrom(o *expectation) {
	e.keys = append(e.keys[:0], o.keys...)
	e.index = o.index
	e.reserved = o.reserved
}

// outcomes of an operation, as far as the caller knows.
type known int

const (
	succeeded known = iota
	maybe           // it failed, or the power went: done or not, but one of them
)

// apply brings e to the moment after op.
func (e *expectation) apply(op *Op, value []byte, how known) {
	switch op.Kind {
	case OpSet, OpPieces:
		k := &e.keys[e.index[op.Key]]
		k.become(value, how)
		if how == succeeded {
			k.flags = kvstore.Flags(op.Flags)
		}
	case OpRemove:
		e.keys[e.index[op.Key]].become(nil, how)
	case OpReserved:
		e.reserved.become(value, how)
	case OpReset:
		for i := range e.keys {
			e.keys[i].become(nil, how)
			if how == succeeded {
				e.keys[i].flags = 0
			}
		}
		e.reserved.become(nil, how)
	}
}

func (s *valueState) become(next []byte, how known) {
	if how == succeeded {
		*s = valueState{now: next}
		return
	}
	s.other, s.either = next, true
}

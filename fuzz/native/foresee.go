package native

import (
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
)

// Foresee says which calls are likely to come next: those that fn makes, the first of them an Open. They run
// together with the first.
func (s *store) Foresee(fn func(sut.Store)) {
	if s.broken != nil {
		return
	}
	s.foreseen = s.foreseen[:0]
	fn(foresight{s})
}

// foresight is a store that notes what is called.
type foresight struct{ s *store }

func (f foresight) note(c Call) { f.s.foreseen = append(f.s.foreseen, c) }

func (f foresight) Open() error {
	f.note(openCall())
	return nil
}

func (f foresight) Set(key string, value []byte, flags kvstore.Flags) error {
	f.note(setCall(key, value, flags))
	return nil
}

func (f foresight) Get(key string, buf []byte, offset uint32) (int, error) {
	f.note(f.s.getCall(key, buf, offset))
	return 0, nil
}

func (f foresight) Remove(key string) error {
	f.note(Call{Kind: Remove, Key: key})
	return nil
}

func (f foresight) Iterate(string) (kvstore.Iterator, error) {
	if f.s.pool.info.Has(List) {
		f.note(Call{Kind: List})
	}
	return &iterator{}, nil
}

// ahead is what was foreseen to follow c.
func (s *store) ahead(c *Call) []Call {
	more := s.foreseen
	if len(more) == 0 {
		for i := range s.usual {
			more = append(more, s.usual[i].call)
		}
	}
	s.foreseen = more[:0]
	if len(more) == 0 || !more[0].equal(c) {
		return nil
	}
	more = more[1:]
	for i := range more {
		if more[i].Boot && (s.pool.prog.Isolate == Exec || s.scarred()) {
			return more[:i] // time passes for cells that are not decided
		}
	}
	return more
}

// same reports whether the item has run these calls, to the end and without a request.
func (s *store) same(c *Call, more []Call) bool {
	it := &s.item
	if it.served || it.end != endOK || len(it.calls) != 1+len(more) || !it.calls[0].equal(c) {
		return false
	}
	for i := range more {
		if !it.calls[1+i].equal(&more[i]) {
			return false
		}
	}
	return true
}

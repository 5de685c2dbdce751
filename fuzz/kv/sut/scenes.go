package sut

import (
	"dualbank/fuzz/film"
	"dualbank/fuzz/kv/script"
	"dualbank/model"
	"dualbank/results"
)

// scenes tell a camera what a store does next. Without a camera they do nothing.
type scenes struct {
	film *film.Camera
	look func() film.View // what this store's flash holds, and what the store believes
}

// Begins films the operation that comes next, on a store of which so much must hold.
func (s *scenes) Begins(op *script.Op, wanted func() []results.Wanted) {
	if s.film != nil {
		s.film.Look(s.look)
		s.film.Keys(wanted())
		s.film.Scene("%v", op)
	}
}

// Observer is an observer of the flash that calls next, which may be nil, and films.
func (s *scenes) Observer(next func(*model.Event)) func(*model.Event) { return s.film.Observer(next) }

// Sets films a set that the judge makes.
func (s *scenes) Sets(key string, v []byte) {
	if s.film != nil {
		s.film.Look(s.look)
		s.film.Scene("set %q, %d bytes", key, len(v))
	}
}

// boots films a boot after which so much must hold.
func (s *scenes) boots(wanted func() []results.Wanted) {
	if s.film != nil {
		s.film.Look(s.look)
		s.film.Keys(wanted())
		s.film.Scene("the device boots, and opens the store")
	}
}

// Ends films how an operation has ended. off: the power is cut; failing: the device was to report an error.
func (s *scenes) Ends(err error, off, failing bool) {
	switch {
	case s.film == nil:
	case off:
		s.film.Cut("the power is cut")
	case failing && err != nil:
		s.film.Cut("the device reports an error")
	case err != nil:
		s.film.Note("it fails: " + err.Error())
	default:
		s.film.Note("it succeeds")
	}
}

package sut

import (
	"errors"
	"fmt"

	"dualbank/fuzz/kv/script"
	"dualbank/kvstore"
	"dualbank/model"
)

// Store is what the machine needs of a store under test. kvstore.Store satisfies it. A store may do more:
// keep reserved data (Reserver), take values in pieces (Pieces), remove everything at once (Resetter).
// What it cannot do is left out of workloads, and so are the rules about it.
type Store interface {
	// Open makes the store usable, as the first call or after a power loss; what was in RAM is
	// forgotten.
	Open() error
	// Set stores value under key, all or nothing.
	Set(key string, value []byte, flags kvstore.Flags) error
	// Get reads the value of key from offset on; kvstore.ErrItemNotFound says that there is none.
	Get(key string, buf []byte, offset uint32) (int, error)
	// Remove deletes key.
	Remove(key string) error
	// Iterate lists the keys that begin with prefix.
	Iterate(prefix string) (kvstore.Iterator, error)
}

// Reserver is a store that keeps reserved data, as TDBStore does. Others are judged without rule 5.
type Reserver interface {
	SetReserved(data []byte) error
	Reserved(buf []byte) (int, error)
}

// Pieces is a store that takes a value in pieces.
type Pieces interface {
	SetStart(key string, size uint32, flags kvstore.Flags) error
	SetAdd(data []byte) error
	SetFinalize() error
}

// Resetter is a store that removes everything in one call.
type Resetter interface{ Reset() error }

// Flagged is a store that says which flags of a set it knows. Others are taken to know all.
type Flagged interface{ Flags() kvstore.Flags }

// Limited is a store that says how long keys and values may be, in bytes; 0: as long as the device allows.
type Limited interface{ Limits() (key, value int) }

// Partial is a store that has less than Store: it may be without removes, and its lists may be made at once, so that
// an iterator does not see what happens while it is open.
type Partial interface {
	Removes() bool
	ListsAtOnce() bool
}

// ListsAtOnce reports whether an iterator of the store is a list of the keys at the time that it was made.
func ListsAtOnce(s Store) bool {
	p, ok := s.(Partial)
	return ok && p.ListsAtOnce()
}

// Foreseer is a store that gains from knowing which calls come next, as one in a process of its own does: it runs
// them in one go. They are the calls that fn makes; the first is an Open. What is asked for in the end counts.
type Foreseer interface{ Foresee(fn func(Store)) }

// Doer is a store that says what it was doing, in the latest call.
type Doer interface{ Doing() string }

// Batched is a store that works best when so many of its kind are at work at the same time.
type Batched interface{ Batch() int }

// Batch is how many stores like s are to be at work at the same time; 0: as many as there are processors.
func Batch(s Store) int {
	if b, ok := s.(Batched); ok {
		return b.Batch()
	}
	return 0
}

// Software makes a store on a device.
type Software func(dev kvstore.BlockDevice) Store

// Abilities finds out what a store can do.
func Abilities(s Store) script.Abilities {
	a := script.Abilities{Flags: ^kvstore.Flags(0)}
	_, a.Reserved = s.(Reserver)
	_, a.Pieces = s.(Pieces)
	_, a.Reset = s.(Resetter)
	if f, ok := s.(Flagged); ok {
		a.Flags = f.Flags()
	}
	if p, ok := s.(Partial); ok {
		a.Keeps = !p.Removes()
	}
	if l, ok := s.(Limited); ok {
		a.Key, a.Value = l.Limits()
	}
	return a
}

// Simple is the least that a store can be: no flags, no offsets, no iterator.
type Simple interface {
	// Open makes the store usable, as the first call or after a power loss.
	Open() error
	// Set stores value under key, all or nothing.
	Set(key string, value []byte) error
	// Get returns the value of key; kvstore.ErrItemNotFound says that there is none.
	Get(key string) ([]byte, error)
	// Remove deletes key; kvstore.ErrItemNotFound says that there is none.
	Remove(key string) error
	// List returns the keys, in any order.
	List() ([]string, error)
}

// FromSimple is the software that a simple store is.
func FromSimple[S Simple](make func(dev kvstore.BlockDevice) S) Software {
	return func(dev kvstore.BlockDevice) Store { return simple{make(dev)} }
}

// simple is a simple store behind the interface of the machine.
type simple struct{ s Simple }

func (a simple) Flags() kvstore.Flags    { return 0 }
func (a simple) Removes() bool           { return true }
func (a simple) ListsAtOnce() bool       { return true }
func (a simple) Open() error             { return a.s.Open() }
func (a simple) Remove(key string) error { return a.s.Remove(key) }

func (a simple) Set(key string, v []byte, _ kvstore.Flags) error { return a.s.Set(key, v) }

func (a simple) Get(key string, buf []byte, off uint32) (int, error) {
	v, err := a.s.Get(key)
	if err != nil {
		return 0, err
	}
	return copy(buf, v[min(int(off), len(v)):]), nil
}

func (a simple) Iterate(string) (kvstore.Iterator, error) {
	keys, err := a.s.List()
	return List(keys), err
}

// List is an iterator over keys, for stores that have them in a list.
func List(keys []string) kvstore.Iterator { return &listed{keys} }

// listed is an iterator over a list of keys.
type listed struct{ keys []string }

func (l *listed) Next() (string, error) {
	if len(l.keys) == 0 {
		return "", kvstore.ErrItemNotFound
	}
	k := l.keys[0]
	l.keys = l.keys[1:]
	return k, nil
}

func (l *listed) Close() error { return nil }

// Collections is how many garbage collections the store has done, if it says so.
func Collections(s Store) uint64 {
	if c, ok := s.(interface{ Collections() uint64 }); ok {
		return c.Collections()
	}
	return 0
}

// LocksHeld is how often the store's lock is held, if it says so.
func LocksHeld(s Store) int {
	if l, ok := s.(interface{ LocksHeld() int }); ok {
		return l.LocksHeld()
	}
	return 0
}

// Do performs an operation that the store can do. A key that cannot be removed because it is missing is as
// it should be.
func Do(o *script.Op, s Store, f *model.Flash) error {
	switch o.Kind {
	case script.Set:
		return s.Set(o.Key, o.Value(), o.Flags)
	case script.Pieces, script.Abandon:
		if p, ok := s.(Pieces); ok {
			return inPieces(o, p)
		}
	case script.Remove:
		if err := s.Remove(o.Key); !errors.Is(err, kvstore.ErrItemNotFound) {
			return err
		}
		return nil
	case script.Reserved:
		if r, ok := s.(Reserver); ok {
			return r.SetReserved(o.Value())
		}
	case script.Reset:
		if r, ok := s.(Resetter); ok {
			return r.Reset()
		}
	case script.Reboot:
		f.Boot()
		return s.Open()
	}
	return fmt.Errorf("the store cannot do %q", o.Kind)
}

// inPieces performs an incremental set, or the beginning of one that is abandoned.
func inPieces(o *script.Op, s Pieces) error {
	v := o.Value()
	if err := s.SetStart(o.Key, uint32(len(v)), o.Flags); err != nil {
		return err
	}
	if o.Kind == script.Abandon {
		return s.SetAdd(v[:min(len(v), o.Piece)])
	}
	for len(v) > 0 {
		n := min(len(v), max(o.Piece, 1))
		if err := s.SetAdd(v[:n]); err != nil {
			return err
		}
		v = v[n:]
	}
	return s.SetFinalize()
}

// DoCut performs an operation under a fault plan. The plan of a reboot begins with the boot, which empties
// the one before.
func DoCut(o *script.Op, s Store, f *model.Flash, cut model.Cut) error {
	if o.Kind == script.Reboot {
		f.Boot()
		f.Arm(cut)
		return s.Open()
	}
	f.Arm(cut)
	return Do(o, s, f)
}

// Refused reports whether the store turned an operation down before it touched anything.
func Refused(err error, s *script.Step) bool {
	switch err {
	case kvstore.ErrWriteProtected, kvstore.ErrInvalidArgument:
		return true
	case kvstore.ErrWriteFailed:
		return s.Kind == script.Reserved && s.Fault.Mode == nil // it is set already
	}
	return false
}

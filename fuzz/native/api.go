package native

import (
	"bytes"

	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
)

// call performs a call of the KVStore API.
func (s *store) call(c Call) ([]byte, error) {
	status, data, err := s.perform(c)
	if err == nil {
		err = statusError(status)
	}
	return data, err
}

// Open is a boot. A device that nothing was ever written to is made usable first.
func (s *store) Open() error {
	if s.broken == nil && s.dev.Fresh() && s.pool.info.Has(Format) {
		if _, err := s.call(Call{Kind: Format, Boot: true}); err != nil {
			return err
		}
	}
	_, err := s.call(openCall())
	return err
}

func openCall() Call { return Call{Kind: Open, Boot: true} }

func setCall(key string, value []byte, flags kvstore.Flags) Call {
	return Call{Kind: Set, Key: key, Value: value, Arg: uint32(flags)}
}

// getCall is a get of what buf can hold; of the whole value, where its start is left out.
func (s *store) getCall(key string, buf []byte, offset uint32) Call {
	room := uint32(min(len(buf), int(s.g.size)))
	if offset > 0 {
		room = s.g.size
	}
	return Call{Kind: Get, Key: key, Arg: room}
}

func (s *store) Close() error {
	s.down = kvstore.ErrNotReady
	return nil
}

func (s *store) Set(key string, value []byte, flags kvstore.Flags) error {
	_, err := s.call(setCall(key, value, flags))
	return err
}

func (s *store) Get(key string, buf []byte, offset uint32) (int, error) {
	v, err := s.call(s.getCall(key, buf, offset))
	if err != nil {
		return 0, err
	}
	if offset > uint32(len(v)) {
		return 0, kvstore.ErrInvalidSize
	}
	return copy(buf, v[offset:]), nil
}

func (s *store) Remove(key string) error {
	_, err := s.call(Call{Kind: Remove, Key: key})
	return err
}

// Batch is how many stores keep the processes busy: half of a batch each.
func (s *store) Batch() int { return batch / 2 }

// Limits are the lengths of the longest key and value in bytes; 0: any.
func (s *store) Limits() (key, value int) {
	if s.broken != nil {
		return 0, 0
	}
	return s.pool.info.MaxKey, s.pool.info.MaxValue
}

// Flags are those of a set that the program knows.
func (s *store) Flags() kvstore.Flags {
	if s.broken != nil {
		return 0
	}
	return s.pool.info.Flags
}

// Removes reports whether the program can remove a key.
func (s *store) Removes() bool { return s.broken != nil || s.pool.info.Has(Remove) }

// Doing is what the code under test has last said that it does (db_tag), in the latest call.
func (s *store) Doing() string { return s.tag }

// ListsAtOnce reports that an iterator is a list: the program makes it in one call.
func (s *store) ListsAtOnce() bool { return true }

// resetting is a store of a program that has reset.
type resetting struct{ *store }

// able is the store with what its program can do.
func (s *store) able() sut.Store {
	if s.broken == nil && s.pool.info.Has(ResetAll) {
		return resetting{s}
	}
	return s
}

func (s resetting) Reset() error {
	_, err := s.call(Call{Kind: ResetAll})
	return err
}

// Iterate lists the keys. A program without list gives those that the store has been asked for and that are there.
func (s *store) Iterate(prefix string) (kvstore.Iterator, error) {
	if s.broken == nil && !s.pool.info.Has(List) {
		return &iterator{keys: s.there(), prefix: prefix}, s.down
	}
	keys, err := s.call(Call{Kind: List})
	if err != nil {
		return nil, err
	}
	return &iterator{keys: bytes.Clone(keys), prefix: prefix}, nil
}

// there is the keys that were set or read with success since the boot, and not removed after that, each with a NUL.
func (s *store) there() (keys []byte) {
	done := map[string]bool{}
	for i := len(s.past) - 1; i >= 0; i-- {
		p := &s.past[i]
		if p.call.Key == "" || done[p.call.Key] {
			continue
		}
		done[p.call.Key] = true
		if p.status == 0 && p.call.Kind != Remove {
			keys = append(append(keys, p.call.Key...), 0)
		}
	}
	return keys
}

// iterator walks over keys, each with a NUL behind it. They are valid until the store's next call.
type iterator struct {
	keys   []byte
	prefix string
}

// NextKey copies the next key into buf.
func (it *iterator) NextKey(buf []byte) (int, error) {
	for len(it.keys) > 0 {
		n := 0
		for it.keys[n] != 0 {
			n++
		}
		key := it.keys[:n]
		it.keys = it.keys[n+1:]
		if len(key) >= len(it.prefix) && string(key[:len(it.prefix)]) == it.prefix {
			return copy(buf, key), nil
		}
	}
	return 0, kvstore.ErrItemNotFound
}

func (it *iterator) Next() (string, error) {
	var buf [4096]byte
	n, err := it.NextKey(buf[:])
	return string(buf[:n]), err
}

func (it *iterator) Close() error { return nil }

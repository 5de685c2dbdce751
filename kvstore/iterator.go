package kvstore

import "strings"

// maxIterators is how many iterators of a TDBStore may be open.
const maxIterators = 16

// KeyIterator walks over the RAM table by index.
type KeyIterator struct {
	store  *TDBStore
	prefix string
	slot   int
	index  int
}

// Iterate lists the keys that begin with prefix, in descending order of their hash. After an open of
// an existing store the master record's key TDBS is among them, as in the reference. At most 16
// iterators may be open: ErrOutOfResources. The iterator is a *KeyIterator.
func (s *TDBStore) Iterate(prefix string) (Iterator, error) {
	if !s.open {
		return nil, ErrNotReady
	}
	s.call()
	for slot, it := range s.iterators {
		if it == nil {
			it = &KeyIterator{store: s, prefix: prefix, slot: slot}
			s.iterators[slot] = it
			s.iterating++
			return it, nil
		}
	}
	return nil, ErrOutOfResources
}

// Next returns the next key.
func (it *KeyIterator) Next() (string, error) {
	var buf [MaxKey + 1]byte
	n, err := it.NextKey(buf[:])
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// NextKey copies the next key into buf and returns its length. A buffer not longer than the key (the
// reference needs room for a terminator) is ErrInvalidSize, and the iterator stays where it is.
func (it *KeyIterator) NextKey(buf []byte) (int, error) {
	s := it.store
	if !s.open || s.iterators[it.slot] != it {
		return 0, ErrNotReady
	}
	s.call()
	for it.index < len(s.table) {
		e := &s.table[it.index]
		if err := s.load(s.active, e.offset, e.total); err != nil {
			return 0, err
		}
		key := s.rec.key
		for i, c := range key {
			if c == 0 {
				key = key[:i]
				break
			}
		}
		if !strings.HasPrefix(string(key), it.prefix) {
			it.index++
			continue
		}
		if len(key) >= len(buf) {
			return 0, ErrInvalidSize
		}
		it.index++
		return copy(buf, key), nil
	}
	return 0, ErrItemNotFound
}

// Close frees the iterator's place.
func (it *KeyIterator) Close() error {
	s := it.store
	if !s.open || s.iterators[it.slot] != it {
		return ErrNotReady
	}
	s.iterators[it.slot] = nil
	s.iterating--
	return nil
}

// shift moves open iterators when the entry at place i of the RAM table came (by 1) or went (-1), so
// that no key is skipped or repeated.
func (s *TDBStore) shift(i, by int) {
	if s.iterating == 0 || s.opts.Defects.Has(DefectIteratorIndex) {
		return
	}
	for _, it := range s.iterators {
		if it != nil && i < it.index {
			it.index += by
		}
	}
}

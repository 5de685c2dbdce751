package secure

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"

	"dualbank/kvstore"
)

// change is an entry of the rollback protection store while its key is being changed, for RepairTwoStores: longer
// than a MAC, and replaced by the new MAC, or removed, when the change is over.
//
//	0   MAC of the new record
//	16  MAC of the old record
//	32  state
type change [2*macSize + 1]byte

// The state of a change.
const (
	changeSets     = 1 << 0 // the key is being set; without it, removed
	changeReplaces = 1 << 1 // there was an entry; without it there was no record, or one without protection
)

// resetMark is the key in the rollback protection store that says that a reset is under way.
const resetMark = "\x01reset"

// resetValue is its value, which no MAC and no change has.
const resetValue = "under way"

func (c *change) mac() []byte { return c[:macSize] }
func (c *change) old() []byte { return c[macSize : 2*macSize] }
func (c *change) has(x byte) bool {
	return c[2*macSize]&x != 0
}

// announce enters a change of key: to a record with the MAC mac, or to none if mac is nil.
func (s *Store) announce(key string, mac []byte) error {
	var c change
	if mac != nil {
		copy(c.mac(), mac)
		c[2*macSize] = changeSets
	}
	switch n, err := s.rbp.Get(key, c.old(), 0); {
	case err == nil && n == macSize:
		c[2*macSize] |= changeReplaces
	case err != nil && !errors.Is(err, kvstore.ErrItemNotFound):
		return err
	}
	return s.rbp.Set(key, c[:], 0)
}

// settle ends a change of key that a cut or an error has left open, if there is one. The record that is there says
// whether it has happened. An entry that fits none stays: another writer has made the record.
func (s *Store) settle(key string) error {
	info, err := s.rbp.Info(key)
	if err != nil || info.Size != uint32(len(change{})) {
		return nil // the caller reads the entry
	}
	var c change
	if n, err := s.rbp.Get(key, c[:], 0); err != nil || n != len(c) {
		return err
	}
	mac, flags, err := s.record(key)
	guarded := flags&(kvstore.FlagReplayProtection|kvstore.FlagWriteOnce) != 0
	switch {
	case errors.Is(err, kvstore.ErrItemNotFound):
		if !c.has(changeSets) || !c.has(changeReplaces) {
			return s.rbp.Remove(key)
		}
	case err == kvstore.ErrAuthentication:
	case err != nil:
		return err
	case !guarded:
		if !c.has(changeReplaces) {
			return s.rbp.Remove(key)
		}
	case c.has(changeSets) && subtle.ConstantTimeCompare(mac[:], c.mac()) == 1,
		c.has(changeReplaces) && subtle.ConstantTimeCompare(mac[:], c.old()) == 1:
		return s.rbp.Set(key, mac[:], flags&kvstore.FlagWriteOnce)
	}
	return nil
}

// record authenticates the record of key by itself and returns its MAC and flags. ErrAuthentication if it is not
// authentic.
func (s *Store) record(key string) (mac [macSize]byte, flags kvstore.Flags, err error) {
	defer s.end()
	n, err := s.under.Get(key, s.meta[:], 0)
	if err != nil {
		return mac, 0, err
	}
	if n != metaSize || binary.LittleEndian.Uint16(s.meta[:]) != metaSize {
		return mac, 0, kvstore.ErrAuthentication
	}
	if s.startMAC(key) != nil {
		return mac, 0, kvstore.ErrFailedOperation
	}
	if _, err := s.readData(key, nil, 0, false); err != nil {
		return mac, 0, err
	}
	mac = s.mac.sum()
	n, err = s.under.Get(key, s.piece[:macSize], metaSize+s.dataSize())
	if err != nil {
		return mac, 0, err
	}
	if n != macSize || subtle.ConstantTimeCompare(mac[:], s.piece[:macSize]) == 0 {
		return mac, 0, kvstore.ErrAuthentication
	}
	return mac, s.flags(), nil
}

// mends reports whether changes of both stores are announced.
func (s *Store) mends() bool { return s.rbp != nil && s.repairs.Has(kvstore.RepairTwoStores) }

// protectedCommit is the end of a set of a protected key whose MAC stands at the beginning of s.piece.
func (s *Store) protectedCommit() error {
	key, flags := s.name, s.flags()
	var mac [macSize]byte
	copy(mac[:], s.piece[:])
	if err := s.announce(key, mac[:]); err != nil {
		return err
	}
	err := s.under.SetAdd(mac[:])
	if err == nil {
		err = s.under.SetFinalize()
	}
	if err != nil {
		_ = s.settle(key) // or the next read does
		return err
	}
	return s.rbp.Set(key, mac[:], flags&kvstore.FlagWriteOnce)
}

// protectedRemove removes the record of key and its entry.
func (s *Store) protectedRemove(key string) error {
	if err := s.announce(key, nil); err != nil {
		return err
	}
	if err := s.under.Remove(key); err != nil {
		_ = s.settle(key) // or the next read does
		return err
	}
	return s.rbp.Remove(key)
}

// brokenRemove removes a record that fails its checks, whatever lies there, and its entry.
func (s *Store) brokenRemove(key string) error {
	if err := s.under.Remove(key); err != nil && !errors.Is(err, kvstore.ErrItemNotFound) {
		return err
	}
	return s.rbp.Remove(key)
}

// announcedReset resets both stores. A cut leaves the mark, with which the next open begins it again.
func (s *Store) announcedReset() error {
	if err := s.rbp.Set(resetMark, []byte(resetValue), 0); err != nil && !errors.Is(err, kvstore.ErrMediaFull) {
		return err
	}
	if err := s.under.Reset(); err != nil {
		return err
	}
	return s.rbp.Reset()
}

// finishReset finishes a reset that a cut has left unfinished.
func (s *Store) finishReset() error {
	var value [macSize]byte
	n, err := s.rbp.Get(resetMark, value[:], 0)
	switch {
	case errors.Is(err, kvstore.ErrItemNotFound):
		return nil
	case err != nil:
		return err
	case string(value[:n]) != resetValue:
		return nil // the entry of a user's key
	}
	if err := s.under.Reset(); err != nil {
		return err
	}
	return s.rbp.Reset()
}

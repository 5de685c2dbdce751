package secure

import (
	"crypto/aes"
	"crypto/subtle"
	"encoding/binary"
	"errors"

	"dualbank/kvstore"
)

// read checks the record of key and decrypts the asked part of its value.
func (s *Store) read(key string, buf []byte, offset uint32) (n int, info kvstore.Info, err error) {
	if !kvstore.ValidKey(key) {
		return 0, kvstore.Info{}, kvstore.ErrInvalidArgument
	}
	if s.repairs.Has(kvstore.RepairSetState) && s.pending() {
		set := s.setState
		defer func() { s.setState = set }()
	}
	defer s.end()
	if s.mends() {
		if err := s.settle(key); err != nil {
			return 0, kvstore.Info{}, err
		}
	}
	entry, err := s.loadEntry(key)
	if err != nil {
		return 0, kvstore.Info{}, err
	}
	got, err := s.under.Get(key, s.meta[:], 0)
	if err != nil {
		if entry.found {
			err = kvstore.ErrRBPAuthentication
		}
		return 0, kvstore.Info{}, err
	}
	if got != metaSize || binary.LittleEndian.Uint16(s.meta[:]) != metaSize {
		return 0, kvstore.Info{}, kvstore.ErrRBPAuthentication
	}
	flags := s.flags()
	if s.rbp == nil {
		flags &^= kvstore.FlagReplayProtection
	}
	guarded := flags&guarded(s.defects) != 0
	if entry.found && !guarded && !s.defects.Has(kvstore.DefectTrustedFlags) {
		return 0, kvstore.Info{}, kvstore.ErrRBPAuthentication
	}
	if s.startMAC(key) != nil || flags&kvstore.FlagConfidential != 0 && s.startCipher(key) != nil {
		return 0, kvstore.Info{}, kvstore.ErrFailedOperation
	}
	if offset > s.dataSize() && s.repairs.Has(kvstore.RepairOffset) {
		return 0, kvstore.Info{}, kvstore.ErrInvalidSize
	}
	n, err = s.readData(key, buf, offset, flags&kvstore.FlagConfidential != 0)
	if err == nil {
		err = s.compare(key, &entry, guarded)
	}
	if err != nil {
		if s.repairs.Has(kvstore.RepairAuthentic) {
			clear(buf)
		}
		return 0, kvstore.Info{}, err
	}
	return n, kvstore.Info{Size: s.dataSize(), Flags: s.flags()}, nil
}

// rbpEntry is what the rollback protection store has for a key.
type rbpEntry struct {
	found bool
	mac   [macSize]byte
	whole bool // all of mac was read; a longer entry passes too, as in the reference
}

func (s *Store) loadEntry(key string) (e rbpEntry, err error) {
	if s.rbp == nil {
		return e, nil
	}
	if _, err := s.rbp.Info(key); err != nil {
		if errors.Is(err, kvstore.ErrItemNotFound) {
			err = nil
		}
		return e, err
	}
	n, err := s.rbp.Get(key, s.piece[:macSize], 0)
	if err != nil {
		return e, err
	}
	copy(e.mac[:], s.piece[:n])
	e.found, e.whole = true, n == macSize
	return e, nil
}

// readData puts the stored data through the MAC and the asked part of it, decrypted, into buf. It reads
// in the reference's pieces, and like the reference it takes an offset beyond the data for granted:
// the pieces then run past the data, and an error comes when one begins behind the record. None does
// if 256 divides the size, because the last piece ends with the data.
func (s *Store) readData(key string, buf []byte, offset uint32, confidential bool) (n int, err error) {
	left := s.dataSize() // wraps where a piece runs past the data
	asked := uint32(min(uint64(len(buf)), uint64(left-offset)))
	s.ctr.used = aes.BlockSize
	lead := uint32(0) // bytes of the asked part that came with the block before it
	for at := uint32(0); left != 0; {
		var p []byte
		var skip uint32
		switch {
		case at >= offset && at-offset < asked:
			p = buf[lead:asked]
		case at < offset:
			k := min(pieceSize, offset-at)
			skip = k
			if confidential && k%aes.BlockSize != 0 {
				lead = min(aes.BlockSize-k%aes.BlockSize, asked)
				k += lead
			}
			p = s.piece[:k]
		default:
			p = s.piece[:min(pieceSize, left)]
		}
		if _, err := s.under.Get(key, p, metaSize+at); err != nil {
			return 0, err
		}
		s.mac.write(p)
		if confidential {
			s.ctr.xor(p, p)
		}
		if at < offset && lead > 0 {
			copy(buf, p[skip:])
		}
		at += uint32(len(p))
		left -= uint32(len(p))
	}
	return int(asked), nil
}

// guarded are the flags of the values whose MACs are entered into the rollback protection store.
func guarded(d kvstore.Defects) kvstore.Flags {
	if d.Has(kvstore.DefectWriteOnceUnguarded) {
		return kvstore.FlagReplayProtection
	}
	return kvstore.FlagReplayProtection | kvstore.FlagWriteOnce
}

// compare checks the MAC against the record's and the entry's.
func (s *Store) compare(key string, e *rbpEntry, guarded bool) error {
	sum := s.mac.sum()
	n, err := s.under.Get(key, s.piece[:macSize], metaSize+s.dataSize())
	if err != nil {
		return err
	}
	if !s.defects.Has(kvstore.DefectOptionalIntegrity) && (n != macSize || subtle.ConstantTimeCompare(sum[:], s.piece[:macSize]) == 0) {
		return kvstore.ErrAuthentication
	}
	if s.rbp != nil && guarded && (!e.found || !e.whole || subtle.ConstantTimeCompare(sum[:], e.mac[:]) == 0) {
		return kvstore.ErrRBPAuthentication
	}
	return nil
}

// startMAC begins the record's MAC: key name and metadata.
func (s *Store) startMAC(key string) error {
	var k [rootSize]byte
	if err := s.derive("AUTH", key, k[:]); err != nil {
		return err
	}
	if err := s.mac.start(k[:], s.cpu); err != nil {
		return err
	}
	s.mac.write([]byte(key))
	s.mac.write(s.meta[:])
	return nil
}

// startCipher begins the record's key stream.
func (s *Store) startCipher(key string) error {
	var k [rootSize]byte
	if err := s.derive("ENC", key, k[:]); err != nil {
		return err
	}
	return s.ctr.start(k[:], s.meta[ivOffset:], s.cpu)
}

func (s *Store) derive(purpose, key string, out []byte) error {
	n := copy(s.salt[:], purpose)
	n += copy(s.salt[n:], key)
	return s.key.Derive(s.salt[:n], out)
}

// Package secure is Mbed's SecureStore and device key. Values in an untrusted store are encrypted and authenticated as
// the reference does it, byte for byte, known defects included; TestSecureTraces of package kvstore checks that.
//
// A value is stored in these steps:
//
//  1. DeviceKey.Inject keeps the device's root of trust in the reserved data of the internal store, once.
//     DeviceKey.Derive makes a key of it for each purpose and name (devicekey.go, aes.go).
//  2. New makes a Store of the untrusted store, the trusted one for rollback protection or none, the device key and
//     a source of entropy. Open opens both stores.
//  3. Set writes metadata, the value (encrypted if FlagConfidential) and their MAC into the untrusted store as one
//     record. With FlagReplayProtection or FlagWriteOnce the MAC goes into the trusted store, too.
//  4. Get reads and checks the whole record, and compares its MAC with the trusted store's.
//
// Invariants:
//
//   - What is read without an error was written by a Store with the same device key under the same name, except
//     where the reference has a known defect.
//   - Errors are the sentinels of package kvstore. Those of the device key are KeyErrors.
//   - A Store is used by one goroutine at a time.
package secure

import (
	"crypto/aes"
	"encoding/binary"
	"errors"

	"dualbank/kvstore"
)

// A stored value is metadata, data (encrypted if confidential) and the CMAC over key, metadata and
// stored data.
const (
	metaSize  = 20 // size (u16, 20), revision (u16, 1), data size (u32), create flags (u32), IV
	ivOffset  = 12
	ivSize    = 8
	macSize   = aes.BlockSize
	pieceSize = 256 // the reference's scratch buffer
)

// Store encrypts and authenticates the values it keeps in an untrusted store, and detects a
// rollback of records by keeping their MACs in a second, trusted store. It is not safe for use by
// several goroutines at once.
type Store struct {
	under   kvstore.Store
	rbp     kvstore.Store // nil: no rollback protection
	key     *DeviceKey
	entropy Entropy
	cpu     kvstore.CPU
	defects kvstore.Defects
	repairs kvstore.Repairs
	open    bool
	locks   int

	// One incremental set, and its metadata also serve every read: a read ends a set that was begun.
	// What a read of a record shorter than the metadata leaves from earlier is taken into account by
	// the next set, as in the reference.
	setState
	piece [pieceSize]byte
	salt  [pieceSize]byte
}

// setState is an incremental set under way.
type setState struct {
	meta [metaSize]byte
	name string
	done uint32
	mac  cmac
	ctr  counter
}

// Options are what a SecureStore is made of.
type Options struct {
	Store   kvstore.Store   // where the values go, untrusted
	RBP     kvstore.Store   // rollback protection; nil for none
	Key     *DeviceKey      // the root of all keys
	Entropy Entropy         // for the IVs of confidential values
	CPU     kvstore.CPU     // is told of the work; nil on a device
	Defects kvstore.Defects // of the past that the store shows
	Repairs kvstore.Repairs // of defects of the reference
}

// New is a SecureStore, not yet open.
func New(o Options) *Store {
	return &Store{under: o.Store, rbp: o.RBP, key: o.Key, entropy: o.Entropy, cpu: o.CPU, defects: o.Defects, repairs: o.Repairs}
}

// Open opens the stores below.
func (s *Store) Open() error {
	s.open, s.locks = false, 0
	s.meta, s.name, s.done = [metaSize]byte{}, "", 0
	if err := s.under.Open(); err != nil {
		return err
	}
	if s.rbp != nil {
		if err := s.rbp.Open(); err != nil {
			return err
		}
	}
	if s.mends() {
		if err := s.finishReset(); err != nil {
			return err
		}
	}
	s.open = true
	return nil
}

// Close closes the stores below.
func (s *Store) Close() error {
	if !s.open {
		return nil
	}
	if err := s.under.Close(); err != nil {
		return err
	}
	if s.rbp != nil {
		if err := s.rbp.Close(); err != nil {
			return err
		}
	}
	s.open = false
	return nil
}

// LocksHeld is how often the reference's own lock of the store is held after the calls so far.
func (s *Store) LocksHeld() int { return s.locks }

func (s *Store) u32(at int) uint32 { return binary.LittleEndian.Uint32(s.meta[at:]) }

func (s *Store) dataSize() uint32     { return s.u32(4) }
func (s *Store) flags() kvstore.Flags { return kvstore.Flags(s.u32(8)) }

// pending says whether a set was begun.
func (s *Store) pending() bool { return s.meta[0] != 0 || s.meta[1] != 0 }

// end ends a set, or the use of the metadata by a read.
func (s *Store) end() { s.meta[0], s.meta[1] = 0, 0 }

// Set stores value under key. FlagConfidential encrypts it; FlagReplayProtection and FlagWriteOnce
// enter its MAC into the rollback protection store.
func (s *Store) Set(key string, value []byte, flags kvstore.Flags) error {
	if uint64(len(value)) > 1<<32-1 {
		return kvstore.ErrInvalidSize
	}
	if err := s.SetStart(key, uint32(len(value)), flags); err != nil {
		return err
	}
	if err := s.add(value); err != nil {
		return err
	}
	return s.finish()
}

// SetStart begins an incremental set. A get or an info ends it.
func (s *Store) SetStart(key string, size uint32, flags kvstore.Flags) error {
	if !s.open {
		return kvstore.ErrNotReady
	}
	if !kvstore.ValidKey(key) {
		return kvstore.ErrInvalidArgument
	}
	s.call()
	s.locks++
	err := s.start(key, size, flags)
	if err != nil {
		s.end()
		s.locks--
	}
	return err
}

func (s *Store) start(key string, size uint32, flags kvstore.Flags) error {
	if err := s.mayReplace(key, flags); err != nil {
		return err
	}
	binary.LittleEndian.PutUint16(s.meta[:], metaSize)
	binary.LittleEndian.PutUint16(s.meta[2:], 1)
	binary.LittleEndian.PutUint32(s.meta[4:], size)
	binary.LittleEndian.PutUint32(s.meta[8:], uint32(flags))
	iv := s.meta[ivOffset:]
	clear(iv)
	if flags&kvstore.FlagConfidential != 0 {
		if s.entropy(iv) != nil || s.startCipher(key) != nil {
			return kvstore.ErrFailedOperation
		}
	}
	if s.startMAC(key) != nil {
		return kvstore.ErrFailedOperation
	}
	s.done, s.name = 0, key
	below := flags &^ (kvstore.FlagConfidential | kvstore.FlagReplayProtection)
	if err := s.under.SetStart(key, metaSize+size+macSize, below); err != nil {
		return err
	}
	return s.under.SetAdd(s.meta[:])
}

// mayReplace checks a new value's flags against what is there. With rollback protection only its
// store is believed.
func (s *Store) mayReplace(key string, flags kvstore.Flags) error {
	if s.rbp != nil {
		if s.mends() {
			if err := s.settle(key); err != nil {
				return kvstore.ErrReadFailed
			}
		}
		info, err := s.rbp.Info(key)
		switch {
		case errors.Is(err, kvstore.ErrItemNotFound):
			return nil
		case err != nil:
			return kvstore.ErrReadFailed
		case info.Flags&kvstore.FlagWriteOnce != 0:
			return kvstore.ErrWriteProtected
		case flags&kvstore.FlagReplayProtection == 0:
			return kvstore.ErrInvalidArgument
		}
		return nil
	}
	if _, err := s.under.Get(key, s.meta[:], 0); err != nil {
		return nil
	}
	switch old := s.flags(); {
	case old&kvstore.FlagReplayProtection != 0 && flags&kvstore.FlagReplayProtection == 0:
		return kvstore.ErrInvalidArgument
	case old&kvstore.FlagWriteOnce != 0:
		return kvstore.ErrWriteProtected
	}
	return nil
}

// SetAdd appends data. Of a confidential value every piece begins with a fresh counter block, as in the
// reference: only pieces that begin at a multiple of 16 can be read back as they were.
func (s *Store) SetAdd(data []byte) error {
	if !s.open {
		return kvstore.ErrNotReady
	}
	s.call()
	return s.add(data)
}

func (s *Store) add(data []byte) error {
	if !s.pending() {
		return kvstore.ErrInvalidArgument
	}
	if uint64(s.done)+uint64(len(data)) > uint64(s.dataSize()) {
		return kvstore.ErrInvalidSize
	}
	if !s.repairs.Has(kvstore.RepairSecretPieces) {
		s.ctr.used = aes.BlockSize
	}
	for len(data) > 0 {
		p := data
		if s.flags()&kvstore.FlagConfidential != 0 {
			p = s.piece[:min(len(data), pieceSize)]
			s.ctr.xor(p, data)
		}
		s.mac.write(p)
		if err := s.under.SetAdd(p); err != nil {
			s.end()
			s.locks--
			return err
		}
		s.done += uint32(len(p))
		data = data[len(p):]
	}
	return nil
}

// SetFinalize makes the value visible: in the store below, then its MAC in the rollback protection
// store.
func (s *Store) SetFinalize() error {
	if !s.open {
		return kvstore.ErrNotReady
	}
	s.call()
	return s.finish()
}

func (s *Store) finish() error {
	if !s.pending() {
		return kvstore.ErrInvalidArgument
	}
	err := s.commit()
	s.end()
	s.locks--
	return err
}

func (s *Store) commit() error {
	if s.done != s.dataSize() {
		return kvstore.ErrInvalidSize
	}
	mac := s.mac.sum()
	copy(s.piece[:], mac[:])
	if s.mends() && s.flags()&guarded(s.defects) != 0 {
		return s.protectedCommit()
	}
	if err := s.under.SetAdd(s.piece[:macSize]); err != nil {
		return err
	}
	if err := s.under.SetFinalize(); err != nil {
		return err
	}
	if flags := s.flags(); s.rbp != nil && flags&guarded(s.defects) != 0 {
		return s.rbp.Set(s.name, s.piece[:macSize], flags&kvstore.FlagWriteOnce)
	}
	return nil
}

// Get reads the value of key from offset on into buf, and checks the whole record on the way. As in the
// reference, what was read and decrypted stays in buf if the check fails: it is not authentic.
//
// ErrInvalidSize if offset is beyond the value, except where the reference does not notice: for a
// value whose size is a multiple of 256, zero included. Then the call succeeds, writes nothing, and
// the number returned is the smaller of len(buf) and size - offset, counted modulo 1<<32.
func (s *Store) Get(key string, buf []byte, offset uint32) (int, error) {
	if !s.open {
		return 0, kvstore.ErrNotReady
	}
	s.call()
	n, _, err := s.read(key, buf, offset)
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Info returns size and create flags of key, having checked the whole record.
func (s *Store) Info(key string) (kvstore.Info, error) {
	if !s.open {
		return kvstore.Info{}, kvstore.ErrNotReady
	}
	s.call()
	_, info, err := s.read(key, nil, 0)
	return info, err
}

// Remove deletes key: below, then its entry in the rollback protection store. A record that fails its
// checks is removed below, too, whatever lies there; if it has an entry, success below is ErrUndefined.
func (s *Store) Remove(key string) error {
	if !s.open {
		return kvstore.ErrNotReady
	}
	s.call()
	_, info, err := s.read(key, nil, 0)
	broken := err == kvstore.ErrAuthentication || err == kvstore.ErrRBPAuthentication && !s.defects.Has(kvstore.DefectRemoveRefused)
	switch {
	case err != nil && !broken:
		return err
	case err == nil && info.Flags&kvstore.FlagWriteOnce != 0:
		return kvstore.ErrWriteProtected
	}
	switch {
	case broken && s.rbp != nil && s.repairs.Has(kvstore.RepairRemoveEntry):
		if _, err := s.rbp.Info(key); err == nil {
			return s.brokenRemove(key)
		}
	case !broken && s.mends() && info.Flags&kvstore.FlagReplayProtection != 0:
		return s.protectedRemove(key)
	}
	if err := s.under.Remove(key); err != nil {
		return err
	}
	switch {
	case s.rbp == nil:
	case broken:
		if _, err := s.rbp.Info(key); err == nil {
			return kvstore.ErrUndefined
		}
	case info.Flags&kvstore.FlagReplayProtection != 0:
		if err := s.rbp.Remove(key); err != nil && !errors.Is(err, kvstore.ErrItemNotFound) {
			return err
		}
	}
	return nil
}

// Reset resets the stores below; the device key goes with the internal one's reserved data.
func (s *Store) Reset() error {
	if !s.open {
		return kvstore.ErrNotReady
	}
	s.call()
	if s.mends() {
		return s.announcedReset()
	}
	if err := s.under.Reset(); err != nil {
		return err
	}
	if s.rbp != nil {
		return s.rbp.Reset()
	}
	return nil
}

// Iterate lists the keys of the store below, unchecked.
func (s *Store) Iterate(prefix string) (kvstore.Iterator, error) {
	if !s.open {
		return nil, kvstore.ErrNotReady
	}
	s.call()
	return s.under.Iterate(prefix)
}

func (s *Store) call() {
	if s.cpu != nil {
		s.cpu.Call()
	}
}

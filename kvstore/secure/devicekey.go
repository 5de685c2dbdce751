package secure

import (
	"encoding/binary"
	"fmt"

	"dualbank/kvstore"
)

// KeyError is an error of the device key, with the number the reference returns (DeviceKey.h).
type KeyError int

// The errors of the device key.
const (
	ErrKeySize     KeyError = -1  // a root of trust has 16 or 32 bytes
	ErrKeyType     KeyError = -2  // a derived key has 16 or 32 bytes
	ErrKeySave     KeyError = -3  // the store could not keep it
	ErrKeyExists   KeyError = -4  // there is one already
	ErrKeyNotFound KeyError = -5  // there is none
	ErrKeyRead     KeyError = -6  // it cannot be read, or has 32 bytes where 16 are read
	ErrKeyStore    KeyError = -7  // any other error of the store
	ErrKeyCMAC     KeyError = -8  // the key derivation failed: the salt was nil
	ErrKeyEntropy  KeyError = -12 // the entropy source failed
)

// The sizes of a root of trust and of derived keys, in bytes.
const (
	rootSize     = 16
	longRootSize = 32
)

var keyErrors = map[KeyError]string{
	ErrKeySize:     "a root of trust must have 16 or 32 bytes",
	ErrKeyType:     "a derived key must have 16 or 32 bytes",
	ErrKeySave:     "the root of trust could not be stored",
	ErrKeyExists:   "there is a root of trust already",
	ErrKeyNotFound: "there is no root of trust",
	ErrKeyRead:     "the root of trust cannot be read at this size",
	ErrKeyStore:    "unexpected error of the store",
	ErrKeyCMAC:     "key derivation failed (no salt?)",
	ErrKeyEntropy:  "the entropy source failed",
}

func (e KeyError) Error() string { return fmt.Sprintf("device key: %s (%d)", keyErrors[e], int(e)) }

// ReservedData keeps a few bytes beside a store, set once: a TDBStore does.
type ReservedData interface {
	// Reserved copies the data into buf and returns their size: ErrItemNotFound if there are none,
	// ErrInvalidSize if buf is too small.
	Reserved(buf []byte) (int, error)
	// SetReserved sets the data. ErrWriteFailed if they are set already.
	SetReserved(data []byte) error
}

// Entropy fills p with random bytes. A simulation gives a seeded source, so that runs repeat.
type Entropy func(p []byte) error

// DeviceKey derives keys from the device's root of trust, which lies in the reserved data of the
// internal store.
type DeviceKey struct {
	store   ReservedData
	cpu     kvstore.CPU
	repairs kvstore.Repairs
}

// NewDeviceKey is the device key in store. cpu is told of the AES work, or nil.
func NewDeviceKey(store ReservedData, cpu kvstore.CPU) *DeviceKey {
	return &DeviceKey{store: store, cpu: cpu}
}

// Mend gives k those of r that are its own (RepairLongRoot), and returns it.
func (k *DeviceKey) Mend(r kvstore.Repairs) *DeviceKey {
	k.repairs = r
	return k
}

// Inject sets the root of trust, 16 or 32 bytes, once. The errors are KeyErrors.
func (k *DeviceKey) Inject(root []byte) error {
	if len(root) != rootSize && len(root) != longRootSize {
		return ErrKeySize
	}
	var old [longRootSize]byte
	if _, err := k.read(old[:]); err == nil {
		return ErrKeyExists
	} else if err != ErrKeyNotFound {
		return err
	}
	switch k.store.SetReserved(root) {
	case nil:
		return nil
	case kvstore.ErrWriteFailed:
		return ErrKeySave
	}
	return ErrKeyStore
}

// Generate makes a root of trust of size bytes, 16 or 32, out of one draw of entropy.
func (k *DeviceKey) Generate(size int, entropy Entropy) error {
	if size != rootSize && size != longRootSize {
		return ErrKeySize
	}
	var root [longRootSize]byte
	if _, err := k.read(root[:]); err == nil {
		return ErrKeyExists
	}
	if entropy(root[:size]) != nil {
		return ErrKeyEntropy
	}
	return k.Inject(root[:size])
}

// read reads the root of trust into buf.
func (k *DeviceKey) read(buf []byte) (int, error) {
	n, err := k.store.Reserved(buf)
	switch err {
	case nil:
		return n, nil
	case kvstore.ErrItemNotFound:
		return 0, ErrKeyNotFound
	case kvstore.ErrReadFailed, kvstore.ErrInvalidSize:
		return 0, ErrKeyRead
	}
	return 0, ErrKeyStore
}

// Derive fills out, 16 or 32 bytes, with the key that belongs to salt: SP 800-108 in counter mode
// with AES-CMAC under the root. The reference reads as many bytes of the root as it derives, so a
// root of 32 bytes cannot give a key of 16 (ErrKeyRead); to a root of 16 bytes the rest is zero and
// it is used as a key of 16 bytes. A salt of no bytes is allowed, nil is not (ErrKeyCMAC).
func (k *DeviceKey) Derive(salt, out []byte) error {
	if len(out) != rootSize && len(out) != longRootSize {
		return ErrKeyType
	}
	var root [longRootSize]byte
	most := len(out)
	if k.repairs.Has(kvstore.RepairLongRoot) {
		most = longRootSize
	}
	n, err := k.read(root[:most])
	if err != nil {
		return err
	}
	if salt == nil || n != rootSize && n != longRootSize {
		return ErrKeyCMAC
	}
	return deriveKey(root[:n], salt, out, k.cpu)
}

// deriveKey fills out with blocks CMAC(root, i || salt || 0 || size of out), i counting from 1.
func deriveKey(root, salt, out []byte, cpu kvstore.CPU) error {
	var size [4]byte
	binary.LittleEndian.PutUint32(size[:], uint32(len(out)))
	for i := byte(1); len(out) > 0; i++ {
		var m cmac
		if m.start(root, cpu) != nil {
			return ErrKeyCMAC
		}
		m.write([]byte{i})
		m.write(salt)
		m.write([]byte{0})
		m.write(size[:])
		sum := m.sum()
		out = out[copy(out, sum[:]):]
	}
	return nil
}

package boot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// Version 2 of the metadata header, the external kind: for storage that others can write. It is signed with
// a key that never leaves the device.
const (
	// ExternalHeaderSize is the size of the external header in bytes.
	ExternalHeaderSize = 296

	externalMAC = 232 // offset of the HMAC, and the number of bytes under it

	rootSize = 16 // bytes of the root of trust
)

// RootOfTrust returns the device's root of trust, 16 bytes. It is a function because the bootloader reads it
// from the KVStore's reserved data each time it needs it (mbed-bootloader.use-kvstore-rot).
type RootOfTrust func() ([]byte, error)

// Derivation is how the key of the external header's HMAC comes from the root of trust.
type Derivation int

const (
	// DeriveKey is HMAC-SHA-256 with the root of trust as key.
	DeriveKey Derivation = iota
	// DeriveKeySwapped swaps key and message, as older clients did
	// (PAL_DEVICE_KEY_DERIVATION_BACKWARD_COMPATIBILITY_CALC).
	DeriveKeySwapped
)

// derivationText is the message of the derivation (ARM_UC_DEVICE_HMAC_KEY).
const derivationText = "StorageEnc256HMACSHA256SIGNATURE"

// DeviceKey derives the key of the external header's HMAC from the root of trust.
func DeviceKey(root []byte, how Derivation) [32]byte {
	key, message := root, []byte(derivationText)
	if how == DeriveKeySwapped {
		key, message = message, key
	}
	return mac(key, message)
}

func mac(key, message []byte) (sum [32]byte) {
	h := hmac.New(sha256.New, key)
	h.Write(message)
	h.Sum(sum[:0])
	return sum
}

// EncodeExternalHeader writes the external header of d under the device key to the first
// ExternalHeaderSize bytes of p, which must be at least that long. The payload is the firmware itself,
// neither encrypted nor compressed.
func EncodeExternalHeader(p []byte, d *Details, key *[32]byte) {
	p = p[:ExternalHeaderSize]
	clear(p)
	binary.BigEndian.PutUint32(p, headerMagic)
	binary.BigEndian.PutUint32(p[4:], HeaderVersion)
	binary.BigEndian.PutUint64(p[8:], d.Version)
	binary.BigEndian.PutUint64(p[16:], d.Size)
	copy(p[24:56], d.Hash[:])
	binary.BigEndian.PutUint64(p[88:], d.Size)
	copy(p[96:128], d.Hash[:])
	copy(p[160:176], d.Campaign[:])
	sum := mac(key[:], p[:externalMAC])
	copy(p[externalMAC:], sum[:])
}

// ParseExternalHeader fills d from the external header p if its HMAC under the device key is right;
// like the reference it looks at nothing else. d is untouched unless it returns true.
func ParseExternalHeader(p []byte, d *Details, key *[32]byte) bool {
	if len(p) < ExternalHeaderSize {
		return false
	}
	sum := mac(key[:], p[:externalMAC])
	// The field has room for 64 bytes; the reference compares the 32 of SHA-256.
	if !hmac.Equal(sum[:], p[externalMAC:externalMAC+32]) {
		return false
	}
	d.fromExternal(p)
	return true
}

// fromExternal takes what the external header p says.
func (d *Details) fromExternal(p []byte) {
	d.Version = binary.BigEndian.Uint64(p[8:])
	d.Size = binary.BigEndian.Uint64(p[16:])
	copy(d.Hash[:], p[24:])
	copy(d.Campaign[:], p[160:])
}

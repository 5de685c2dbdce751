package sut

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/kvstore"
	"dualbank/kvstore/secure"
	"dualbank/kvstore/storage"
	"dualbank/model/random"
)

// SecureStore is a partition of storage type TDB_EXTERNAL on one device: the internal store in the first
// third of its erase units, the external device in the rest, of which the store leaves the first two units
// to another user. A key's name says how its values are protected: see script.Protection.
type SecureStore struct {
	*storage.Partition
	rand *random.Source
	Err  error
}

// RootOfTrust is the device key of every device under test.
var RootOfTrust = []byte("0123456789abcdef")

func NewSecureStore(dev kvstore.BlockDevice, opts kvstore.Options) *SecureStore {
	s := &SecureStore{rand: random.New(0)}
	split, skip := SecureSplit(dev)
	config := storage.Config{Type: storage.TDBExternal, Partition: "kv", ExternalBase: skip}
	s.Partition, s.Err = config.Build(storage.Parts{
		Internal: storage.Slice(dev, 0, split), External: storage.Slice(dev, split, dev.Size()-split), Options: opts,
		Entropy: func(p []byte) error { s.rand.Fill(p); return nil },
	})
	return s
}

// External is the part of a device that a SecureStore on it keeps its external store in.
func External(dev kvstore.BlockDevice) kvstore.BlockDevice {
	split, skip := SecureSplit(dev)
	return storage.Slice(dev, split+skip, dev.Size()-split-skip)
}

// SecureSplit is where the external device begins, and how many bytes of it the store leaves alone.
func SecureSplit(dev kvstore.BlockDevice) (split, skip uint32) {
	for split < dev.Size()/3 {
		split += dev.EraseSize(split)
	}
	return split, 2 * dev.EraseSize(split)
}

// Open opens the stores; a device that was never provisioned gets its device key.
func (s *SecureStore) Open() error {
	if s.Err != nil {
		return s.Err
	}
	if err := s.Partition.Open(); err != nil {
		return err
	}
	if err := s.Key.Inject(RootOfTrust); err != nil && err != secure.ErrKeyExists {
		return err
	}
	return nil
}

// seed makes the entropy a function of what is stored, so that runs repeat wherever they begin.
func (s *SecureStore) seed(key string, size int) {
	s.rand = random.New(xxhash.Sum64String(key) + uint64(size))
}

func (s *SecureStore) Set(key string, v []byte, flags kvstore.Flags) error {
	s.rand = random.New(xxhash.Sum64String(key) ^ xxhash.Sum64(v))
	return s.Main.Set(key, v, flags|script.Protection(key))
}

func (s *SecureStore) SetStart(key string, size uint32, flags kvstore.Flags) error {
	s.seed(key, int(size))
	return s.Main.SetStart(key, size, flags|script.Protection(key))
}

func (s *SecureStore) SetAdd(p []byte) error { return s.Main.SetAdd(p) }
func (s *SecureStore) SetFinalize() error    { return s.Main.SetFinalize() }
func (s *SecureStore) Remove(key string) error {
	return s.Main.Remove(key)
}

func (s *SecureStore) Get(key string, p []byte, off uint32) (int, error) {
	return s.Main.Get(key, p, off)
}
func (s *SecureStore) Info(key string) (kvstore.Info, error) { return s.Main.Info(key) }
func (s *SecureStore) Iterate(prefix string) (kvstore.Iterator, error) {
	return s.Main.Iterate(prefix)
}
func (s *SecureStore) Reset() error { return s.Main.Reset() }

// SecurePart names the store that an address of the device belongs to.
func SecurePart(d *explore.Device, addr uint32) string {
	_, dev, err := d.Region()
	if err != nil {
		return "store"
	}
	if split, _ := SecureSplit(dev); addr < split {
		return "internal"
	}
	return "external"
}

// leakBytes is how many bytes in a row of a confidential value an image must not hold.
const leakBytes = 12

// Leaks looks for confidential values in an image.
func Leaks(image []byte, steps []script.Step) (explore.Violation, bool) {
	var all [][]byte // pieces of values
	var of []string  // their keys
	for i := range steps {
		o := &steps[i]
		if !o.Kind.Sets() || (o.Flags|script.Protection(o.Key))&kvstore.FlagConfidential == 0 {
			continue
		}
		v := o.Value()
		for at := 0; at+leakBytes <= len(v); at += leakBytes {
			all, of = append(all, v[at:at+leakBytes]), append(of, o.Key)
		}
	}
	if !mayHold(image, all) {
		return explore.Violation{}, false
	}
	for i, piece := range all {
		if n := bytes.Index(image, piece); n >= 0 {
			return explore.Violation{
				Symptom:  explore.Symptom{Rule: RuleSecret, Kind: "leak"},
				Expected: "no 12 bytes of it in a row", Seen: fmt.Sprintf("%d bytes of %q at 0x%X", leakBytes, of[i], n),
			}, true
		}
	}
	return explore.Violation{}, false
}

// mayHold reports whether the image holds the first eight bytes of one of pieces. It looks at each byte of the image once,
// however many pieces there are.
func mayHold(image []byte, pieces [][]byte) bool {
	var begins [1 << 16 / 64]uint64 // by the first two bytes
	first := make(map[uint64]bool, len(pieces))
	for _, p := range pieces {
		w := binary.LittleEndian.Uint64(p)
		begins[uint16(w)/64] |= 1 << (w % 64)
		first[w] = true
	}
	for i := 0; i+8 <= len(image); i++ {
		w := binary.LittleEndian.Uint64(image[i:])
		if begins[uint16(w)/64]>>(w%64)&1 != 0 && first[w] {
			return true
		}
	}
	return false
}

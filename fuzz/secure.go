package fuzz

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/random"
)

// secureStore is a partition of storage type TDB_EXTERNAL on one device: the internal store in the first
// third of its erase units, the external device in the rest, of which the store leaves the first two units
// to somebody else. A key's name says how its values are protected; see protection.
type secureStore struct {
	*kvstore.Partition
	rand *random.Source
	err  error
}

// rootOfTrust is the device key of every device under test.
var rootOfTrust = []byte("0123456789abcdef")

func newSecureStore(dev kvstore.BlockDevice, opts kvstore.Options) *secureStore {
	s := &secureStore{rand: random.New(0)}
	split, skip := secureSplit(dev)
	storage := kvstore.Storage{Type: kvstore.TDBExternal, Partition: "kv", ExternalBase: skip}
	s.Partition, s.err = storage.Build(kvstore.Parts{
		Internal: window{dev, 0, split}, External: window{dev, split, dev.Size() - split}, Options: opts,
		Entropy: func(p []byte) error { s.rand.Fill(p); return nil },
	})
	return s
}

// secureSplit is where the external device begins, and how many bytes of it the store leaves alone.
func secureSplit(dev kvstore.BlockDevice) (split, skip uint32) {
	for split < dev.Size()/3 {
		split += dev.EraseSize(split)
	}
	return split, 2 * dev.EraseSize(split)
}

// window is a part of a device as a device of its own.
type window struct {
	dev        kvstore.BlockDevice
	base, size uint32
}

func (w window) Size() uint32                 { return w.size }
func (w window) ProgramUnit() uint32          { return w.dev.ProgramUnit() }
func (w window) EraseSize(addr uint32) uint32 { return w.dev.EraseSize(w.base + addr) }

func (w window) Read(addr uint32, p []byte) error {
	if !w.inside(addr, uint64(len(p))) {
		return model.ErrRange
	}
	return w.dev.Read(w.base+addr, p)
}

func (w window) Program(addr uint32, p []byte) error {
	if !w.inside(addr, uint64(len(p))) {
		return model.ErrRange
	}
	return w.dev.Program(w.base+addr, p)
}

func (w window) Erase(addr, size uint32) error {
	if !w.inside(addr, uint64(size)) {
		return model.ErrRange
	}
	return w.dev.Erase(w.base+addr, size)
}

func (w window) inside(addr uint32, n uint64) bool { return uint64(addr)+n <= uint64(w.size) }

// Stamp is that of the device (kvstore.Stamped).
func (w window) Stamp(addr, n uint32) (stamp [2]uint64, ok bool) {
	d, ok := w.dev.(kvstore.Stamped)
	if !ok {
		return stamp, false
	}
	return d.Stamp(w.base+addr, n)
}

// protection is how the values of a key are protected, by the first letter of its name.
func protection(key string) kvstore.Flags {
	switch key[0] {
	case 'c':
		return kvstore.FlagConfidential
	case 'r':
		return kvstore.FlagReplayProtection
	case 'x':
		return kvstore.FlagConfidential | kvstore.FlagReplayProtection
	}
	return 0
}

// Open opens the stores; a device that was never provisioned gets its device key.
func (s *secureStore) Open() error {
	if s.err != nil {
		return s.err
	}
	if err := s.Partition.Open(); err != nil {
		return err
	}
	if err := s.Key.Inject(rootOfTrust); err != nil && err != kvstore.ErrKeyExists {
		return err
	}
	return nil
}

// seed makes the entropy a function of what is stored, so that runs repeat wherever they begin.
func (s *secureStore) seed(key string, size int) {
	s.rand = random.New(xxhash.Sum64String(key) + uint64(size))
}

func (s *secureStore) Set(key string, v []byte, flags kvstore.Flags) error {
	s.rand = random.New(xxhash.Sum64String(key) ^ xxhash.Sum64(v))
	return s.Main.Set(key, v, flags|protection(key))
}

func (s *secureStore) SetStart(key string, size uint32, flags kvstore.Flags) error {
	s.seed(key, int(size))
	return s.Main.SetStart(key, size, flags|protection(key))
}

func (s *secureStore) SetAdd(p []byte) error { return s.Main.SetAdd(p) }
func (s *secureStore) SetFinalize() error    { return s.Main.SetFinalize() }
func (s *secureStore) Remove(key string) error {
	return s.Main.Remove(key)
}

func (s *secureStore) Get(key string, p []byte, off uint32) (int, error) {
	return s.Main.Get(key, p, off)
}
func (s *secureStore) Info(key string) (kvstore.Info, error) { return s.Main.Info(key) }
func (s *secureStore) Iterate(prefix string) (kvstore.Iterator, error) {
	return s.Main.Iterate(prefix)
}
func (s *secureStore) Reset() error { return s.Main.Reset() }

// securePart names the store that an address belongs to.
func (c *KVSweep) securePart(addr uint32) string {
	f, dev, err := c.Device.region()
	if err != nil || f == nil {
		return "store"
	}
	if split, _ := secureSplit(dev); addr < split {
		return "internal store"
	}
	return "external store"
}

// attackedOps are secureOps among which keys are protected from a replay from their second value on.
func attackedOps(seed uint64, n int) []Op {
	ops := secureOps(seed, n)
	r := random.New(seed ^ 0x1A7E)
	for i := 9; i < len(ops); i += 7 {
		if ops[i].Kind == OpReboot {
			continue
		}
		flags := kvstore.FlagReplayProtection
		if i < 21 {
			flags = 0
		}
		ops[i] = Op{Kind: OpSet, Key: fmt.Sprintf("late%d", i/7%2), Size: 16 + r.Intn(32), Seed: r.Uint64(), Flags: uint32(flags)}
	}
	return ops
}

// secureOps sets and removes keys of every kind of protection, and reboots in between.
func secureOps(seed uint64, n int) []Op {
	r := random.New(seed)
	names := []string{"n0", "n1", "c0", "c1", "r0", "r1", "x0", "x1"}
	ops := []Op{{Kind: OpSet, Key: "once", Size: 24, Seed: r.Uint64(), Flags: uint32(kvstore.FlagWriteOnce)}}
	for _, k := range names {
		ops = append(ops, Op{Kind: OpSet, Key: k, Size: 16 + r.Intn(32), Seed: r.Uint64()})
	}
	for len(ops) < n {
		k := names[min(r.Intn(len(names)), r.Intn(len(names)))]
		switch r.Intn(16) {
		case 0:
			ops = append(ops, Op{Kind: OpReboot})
		case 1, 2:
			ops = append(ops, Op{Kind: OpRemove, Key: k})
		default:
			ops = append(ops, Op{Kind: OpSet, Key: k, Size: 16 + r.Intn(32), Seed: r.Uint64()})
		}
	}
	return ops
}

// mend judges by rule 10 what a cut has left unreadable.
func (j *kvJudge) mend() { j.comeBack(0) }

// comeBack judges by rule 10 what a cut has left unreadable: the key in flight may be lost, but it can be
// removed, or set again with flags. It tells whether the key is readable in the end.
func (j *kvJudge) comeBack(flags kvstore.Flags) bool {
	k := &j.exp.keys[j.flight]
	_, err := j.get(k.name)
	if err == nil {
		return true // it has a value, if a wrong one
	}
	v := []byte("a value to come back with")
	removed := j.store.Remove(k.name)
	if removed != nil && !errors.Is(removed, kvstore.ErrItemNotFound) {
		j.report(RuleSecret, "a key that a cut has made unreadable cannot be removed: "+name(removed), "the key is removed", fmt.Sprintf("remove %q: %v; it read as: %v", k.name, removed, err))
		j.reopen(RuleOpens, " after a remove that failed") // a running store may be wrong then (docs/findings.md, 10)
	}
	// The first set after a cut may fail once, in either of the two stores: that is another rule's matter.
	for try := range 3 {
		if err = j.store.Set(k.name, v, flags); err == nil || try == 2 || !j.reopen(RuleOpens, " after a set that failed") {
			break
		}
	}
	if err == nil {
		var got []byte
		if got, err = j.get(k.name); err == nil && bytes.Equal(got, v) {
			k.valueState, k.flags = valueState{now: v}, flags
			return true
		}
	}
	j.report(RuleSecret, "a key that a cut has made unreadable stays so", "a set brings it back", fmt.Sprintf("set %q: %v", k.name, err))
	return false
}

// leaks looks for confidential values in an image.
func leaks(image []byte, ops []Op) (Violation, bool) {
	for i := range ops {
		o := &ops[i]
		if !o.Kind.sets() || (kvstore.Flags(o.Flags)|protection(o.Key))&kvstore.FlagConfidential == 0 {
			continue
		}
		v := o.value()
		for at := 0; at+12 <= len(v); at += 12 {
			if n := bytes.Index(image, v[at:at+12]); n >= 0 {
				return Violation{
					Rule: RuleSecret, Symptom: "a confidential value can be read in the image",
					Expected: "no 12 bytes of it in a row", Seen: fmt.Sprintf("%d bytes of %q at 0x%X", 12, o.Key, n),
				}, true
			}
		}
	}
	return Violation{}, false
}

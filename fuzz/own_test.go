package fuzz_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dualbank/fuzz"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/kv/script"
	"dualbank/internal/long"
	"dualbank/kvstore"
)

// log is a store of a few lines, and no more than open, set, get, remove and list: a log of slots, each a key
// and a value with their lengths and, if check is set, a checksum. It never collects.
type log struct {
	dev    kvstore.BlockDevice
	check  bool
	next   uint32
	values map[string][]byte
	order  []string
}

const (
	slot    = 736 // bytes: checksum, lengths, key, value, and the rest of the last program unit
	maxKey  = 128
	maxSize = 600
	gone    = 0xFFFE // length of a value that was removed
)

func (s *log) Open() error {
	s.values, s.order = map[string][]byte{}, nil
	for s.next = 0; s.next+slot <= s.dev.Size(); s.next += slot {
		r := make([]byte, slot)
		if err := s.dev.Read(s.next, r); err != nil {
			return err
		}
		if bytes.Count(r, []byte{0xFF}) == slot {
			return nil
		}
		key, size := int(r[4]), int(binary.LittleEndian.Uint16(r[5:]))
		if key > maxKey-1 || size > maxSize-1 && size != gone || s.check && binary.LittleEndian.Uint32(r) != crc32.ChecksumIEEE(r[4:]) {
			continue
		}
		name := string(r[7 : 7+key])
		s.forget(name)
		if size != gone {
			s.values[name] = bytes.Clone(r[7+key : 7+key+size])
			s.order = append(s.order, name)
		}
	}
	return nil
}

func (s *log) forget(key string) {
	for i, k := range s.order {
		if k == key {
			s.order = append(s.order[:i:i], s.order[i+1:]...)
		}
	}
	delete(s.values, key)
}

func (s *log) append(key string, v []byte, size uint16) error {
	if s.next+slot > s.dev.Size() {
		return kvstore.ErrMediaFull
	}
	r := make([]byte, slot)
	r[4] = byte(len(key))
	binary.LittleEndian.PutUint16(r[5:], size)
	copy(r[7:], key)
	copy(r[7+len(key):], v)
	binary.LittleEndian.PutUint32(r, crc32.ChecksumIEEE(r[4:]))
	s.next += slot
	if err := s.dev.Program(s.next-slot, r); err != nil {
		return err
	}
	s.forget(key)
	return nil
}

func (s *log) Set(key string, v []byte) error {
	if err := s.append(key, v, uint16(len(v))); err != nil {
		return err
	}
	s.values[key] = append([]byte{}, v...)
	s.order = append(s.order, key)
	return nil
}

func (s *log) Get(key string) ([]byte, error) {
	v, ok := s.values[key]
	if !ok {
		return nil, kvstore.ErrItemNotFound
	}
	return v, nil
}

func (s *log) Remove(key string) error {
	if _, ok := s.values[key]; !ok {
		return kvstore.ErrItemNotFound
	}
	return s.append(key, nil, gone)
}

func (s *log) List() ([]string, error) { return s.order, nil }

// recorder is a test that keeps its errors.
type recorder struct {
	errors []string
	dir    string
}

func (r *recorder) Helper()             {}
func (r *recorder) ArtifactDir() string { return r.dir }

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// TestExploreFindsThePlantedBug: a store of open, set, get, remove and list is enough. Without its checksum it
// believes a torn record; the finding is small, is written to files, and replays.
func TestExploreFindsThePlantedBug(t *testing.T) {
	// The device is large enough for the store, which never collects, to take the workload and the judge's sets.
	sweep := kv.Sweep{Device: explore.Device{Sectors: "2x64K", Unit: 4, Size: 128 << 10}, Seed: 1, MaxCuts: 600}
	for i := range 25 {
		sweep.Ops = append(sweep.Ops,
			script.Op{Kind: script.Set, Key: fmt.Sprintf("k%d", i%4), Size: 20 + i%40, Seed: uint64(i), Flags: kvstore.FlagWriteOnce & kvstore.Flags(i%2)})
	}
	sweep.Ops = append(sweep.Ops,
		script.Op{Kind: script.Reserved, Size: 30, Seed: 7}, // what the store cannot do is left out or simpler
		script.Op{Kind: script.Pieces, Key: "k1", Size: 50, Piece: 20, Seed: 8},
		script.Op{Kind: script.Reset},
		script.Op{Kind: script.Remove, Key: "k2"},
	)
	sound, broken := recorder{dir: t.TempDir()}, recorder{dir: t.TempDir()}
	fuzz.Explore(&sound, kv.FromSimple(func(d kvstore.BlockDevice) *log { return &log{dev: d, check: true} }), sweep)
	for _, e := range sound.errors {
		t.Errorf("the sound store: %s", e)
	}
	unchecked := kv.FromSimple(func(d kvstore.BlockDevice) *log { return &log{dev: d} })
	fuzz.Explore(&broken, unchecked, sweep)
	found := strings.Join(broken.errors, "\n")
	if !strings.Contains(found, "rule 3 is broken: the key in flight has another value") {
		t.Fatalf("the planted bug was not found: %s", found)
	}
	files, err := filepath.Glob(filepath.Join(broken.dir, "findings", "*.json"))
	if err != nil || len(files) != len(broken.errors) {
		t.Fatalf("%d files for %d findings, %v", len(files), len(broken.errors), err)
	}
	for _, file := range files {
		f, err := fuzz.ReadFinding(file)
		if err != nil {
			t.Fatal(err)
		}
		if f.Case.Len() > 2 {
			t.Errorf("%s: %d operations, one or two are enough", f.Symptom, f.Case.Len())
		}
		if again, err := fuzz.Replay(file, unchecked, io.Discard); err != nil || !again {
			t.Errorf("%s: replayed: %v, %v", f.Symptom, again, err)
		}
		if _, err := f.Replay(io.Discard); err == nil || !strings.Contains(err.Error(), "fuzz.Replay") {
			t.Errorf("a store that is not part of dualbank: %v", err)
		}
		for _, ext := range []string{".txt", ".bin", ".hex"} {
			if s, err := os.Stat(strings.TrimSuffix(file, ".json") + ext); err != nil || s.Size() == 0 {
				t.Errorf("%s: %v", ext, err)
			}
		}
	}
}

// TestExploreMadeWorkload: a workload that is made has only what the store can do.
func TestExploreMadeWorkload(t *testing.T) {
	long.Test(t)
	sound := recorder{dir: t.TempDir()}
	fuzz.Explore(&sound, kv.FromSimple(func(d kvstore.BlockDevice) *log { return &log{dev: d, check: true} }),
		kv.Sweep{Device: explore.Device{Sectors: "4x128K", Unit: 8, Size: 512 << 10}, Seed: 3, MaxCuts: 20, Modes: []string{"torn"}})
	for _, e := range sound.errors {
		t.Errorf("%s", e)
	}
}

// TestExploreOnZeros: on a part whose erased cells read 0 a store that looks for 0xFF breaks rules, which are
// findings as any other; one that does not look at erased cells breaks none, with units of 512 bytes that are
// erased one by one.
func TestExploreOnZeros(t *testing.T) {
	device := explore.Device{Part: "cy8c624abzi", Unit: 32, Base: 0x1004_0000, Size: 8 << 10}
	sweep := kv.Sweep{Device: device, Seed: 1, MaxCuts: 10, Modes: []string{"torn"}}
	for i := range 6 {
		sweep.Ops = append(sweep.Ops, script.Op{Kind: script.Set, Key: fmt.Sprintf("k%d", i%3), Size: 20, Seed: uint64(i)})
	}
	sweep.Ops = append(sweep.Ops, script.Op{Kind: script.Reset}, script.Op{Kind: script.Set, Key: "k0", Size: 30, Seed: 99})
	looks, tdb := recorder{dir: t.TempDir()}, recorder{dir: t.TempDir()}
	fuzz.Explore(&looks, kv.FromSimple(func(d kvstore.BlockDevice) *log { return &log{dev: d} }), sweep)
	if len(looks.errors) == 0 {
		t.Error("a store that looks for 0xFF breaks no rule on cells that erase to 0")
	}
	long.Test(t)
	sweep.Device.Unit, sweep.Modes = 512, []string{"before"}
	fuzz.Explore(&tdb, func(d kvstore.BlockDevice) kvstore.Store { return kvstore.NewTDB(d, kvstore.Options{}) }, sweep)
	for _, e := range tdb.errors {
		if !strings.Contains(e, "rule") {
			t.Error(e)
		}
	}
}

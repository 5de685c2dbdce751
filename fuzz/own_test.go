package fuzz_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"dualbank/fuzz"
	"dualbank/kvstore"
)

// register is a store for one key of up to 64 bytes: a log of slots, each a value with its length
// and, if check is set, a checksum. It knows no more than that.
type register struct {
	kvstore.Store // nil: what is not written below cannot be called
	dev           kvstore.BlockDevice
	check         bool
	next          uint32
	value         []byte
}

const slot = 4 + 1 + 64 // checksum, length, value

func (s *register) Open() error {
	s.value = nil
	for s.next = 0; s.next+slot <= s.dev.Size(); s.next += slot {
		var r [slot]byte
		if err := s.dev.Read(s.next, r[:]); err != nil {
			return err
		}
		if bytes.Count(r[:], []byte{0xFF}) == slot {
			return nil
		}
		if n := int(r[4]); n <= 64 && (!s.check || binary.LittleEndian.Uint32(r[:]) == crc32.ChecksumIEEE(r[4:])) {
			s.value = bytes.Clone(r[5 : 5+n])
		}
	}
	return nil
}

func (s *register) Set(_ string, v []byte, _ kvstore.Flags) error {
	if s.next+slot > s.dev.Size() {
		return kvstore.ErrMediaFull
	}
	r := [slot]byte{4: byte(len(v))}
	copy(r[5:], v)
	binary.LittleEndian.PutUint32(r[:], crc32.ChecksumIEEE(r[4:]))
	s.next += slot
	if err := s.dev.Program(s.next-slot, r[:]); err != nil {
		return err
	}
	s.value = append([]byte{}, v...)
	return nil
}

func (s *register) Get(_ string, buf []byte, _ uint32) (int, error) {
	if s.value == nil {
		return 0, kvstore.ErrItemNotFound
	}
	return copy(buf, s.value), nil
}

func (s *register) Iterate(string) (kvstore.Iterator, error) {
	if s.value == nil {
		return new(one), nil
	}
	return &one{"k"}, nil
}

type one []string

func (o *one) Next() (string, error) {
	if len(*o) == 0 {
		return "", kvstore.ErrItemNotFound
	}
	k := (*o)[0]
	*o = nil
	return k, nil
}

func (o *one) Close() error { return nil }

type recorder struct{ errors []string }

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// TestExploreFindsThePlantedBug: without its checksum the little store believes a torn record.
func TestExploreFindsThePlantedBug(t *testing.T) {
	sweep := fuzz.KVSweep{Device: fuzz.Device{Sectors: "2x4K", Unit: 1, Size: 8192}, Seed: 1}
	for i := range 25 {
		sweep.Ops = append(sweep.Ops, fuzz.Op{Kind: fuzz.OpSet, Key: "k", Size: 20 + i%40, Seed: uint64(i)})
	}
	var sound, broken recorder
	fuzz.Explore(&sound, func(d kvstore.BlockDevice) kvstore.Store { return &register{dev: d, check: true} }, sweep)
	for _, e := range sound.errors {
		t.Errorf("the sound store: %s", e)
	}
	fuzz.Explore(&broken, func(d kvstore.BlockDevice) kvstore.Store { return &register{dev: d} }, sweep)
	found := strings.Join(broken.errors, "\n")
	if !strings.Contains(found, "rule 3 is broken: the key in flight has another value") {
		t.Errorf("the planted bug was not found: %s", found)
	}
}

// Package storage puts stores together as the options of an mbed_app.json say, and gives them names.
//
// A key such as /kv/key comes to its store in these steps:
//
//  1. Parse reads the options into a Config: the storage type, and where the internal and the external store lie.
//     Config.Internal places the internal one in the flash, Config.External cuts a part out of an external device.
//  2. Config.Build makes the Partition's stores on the caller's devices: a TDBStore (package kvstore), or a
//     SecureStore (package secure) with a TDBStore below it.
//  3. Partition.Open opens them, the internal one first.
//  4. NameSpace leads a name to the store of one of up to three partitions.
//
// Errors of a configuration are one line with the option. Those of stores are the sentinels of package kvstore.
package storage

import (
	"fmt"
	"strconv"
	"strings"

	"dualbank/kvstore"
	"dualbank/kvstore/secure"
)

// Type is which stores make up a partition: storage.storage_type of an mbed_app.json.
type Type string

// The storage types.
const (
	// TDBInternal is a TDBStore in the internal flash.
	TDBInternal Type = "TDB_INTERNAL"
	// TDBExternal is a SecureStore over a TDBStore on an external device, with rollback protection in a
	// TDBStore in the internal flash.
	TDBExternal Type = "TDB_EXTERNAL"
	// TDBExternalNoRBP is a SecureStore over a TDBStore on an external device. The reference's has no
	// internal store at all, hence no place for a device key, and every set fails.
	TDBExternalNoRBP Type = "TDB_EXTERNAL_NO_RBP"
)

// Config is the configuration of a partition.
type Config struct {
	Type      Type
	Partition string // name of the partition: storage.default_kv
	// Place of the internal store in the internal flash, an absolute address. Both 0: the last 2 sectors
	// or 14 pages, whichever is larger.
	InternalBase, InternalSize uint32
	// Part of the external device that is used. Size 0: all of it from the base on.
	ExternalBase, ExternalSize uint32
	BlockDevice                string // name of the external device: SPIF, QSPIF, default ...
}

// Parse makes the configuration from the options of an mbed_app.json, as resolved for a target:
// option returns the value of a name such as "storage_tdb_internal.internal_size". Both spellings
// (internal_size, internal-size) are asked for. An option that is not there has the library's
// default.
func Parse(option func(name string) (value string, ok bool)) (Config, error) {
	o := options(option)
	s := Config{Type: Type(o.text("storage.storage_type", "default")), Partition: o.text("storage.default_kv", "kv")}
	var module, size string
	switch s.Type {
	case "default", TDBInternal:
		s.Type, module, size = TDBInternal, "storage_tdb_internal", "internal_size"
	case TDBExternal:
		module, size = "storage_tdb_external", "rbp_internal_size"
	case TDBExternalNoRBP:
		module = "storage_tdb_external_no_rbp"
	case "FILESYSTEM", "FILESYSTEM_NO_RBP":
		return Config{}, fmt.Errorf("storage.storage_type: %s is not supported yet; choose TDB_INTERNAL, TDB_EXTERNAL or TDB_EXTERNAL_NO_RBP", s.Type)
	default:
		return Config{}, fmt.Errorf("storage.storage_type: %q is no storage type; choose TDB_INTERNAL, TDB_EXTERNAL or TDB_EXTERNAL_NO_RBP", s.Type)
	}
	var err error
	number := func(key string, to *uint32) {
		if err == nil {
			*to, err = o.number(module + "." + key)
		}
	}
	if size != "" {
		number("internal_base_address", &s.InternalBase)
		number(size, &s.InternalSize)
	}
	if s.Type != TDBInternal {
		number("external_base_address", &s.ExternalBase)
		number("external_size", &s.ExternalSize)
		s.BlockDevice = o.text(module+".blockdevice", "default")
	}
	return s, err
}

// options looks names up in either spelling.
type options func(name string) (string, bool)

func (o options) find(name string) (string, bool) {
	module, key, _ := strings.Cut(name, ".")
	dashes := func(s string) string { return strings.ReplaceAll(s, "_", "-") }
	for _, m := range []string{module, dashes(module)} {
		for _, k := range []string{key, dashes(key)} {
			if v, ok := o(m + "." + k); ok {
				return v, true
			}
		}
	}
	return "", false
}

func (o options) text(name, otherwise string) string {
	v, ok := o.find(name)
	if v = strings.Trim(strings.TrimSpace(v), `"`); !ok || v == "" {
		return otherwise
	}
	return v
}

func (o options) number(name string) (uint32, error) {
	v := o.text(name, "0")
	n, err := strconv.ParseUint(v, 0, 32)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is no address or size of 32 bits; give it in decimal, or in hex with 0x", name, v)
	}
	return uint32(n), nil
}

// FlashMap is what is to be known of an internal flash to place a store in it.
type FlashMap interface {
	Start() uint32                 // address of the first byte
	Size() uint32                  // bytes
	PageSize() uint32              // program unit, bytes
	SectorSize(addr uint32) uint32 // of the sector that holds addr
}

// The least that the default place of an internal store has.
const (
	storeSectors = 2
	storePages   = 14
)

// Internal is the place of the internal store in flash, of which the application takes what is before
// romEnd. As in the reference, an address given is not checked against the application.
func (s Config) Internal(flash FlashMap, romEnd uint32) (base, size uint32, err error) {
	start := uint64(flash.Start())
	end := start + uint64(flash.Size())
	down := func(a uint64) uint64 {
		n := uint64(flash.SectorSize(uint32(a)))
		return a / n * n
	}
	b, n := uint64(s.InternalBase), uint64(s.InternalSize)
	switch {
	case b == 0 && n == 0:
		// Both sectors are taken to have the size of the last one.
		n = storeSectors * uint64(flash.SectorSize(uint32(end-1)))
		if pages := storePages * uint64(flash.PageSize()); pages >= n {
			if pages > end-start {
				return 0, 0, fmt.Errorf("the internal store needs %d bytes, the flash has %d; give its base address and size", pages, end-start)
			}
			b = end - pages
			two := 2 * uint64(flash.SectorSize(uint32(b)))
			b = b / two * two
			n = end - b
		}
		if n > end-start {
			return 0, 0, fmt.Errorf("the internal store needs %d bytes, the flash has %d; give its base address and size", n, end-start)
		}
		b = end - n
	case b == 0:
		if n > end-start {
			return 0, 0, fmt.Errorf("internal size 0x%X: the flash has 0x%X bytes; make it smaller", n, end-start)
		}
		b = end - n
	case n == 0:
		n = end - min(b, end)
	}
	switch {
	case b < start || b >= end:
		return 0, 0, fmt.Errorf("internal base address 0x%X is not in the flash, 0x%X to 0x%X; move it", b, start, end)
	case b != down(b):
		return 0, 0, fmt.Errorf("the internal store would start at 0x%X, in the middle of a sector; 0x%X is the sector's start", b, down(b))
	case b+n > end:
		return 0, 0, fmt.Errorf("the internal store would end at 0x%X, the flash ends at 0x%X; make it smaller", b+n, end)
	}
	if last := uint64(flash.SectorSize(uint32(b + n - 1))); (b+n)%last != 0 {
		return 0, 0, fmt.Errorf("the internal store would end at 0x%X, in the middle of a sector of 0x%X bytes; change its size", b+n, last)
	}
	if first := uint64(romEnd); s.InternalBase == 0 && b < first {
		return 0, 0, fmt.Errorf("the internal store would start at 0x%X, in the application, which ends at 0x%X; give its base address", b, first)
	}
	return uint32(b), uint32(n), nil
}

// External is the part of an external device that the configuration asks for, as a device of its own.
func (s Config) External(dev kvstore.BlockDevice) (kvstore.BlockDevice, error) {
	base, size := s.ExternalBase, s.ExternalSize
	if base == 0 && size == 0 {
		return dev, nil
	}
	whole := dev.Size()
	switch {
	case base >= whole:
		return nil, fmt.Errorf("external base address 0x%X: the device has 0x%X bytes; make it smaller", base, whole)
	case base%dev.EraseSize(base) != 0:
		return nil, fmt.Errorf("external base address 0x%X is in the middle of an erase unit of 0x%X bytes; move it", base, dev.EraseSize(base))
	}
	if size == 0 {
		size = whole - base
	}
	switch {
	case size > whole-base:
		return nil, fmt.Errorf("external size 0x%X: the device has 0x%X bytes from the base on; make it smaller", size, whole-base)
	case (base+size)%dev.EraseSize(base+size-1) != 0:
		return nil, fmt.Errorf("external size 0x%X ends in the middle of an erase unit; change it", size)
	}
	return Slice(dev, base, size), nil
}

// Slice is size bytes of a device from base on, as a device of its own: Mbed's SlicingBlockDevice. They must lie in the
// device, on boundaries of erase units. What reaches out of them is ErrReadFailed or ErrWriteFailed.
func Slice(dev kvstore.BlockDevice, base, size uint32) kvstore.BlockDevice {
	return &slice{dev, base, size}
}

// slice is a part of a device.
type slice struct {
	dev        kvstore.BlockDevice
	base, size uint32
}

func (s *slice) Size() uint32                 { return s.size }
func (s *slice) ProgramUnit() uint32          { return s.dev.ProgramUnit() }
func (s *slice) EraseSize(addr uint32) uint32 { return s.dev.EraseSize(s.base + addr) }

// Rewritable is that of the device.
func (s *slice) Rewritable() bool {
	d, ok := s.dev.(kvstore.Rewritable)
	return ok && d.Rewritable()
}

// MaskFaults is that of the device.
func (s *slice) MaskFaults() {
	if d, ok := s.dev.(kvstore.FaultMasker); ok {
		d.MaskFaults()
	}
}

// Stamp is that of the device.
func (s *slice) Stamp(addr, n uint32) (stamp [2]uint64, ok bool) {
	d, ok := s.dev.(kvstore.Stamped)
	if !ok {
		return stamp, false
	}
	return d.Stamp(s.base+addr, n)
}

// Unchanged is that of the device.
func (s *slice) Unchanged(addr, n uint32, stamp [2]uint64) bool {
	d, ok := s.dev.(kvstore.Stamped)
	return ok && d.Unchanged(s.base+addr, n, stamp)
}

func (s *slice) Read(addr uint32, p []byte) error {
	if !s.inside(addr, len(p)) {
		return kvstore.ErrReadFailed
	}
	return s.dev.Read(s.base+addr, p)
}

func (s *slice) Program(addr uint32, p []byte) error {
	if !s.inside(addr, len(p)) {
		return kvstore.ErrWriteFailed
	}
	return s.dev.Program(s.base+addr, p)
}

func (s *slice) Erase(addr, size uint32) error {
	if !s.inside(addr, int(size)) {
		return kvstore.ErrWriteFailed
	}
	return s.dev.Erase(s.base+addr, size)
}

func (s *slice) inside(addr uint32, n int) bool { return uint64(addr)+uint64(n) <= uint64(s.size) }

// external is a part of a device with the defects d.
func external(dev kvstore.BlockDevice, d kvstore.Defects) kvstore.BlockDevice {
	if part, ok := dev.(*slice); ok && d.Has(kvstore.DefectSliceBaseTwice) {
		return &twiceBased{part}
	}
	return dev
}

type twiceBased struct{ *slice }

func (s *twiceBased) Erase(addr, size uint32) error {
	if !s.inside(s.base+addr, int(size)) {
		return kvstore.ErrWriteFailed
	}
	return s.slice.Erase(addr, size)
}

// Parts is what a partition is built on.
type Parts struct {
	// Internal is the region of the internal store. With TDBExternalNoRBP it may be nil, as in the
	// reference; if it is not, it holds the device key.
	Internal kvstore.BlockDevice
	External kvstore.BlockDevice // the external device; nil with TDBInternal
	Entropy  secure.Entropy      // for IVs; nil with TDBInternal
	Options  kvstore.Options     // of all TDBStores
}

// Partition is a name in the name space and the stores behind it.
type Partition struct {
	Name     string
	Main     kvstore.Store     // what the names lead to
	Mask     kvstore.Flags     // create flags that the storage type knows
	Internal *kvstore.TDBStore // nil if there is none
	External *kvstore.TDBStore // nil if there is none
	Key      *secure.DeviceKey // nil if there is no internal store
	repairs  kvstore.Repairs
}

// Build makes the stores of a partition, not yet open.
func (s Config) Build(p Parts) (*Partition, error) {
	part := &Partition{Name: s.Partition, Mask: 1<<32 - 1, repairs: p.Options.Repairs | p.Options.Profile.Repairs()}
	if p.Internal != nil {
		part.Internal = kvstore.NewTDB(p.Internal, p.Options)
		part.Key = secure.NewDeviceKey(part.Internal, p.Options.CPU).Mend(part.repairs)
	} else if s.Type != TDBExternalNoRBP {
		return nil, fmt.Errorf("storage type %s needs a region of the internal flash", s.Type)
	}
	if s.Type == TDBInternal {
		part.Main = part.Internal
		part.Mask &^= kvstore.FlagConfidential | kvstore.FlagReplayProtection
		return part, nil
	}
	if p.External == nil || p.Entropy == nil {
		return nil, fmt.Errorf("storage type %s needs an external device and an entropy source", s.Type)
	}
	dev, err := s.External(p.External)
	if err != nil {
		return nil, err
	}
	part.External = kvstore.NewTDB(external(dev, p.Options.Defects), p.Options)
	o := secure.Options{
		Store: part.External, Key: part.Key, Entropy: p.Entropy, CPU: p.Options.CPU,
		Defects: p.Options.Defects, Repairs: part.repairs,
	}
	switch s.Type {
	case TDBExternal:
		o.RBP = opened{part.Internal}
	case TDBExternalNoRBP:
		part.Mask &^= kvstore.FlagReplayProtection
		if o.Key == nil {
			o.Key = secure.NewDeviceKey(noKey{}, p.Options.CPU)
		}
	default:
		return nil, fmt.Errorf("%q is no storage type", s.Type)
	}
	part.Main = secure.New(o)
	return part, nil
}

// Open opens the internal store, then the others.
func (p *Partition) Open() error {
	if p.Internal != nil {
		if err := p.Internal.Open(); err != nil || p.External == nil {
			return err
		}
	}
	return p.Main.Open()
}

// Close closes the stores.
func (p *Partition) Close() error {
	err := p.Main.Close()
	if p.Internal != nil {
		if e := p.Internal.Close(); err == nil {
			err = e
		}
	}
	return err
}

// opened is a store that Partition opens itself.
type opened struct{ *kvstore.TDBStore }

func (opened) Open() error { return nil }

// noKey is the reserved data of a store that is not there.
type noKey struct{}

func (noKey) Reserved([]byte) (int, error) { return 0, kvstore.ErrItemNotFound }
func (noKey) SetReserved([]byte) error     { return kvstore.ErrWriteFailed }

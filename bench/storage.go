package bench

import (
	"fmt"

	"dualbank/boot"
	"dualbank/boot/layout"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
	"dualbank/model/random"
	"dualbank/results"
)

// externalBytes is how much of the external device a store on it has where nobody says: what the guide
// gives the internal one.
const externalBytes = 128 << 10

// maxExternal bounds what a scenario asks of an external device, in bytes.
const maxExternal = 1 << 30

// SecureBytes is what a SecureStore adds to a value: its metadata before and its CMAC behind.
const SecureBytes = 20 + 16

// StorageType is Mbed's storage.storage_type; empty: what the configuration files say.
type StorageType kvstore.StorageType

// check is the error of a type that is none.
func (t StorageType) check() error {
	if t == "" {
		return nil
	}
	_, err := word("storage type", []byte(t), []kvstore.StorageType{kvstore.TDBInternal, kvstore.TDBExternal, kvstore.TDBExternalNoRBP}, func(t kvstore.StorageType) string { return string(t) })
	return err
}

// Storage is the partition that the scenario asks for, else the layout's configuration files.
func (s *Store) Storage(l *layout.Layout) (kvstore.Storage, error) {
	p := kvstore.Storage{Type: kvstore.StorageType(s.Type), Partition: "kv"}
	if p.Type == "" {
		p.Type = kvstore.StorageType(l.StorageType)
		if p.Type == "default" {
			p.Type = kvstore.TDBInternal
		}
		if p.Type != kvstore.TDBInternal {
			var err error
			if p, err = kvstore.ParseStorage(l.Option); err != nil {
				return p, err
			}
		}
	}
	if s.ExternalBytes > 0 {
		p.ExternalSize = s.ExternalBytes
	}
	if p.ExternalSize == 0 {
		p.ExternalSize = externalBytes
	}
	return p, nil
}

// ExternalStorage tells whether the keys are on an external device. It is false of a layout that is none.
func (s *Scenario) ExternalStorage() bool {
	l := &layout.Layout{StorageType: string(s.Store.Type)}
	if s.Store.Type == "" {
		var err error
		if l, err = s.BootLayout(); err != nil {
			return false
		}
	}
	p, err := s.Store.Storage(l)
	return err == nil && p.Type != kvstore.TDBInternal
}

// external is the serial NOR flash of a device whose keys are not on its internal flash, and the store
// on it.
type external struct {
	nor        *model.NOR
	part       *part.NORPart
	driver     *part.NORDriver
	store      *kvstore.TDBStore
	base, size uint32 // of the store
}

// External is an external device as others see it. Sizes are in bytes.
type External struct {
	Size        uint32 // of the store
	EraseUnit   uint32
	ProgramUnit uint32
}

// External is the device's external flash; ok is false if it has none.
func (d *Device) External() (e External, ok bool) {
	if d.external == nil {
		return External{}, false
	}
	nor := d.external.nor
	return External{Size: d.external.size, EraseUnit: nor.EraseSize(d.external.base), ProgramUnit: nor.ProgramUnit()}, true
}

// use makes the workload go through the partition that the scenario asks for: the external types have a
// serial NOR flash beside the microcontroller, with its bus on the same clock, and a SecureStore over it
// whose device key lies in the internal store. Entropy is drawn from the scenario's seed.
func (d *Device) use(s *Scenario) error {
	var err error
	if d.storage, err = s.Store.Storage(d.Layout); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if d.storage.Type == kvstore.TDBInternal {
		return nil
	}
	e := &external{base: d.storage.ExternalBase, size: d.storage.ExternalSize}
	if e.part, err = part.NORByName(s.Store.External); err != nil {
		return fmt.Errorf("store.external: %w", err)
	}
	if e.driver, err = part.NORDriverByName("mbed"); err != nil {
		return err
	}
	if e.nor, err = model.NewNOR(model.NORConfig{Part: e.part, Driver: e.driver, Host: d.Flash, Corner: d.Corner}); err != nil {
		return err
	}
	rng := random.New(s.Seed)
	p, err := d.storage.Build(kvstore.Parts{
		Internal: d.region, External: e.nor, Options: d.options,
		Entropy: func(p []byte) error { rng.Fill(p); return nil },
	})
	if err != nil {
		return fmt.Errorf("store.external_bytes: %w", err)
	}
	if n := e.size / e.nor.EraseSize(e.base); n < 2 || n%2 != 0 {
		return fmt.Errorf("store.external_bytes: %d: give an even number of erase units of %d bytes", e.size, e.nor.EraseSize(e.base))
	}
	root := make([]byte, 16)
	rng.Fill(root)
	e.store = p.External
	d.Store, d.external = p.Internal, e
	d.KV = &partition{Store: p.Main, p: p, root: root}
	return nil
}

// partition is the store that the workload sees; its first open gives the device its key.
type partition struct {
	kvstore.Store
	p    *kvstore.Partition
	root []byte // nil: the device has it
}

func (s *partition) Open() error {
	if err := s.p.Open(); err != nil || s.root == nil {
		return err
	}
	if err := s.p.Key.Inject(s.root); err != nil && err != kvstore.ErrKeyExists {
		return fmt.Errorf("device key: %w", err)
	}
	s.root = nil
	return nil
}

// DataStore is the store that the workload's records are in.
func (d *Device) DataStore() *kvstore.TDBStore {
	if d.external != nil {
		return d.external.store
	}
	return d.Store
}

// collections counts those of all stores that the workload goes through.
func (d *Device) collections() uint64 {
	n := d.Store.Collections()
	if d.external != nil {
		n += d.external.store.Collections()
	}
	return n
}

// norCounters is what the external device counted; zero without one.
func (d *Device) norCounters() model.NORCounters {
	if d.external == nil {
		return model.NORCounters{}
	}
	return d.external.nor.Counters()
}

// Axes are the keys that every benchmark of the device has in its name. The storage type is one where
// it is not the internal one.
func (d *Device) Axes(layout string) []any {
	keys := []any{"part", d.Flash.Part().Name, "driver", d.Driver, "layout", layout}
	if d.external != nil {
		keys = append(keys, "storage", d.storage.Type)
	}
	return keys
}

// DescribeStorage says in a report where the keys are, if they are on an external device.
func (d *Device) DescribeStorage(r *results.Report) {
	if e := d.external; e != nil {
		r.Board += fmt.Sprintf(", storage %s on %s", d.storage.Type, e.part.Title)
		r.Config = append(r.Config, results.Setting{Key: "storage", Value: string(d.storage.Type)}, results.Setting{Key: "external", Value: e.part.Name})
	}
}

// State is what a device holds: its flashes, its RAM, and which release it runs.
type State struct {
	flash, nor *cell.Snapshot
	ram        boot.RAM
	release    int
}

// Snapshot is the device's state, which Restore brings back.
func (d *Device) Snapshot() *State {
	s := &State{flash: d.Flash.Snapshot(), ram: d.ram, release: d.release}
	if d.external != nil {
		s.nor = d.external.nor.Snapshot()
	}
	return s
}

// Restore brings the device back to a state of its own. Its stores are to be opened then.
func (d *Device) Restore(s *State) {
	d.Flash.Restore(s.flash)
	d.ram, d.release = s.ram, s.release
	if d.external != nil {
		d.external.nor.Restore(s.nor)
	}
}

// UnitWear is the wear of one erase unit.
type UnitWear struct {
	model.Wear
	Rated    uint32 // erases; 0: nothing known
	External bool   // it is the external device's: its address is that in the device, its bank is -1
}

// Wear is the wear of all sectors of the flash, then of the external store's erase units.
func (d *Device) Wear() []UnitWear {
	rated := d.Flash.Part().Endurance.Erases
	var out []UnitWear
	for _, w := range d.Flash.Wear() {
		out = append(out, UnitWear{w, rated, false})
	}
	e := d.external
	if e == nil {
		return out
	}
	unit := e.nor.EraseSize(e.base)
	counts := e.nor.EraseCounts()
	for at := e.base; at < e.base+e.size; at += unit {
		w := model.Wear{Sector: part.Sector{Addr: at, Size: unit, Bank: -1}, Erases: counts[at/unit]}
		out = append(out, UnitWear{w, e.part.Endurance.Erases, true})
	}
	return out
}

// PlaceOf is an erase unit in words.
func PlaceOf(addr uint32, external bool) string {
	if external {
		return fmt.Sprintf("the erase unit at 0x%06X of the external flash", addr)
	}
	return fmt.Sprintf("the sector at 0x%08X", addr)
}

// sooner tells whether a erases of a unit rated for ra bring it nearer its end than b of one rated for rb.
func sooner(a uint64, ra uint32, b uint64, rb uint32) bool {
	if ra > 0 && rb > 0 {
		return a*uint64(rb) > b*uint64(ra)
	}
	return a > b
}

package bench

import (
	"fmt"

	"dualbank/boot"
	"dualbank/boot/layout"
	"dualbank/kvstore"
	"dualbank/kvstore/secure"
	"dualbank/kvstore/storage"
	"dualbank/model"
	"dualbank/model/part"
	"dualbank/model/random"
)

// externalBytes is the default size of a store on external flash: that of the guide's internal store.
const externalBytes = 128 << 10

// maxExternal bounds store.external_bytes.
const maxExternal = 1 << 30

// SecureBytes is what a SecureStore adds to a value: metadata before it and a CMAC after it.
const SecureBytes = 20 + 16

// StorageType is Mbed's storage.storage_type. Empty means that of the configuration files.
type StorageType storage.Type

// check returns an error of one line unless the type is one of Mbed's or empty.
func (t StorageType) check() error {
	if t == "" {
		return nil
	}
	_, err := word("storage type", []byte(t), []storage.Type{storage.TDBInternal, storage.TDBExternal, storage.TDBExternalNoRBP}, func(t storage.Type) string { return string(t) })
	return err
}

// Storage returns the partition that the section asks for; what it leaves open comes from the configuration
// files of the layout.
func (s *Store) Storage(l *layout.Layout) (storage.Config, error) {
	p := storage.Config{Type: storage.Type(s.Type), Partition: "kv"}
	if p.Type == "" {
		p.Type = storage.Type(l.StorageType)
		if p.Type == "default" {
			p.Type = storage.TDBInternal
		}
		if p.Type != storage.TDBInternal {
			var err error
			if p, err = storage.Parse(l.Option); err != nil {
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

// ExternalStorage reports whether the keys are on external flash. A layout with errors reports false.
func (s *Scenario) ExternalStorage() bool {
	l := &layout.Layout{StorageType: string(s.Store.Type)}
	if s.Store.Type == "" {
		var err error
		if l, err = s.BootLayout(); err != nil {
			return false
		}
	}
	p, err := s.Store.Storage(l)
	return err == nil && p.Type != storage.TDBInternal
}

// serialNOR is the serial NOR flash of a device, which may hold a store, candidates, or both.
type serialNOR struct {
	*model.NOR
	part   *part.NORPart
	driver *part.NORDriver
}

// up rounds an address or a size, in bytes and no larger than the largest flash, up to erase units.
func (n *serialNOR) up(at uint32) uint32 {
	unit := n.EraseSize(0)
	return (at + unit - 1) / unit * unit
}

// attachNOR adds the scenario's serial NOR flash to the device, on the clock of the internal flash, unless it has it.
func (d *Device) attachNOR(s *Scenario) (err error) {
	if d.nor != nil {
		return nil
	}
	n := new(serialNOR)
	if n.part, err = part.NORByName(s.Store.External); err != nil {
		return fmt.Errorf("store.external: %w", err)
	}
	if n.driver, err = part.NORDriverByName("mbed"); err != nil {
		return err
	}
	if n.NOR, err = model.NewNOR(model.NORConfig{Part: n.part, Driver: n.driver, Host: d.Flash, Corner: d.Corner}); err != nil {
		return err
	}
	d.nor = n
	return nil
}

// external is the store of an external storage type, and where it lies on the serial NOR flash.
type external struct {
	store      *kvstore.TDBStore
	base, size uint32
}

func (e *external) end() uint32 { return e.base + e.size }

// External is the geometry of a store on external flash, in bytes.
type External struct {
	Size        uint32
	EraseUnit   uint32
	ProgramUnit uint32
}

// External returns the geometry of the device's store on external flash; ok is false if it has none.
func (d *Device) External() (e External, ok bool) {
	if d.external == nil {
		return External{}, false
	}
	return External{Size: d.external.size, EraseUnit: d.nor.EraseSize(d.external.base), ProgramUnit: d.nor.ProgramUnit()}, true
}

// attachStorage builds the scenario's partition and puts the workload on it: the internal store, or a
// SecureStore on a serial NOR flash whose bus runs on the device's clock, with the device key in the internal
// store. kv is the region of the internal store. Entropy is drawn from the scenario's seed.
func (d *Device) attachStorage(s *Scenario, kv *model.Region, options kvstore.Options) error {
	config, err := s.Store.Storage(d.Layout)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	d.storage = config.Type
	if config.Type == storage.TDBInternal {
		return nil
	}
	if err := d.attachNOR(s); err != nil {
		return err
	}
	e := &external{base: config.ExternalBase, size: config.ExternalSize}
	rng := random.New(s.Seed)
	p, err := config.Build(storage.Parts{
		Internal: kv, External: d.nor.NOR, Options: options,
		Entropy: func(p []byte) error { rng.Fill(p); return nil },
	})
	if err != nil {
		return fmt.Errorf("store.external_bytes: %w", err)
	}
	if n := e.size / d.nor.EraseSize(e.base); n < 2 || n%2 != 0 {
		return fmt.Errorf("store.external_bytes: %d: give an even number of erase units of %d bytes", e.size, d.nor.EraseSize(e.base))
	}
	root := make([]byte, 16)
	rng.Fill(root)
	e.store = p.External
	d.Store, d.external = p.Internal, e
	names := &names{key: p.Key, root: root}
	d.KV = names
	return names.Attach(p)
}

// rootOfTrust is mixed into the seed for the root of trust of external headers.
const rootOfTrust = 0x0520_0707_2057

// attachCandidate places the candidates on the serial NOR flash, if that is where they are: where the scenario says, else
// where the configuration files say, else behind the store on that flash, with room for the largest application in each
// slot.
func (d *Device) attachCandidate(s *Scenario) error {
	u, c := &s.Update, &d.Layout.Config
	if !d.Layout.BlockDevice {
		for _, k := range []struct {
			key   string
			value uint32
		}{{"external_address", u.ExternalAddress}, {"external_bytes", u.ExternalBytes}} {
			if k.value > 0 {
				return fmt.Errorf("update.%s: has no effect, the candidate is on internal flash: set update.candidate to %q, or leave it out", k.key, ExternalCandidate)
			}
		}
		return nil
	}
	if err := d.attachNOR(s); err != nil {
		return err
	}
	d.root = make([]byte, 16)
	random.New(s.Seed ^ rootOfTrust).Fill(d.root)
	if u.Slots > 0 {
		c.Locations = u.Slots
	}
	whole := d.nor.Size()
	address, bytes := "update.external_address", "update.external_bytes" // keys of the place
	at, size, said := u.candidateAt(d.Layout)
	switch {
	case said && u.ExternalAddress == 0:
		address = "update-client.storage-address"
	case !said && d.external != nil:
		if at = d.nor.up(d.external.end()); at >= whole {
			return fmt.Errorf("update.candidate: the store leaves nothing of %s to the candidate: give a smaller store.external_bytes", d.nor.part.Name)
		}
	}
	if at >= whole {
		return fmt.Errorf("%s: 0x%X: %s has 0x%X bytes: give a smaller address", address, at, d.nor.part.Name, whole)
	}
	switch {
	case size == 0:
		each := d.nor.up(boot.ExternalHeaderSize + c.MaxAppSize)
		size = uint32(min(uint64(d.nor.up(at)-at)+uint64(each)*uint64(c.Locations), uint64(whole-at)))
	case u.ExternalBytes == 0:
		bytes = "update-client.storage-size"
	}
	if size > whole-at {
		return fmt.Errorf("%s: %d: %s has %d bytes from 0x%X on: give up to that", bytes, size, d.nor.part.Name, whole-at, at)
	}
	c.StorageAddr, c.StorageSize = at, size
	return d.checkCandidate(address)
}

// checkCandidate returns an error if the candidate storage on the serial NOR flash overlaps the store there, or has an empty
// slot. address is the key of its place.
func (d *Device) checkCandidate(address string) error {
	c, unit := &d.Layout.Config, d.nor.EraseSize(0)
	at, end := c.StorageAddr, c.StorageAddr+c.StorageSize
	if e := d.external; e != nil && at < e.end() && e.base < end {
		return fmt.Errorf("%s: the candidate storage 0x%X-0x%X overlaps the store 0x%X-0x%X on %s: begin it at 0x%X", address, at, end, e.base, e.end(), d.nor.part.Name, d.nor.up(e.end()))
	}
	if uint64(end/unit*unit) < uint64(d.nor.up(at))+uint64(unit)*uint64(c.Locations) {
		return fmt.Errorf("update.slots: %d slots in the candidate storage 0x%X-0x%X: each takes erase units of %d bytes: give fewer slots, or more update.external_bytes", c.Locations, at, end, unit)
	}
	return nil
}

// candidateAt returns where on the serial NOR flash the candidates are to be, by the scenario or else by the configuration
// files: said is false if neither says where they begin, and size 0 if neither says how much they have.
func (u *Update) candidateAt(l *layout.Layout) (at, size uint32, said bool) {
	at, size = l.Config.StorageAddr, l.Config.StorageSize
	said = at > 0 || size > 0
	if u.ExternalAddress > 0 {
		at, said = u.ExternalAddress, true
	}
	if u.ExternalBytes > 0 {
		size = u.ExternalBytes
	}
	return at, size, said
}

// StoreRoom returns how many bytes a store on a serial NOR flash of size bytes can have from base on: up to the candidates, if
// the scenario or the configuration files of its layout l place them behind it.
func (s *Scenario) StoreRoom(l *layout.Layout, base, size uint32) uint32 {
	if at, _, said := s.Update.candidateAt(l); l.BlockDevice && said && at > base {
		size = min(size, at)
	}
	return size - min(size, base)
}

// blockClient returns an update client for candidates on the serial NOR flash.
func (d *Device) blockClient(g boot.Generation) *boot.BlockClient {
	root := func() ([]byte, error) { return d.root, nil }
	return boot.NewBlockClient(d.Layout.Config, d.nor, g, root, boot.DeriveKey, d.Flash.CPU())
}

// SlotRooms returns the size in bytes of the largest firmware that each candidate slot holds.
func (d *Device) SlotRooms() (rooms []uint32) {
	slots, header := d.Layout.Slots, d.Layout.Config.FirmwareOffset(d.Flash.PageSize())
	if d.Layout.BlockDevice {
		client := d.blockClient(boot.ClientNew)
		slots, header = client.Slots(), client.FirmwareOffset()
	}
	for _, s := range slots {
		rooms = append(rooms, s.Size-min(s.Size, header))
	}
	return rooms
}

// names is the global KVStore API of the device (kv_set, kv_get), whose default partition holds the workload's keys. Its
// first Open injects the device key.
type names struct {
	storage.NameSpace
	key  *secure.DeviceKey
	root []byte // device key; nil once it is injected
}

// Open opens the stores of the partition.
func (s *names) Open() error {
	if err := s.NameSpace.Open(); err != nil || s.root == nil {
		return err
	}
	if err := s.key.Inject(s.root); err != nil && err != secure.ErrKeyExists {
		return fmt.Errorf("device key: %w", err)
	}
	s.root = nil
	return nil
}

// Own is a store of the user's own: what a workload asks of one.
type Own interface {
	Open() error
	Set(key string, value []byte, flags kvstore.Flags) error
	Get(key string, buf []byte, offset uint32) (int, error)
	Remove(key string) error
}

// own is a store of the user's own as the workload uses it.
type own struct {
	kvstore.Store // nil: nothing else is asked for
	s             Own
}

func (o *own) Open() error { return o.s.Open() }

func (o *own) Set(key string, value []byte, flags kvstore.Flags) error {
	return o.s.Set(key, value, flags)
}

func (o *own) Get(key string, buf []byte, offset uint32) (int, error) {
	return o.s.Get(key, buf, offset)
}

func (o *own) Remove(key string) error { return o.s.Remove(key) }

// Put puts the workload on a store of the user's own, in the region of the internal store. It is not open yet. Garbage
// collections are then sets and removes that erase.
func (d *Device) Put(make func(*model.Region, model.CPU) Own) error {
	if d.external != nil {
		return fmt.Errorf("store.storage_type: %s: a store of your own is on the internal flash: give TDB_INTERNAL", d.storage)
	}
	dev, err := d.Flash.Region(d.KVStore.Start, d.KVStore.Size)
	if err != nil {
		return err
	}
	d.KV = &own{s: make(dev, d.Flash.CPU())}
	return nil
}

// foreign reports whether the workload is on a store of the user's own.
func (d *Device) foreign() bool {
	_, ok := d.KV.(*own)
	return ok
}

// DataStore returns the TDBStore that holds the workload's records.
func (d *Device) DataStore() *kvstore.TDBStore {
	if d.external != nil {
		return d.external.store
	}
	return d.Store
}

// collections returns the garbage collections so far, of all stores that the workload uses.
func (d *Device) collections() uint64 {
	if d.foreign() {
		return d.Flash.Counters().Erases
	}
	n := d.Store.Collections()
	if d.external != nil {
		n += d.external.store.Collections()
	}
	return n
}

// NORCounters returns the counters of the external flash, zero without one.
func (d *Device) NORCounters() model.NORCounters {
	if d.nor == nil {
		return model.NORCounters{}
	}
	return d.nor.Counters()
}

// The reference's RAM table: an entry is a hash of 4 bytes and an offset of 8, padded to 16 (TDBStore.cpp,
// ram_table_entry_t). It has room for 16 keys at first, then for as many as there are. While it grows, old and new
// table exist side by side.
const (
	tableEntry = 16
	tableFirst = 16
)

// TableRAM returns the bytes of RAM of a store's table of so many keys, and at its peak while it grows. external: the
// keys are on external flash; the internal store has a table of its own, with few keys.
func TableRAM(keys uint32, external bool) (bytes, peak uint32) {
	keys++ // the master record's
	if external {
		bytes, peak = tableFirst*tableEntry, tableFirst*tableEntry
	}
	if keys <= tableFirst {
		return bytes + tableFirst*tableEntry, peak + tableFirst*tableEntry
	}
	return bytes + keys*tableEntry, peak + (2*keys-1)*tableEntry
}

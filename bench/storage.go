package bench

import (
	"fmt"

	"dualbank/kvstore"
	"dualbank/model"
)

// externalBytes is how much of the external device a store on it uses: what the guide gives the internal
// one.
const externalBytes = 128 << 10

// Use makes the workload go through a storage type of the global name space instead of the internal
// TDBStore alone: the external types have a serial NOR flash beside the microcontroller, with its bus
// on the same clock, and a SecureStore over it whose device key lies in the internal store. Entropy is
// drawn from seed.
func (d *Device) Use(storage kvstore.StorageType, seed uint64) error {
	parts := kvstore.Parts{Internal: d.region, Options: d.options}
	rng := model.NewRand(seed)
	if storage != kvstore.TDBInternal {
		part, err := model.NORByName("mx25r6435f")
		if err != nil {
			return err
		}
		driver, err := model.NORDriverByName("mbed")
		if err != nil {
			return err
		}
		if parts.External, err = model.NewNOR(model.NORConfig{Part: part, Driver: driver, Host: d.Flash, Corner: d.Corner}); err != nil {
			return err
		}
		parts.Entropy = func(p []byte) error { rng.Fill(p); return nil }
	}
	p, err := kvstore.Storage{Type: storage, ExternalSize: externalBytes}.Build(parts)
	if err != nil {
		return fmt.Errorf("storage %s: %w", storage, err)
	}
	root := make([]byte, 16)
	rng.Fill(root)
	d.Store = p.Internal
	d.KV = &partition{Store: p.Main, p: p, root: root}
	d.outside = p.External
	return nil
}

// partition is the store that the workload sees; its first open gives the device its key.
type partition struct {
	kvstore.Store
	p    *kvstore.Partition
	root []byte
}

func (s *partition) Open() error {
	if err := s.p.Open(); err != nil {
		return err
	}
	if err := s.p.Key.Inject(s.root); err != nil && err != kvstore.ErrKeyExists {
		return fmt.Errorf("device key: %w", err)
	}
	return nil
}

// collections counts those of all stores that the workload goes through.
func (d *Device) collections() uint64 {
	n := d.Store.Collections()
	if d.outside != nil {
		n += d.outside.Collections()
	}
	return n
}

package bench

import (
	"context"
	"fmt"
	"testing"

	"dualbank/kvstore"
	"dualbank/model"
)

var storages = []kvstore.StorageType{kvstore.TDBInternal, kvstore.TDBExternalNoRBP, kvstore.TDBExternal}

// stored runs a shorter life of the default workload on a storage type.
func stored(tb testing.TB, storage kvstore.StorageType, hours uint32) (*Device, *Sets) {
	tb.Helper()
	s := Guide()
	s.Workload.Hours = hours
	d, err := s.Device("mbed", model.Typ)
	if err != nil {
		tb.Fatal(err)
	}
	if err := d.Use(storage, s.Seed); err != nil {
		tb.Fatal(err)
	}
	sets, err := d.RunWorkload(context.Background(), &s.Workload, s.Seed, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return d, sets
}

// TestStorageTypes: the default workload reads back what it set on every storage type; the external
// ones leave the internal flash alone, and pay for cryptography and the bus.
func TestStorageTypes(t *testing.T) {
	mean := map[kvstore.StorageType]float64{}
	for _, storage := range storages {
		d, sets := stored(t, storage, 24)
		mean[storage] = sets.Metrics(d.Flash)[0].Value
		if again, more := stored(t, storage, 24); again.Flash.Now() != d.Flash.Now() || more.Count() != sets.Count() {
			t.Errorf("%s: two equal runs differ", storage)
		}
		if storage != kvstore.TDBInternal && sets.Counters.Erases != 0 {
			t.Errorf("%s: %d erases of the internal flash", storage, sets.Counters.Erases)
		}
	}
	if in, ex := mean[kvstore.TDBInternal], mean[kvstore.TDBExternal]; ex <= in {
		t.Errorf("a set takes %v on the internal store and %v on the external one", in, ex)
	}
}

// BenchmarkStorage is the default workload on each storage type.
func BenchmarkStorage(b *testing.B) {
	for _, storage := range storages {
		b.Run(fmt.Sprintf("part=stm32f429zi/driver=mbed/layout=guide/storage=%s", storage), func(b *testing.B) {
			var d *Device
			var sets *Sets
			for b.Loop() {
				d, sets = stored(b, storage, 240)
			}
			report(b, sets.Metrics(d.Flash))
		})
	}
}

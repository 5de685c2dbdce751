package bench

import (
	"fmt"
	"strings"
	"testing"

	"dualbank/boot/layout"
	"dualbank/kvstore/storage"
	"dualbank/model"
)

var storages = []storage.Type{storage.TDBInternal, storage.TDBExternalNoRBP, storage.TDBExternal}

// stored runs a shorter life of the default workload on a storage type.
func stored(tb testing.TB, typ storage.Type, hours uint32) (*Device, *Sets) {
	tb.Helper()
	s := Guide()
	s.Workload.Hours, s.Store.Type = hours, StorageType(typ)
	return lives(tb, s)
}

// TestStorageTypes: the default workload reads back what it set on every storage type; the external
// ones leave the internal flash alone, and pay for cryptography and the bus.
func TestStorageTypes(t *testing.T) {
	mean := map[storage.Type]float64{}
	for _, typ := range storages {
		d, sets := stored(t, typ, 8)
		mean[typ] = sets.Metrics(d.Flash)[0].Value
		if again, more := stored(t, typ, 8); again.Flash.Now() != d.Flash.Now() || more.Count() != sets.Count() {
			t.Errorf("%s: two equal runs differ", typ)
		}
		outside := typ != storage.TDBInternal
		if outside && sets.Counters.Erases != 0 || outside != (sets.External.Erases > 0) || sets.Life.External != outside {
			t.Errorf("%s: %d erases of the internal flash, %d of the external one, life of external flash %t", typ, sets.Counters.Erases, sets.External.Erases, sets.Life.External)
		}
		if outside && (sets.Life.Rated != 100_000 || sets.Counters.LongestMasked != 0) {
			t.Errorf("%s: rated for %d, masked for %d cycles", typ, sets.Life.Rated, sets.Counters.LongestMasked)
		}
	}
	if in, ex := mean[storage.TDBInternal], mean[storage.TDBExternal]; ex <= in {
		t.Errorf("a set takes %v on the internal store and %v on the external one", in, ex)
	}
}

// The configuration files say the storage type where the scenario does not; what cannot be is one line.
func TestStorageOfConfigurations(t *testing.T) {
	s := Guide()
	s.Layout.BootloaderText = string(layout.Example()[0].Text)
	s.Layout.ApplicationText = strings.NewReplacer(
		`"storage.storage_type": "TDB_INTERNAL",`, `"storage.storage_type": "TDB_EXTERNAL", "storage_tdb_external.external_base_address": "0x10000", "storage_tdb_external.external_size": "65536",`,
		"storage_tdb_internal.internal_base_address", "storage_tdb_external.internal_base_address", "storage_tdb_internal.internal_size", "storage_tdb_external.rbp_internal_size",
	).Replace(string(layout.Example()[1].Text))
	d, err := s.Device("mbed", model.Typ)
	if err != nil {
		t.Fatal(err)
	}
	if e := d.external; e == nil || e.base != 0x10000 || e.size != 65536 || d.storage != storage.TDBExternal {
		t.Errorf("%+v", d.storage)
	}
	s.Store.Type = StorageType(storage.TDBInternal)
	if d, err = s.Device("mbed", model.Typ); err != nil || d.external != nil {
		t.Errorf("the scenario says TDB_INTERNAL: %+v, %v", d.storage, err)
	}
	for text, want := range map[string]string{
		"storage_type = 'EXTERNAL'":   `x.toml:2: store.storage_type: storage type "EXTERNAL" is unknown: choose one of TDB_INTERNAL, TDB_EXTERNAL, TDB_EXTERNAL_NO_RBP`,
		"storage_type = 'FILESYSTEM'": `storage type "FILESYSTEM" is unknown: choose one of`,
		"storage_type = 3":            "x.toml:2:",
		"external = ''":               "x.toml:3: store.external: is missing: name a serial NOR flash",
		"external = 'w25q'":           `store.external: serial NOR part "w25q" is unknown: choose one of mx25r6435f`,
		"external = 'none.toml'":      "store.external: serial NOR part: none.toml: no such file or directory",
		"external_bytes = 5000":       "store.external_bytes: external size 0x1388 ends in the middle of an erase unit",
		"external_bytes = 12288":      "store.external_bytes: 12288: give an even number of erase units of 4096 bytes",
		"external_bytes = 16777216":   "store.external_bytes: external size 0x1000000: the device has 0x800000 bytes",
		"external_bytes = 2000000000": "x.toml:3: store.external_bytes: 2000000000: give up to 1073741824",
	} {
		if !strings.Contains(text, "storage_type") {
			text = "storage_type = 'TDB_EXTERNAL'\n" + text
		}
		s, err := Parse("x.toml", []byte("[store]\n"+text+"\n"))
		if err == nil {
			_, err = s.Device("mbed", model.Typ)
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %s", text, err, want)
		}
	}
}

// BenchmarkStorage is the default workload on each storage type.
func BenchmarkStorage(b *testing.B) {
	for _, typ := range storages {
		b.Run(fmt.Sprintf("part=stm32f429zi/driver=mbed/layout=guide/storage=%s", typ), func(b *testing.B) {
			var d *Device
			var sets *Sets
			for b.Loop() {
				d, sets = stored(b, typ, 240)
			}
			Report(b, sets.Metrics(d.Flash))
		})
	}
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/boot/layout"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/results"
)

var storages = []kvstore.StorageType{kvstore.TDBInternal, kvstore.TDBExternalNoRBP, kvstore.TDBExternal}

// stored runs a shorter life of the default workload on a storage type.
func stored(tb testing.TB, storage kvstore.StorageType, hours uint32) (*Device, *Sets) {
	tb.Helper()
	s := Guide()
	s.Workload.Hours, s.Store.Type = hours, StorageType(storage)
	return lives(tb, s)
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
		outside := storage != kvstore.TDBInternal
		if outside && sets.Counters.Erases != 0 || outside != (sets.External.Erases > 0) || sets.Life.External != outside {
			t.Errorf("%s: %d erases of the internal flash, %d of the external one, life of external flash %t", storage, sets.Counters.Erases, sets.External.Erases, sets.Life.External)
		}
		if outside && (sets.Life.Rated != 100_000 || sets.Counters.LongestMasked != 0) {
			t.Errorf("%s: rated for %d, masked for %d cycles", storage, sets.Life.Rated, sets.Counters.LongestMasked)
		}
	}
	if in, ex := mean[kvstore.TDBInternal], mean[kvstore.TDBExternal]; ex <= in {
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
	if e := d.external; e == nil || e.base != 0x10000 || e.size != 65536 || d.storage.Type != kvstore.TDBExternal {
		t.Errorf("%+v", d.storage)
	}
	s.Store.Type = StorageType(kvstore.TDBInternal)
	if d, err = s.Device("mbed", model.Typ); err != nil || d.external != nil {
		t.Errorf("the scenario says TDB_INTERNAL: %+v, %v", d.storage, err)
	}
	for text, want := range map[string]string{
		"storage_type = 'EXTERNAL'":   `x.toml: store.storage_type: storage type "EXTERNAL" is unknown: choose one of TDB_INTERNAL, TDB_EXTERNAL, TDB_EXTERNAL_NO_RBP`,
		"storage_type = 'FILESYSTEM'": `storage type "FILESYSTEM" is unknown: choose one of`,
		"storage_type = 3":            "x.toml:2:",
		"external = ''":               "x.toml: store.external: is missing: name a serial NOR flash",
		"external = 'w25q'":           `store.external: serial NOR part "w25q" is unknown: choose one of mx25r6435f`,
		"external = 'none.toml'":      "store.external: serial NOR part: open none.toml: no such file or directory",
		"external_bytes = 5000":       "store.external_bytes: external size 0x1388 ends in the middle of an erase unit",
		"external_bytes = 12288":      "store.external_bytes: 12288: give an even number of erase units of 4096 bytes",
		"external_bytes = 16777216":   "store.external_bytes: external size 0x1000000: the device has 0x800000 bytes",
		"external_bytes = 2000000000": "x.toml: store.external_bytes: 2000000000: give up to 1073741824",
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

// A run and a plan with the keys on an external device report its wear, its times, and power cuts of the
// SecureStore; the internal type by its name is what a scenario has that says nothing.
func TestRunOnExternalFlash(t *testing.T) {
	s := small()
	s.Store.Type, s.Board.Compare, s.App.Drivers, s.Update.Interruptions = StorageType(kvstore.TDBExternal), nil, nil, 1
	// Some of the cuts will do: the cryptography of all takes minutes under the race detector.
	ctx, cancel := context.WithCancel(context.Background())
	r, _, err := Run(ctx, s, "out", func(stage string, done, total uint64) {
		if stage == "power cuts, KVStore" && done > 150 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || r == nil {
		t.Fatal(err)
	}
	if err := results.Check(r); err != nil {
		t.Error(err)
	}
	for _, b := range r.Bench {
		if outside := strings.Contains(b.Name, "/storage=TDB_EXTERNAL"); outside == strings.HasPrefix(b.Name, "Cuts/") {
			t.Errorf("%s", b.Name)
		}
	}
	external := 0
	for _, w := range r.Wear {
		if w.External {
			external++
			if w.Region != "external KVStore" || w.Endurance != 100_000 || w.Erases == 0 {
				t.Errorf("%+v", w)
			}
		}
	}
	if external != 32 || !strings.Contains(r.Board, "storage TDB_EXTERNAL on Macronix") || len(r.Updates) != 3 {
		t.Errorf("%d external units, %d updates, board %s", external, len(r.Updates), r.Board)
	}
	if len(r.Cuts) != 1 || !strings.Contains(r.Cuts[0].Name, "9x4096") || r.Cuts[0].Explored < 100 {
		t.Errorf("cuts %+v", r.Cuts)
	}
	again, err := Parse("again.toml", []byte(r.Scenario))
	if err != nil || again.Store != s.Store {
		t.Errorf("the stored scenario has %+v, %v", again.Store, err)
	}
}

func TestInternalIsTheDefault(t *testing.T) {
	var names []string
	var all []*results.Report
	for _, storage := range []StorageType{"", StorageType(kvstore.TDBInternal)} {
		s := small()
		s.Store.Type, s.Board.Compare, s.App.Drivers, s.Workload.Hours, s.Cuts.Collections, s.Cuts.Update = storage, nil, nil, 24, 0, 0
		r, _, err := Run(context.Background(), s, "out", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Scenario = ""
		all, names = append(all, r), append(names, fmt.Sprintf("%q", storage))
	}
	if !reflect.DeepEqual(all[0], all[1]) {
		t.Errorf("%v differ:\n%.2000s", names, cmp.Diff(all[0], all[1]))
	}
}

// A plan of stores on external flash tries its erase units; a collection comes by when what a set takes has
// filled what is free of an area.
func TestPlanOfExternalFlash(t *testing.T) {
	s := planned(40, 500)
	s.Store.Type = StorageType(kvstore.TDBExternal)
	s.Plan.Sizes = []uint32{16 << 10, 64 << 10, 128 << 10}
	r, err := runPlan(context.Background(), s, "out", nil, brief)
	if err != nil {
		t.Fatal(err)
	}
	if err := results.Check(r); err != nil {
		t.Error(err)
	}
	p := r.Plan
	if len(p.Candidates) != 3 || p.Candidates[0].Unmet[0] != tooSmall || p.Best != 1 || p.Candidates[1].Name != "64 KiB external" {
		t.Fatalf("%+v", p.Candidates)
	}
	for _, c := range p.Candidates[1:] {
		mean := 24.0 + 24 + 308 + secureBytes
		perDay := 500 * mean / (float64(c.Bytes)/2 - 108 - c.Live)
		if math.Abs(c.GCPerDay/perDay-1) > 0.03 {
			t.Errorf("%s: %.3f garbage collections a day, by hand %.3f", c.Name, c.GCPerDay, perDay)
		}
		if years := 100_000 / (perDay / 2) / 365.25; math.Abs(c.Years/years-1) > 0.03 || !c.External || c.Rated != 100_000 {
			t.Errorf("%s: %.3f years, by hand %.3f: %+v", c.Name, c.Years, years, c)
		}
		if c.Masked != 0 || c.Stall != 0 || c.Table != 41*16+256 || c.Update < 5 {
			t.Errorf("%s: %+v", c.Name, c)
		}
	}
	for sizes, want := range map[uint32]string{
		6 << 10:  "plan.kvstore_bytes: 6144: mx25r6435f has 8388608 bytes in erase units of 4096: give an even number of them",
		16 << 20: "plan.kvstore_bytes: 16777216: mx25r6435f has 8388608 bytes",
	} {
		s.Plan.Sizes = []uint32{sizes}
		if _, err := RunPlan(context.Background(), s, "out", nil); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	s.Plan.Sizes = nil
	if all, err := s.candidates(); err != nil || len(all) != 12 || all[0].out.Bytes != 8<<10 || all[11].out.Bytes != 512<<10 {
		t.Errorf("%d stores, %v", len(all), err)
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

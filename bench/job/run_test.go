package job

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/bench"
	"dualbank/boot/layout"
	"dualbank/internal/long"
	"dualbank/kvstore/storage"
	"dualbank/results"
)

// small is a scenario of a second: everything a run does, little of each, with a store of two sectors.
func small() *bench.Scenario {
	s := bench.Guide()
	s.Quick()
	for i, text := range []*string{&s.Layout.BootloaderText, &s.Layout.ApplicationText} {
		*text = strings.ReplaceAll(string(layout.Example()[i].Text), "2*64*1024", "2*16*1024")
	}
	s.Layout.Bootloader, s.Layout.Application = "bootloader.json", "mbed_app.json"
	s.Workload.Hours = 24
	s.App.Drivers = []string{"ram-code"}
	s.Update.Bytes = 20 << 10
	s.Cuts.Modes = s.Cuts.Modes[:1]
	s.Cuts.Collections, s.Cuts.KVStore = 1, 100
	s.Cuts.Update, s.Cuts.UpdateBytes = 100, 8<<10
	return s
}

// fewSets is a number of uniform sets with a garbage collection or two.
const fewSets = 1000

func TestRunRepeats(t *testing.T) {
	long.Test(t)
	// The KVStore's sweep repeats by the tests of fuzz: without it a run is a matter of a second.
	s := small()
	s.Cuts.Collections = 0
	text := s.TOML()
	one, found, err := run(context.Background(), s, "out", nil, fewSets)
	if err != nil {
		t.Fatal(err)
	}
	if err := results.Check(one); err != nil {
		t.Error(err)
	}
	s.Cuts.Workers = 1
	two, _, err := run(context.Background(), s, "out", nil, fewSets)
	if err != nil {
		t.Fatal(err)
	}
	two.Scenario = one.Scenario
	if !reflect.DeepEqual(one, two) {
		t.Errorf("a second run, with one worker, differs:\n%s", cmp.Diff(one, two))
	}

	again, err := bench.Parse("again.toml", []byte(one.Scenario))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(again.TOML(), text); d != "" {
		t.Error(d)
	}
	if len(found) != len(one.Findings) || len(one.Cuts) != 1 {
		t.Errorf("%d findings of %d sweeps, the report has %d", len(found), len(one.Cuts), len(one.Findings))
	}
	for _, f := range one.Findings {
		if want := "dualbank replay out/findings/" + f.ID + ".json"; f.Command != want {
			t.Errorf("%s, want %s", f.Command, want)
		}
	}
	names := map[string]bool{}
	for _, b := range one.Bench {
		if names[b.Name] {
			t.Errorf("%s is there twice", b.Name)
		}
		names[b.Name] = true
	}
	for _, want := range []string{
		"KVSet/part=stm32f429zi/driver=mbed/layout=guide/size=32/keys=32",
		"Workload/part=stm32f429zi/driver=word/layout=guide/corner=max",
		"Update/part=stm32f429zi/driver=mbed/layout=guide/corner=typ/bytes=20480",
		"Cuts/part=stm32f429zi/subject=update",
		"Application/part=stm32f429zi/driver=ram-code/layout=guide/code=bank1/corner=typ",
		"Interrupt/part=stm32f429zi/driver=mbed/layout=guide/code=bank2/corner=typ/irq=control",
	} {
		if !names[want] {
			t.Errorf("no %s", want)
		}
	}
	for _, s := range one.Sources {
		if s.Fact == "" || s.Value == "" || s.From == "" || !strings.Contains(" C C2 M R D A ", " "+s.Mark+" ") {
			t.Errorf("a source without mark or text: %+v", s)
		}
	}
	regions := map[string]int{}
	for _, w := range one.Wear {
		regions[w.Region]++
	}
	if want := map[string]int{"bootloader": 2, "application": 10, "KVStore": 2, "candidate": 10}; !cmp.Equal(regions, want) {
		t.Errorf("sectors by region: %v, want %v", regions, want)
	}
}

// A run that is stopped reports what it has, and says so.
func TestRunStops(t *testing.T) {
	long.Test(t)
	for _, stage := range []string{"workload, driver word", "application, driver ram-code", "power cuts, KVStore"} {
		ctx, cancel := context.WithCancel(context.Background())
		r, _, err := run(ctx, small(), "out", func(at string, done, total uint64) {
			if at == stage && done > 0 {
				cancel()
			}
		}, fewSets)
		if !errors.Is(err, context.Canceled) || r == nil {
			t.Errorf("stopped in %s: report %v, error %v", stage, r != nil, err)
			continue
		}
		if err := results.Check(r); err != nil {
			t.Errorf("stopped in %s: %v", stage, err)
		}
		if text := r.Facts[0].Value + r.Facts[0].Note; !strings.Contains(text, "ended before") {
			t.Errorf("stopped in %s, and the first fact says %q", stage, text)
		}
	}
}

func TestRunErrorsAreTheScenarios(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *bench.Scenario)
		want   string
	}{
		"part":         {func(s *bench.Scenario) { s.Board.Part = "stm32f4" }, `board.part: part "stm32f4" is unknown: choose one of`},
		"driver":       {func(s *bench.Scenario) { s.Board.Driver = "hal" }, `board.driver: driver "hal" is unknown: choose one of`},
		"compare":      {func(s *bench.Scenario) { s.Board.Compare = []string{"hal"} }, `board.driver: driver "hal" is unknown`},
		"clock":        {func(s *bench.Scenario) { s.Board.Hz = 200e6 }, "board: part stm32f429zi: a clock of 200000000 Hz is out of range"},
		"supply":       {func(s *bench.Scenario) { s.Board.MV = 1900 }, "board: "},
		"layout":       {func(s *bench.Scenario) { s.Layout.BootloaderText, s.Layout.Bootloader = "{", "b.json" }, "b.json:1:"},
		"target":       {func(s *bench.Scenario) { s.Layout.Target = "NUCLEO_F429ZX" }, "layout.target: NUCLEO_F429ZX is no target that is known"},
		"other target": {func(s *bench.Scenario) { s.Layout.Target = "K64F" }, "layout.target: K64F has the flash of MK64FN1M0, not that of part stm32f429zi"},
		"media full":   {func(s *bench.Scenario) { s.Workload.Keys = bench.Uniform(100, 256, 1).Keys }, "workload, driver mbed: set of key"},
		"firmware big": {func(s *bench.Scenario) { s.Layout, s.Update.Bytes = bench.Guide().Layout, 950<<10 }, "firmware too large for the slot"},
	} {
		s := small()
		c.change(s)
		_, _, err := Run(context.Background(), s, "out", nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %s", name, err, c.want)
		}
		if _, ok := errors.AsType[*bench.ScenarioError](err); !ok {
			t.Errorf("%s: %T is not the scenario's error", name, err)
		}
	}
}

// A run and a plan with the keys on an external device report its wear, its times, and power cuts of the
// SecureStore; the internal type by its name is what a scenario has that says nothing.
func TestRunOnExternalFlash(t *testing.T) {
	long.Test(t)
	s := small()
	s.Store.Type, s.Board.Compare, s.App.Drivers, s.Update.Interruptions = bench.StorageType(storage.TDBExternal), nil, nil, 1
	// Some of the cuts will do: the cryptography of all takes minutes under the race detector.
	ctx, cancel := context.WithCancel(context.Background())
	r, _, err := run(ctx, s, "out", func(stage string, done, total uint64) {
		if stage == "power cuts, KVStore" && done > total/8 {
			cancel()
		}
	}, fewSets)
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
	if len(r.Cuts) != 1 || !strings.Contains(r.Cuts[0].Name, "9x4096") || r.Cuts[0].Explored == 0 {
		t.Errorf("cuts %+v", r.Cuts)
	}
	again, err := bench.Parse("again.toml", []byte(r.Scenario))
	if err != nil || again.Store != s.Store {
		t.Errorf("the stored scenario has %+v, %v", again.Store, err)
	}
}

func TestInternalIsTheDefault(t *testing.T) {
	var names []string
	var all []*results.Report
	for _, storage := range []bench.StorageType{"", bench.StorageType(storage.TDBInternal)} {
		s := small()
		s.Store.Type, s.Board.Compare, s.App.Drivers, s.Workload.Hours, s.Cuts.Collections, s.Cuts.Update = storage, nil, nil, 6, 0, 0
		r, _, err := run(context.Background(), s, "out", nil, fewSets)
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

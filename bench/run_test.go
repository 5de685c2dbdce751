package bench

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/boot/layout"
	"dualbank/model"
	"dualbank/results"
)

// small is a scenario of a second: everything a run does, little of each, with a store of two sectors.
func small() *Scenario {
	s := Guide()
	s.Quick()
	for i, text := range []*string{&s.Layout.BootloaderText, &s.Layout.ApplicationText} {
		*text = strings.ReplaceAll(string(layout.Example()[i].Text), "2*64*1024", "2*16*1024")
	}
	s.Layout.Bootloader, s.Layout.Application = "bootloader.json", "mbed_app.json"
	s.Workload.Hours = 48
	s.App.Drivers = []string{"ram-code"}
	s.Update.Bytes = 40 << 10
	s.Cuts.Modes = s.Cuts.Modes[:1]
	s.Cuts.Collections, s.Cuts.KVStore = 1, 300
	s.Cuts.Update, s.Cuts.UpdateBytes = 300, 20<<10
	return s
}

func TestRunRepeats(t *testing.T) {
	one, found, err := Run(context.Background(), small(), "out", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := results.Check(one); err != nil {
		t.Error(err)
	}
	s := small()
	s.Cuts.Workers = 1
	two, _, err := Run(context.Background(), s, "out", nil)
	if err != nil {
		t.Fatal(err)
	}
	two.Scenario = one.Scenario
	if !reflect.DeepEqual(one, two) {
		t.Errorf("a second run, with one worker, differs:\n%s", cmp.Diff(one, two))
	}

	again, err := Parse("again.toml", []byte(one.Scenario))
	if err != nil {
		t.Fatal(err)
	}
	sameScenario(t, again, small())
	if len(found) != len(one.Findings) || len(one.Cuts) != 2 {
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
		"Update/part=stm32f429zi/driver=mbed/layout=guide/corner=typ/bytes=40960",
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
	for _, stage := range []string{"workload, driver word", "update, driver mbed", "application, driver ram-code", "power cuts, KVStore"} {
		ctx, cancel := context.WithCancel(context.Background())
		r, _, err := Run(ctx, small(), "out", func(at string, done, total uint64) {
			if at == stage && done > 0 {
				cancel()
			}
		})
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
		change func(s *Scenario)
		want   string
	}{
		"part":         {func(s *Scenario) { s.Board.Part = "stm32f4" }, `board.part: part "stm32f4" is unknown: choose one of`},
		"driver":       {func(s *Scenario) { s.Board.Driver = "hal" }, `board.driver: driver "hal" is unknown: choose one of`},
		"compare":      {func(s *Scenario) { s.Board.Compare = []string{"hal"} }, `board.driver: driver "hal" is unknown`},
		"clock":        {func(s *Scenario) { s.Board.Hz = 200e6 }, "board: part stm32f429zi: a clock of 200000000 Hz is out of range"},
		"supply":       {func(s *Scenario) { s.Board.MV = 1900 }, "board: "},
		"layout":       {func(s *Scenario) { s.Layout.BootloaderText, s.Layout.Bootloader = "{", "b.json" }, "b.json:1:"},
		"target":       {func(s *Scenario) { s.Layout.Target = "NUCLEO_F429ZX" }, "layout.target: NUCLEO_F429ZX is no target that is known"},
		"other target": {func(s *Scenario) { s.Layout.Target = "K64F" }, "layout.target: K64F has the flash of MK64FN1M0, not that of part stm32f429zi"},
		"media full":   {func(s *Scenario) { s.Workload.Keys = Uniform(100, 256, 1).Keys }, "workload, driver mbed: set of key"},
		"firmware big": {func(s *Scenario) { s.Layout, s.Update.Bytes = Guide().Layout, 950<<10 }, "firmware too large for the slot"},
	} {
		s := small()
		c.change(s)
		_, _, err := Run(context.Background(), s, "out", nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %s", name, err, c.want)
		}
		if _, ok := errors.AsType[*ScenarioError](err); !ok {
			t.Errorf("%s: %T is not the scenario's error", name, err)
		}
	}
}

// What the application's settings ask for must be there on the part.
func TestApplicationErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *Scenario)
		want   string
	}{
		"code":        {func(s *Scenario) { s.App.Code = 2 }, "board: part stm32f429zi: no bank 2 to run the application from: it has 2"},
		"handler":     {func(s *Scenario) { s.App.Interrupts[0].Handler = 3 }, "application: interrupt control: part stm32f429zi has no bank 3"},
		"feeder":      {func(s *Scenario) { s.App.Watchdog.By = "contrl" }, `application: watchdog: nobody is called "contrl"`},
		"feed":        {func(s *Scenario) { s.App.Watchdog.Feed = s.App.Watchdog.Period }, "application: watchdog: fed every 8s it must wait longer than that"},
		"mode":        {func(s *Scenario) { s.Cuts.Modes = append(s.Cuts.Modes, Mode{model.ECC}) }, "cuts.modes: ecc: part stm32f429zi has no ECC: leave it out"},
		"wear law":    {func(s *Scenario) { s.Board.Wear = "flash" }, `board.wear: wear law "flash" is unknown: choose one of flat`},
		"wait states": {func(s *Scenario) { s.Board.States = 3 }, "board: part stm32f429zi: 3 wait states are too few for 180000000 Hz at 3300 mV: it needs 5"},
	} {
		s := small()
		c.change(s)
		_, err := s.Device("mbed", model.Typ)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %s", name, err, c.want)
		}
		if _, ok := errors.AsType[*ScenarioError](err); !ok {
			t.Errorf("%s: %T is not the scenario's error", name, err)
		}
	}
}

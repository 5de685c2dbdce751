package bench

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dualbank/boot/layout"
	"dualbank/internal/long"
	"dualbank/model"
	"dualbank/model/part"
)

// edited is a guide's scenario with its configuration files changed: old, new, old, new...
func edited(pairs ...string) *Scenario {
	s := Guide()
	r := strings.NewReplacer(pairs...)
	s.Layout.Bootloader, s.Layout.Application = "bootloader.json", "mbed_app.json"
	s.Layout.BootloaderText = r.Replace(string(layout.Example()[0].Text))
	s.Layout.ApplicationText = r.Replace(string(layout.Example()[1].Text))
	s.Workload.Hours = 120
	s.Update.Bytes = 20 << 10
	return s
}

// g474 is the guide's layout on an STM32G474 in one of its bank modes, with a store of 32 KiB.
func g474(part string) *Scenario {
	s := edited("NUCLEO_F429ZI", "NUCLEO_G474RE", "2*64*1024", "2*16*1024", `"update-client.storage-page": 1`, `"update-client.storage-page": 8`)
	s.Board.Part, s.Board.Hz, s.Board.States, s.Layout.Target = part, 170e6, 8, "NUCLEO_G474RE"
	return s
}

// lives runs a scenario's workload with its own driver.
func lives(t testing.TB, s *Scenario) (*Device, *Sets) {
	t.Helper()
	d, err := s.Device(s.Board.Driver, model.Corner(s.Board.Corner))
	if err != nil {
		t.Fatal(err)
	}
	sets, err := d.RunWorkload(context.Background(), &s.Workload, s.Seed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d, sets
}

// Turning an STM32G474 from two banks to one makes pages of 4 KiB out of pages of 2 and lets the
// application wait for all of them. What the store does is the same.
func TestOneBankInsteadOfTwo(t *testing.T) {
	for _, driver := range []string{"mbed", "word"} {
		if driver == "word" && !long.Enabled() {
			continue
		}
		var all []*Sets
		for _, part := range []string{"stm32g474re", "stm32g474re-single"} {
			s := g474(part)
			s.Board.Driver = driver
			_, sets := lives(t, s)
			all = append(all, sets)
		}
		two, one := all[0], all[1]
		a, b := &two.Counters, &one.Counters
		if a.Programs != b.Programs || a.ProgramBytes != b.ProgramBytes || two.Collections != one.Collections || two.Collections < 30 || two.LiveBytes != one.LiveBytes || two.Count() != one.Count() {
			t.Errorf("%s: the store does something else: %+v, %+v", driver, a, b)
		}
		// Two pages of 2 KiB for each of 4, but for the one that is being filled, and the rare one that is
		// erased because a record ends where it begins and an old one lies there.
		if math.Abs(float64(a.Erases)-2*float64(b.Erases)) > float64(a.Erases)/200 {
			t.Errorf("%s: %d erases with two banks, %d with one", driver, a.Erases, b.Erases)
		}
		const erase = 2202 * 1700 // 22.02 ms at 170 MHz
		if a.Stall != 0 || b.Stall != b.Busy[0] || a.Busy[0] != 0 || a.Busy[1]-a.Erases*erase != b.Busy[0]-b.Erases*erase {
			t.Errorf("%s: stalled for %d cycles with two banks, for %d of %d with one", driver, a.Stall, b.Stall, b.Busy[0])
		}
		if a.Masked*b.Erases != b.Masked*a.Erases || (driver == "mbed") != (a.Masked > 0) {
			t.Errorf("%s: masked for %d cycles in %d erases, for %d in %d", driver, a.Masked, a.Erases, b.Masked, b.Erases)
		}
		waits := func(s *Sets) bool { return s.Latencies[0].Worst > erase*9/10 }
		if waits(two) != (driver == "mbed") || !waits(one) {
			t.Errorf("%s: an interrupt waits for %d cycles with two banks, for %d with one", driver, two.Latencies[0].Worst, one.Latencies[0].Worst)
		}
	}
}

// same compares two runs cycle by cycle, but for what the application feels.
func same(t *testing.T, name string, a, b *Sets) {
	t.Helper()
	strip := func(s *Sets) Sets {
		c := *s
		c.Counters.Stall, c.Counters.LongestStall, c.Counters.Busy, c.Latencies, c.Wear, c.Life.Sector = 0, 0, nil, nil, nil, part.Sector{}
		return c
	}
	if x, y := strip(a), strip(b); !reflect.DeepEqual(x, y) {
		t.Errorf("%s: the store does something else", name)
	}
}

// Moving the KVStore into the bank of the code, the code to the KVStore, or believing that the part
// cannot read while it writes, changes what the application waits for, and not one cycle of the store.
func TestStoreBesideCode(t *testing.T) {
	long.Test(t)
	// A store of two sectors of 128 KiB, at the end of either bank.
	layout := func(base string) *Scenario {
		return edited("2*64*1024", "2*128*1024", `"(MBED_ROM_START + FLASH_BANK_SIZE)"`, `"`+base+`"`,
			"(MBED_ROM_START + FLASH_BANK_SIZE + KVSTORE_SIZE)", "0x08100000",
			"(MBED_ROM_START + FLASH_BANK_SIZE - MBED_CONF_MBED_BOOTLOADER_APPLICATION_START_ADDRESS)", "(0x080C0000 - MBED_CONF_MBED_BOOTLOADER_APPLICATION_START_ADDRESS)")
	}
	part := filepath.Join(t.TempDir(), "slow.toml")
	if err := os.WriteFile(part, []byte("name = \"slow\"\nextends = \"stm32f429zi\"\nread_while_write = { value = false, mark = \"A\", from = \"a field report\" }\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, driver := range []string{"mbed", "word", "ram-code"} {
		apart := layout("0x081C0000")
		moved := layout("0x080C0000")
		code := layout("0x081C0000")
		code.App.Code = 1
		slow := layout("0x081C0000")
		slow.Board.Part = part
		for _, s := range []*Scenario{apart, moved, code, slow} {
			s.Board.Driver, s.Workload.Hours = driver, 90
		}
		_, away := lives(t, apart)
		if away.Counters.Stall != 0 || away.Collections < 4 {
			t.Fatalf("%s: stalled for %d cycles, %d collections", driver, away.Counters.Stall, away.Collections)
		}
		for name, s := range map[string]*Scenario{"store moved": moved, "code moved": code, "no reading while writing": slow} {
			name = driver + ", " + name
			d, sets := lives(t, s)
			same(t, name, away, sets)
			bank := BankOf(d.Flash.Part(), d.KVStore.Start)
			c := &sets.Counters
			if c.Stall != c.Busy[bank] || c.Busy[bank] != away.Counters.Busy[1] || c.Busy[1-bank] != 0 {
				t.Errorf("%s: stalled for %d cycles, busy for %v", name, c.Stall, c.Busy)
			}
			for i, w := range sets.Wear {
				from := i
				if bank == 0 {
					from = (i + 12) % 24
				}
				if w.Erases != away.Wear[from].Erases {
					t.Errorf("%s: sector %d has %d erases, %d before", name, i, w.Erases, away.Wear[from].Erases)
				}
			}
			// With handlers in RAM nothing waits, with the store beside them they wait for erases.
			worst, before := d.Flash.Seconds(sets.Latencies[0].Worst), d.Flash.Seconds(away.Latencies[0].Worst)
			switch {
			case driver == "ram-code" && worst != before:
				t.Errorf("%s: an interrupt waits for %v s, %v s before", name, worst, before)
			case driver == "word" && (worst < 0.999 || before > 1e-6), driver == "mbed" && (worst < 0.999 || before < 0.999):
				t.Errorf("%s: an interrupt waits for %v s, %v s before", name, worst, before)
			}
		}
	}
}

// Two runs agree to the cycle, with times drawn for each operation too.
func TestSampledRepeats(t *testing.T) {
	run := func(seed uint64) *Sets {
		s := Guide()
		s.Workload.Hours, s.Seed, s.Board.Corner = 30, seed, Corner(model.Sampled)
		_, sets := lives(t, s)
		return sets
	}
	one := run(1)
	if !reflect.DeepEqual(one, run(1)) {
		t.Error("a second run differs")
	}
	if one.Cycles == run(2).Cycles {
		t.Error("another seed draws the same times")
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
		"feeder":      {func(s *Scenario) { s.App.Watchdog.By = "contrl" }, `application: watchdog: there is no interrupt "contrl"`},
		"feed":        {func(s *Scenario) { s.App.Watchdog.Feed = s.App.Watchdog.Period }, "application: watchdog: fed every 8s it must wait longer than that"},
		"mode":        {func(s *Scenario) { s.Cuts.Modes = append(s.Cuts.Modes, Mode{model.ECC}) }, "cuts.modes: ecc: part stm32f429zi has no ECC: leave it out"},
		"wear law":    {func(s *Scenario) { s.Board.Wear = "flash" }, `board.wear: wear law "flash" is unknown: choose one of cc13x2, flat`},
		"wait states": {func(s *Scenario) { s.Board.States = 3 }, "board: part stm32f429zi: 3 wait states are too few for 168000000 Hz at 3300 mV: it needs 5"},
	} {
		s := Guide()
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

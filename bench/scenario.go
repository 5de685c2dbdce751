// Package bench simulates what a managed device does on a timed model of its flash: the writes of a
// device-management client to its key-value store, and firmware updates over a link. Time is virtual and counted
// in core cycles. bench/job and bench/plan, and through them the command, call it in these steps:
//
//  1. Guide, BoardScenario, Parse or ReadFile give a Scenario: everything that a user can set. Parse starts
//     from the guide's board or from the one that the file names, and reports a mistake on one line with file,
//     line, key and fix. ReadFile also reads the files that the scenario names.
//  2. Scenario.Device builds the board: flash of package model, layout of package boot/layout, stores of
//     package kvstore, and firmware of package release, of which release 0 is in place. What does not fit
//     together is a ScenarioError.
//  3. Device.RunWorkload draws sets and removes with a Load, checks every value that is read back, and
//     returns Sets: latencies, counters, wear, the Life of the store, and the latencies of the application's
//     interrupts.
//  4. Device.RunUpdate downloads, installs and boots one release, and returns an UpdateRun: the time of each
//     Phase and the time line. Device.WatchCollection returns one garbage collection over time.
//  5. Metrics and Record methods turn all of that into benchmarks and records of package results, in seconds.
//  6. Scenario.Stored is the scenario with the files that it needs, for a results folder; running it again
//     reproduces every figure.
//
// A Device goes from step to step: an update finds the store as the workload left it. Snapshot and Restore bring an
// earlier state back.
//
// Invariants: all randomness comes from Scenario.Seed, so that equal scenarios give equal figures to the cycle, on
// any machine. A key that reads back other than it was set is an error and never a figure. A Device is not safe for
// concurrent use; several Devices are independent. The package draws no pictures and explores no power cuts.
package bench

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"dualbank/internal/tomltext"
	"dualbank/model/part"
	"dualbank/results/compare"
)

// Scenario is everything that a user can set. TOML prints it, Parse reads it, and every results folder holds it.
type Scenario struct {
	Title    string             `toml:"title" comment:"The heading of the report; empty: one with the board's name."`
	Seed     uint64             `toml:"seed" comment:"The one source of everything random in the run."`
	Board    Board              `toml:"board"`
	Layout   Layout             `toml:"layout"`
	App      Application        `toml:"application"`
	Store    Store              `toml:"store"`
	Workload Workload           `toml:"workload"`
	Update   Update             `toml:"update"`
	Cuts     Cuts               `toml:"cuts"`
	Plan     Plan               `toml:"plan" comment:"What 'dualbank plan' is asked."`
	Compare  compare.Thresholds `toml:"compare" comment:"How much worse than another run this one may be: limits of 'dualbank compare'."`
}

// Board is the [board] section: the part, and how it runs.
type Board struct {
	Name    string   `toml:"name" comment:"A board of 'dualbank parts', or a .toml file: it says what a scenario does not. Or any name, for a board that the keys below describe."`
	Part    string   `toml:"part" comment:"A part that comes with the program (dualbank parts), or a .toml file."`
	Driver  string   `toml:"driver" comment:"The flash driver: mbed, word, ram-code, or a .toml file."`
	Compare []string `toml:"compare" comment:"Drivers that workload and update are run with as well, to compare."`
	Hz      uint64   `toml:"clock_hz" comment:"Core clock in Hz; 0: the part's highest."`
	MV      uint32   `toml:"supply_mv" comment:"Supply voltage in mV."`
	States  uint32   `toml:"wait_states" comment:"Wait states that the firmware sets; 0: as few as the part needs."`
	Corner  Corner   `toml:"corner" comment:"Which of the data sheet's times: typ, max, or sampled: drawn for each operation."`
	Wear    string   `toml:"wear" comment:"How sectors age: a wear law of 'dualbank parts', or a .toml file; empty: their erases are only counted."`
	CPU     bool     `toml:"cpu" comment:"Whether the processor's work beside the flash takes time."`

	Battery float64 `toml:"battery_j" comment:"Energy of the device's battery in joule, a CR2032 has 2400; 0: there is none."`

	Speculation Speculation `toml:"speculation" comment:"On a Cortex-M7, whether erases of one bank stall code of the other one, since the core fetches ahead: reported (a share of them, as field reports have it), off, always."`
}

// Layout is the [layout] section: the configuration files that bootloader and application are built with, which
// say where the regions of the flash are.
type Layout struct {
	Name            string `toml:"name" comment:"What the layout is called in benchmark names."`
	Target          string `toml:"target" comment:"The target in the files' target_overrides."`
	Bootloader      string `toml:"bootloader" comment:"The bootloader's configuration file. Without both files: the guide's, which come with the program."`
	Application     string `toml:"application" comment:"The application's mbed_app.json."`
	BootloaderText  string `toml:"bootloader_text,multiline,omitempty" comment:"The bootloader's configuration as it was read; the file is not read again."`
	ApplicationText string `toml:"application_text,multiline,omitempty" comment:"The application's mbed_app.json as it was read; the file is not read again."`
}

// Store is the [store] section: how the key-value store is built.
type Store struct {
	Profile   Profile `toml:"profile" comment:"Whose TDBStore: MbedCE, MbedOS or Hardened."`
	NoCRCScan bool    `toml:"no_crc_scan" comment:"KVSTORE_RAM_TABLE_NO_CRC_CHECK: the scan at open trusts the record headers."`

	Type          StorageType `toml:"storage_type" comment:"Where the keys are: TDB_INTERNAL (internal flash), TDB_EXTERNAL (a SecureStore on a serial NOR flash, rollback protection in the internal flash), TDB_EXTERNAL_NO_RBP; empty: as storage.storage_type in the configuration files."`
	External      string      `toml:"external" comment:"The serial NOR flash of the external types: one of 'dualbank parts', or a .toml file."`
	ExternalBytes uint32      `toml:"external_bytes" comment:"How much of it the store has; 0: as the configuration files say, or 131072."`
}

// Update is the [update] section: a firmware update, or several in a row.
type Update struct {
	Strategy        Strategy  `toml:"strategy,omitempty" comment:"How a candidate is installed: copy, as mbed-bootloader does, or swap, by option bytes that exchange the banks, on parts that can; empty: copy."`
	Candidate       Candidate `toml:"candidate,omitempty" comment:"Where the candidate is stored: internal (internal flash), external (the serial NOR flash of store.external, with external headers; an interrupted download begins anew); empty: as MBED_CLOUD_CLIENT_UPDATE_STORAGE in the configuration files."`
	ExternalAddress uint32    `toml:"external_address,omitempty" comment:"Where on the serial NOR flash the candidate storage begins; 0: as update-client.storage-address in the configuration files, or behind a store on that flash."`
	ExternalBytes   uint32    `toml:"external_bytes,omitempty" comment:"How much of the serial NOR flash the candidate storage has; 0: as update-client.storage-size in the configuration files, or room for the largest application in each slot."`
	Client          Client    `toml:"client" comment:"The update client's storage layer: new (mbed-cloud-client 4) or old."`
	Bytes           uint32    `toml:"bytes" comment:"Size of the firmware, the running one and the new one, where it is generated."`
	Changed         uint32    `toml:"changed_permille" comment:"Of 1000 functions of a generated firmware, how many the new one has changed; a quarter as many are added."`
	Firmware        string    `toml:"firmware" comment:"A file with the new firmware: binary, Intel HEX or ELF. Without one it is generated."`
	Running         string    `toml:"running" comment:"A file with the firmware that runs before."`
	Version         uint64    `toml:"version" comment:"Version of the new firmware; the running one has a smaller one."`
	Campaigns       uint32    `toml:"campaigns" comment:"Updates in a row, each to the version after."`
	Delta           bool      `toml:"delta" comment:"Whether the update is done once more by a delta against the running firmware, to compare."`
	Slots           uint32    `toml:"slots" comment:"Slots in the candidate storage; 0: as many as the configuration files say."`
	Fragment        uint32    `toml:"fragment" comment:"Bytes that the client writes at once, half of ARM_UC_BUFFER_SIZE."`
	Interruptions   uint32    `toml:"interruptions" comment:"How often the power fails during a download, at even distances; it is resumed."`
	Startup         Duration  `toml:"startup" comment:"From a reset to the bootloader's work, and from its jump to the application's: clocks, memory, RTOS. An assumption."`
	Link            Link      `toml:"link"`

	FirmwareFile []byte `toml:"-"` // contents of the file Firmware
	RunningFile  []byte `toml:"-"` // contents of the file Running
}

// Cuts is the [cuts] section: the power cuts that are explored.
type Cuts struct {
	Modes       []Mode `toml:"modes" comment:"How an interrupted step is left: before, after, torn, prefix, weak, on a part with ECC ecc, on one whose brown-out reset is off stray."`
	Collections int    `toml:"collections" comment:"The KVStore workload that is cut collects garbage at least so often; 0: no cuts of the KVStore."`
	KVStore     uint64 `toml:"kvstore" comment:"About so many cuts of it; 0: every step in every mode."`
	Update      uint64 `toml:"update" comment:"About so many cuts of an update's download and install; 0: none."`
	UpdateBytes uint32 `toml:"update_bytes" comment:"Size of the firmware in the update that is cut."`
	EveryByte   bool   `toml:"every_byte" comment:"Also every step of an install of 512 KiB, or of the largest image that fits, in modes before, torn and prefix: a minute."`
	Workers     int    `toml:"workers" comment:"Processors to use; 0: all. No result depends on it."`
}

//go:embed scenarios/guide.toml
var guide []byte

// Guide returns the scenario of the porting guide's board, a NUCLEO-F429ZI.
func Guide() *Scenario {
	s := new(Scenario)
	if err := s.decode("guide.toml", guide); err != nil {
		panic(err) // it is embedded: the tests would have failed
	}
	return s
}

// Parse reads a scenario. Keys that it does not set are as in Guide, or as in the BoardScenario of the board that it
// names. Errors are one line: "name:line:column: key: what is wrong: what to do".
func Parse(name string, text []byte) (*Scenario, error) {
	s, known, err := start(name, text)
	if err != nil {
		return nil, fmt.Errorf("%s: board.name: %s", name, strings.ReplaceAll(err.Error(), "\n", " "))
	}
	title := s.Board.Name
	if err := s.decode(name, text); err != nil {
		return nil, err
	}
	if known {
		s.Board.Name = title
	}
	return s, nil
}

// start returns the scenario that text starts from: that of the board that it names, or else the guide's. known
// reports that it is a board with a scenario; any other board must name its part.
func start(path string, text []byte) (s *Scenario, known bool, err error) {
	var named struct {
		Board  struct{ Name, Part string }
		Layout struct{ Bootloader, Application string }
	}
	guide := Guide()
	// Text that cannot be decoded here is reported with its line by decode.
	if err := tomltext.Bounded(text); err != nil {
		return guide, false, nil
	}
	if err := toml.Unmarshal(text, &named); err != nil || named.Board.Name == "" || strings.EqualFold(named.Board.Name, guide.Board.Name) {
		return guide, err == nil, nil
	}
	name := named.Board.Name
	if strings.HasSuffix(name, ".toml") {
		name = beside(path, name)
	} else {
		name = strings.ToLower(name)
		if !slices.Contains(part.BoardNames(), name) {
			if named.Board.Part == "" {
				return nil, false, fmt.Errorf("unknown board %q; known boards: %s; or name a .toml file, or describe it with board.part", name, strings.Join(part.BoardNames(), ", "))
			}
			return guide, false, nil
		}
	}
	if s, err = BoardScenario(name); err != nil {
		return nil, false, err
	}
	if named.Layout.Bootloader != "" || named.Layout.Application != "" {
		s.Layout.Bootloader, s.Layout.Application, s.Layout.BootloaderText, s.Layout.ApplicationText = "", "", "", ""
	}
	return s, true, nil
}

// TOML returns the scenario as text that Parse reads back to an equal one.
func (s *Scenario) TOML() string {
	text, err := toml.Marshal(s)
	if err != nil {
		panic(err) // only for types that TOML has no form for
	}
	return string(text)
}

func (s *Scenario) decode(name string, text []byte) error {
	if err := tomltext.Decode(text, s); err != nil {
		return fmt.Errorf("%s:%w", name, err)
	}
	if err := s.check(); err != nil {
		key, _, _ := strings.Cut(err.Error(), ":")
		if line := tomltext.LineOf(tomltext.KeyLines(text), key); line > 0 {
			return fmt.Errorf("%s:%d: %w", name, line, err)
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// maxSeed is the largest integer of TOML.
const maxSeed = math.MaxInt64

// Bounds of settings.
const (
	maxCampaigns = 1000
	maxCuts      = 1_000_000_000
	MaxFirmware  = 1 << 28 // bytes of a firmware
)

// check returns the first setting that is out of range. Whether part, driver and layout fit together shows when the
// device is built.
func (s *Scenario) check() error {
	bad := func(key, format string, args ...any) error {
		return fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...))
	}
	u, l, c := &s.Update, &s.Update.Link, &s.Cuts
	switch {
	case s.Seed > maxSeed:
		return bad("seed", "%d is too large: give 0 to %d", s.Seed, uint64(maxSeed))
	case s.Board.Part == "":
		return bad("board.part", "is missing: name a part")
	case s.Board.Driver == "":
		return bad("board.driver", "is missing: name a driver")
	case len(s.Board.Compare) > 8:
		return bad("board.compare", "%d drivers: give at most 8", len(s.Board.Compare))
	case s.Board.Hz != 0 && (s.Board.Hz < 1000 || s.Board.Hz > 10_000_000_000):
		return bad("board.clock_hz", "%d: give 1000 to 10000000000, or 0 for the part's highest", s.Board.Hz)
	case s.Board.MV < 500 || s.Board.MV > 20_000:
		return bad("board.supply_mv", "%d: give 500 to 20000", s.Board.MV)
	case s.Board.States > 100:
		return bad("board.wait_states", "%d: give 0 to 100", s.Board.States)
	case !(s.Board.Battery >= 0 && s.Board.Battery <= 1e9):
		return bad("board.battery_j", "%v: give the battery's energy in joule, or 0 for none", s.Board.Battery)
	case s.Layout.Target == "":
		return bad("layout.target", "is missing: name the target")
	case !nameable(s.Layout.Name):
		return bad("layout.name", "%q: give a word without space, / or =", s.Layout.Name)
	case s.Store.Type.check() != nil:
		return bad("store.storage_type", "%v", s.Store.Type.check())
	case s.Store.External == "":
		return bad("store.external", "is missing: name a serial NOR flash")
	case s.Store.ExternalBytes > maxExternal:
		return bad("store.external_bytes", "%d: give up to %d", s.Store.ExternalBytes, maxExternal)
	case u.Bytes == 0 || u.Bytes > MaxFirmware:
		return bad("update.bytes", "%d: give 1 to %d", u.Bytes, MaxFirmware)
	case u.Changed > 1000:
		return bad("update.changed_permille", "%d: give 0 to 1000", u.Changed)
	case u.Version < 2 || u.Version > maxSeed-maxCampaigns:
		return bad("update.version", "%d: give 2 to %d", u.Version, uint64(maxSeed-maxCampaigns))
	case u.Campaigns == 0 || u.Campaigns > maxCampaigns:
		return bad("update.campaigns", "%d: give 1 to %d", u.Campaigns, maxCampaigns)
	case u.Strategy != "" && u.Strategy != Copy && u.Strategy != Swap:
		return bad("update.strategy", "%q is no strategy: use %s or %s", u.Strategy, Copy, Swap)
	case u.Candidate != "" && u.Candidate != InternalCandidate && u.Candidate != ExternalCandidate:
		return bad("update.candidate", "%q is no place: use %s or %s", u.Candidate, InternalCandidate, ExternalCandidate)
	case u.ExternalAddress > maxExternal:
		return bad("update.external_address", "%d: give up to %d", u.ExternalAddress, maxExternal)
	case u.ExternalBytes > maxExternal:
		return bad("update.external_bytes", "%d: give up to %d", u.ExternalBytes, maxExternal)
	case u.Slots > 64:
		return bad("update.slots", "%d: give 0 for the layout's number, or up to 64", u.Slots)
	case u.Interruptions > 100:
		return bad("update.interruptions", "%d: give 0 to 100", u.Interruptions)
	case u.Fragment == 0 || u.Fragment > 1<<20:
		return bad("update.fragment", "%d: give 1 to %d bytes", u.Fragment, 1<<20)
	case l.BitsPerSecond == 0 || l.BitsPerSecond > 1e12:
		return bad("update.link.bits_per_second", "%d: give 1 to 10^12", l.BitsPerSecond)
	case l.Block < 16 || l.Block > 1024 || l.Block&(l.Block-1) != 0:
		return bad("update.link.block", "%d: give a power of two from 16 to 1024, as RFC 7959 has it", l.Block)
	case l.Overhead > 1<<16:
		return bad("update.link.overhead", "%d: give up to %d bytes", l.Overhead, 1<<16)
	case l.Loss > 900:
		return bad("update.link.loss_permille", "%d: give 0 to 900", l.Loss)
	case l.Repeats > 16:
		return bad("update.link.repeats", "%d: give 0 to 16", l.Repeats)
	case c.Collections < 0 || c.Collections > 1000:
		return bad("cuts.collections", "%d: give 0 to 1000", c.Collections)
	case c.Workers < 0 || c.Workers > 1024:
		return bad("cuts.workers", "%d: give 0 for all, or up to 1024", c.Workers)
	case c.UpdateBytes == 0 || c.UpdateBytes > MaxFirmware:
		return bad("cuts.update_bytes", "%d: give 1 to %d", c.UpdateBytes, MaxFirmware)
	case c.KVStore > maxCuts:
		return bad("cuts.kvstore", "%d: give 0 for every step in every mode, or up to %d", c.KVStore, maxCuts)
	case c.Update > maxCuts:
		return bad("cuts.update", "%d: give 0 for none, or up to %d", c.Update, maxCuts)
	case len(c.Modes) == 0 && (c.Collections > 0 || c.Update > 0):
		return bad("cuts.modes", "is empty: name at least one mode")
	}
	for _, d := range []struct {
		key   string
		value Duration
	}{{"startup", u.Startup}, {"link.round_trip", l.RoundTrip}, {"link.timeout", l.Timeout}, {"link.resume", l.Resume}} {
		if d.value < 0 || d.value > Duration(time.Hour) {
			return bad("update."+d.key, "%v: give 0s to 1h", time.Duration(d.value))
		}
	}
	for i, m := range c.Modes {
		for _, o := range c.Modes[:i] {
			if m.String() == o.String() {
				return bad("cuts.modes", "%q stands there twice", m)
			}
		}
	}
	if err := s.Plan.check(); err != nil {
		return err
	}
	if err := s.Compare.Check(); err != nil {
		return fmt.Errorf("compare.%w", err)
	}
	if err := s.App.check(); err != nil {
		return err
	}
	return s.Workload.check()
}

// Quick shortens the scenario to seconds of host time: a shorter workload, a sample of the cuts.
func (s *Scenario) Quick() {
	s.Workload.Hours = min(s.Workload.Hours, 96)
	if s.Cuts.KVStore == 0 || s.Cuts.KVStore > 6000 {
		s.Cuts.KVStore = 6000
	}
	s.Cuts.Update = min(s.Cuts.Update, 600)
}

// ScenarioError is an error of the scenario's making: its settings do not fit together.
type ScenarioError struct{ Err error }

func (e *ScenarioError) Error() string { return e.Err.Error() }

func (e *ScenarioError) Unwrap() error { return e.Err }

// nameable reports whether a name can be a value in a benchmark's name.
func nameable(s string) bool { return s != "" && !strings.ContainsAny(s, " \t\r\n/=\"") }

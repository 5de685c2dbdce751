package bench

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dualbank/bench/release"
	"dualbank/boot"
	"dualbank/boot/layout"
	"dualbank/kvstore"
	"dualbank/kvstore/storage"
	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
	"dualbank/results"
)

// Device is a scenario's board with one flash driver at one corner: flash with the factory image, and stores
// that are not open yet.
type Device struct {
	Driver string // its name
	Corner model.Corner
	Code   model.Code // where the application runs from
	Flash  *model.Flash
	Store  *kvstore.TDBStore // on the internal flash
	KV     kvstore.Store     // what the workload uses: Store, unless the keys are on external flash
	Layout *layout.Layout

	KVStore  layout.Region   // of the layout
	Warnings layout.Problems // about the layout
	Releases *release.Series // firmware; release 0 is in place

	data     data
	storage  storage.Type
	nor      *serialNOR // nil: neither keys nor candidates are on it
	external *external  // nil: the keys are on the internal flash
	root     []byte     // root of trust of external headers; nil: the candidates are on the internal flash
	app      model.App
	startup  uint64 // cycles from a reset to the bootloader, and from its jump to the application
	ram      boot.RAM
	release  int // number of the release that runs
}

// data is the data files that a device's flash is built from, beside its part.
type data struct {
	driver *part.DriverFamily
	law    *part.WearLaw // nil: sectors do not age
	core   *part.Core    // nil: the processor's work takes no time
}

// IgnoresSwap reports whether the driver erases the bank of the address also while the banks are swapped, on a part where
// that is the other one.
func (d *Device) IgnoresSwap() bool {
	return d.data.driver.IgnoresSwap.Value && d.Flash.Part().Swap.Erase.Value == part.ErasePhysical
}

// inStore reports whether an address is in the store's region.
func (d *Device) inStore(addr uint32) bool { return addr-d.KVStore.Start < d.KVStore.Size }

// Device builds the scenario's board with a flash driver, by name or file, at a corner. An error is a
// *ScenarioError of one line: settings that do not fit together.
func (s *Scenario) Device(driver string, corner model.Corner) (*Device, error) {
	d, err := s.device(driver, corner)
	if err != nil {
		return nil, &ScenarioError{err}
	}
	return d, nil
}

func (s *Scenario) device(driver string, corner model.Corner) (*Device, error) {
	chip, err := part.ByName(s.Board.Part)
	if err != nil {
		return nil, fmt.Errorf("board.part: %w", err)
	}
	drv, err := part.DriverByName(driver)
	if err != nil {
		return nil, fmt.Errorf("board.driver: %w", err)
	}
	d := &Device{Driver: drv.Name, Corner: corner}
	if d.data.driver, err = drv.For(chip.Family); err != nil {
		return nil, fmt.Errorf("board.driver: %w", err)
	}
	if s.Board.CPU {
		if d.data.core, err = part.CoreByName(chip.Core); err != nil {
			return nil, fmt.Errorf("board.part: %w", err)
		}
	}
	if s.Board.Wear != "" {
		if d.data.law, err = part.WearLawByName(s.Board.Wear); err != nil {
			return nil, fmt.Errorf("board.wear: %w", err)
		}
	}
	if d.Layout, d.Warnings, err = s.Layout.compute(chip, d.data.driver.Unit.Value, s.Update.Candidate); err != nil {
		return nil, err
	}
	swap := s.Update.Strategy == Swap
	if swap {
		if chip.Swap.Option.Value == "" {
			return nil, fmt.Errorf("update.strategy: %q: the banks of part %s are not swapped by option bytes: use %q, or another part", Swap, chip.Name, Copy)
		}
		if d.Layout.BlockDevice {
			return nil, fmt.Errorf("update.strategy: %q: a swap of the banks needs the candidate in the other bank, it is on external flash: use %q, or a candidate on internal flash (update.candidate)", Swap, Copy)
		}
		if d.Layout, err = d.Layout.Swapping(); err != nil {
			return nil, fmt.Errorf("update.strategy: %q: %w: use %q, or another layout", Swap, err, Copy)
		}
	}
	d.Code = s.App.code(d.Layout, chip)
	d.app = s.App.app(d.Code, s.Seed)
	d.Flash, err = model.New(model.Config{
		Part: chip, Driver: drv, Core: d.data.core, Hz: s.Board.Hz, MV: s.Board.MV, WaitStates: uint64(s.Board.States), Corner: corner, Code: d.Code, Wear: d.data.law, Seed: s.Seed, Speculation: model.Speculation(s.Board.Speculation),
		Options: swap,
	})
	if err != nil {
		return nil, fmt.Errorf("board: %w", err)
	}
	if err := errors.Join(d.Flash.Run(d.app), d.Flash.Run(model.App{})); err != nil {
		return nil, fmt.Errorf("application: %w", err)
	}
	for _, m := range s.Cuts.Modes {
		if !slices.Contains(model.CutModes(chip), m.Mode) {
			why := "has no ECC"
			if m.Mode == model.Stray {
				why = "is not known to run on below its supply range"
			}
			return nil, fmt.Errorf("cuts.modes: %s: part %s %s: leave it out", m, chip.Name, why)
		}
	}
	d.KVStore, _ = d.Layout.Region(layout.RegionKVStore)
	kv, err := d.Flash.Region(d.KVStore.Start, d.KVStore.Size)
	if err != nil {
		return nil, fmt.Errorf("layout: KVStore: %w", err)
	}
	if swap {
		kv.Stay()
	}
	d.Flash.Favour(d.KVStore.Start, d.KVStore.Size)
	options := kvstore.Options{Profile: kvstore.Profile(s.Store.Profile), NoCRCScan: s.Store.NoCRCScan, CPU: d.Flash.CPU()}
	d.Store = kvstore.NewTDB(kv, options)
	d.KV = d.Store
	if err := d.attachStorage(s, kv, options); err != nil {
		return nil, err
	}
	if err := d.attachCandidate(s); err != nil {
		return nil, err
	}
	switch n := s.Update.Slots; {
	case d.Layout.BlockDevice:
	case n > 1 && swap:
		return nil, fmt.Errorf("update.slots: %d slots: a swap of the banks has one: leave it out", n)
	case n > 0 && !swap:
		if err := d.divide(n); err != nil {
			return nil, err
		}
	}
	unit := d.Flash.PageSize()
	if d.Layout.BlockDevice {
		unit = d.nor.ProgramUnit()
	}
	if s.Update.Fragment%unit != 0 {
		return nil, fmt.Errorf("update.fragment: %d bytes, the driver programs %d at once: give a multiple of that", s.Update.Fragment, unit)
	}
	d.startup = d.Flash.Cycles(time.Duration(s.Update.Startup))
	if d.Releases, err = s.releases(d.Layout); err != nil {
		return nil, err
	}
	return d, d.flashFactory()
}

// NoRoomError is a firmware larger than the application's region.
type NoRoomError struct {
	text string
	Room uint32 // bytes that the region holds
}

func (e *NoRoomError) Error() string { return e.text }

func (e *NoRoomError) Unwrap() error { return boot.ErrFirmwareTooLarge }

// flashFactory programs release 0 as a production programmer does: without steps, time or wear of the model.
func (d *Device) flashFactory() error {
	firmware, c := d.Releases.Image(0), &d.Layout.Config
	if n := uint32(len(firmware)); n > c.MaxAppSize {
		return &NoRoomError{fmt.Sprintf("update.bytes: %d bytes of firmware, the layout has room for %d: give a smaller size", n, c.MaxAppSize), c.MaxAppSize}
	}
	header := make([]byte, boot.HeaderSize)
	boot.EncodeHeader(header, &boot.Details{Version: 1, Size: uint64(len(firmware)), Hash: sha256.Sum256(firmware)})
	if !d.Flash.Poke(c.Details, header) || !d.Flash.Poke(c.AppStart, firmware) {
		return fmt.Errorf("update.bytes: %d bytes of firmware at 0x%08X do not fit in the flash", len(firmware), c.AppStart)
	}
	return nil
}

// divide splits the candidate storage into n slots, in place of the number in the configuration files.
func (d *Device) divide(n uint32) error {
	d.Layout.Config.Locations = n
	slots, ok := boot.Slots(&d.Layout.Chip, &d.Layout.Config)
	if !ok {
		return fmt.Errorf("update.slots: the candidate storage cannot be divided in %d: give fewer slots", n)
	}
	for i, s := range slots {
		if s.Size == 0 {
			return fmt.Errorf("update.slots: slot %d of %d is empty, rounded to erase units: give fewer slots", i, n)
		}
	}
	d.Layout.Slots = slots
	return nil
}

// LongCorner returns a corner as a word of a sentence: "typical", "maximum" or "sampled".
func LongCorner(c model.Corner) string {
	switch c {
	case model.Max:
		return "maximum"
	case model.Sampled:
		return "sampled"
	}
	return "typical"
}

// Progress is called with how far a stage of a run has come: done of total.
type Progress func(stage string, done, total uint64)

// Stage returns p for one stage; nil if p is.
func (p Progress) Stage(stage string) func(done, total uint64) {
	if p == nil {
		return nil
	}
	return func(done, total uint64) { p(stage, done, total) }
}

// State is what Snapshot saves of a device: its flashes, its RAM, and the release that runs.
type State struct {
	flash, nor *cell.Snapshot
	ram        boot.RAM
	release    int
}

// Snapshot saves the device's state for Restore.
func (d *Device) Snapshot() *State {
	s := &State{flash: d.Flash.Snapshot(), ram: d.ram, release: d.release}
	if d.nor != nil {
		s.nor = d.nor.Snapshot()
	}
	return s
}

// Restore brings back a state that Snapshot saved of this device. The stores must be opened again.
func (d *Device) Restore(s *State) {
	d.Flash.Restore(s.flash)
	d.ram, d.release = s.ram, s.release
	if d.nor != nil {
		d.nor.Restore(s.nor)
	}
}

// Axes returns the keys and values that the name of every benchmark of the device begins with. The storage
// type is among them unless it is TDB_INTERNAL, and the candidate's place if that is external flash.
func (d *Device) Axes(layout string) []any {
	keys := []any{"part", d.Flash.Part().Name, "driver", d.Driver, "layout", layout}
	if d.Layout.Config.Swap {
		keys = append(keys, "strategy", Swap)
	}
	if d.external != nil {
		keys = append(keys, "storage", d.storage)
	}
	if d.Layout.BlockDevice {
		keys = append(keys, "candidate", ExternalCandidate)
	}
	return keys
}

// DescribeStorage adds to a report where keys and candidates are, if they are on external flash.
func (d *Device) DescribeStorage(r *results.Report) {
	if d.nor == nil {
		return
	}
	var what []string
	if d.external != nil {
		what = append(what, "storage "+string(d.storage))
		r.Config = append(r.Config, results.Setting{Key: "storage", Value: string(d.storage)})
	}
	if d.Layout.BlockDevice {
		what = append(what, "candidate")
		r.Config = append(r.Config, results.Setting{Key: "candidate", Value: string(ExternalCandidate)})
	}
	r.Board += fmt.Sprintf(", %s on %s", strings.Join(what, " and "), d.nor.part.Title)
	r.Config = append(r.Config, results.Setting{Key: "external", Value: d.nor.part.Name})
}

// Sources returns the facts that a run on this device depends on, each with its confidence mark: those of the
// part at the supply voltage mv and the widths that the driver uses, of the driver, the core, the external
// flash and the wear law.
func (d *Device) Sources(mv uint32) []results.Source {
	p := *d.Flash.Part()
	p.Program = slices.Clone(p.Program)
	p.Program = slices.DeleteFunc(p.Program, func(t part.ProgramTime) bool {
		return t.Width < d.data.driver.Unit.Value || t.Width > d.data.driver.ProgramWidth.Value || t.MinMV > mv
	})
	p.Erase = slices.Clone(p.Erase)
	p.Erase = slices.DeleteFunc(p.Erase, func(t part.EraseTime) bool { return t.Width != d.data.driver.EraseWidth.Value })
	p.BankErase = nil
	drv := *d.data.driver
	if !d.Flash.HasOptions() {
		p.Swap, drv.IgnoresSwap = part.Swap{}, part.BoolFact{}
	}
	p.WaitStates = slices.Clone(p.WaitStates)
	p.WaitStates = slices.DeleteFunc(p.WaitStates, func(w part.WaitStates) bool { return mv < w.MinMV || mv > w.MaxMV })

	var out []results.Source
	add := func(prefix string, facts []part.Fact) {
		for _, f := range facts {
			out = append(out, results.Source{Fact: prefix + f.Name, Value: f.Value, Mark: f.Mark, From: f.From})
		}
	}
	add("", part.Facts(&p))
	add("driver "+d.Driver+": ", part.Facts(&drv))
	if d.data.core != nil {
		add(d.data.core.Title+": ", part.Facts(d.data.core))
	}
	if n := d.nor; n != nil {
		add(n.part.Title+": ", part.Facts(n.part))
		add(n.driver.Title+": ", part.Facts(n.driver))
	}
	if d.data.law != nil {
		add("wear law "+d.data.law.Name+": ", part.Facts(d.data.law))
	}
	return out
}

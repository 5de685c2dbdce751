package bench

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dualbank/boot"
	"dualbank/boot/layout"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/part"
)

// Device is a scenario's board with one driver at one corner: flash with a factory image, and a store
// that is not yet open.
type Device struct {
	Driver string // its name
	Corner model.Corner
	Code   model.Code // where the application runs from
	Flash  *model.Flash
	Store  *kvstore.TDBStore // on the internal flash
	KV     kvstore.Store     // what the workload goes through: Store, unless the keys are on an external device
	Layout *layout.Layout

	KVStore  layout.Region   // of the layout
	Warnings layout.Problems // about the layout

	driver   *part.DriverFamily
	law      *part.WearLaw // nil: sectors do not age
	core     *part.Core    // nil if the processor's work takes no time
	region   *model.Region // of the store
	options  kvstore.Options
	storage  kvstore.Storage
	external *external // nil: there is none
	app      model.App
	before   []byte // what a key held that is being set
	ram      boot.RAM
	startup  uint64 // cycles
	releases *releases
	release  int // that runs
}

// inStore tells whether an address is in the store's region.
func (d *Device) inStore(addr uint32) bool { return addr-d.KVStore.Start < d.KVStore.Size }

// Device builds the scenario's board with a driver at a corner. An error is a *ScenarioError: what
// of the scenario does not fit together.
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
	if d.driver, err = drv.For(chip.Family); err != nil {
		return nil, fmt.Errorf("board.driver: %w", err)
	}
	if s.Board.CPU {
		if d.core, err = part.CoreByName(chip.Core); err != nil {
			return nil, fmt.Errorf("board.part: %w", err)
		}
	}
	if s.Board.Wear != "" {
		if d.law, err = part.WearLawByName(s.Board.Wear); err != nil {
			return nil, fmt.Errorf("board.wear: %w", err)
		}
	}
	if d.Layout, d.Warnings, err = s.Layout.plan(chip, d.driver.Unit.Value); err != nil {
		return nil, err
	}
	d.Code = s.App.code(d.Layout, chip)
	d.app = s.App.app(d.Code, s.Seed)
	d.Flash, err = model.New(model.Config{
		Part: chip, Driver: drv, Core: d.core, Hz: s.Board.Hz, MV: s.Board.MV, WaitStates: uint64(s.Board.States), Corner: corner, Code: d.Code, Wear: d.law, Seed: s.Seed,
	})
	if err != nil {
		return nil, fmt.Errorf("board: %w", err)
	}
	if err := errors.Join(d.Flash.Run(d.app), d.Flash.Run(model.App{})); err != nil {
		return nil, fmt.Errorf("application: %w", err)
	}
	for _, m := range s.Cuts.Modes {
		if !slices.Contains(model.CutModes(chip), m.Mode) {
			return nil, fmt.Errorf("cuts.modes: %s: part %s has no ECC: leave it out", m, chip.Name)
		}
	}
	d.KVStore, _ = d.Layout.Region(layout.RegionKVStore)
	region, err := d.Flash.Region(d.KVStore.Start, d.KVStore.Size)
	if err != nil {
		return nil, fmt.Errorf("layout: KVStore: %w", err)
	}
	d.region = region
	d.options = kvstore.Options{Profile: kvstore.Profile(s.Store.Profile), NoCRCScan: s.Store.NoCRCScan, CPU: d.Flash.CPU()}
	d.Store = kvstore.NewTDB(region, d.options)
	d.KV = d.Store
	if err := d.use(s); err != nil {
		return nil, err
	}
	if n := s.Update.Slots; n > 0 {
		if err := d.divide(n); err != nil {
			return nil, err
		}
	}
	if unit := d.Flash.PageSize(); s.Update.Fragment%unit != 0 {
		return nil, fmt.Errorf("update.fragment: %d bytes, the driver programs %d at once: give a multiple of that", s.Update.Fragment, unit)
	}
	d.startup = d.Flash.Cycles(time.Duration(s.Update.Startup))
	if d.releases, err = s.releases(d.Layout); err != nil {
		return nil, err
	}
	return d, d.flashFactory()
}

// Chip is a part as a layout sees it. unit is the program unit of the driver in bytes.
func Chip(p *part.Part, unit uint32) layout.Chip {
	c := layout.Chip{Name: p.Name, Base: p.Base, Unit: unit, Vectors: p.Vectors}
	bank := -1
	for _, s := range p.Sectors() {
		if s.Bank != bank {
			bank = s.Bank
			c.Banks = append(c.Banks, s.Addr)
		}
		c.Sectors = append(c.Sectors, s.Size)
	}
	return c
}

// plan is the layout, and the warnings about it. The error is the first of its problems on one line.
func (l *Layout) plan(part *part.Part, unit uint32) (*layout.Layout, layout.Problems, error) {
	var srcs []layout.Source
	for _, c := range [][2]string{{l.Bootloader, l.BootloaderText}, {l.Application, l.ApplicationText}} {
		if c[1] != "" {
			srcs = append(srcs, layout.Source{Name: c[0], Text: []byte(c[1])})
		}
	}
	if srcs == nil {
		srcs = layout.Example()
	}
	if err := l.checkTarget(srcs, part); err != nil {
		return nil, nil, err
	}
	plan, problems := layout.New(srcs, l.Target, Chip(part, unit))
	if errs := problems.Errors(); len(errs) > 0 {
		more := ""
		if len(errs) > 1 {
			more = fmt.Sprintf(" (%d more: `dualbank layout` lists all)", len(errs)-1)
		}
		return nil, nil, fmt.Errorf("%v%s", errs[0], more)
	}
	for _, name := range []string{layout.RegionHeader, layout.RegionApplication, layout.RegionKVStore, layout.RegionCandidate} {
		if _, ok := plan.Region(name); !ok {
			return nil, nil, fmt.Errorf("layout: the configurations have no %s on internal flash: give the ones of a bootloader and an application that have", name)
		}
	}
	return plan, problems.Warnings(), nil
}

// checkTarget finds a target that is a slip of the pen: one with another flash than the part's, or one
// that nobody knows.
func (l *Layout) checkTarget(srcs []layout.Source, part *part.Part) error {
	same := func(dual bool) bool {
		c, err := layout.ChipOf(l.Target, dual)
		return err == nil && c.Base == part.Base && slices.Equal(c.Sectors, Chip(part, 1).Sectors)
	}
	if c, err := layout.ChipOf(l.Target, false); err == nil {
		// The same part in its other bank mode has other sectors.
		if !same(false) && !same(true) && !strings.HasPrefix(part.Name, strings.ToLower(c.Name)) {
			return fmt.Errorf("layout.target: %s has the flash of %s, not that of part %s: correct one of them", l.Target, c.Name, part.Name)
		}
		return nil
	}
	for _, s := range srcs {
		if bytes.Contains(s.Text, []byte(`"`+l.Target+`"`)) {
			return nil
		}
	}
	return fmt.Errorf("layout.target: %s is no target that is known, and none of the configuration files has it in target_overrides: correct its name", l.Target)
}

// NoRoomError is a firmware that the application's region does not hold.
type NoRoomError struct {
	text string
	Room uint32 // bytes
}

func (e *NoRoomError) Error() string { return e.text }

func (e *NoRoomError) Unwrap() error { return boot.ErrFirmwareTooLarge }

// flashFactory puts the first release in place, as a programmer on the bench does: without steps, time
// or wear.
func (d *Device) flashFactory() error {
	firmware, c := d.releases.image(0), &d.Layout.Config
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

// divide divides the candidate storage in n slots in place of as many as the configuration files say.
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

// LongCorner is a corner in words.
func LongCorner(c model.Corner) string {
	switch c {
	case model.Max:
		return "maximum"
	case model.Sampled:
		return "sampled"
	}
	return "typical"
}

// Progress is told how far a stage of a run is.
type Progress func(stage string, done, total uint64)

// Stage is the progress of one stage.
func (p Progress) Stage(stage string) func(done, total uint64) {
	if p == nil {
		return nil
	}
	return func(done, total uint64) { p(stage, done, total) }
}

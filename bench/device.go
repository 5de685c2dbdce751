package bench

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"dualbank/boot"
	"dualbank/kvstore"
	"dualbank/model"
)

// Device is a scenario's board with one driver at one corner: flash with a factory image, and a store
// that is not yet open.
type Device struct {
	Driver string // its name
	Corner model.Corner
	Flash  *model.Flash
	Store  *kvstore.TDBStore
	Layout *boot.Layout

	driver *model.DriverFamily
	core   *model.Core // nil if the processor's work takes no time
	store  boot.Region
	ram    boot.RAM
}

// inStore tells whether an address is in the store's region.
func (d *Device) inStore(addr uint32) bool { return addr-d.store.Start < d.store.Size }

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
	part, err := model.PartByName(s.Board.Part)
	if err != nil {
		return nil, fmt.Errorf("board.part: %w", err)
	}
	drv, err := model.DriverByName(driver)
	if err != nil {
		return nil, fmt.Errorf("board.driver: %w", err)
	}
	d := &Device{Driver: drv.Name, Corner: corner}
	if d.driver, err = drv.For(part.Family); err != nil {
		return nil, fmt.Errorf("board.driver: %w", err)
	}
	if s.Board.CPU {
		if d.core, err = model.CoreByName(part.Core); err != nil {
			return nil, fmt.Errorf("board.part: %w", err)
		}
	}
	d.Flash, err = model.New(model.Config{
		Part: part, Driver: drv, Core: d.core, Hz: s.Board.Hz, MV: s.Board.MV, Corner: corner, Code: model.Code(s.Board.Code), Seed: s.Seed,
	})
	if err != nil {
		return nil, fmt.Errorf("board: %w", err)
	}
	if d.Layout, _, err = s.Layout.plan(part, d.Flash.PageSize()); err != nil {
		return nil, err
	}
	d.store, _ = d.Layout.Region(boot.RegionKVStore)
	region, err := d.Flash.Region(d.store.Start, d.store.Size)
	if err != nil {
		return nil, fmt.Errorf("layout: KVStore: %w", err)
	}
	d.Store = kvstore.NewTDB(region, kvstore.Options{
		Profile: kvstore.Profile(s.Store.Profile), NoCRCScan: s.Store.NoCRCScan, CPU: d.Flash.CPU(),
	})
	return d, d.flashFactory(s.Update.Bytes, s.Seed)
}

// Chip is a part as a layout sees it. unit is the program unit of the driver in bytes.
func Chip(p *model.Part, unit uint32) boot.Chip {
	c := boot.Chip{Name: p.Name, Base: p.Base, Unit: unit, Vectors: p.Vectors}
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
func (l *Layout) plan(part *model.Part, unit uint32) (*boot.Layout, boot.Problems, error) {
	var srcs []boot.Source
	for _, c := range [][2]string{{l.Bootloader, l.BootloaderText}, {l.Application, l.ApplicationText}} {
		if c[1] != "" {
			srcs = append(srcs, boot.Source{Name: c[0], Text: []byte(c[1])})
		}
	}
	if srcs == nil {
		srcs = boot.Example()
	}
	if err := l.checkTarget(srcs, part); err != nil {
		return nil, nil, err
	}
	plan, problems := boot.NewLayout(srcs, l.Target, Chip(part, unit))
	if errs := problems.Errors(); len(errs) > 0 {
		more := ""
		if len(errs) > 1 {
			more = fmt.Sprintf(" (%d more: `dualbank layout` lists all)", len(errs)-1)
		}
		return nil, nil, fmt.Errorf("%v%s", errs[0], more)
	}
	for _, name := range []string{boot.RegionHeader, boot.RegionApplication, boot.RegionKVStore, boot.RegionCandidate} {
		if _, ok := plan.Region(name); !ok {
			return nil, nil, fmt.Errorf("layout: the configurations have no %s on internal flash: give the ones of a bootloader and an application that have", name)
		}
	}
	return plan, problems.Warnings(), nil
}

// checkTarget finds a target that is a slip of the pen: one with another flash than the part's, or one
// that nobody knows.
func (l *Layout) checkTarget(srcs []boot.Source, part *model.Part) error {
	same := func(dual bool) bool {
		c, err := boot.ChipOf(l.Target, dual)
		return err == nil && c.Base == part.Base && slices.Equal(c.Sectors, Chip(part, 1).Sectors)
	}
	if c, err := boot.ChipOf(l.Target, false); err == nil {
		if !same(false) && !same(true) {
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

// flashFactory puts an image of n bytes and version 1 in place, as a programmer on the bench does:
// without steps, time or wear.
func (d *Device) flashFactory(n uint32, seed uint64) error {
	if n > d.Layout.Config.MaxAppSize {
		return fmt.Errorf("update.bytes: %d bytes of firmware, the layout has room for %d: give a smaller size", n, d.Layout.Config.MaxAppSize)
	}
	firmware := make([]byte, n)
	model.NewRand(^seed).Fill(firmware)
	header := make([]byte, boot.HeaderSize)
	boot.EncodeHeader(header, &boot.Details{Version: 1, Size: uint64(n), Hash: sha256.Sum256(firmware)})
	if !d.Flash.Poke(d.Layout.Config.Details, header) || !d.Flash.Poke(d.Layout.Config.AppStart, firmware) {
		return fmt.Errorf("update.bytes: %d bytes of firmware at 0x%08X do not fit in the flash", n, d.Layout.Config.AppStart)
	}
	return nil
}

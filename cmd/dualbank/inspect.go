package main

import (
	"errors"
	"fmt"
	"strings"

	"dualbank/bench"
	"dualbank/boot/layout"
	"dualbank/inspect"
	"dualbank/internal/input"
	"dualbank/kvstore"
	"dualbank/model/part"
	"dualbank/results/unit"
)

type inspectCommand struct {
	Dump     string   `arg:"" help:"What was read out of a flash: raw binary, Intel HEX, S-records, UF2, DfuSe, or ELF."`
	Board    string   `xor:"layout" placeholder:"NAME" help:"A board that comes with the program, or a .toml file: its default layout."`
	Scenario string   `xor:"layout" placeholder:"FILE" help:"A scenario file: its layout."`
	Config   []string `sep:"none" placeholder:"FILE" help:"A configuration file of bootloader or application, as for 'dualbank layout'; once for each."`
	Target   string   `placeholder:"NAME" help:"Target in the configuration files' target_overrides."`
	Part     string   `placeholder:"NAME" help:"The part, or a .toml file, where neither board nor target says it."`
	Base     uint32   `range:"0..4294967295" placeholder:"ADDR" help:"Address of a raw binary's first byte; without it, where the flash begins, or 0."`
	Unit     uint32   `range:"1..8192" placeholder:"BYTES" help:"Program unit of the store; without it, the driver's, or as the store tells."`
	Profile  string   `default:"MbedCE" enum:"MbedCE,MbedOS,Hardened" help:"Whose TDBStore wrote it: ${enum} (${default})."`
	Age      float64  `range:"0.001..1000" needs:"rated,board,scenario,config,part" placeholder:"YEARS" help:"How old the device is, for the years that are left."`
	Rated    uint32   `range:"1..1000000000" placeholder:"ERASES" help:"Erases that a sector is rated for; without it, the part's."`
	All      bool     `help:"Show dead and stale records too."`
	jsonFlag
	FailOnDamage bool `help:"Exit with code 1 if something is damaged."`
}

// Help says what is done without a layout.
func (c *inspectCommand) Help() string {
	return "Shows regions, the store's areas and records, firmware headers and slots, and what of it is damaged; nothing is executed or written. " +
		"Without --board, --scenario or --config, stores and headers are found by their magic numbers."
}

func (c *inspectCommand) Run(t terminal) error {
	o := inspect.Options{Unit: c.Unit, Age: c.Age, Rated: c.Rated}
	o.Profile, _ = kvstore.ParseProfile(c.Profile) // kong lets no other pass
	if err := c.layout(&o); err != nil {
		return badInput(err)
	}
	base := c.Base
	if base == 0 {
		base = o.Chip.Base
	}
	file, err := input.Read(c.Dump, input.Dump)
	if err != nil {
		return badInput(fmt.Errorf("%s: %w: give a file that was read out of a flash", c.Dump, err))
	}
	dump, err := inspect.Read(c.Dump, file, base)
	if err != nil {
		return badInput(err)
	}
	r, err := inspect.Inspect(dump, o)
	if err != nil {
		return badInput(err)
	}
	if c.JSON {
		err = r.JSON(t.out)
	} else {
		err = r.Print(t.out, c.All)
	}
	if err == nil && c.FailOnDamage && len(r.Damage) > 0 {
		return failure{fmt.Errorf("%s: %s, the first: %s", c.Dump, unit.Plural(len(r.Damage), "damaged structure"), r.Damage[0]), exitFinding}
	}
	return err
}

// layout fills in layout, flash and rating of the device, as far as the flags say them.
func (c *inspectCommand) layout(o *inspect.Options) error {
	var known *part.Part
	var s *bench.Scenario
	var err error
	switch {
	case (c.Board != "" || c.Scenario != "") && (len(c.Config) > 0 || c.Target != "" || c.Part != ""):
		return errors.New("--board and --scenario say all of the layout: leave out --config, --target and --part")
	case (len(c.Config) > 0) != (c.Target != ""):
		return errors.New("--config and --target belong together: give the configuration files and the target in them")
	case c.Board != "":
		s, err = bench.BoardScenario(c.Board)
	case c.Scenario != "":
		s, err = bench.ReadFile(c.Scenario)
	}
	if err != nil {
		return err
	}
	if s != nil {
		if o.Layout, err = s.BootLayout(); err != nil {
			return err
		}
		if known, err = part.ByName(s.Board.Part); err != nil {
			return err
		}
	}
	if c.Part != "" {
		if known, err = part.ByName(c.Part); err != nil {
			return err
		}
		if o.Chip, err = partChip(c.Part, "mbed"); err != nil {
			return err
		}
	}
	if len(c.Config) > 0 {
		l, problems := layout.Load(c.Config, c.Target, o.Chip)
		if err := problems.Err(); err != nil {
			return err
		}
		o.Layout = l
		// The target's board names its part, which has a rating if it comes with the program.
		if p, err := part.ByName(strings.ToLower(l.Chip.Name)); err == nil && known == nil {
			known = p
		}
	}
	if o.Layout != nil {
		o.Chip = o.Layout.Chip
	}
	if o.Rated == 0 && known != nil {
		o.Rated = known.Endurance.Erases
	}
	return nil
}

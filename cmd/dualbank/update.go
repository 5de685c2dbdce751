package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"dualbank/bench/job"
	"dualbank/results/page"
)

type updateCommand struct {
	Scenario string   `arg:"" optional:"" help:"Scenario file; without one, the porting guide's NUCLEO-F429ZI."`
	Size     []string `placeholder:"BYTES" help:"Sizes of the firmware, as in 65536,400KiB; without it, some that fit and the scenario's."`
	Driver   []string `placeholder:"NAME" help:"Flash drivers; without it, the scenario's and those that it compares."`
	Slots    []string `placeholder:"N" help:"Numbers of slots in the candidate storage; without it, the layout's."`
	Link     []string `placeholder:"LINK" help:"Links: none, ethernet, wifi, lte-m, 802.15.4, nb-iot, or bits a second, round trip and losses of 1000 as in 250k/80ms/5; without it, the scenario's."`
	Delta    bool     `help:"Each update by a delta against the running firmware, too."`
	Firmware string   `placeholder:"FILE" help:"The new firmware: binary, Intel HEX, S-records, UF2, DfuSe or ELF; without it, the scenario's."`
	Running  string   `placeholder:"FILE" help:"The firmware that runs before."`
	strategyFlag
	boardFlag
	Out string `default:"out/update" placeholder:"DIR" help:"Folder for the results (${default})."`
}

// Help says what comes out.
func (c *updateCommand) Help() string {
	return "Every size is updated with every driver, number of slots and link, each on a device of its own. Lists are separated by commas."
}

func (c *updateCommand) Run(t terminal) (failed error) {
	s, err := c.scenario(c.Scenario)
	if err != nil {
		return badInput(err)
	}
	if err := s.Update.ReadFirmware(c.Firmware, c.Running); err != nil {
		return badInput(err)
	}
	v, err := job.NewVariants(s, c.Size, c.Driver, c.Slots, c.Link, c.Delta)
	if err == nil {
		err = v.Strategies(s, c.Strategy)
	}
	if err != nil {
		return badInput(err)
	}
	ctx, stop := t.interruptible()
	defer stop()
	out, err := folder(c.Out, "update")
	if err != nil {
		return err
	}
	defer closing(out, &failed)
	show, end := progress(t.err)
	report, err := job.RunUpdates(ctx, s, v, c.Out, show)
	end()
	stopped := err != nil && ctx.Err() != nil
	switch {
	case stopped && report == nil:
		return failure{errors.New("interrupted before anything was measured"), exitInterrupt}
	case err != nil && !stopped:
		return blamed(err)
	}
	if err := leave(out, s, report, nil); err != nil {
		return err
	}
	if err := page.WriteSummary(t.out, report, width(t.out)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(t.out, "\n%s\n", filepath.Join(c.Out, "report.html")); err != nil {
		return err
	}
	if stopped {
		return failure{fmt.Errorf("interrupted: what was done until then is in %s", c.Out), exitInterrupt}
	}
	return nil
}

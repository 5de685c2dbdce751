package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"dualbank/bench"
	"dualbank/bench/job"
	"dualbank/boot/layout"
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
	quiet
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
	if err := c.summary(t.out, report, filepath.Join(c.Out, "report.html")); err != nil {
		return err
	}
	if stopped {
		return failure{fmt.Errorf("interrupted: what was done until then is in %s", c.Out), exitInterrupt}
	}
	return nil
}

// strategyFlag chooses how the candidate of an update is installed.
type strategyFlag struct {
	Strategy []string `placeholder:"NAME" help:"How a candidate is installed: copy, as mbed-bootloader does, or swap, by option bytes that exchange the two banks; without it, the scenario's."`
}

// boardFlag is a board in place of a scenario.
type boardFlag struct {
	Board string `placeholder:"NAME" help:"A board of 'dualbank parts', or a .toml file, with the guide's layout on it; in place of a scenario."`
}

// scenario reads the scenario in a file, or that of the board.
func (f boardFlag) scenario(file string) (*bench.Scenario, error) {
	switch {
	case f.Board == "":
		return scenario(file)
	case file != "":
		return nil, errors.New("--board: the scenario names its board: leave one of them out")
	}
	s, err := bench.BoardScenario(f.Board)
	if err != nil {
		return nil, fmt.Errorf("--board: %w", err)
	}
	return s, nil
}

// layoutStrategyFlag asks how a layout looks when updates swap the banks.
type layoutStrategyFlag struct {
	Strategy string `enum:"copy,swap" default:"copy" help:"How updates are installed: copy, or swap, which draws the layout that follows for a swap of the banks and says what becomes of the KVStore (${default})."`
}

// swapped draws the layout for a swap, if it is asked for.
func (f layoutStrategyFlag) swapped(w io.Writer, l *layout.Layout) error {
	if f.Strategy != string(bench.Swap) {
		return nil
	}
	if note := l.StoreAfterSwap(); note != "" {
		fmt.Fprintf(w, "\n%s\n", note)
	}
	s, err := l.Swapping()
	if err != nil {
		return badInput(fmt.Errorf("--strategy: %w", err))
	}
	fmt.Fprintf(w, "\nfor updates that swap the banks:\n")
	return s.Draw(w)
}

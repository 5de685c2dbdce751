package main

import (
	"errors"
	"fmt"
	"io"

	"dualbank/bench"
	"dualbank/boot/layout"
)

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

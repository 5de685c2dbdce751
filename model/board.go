package model

import (
	"fmt"

	"dualbank/model/part"
)

// BoardConfig is a board as New takes it: part, driver, core, clock, supply, wait states; the application
// runs from bank 0. The error names the file that does not fit.
func BoardConfig(b *part.Board) (Config, error) {
	c := Config{Hz: b.Clock.Hz, MV: b.Supply.MV, WaitStates: uint64(b.WaitStates.Value)}
	var err error
	if c.Part, err = part.ByName(b.PartName); err != nil {
		return c, fmt.Errorf("board %s: part: %w", b.Name, err)
	}
	if c.Driver, err = part.DriverByName(b.DriverName); err != nil {
		return c, fmt.Errorf("board %s: driver: %w", b.Name, err)
	}
	if c.Core, err = part.CoreByName(c.Part.Core); err != nil {
		return c, fmt.Errorf("board %s: core: %w", b.Name, err)
	}
	return c, nil
}

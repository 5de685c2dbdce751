package explore

import (
	"fmt"
	"time"

	"dualbank/model"
	"dualbank/model/part"
)

// Watchdog is a watchdog on a part, and the times that the part takes: a watchdog resets the device in the
// middle of what takes longer than it waits. RAM is kept, the device boots and begins again.
type Watchdog struct {
	Driver string `json:"driver"` // name of a flash driver
	Corner string `json:"corner"` // "typ" or "max"
	Period string `json:"period"` // that it waits, as time.Duration spells it, from 1ms to 1h
	Seed   uint64 `json:"seed,omitempty"`
}

// WatchdogPeriods are from the longest that an STM32's independent watchdog can wait (RM0090: 4096 x 256 / 32
// kHz) to a quarter of a second.
var WatchdogPeriods = []time.Duration{
	32768 * time.Millisecond, 16 * time.Second, 8 * time.Second, 4 * time.Second, 2 * time.Second, time.Second, 500 * time.Millisecond, 250 * time.Millisecond,
}

// WatchdogAttempts is how often the same is begun again. Nothing changes from one attempt to the next but what
// the bootloader counts, to three as a rule.
const WatchdogAttempts = 12

// What remedies put in the place of a watchdog's period and driver: a period that nothing outlasts, and a driver that
// leaves interrupts enabled.
const (
	noWatchdog  = "1h0m0s"
	otherDriver = "word"
)

// Flash is the part of d with its times, and the watchdog, which is not started yet. An error names the
// field.
func (w *Watchdog) Flash(d *Device) (*model.Flash, *model.Watchdog, error) {
	period, err := time.ParseDuration(w.Period)
	if err != nil || period < time.Millisecond || period > time.Hour {
		return nil, nil, fmt.Errorf("watchdog.period: %q is no time from 1ms to 1h", w.Period)
	}
	chip, err := part.ByName(d.Part)
	if err != nil {
		return nil, nil, fmt.Errorf("device: %w", err)
	}
	driver, err := part.DriverByName(w.Driver)
	if err != nil {
		return nil, nil, fmt.Errorf("watchdog.driver: %w", err)
	}
	core, err := part.CoreByName(chip.Core)
	if err != nil {
		return nil, nil, err
	}
	corner, ok := model.CornerByName(w.Corner)
	if !ok || corner == model.Sampled {
		return nil, nil, fmt.Errorf("watchdog.corner: %q is unknown: use typ or max", w.Corner)
	}
	f, err := model.New(model.Config{Part: chip, Driver: driver, Core: core, Corner: corner})
	return f, &model.Watchdog{Period: period, Seed: w.Seed}, err
}

package part

import (
	"fmt"
	"strings"
)

// Board is a board as firmware finds it: a part, its clock and supply, and where storage goes unless
// the firmware's configuration says otherwise. Its data file is in boards/.
type Board struct {
	Name       string     `toml:"name"`  // "nucleo-f429zi"
	Title      string     `toml:"title"` // "NUCLEO-F429ZI"
	Target     string     `toml:"target"`
	PartName   string     `toml:"part"`
	DriverName string     `toml:"driver"`
	Clock      ClockFact  `toml:"clock"`
	Supply     SupplyFact `toml:"supply"`
	WaitStates Count      `toml:"wait_states"` // that the firmware sets; 0: as few as the part needs
	Layout     string     `toml:"layout"`      // name of the default layout
	KVStore    RegionFact `toml:"kvstore"`     // of the default layout
}

// ClockFact is a core clock in Hz with its source.
type ClockFact struct {
	Hz uint64 `toml:"hz"`
	Source
}

// SupplyFact is a supply voltage in mV with its source.
type SupplyFact struct {
	MV uint32 `toml:"mv"`
	Source
}

// RegionFact is a stretch of flash with the source of its place.
type RegionFact struct {
	Base  uint32 `toml:"base"`
	Bytes uint32 `toml:"bytes"`
	Source
}

func (f ClockFact) value() string  { return megahertz(f.Hz) }
func (f SupplyFact) value() string { return fmt.Sprintf("%d mV", f.MV) }
func (f RegionFact) value() string { return fmt.Sprintf("0x%08X, %s", f.Base, size(f.Bytes)) }

// Check finds what cannot be true of any board. The error names the key.
func (b *Board) Check() error {
	if b.Name == "" || strings.ContainsAny(b.Name, "/\\ \t\n") {
		return badKey("name", "%q is no name: give the board one without blanks or slashes", b.Name)
	}
	for _, s := range []struct{ key, v, what string }{
		{"part", b.PartName, "part"}, {"driver", b.DriverName, "driver"}, {"layout", b.Layout, "default layout"},
	} {
		if s.v == "" {
			return badKey(s.key, "is missing: name the board's %s", s.what)
		}
	}
	if b.Clock.Hz < 1000 || b.Clock.Hz > 10_000_000_000 {
		return badKey("clock.hz", "%d is no core clock: give Hz", b.Clock.Hz)
	}
	if b.Supply.MV < 500 || b.Supply.MV > 20_000 {
		return badKey("supply.mv", "%d is no supply voltage: give mV", b.Supply.MV)
	}
	if b.WaitStates.Value > 100 {
		return badKey("wait_states.value", "%d wait states are more than any part has", b.WaitStates.Value)
	}
	if b.KVStore.Bytes > 1<<28 || uint64(b.KVStore.Base)+uint64(b.KVStore.Bytes) > 1<<32 {
		return badKey("kvstore", "0x%08X and %d bytes are no region of flash", b.KVStore.Base, b.KVStore.Bytes)
	}
	return checkMarks(b)
}

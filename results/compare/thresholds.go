package compare

import (
	"fmt"
	"maps"
	"slices"
)

// Thresholds are the limits of the gate: by how many percent a figure may get worse. A unit without a direction
// has no limit.
type Thresholds struct {
	// Exact is for metrics that are simulated or counted: they have no noise, so 0 is a good limit.
	Exact float64 `toml:"exact" json:"exact" comment:"Of metrics that are simulated or counted, in percent: they have no noise, so 0 is a good limit."`
	// Host is for each benchmark's host time and other measured metrics, where the change is
	// significant.
	Host float64 `toml:"host" json:"host" comment:"Of host time and other measured metrics, in percent, where the change is significant."`
	// Geomean is for a measured metric's geometric mean over all benchmarks of a table, where at
	// least one of them is significantly worse.
	Geomean float64 `toml:"geomean" json:"geomean" comment:"Of a measured metric's geometric mean over all benchmarks, in percent."`
	// Alpha is the level below which a difference is significant.
	Alpha float64 `toml:"alpha" json:"alpha" comment:"The level below which a difference is significant."`
	// Units are limits for single units, by name. They override Exact and Host.
	Units map[string]float64 `toml:"units,inline" json:"units,omitempty" comment:"Limits of some units, by name, that go before exact and host: { 'years' = 2 }."`
	// FailMissing makes a benchmark or metric that only the old file has a failure. Without it, it is a
	// warning.
	FailMissing bool `toml:"fail_missing" json:"fail_missing" comment:"Whether a benchmark or metric that is gone fails; else it is a warning."`
}

// DefaultThresholds returns the limits of a scenario that sets none.
func DefaultThresholds() Thresholds {
	return Thresholds{Exact: 0, Host: 10, Geomean: 5, Alpha: 0.05}
}

// Check returns an error of one line for a value that is no limit.
func (th Thresholds) Check() error {
	for _, v := range []struct {
		name  string
		value float64
	}{{"exact", th.Exact}, {"host", th.Host}, {"geomean", th.Geomean}} {
		if !percentage(v.value) {
			return fmt.Errorf("%s: %v: give percent, from 0 to %g", v.name, v.value, mostPercent)
		}
	}
	if !(th.Alpha > 0 && th.Alpha < 1) {
		return fmt.Errorf("alpha: %v: give more than 0 and less than 1, such as 0.05", th.Alpha)
	}
	for _, unit := range slices.Sorted(maps.Keys(th.Units)) {
		if v := th.Units[unit]; !percentage(v) {
			return fmt.Errorf("units.%s: %v: give percent, from 0 to %g", unit, v, mostPercent)
		}
	}
	return nil
}

// mostPercent is the largest limit. Only a figure that was 0 can exceed it.
const mostPercent = 1e9

func percentage(v float64) bool { return v >= 0 && v <= mostPercent }

// limit returns the limit of a unit in percent. unit is tidied ("sec/op"), written is as in the file ("ns/op").
func (th Thresholds) limit(unit, written string, exact bool) float64 {
	for _, u := range []string{unit, written} {
		if v, ok := th.Units[u]; ok {
			return v
		}
	}
	if exact {
		return th.Exact
	}
	return th.Host
}

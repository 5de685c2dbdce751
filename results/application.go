package results

import (
	"fmt"
	"slices"

	"dualbank/results/unit"
)

// Hourly returns v, a total of the whole run, for one hour.
func (a *Application) Hourly(v float64) float64 {
	if a.Hours <= 0 {
		return 0
	}
	return v / a.Hours
}

// Rhythm returns the name of an interrupt with its period and deadline: "control, every 100 µs, deadline
// 100 µs".
func (q *InterruptLatency) Rhythm() string {
	s := fmt.Sprintf("%s, every %s", q.Name, unit.Duration(q.Period))
	if q.Deadline > 0 {
		s += ", deadline " + unit.Duration(q.Deadline)
	}
	return s
}

// InterruptNames returns the names of all interrupts in the order of their first appearance.
func InterruptNames(all []Application) []string {
	var names []string
	for _, a := range all {
		for _, q := range a.Interrupts {
			if !slices.Contains(names, q.Name) {
				names = append(names, q.Name)
			}
		}
	}
	return names
}

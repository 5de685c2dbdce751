package results

import (
	"fmt"

	"dualbank/results/unit"
)

// Total returns the duration of a whole update in seconds.
func (u UpdateTime) Total() float64 {
	var sum float64
	for _, ph := range u.Phases {
		sum += ph.Seconds
	}
	return sum
}

// Down returns the seconds in which the application does not run.
func (u UpdateTime) Down() (sum float64) {
	for _, ph := range u.Phases {
		if ph.Down {
			sum += ph.Seconds
		}
	}
	return sum
}

// Felt returns the seconds in which the application's code could not be fetched, and in which interrupts were
// masked.
func (u UpdateTime) Felt() (stall, masked float64) {
	for _, ph := range u.Phases {
		stall += ph.Stall
		masked += ph.Masked
	}
	return stall, masked
}

// Label returns the name of an update, with its size if the sizes in all differ.
func (u UpdateTime) Label(all []UpdateTime) string {
	for _, o := range all {
		if o.Size != u.Size {
			return fmt.Sprintf("%s, %s", u.Name, unit.Size(float64(u.Size)))
		}
	}
	return u.Name
}

// PhaseNames returns the names of all phases in the order of their first appearance.
func PhaseNames(all []UpdateTime) []string {
	var out []string
	seen := map[string]bool{}
	for _, u := range all {
		for _, ph := range u.Phases {
			if !seen[ph.Name] {
				seen[ph.Name] = true
				out = append(out, ph.Name)
			}
		}
	}
	return out
}

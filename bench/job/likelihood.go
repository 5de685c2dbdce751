package job

import (
	"fmt"
	"slices"

	"dualbank/bench"
	"dualbank/fuzz/explore"
	"dualbank/results"
	"dualbank/results/unit"
)

// took returns what a step of a sweep takes on the device, in nanoseconds.
func took(d *bench.Device) func(*explore.Call) uint64 {
	f := d.Flash
	return func(c *explore.Call) uint64 {
		cycles, hz := f.StepCycles(c.Kind, c.Addr, c.StepSize()), f.Hz()
		return cycles/hz*1e9 + cycles%hz*1e9/hz
	}
}

// inside is took, or nil for a store outside of the internal flash.
func inside(took func(*explore.Call) uint64, outside bool) func(*explore.Call) uint64 {
	if outside {
		return nil
	}
	return took
}

// likelihoods writes how likely a finding is: by the time that steps take, since a cut at a random moment hits an erase of a
// second more often than a program of some microseconds.
func (j *job) likelihoods(add func(name, value, format string, args ...any)) {
	busy := 0.0
	if s := j.sets; s != nil && s.Cycles > 0 {
		busy = float64(s.Counters.Erasing+s.Counters.Programming) / float64(s.Cycles)
	}
	for i := range j.report.Cuts {
		m := &j.report.Cuts[i]
		list := slices.DeleteFunc(slices.Clone(j.report.Findings), func(f results.Finding) bool { return f.Subject != m.Subject || f.Share == 0 })
		if len(list) == 0 {
			continue
		}
		slices.SortStableFunc(list, func(a, b results.Finding) int {
			switch {
			case a.Share > b.Share:
				return -1
			case a.Share < b.Share:
				return 1
			}
			return 0
		})
		const year = 365.25 * 24 * 3600
		f := &list[0]
		note := "of the time that the flash works in an update: " + f.Title
		if m.Subject != "update" {
			note = "of the time that the flash works in a set or a remove: " + f.Title
		}
		if m.Subject != "update" && busy > 0 {
			note += fmt.Sprintf("; that is %s of the %s a year that the flash works for the store", unit.Duration(f.Share*busy*year), unit.Duration(busy*year))
		}
		if len(list) > 1 {
			note += fmt.Sprintf("; the next likely one %s: %s", unit.Percent(list[1].Share), list[1].Title)
		}
		add("Likeliest finding, "+m.Subject, unit.Percent(f.Share), "%s", note)
	}
}

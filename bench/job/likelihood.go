package job

import (
	"fmt"
	"slices"
	"strings"

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
		// A year's share of the store's is known, since the workload goes on all year; that of updates is not.
		year := func(share float64) string {
			const seconds = 365.25 * 24 * 3600
			if m.Subject == "update" || busy == 0 {
				return ""
			}
			return fmt.Sprintf("; that is %s of the %s a year that the flash works for the store", unit.Duration(share*busy*seconds), unit.Duration(busy*seconds))
		}
		in := "of the time that the flash works in an update"
		if m.Subject != "update" {
			in = "of the time that the flash works in a set or a remove"
		}
		if c, share := j.likeliestCause(list); c != nil {
			value := unit.Percent(share)
			if len(c.Findings) > 1 {
				value = "up to " + value
			}
			add("Likeliest cause, "+m.Subject, value, "%s: %s %s%s", in, c.What, strings.TrimSuffix(c.Cure, "."), year(share))
			continue
		}
		f := &list[0]
		note := in + ": " + f.Title + year(f.Share)
		if len(list) > 1 {
			note += fmt.Sprintf("; the next likely one %s: %s", unit.Percent(list[1].Share), list[1].Title)
		}
		add("Likeliest finding, "+m.Subject, unit.Percent(f.Share), "%s", note)
	}
}

// likeliestCause returns the cause that a power cut meets most often, and its share of the time. Where a cut shows several
// findings of a cause it counts for each, so that the sum is an upper bound. nil: no causes were looked for.
func (j *job) likeliestCause(list []results.Finding) (best *results.Cause, share float64) {
	for i := range j.report.Causes {
		c, sum := &j.report.Causes[i], 0.0
		for _, f := range list {
			if slices.Contains(c.Findings, f.ID) {
				sum += f.Share
			}
		}
		if sum = min(sum, 1); sum > share {
			best, share = c, sum
		}
	}
	return best, share
}

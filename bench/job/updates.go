package job

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dualbank/bench"
	"dualbank/boot"
	"dualbank/model"
	"dualbank/results"
	"dualbank/results/unit"
)

// Variants is a set of updates to compare: every size with every driver, number of slots and link.
type Variants struct {
	sizes   []uint32 // ascending; 0: the scenario's files
	drivers []string
	slots   []uint32 // 0: the layout's number
	links   []bench.NamedLink
	delta   bool // each by a delta too

	strategies []bench.Strategy // none: the scenario's

	flags string // command line that asks for them
}

// maxVariants bounds the updates of one command.
const maxVariants = 2000

// NewVariants reads lists of sizes, drivers, numbers of slots and links from the command line. An empty list of sizes
// means the scenario's own and some that fit, an empty list of drivers means those of the scenario and those that it
// compares, any other empty list means the scenario's own. An error is one line that names the flag.
func NewVariants(s *bench.Scenario, sizes, drivers, slots, links []string, delta bool) (*Variants, error) {
	v := &Variants{drivers: drivers, delta: delta}
	for _, f := range []struct {
		name   string
		values []string
	}{{"--size", sizes}, {"--driver", drivers}, {"--slots", slots}, {"--link", links}} {
		if len(f.values) > 0 {
			v.flags += " " + f.name + " " + strings.Join(f.values, ",")
		}
		for i, x := range f.values {
			if slices.Contains(f.values[:i], x) {
				return nil, fmt.Errorf("%s: %s stands there twice: leave one of them out", f.name, x)
			}
		}
	}
	if delta {
		v.flags += " --delta"
	}
	for _, text := range sizes {
		n, err := bench.ParseSize(text)
		if err != nil {
			return nil, fmt.Errorf("--size: %w", err)
		}
		if n > bench.MaxFirmware {
			return nil, fmt.Errorf("--size: %s: give up to 256M", text)
		}
		v.sizes = append(v.sizes, n)
	}
	for _, text := range slots {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil || n == 0 || n > 64 {
			return nil, fmt.Errorf("--slots: %q is no number of slots: give 1 to 64", text)
		}
		v.slots = append(v.slots, uint32(n))
	}
	for _, text := range links {
		l, err := s.Update.Link.Named(text)
		if err != nil {
			return nil, fmt.Errorf("--link: %w", err)
		}
		v.links = append(v.links, l)
	}
	if len(v.drivers) == 0 {
		v.drivers = append([]string{s.Board.Driver}, s.Board.Compare...)
	}
	if len(v.slots) == 0 {
		v.slots = []uint32{s.Update.Slots}
	}
	if len(v.links) == 0 {
		v.links = []bench.NamedLink{{Link: s.Update.Link}}
	}
	files := s.Update.Firmware != "" || s.Update.Running != ""
	switch {
	case files && len(sizes) > 0:
		return nil, errors.New("--size: the firmware comes from files, which have their sizes: leave one of them out")
	case files && delta && (s.Update.Firmware == "" || s.Update.Running == ""):
		return nil, errors.New("--delta: a delta between a file and a generated firmware says nothing: give files for both")
	case files:
		v.sizes = []uint32{0}
	case len(sizes) == 0:
		v.sizes = sizesFor(s, slices.Max(v.slots))
	}
	slices.Sort(v.sizes)
	v.sizes = slices.Compact(v.sizes)
	if v.count() > maxVariants {
		return nil, fmt.Errorf("%d updates: give fewer sizes, drivers, slots or links, for at most %d", v.count(), maxVariants)
	}
	return v, nil
}

// count returns the number of updates.
func (v *Variants) count() int {
	n := len(v.sizes) * len(v.drivers) * len(v.slots) * len(v.links) * max(len(v.strategies), 1)
	if v.delta {
		n *= 2
	}
	return n
}

// sizesFor returns the scenario's size of firmware, and sizes from 64 KiB on, doubled as long as they fit a candidate
// storage of n slots.
func sizesFor(s *bench.Scenario, n uint32) []uint32 {
	sizes := []uint32{s.Update.Bytes}
	small := *s
	small.Update.Bytes, small.Update.Slots = 1, n
	d, err := small.Device(s.Board.Driver, model.Corner(s.Board.Corner))
	if err != nil {
		return sizes // the run reports the error
	}
	for size := uint32(64 << 10); size <= room(d); size *= 2 {
		sizes = append(sizes, size)
	}
	return sizes
}

// room returns the size in bytes of the largest firmware that every slot holds and the bootloader installs.
func room(d *bench.Device) uint32 {
	return slices.Min(append(d.SlotRooms(), d.Layout.Config.MaxAppSize))
}

// variant is one of Variants.
type variant struct {
	size   uint32
	driver string
	slots  uint32
	link   *bench.NamedLink
	delta  bool

	strategy bench.Strategy
}

// all returns the variants in the order of the report: variants that differ in size alone are neighbours.
func (v *Variants) all() (list []variant) {
	deltas := []bool{false}
	if v.delta {
		deltas = append(deltas, true)
	}
	for i := range v.links {
		for _, slots := range v.slots {
			for _, driver := range v.drivers {
				for _, strategy := range v.chosen() {
					for _, delta := range deltas {
						for _, size := range v.sizes {
							list = append(list, variant{size, driver, slots, &v.links[i], delta, strategy})
						}
					}
				}
			}
		}
	}
	return list
}

// name returns what distinguishes the variant from the others, without its size.
func (v *Variants) name(x *variant) string {
	name := "driver " + x.driver
	if len(v.slots) > 1 {
		name += fmt.Sprintf(", slots %d", x.slots)
	}
	if len(v.links) > 1 {
		name += ", link " + x.link.Name
	}
	if len(v.strategies) > 1 {
		name += ", " + string(x.strategy)
	}
	if x.delta {
		name += ", delta"
	}
	return name
}

// RunUpdates runs an update of s in every variant, each on a device of its own. Variants that do not fit are left out
// and named in the report; if none fits, the error is a *bench.ScenarioError. When ctx ends, RunUpdates returns the
// report on what was done until then together with ctx's error; with any other error the report is nil. out is the
// folder in which the report will be. progress may be nil.
func RunUpdates(ctx context.Context, s *bench.Scenario, v *Variants, out string, progress bench.Progress) (*results.Report, error) {
	stored, _ := s.Stored()
	j := &job{s: s, out: out, report: &results.Report{
		Title:    "Update time on " + s.Board.Name,
		Command:  fmt.Sprintf("dualbank update %s%s --out %s", filepath.Join(out, "scenario.toml"), v.flags, out),
		Scenario: stored.TOML(),
	}}
	all, runs := v.all(), map[variant]*bench.UpdateRun{}
	var unfit []string // sizes that were left out
	var reason error
	left := 0
	for i, x := range all {
		if progress != nil {
			progress("updates", uint64(i), uint64(len(all)))
		}
		d, run, err := x.run(ctx, s)
		switch {
		case ctx.Err() != nil:
			if len(runs) == 0 {
				return nil, ctx.Err()
			}
			j.compare(v, all, runs)
			j.report.Facts = append(j.report.Facts, results.Fact{Name: "Not run", Value: fmt.Sprint(len(all) - i), Note: "the command was ended before"})
			return j.report, ctx.Err()
		case errors.Is(err, boot.ErrFirmwareTooLarge):
			what := unit.Size(float64(x.size))
			if len(v.slots) > 1 {
				what += fmt.Sprintf(" in one of %d slots", x.slots)
			}
			if !slices.Contains(unfit, what) {
				unfit = append(unfit, what)
			}
			left, reason = left+1, err
			continue
		case err != nil:
			return nil, err
		}
		if j.device == nil {
			j.describe(d)
		}
		run.Name = v.name(&x)
		key := append(d.Axes(s.Layout.Name), "corner", d.Corner, "bytes", run.Bytes)
		if strings.Contains(v.flags, "--slots") {
			key = append(key, "slots", x.slots)
		}
		if x.link.Name != "" {
			key = append(key, "link", x.link.Name)
		}
		if x.delta {
			key = append(key, "delta", "yes")
		}
		runs[x] = run
		j.of(x.strategy, d, run)
		j.report.Updates = append(j.report.Updates, run.Record(d.Flash))
		j.bench(bench.BenchName("Update", key...), 1, run.Metrics(d.Flash))
	}
	if len(runs) == 0 {
		return nil, &bench.ScenarioError{Err: reason}
	}
	j.compare(v, all, runs)
	if err := j.strategies(ctx); err != nil {
		return nil, err
	}
	if left > 0 {
		j.report.Facts = append(j.report.Facts, results.Fact{
			Name: "Left out", Value: fmt.Sprint(left), Note: "too large for the slot or the application's region: " + strings.Join(unfit, ", "),
		})
	}
	return j.report, nil
}

// run runs the variant on a device of its own.
func (x *variant) run(ctx context.Context, s *bench.Scenario) (*bench.Device, *bench.UpdateRun, error) {
	one := *s
	if x.size > 0 {
		one.Update.Bytes = x.size
	}
	one.Update.Slots, one.Update.Link, one.Update.Delta, one.Update.Strategy = x.slots, x.link.Link, x.delta, x.strategy
	d, err := one.Device(x.driver, model.Corner(s.Board.Corner))
	if err != nil {
		return nil, nil, err
	}
	if err := bench.NewLoad(&one.Workload, one.Seed).Provision(d.KV); err != nil {
		return nil, nil, &bench.ScenarioError{Err: fmt.Errorf("workload, driver %s: %w: give fewer or smaller keys, or a larger store", x.driver, err)}
	}
	run, err := d.RunUpdate(ctx, &one.Update, one.Seed, nil)
	if err != nil {
		return nil, nil, updateError("driver "+x.driver, err)
	}
	return d, run, nil
}

// compare writes the facts: one update, and how each other driver, number of slots and link, and a delta, changes it.
func (j *job) compare(v *Variants, all []variant, runs map[variant]*bench.UpdateRun) {
	r, f := j.report, j.device.Flash
	add := func(name, value, note string) {
		r.Facts = append(r.Facts, results.Fact{Name: name, Value: value, Note: note})
	}
	// Prefer a size that all variants have, the scenario's own or the nearest below it.
	var own variant
	var base *bench.UpdateRun
	for _, everywhere := range []bool{true, false} {
		for _, x := range all {
			u := runs[x]
			if u == nil || base != nil && (x.size <= own.size || x.size > j.s.Update.Bytes) {
				continue
			}
			if everywhere && slices.ContainsFunc(all, func(o variant) bool { return o.size == x.size && runs[o] == nil }) {
				continue
			}
			own, base = x, u
		}
		if base != nil {
			break
		}
	}
	took := func(u *bench.UpdateRun) string { return unit.Duration(f.Seconds(u.Cycles())) }
	size := unit.Size(float64(base.Bytes))
	add("Update, "+size, took(base), base.Name+": "+updateFact(f, base, base))
	r.Timeline = base.Timeline(f, fmt.Sprintf("Update of %s, %s", size, base.Name))
	for _, x := range all {
		u := runs[x]
		if u == nil || x.size != own.size {
			continue
		}
		differ := []string{}
		for _, c := range []struct {
			other bool
			name  string
		}{
			{x.driver != own.driver, "Driver " + x.driver},
			{x.slots != own.slots, fmt.Sprintf("Slots: %d", x.slots)},
			{x.link != own.link, "Link " + x.link.Name},
			{x.delta != own.delta, "By delta"},
			{x.strategy != own.strategy, "Strategy " + string(x.strategy)},
		} {
			if c.other {
				differ = append(differ, c.name)
			}
		}
		if len(differ) == 1 {
			add(differ[0], took(u), updateFact(f, u, base))
		}
	}
	for _, l := range v.links {
		if l.Name != "" {
			r.Sources = append(r.Sources, l.Source())
		}
	}
}

package job

import (
	"fmt"
	"math"
	"strings"

	"dualbank/bench"
	"dualbank/model"
	"dualbank/results"
	"dualbank/results/unit"
)

// facts writes the summary at the top of the report.
func (j *job) facts() {
	f, r := j.device.Flash, j.report
	add := func(name, value, format string, args ...any) {
		r.Facts = append(r.Facts, results.Fact{Name: name, Value: value, Note: fmt.Sprintf(format, args...)})
	}
	// ask makes the latest fact the answer to a question.
	ask := func(question string) { r.Facts[len(r.Facts)-1].Question = question }
	j.cutFacts(add, ask)
	if s := j.sets; s != nil {
		all := s.All()
		rate := fmt.Sprintf("%d sets an hour of %d keys", j.s.Workload.SetsPerHour, len(j.s.Workload.Keys))
		if hours, ok := s.Life.Hours(f.Hz()); ok {
			rough := ""
			if s.Life.Rounds == 0 {
				rough = "; a rough figure, from less than one round of the store's areas: simulate more hours"
			}
			add(results.LifeFact, unit.Duration(hours*3600), "until %s has been erased %s times, as often as it is rated for; %s, simulated for %s%s",
				bench.PlaceOf(s.Life.Sector.Addr, s.Life.External), unit.Count(uint64(s.Life.Rated)), rate, unit.Duration(f.Seconds(s.Cycles)), rough)
		} else {
			add(results.LifeFact, "unknown", "no sector of the store was erased in %s, or the part has no rating", unit.Duration(f.Seconds(s.Cycles)))
		}
		ask("How long does the flash last?")
		if len(s.GC) > 0 {
			add("Slowest set", unit.Duration(f.Seconds(bench.Quantile(1000, all))), "with garbage collection, which 1 of %s sets needs and which takes %s at least",
				unit.Count(s.Count()/uint64(len(s.GC))), unit.Duration(f.Seconds(s.GC[0])))
		} else {
			add("Slowest set", unit.Duration(f.Seconds(bench.Quantile(1000, all))), "no set collected garbage")
		}
		ask("How long does the slowest write take?")
		if x := j.extreme; x != nil {
			worst := max(bench.Quantile(1000, x.Plain), bench.Quantile(1000, x.GC))
			add("Slowest set, "+otherCorner(j.device.Corner).String(), unit.Duration(f.Seconds(worst)), "the same workload with the data sheet's %s times", bench.LongCorner(otherCorner(j.device.Corner)))
		}
		add("Set, median", unit.Duration(f.Seconds(bench.Quantile(500, all))), "99 %% take at most %s", unit.Duration(f.Seconds(bench.Quantile(990, all))))
		if s.Opening > 0 {
			add("Opening the store", unit.Duration(f.Seconds(s.Opening)), "as the workload leaves it, %s of values; %s from a reset to the application with its store open",
				unit.Size(float64(s.LiveBytes)), unit.Duration(f.Seconds(s.Ready)))
		}
		_, external := j.device.External()
		table, peak := bench.TableRAM(uint32(len(j.s.Workload.Keys)), external)
		add("RAM for the keys", unit.Size(float64(table)), "a table of %d keys; %s for a moment while it grows", len(j.s.Workload.Keys), unit.Size(float64(peak)))
		if r := s.Resets; r.Count > 0 {
			add("Watchdog resets", unit.Count(r.Count), "in the middle of a set or remove: the store shows %s of them as done; %s keys were lost or wrong; the bootloader gave up %s times, until the power went off and on",
				unit.Count(r.Done), unit.Count(r.Damaged), unit.Count(r.Halts))
		}
		if s.Counters.Masked > 0 {
			add("Interrupts masked", unit.Duration(f.Seconds(s.Counters.LongestMasked)), "at a stretch, when a set erases a sector; %s in each hour",
				unit.Duration(f.Seconds(s.Counters.Masked)/f.Seconds(s.Cycles)*3600))
		} else {
			add("Interrupts masked", "never", "by the store's sets")
		}
		switch {
		case f.StallRange(int(bench.BankOf(f.Part(), j.device.KVStore.Start))):
			add("Application stalled", "never to "+unit.Duration(f.Seconds(longestErase(j.device))), "for an erase: code beside the busy bank can be read, but the core fetches ahead into it, which by field reports stalls %.0f %% of the erases; in this run %s in each hour, %s at a stretch",
				100*f.StalledShare(), unit.Duration(f.Seconds(s.Counters.Stall)/f.Seconds(s.Cycles)*3600), unit.Duration(f.Seconds(s.Counters.LongestStall)))
		case s.Counters.Stall > 0:
			add("Application stalled", unit.Duration(f.Seconds(s.Counters.Stall)/f.Seconds(s.Cycles)*3600), "in each hour, waiting for code from the bank that is written; %s at a stretch",
				unit.Duration(f.Seconds(s.Counters.LongestStall)))
		default:
			add("Application stalled", "never", "by the store's sets: its code can be read while they write")
		}
	}
	j.energyFacts(add)
	j.applicationFacts(add, ask)
	for i, u := range j.updates {
		whole := u
		for _, o := range j.updates[:i] {
			if u.Delta > 0 && o.Name+", delta" == u.Name {
				whole = o
			}
		}
		name := "Update, " + u.Name
		switch {
		case i == 0:
			name = "Update, " + unit.Size(float64(u.Bytes))
		case whole == j.updates[0]:
			name = "Update by delta"
		}
		add(name, unit.Duration(f.Seconds(u.Cycles())), "%s", updateFact(f, u, whole))
		if i == 0 {
			ask("How long does an update take?")
		}
	}
	if warnings := j.device.Warnings; len(warnings) > 0 {
		add("Layout warnings", fmt.Sprint(len(warnings)), "`dualbank layout` lists them; the first: %s", warnings[0].Text)
	}
}

// longestErase is what the erase of the store's largest sector takes.
func longestErase(d *bench.Device) (cycles uint64) {
	for _, s := range d.Flash.Part().Sectors() {
		if s.Addr-d.KVStore.Start < d.KVStore.Size {
			cycles = max(cycles, d.Flash.EraseCycles(s.Addr))
		}
	}
	return cycles
}

// energyFacts say what storage draws. A part without figures has no such fact.
func (j *job) energyFacts(add func(name, value, format string, args ...any)) {
	d, s := j.device, j.sets
	if s == nil || s.Count() == 0 {
		return
	}
	e, ok := d.SetsEnergy(s)
	if !ok {
		return
	}
	n, day := float64(s.Count()), 86400/d.Flash.Seconds(s.Cycles)
	note := "by the flash"
	if one, ok := d.SetEnergy(s, false); ok {
		note += fmt.Sprintf(", %s without garbage collection", unit.Energy(one.Flash))
	}
	if one, ok := d.SetEnergy(s, true); ok {
		note += fmt.Sprintf(", %s with it", unit.Energy(one.Flash))
	}
	note += fmt.Sprintf("; %s a day", unit.Energy(e.Flash*day))
	update := bench.Energy{}
	if len(j.updates) > 0 {
		if update, ok = d.UpdateEnergy(j.updates[0]); ok {
			note += fmt.Sprintf(", %s an update", unit.Energy(update.Flash))
		}
	}
	if e.CoreOK {
		note += fmt.Sprintf("; the core that waits for it draws %s more a set, %s a day", unit.Energy(e.Core/n), unit.Energy(e.Core*day))
		if update.CoreOK {
			note += fmt.Sprintf(", %s an update", unit.Energy(update.Core))
		}
	}
	add("Energy of a set", unit.Energy(e.Flash/n), "%s", note)
	if b := j.s.Board.Battery; b > 0 {
		year := float64(e.All()*day*365.25) + float64(update.All()*j.s.Plan.Updates)
		add("Share of the battery", unit.Percent(year/b), "of its %s in a year, by flash and waiting core; %g updates a year", unit.Energy(b), j.s.Plan.Updates)
	}
}

// applicationFacts adds whether reading and writing storage halts execution, and for how long.
func (j *job) applicationFacts(add func(name, value, format string, args ...any), ask func(string)) {
	all := j.report.Application
	if len(all) == 0 {
		return
	}
	hourly := func(a *results.Application, seconds float64) string { return unit.Duration(seconds / a.Hours) }
	answer := "no"
	switch {
	case all[0].Stall > 0:
		answer = "yes"
	case all[0].Masked > 0:
		answer = "only interrupts"
	}
	var felt []string
	for i := range all {
		a, does := &all[i], "does neither"
		switch {
		case a.Hours == 0:
		case a.Stall > 0 && a.Masked > 0:
			does = fmt.Sprintf("stalls code for %s and masks interrupts for %s", hourly(a, a.Stall), hourly(a, a.Masked))
		case a.Stall > 0:
			does = "stalls code for " + hourly(a, a.Stall)
		case a.Masked > 0:
			does = "masks interrupts for " + hourly(a, a.Masked)
		}
		felt = append(felt, a.Name+" "+does)
	}
	add("Does storage halt execution?", answer, "whether code stalls and interrupts are masked, in each hour: %s", strings.Join(felt, "; "))
	ask("Does storage halt the application?")
	for k, q := range all[0].Interrupts {
		rhythm := "every " + unit.Duration(q.Period)
		if q.Deadline > 0 {
			rhythm += ", deadline " + unit.Duration(q.Deadline)
		}
		var waits []string
		for i := range all {
			o := &all[i].Interrupts[k]
			w := fmt.Sprintf("%s %s", all[i].Name, unit.Duration(o.Worst))
			if o.Late > 0 {
				w += fmt.Sprintf(", %s an hour missed", unit.Plural(uint64(math.Round(float64(o.Late)/all[i].Hours)), "deadline"))
			}
			waits = append(waits, w)
		}
		add("Interrupt "+q.Name, unit.Duration(q.Worst), "the longest that it waits for its handler (%s): %s", rhythm, strings.Join(waits, "; "))
	}
}

// cutFacts adds findings, and which cuts were explored.
func (j *job) cutFacts(add func(name, value, format string, args ...any), ask func(string)) {
	c := &j.s.Cuts
	asked := c.Collections > 0 || c.Update > 0 || c.EveryByte
	switch {
	case !asked:
		add("Findings", "not looked for", "the scenario asks for no power cuts")
		return
	case j.sweeps == 0:
		add("Findings", "not looked for", "the run was ended before the power cuts")
		return
	}
	for i := range j.report.Cuts {
		m := &j.report.Cuts[i]
		judged, _ := m.Shares()
		all, by, of := m.TimeShares()
		if all == 0 {
			continue
		}
		share := unit.Percent(float64(by[1]) / float64(all))
		when := of + " in which"
		if by[1] == 0 {
			share, when = "never", "there is no moment in which"
		}
		count := unit.Count(judged) + " cuts judged"
		if !j.swept {
			count += "; the run was ended before all were"
		}
		if m.Subject == "install" {
			add("Bricked at a byte of an install", share, "%s a power cut of an install leaves a device that never runs an application again; %s, at every step", when, count)
		} else if m.Subject == "update" {
			add("Bricked by a power cut", share, "%s a power cut of an update leaves a device that never runs an application again; %s", when, count)
			ask("Does a power cut of an update brick the device?")
		} else {
			add("Store that never opens", share, "%s a power cut of a write leaves such a store; after cuts in %s of it a later write fails; %s", when, unit.Percent(float64(by[7])/float64(all)), count)
			ask("Does a power cut in a write lose the store?")
		}
	}
	grave := map[string]int{}
	for _, f := range j.findings {
		grave[f.Severity]++
	}
	var by []string
	for _, s := range []string{"high", "medium", "low"} {
		if grave[s] > 0 {
			by = append(by, fmt.Sprintf("%d of %s severity", grave[s], s))
		}
	}
	note := "no rule was broken"
	if by != nil {
		note = strings.Join(by, ", ")
	}
	if !j.swept {
		note += "; the run was ended before all cuts were judged"
	}
	add("Findings", fmt.Sprint(len(j.findings)), "%s", note)
	var names []string
	for _, m := range j.report.Cuts {
		names = append(names, fmt.Sprintf("%s of %s (%s)", unit.Count(m.Explored), m.Name, m.Sampling))
	}
	j.likelihoods(add)
	add("Power cuts judged", unit.Count(j.sweeps), "%s", strings.Join(names, "; "))
}

// updateFact returns where the time of an update goes, and how it differs from than, unless that is the same update.
func updateFact(f *model.Flash, u, than *bench.UpdateRun) string {
	took := func(cycles uint64) string { return unit.Duration(f.Seconds(cycles)) }
	note := fmt.Sprintf("%s of it download, %s writing; the application does not run for %s while the bootloader installs",
		took(u.Phases[bench.PhaseDownload].Cycles), took(u.Phases[bench.PhaseWrite].Cycles), took(u.Down()))
	if u.Restarts > 0 {
		note += fmt.Sprintf("; %d power cuts in the download", u.Restarts)
		if u.OnExternal {
			note += ", which begins anew after each"
		}
	}
	if u.OnExternal {
		note += fmt.Sprintf("; the candidate is on external flash, which erases %s and takes %s", unit.Plural(u.External.Erases, "time"), took(u.External.Waiting))
	}
	differs := ""
	switch {
	case u == than:
		return note
	case u.Cycles() > than.Cycles():
		differs = took(u.Cycles()-than.Cycles()) + " more"
	default:
		differs = took(than.Cycles()-u.Cycles()) + " less"
	}
	if u.Delta > 0 {
		differs += fmt.Sprintf(" than the whole image: %s come over the link, %s of it", unit.Size(float64(u.Delta)), unit.Percent(float64(u.Delta)/float64(u.Bytes)))
	}
	return differs + "; " + note
}

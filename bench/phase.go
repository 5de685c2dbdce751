package bench

import (
	"dualbank/boot"
	"dualbank/model"
	"dualbank/results"
)

// Phase is a stretch of an update. The constants are in the order in which they come.
type Phase int

// The phases of an update.
const (
	PhasePrepare         Phase = iota // the slot is chosen and erased; after an interruption, what is written is looked for
	PhaseDownload                     // blocks come over the link
	PhaseWrite                        // fragments are programmed; those of a delta are unpacked first
	PhaseRestart                      // the device starts again after an interruption
	PhaseVerify                       // the stored image is read back and hashed, then activated
	PhaseReboot                       // from the reset to the bootloader's first read
	PhaseVerifyActive                 // the bootloader hashes the running image
	PhaseVerifyCandidate              // the bootloader hashes the candidate
	PhaseSwap                         // the bootloader writes the option bytes, and the device is reset
	PhaseErase                        // the bootloader erases the running image
	PhaseCopy                         // the bootloader copies the candidate, header first
	PhaseVerifyInstalled              // the bootloader hashes what it wrote
	PhaseFirstBoot                    // the new application starts and opens its store
	phases                            // their number
)

// phaseInfo is how each phase is reported.
var phaseInfo = [phases]struct {
	name   string
	metric string // unit of its metric, without "-sec"
	down   bool   // the application does not run
	pane   string // stretch of the time line that it belongs to
}{
	PhasePrepare:         {"prepare", "prepare", false, "prepare"},
	PhaseDownload:        {"download", "download", false, "download"},
	PhaseWrite:           {"write", "write", false, "download"},
	PhaseRestart:         {"restart", "restart", true, "download"},
	PhaseVerify:          {"verify", "verify", false, "verify"},
	PhaseReboot:          {"reboot", "reboot", true, "check"},
	PhaseVerifyActive:    {"verify active", "verify-active", true, "check"},
	PhaseVerifyCandidate: {"verify candidate", "verify-candidate", true, "check"},
	PhaseSwap:            {"swap", "swap", true, "check"},
	PhaseErase:           {"erase", "erase", true, "erase"},
	PhaseCopy:            {"copy", "copy", true, "copy"},
	PhaseVerifyInstalled: {"verify installed", "verify-installed", true, "start"},
	PhaseFirstBoot:       {"first boot", "boot", false, "start"},
}

// phaseOf maps the phases that update client and bootloader report.
var phaseOf = map[boot.Phase]Phase{
	boot.PrepareSlot:     PhasePrepare,
	boot.Download:        PhaseDownload,
	boot.WriteSlot:       PhaseWrite,
	boot.VerifySlot:      PhaseVerify,
	boot.ActivateSlot:    PhaseVerify,
	boot.VerifyActive:    PhaseVerifyActive,
	boot.VerifyCandidate: PhaseVerifyCandidate,
	boot.SwapBanks:       PhaseSwap,
	boot.EraseActive:     PhaseErase,
	boot.WriteHeader:     PhaseCopy,
	boot.CopyFirmware:    PhaseCopy,
	boot.VerifyInstalled: PhaseVerifyInstalled,
}

// PhaseTime is the sum of one phase's stretches in core cycles.
type PhaseTime struct {
	Cycles uint64
	Stall  uint64 // of Cycles: the application's code could not be fetched
	Masked uint64 // of Cycles: interrupts were masked
}

// pane is a named stretch of the time line, in cycles.
type pane struct {
	name       string
	start, end uint64
}

// clock splits the time of a run among its phases.
type clock struct {
	f      *model.Flash
	run    *UpdateRun
	phase  Phase // present one; phases: none
	start  uint64
	before model.Counters
}

func newClock(f *model.Flash, run *UpdateRun) *clock {
	return &clock{f: f, run: run, phase: phases, start: f.Now(), before: f.Counters()}
}

// enter ends the present phase and begins p; phases begins none.
func (c *clock) enter(p Phase) {
	if p == c.phase && p != phases {
		return
	}
	now, counters := c.f.Now(), c.f.Counters()
	if c.phase < phases {
		t := &c.run.Phases[c.phase]
		t.Cycles += now - c.start
		t.Stall += counters.Stall - c.before.Stall
		t.Masked += counters.Masked - c.before.Masked
		c.run.show(phaseInfo[c.phase].pane, c.start, now)
	}
	c.phase, c.start, c.before = p, now, counters
}

// part enters the phase that p belongs to, if it belongs to one.
func (c *clock) part(p boot.Phase) {
	if at, ok := phaseOf[p]; ok {
		c.enter(at)
	}
}

// show adds a stretch to the time line. A preparation that an interruption repeats stays in the download's pane.
func (u *UpdateRun) show(name string, start, end uint64) {
	if n := len(u.panes); n > 0 {
		last := &u.panes[n-1]
		if last.name == name || last.name == "download" && name == "prepare" {
			last.end = end
			return
		}
	}
	u.panes = append(u.panes, pane{name, start, end})
}

// Down returns the cycles from the reset until the new application starts. Nothing else runs while the
// bootloader installs it.
func (u *UpdateRun) Down() (cycles uint64) {
	for p := PhaseReboot; p < PhaseFirstBoot; p++ {
		cycles += u.Phases[p].Cycles
	}
	return cycles
}

// Metrics returns the update's figures; f is the flash that it ran on. The operation is the whole update.
func (u *UpdateRun) Metrics(f *model.Flash) []results.Metric {
	m := []results.Metric{Less("sim-sec/op", f.Seconds(u.Cycles()))}
	for p, info := range phaseInfo {
		if Phase(p) == PhaseRestart && u.Restarts == 0 || Phase(p) == PhaseSwap && u.Phases[p].Cycles == 0 {
			continue
		}
		if Phase(p) == PhaseFirstBoot {
			m = append(m, Less("install-sec", f.Seconds(u.Down())))
		}
		m = append(m, Less(info.metric+"-sec", f.Seconds(u.Phases[p].Cycles)))
	}
	m = append(m,
		Less("next-boot-sec", f.Seconds(u.NextBoot)),
		Less("stall-sec/op", f.Seconds(u.Counters.Stall)),
		Less("masked-sec/op", f.Seconds(u.Counters.Masked)),
		Less("erases/op", float64(u.Counters.Erases+u.External.Erases)),
		Less("write-amp", float64(u.Counters.ProgramBytes+u.External.ProgramBytes)/float64(u.Bytes)),
		Less("link-B/op", float64(u.Link.Bytes)),
	)
	if u.OnExternal {
		m = append(m, Less("external-erases/op", float64(u.External.Erases)), Less("external-sec/op", f.Seconds(u.External.Waiting)))
	}
	e, ok := f.Energy(&u.Counters)
	return append(m, energyMetrics(e, ok && u.External.Busy == 0, 1)...)
}

// Record returns the update as a report has it.
func (u *UpdateRun) Record(f *model.Flash) results.UpdateTime {
	r := results.UpdateTime{Name: u.Name, Size: u.Bytes}
	for p, t := range u.Phases {
		if t.Cycles > 0 {
			r.Phases = append(r.Phases, results.Phase{
				Name: phaseInfo[p].name, Seconds: f.Seconds(t.Cycles), Stall: f.Seconds(t.Stall), Masked: f.Seconds(t.Masked), Down: phaseInfo[p].down,
			})
		}
	}
	return r
}

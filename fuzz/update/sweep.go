package update

import (
	"dualbank/boot"
	"dualbank/fuzz/explore"
)

// Sweep is an update from one image to the next. Cut cuts the power at every step of it.
type Sweep struct {
	Device   explore.Device
	Boot     boot.Config
	Client   boot.Generation
	Software Software // of your own; what is nil there is that of package boot
	Old      uint32   // bytes of the firmware that runs before, version 1
	New      uint32   // bytes of the update, version 2
	Seed     uint64
	Bad      BadCandidate
	Modes    []string // names of modes; nil: explore.DefaultModes
	Deep     int      // so many of the first cuts are followed by a cut at every step of the boot after it
	MaxCuts  uint64   // 0: every step; else steps are drawn so that about this many cuts result
	Most     uint64   // no more cuts than these; 0: any number
	Workers  int      // 0: one for each processor
	Journal  string   // file that keeps what is explored; a sweep that was stopped resumes from it. "": none
	plain    bool     // judge everything anew, for comparison
}

// identity is what the outcome depends on, for a journal.
func (c *Sweep) identity() any {
	return []any{"update", c.Device, c.Boot, c.client(), c.Software.Loader != nil, c.Old, c.New, c.Seed, c.Bad, c.Modes, c.MaxCuts, c.Most, c.Deep}
}

// firstImage is the number of bytes of the image that a device of a life or of an input is made with.
const firstImage = 900

// own is what a case calls software that is not of this module.
const own = "own"

// client is the generation of the client.
func (c *Sweep) client() string {
	if c.Software.Client != nil {
		return own
	}
	return c.Client.String()
}

// script is the update: the download of the candidate, and the reset that installs it.
func (c *Sweep) script() []Step {
	return installing(Step{Do: Download, Version: 2, Size: c.New, Seed: c.Seed, Bad: c.Bad})
}

package update

import (
	"fmt"
	"io"
	"slices"

	"dualbank/boot"
	"dualbank/fuzz/explore"
)

// Case is a run of an update client and a bootloader that can be run again from an erased device, and how it
// is judged.
type Case struct {
	On       explore.Device    `json:"device"`
	Boot     boot.Config       `json:"boot"`
	Client   string            `json:"client"`                  // generation, "old" or "new"; "own": the client is not of this module
	Loader   string            `json:"loader,omitempty"`        // "own": the bootloader is not of this module
	Build    string            `json:"build,omitempty"`         // with "own": of which build it is
	Seed     uint64            `json:"seed"`                    // of the first image, and of what the flash holds beside
	First    uint32            `json:"first"`                   // bytes of the image that the device is made with, version 1
	Judge    string            `json:"judge"`                   // one of the constants below
	After    boot.Repairs      `json:"repairs_after,omitempty"` // repairs that the software has from the boot after the fault on, of JudgeCut
	Watchdog *explore.Watchdog `json:"watchdog,omitempty"`
	Steps    []Step            `json:"script"` // a line a step, see Step
}

// How a case is judged.
const (
	JudgeCut      = "cut"      // after the fault of the last step, in a download or in the reset that installs it
	JudgeLife     = "life"     // after every step, which have no faults
	JudgeWalk     = "walk"     // after every boot, and at the end
	JudgeWatchdog = "watchdog" // the install comes to its end before the watchdog resets the device
)

// replay runs a case again on the device and the software of a sweep.
type replay func(c *Case, w io.Writer, sweep *Sweep, env explore.Env) (*explore.Replayed, error)

// replays are the ways to run a case again, by Case.Judge. The files of the judges add theirs.
var replays = map[string]replay{}

func init() { explore.Register("update", func() explore.Case { return new(Case) }) }

// OfOwn reports whether client and bootloader are not of this module.
func (c *Case) OfOwn() bool { return c.Client == own && c.Loader == own }

// caseOf is a case on the device and the software of c.
func (c *Sweep) caseOf(judge string, steps []Step) *Case {
	k := &Case{On: c.Device, Boot: c.Boot, Client: c.client(), Build: c.Build, Seed: c.Seed, First: c.Old, Judge: judge, Steps: steps}
	if c.Software.Loader != nil {
		k.Loader = own
	}
	return k
}

// Device says in words on what the case runs.
func (c *Case) Device() string {
	if c.Watchdog != nil {
		return fmt.Sprintf("%v, driver %s, %s", &c.On, c.Watchdog.Driver, c.Watchdog.Corner)
	}
	return c.On.String()
}

// Variant is the generation of the client, or "own" where a part of the software is not of this module.
func (c *Case) Variant() string {
	if c.Loader != "" {
		return c.Loader
	}
	return c.Client
}

// Len is the number of steps.
func (c *Case) Len() int { return len(c.Steps) }

// clone returns a copy whose steps may be changed.
func (c *Case) clone() *Case {
	o := *c
	o.Steps = slices.Clone(c.Steps)
	return &o
}

// Clean is the case without defects of the past and without repairs.
func (c *Case) Clean() explore.Case {
	clean := *c
	clean.Boot.Defects, clean.Boot.Repairs, clean.After = 0, 0, 0
	return &clean
}

// Replay runs the case from an erased device and tells w what happens. env.Software is a Software with what the
// case says is not of this module.
func (c *Case) Replay(w io.Writer, env explore.Env) (*explore.Replayed, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	sweep, err := c.sweep(env)
	if err != nil {
		return nil, err
	}
	return replays[c.Judge](c, w, sweep, env)
}

// sweep is the device and the software of the case.
func (c *Case) sweep(env explore.Env) (*Sweep, error) {
	sweep := &Sweep{Device: c.On, Boot: c.Boot, Old: c.First, Seed: c.Seed}
	sweep.Client, _ = boot.ParseGeneration(c.Client) // check has looked
	given, _ := env.Software.(Software)
	if made, ok := env.Software.(Maker); ok {
		given = made(c.On)
	}
	sweep.Software.Whole, sweep.Build = given.Whole && c.Client == own && c.Loader == own, c.Build
	if c.Client == own {
		sweep.Software.Client = given.Client
	}
	if c.Loader == own {
		sweep.Software.Loader = given.Loader
	}
	if c.Client == own && given.Client == nil || c.Loader == own && given.Loader == nil {
		return nil, fmt.Errorf("update.client, update.loader: the software is not of this module: replay the finding in a test of your own, with fuzz.Replay")
	}
	return sweep, nil
}

// longestScript bounds the bytes of all images of a script.
const longestScript = 256 << 20

// check finds what would make a case impossible to run.
func (c *Case) check() error {
	if _, ok := boot.ParseGeneration(c.Client); !ok && c.Client != own {
		return fmt.Errorf("update.client: %q is unknown: use old or new", c.Client)
	}
	if c.Loader != "" && c.Loader != own {
		return fmt.Errorf("update.loader: %q is unknown: leave it out for the bootloader of this module", c.Loader)
	}
	if replays[c.Judge] == nil {
		return fmt.Errorf("update.judge: %q is unknown: use cut, life, walk or watchdog", c.Judge)
	}
	if (c.Judge == JudgeWatchdog) != (c.Watchdog != nil) {
		return fmt.Errorf("update.watchdog: goes with judge %q", JudgeWatchdog)
	}
	if c.After != 0 && c.Judge != JudgeCut {
		return fmt.Errorf("update.repairs_after: goes with judge %q", JudgeCut)
	}
	if len(c.Steps) == 0 {
		return fmt.Errorf("update.script: is empty: a case has at least one step")
	}
	all := uint64(0)
	for i := range c.Steps {
		s := &c.Steps[i]
		if all += uint64(s.Size); all > longestScript {
			return fmt.Errorf("update.script[%d]: the images have %d bytes in all until here: use up to %d", i, all, longestScript)
		}
		if s.Do == Download && s.Slot >= c.Boot.Locations {
			return fmt.Errorf("update.script[%d]: there is no slot %d: there are %d, from 0 on", i, s.Slot, c.Boot.Locations)
		}
		switch last := i == len(c.Steps)-1; {
		case s.Fault.Mode != nil && c.Judge != JudgeWalk && (c.Judge != JudgeCut || !last):
			return fmt.Errorf("update.script[%d]: a fault belongs to the last step of judge %q, or to any of judge %q", i, JudgeCut, JudgeWalk)
		case len(s.Then) > 1 && c.Judge == JudgeCut:
			return fmt.Errorf("update.script[%d]: judge %q takes one fault in the boot that follows", i, JudgeCut)
		}
	}
	switch c.Judge {
	case JudgeCut:
		return c.checkCut()
	case JudgeWatchdog:
		return c.checkUpdate(2)
	}
	return nil
}

// checkCut finds what is wrong with the script of JudgeCut.
func (c *Case) checkCut() error {
	last := &c.Steps[len(c.Steps)-1]
	switch {
	case last.Fault.Mode == nil:
		return fmt.Errorf("update.script: the last step needs a fault: add for instance \"; torn in write at step 3\"")
	case last.Do == Download && last.In == "":
		return fmt.Errorf("update.script: say in which phase of the download the fault is: for instance \"torn in write at step 3\"")
	}
	n := 2
	if last.Do == Download {
		n = 1
	}
	return c.checkUpdate(n)
}

// checkUpdate finds what keeps a script from being one update of n steps.
func (c *Case) checkUpdate(n int) error {
	if len(c.Steps) != n || c.Steps[0].Do != Download || c.Steps[0].Left || n == 2 && c.Steps[1].Do != Reset {
		return fmt.Errorf("update.script: judge %q takes a download that is activated, and the reset that installs it", c.Judge)
	}
	if size := c.Steps[0].Size; size > c.Boot.MaxAppSize {
		return fmt.Errorf("update.script[0]: firmware of %d bytes: the application may have %d", size, c.Boot.MaxAppSize)
	}
	return nil
}

// tell says on what the case runs.
func (c *Case) tell(w io.Writer) {
	fmt.Fprintf(w, "device   %v, %s client\nbegins   with version 1, %d bytes\n", &c.On, c.Client, c.First)
}

package fuzz

import (
	"fmt"
	"io"

	"dualbank/boot"
	"dualbank/model"
)

// UpdateCase is one cut of an update that can be run again from nothing.
type UpdateCase struct {
	Device Device       `json:"device"`
	Boot   boot.Config  `json:"boot"`
	Client string       `json:"client"` // generation: "old" or "new"
	Old    uint32       `json:"old"`    // bytes of the firmware that runs before
	New    uint32       `json:"new"`    // bytes of the update
	Seed   uint64       `json:"seed"`
	Bad    BadCandidate `json:"bad,omitempty"`
	Cut    CutCase      `json:"cut"`            // the operations are 0 prepare, 1 write, 2 activate, 3 install
	Then   *CutCase     `json:"then,omitempty"` // a cut in the boot after the first one; its operation counts for nothing
}

// replay runs the case from an erased device, tells w what happens, and returns what is broken.
func (c *UpdateCase) replay(w io.Writer) (*replayed, error) {
	cfg := &UpdateSweep{Device: c.Device, Boot: c.Boot, Old: c.Old, New: c.New, Seed: c.Seed, Bad: c.Bad}
	var ok bool
	if cfg.Client, ok = boot.ParseGeneration(c.Client); !ok {
		return nil, fmt.Errorf("update.client: %q is unknown: use old or new", c.Client)
	}
	mode, ok := model.ModeByName(c.Cut.Mode)
	if !ok {
		return nil, fmt.Errorf("update.cut.mode: %q is unknown: use before, after, torn, prefix, weak or ecc", c.Cut.Mode)
	}
	if c.Cut.Op < 0 || c.Cut.Op >= updateOps {
		return nil, fmt.Errorf("update.cut.op: %d is none of the %d operations", c.Cut.Op, updateOps)
	}
	run, f, err := newUpdateRun(cfg)
	if err != nil {
		return nil, err
	}
	client := boot.NewClient(c.Boot, f, cfg.Client, nil)
	loader := boot.NewBootloader(c.Boot, f, nil)
	for op := range c.Cut.Op {
		if err := run.do(client, loader, op); err != nil {
			return nil, fmt.Errorf("%s fails before the cut: %w", updateOpNames[op], err)
		}
	}
	var last model.Event
	f.Observe(func(e *model.Event) {
		if e.Kind != model.Read {
			last = *e
		}
	})
	f.Arm(model.Cut{Step: c.Cut.Step, Mode: mode, Seed: c.Cut.Seed})
	err = run.do(client, loader, c.Cut.Op)
	if !f.Off() {
		return nil, fmt.Errorf("update.cut: %s has no step %d: the file does not fit this update (%v)", updateOpNames[c.Cut.Op], c.Cut.Step, err)
	}
	fmt.Fprintf(w, "device   %v\nupdate   from version 1, %d bytes, to version 2, %d bytes, %s client\n", &c.Device, c.Old, c.New, c.Client)
	fmt.Fprintf(w, "cut      in %s, after %d of its steps, mode %v; the last thing done was %v at 0x%08X\n", updateOpNames[c.Cut.Op], c.Cut.Step, mode, last.Kind, last.Addr)
	fmt.Fprintf(w, "then     the device boots, without further cuts\n")
	f.Observe(nil)
	f.Boot()
	if c.Then != nil {
		then, ok := model.ModeByName(c.Then.Mode)
		if !ok {
			return nil, fmt.Errorf("update.then.mode: %q is unknown: use before, after, torn, prefix, weak or ecc", c.Then.Mode)
		}
		f.Arm(model.Cut{Step: c.Then.Step, Mode: then, Seed: c.Then.Seed})
		if out := loader.Boot(boot.PowerOn, new(boot.RAM)); !f.Off() {
			return nil, fmt.Errorf("update.then: the boot has no step %d (it ends with %v): the file does not fit this update", c.Then.Step, out.Result)
		}
		fmt.Fprintf(w, "then     the device boots, and the power is cut after %d steps of that, mode %v\n", c.Then.Step, then)
		f.Boot()
	}
	re := &replayed{base: f.Start(), image: make([]byte, f.Size())}
	if c.Then == nil {
		re.where = func(Violation) (p Place, known bool) {
			whole, err := recordUpdate(cfg)
			if err != nil {
				return p, false
			}
			return whole.place(whole.rec.ops[c.Cut.Op] + c.Cut.Step), true
		}
	}
	f.Peek(f.Start(), re.image)
	re.bad, _, err = newUpdateJudge(run, f).judge(f, c.Cut.Op, mode, f.Hash())
	return re, err
}

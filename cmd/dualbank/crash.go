package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"dualbank/fuzz"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/kvstore"
	"dualbank/results/unit"
)

type crashCommand struct {
	Profile        string        `default:"MbedCE" enum:"MbedCE,MbedOS" help:"Whose behaviour the store shows: ${enum} (${default})."`
	Seed           uint64        `default:"1" help:"Seed of the workloads and of what cuts leave (${default})."`
	Out            string        `default:"out/crash" placeholder:"DIR" help:"Folder for findings and journals (${default}). A campaign that was stopped goes on from it."`
	Workers        int           `help:"Sweeps run on this many processors; without it, on all."`
	FailOnFindings bool          `help:"Exit with code 1 if a power cut breaks a rule."`
	Cuts           uint64        `placeholder:"N" help:"The small geometries alone, and about N cuts of each sweep, spread over its steps: seconds instead of minutes."`
	Time           time.Duration `placeholder:"DURATION" help:"End the sweeps after this time, such as 90s or 10m. The same command goes on from there."`

	Exec string `placeholder:"PROGRAM" help:"In place of dualbank's own store: one of yours, a program that was built with dualbank.h."`
	nativeFlags

	Input  []string `sep:"none" placeholder:"FILE" help:"In place of a campaign: make findings of this input of the guided search, a corpus file of the native engine or a crasher of go-fuzz. May be repeated."`
	Target string   `enum:",FuzzKV,FuzzSecure,FuzzUpdate,FuzzLayout" default:"" placeholder:"NAME" help:"Whose input it is: FuzzKV, FuzzSecure, FuzzUpdate or FuzzLayout; without it, what its folder is named."`
}

// Help says what is swept.
func (c *crashCommand) Help() string {
	return "Cuts the power at every step, in modes before, after, torn and prefix, of a KVStore workload on the F429's region and on small geometries with " +
		"program units of 1 and 8 bytes, and again at steps of each recovery; of a SecureStore; and of updates with both clients. Modes weak and ecc where cells " +
		"or the part have them. Without any cut it looks at running stores, lets the device fail or its watchdog reset it, attacks the SecureStore's external flash, and lets devices live " +
		"through updates, bad candidates and resets. Every recovery is judged, every finding is made small and replayed."
}

func (c *crashCommand) Run(ctx context.Context, t terminal) error {
	if len(c.Input) > 0 {
		return c.inputs(t)
	}
	profile, _ := kvstore.ParseProfile(c.Profile) // kong lets no other pass
	if c.Time < 0 {
		return badInput(fmt.Errorf("--time: %v is no time to run: give one such as 90s", c.Time))
	}
	if c.Workers < 0 {
		return badInput(fmt.Errorf("--workers: %d is no number of processors: give 1 or more", c.Workers))
	}
	campaign := fuzz.DefaultCampaign(profile, c.Seed)
	if c.Cuts > 0 {
		campaign.Small(c.Cuts)
	}
	confirm := explore.Env{}
	if c.Exec != "" {
		p, fresh, err := c.both(c.Exec)
		if err != nil {
			return badInput(err)
		}
		defer p.Close()
		defer fresh.Close()
		if campaign, err = c.store(p); err != nil {
			return badInput(err)
		}
		confirm.Software = kv.Software(fresh.Store)
	}
	campaign.Workers, campaign.Dir = c.Workers, filepath.Join(c.Out, "journal")
	if err := folder(c.Out); err != nil {
		return err
	}
	show, cleared := progress(t.err)
	sweeping, end := ctx, context.CancelFunc(func() {})
	if c.Time > 0 {
		sweeping, end = context.WithTimeout(ctx, c.Time)
	}
	r, err := campaign.Sweep(sweeping, show)
	end()
	late := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if err == nil || late {
		if failed := r.Minimize(ctx, campaign.Tries, show); failed != nil {
			err = failed
		}
	}
	cleared()
	stopped := err != nil && ctx.Err() != nil
	if err != nil && !stopped && !late {
		return err
	}
	if c.Exec != "" {
		r.Confirm(confirm, t.out)
	}
	if err := r.WriteFindings(filepath.Join(c.Out, "findings")); err != nil {
		return err
	}
	page, err := os.Create(filepath.Join(c.Out, "findings.md"))
	if err != nil {
		return err
	}
	r.Markdown(page)
	if err := page.Close(); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%d cuts, %d judged, %d equal to one judged before, %d second cuts; %d findings in %s\n",
		r.Stats.Cuts, r.Stats.Judged, r.Stats.Equal, r.Stats.Second, len(r.Findings), filepath.Join(c.Out, "findings"))
	if late {
		fmt.Fprintf(t.out, "the time is over in sweep %d of %d: the same command goes on from %s\n", len(r.Sweeps), r.Planned, c.Out)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(t.out, "%-7s %s rule %d, %s: %s (%v)\n        %s\n", f.Severity, f.Subject, f.Symptom.Rule, times(f.Count), f.Symptom, f.Place,
			filepath.Join(c.Out, "findings", f.ID+".json"))
	}
	switch {
	case stopped:
		return failure{fmt.Errorf("interrupted: the same command goes on from %s", c.Out), exitInterrupt}
	case c.FailOnFindings && len(r.Findings) > 0:
		return failure{errors.New("a power cut breaks a rule: see the findings above"), exitFinding}
	}
	return nil
}

// times returns a count as an adverb.
func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

type minimizeCommand struct {
	Finding string `arg:"" help:"A file in the findings folder of a run. It is made smaller in place."`
	Tries   int    `default:"2000" help:"Replays to spend (${default})."`
	execFlag
}

func (c *minimizeCommand) Run(t terminal) error {
	f, err := fuzz.ReadFinding(c.Finding)
	if err != nil {
		return badInput(err)
	}
	env, end, err := c.env(t, f)
	if err != nil {
		return badInput(err)
	}
	defer end()
	before := f.Case.Len()
	n := f.Minimize(c.Tries, env)
	if err := fuzz.WriteFindingIn(f, c.Finding, env); err != nil {
		return badInput(err)
	}
	fmt.Fprintf(t.out, "%s, %d before, after %s\n", unit.Plural(f.Case.Len(), "step"), before, unit.Plural(n, "replay"))
	return nil
}

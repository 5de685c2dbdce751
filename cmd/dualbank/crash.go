package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"dualbank"
	"dualbank/fuzz"
	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/fleet"
	"dualbank/internal/input"
	"dualbank/internal/outdir"
	"dualbank/kvstore"
	"dualbank/results"
	"dualbank/results/page"
	"dualbank/results/unit"
)

type crashCommand struct {
	Profile        string        `default:"MbedCE" without:"exec,input" enum:"MbedCE,MbedOS,Hardened" help:"Whose behaviour the store shows: ${enum} (${default})."`
	Seed           uint64        `default:"1" range:"0..9223372036854775807" without:"input" placeholder:"N" help:"Seed of the workloads and of what cuts leave (${default})."`
	Out            string        `default:"out/crash" placeholder:"DIR" help:"Folder for findings and journals (${default}). A campaign that was stopped goes on from it."`
	Workers        int           `range:"0..1024" without:"input" placeholder:"N" help:"Sweeps run on this many processors; 0: on all."`
	FailOnFindings bool          `help:"Exit with code 1 if a power cut breaks a rule."`
	Known          string        `placeholder:"FILE" help:"Exit with code 1 if a power cut breaks a rule that is not in this list: a causes.json of another campaign, or names of causes and IDs of findings, one a line."`
	Cuts           uint64        `range:"1..1000000000" without:"input" placeholder:"N" help:"The small geometries alone, and at most N states judged in all sweeps together: 10000 take seconds instead of minutes."`
	Time           time.Duration `range:"1ns..8760h" without:"input" placeholder:"TIME" help:"End the sweeps after this time, such as 90s or 10m. The same command goes on from there."`

	findingFlags
	fleetFlags

	Exec string `without:"input" placeholder:"PROGRAM" help:"In place of dualbank's own software: a store of yours, or a bootloader and its update client, in a program that was built with dualbank.h."`
	nativeFlags
	quiet
	swapFlag

	Input  []string `sep:"none" placeholder:"FILE" help:"In place of a campaign: make findings of this input of the guided search, a corpus file of the native engine or a crasher of go-fuzz. May be repeated."`
	Target string   `needs:"input,nats" without:"exec" enum:",FuzzKV,FuzzSecure,FuzzUpdate,FuzzLayout" default:"" placeholder:"NAME" help:"Whose input it is: FuzzKV, FuzzSecure, FuzzUpdate or FuzzLayout; without it, what its folder is named. With --nats: in place of the default campaign, the guided search of this target, from the inputs that workers with --corpus share."`
}

// Help says what is swept.
func (c *crashCommand) Help() string {
	return "Cuts the power at every step, in modes before, after, torn and prefix, of a KVStore workload on the F429's region and on small geometries with " +
		"program units of 1 and 8 bytes, and again at steps of each recovery; of a SecureStore; and of updates with both clients. Modes weak and ecc where cells " +
		"or the part have them. Without any cut it looks at running stores, lets the device fail or its watchdog reset it, attacks the SecureStore's external flash, and lets devices live " +
		"through updates, bad candidates and resets. Every recovery is judged, every finding is made small and replayed."
}

func (c *crashCommand) Run(t terminal) (failed error) {
	if len(c.Input) > 0 {
		return c.inputs(t)
	}
	profile, _ := kvstore.ParseProfile(c.Profile) // kong lets no other pass
	known, err := readKnown(c.Known)
	if err != nil {
		return badInput(err)
	}
	if err := exportable(c.findingFlags.files()); err != nil {
		return err
	}
	if c.Swap && c.Exec != "" {
		return badInput(errors.New("--swap: swaps the banks in updates, and --exec is software of your own: leave one of them out"))
	}
	if err := c.fleetFlags.check(); err != nil {
		return badInput(err)
	}
	if c.Nats != "" && (c.Swap || c.Cuts > 0 || c.Time > 0) {
		return badInput(errors.New("--nats: goes without --swap, --cuts and --time: a campaign of many machines is a whole one"))
	}
	campaign, kind := c.campaign(profile, c.Seed)
	if c.Cuts > 0 {
		campaign.Small(c.Cuts)
	}
	confirm := explore.Env{}
	definition := &fleet.Definition{Program: dualbank.Digest(), Profile: c.Profile, Seed: c.Seed}
	if c.Nats != "" && c.Target != "" {
		definition.Target, definition.Runs = c.Target, c.Runs
		search, err := definition.Search()
		if err != nil {
			return badInput(err)
		}
		campaign, kind = *search, fmt.Sprintf("crash --target %s --runs %d, profile %s, seed %d", c.Target, c.Runs, profile, c.Seed)
	}
	if c.Exec != "" {
		p, fresh, err := c.both(c.Exec)
		if err != nil {
			return badInput(err)
		}
		defer p.Close()
		defer fresh.Close()
		var left []string
		if campaign, left, confirm, err = c.foreign(p, fresh); err != nil {
			return badInput(err)
		}
		campaign.Most = c.Cuts
		definition.Board = c.Board
		if definition.Exec, err = p.Hash(); err != nil {
			return badInput(err)
		}
		for _, what := range left {
			warn(t.err, "left out: "+what)
		}
	}
	campaign.Workers, campaign.Dir = c.Workers, filepath.Join(c.Out, "journal")
	ctx, stop := t.interruptible()
	defer stop()
	if c.Exec != "" {
		kind = fmt.Sprintf("crash, program %q, seed %d", filepath.Base(c.Exec), c.Seed)
	}
	out, err := folder(c.Out, kind)
	if err != nil {
		return err
	}
	defer closing(out, &failed)
	// The journals are in the folder while the campaign runs.
	if err := out.Begin(); err != nil {
		return badInput(fmt.Errorf("%w: give another folder with --out", err))
	}
	following, ended, err := c.follow(t, kind, &campaign)
	if err != nil {
		return err
	}
	show, cleared := following.show, sync.OnceFunc(ended)
	defer cleared()
	var parked []fleet.Parked
	if c.Nats != "" {
		var detached bool
		parked, detached, err = c.gather(ctx, t, definition, &campaign, following)
		switch {
		case err != nil && ctx.Err() != nil:
			return failure{errors.New("interrupted: the workers go on, and the same command collects what they explore"), exitInterrupt}
		case err != nil:
			return err
		case detached:
			return nil
		}
	}
	sweeping, end := ctx, context.CancelFunc(func() {})
	if c.Time > 0 {
		sweeping, end = context.WithTimeout(ctx, c.Time)
	}
	r, err := campaign.Sweep(sweeping, show)
	end()
	late := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if err == nil || late {
		r.Attribute(ctx, campaign.Causes, campaign.Workers, show)
		if failed := r.Minimize(ctx, campaign.Tries, show); failed != nil {
			err = failed
		}
	}
	cleared()
	stopped := err != nil && ctx.Err() != nil
	if err != nil && !stopped && !late {
		return blamed(err)
	}
	if c.Exec != "" {
		out := t.out
		if c.JSON {
			out = t.err
		}
		for _, line := range r.Confirm(confirm) {
			fmt.Fprintln(out, line)
		}
	}
	for _, p := range parked {
		warn(t.err, fmt.Sprintf("the harness itself failed at chunks %d to %d of %s: %s: nothing is known of them", p.First, p.Last, p.Sweep, p.Why))
	}
	for _, path := range r.Aside {
		warn(t.err, fmt.Sprintf("a journal of another version of the program is set aside as %s: its part of the campaign starts anew", path))
	}
	if err := leaveFindings(out, r.Findings, r.Env); err != nil {
		return err
	}
	var list bytes.Buffer
	if err := r.Markdown(&list); err != nil {
		return err
	}
	if err := out.Write("findings.md", list.Bytes()); err != nil {
		return err
	}
	causes, err := cause.JSON(r.Findings)
	if err != nil {
		return err
	}
	if err := out.Write("causes.json", causes); err != nil {
		return err
	}
	if err := committed(out); err != nil {
		return err
	}
	if err := exportAll(c.findingFlags.files(), c.record(r)); err != nil {
		return err
	}
	fresh := c.unlisted(known, r.Findings)
	if err := c.tell(t.out, r, fresh, !stopped && !late); err != nil {
		return err
	}
	switch {
	case stopped:
		return failure{fmt.Errorf("interrupted: the same command goes on from %s", c.Out), exitInterrupt}
	case len(fresh) > 0:
		return failure{fmt.Errorf("a power cut breaks a rule that %s does not list: see above", c.Known), exitFinding}
	case c.FailOnFindings && c.Known == "" && len(r.Findings) > 0:
		return failure{errors.New("a power cut breaks a rule: see the findings above"), exitFinding}
	case c.FailOnFindings && len(r.Failed) > 0:
		return failure{errors.New("the software fails before the power is cut: see the sweeps that are left out"), exitFinding}
	}
	return nil
}

// tell prints what a campaign comes to. fresh are the findings that --known does not list; complete is false if the
// campaign was stopped, or its time is over.
func (c *crashCommand) tell(w io.Writer, r *fuzz.CampaignResult, fresh []*explore.Finding, complete bool) error {
	if c.JSON {
		return printJSON(w, c.json(r, fresh, complete))
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s, %s judged, %s equal to one judged before, %s; %s in %s\n",
		unit.Plural(r.Stats.Cuts, "cut"), unit.Count(r.Stats.Judged), unit.Count(r.Stats.Equal), unit.Plural(r.Stats.Second, "second cut"), unit.Plural(len(r.Findings), "finding"), filepath.Join(c.Out, "findings"))
	if !complete && c.Time > 0 {
		fmt.Fprintf(&text, "the time is over in sweep %d of %d: the same command goes on from %s\n", len(r.Sweeps), r.Planned, c.Out)
	}
	r.Summary(&text, filepath.Join(c.Out, "findings"))
	for _, f := range fresh {
		text.WriteString(newLine(f))
	}
	return c.print(w, text.String(), filepath.Join(c.Out, "findings.md"))
}

// newLine tells of a finding that --known does not list.
func newLine(f *explore.Finding) string {
	return fmt.Sprintf("new     %s, cause %s: %s (%v)\n", f.ID, f.Cause, f.Symptom, f.Place)
}

// json is what a campaign comes to, for another program.
func (c *crashCommand) json(r *fuzz.CampaignResult, fresh []*explore.Finding, complete bool) campaignJSON {
	out := campaignJSON{
		Folder: c.Out, Complete: complete, Cuts: r.Stats.Cuts, Judged: r.Stats.Judged, Equal: r.Stats.Equal, Second: r.Stats.Second,
		Brief: page.BriefOf(c.record(r), ""), New: []string{},
	}
	for _, f := range fresh {
		out.New = append(out.New, f.ID)
	}
	return out
}

// readKnown reads a list of what is known; "": there is none.
func readKnown(path string) (cause.KnownSet, error) {
	if path == "" {
		return nil, nil
	}
	text, err := input.Read(path, input.Causes)
	if err != nil {
		return nil, fmt.Errorf("--known: %s: %w: give a campaign's causes.json, or a list of causes", path, err)
	}
	known, err := cause.KnownIn(text)
	if err != nil {
		return nil, fmt.Errorf("--known: %s: %w", path, err)
	}
	return known, nil
}

// unlisted returns the findings that --known does not list.
func (c *crashCommand) unlisted(known cause.KnownSet, findings []explore.Finding) (fresh []*explore.Finding) {
	for i := range findings {
		if f := &findings[i]; c.Known != "" && !known.Has(f) {
			fresh = append(fresh, f)
		}
	}
	return fresh
}

// record is the result of a campaign as a report, for other tools.
func (c *crashCommand) record(r *fuzz.CampaignResult) *results.Report {
	out := &results.Report{Title: "Power cuts, profile " + c.Profile, Board: "the campaign's devices"}
	if c.Exec != "" {
		out.Title = "Power cuts, program " + filepath.Base(c.Exec)
	}
	for _, s := range r.Sweeps {
		m := s.Map
		m.Subject = "campaign"
		out.Cuts = append(out.Cuts, m)
	}
	for i := range r.Findings {
		rec := r.Findings[i].Record()
		rec.Command = "dualbank replay " + filepath.Join(c.Out, "findings", rec.ID+".json")
		out.Findings = append(out.Findings, rec)
	}
	out.Causes = cause.Rows(r.Findings)
	return out
}

type minimizeCommand struct {
	Finding string `arg:"" help:"A file in the findings folder of a run. It is made smaller in place."`
	Tries   int    `default:"2000" range:"1..1000000000" placeholder:"N" help:"Replays to spend (${default})."`
	execFlag
	jsonFlag
}

func (c *minimizeCommand) Run(t terminal) (failed error) {
	f, err := fuzz.ReadFinding(c.Finding)
	if err != nil {
		return badInput(err)
	}
	env, stop, err := c.env(t, f)
	if err != nil {
		return badInput(err)
	}
	defer stop()
	write, end, err := rewriting(c.Finding)
	if err != nil {
		return badInput(err)
	}
	defer func() {
		if err := end(); failed == nil {
			failed = err
		}
	}()
	before := f.Case.Len()
	n := cause.Minimize(f, c.Tries, env)
	files, err := fuzz.FindingFiles(f, strings.TrimSuffix(filepath.Base(c.Finding), ".json"), env)
	if err != nil {
		return badInput(fmt.Errorf("%s: %w", c.Finding, err))
	}
	if err := write(files); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(t.out, minimizeJSON{c.Finding, f.Case.Len(), before, n})
	}
	_, err = fmt.Fprintf(t.out, "%s, %d before, after %s\n", unit.Plural(f.Case.Len(), "step"), before, unit.Plural(n, "replay"))
	return err
}

// rewriting prepares the files of the finding in file to be written anew. In a folder of results the folder is
// replaced, all four together; a file of the user's is replaced alone, and what is beside it stays.
func rewriting(file string) (write func(map[string][]byte) error, end func() error, err error) {
	if !strings.HasSuffix(file, ".json") {
		return nil, nil, fmt.Errorf("%s: a finding's file ends in .json: rename it", file)
	}
	root, name, ours := outdir.Root(file)
	if !ours {
		if st, err := os.Lstat(file); err == nil && !st.Mode().IsRegular() {
			return nil, nil, fmt.Errorf("%s: is no regular file and is not written over: give the file itself", file)
		}
		write := func(files map[string][]byte) error { return outdir.Replace(file, files[filepath.Base(file)]) }
		return write, func() error { return nil }, nil
	}
	out, err := outdir.Open(root, outdir.Options{Keep: func(string) bool { return true }})
	if err != nil {
		return nil, nil, err
	}
	return func(files map[string][]byte) error {
		for _, file := range slices.Sorted(maps.Keys(files)) {
			if err := out.Write(path.Join(path.Dir(name), file), files[file]); err != nil {
				return err
			}
		}
		return committed(out)
	}, out.Close, nil
}

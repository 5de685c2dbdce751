package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"dualbank/bench"
	"dualbank/bench/job"
	"dualbank/fuzz"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/native"
	"dualbank/fuzz/update"
	"dualbank/model"
	"dualbank/model/part"
	"dualbank/results"
)

// nativeCommand is about code under test in a program of its own.
type nativeCommand struct {
	Print printHeader `cmd:"" default:"withargs" hidden:"" help:"Print the header."`
	Check checkNative `cmd:"" help:"Start a program, say what it can do, and try a few operations."`
}

type printHeader struct {
	Header bool `help:"Print dualbank.h, which code under test includes."`
}

func (c *printHeader) Run(t terminal) error {
	if !c.Header {
		return badInput(errors.New("native: use --header, or check PROGRAM"))
	}
	_, err := t.out.Write(native.Header)
	return err
}

// nativeFlags say which program runs, and how.
type nativeFlags struct {
	Board   string `needs:"exec,program" default:"nucleo-f429zi" placeholder:"NAME" help:"A board of 'dualbank parts': the store has its KVStore region (${default})."`
	Isolate string `needs:"exec,program" default:"auto" enum:"auto,reset,fork,exec" help:"How the program forgets its RAM at a boot: ${enum} (${default})."`
}

type checkNative struct {
	Program string   `arg:"" help:"A program that was built with dualbank.h."`
	Args    []string `arg:"" optional:"" passthrough:"" help:"Its arguments."`
	nativeFlags
	jsonFlag
}

// Help says what the exit code means.
func (c *checkNative) Help() string {
	return "The exit code is 1 if an operation fails or does not repeat, 2 if it is no such program."
}

func (c *checkNative) Run(t terminal) error {
	p, err := c.program(c.Program, c.Args)
	if err != nil {
		return badInput(err)
	}
	defer p.Close()
	var text bytes.Buffer
	out := t.out
	if c.JSON {
		out = &text
	}
	err = native.Check(out, p, func() (native.Medium, error) {
		_, dev, err := c.device()
		return dev, err
	})
	if err != nil && !errors.Is(err, native.ErrUnsound) {
		return badInput(err)
	}
	if c.JSON {
		return errors.Join(printJSON(t.out, nativeJSON{err == nil, strings.Split(strings.TrimSpace(text.String()), "\n")}), err)
	}
	return err
}

// execFlag is the program that a finding of software of your own runs on. A finding's file never starts one.
type execFlag struct {
	Exec string `placeholder:"PROGRAM" help:"The program that a finding of software of your own is of."`
}

// env is what the case of a finding needs; end ends what was started.
func (c *execFlag) env(t terminal, f *explore.Finding) (env explore.Env, end func(), err error) {
	if c.Exec == "" {
		return env, func() {}, nil
	}
	if k, ok := f.Case.(interface{ OfOwn() bool }); !ok || !k.OfOwn() {
		return env, nil, errors.New("--exec: has no effect: the finding is not of software in a program: leave it out")
	}
	p := &native.Program{Path: c.Exec}
	hash, err := p.Hash()
	if err != nil {
		return env, nil, fmt.Errorf("--exec: %w", err)
	}
	build := ""
	switch k := f.Case.(type) {
	case *kv.Case:
		build, env.Software = k.Build, kv.Software(p.Store)
	case *update.Case:
		build, env.Software = k.Build, update.Maker(p.Updates)
	}
	if build != "" && build != hash {
		warn(t.err, c.Exec+" is not the build that the finding is of")
	}
	return env, p.Close, nil
}

// both are the program, and the same with a new process for each boot.
func (c *nativeFlags) both(path string) (p, fresh *native.Program, err error) {
	if p, err = c.program(path, nil); err == nil {
		fresh = &native.Program{Path: path, Isolate: native.Exec}
	}
	return p, fresh, err
}

// mostCuts is about the number of cuts on the board's region, where --cuts does not say it; see fuzz.StoreCampaign.
const mostCuts = 3_000

// foreign is the campaign of the program: of a bootloader and its client, or of a store; on small geometries, then on the
// board's flash. left is what is left out. confirm is the same software with a new process for each boot.
func (c *crashCommand) foreign(p, fresh *native.Program) (campaign fuzz.Campaign, left []string, confirm explore.Env, err error) {
	if campaign, left, err = campaignFor(p, c.Board, c.Seed, c.Cuts); err != nil {
		return campaign, nil, confirm, err
	}
	confirm.Software = kv.Software(fresh.Store)
	if _, ok := campaign.Env.Software.(update.Maker); ok {
		confirm.Software = update.Maker(fresh.Updates)
	}
	return campaign, left, confirm, nil
}

// campaignFor is the campaign of a program on a board; cuts 0 are mostCuts. left is what is left out.
func campaignFor(p *native.Program, board string, seed, cuts uint64) (campaign fuzz.Campaign, left []string, err error) {
	_, dev, err := (&nativeFlags{Board: board}).device()
	if err != nil {
		return campaign, nil, err
	}
	info, err := p.Info(dev)
	if err != nil {
		return campaign, nil, err
	}
	hash, err := p.Hash()
	if err != nil {
		return campaign, nil, err
	}
	b, err := part.BoardByName(board)
	if err != nil {
		return campaign, nil, err
	}
	d := explore.Device{Part: b.PartName, Unit: dev.ProgramUnit(), Base: b.KVStore.Base, Size: b.KVStore.Bytes}
	cuts = cmp.Or(cuts, mostCuts)
	switch {
	case info.Loads():
		return fuzz.UpdateCampaign(p.Updates, hash, d, seed, cuts)
	case info.Stores():
		return fuzz.StoreCampaign(p.Store, hash, d, seed, cuts)
	}
	return campaign, nil, fmt.Errorf("%s: a store has at least open, set and get, a bootloader has prepare, write, activate and boot", p.Path)
}

// program is the code under test in the program at path.
func (c *nativeFlags) program(path string, args []string) (*native.Program, error) {
	iso, err := native.ParseIsolation(c.Isolate)
	return &native.Program{Path: path, Args: args, Isolate: iso}, err
}

// device is the board's flash, erased and without timing, and the store's region on it.
func (c *nativeFlags) device() (*model.Flash, *model.Region, error) {
	b, err := part.BoardByName(c.Board)
	if err != nil {
		return nil, nil, err
	}
	config, err := model.BoardConfig(b)
	if err != nil {
		return nil, nil, err
	}
	f, err := model.New(config)
	if err != nil {
		return nil, nil, err
	}
	dev, err := f.Region(b.KVStore.Base, b.KVStore.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("board %s: %w", b.Name, err)
	}
	return f, dev, nil
}

// storeFlag puts the workload on a store of your own, beside TDBStore.
type storeFlag struct {
	Exec string `without:"print" placeholder:"PROGRAM" help:"A store of your own, a program that was built with dualbank.h: the workload runs on it and on TDBStore, and both are told side by side. No power is cut."`
}

// stores reports on the workload of s on the program and on TDBStore. perDay is the number of sets in a day, 0: as the
// workload makes.
func (c *storeFlag) stores(t terminal, s *bench.Scenario, perDay float64, verb, dir string, q *quiet, also func(*results.Report) error) (failed error) {
	p := &native.Program{Path: c.Exec, Processes: 1}
	defer p.Close()
	d, err := s.Device(s.Board.Driver, model.Corner(s.Board.Corner))
	if err != nil {
		return blamed(err)
	}
	dev, err := d.Flash.Region(d.KVStore.Start, d.KVStore.Size)
	if err != nil {
		return err
	}
	info, err := p.Info(dev)
	if err != nil {
		return badInput(err)
	}
	if !info.Stores() {
		return badInput(fmt.Errorf("%s: a store has at least open, set and get", c.Exec))
	}
	if !info.Has(native.Remove) {
		s.Workload.Removes = 0
	}
	for _, k := range s.Workload.Keys {
		if len(k.Name) > info.MaxKey || info.MaxValue > 0 && int(k.Bytes[1]) > info.MaxValue {
			return badInput(fmt.Errorf("%s: takes keys of up to %d and values of up to %d bytes, the workload has %q with up to %d: give smaller ones", c.Exec, info.MaxKey, info.MaxValue, k.Name, k.Bytes[1]))
		}
	}
	ctx, stop := t.interruptible()
	defer stop()
	out, err := folder(dir, verb)
	if err != nil {
		return err
	}
	defer closing(out, &failed)
	show, end := progress(t.err)
	own := job.Store{Name: benchWord(filepath.Base(c.Exec)), Make: func(r *model.Region, cpu model.CPU) bench.Own { return p.Timed(r, cpu) }}
	report, err := job.RunStores(ctx, s, own, perDay, dir, job.StoresCommand(verb, dir, c.Exec), show)
	end()
	if err != nil {
		if ctx.Err() != nil {
			return failure{errors.New("interrupted before anything was measured"), exitInterrupt}
		}
		return blamed(err)
	}
	if err := leave(out, s, report, nil); err != nil {
		return err
	}
	if also != nil {
		if err := also(report); err != nil {
			return err
		}
	}
	return q.summary(t.out, report, filepath.Join(dir, "report.html"))
}

// benchWord is a name as the names of benchmarks can have it.
func benchWord(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n/=\"", r) {
			return '-'
		}
		return r
	}, name)
}

package main

import (
	"fmt"
	"os"
	"path/filepath"

	"dualbank/bench"
	"dualbank/results/compare"
)

type compareCommand struct {
	Old        string   `arg:"" help:"What was before: a file in the Go benchmark format, or a results folder."`
	New        string   `arg:"" help:"What is now: likewise."`
	Thresholds string   `placeholder:"FILE" help:"A scenario file, or one with just a [compare] section; without it, that of the old results folder, if it is one."`
	Ignore     []string `placeholder:"KEY" help:"Settings of the files that do not keep figures apart, as in seed,board; /driver for a part of the names. Those of version, run and host never do."`
	Verbose    bool     `short:"v" help:"Print all figures, not only those that changed."`
	jsonFlag
	GitHub bool `name:"github" help:"Print warnings and failures as GitHub's workflow commands too."`
}

// Help says what the exit code means.
func (c *compareCommand) Help() string {
	return "Prints benchstat's tables of what changed. The exit code is 1 if a figure is worse by more than its limit: exact metrics without noise, host time by " +
		"significance and by its geometric mean. Better never fails."
}

func (c *compareCommand) Run(t terminal) error {
	th, err := c.thresholds()
	if err != nil {
		return badInput(err)
	}
	cmp, err := compare.Files(c.Old, c.New, th, c.Ignore...)
	if err != nil {
		return badInput(err)
	}
	if c.JSON {
		err = cmp.WriteJSON(t.out)
	} else {
		err = cmp.WriteText(t.out, c.Verbose)
	}
	if err == nil && c.GitHub {
		// With --json they would break what a program reads.
		out := t.out
		if c.JSON {
			out = t.err
		}
		err = cmp.WriteAnnotations(out)
	}
	switch n := len(cmp.Failures); {
	case err != nil:
		return err
	case n == 1:
		return failure{fmt.Errorf("worse than allowed: %v", cmp.Failures[0]), exitGate}
	case n > 1:
		return failure{fmt.Errorf("%d figures are worse than allowed, the first: %v", n, cmp.Failures[0]), exitGate}
	}
	return nil
}

// thresholds are the limits that were named, else those that the old run came with, else the default.
func (c *compareCommand) thresholds() (compare.Thresholds, error) {
	if c.Thresholds != "" {
		return bench.ReadThresholds(c.Thresholds)
	}
	if _, err := os.Lstat(filepath.Join(c.Old, "scenario.toml")); err == nil {
		return bench.ReadThresholds(c.Old)
	}
	return compare.DefaultThresholds(), nil
}

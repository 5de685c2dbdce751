package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"dualbank/bench"
	"dualbank/bench/job"
	"dualbank/fuzz"
	"dualbank/results"
	"dualbank/results/page"
)

type runCommand struct {
	Scenario       string `arg:"" optional:"" help:"Scenario file; without one, the porting guide's NUCLEO-F429ZI."`
	Out            string `default:"out" placeholder:"DIR" help:"Folder for the results (${default})."`
	FailOnFindings bool   `help:"Exit with code 1 if a power cut breaks a rule."`
	Quick          bool   `help:"A shorter workload and a few thousand cuts: seconds instead of minutes."`
	Print          bool   `help:"Print the scenario as it would be run, and end."`
}

func (c *runCommand) Run(ctx context.Context, t terminal) error {
	s, err := c.scenario()
	if err != nil {
		return badInput(err)
	}
	if c.Print {
		_, err := fmt.Fprint(t.out, s.TOML())
		return err
	}
	if err := folder(c.Out); err != nil {
		return err
	}
	show, end := progress(t.err)
	report, findings, err := job.Run(ctx, s, c.Out, show)
	end()
	stopped := err != nil && ctx.Err() != nil
	if err != nil && !stopped {
		return blamed(err)
	}
	if report == nil {
		return failure{errors.New("interrupted before anything was measured"), exitInterrupt}
	}
	if err := leave(c.Out, s, report); err != nil {
		return err
	}
	if err := fuzz.WriteFindings(filepath.Join(c.Out, "findings"), findings); err != nil {
		return err
	}
	if err := page.WriteSummary(t.out, report, width(t.out)); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "\n%s\n", filepath.Join(c.Out, "report.html"))
	switch {
	case stopped:
		return failure{fmt.Errorf("interrupted: what was done until then is in %s", c.Out), exitInterrupt}
	case c.FailOnFindings && len(findings) > 0:
		return failure{fmt.Errorf("%d findings, see %s", len(findings), filepath.Join(c.Out, "findings")), exitFinding}
	}
	return nil
}

// folder makes the folder for results.
func folder(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return badInput(fmt.Errorf("%w: choose another folder with --out", err))
	}
	return nil
}

// blamed marks an error of the scenario's making as a mistake of the user's.
func blamed(err error) error {
	if _, ok := errors.AsType[*bench.ScenarioError](err); ok {
		return badInput(err)
	}
	return err
}

// leave writes a report into the folder dir, with the scenario and the files that it needs to run again.
func leave(dir string, s *bench.Scenario, report *results.Report) error {
	if err := page.Write(dir, report); err != nil {
		return err
	}
	_, files := s.Stored()
	for name, data := range files {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(to, data, 0o666); err != nil {
			return err
		}
	}
	return nil
}

func (c *runCommand) scenario() (*bench.Scenario, error) {
	s, err := scenario(c.Scenario)
	if err != nil {
		return nil, err
	}
	if c.Quick {
		s.Quick()
	}
	return s, nil
}

// scenario reads a scenario file; "" means the guide's scenario.
func scenario(file string) (*bench.Scenario, error) {
	if file == "" {
		return bench.Guide(), nil
	}
	return bench.ReadFile(file)
}

// width returns the columns of the terminal w; 0 if it is none.
func width(w any) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil {
			return n
		}
	}
	return 0
}

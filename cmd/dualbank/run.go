package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"dualbank"
	"dualbank/bench"
	"dualbank/bench/job"
	"dualbank/fuzz"
	"dualbank/fuzz/explore"
	"dualbank/internal/outdir"
	"dualbank/internal/plain"
	"dualbank/model"
	"dualbank/results"
	"dualbank/results/page"
)

type runCommand struct {
	Scenario       string `arg:"" optional:"" help:"Scenario file; without one, the porting guide's NUCLEO-F429ZI."`
	Out            string `default:"out" without:"print" placeholder:"DIR" help:"Folder for the results (${default})."`
	FailOnFindings bool   `without:"print,exec" help:"Exit with code 1 if a power cut breaks a rule."`
	Quick          bool   `help:"A shorter workload and a few thousand cuts: seconds instead of minutes."`
	EveryByte      bool   `help:"Beside the scenario's cuts: every step of an install of 512 KiB, or of the largest image that fits, in three modes. A minute on two processors."`
	Print          bool   `help:"Print the scenario as it would be run, and end."`
	storeFlag
	quiet
	exportFlags
}

func (c *runCommand) Run(t terminal) (failed error) {
	s, err := c.scenario()
	if err != nil {
		return badInput(err)
	}
	if c.Print {
		return printed(t.out, s)
	}
	if err := exportable(c.exportFlags.files()); err != nil {
		return err
	}
	if c.Exec != "" {
		return c.stores(t, s, 0, "run", c.Out, &c.quiet, func(r *results.Report) error { return exportAll(c.exportFlags.files(), r) })
	}
	ctx, stop := t.interruptible()
	defer stop()
	out, err := folder(c.Out, "run")
	if err != nil {
		return err
	}
	defer closing(out, &failed)
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
	if err := leave(out, s, report, findings); err != nil {
		return err
	}
	if err := exportAll(c.exportFlags.files(), report); err != nil {
		return err
	}
	if err := c.summary(t.out, report, filepath.Join(c.Out, "report.html")); err != nil {
		return err
	}
	switch {
	case stopped:
		return failure{fmt.Errorf("interrupted: what was done until then is in %s", c.Out), exitInterrupt}
	case c.FailOnFindings && len(findings) > 0:
		return failure{fmt.Errorf("%d findings, see %s", len(findings), filepath.Join(c.Out, "findings")), exitFinding}
	}
	return nil
}

// printed writes the scenario, if its board can be built. Firmware that is too large for it passes: the scenario of a
// small board is printed to be changed.
func printed(w io.Writer, s *bench.Scenario) error {
	for _, driver := range append([]string{s.Board.Driver}, s.Board.Compare...) {
		_, err := s.Device(driver, model.Corner(s.Board.Corner))
		if _, room := errors.AsType[*bench.NoRoomError](err); err != nil && !room {
			return blamed(err)
		}
	}
	_, err := fmt.Fprint(w, s.TOML())
	return err
}

// summary prints a report for people, and where the page is.
func (q *quiet) summary(w io.Writer, report *results.Report, at string) error {
	if q.JSON {
		return printJSON(w, page.BriefOf(report, at))
	}
	var text strings.Builder
	if !q.Verbose {
		brief, err := page.WriteBrief(&text, report, width(w), mostPrinted-2)
		if brief && err == nil {
			_, err = fmt.Fprintf(w, "%s\n%s; -v prints all figures\n", text.String(), at)
		}
		if brief || err != nil {
			return err
		}
	}
	if err := page.WriteSummary(&text, report, width(w)); err != nil {
		return err
	}
	return q.print(w, text.String(), at)
}

// folder locks the folder dir for the results of a command, with the settings that they share. The caller closes it.
func folder(dir, kind string) (*outdir.Folder, error) {
	out, err := outdir.Open(dir, outdir.Options{Kind: kind, Names: []string{
		results.RecordsName, results.ScenarioName, results.BenchName, "report.html", "findings.md",
	}})
	if err != nil {
		return nil, badInput(err)
	}
	return out, nil
}

// closing unlocks a folder when a command returns, and adds its error to the command's.
func closing(out *outdir.Folder, failed *error) {
	if err := out.Close(); *failed == nil {
		*failed = err
	}
}

// blamed marks an error of a scenario's or a journal's making as a mistake of the user's.
func blamed(err error) error {
	_, scenario := errors.AsType[*bench.ScenarioError](err)
	_, journal := errors.AsType[*explore.BadJournal](err)
	if scenario || journal {
		return badInput(err)
	}
	return err
}

// leave makes a report the content of the folder out, with the scenario and the files that it needs to run again, and
// the findings.
func leave(out *outdir.Folder, s *bench.Scenario, report *results.Report, findings []explore.Finding) error {
	report.Made = dualbank.Version()
	files, err := page.Files(report)
	if err != nil {
		return err
	}
	_, stored := s.Stored()
	maps.Copy(files, stored)
	if err := out.WriteAll(files); err != nil {
		return err
	}
	if err := leaveFindings(out, findings, explore.Env{}); err != nil {
		return err
	}
	return committed(out)
}

// leaveFindings adds the files of the findings to a new result. env is what their cases need.
func leaveFindings(out *outdir.Folder, findings []explore.Finding, env explore.Env) error {
	for i := range findings {
		f := &findings[i]
		files, err := fuzz.FindingFiles(f, "findings/"+f.ID, env)
		if err != nil {
			return err
		}
		if err := out.WriteAll(files); err != nil {
			return err
		}
	}
	return nil
}

// committed makes what was written the content of the folder. What is in the way is a mistake of the user's.
func committed(out *outdir.Folder) error {
	err := out.Commit()
	if _, ok := errors.AsType[*outdir.Refused](err); ok {
		return badInput(err)
	}
	return err
}

func (c *runCommand) scenario() (*bench.Scenario, error) {
	s, err := scenario(c.Scenario)
	if err != nil {
		return nil, err
	}
	if c.Quick {
		s.Quick()
	}
	s.Cuts.EveryByte = s.Cuts.EveryByte || c.EveryByte
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
	if p, ok := w.(*plain.Writer); ok {
		w = p.Unwrap()
	}
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil {
			return n
		}
	}
	return 0
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dualbank/bench"
	"dualbank/boot/layout"
	"dualbank/fuzz"
	"dualbank/internal/input"
	"dualbank/internal/outdir"
	"dualbank/model/part"
	"dualbank/results"
	"dualbank/results/page"
	"dualbank/results/site"
)

type layoutCommand struct {
	Config []string `arg:"" help:"Configuration files: the bootloader's, the application's mbed_app.json, mbed_lib.json, targets.json."`
	Target string   `required:"" placeholder:"NAME" help:"Target in the files' target_overrides, such as NUCLEO_F429ZI."`
	Part   string   `placeholder:"NAME" help:"A part of 'dualbank parts' or a .toml file, for a target whose flash is not known."`
	Driver string   `default:"mbed" needs:"part" placeholder:"NAME" help:"The part's flash driver, which says the program unit (${default})."`
	layoutStrategyFlag
	jsonFlag
}

func (c *layoutCommand) Run(t terminal) error {
	chip, err := c.chip()
	if err != nil {
		return badInput(err)
	}
	layout, problems := layout.Load(c.Config, c.Target, chip)
	if c.JSON {
		if err := c.json(t.out, layout, problems); err != nil {
			return err
		}
	} else if layout != nil {
		if err := layout.Draw(t.out); err != nil {
			return err
		}
		if note := c.note(layout.Chip.Name); note != "" {
			fmt.Fprintf(t.out, "\n%s\n", note)
		}
		if err := c.swapped(t.out, layout); err != nil {
			return err
		}
	}
	for _, p := range problems {
		if p.Warning || p.Note {
			warn(t.err, p.String())
		}
	}
	if err := problems.Err(); err != nil {
		return badInput(err)
	}
	return nil
}

// json prints the layout, nil if there is none, and what is wrong with it.
func (c *layoutCommand) json(w io.Writer, l *layout.Layout, problems layout.Problems) error {
	out := layoutJSON{Target: c.Target, Flash: flashJSON{Banks: []uint32{}}, Regions: []regionJSON{}, Slots: []regionJSON{}, Notes: []string{}, Problems: []problemJSON{}}
	for _, p := range problems {
		severity := "error"
		if p.Warning {
			severity = "warning"
		} else if p.Note {
			severity = "note"
		}
		out.Problems = append(out.Problems, problemJSON{severity, p.File, p.Line, p.Column, p.Key, p.Text, p.Remedy})
	}
	if l == nil {
		return printJSON(w, out)
	}
	out.Flash = flashJSON{l.Chip.Name, l.Chip.Base, l.Chip.Size(), l.Chip.Unit, append(out.Flash.Banks, l.Chip.Banks...)}
	out.Regions = regionsOf(l)
	for i, s := range l.Slots {
		out.Slots = append(out.Slots, regionJSON{fmt.Sprintf("slot %d", i), s.Addr, s.Size})
	}
	if note := c.note(l.Chip.Name); note != "" {
		out.Notes = append(out.Notes, note)
	}
	if c.Strategy == string(bench.Swap) {
		if note := l.StoreAfterSwap(); note != "" {
			out.Notes = append(out.Notes, note)
		}
		s, err := l.Swapping()
		if err != nil {
			return badInput(fmt.Errorf("--strategy: %w", err))
		}
		out.Swapped = regionsOf(s)
	}
	return printJSON(w, out)
}

func regionsOf(l *layout.Layout) []regionJSON {
	out := []regionJSON{}
	for _, r := range l.Regions {
		out = append(out, regionJSON{r.Name, r.Start, r.Size})
	}
	return out
}

// note says what is known of the part's core that a drawing does not show; "": nothing.
func (c *layoutCommand) note(chip string) string {
	name := c.Part
	if name == "" {
		name = strings.ToLower(chip)
	}
	p, err := part.ByName(name)
	if err != nil {
		return "" // a flash of the layout's own, of which no more is known
	}
	core, err := part.CoreByName(p.Core)
	if err != nil || core.Speculation.Share == 0 || !p.ReadWhileWrite.Value {
		return ""
	}
	return fmt.Sprintf("%s fetches ahead into the other bank: code in one bank stalls in about %.0f %% of the erases of the other one, for up to the whole erase (%s)",
		core.Title, 100*core.Speculation.Share, core.Speculation.From)
}

// chip is the flash of the part; without one, that of the target's board.
func (c *layoutCommand) chip() (layout.Chip, error) {
	if c.Part == "" {
		return layout.Chip{}, nil
	}
	return partChip(c.Part, c.Driver)
}

// partChip is the flash of a part with a driver, as a layout sees it.
func partChip(name, driverName string) (layout.Chip, error) {
	p, err := part.ByName(name)
	if err != nil {
		return layout.Chip{}, err
	}
	driver, err := part.DriverByName(driverName)
	if err != nil {
		return layout.Chip{}, err
	}
	family, err := driver.For(p.Family)
	if err != nil {
		return layout.Chip{}, err
	}
	return bench.Chip(p, family.Unit.Value), nil
}

type replayCommand struct {
	Finding string `arg:"" help:"A file in the findings folder of a run."`
	execFlag
	jsonFlag
}

// Help says what the exit code means.
func (c *replayCommand) Help() string {
	return "The exit code is 1 if the rule is broken again or another one is, 0 if all hold now."
}

func (c *replayCommand) Run(t terminal) error {
	f, err := fuzz.ReadFinding(c.Finding)
	if err != nil {
		return badInput(err)
	}
	env, end, err := c.env(t, f)
	if err != nil {
		return badInput(err)
	}
	defer end()
	out := t.out
	var story bytes.Buffer
	if c.JSON {
		out = &story
	}
	re, broken, err := f.ReplayIn(out, env)
	if err != nil {
		return badInput(fmt.Errorf("%s: %w", c.Finding, err))
	}
	if c.JSON {
		j := replayJSON{f.ID, f.Subject, f.Symptom.Rule, broken, []violationJSON{}, story.String()}
		for _, v := range re.Bad {
			j.Outcome = append(j.Outcome, violationJSON{v.Symptom.Rule, v.Symptom.String(), v.Expected, v.Seen})
		}
		if err := printJSON(t.out, j); err != nil {
			return err
		}
	}
	switch {
	case broken:
		return failure{fmt.Errorf("%s: rule %d for the %s is broken again", c.Finding, f.Symptom.Rule, f.Subject), exitFinding}
	case len(re.Bad) > 0:
		return failure{fmt.Errorf("%s: rule %d for the %s is broken in another way than the finding's (rule %d): see the outcome above",
			c.Finding, re.Bad[0].Symptom.Rule, f.Subject, f.Symptom.Rule), exitFinding}
	}
	return nil
}

type reportCommand struct {
	Dir string `arg:"" help:"A results folder."`
	exportFlags
	quiet
}

func (c *reportCommand) Run(t terminal) error {
	if err := exportable(c.exportFlags.files()); err != nil {
		return err
	}
	r, err := results.Read(c.Dir)
	if err != nil {
		return badInput(err)
	}
	if err := page.Redraw(c.Dir, r); err != nil {
		if _, ok := errors.AsType[*outdir.Refused](err); ok {
			return badInput(err)
		}
		return err
	}
	if err := exportAll(c.exportFlags.files(), r); err != nil {
		return err
	}
	return c.summary(t.out, r, filepath.Join(c.Dir, "report.html"))
}

type findingsCommand struct {
	Finding string `arg:"" help:"A file in the findings folder of a run."`
	AsTest  bool   `help:"Print the finding as a Go test that fails while it stands. A comment in it says what its module needs."`
	Package string `needs:"as-test" placeholder:"NAME" help:"The test's package; without it, that of the Go files in the current folder, or findings."`
	jsonFlag
}

func (c *findingsCommand) Run(t terminal) error {
	f, err := fuzz.ReadFinding(c.Finding)
	if err != nil {
		return badInput(err)
	}
	if c.AsTest {
		name := c.Package
		if name == "" {
			name = packageOf(".")
		}
		src, err := fuzz.AsTest(f, name)
		if err != nil {
			return badInput(fmt.Errorf("%s: --package: %w", c.Finding, err))
		}
		_, err = fmt.Fprint(t.out, src)
		return err
	}
	if c.JSON {
		record := f.Record()
		record.Command = "dualbank replay " + c.Finding
		return printJSON(t.out, record)
	}
	fmt.Fprintf(t.out, "%s: %s rule %d, %s: %s\ncut      %v\nexpected %s\nseen     %s\n",
		f.ID, f.Subject, f.Symptom.Rule, f.Severity, f.Symptom, f.Place, f.Expected, f.Seen)
	return nil
}

// packageOf is the package of the first Go file in a folder, or findings.
func packageOf(dir string) string {
	files, _ := filepath.Glob(filepath.Join(dir, "*.go")) // the pattern is good
	for _, file := range files {
		text, err := input.ReadAgain(file, input.Config)
		if err != nil {
			continue
		}
		if f, err := parser.ParseFile(token.NewFileSet(), file, text, parser.PackageClauseOnly); err == nil {
			return f.Name.Name
		}
	}
	return "findings"
}

type openCommand struct {
	Dirs []string `arg:"" name:"dir" help:"Results folders, or one folder that holds several. With more than one the first page compares them, each with the one before."`
	Port int      `range:"0..65535" placeholder:"N" default:"0" help:"Port on the loopback address; 0: a free one."`
}

// Help says how it ends.
func (c *openCommand) Help() string {
	return "Serves the folders to programs on this machine alone, prints the address, and ends with Ctrl-C. Nothing but the files of a report is served."
}

func (c *openCommand) Run(t terminal) error {
	dirs, err := site.Folders(c.Dirs)
	if err != nil {
		return badInput(err)
	}
	pages, err := site.New(dirs)
	if err != nil {
		return badInput(err)
	}
	defer pages.Close()
	ctx, stop := t.interruptible()
	defer stop()
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)))
	if err != nil {
		return badInput(fmt.Errorf("--port: %w: give another one", err))
	}
	if _, err := fmt.Fprintf(t.out, "http://%s/\n", listener.Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: pages, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

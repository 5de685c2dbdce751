// Command dualbank benchmarks and fuzzes the Mbed OS KVStore and the mbed-bootloader update on
// microcontrollers with dual-bank internal flash. It turns flags into calls; what is called lives in
// the packages below it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitFinding   = 1   // a finding where none is wanted, or a run that failed
	exitGate      = 1   // a figure that is worse than allowed
	exitBadInput  = 2   // the command line, a file
	exitInterrupt = 130 // Ctrl-C, as a shell has it
)

// failure is an error with the exit code it comes to.
type failure struct {
	err  error
	code int
}

func (f failure) Error() string { return f.err.Error() }

func (f failure) Unwrap() error { return f.err }

// badInput marks err as the user's to mend.
func badInput(err error) error { return failure{err, exitBadInput} }

type commands struct {
	Run      runCommand      `cmd:"" help:"Run workload, update and power cuts on the timed model; leave a report."`
	Update   updateCommand   `cmd:"" help:"Time firmware updates by phase, over sizes, drivers, slots and links; leave a report."`
	Layout   layoutCommand   `cmd:"" help:"Draw the flash layout out of configuration files and report every problem."`
	Crash    crashCommand    `cmd:"" help:"Cut the power at every step of many workloads; make the findings small."`
	Replay   replayCommand   `cmd:"" help:"Run a finding again from nothing."`
	Minimize minimizeCommand `cmd:"" help:"Make a finding smaller: fewer operations, smaller values, an earlier cut."`
	Findings findingsCommand `cmd:"" help:"Show a finding, or print it as a Go test."`
	Plan     planCommand     `cmd:"" help:"Plan the store: how long it lasts, how long sets take, how large it must be."`
	Inspect  inspectCommand  `cmd:"" help:"Show what a dump of a device's flash holds, and what of it is damaged."`
	Compare  compareCommand  `cmd:"" help:"Compare two runs with benchstat's statistics; fail where the new one is worse."`
	Report   reportCommand   `cmd:"" help:"Draw a results folder again from its records."`
	Parts    partsCommand    `cmd:"" help:"List parts, boards and drivers; show one with its sources; check a file of your own."`
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// exited is how kong's --help leaves the parser.
type exited int

// run is the whole program but for the process around it.
func run(args []string, stdout, stderr io.Writer) (code int) {
	var c commands
	parser, err := kong.New(&c,
		kong.Name("dualbank"),
		kong.Description("Benchmark and fuzz the Mbed OS KVStore and the mbed-bootloader update on dual-bank flash, in simulated time."),
		kong.UsageOnError(),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		panic(err) // a mistake in the tags above: every test would have failed
	}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case exited:
			code = int(p)
		default:
			panic(p)
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	call, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "dualbank: %v: `dualbank --help` lists what there is\n", err)
		return exitBadInput
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second Ctrl-C ends the program at once.
	context.AfterFunc(ctx, stop)
	call.BindTo(ctx, (*context.Context)(nil))
	call.Bind(terminal{stdout, stderr})
	err = call.Run()
	if err == nil {
		return 0
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(stderr, "dualbank: %s\n", line)
	}
	if f, ok := errors.AsType[failure](err); ok {
		return f.code
	}
	return exitFinding
}

// terminal is where a command writes.
type terminal struct{ out, err io.Writer }

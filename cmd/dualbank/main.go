// Command dualbank benchmarks and fuzzes the Mbed OS KVStore and the mbed-bootloader update on
// microcontrollers with dual-bank internal flash. It turns flags into calls of the packages below it, and errors
// into exit codes.
//
//  1. kong parses the flags into the struct of a command.
//  2. The command's Run checks them, and reads the files that they name.
//  3. One call of a package below does the work. Ctrl-C ends its context; what was done until then is written, and a
//     second Ctrl-C kills the program.
//  4. The command prints what came out, or writes it into a folder; an error becomes a line and an exit code.
//
// `dualbank --help` lists the commands; one file holds each, or two that belong together:
//
//   - run and update (run.go) and plan read or make a bench.Scenario, call bench/job or bench/plan, and write the report into
//     a results folder (--out) together with the scenario and the files that it needs. The summary goes to
//     standard output, a progress bar to standard error if that is a terminal.
//   - crash runs a campaign of package fuzz and writes its findings; with --input it makes findings of inputs of the
//     guided search. replay, minimize and findings take a finding's file.
//   - layout, inspect and parts look at configuration files, dumps of a flash, and data files.
//   - compare and report read results folders.
//
// Invariants: mistakes of the user's are reported on one line on standard error with what, where and what to do, and
// exit code 2. Exit code 1 is a finding, a figure or damage that a flag makes an error, or a run that failed, also
// because its output could not be written; 130 is Ctrl-C. A panic, or memory that the system does not give, ends the
// program with SIGABRT, which a shell shows as 134. Standard output holds results alone. Files outside the folders that flags name are never written, except
// that minimize rewrites the finding that it is given.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"dualbank"
	"dualbank/internal/plain"
)

// Exit codes.
const (
	exitFinding   = 1   // a finding where none is wanted, or a run that failed
	exitGate      = 1   // a figure that is worse than allowed
	exitBadInput  = 2   // a mistake in the command line or in a file
	exitInterrupt = 130 // Ctrl-C, as in a shell
)

// failure is an error with its exit code.
type failure struct {
	err  error
	code int
}

func (f failure) Error() string { return f.err.Error() }

func (f failure) Unwrap() error { return f.err }

// badInput marks err as a mistake of the user's.
func badInput(err error) error { return failure{err, exitBadInput} }

// commands is the command line.
type commands struct {
	Run      runCommand      `cmd:"" help:"Run workload, update and power cuts on the timed model; leave a report."`
	Update   updateCommand   `cmd:"" help:"Time firmware updates by phase, over sizes, drivers, slots and links; leave a report."`
	Layout   layoutCommand   `cmd:"" help:"Draw the flash layout out of configuration files and report every problem."`
	Crash    crashCommand    `cmd:"" help:"Cut the power at every step of many workloads; make the findings small."`
	Worker   workerCommand   `cmd:"" help:"Explore campaigns of other machines: take work of a server until Ctrl-C."`
	Replay   replayCommand   `cmd:"" help:"Run a finding again from nothing."`
	Minimize minimizeCommand `cmd:"" help:"Make a finding smaller: fewer operations, smaller values, an earlier cut."`
	Findings findingsCommand `cmd:"" help:"Show a finding, or print it as a Go test."`
	Plan     planCommand     `cmd:"" help:"Plan the store: how long it lasts, how long sets take, how large it must be."`
	Inspect  inspectCommand  `cmd:"" help:"Show what a dump of a device's flash holds, and what of it is damaged."`
	Compare  compareCommand  `cmd:"" help:"Compare two runs with benchstat's statistics; fail where the new one is worse."`
	Report   reportCommand   `cmd:"" help:"Draw a results folder again from its records."`
	Open     openCommand     `cmd:"" help:"Show results folders in a browser: serve them to this machine, and print the address."`
	Native   nativeCommand   `cmd:"" help:"Code of your own in C, C++ or another language: its header, and a check of a program."`
	Parts    partsCommand    `cmd:"" help:"List parts, boards and drivers; show one with its sources; check a file of your own."`

	Version    versionCommand    `cmd:"" help:"Print the version, and the digest of the sources that decide on results."`
	Help       helpCommand       `cmd:"" help:"Print the help of a command."`
	Completion completionCommand `cmd:"" help:"Print completion of commands and flags for a shell."`
	Man        manCommand        `cmd:"" help:"Print the manual page."`

	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`
}

func main() {
	abortOnFault()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// abortOnFault keeps a panic, and memory that the system does not give, apart from a mistake of the user's: the runtime
// would end the program with exit code 2. At this level it prints its traceback and ends the program with SIGABRT.
func abortOnFault() { debug.SetTraceback("crash") }

// exited is panicked with by kong's --help, to leave the parser.
type exited int

// run is the whole program without its process: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) (code int) {
	out, warnings := plain.NewWriter(stdout), plain.NewWriter(stderr)
	for _, w := range []*plain.Writer{out, warnings} {
		if plain.Coloured(plain.IsTerminal(w.Unwrap()), os.Getenv) {
			w.Colour()
		}
	}
	var c commands
	parser, err := kong.New(&c, append(values(),
		kong.Name("dualbank"),
		kong.Description("Benchmark and fuzz the Mbed OS KVStore and the mbed-bootloader update on dual-bank flash, in simulated time."),
		kong.UsageOnError(),
		kong.Writers(out, warnings),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.Vars{"version": dualbank.Version()},
		kong.Help(helpPrinter),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)...)
	if err != nil {
		panic(err) // a mistake in the tags above: every test would have failed
	}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case exited:
			code = int(p)
			if failed := out.Close(); failed != nil {
				warn(stderr, failed.Error())
				code = exitFinding
			}
		default:
			panic(p)
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	call, err := parser.Parse(args)
	if err == nil {
		err = checkUse(call)
	}
	if err != nil {
		if failed := out.Close(); failed != nil {
			warn(stderr, failed.Error()) // of the help
			return exitFinding
		}
		program := "dualbank"
		if p, ok := errors.AsType[*kong.ParseError](err); ok {
			call = p.Context
		}
		if call != nil && call.Selected() != nil {
			program = call.Selected().FullPath()
		}
		warn(stderr, fmt.Sprintf("%s: `%s --help` lists what there is", plainly(err), program))
		return exitBadInput
	}
	call.Bind(terminal{out, warnings})
	err = call.Run()
	// What could not be written counts more than what the command makes of it.
	if failed := errors.Join(out.Close(), warnings.Close()); failed != nil {
		err = failed
	}
	if err == nil {
		return 0
	}
	warn(stderr, err.Error())
	if f, ok := errors.AsType[failure](err); ok {
		return f.code
	}
	return exitFinding
}

// warn writes a message, a line each. If that fails, the exit code is what is left to say.
func warn(w io.Writer, text string) {
	for _, line := range plain.Message(text) {
		fmt.Fprintf(w, "dualbank: %s\n", line)
	}
}

// terminal is where a command writes: text that may be shown there, whatever it came from.
type terminal struct{ out, err io.Writer }

// interruptible returns a context that the first Ctrl-C ends; a second one ends the program at once. A command calls
// it when its inputs are read: until then Ctrl-C ends the program, even while it waits for a pipe.
func (terminal) interruptible() (ctx context.Context, stop func()) {
	ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

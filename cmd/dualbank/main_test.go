package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"dualbank/internal/long"
)

func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){
		"dualbank": main,
		"eats":     eats,
		"panics":   func() { abortOnFault(); panic("of ours") },
	})
}

// eaten is memory.
var eaten [][]byte

// eats asks for more memory than any machine has.
func eats() {
	abortOnFault()
	bits := 46
	if strconv.IntSize == 32 {
		bits = 30
	}
	for range 4 {
		eaten = append(eaten, make([]byte, 1<<bits))
	}
}

// tests are the tests of this package with the program that they run.
type tests struct{ *testing.M }

// program is the folder with the program as a user has it: scripts and pages test what it does, and what
// of it runs at once the race detector looks at in the tests of bench, fuzz and results.
var program string

// Run builds the program before the tests.
func (t tests) Run() int {
	var err error
	if program, err = os.MkdirTemp("", "dualbank"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(program)
	if out, err := exec.Command("go", "build", "-o", filepath.Join(program, "dualbank"), ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return t.M.Run()
}

// searched is a PATH with a folder before it.
func searched(folder, path string) string { return folder + string(os.PathListSeparator) + path }

// TestScripts runs the program as a person does: see testdata/script. That of Ctrl-C runs what the tests
// are built as, with the race detector if they are.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if !long.Enabled() {
		// These run for seconds each: every command of compare-ci.sh builds a module.
		slow := []string{"ci.txtar", "crash.txtar", "firmware.txtar", "ownpart.txtar"}
		scripts = slices.DeleteFunc(scripts, func(s string) bool { return slices.Contains(slow, filepath.Base(s)) })
	}
	testscript.Run(t, testscript.Params{
		Files:               scripts,
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"fails": fails, "specimen": specimen, "sparse": sparse, "self": self},
		Setup:               outside,
	})
}

// outside lets scripts reach the repository's scripts, and the go command its cache.
func outside(env *testscript.Env) error {
	scripts, err := filepath.Abs("../../scripts")
	if err != nil {
		return err
	}
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		return err
	}
	if filepath.Base(env.WorkDir) != "script-interrupt" {
		env.Setenv("PATH", searched(program, env.Getenv("PATH")))
	}
	env.Setenv("SCRIPTS", scripts)
	env.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
	return nil
}

// sparse makes a file of zeros that takes no room: sparse FILE BYTES
func sparse(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sparse FILE BYTES")
	}
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), nil, 0o666))
	ts.Check(os.Truncate(ts.MkAbs(args[0]), size))
}

// self makes a file that is this program: self FILE
func self(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: self FILE")
	}
	program, err := os.Executable()
	ts.Check(err)
	ts.Check(os.Symlink(program, ts.MkAbs(args[0])))
}

// fails runs a command that must end with an exit code: fails CODE COMMAND ARGUMENT...
func fails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails CODE COMMAND ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

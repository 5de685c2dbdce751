package native_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// builds is where the tests build code under test, each program once.
var builds struct {
	dir  string
	mu   sync.Mutex
	done map[string]error
}

func TestMain(m *testing.M) {
	code := func() int {
		if _, err := exec.LookPath("gcc"); err != nil {
			fmt.Println("fuzz/native: no gcc: the tests of code under test in C and C++ are left out")
		}
		dir, err := os.MkdirTemp("", "native")
		if err != nil {
			fmt.Println(err)
			return 1
		}
		defer os.RemoveAll(dir)
		builds.dir, builds.done = dir, map[string]error{}
		return m.Run()
	}()
	os.Exit(code)
}

// build compiles a source of this folder with the compiler and the flags, and returns the program.
func build(t testing.TB, cc, source string, flags ...string) string {
	t.Helper()
	if _, err := exec.LookPath(cc); err != nil {
		t.Skip("no " + cc)
	}
	name := strings.NewReplacer("/", "_", "=", "_", " ", "_", "-", "").Replace(strings.Join(append([]string{cc, filepath.Base(source)}, flags...), " "))
	out := filepath.Join(builds.dir, name)
	builds.mu.Lock()
	defer builds.mu.Unlock()
	err, ok := builds.done[name]
	if !ok {
		args := append([]string{"-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", "include", "-o", out}, flags...)
		var text []byte
		if text, err = exec.Command(cc, append(args, source)...).CombinedOutput(); err != nil {
			err = fmt.Errorf("%s %s: %w\n%s", cc, strings.Join(args, " "), err, text)
		}
		builds.done[name] = err
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// planted is an example, in C or C++, with the defect planted in it that the program's first argument names.
func planted(t testing.TB, source string) string {
	t.Helper()
	if strings.HasSuffix(source, ".cc") {
		return build(t, "g++", source, "-O1", "-std=c++11", "-include", "testdata/defect.h")
	}
	return build(t, "gcc", source, "-O1", "-std=c99", "-include", "testdata/defect.h")
}

// can reports whether the compiler builds and runs a program with the flags: 32-bit libraries may be missing.
func can(t testing.TB, cc string, flags ...string) bool {
	t.Helper()
	if _, err := exec.LookPath(cc); err != nil {
		return false
	}
	source := filepath.Join(builds.dir, "can.c")
	if err := os.WriteFile(source, []byte("#include <stdio.h>\nint main(void) { return 0; }\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(builds.dir, "can")
	return exec.Command(cc, append(flags, "-x", "c", "-o", out, source)...).Run() == nil && exec.Command(out).Run() == nil
}

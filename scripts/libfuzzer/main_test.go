//go:build !libfuzzer

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dualbank/fuzz"
	"dualbank/fuzz/explore"
	"dualbank/internal/long"
)

// TestSeeds: the folder has the bytes of each seed, and a target that there is not is an error.
func TestSeeds(t *testing.T) {
	t.Chdir("../..")
	for _, target := range fuzz.Targets {
		dir := t.TempDir()
		if err := seeds(target.Name, dir); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join("fuzz", "testdata", "fuzz", target.Name, "*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			want, _, err := explore.ReadInput(f)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(dir, filepath.Base(f))); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %x, %v", f, got, err)
			}
		}
	}
	if err := seeds("FuzzNothing", t.TempDir()); err == nil {
		t.Error("FuzzNothing has seeds")
	}
}

// TestBuild builds a target as ClusterFuzzLite does, with clang, and lets libFuzzer search: it sees the coverage of the Go
// code, and runs the seeds.
func TestBuild(t *testing.T) {
	long.Test(t)
	probe := exec.Command("clang++", "-fsanitize=fuzzer", "-x", "c++", "-", "-o", filepath.Join(t.TempDir(), "probe"))
	probe.Stdin = strings.NewReader("#include <stddef.h>\n#include <stdint.h>\nextern \"C\" int LLVMFuzzerTestOneInput(const uint8_t *, size_t) { return 0; }")
	if out, err := probe.CombinedOutput(); err != nil {
		t.Skipf("no libFuzzer (Debian: apt-get install clang libclang-rt-14-dev): %v\n%s", err, out)
	}
	dir := t.TempDir()
	build := exec.Command("bash", ".clusterfuzzlite/build.sh")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "OUT="+dir, "TARGETS=FuzzUpdate")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.Command(filepath.Join(dir, "FuzzUpdate"), "-runs=100", "-seed=1", filepath.Join(dir, "FuzzUpdate_seeds"))
	run.Dir = dir
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"inline 8-bit counters", "INITED cov: ", "DONE   cov: "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("libFuzzer does not say %q:\n%s", want, out)
		}
	}
}

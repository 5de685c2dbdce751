package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dualbank/fuzz/fleet/hub"
)

// TestFleetOfPrograms: a campaign of a program in C is explored by a worker whose command line names a file with the same
// content, and by no other: one without the file, and one with another program, say why they do not. The findings are those
// of one process.
func TestFleetOfPrograms(t *testing.T) {
	if os.Getenv("DUALBANK_KILLS") == "" {
		t.Skip("takes a minute: DUALBANK_KILLS=1 runs it")
	}
	dir := t.TempDir()
	loader, other := example(t, "abloader.c", filepath.Join(dir, "loader"), 5), example(t, "abloader.c", filepath.Join(dir, "other"), 6)
	h, err := hub.Start(hub.Options{Dir: filepath.Join(dir, "hub"), Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	dualbank := func(args ...string) *exec.Cmd { return exec.Command(filepath.Join(program, "dualbank"), args...) }
	crash := []string{"crash", "--exec", loader, "--workers", "1", "--out"}
	if out, err := dualbank(append(crash, filepath.Join(dir, "fleet"), "--nats", h.URL(), "--detach")...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	worker := func(want string, args ...string) (stop func()) {
		cmd := fleetWorker(t, want, append([]string{h.URL()}, args...)...)
		return func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() }
	}
	worker("name its file with --exec")()
	worker("name its file with --exec", "--exec", other)()
	defer worker("explores campaign", "--exec", other, "--exec", loader)()
	one := dualbank(append(crash, filepath.Join(dir, "one"))...)
	if out, err := one.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := dualbank(append(crash, filepath.Join(dir, "fleet"), "--nats", h.URL())...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sameFindings(t, filepath.Join(dir, "one"), filepath.Join(dir, "fleet"))
}

// example builds a program of fuzz/native/examples with a defect.
func example(t *testing.T, source, out string, defect int) string {
	t.Helper()
	native := filepath.Join("..", "..", "fuzz", "native")
	args := []string{"-O1", fmt.Sprintf("-DDEFECT=%d", defect), "-I", filepath.Join(native, "include"), "-o", out, filepath.Join(native, "examples", source)}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	if text, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// fleetWorker starts a worker and waits until it says what is wanted.
func fleetWorker(t *testing.T, want string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(filepath.Join(program, "dualbank"), append([]string{"worker", "--workers", "1"}, args...)...)
	told, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(time.Minute, func() { told.Close() })
	in := bufio.NewReader(told)
	for line := ""; !strings.Contains(line, want); {
		if line, err = in.ReadString('\n'); err != nil {
			t.Fatalf("%v: %q is not said", args, want)
		}
	}
	go io.Copy(io.Discard, in)
	return cmd
}

// sameFindings compares the findings and causes of two campaigns, byte for byte.
func sameFindings(t *testing.T, one, fleet string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(one, "findings", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d findings, %v", len(files), err)
	}
	for _, f := range append(files, filepath.Join(one, "causes.json")) {
		name, _ := filepath.Rel(one, f)
		want, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(fleet, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs from that of one process: %v", name, err)
		}
	}
	if others, err := filepath.Glob(filepath.Join(fleet, "findings", "*.json")); err != nil || len(others) != len(files) {
		t.Errorf("%d findings, %d of one process, %v", len(others), len(files), err)
	}
}

package main

import (
	"bufio"
	"bytes"
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
	compile := func(name string, flags ...string) string {
		out := filepath.Join(dir, name)
		args := append(flags, "-I", "../../fuzz/native/include", "-o", out, "../../fuzz/native/examples/abloader.c")
		if text, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
			t.Skipf("gcc: %v\n%s", err, text)
		}
		return out
	}
	loader, other := compile("loader", "-DDEFECT=5"), compile("other", "-DDEFECT=6")
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
		cmd := dualbank(append([]string{"worker", h.URL(), "--workers", "1"}, args...)...)
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
	files, err := filepath.Glob(filepath.Join(dir, "one", "findings", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d findings, %v", len(files), err)
	}
	for _, f := range append(files, filepath.Join(dir, "one", "causes.json")) {
		name, _ := filepath.Rel(filepath.Join(dir, "one"), f)
		want, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "fleet", name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs from that of one process: %v", name, err)
		}
	}
}

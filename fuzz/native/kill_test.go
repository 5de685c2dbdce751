//go:build linux

package native_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dualbank/fuzz/kv"
	"dualbank/fuzz/native"
)

// running lists the processes that run the program at path.
func running(path string) (pids []int) {
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && to == path {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(l))); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// copied is a copy of the program of its own, so that its processes can be told from others.
func copied(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "store")
	if err := os.WriteFile(to, data, 0o777); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestKilled: a sweep whose processes are killed every now and then finds what it finds undisturbed.
func TestKilled(t *testing.T) {
	path := copied(t, planted(t, "examples/logstore.c"))
	for _, iso := range []native.Isolation{native.Reset, native.Fork} {
		c := kv.Sweep{Device: pages, Ops: workload(40, 8), Modes: []string{"torn"}, MaxCuts: 200, Seed: 1}
		p := program(t, path, "9")
		p.Isolate = iso
		c.New = p.Store
		want := cut(t, c)
		p.Close()
		stop, stopped := make(chan bool), make(chan int)
		go func() {
			kills := 0
			for {
				select {
				case <-stop:
					stopped <- kills
					return
				case <-time.After(20 * time.Millisecond):
					for _, pid := range running(path) {
						_ = syscall.Kill(pid, syscall.SIGKILL)
						kills++
						break
					}
				}
			}
		}()
		// A call that two processes in a row did not survive is a finding, so that a few kills may show.
		got := cut(t, c)
		close(stop)
		if kills := <-stopped; kills == 0 {
			t.Logf("isolation %v: nothing was killed", iso)
		}
		for i := range got.Findings {
			if f := &got.Findings[i]; f.Symptom.Error != "" {
				t.Logf("isolation %v: %v", iso, f.Symptom)
				got.Findings = nil
				break
			}
		}
		if got.Findings != nil {
			if diff := cmp.Diff(want.Findings, got.Findings); diff != "" {
				t.Errorf("isolation %v:\n%s", iso, diff)
			}
		}
		p.Close()
		if left := running(path); len(left) > 0 {
			t.Errorf("isolation %v: processes %v are left", iso, left)
		}
	}
}

// TestHarnessKilled: when the harness is killed, its processes end, forked ones too, and no memory is left.
func TestHarnessKilled(t *testing.T) {
	if path := os.Getenv("NATIVE_TEST_VICTIM"); path != "" {
		p := &native.Program{Path: path, Isolate: native.Fork}
		for {
			cut(t, kv.Sweep{Device: pages, Ops: workload(60, 8), Modes: []string{"torn"}, Seed: 1, New: p.Store})
		}
	}
	path := copied(t, planted(t, "examples/logstore.c"))
	for _, after := range []time.Duration{300 * time.Millisecond, 700 * time.Millisecond} {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestHarnessKilled$")
		cmd.Env = append(os.Environ(), "NATIVE_TEST_VICTIM="+path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(20 * time.Second)
		for len(running(path)) == 0 && time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(after)
		if len(running(path)) == 0 {
			t.Error("nothing runs")
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		for len(running(path)) > 0 && time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
		}
		if left := running(path); len(left) > 0 {
			t.Errorf("processes %v outlive the harness", left)
		}
	}
}

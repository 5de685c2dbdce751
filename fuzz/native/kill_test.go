//go:build linux

package native_test

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/native"
	"dualbank/internal/long"
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

// kills is how often the tests kill: DUALBANK_KILLS=50 is the whole.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("DUALBANK_KILLS")); err == nil && n > 0 {
		return n
	}
	if long.Enabled() {
		return 6
	}
	return 1
}

// TestKilled: a sweep whose processes are killed at random moments, those that are forked too, finds what it finds
// undisturbed.
func TestKilled(t *testing.T) {
	long.Test(t)
	path := copied(t, planted(t, "examples/logstore.c"))
	for _, iso := range []native.Isolation{native.Reset, native.Fork} {
		for name, sweep := range map[string]func(context.Context, kv.Sweep) (*explore.Sweep, error){
			"cut":  func(ctx context.Context, c kv.Sweep) (*explore.Sweep, error) { return kv.Cut(ctx, c, nil) },
			"fail": kv.Fail,
		} {
			c := kv.Sweep{Device: pages, Ops: workload(80, 12), Modes: []string{"torn"}, MaxCuts: uint64(50 * kills()), Seed: 1}
			p := program(t, path, map[string]string{"cut": "9", "fail": "13"}[name])
			p.Isolate = iso
			c.New = p.Store
			want, err := sweep(context.Background(), c)
			if err != nil || len(want.Findings) == 0 {
				t.Fatalf("%d findings, %v", len(want.Findings), err)
			}
			p.Close()
			stop, stopped := make(chan bool), make(chan int)
			go func() {
				n := 0
				for {
					select {
					case <-stop:
						stopped <- n
						return
					case <-time.After(time.Duration(10+rand.IntN(100)) * time.Millisecond):
						if pids := running(path); len(pids) > 0 {
							_ = syscall.Kill(pids[rand.IntN(len(pids))], syscall.SIGKILL)
							n++
						}
					}
				}
			}()
			got, err := sweep(context.Background(), c)
			close(stop)
			if n := <-stopped; n == 0 {
				t.Logf("isolation %v: nothing was killed", iso)
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("isolation %v, %s:\n%s", iso, name, diff)
			}
			p.Close()
			gone(t, path)
		}
	}
}

// gone checks that no process of the program is left, and with it no memory that it shares.
func gone(t *testing.T, path string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for len(running(path)) > 0 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if left := running(path); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
	if left, _ := filepath.Glob("/dev/shm/*dualbank*"); len(left) > 0 {
		t.Errorf("shared memory %v is left", left)
	}
	if maps, err := os.ReadFile("/proc/self/maps"); err != nil || strings.Contains(string(maps), "memfd:dualbank") {
		t.Errorf("memory of a program is left, %v", err)
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
		if after > time.Second/2 && !long.Enabled() {
			continue
		}
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
		gone(t, path)
	}
}

package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dualbank/fuzz/fleet/hub"
	"dualbank/internal/long"
)

// TestNativeKilled kills a campaign on a program, and the processes of that program, at random moments: nothing is left
// running and no shared memory, and the same command again gives the bytes of an undisturbed one.
func TestNativeKilled(t *testing.T) {
	long.Test(t)
	dir := t.TempDir()
	store := example(t, "logstore.c", filepath.Join(dir, "store"), 2)
	j := &unluckyJob{dir: dir, args: []string{"crash", "--exec", "./store", "--cuts", "100", "--workers", "2", "--out", "o"}}
	began := time.Now()
	j.must(t, j.args...)
	j.took = time.Since(began)
	j.later = files(t, filepath.Join(dir, "o"))
	for range rounds() {
		j.restore(t)
		for range 2 { // processes, then the command
			kill(t, j, store)
		}
		j.again(t, "killed")
	}
}

// kill starts the command, kills processes of the program meanwhile, and then the command itself.
func kill(t *testing.T, j *unluckyJob, store string) {
	t.Helper()
	victim := j.command(j.args...)
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Duration(rand.Int64N(int64(j.took)))); time.Now().Before(end); {
		time.Sleep(time.Duration(10+rand.IntN(100)) * time.Millisecond)
		if pids := running(store); len(pids) > 0 {
			_ = syscall.Kill(pids[rand.IntN(len(pids))], syscall.SIGKILL) // it may have ended
		}
	}
	_ = victim.Process.Kill()
	_ = victim.Wait()
	nothingLeft(t, store)
}

// nothingLeft checks that no process of the program is left, and no shared memory.
func nothingLeft(t *testing.T, store string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for len(running(store)) > 0 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if left := running(store); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
	if left, err := filepath.Glob("/dev/shm/*dualbank*"); err != nil || len(left) > 0 {
		t.Errorf("shared memory %v is left, %v", left, err)
	}
}

// TestFleetOfProgramsKilled kills workers of a fleet while they run a program: nothing is left running and no shared
// memory, another worker explores their pieces, and the findings are byte for byte those of one undisturbed process.
func TestFleetOfProgramsKilled(t *testing.T) {
	if os.Getenv("DUALBANK_KILLS") == "" {
		t.Skip("waits for 15 s until a killed worker is missed: DUALBANK_KILLS=1 runs it")
	}
	dir := t.TempDir()
	store := example(t, "logstore.c", filepath.Join(dir, "store"), 2)
	h, err := hub.Start(hub.Options{Dir: filepath.Join(dir, "hub"), Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	crash := func(out string, args ...string) {
		t.Helper()
		args = append([]string{"crash", "--exec", store, "--workers", "1", "--out", filepath.Join(dir, out)}, args...)
		if text, err := exec.Command(filepath.Join(program, "dualbank"), args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	crash("one")
	crash("fleet", "--nats", h.URL(), "--detach")
	for range 2 * rounds() {
		victim := fleetWorker(t, "explores campaign", h.URL(), "--exec", store)
		for deadline := time.Now().Add(20 * time.Second); len(running(store)) == 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the worker does not run the program")
			}
		}
		time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
		if len(running(store)) == 0 {
			t.Log("a worker is killed between two pieces")
		}
		_ = victim.Process.Kill()
		_ = victim.Wait()
		nothingLeft(t, store)
	}
	worker := fleetWorker(t, "explores campaign", h.URL(), "--exec", store)
	crash("fleet", "--nats", h.URL())
	_ = worker.Process.Signal(os.Interrupt)
	_ = worker.Wait()
	nothingLeft(t, store)
	sameFindings(t, filepath.Join(dir, "one"), filepath.Join(dir, "fleet"))
}

// running lists the processes that run the program at path.
func running(path string) (pids []int) {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		panic(err) // of the pattern
	}
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.TrimSuffix(to, " (deleted)") == path {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(l))); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

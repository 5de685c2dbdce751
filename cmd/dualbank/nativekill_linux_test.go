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

	"dualbank/internal/long"
)

// TestNativeKilled kills a campaign on a program, and the processes of that program, at random moments: nothing is left
// running and no shared memory, and the same command again gives the bytes of an undisturbed one.
func TestNativeKilled(t *testing.T) {
	long.Test(t)
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	dir := t.TempDir()
	store := filepath.Join(dir, "store")
	native := filepath.Join("..", "..", "fuzz", "native")
	out, err := exec.Command("gcc", "-O1", "-std=c99", "-DDEFECT=2", "-I", filepath.Join(native, "include"), "-o", store, filepath.Join(native, "examples", "logstore.c")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
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

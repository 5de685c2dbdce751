package main

import (
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"dualbank/internal/long"
)

// TestKilled kills commands at random moments over an earlier complete result: the folder then holds that result or
// the new one, whole, and the same command again gives the bytes of an undisturbed one. Moments are not repeatable;
// what must hold is. DUALBANK_KILLS=50 kills each command 50 times.
func TestKilled(t *testing.T) {
	rounds := 1
	if long.Enabled() {
		rounds = 6
	}
	if n, err := strconv.Atoi(os.Getenv("DUALBANK_KILLS")); err == nil && n > 0 {
		rounds = n
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"one.toml": smallestScenario, "two.toml": "seed = 2\n" + smallestScenario} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := func(args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(program, "dualbank"), args...)
		c.Dir = dir
		return c
	}
	must := func(args ...string) time.Duration {
		began := time.Now()
		if out, err := command(args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return time.Since(began)
	}
	for _, c := range []struct{ first, second []string }{
		{[]string{"run", "one.toml", "--out", "o"}, []string{"run", "two.toml", "--out", "o"}},
		{[]string{"run", "one.toml", "--out", "o"}, []string{"report", "o"}},
	} {
		out := filepath.Join(dir, "o")
		must(c.first...)
		earlier := files(t, out)
		took := must(c.second...)
		later := files(t, out)
		for range rounds {
			must(c.first...)
			victim := command(c.second...)
			if err := victim.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rand.Int64N(int64(took))))
			_ = victim.Process.Kill() // it may have ended
			_ = victim.Wait()
			if got := files(t, out); !maps.Equal(got, earlier) && !maps.Equal(got, later) {
				t.Fatalf("%v, killed, leaves neither the earlier nor the new result: %d files", c.second, len(got))
			}
			must(c.second...)
			if got := files(t, out); !maps.Equal(got, later) {
				t.Fatalf("%v after a kill differs from an undisturbed one", c.second)
			}
		}
	}
}

// TestFullDevice: a standard output that takes nothing is an error.
func TestFullDevice(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for _, args := range [][]string{{"parts"}, {"run", "--print"}, {"native", "--header"}} {
		c := exec.Command(filepath.Join(program, "dualbank"), args...)
		c.Stdout = full
		if err := c.Run(); err == nil || c.ProcessState.ExitCode() != 1 {
			t.Errorf("%v into a full device: %v", args, err)
		}
	}
}

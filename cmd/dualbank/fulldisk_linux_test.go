package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"dualbank/internal/long"
)

// TestFullDisk runs the same commands on a small file system with less and less room: each fails with one line, or
// succeeds, and the folder holds the earlier result or the new one. With room again the command gives its bytes.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	const size = 32 << 20
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+strconv.Itoa(size)); err != nil {
		t.Skipf("a small file system needs root: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	for n := range unluckyJobs {
		t.Run(unluckyJobs[n].name, func(t *testing.T) {
			if unluckyJobs[n].name != "minimize" {
				long.Test(t)
			}
			here := filepath.Join(dir, unluckyJobs[n].name)
			if err := os.Mkdir(here, 0o700); err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(here)
			j := unlucky(t, here, n)
			need := 0
			for _, text := range j.later {
				need += len(text) + 4096
			}
			ballast := filepath.Join(here, "ballast")
			failed := 0
			count := max(2, rounds())
			for i := range count {
				j.restore(t)
				var st syscall.Statfs_t
				if err := syscall.Statfs(here, &st); err != nil {
					t.Fatal(err)
				}
				free := int(st.Bavail) * int(st.Bsize)
				if err := os.WriteFile(ballast, make([]byte, max(0, free-need*i/count)), 0o600); err != nil {
					t.Fatal(err)
				}
				c := j.command(j.args...)
				var stderr bytes.Buffer
				c.Stderr = &stderr
				err := c.Run()
				if line := strings.TrimSuffix(stderr.String(), "\n"); err != nil {
					failed++
					if code := c.ProcessState.ExitCode(); code < 1 || code > 2 || strings.Contains(line, "\n") || !strings.Contains(line, "no space left") {
						t.Errorf("%v on a full disk: exit code %d, %.1000s", j.args, code, line)
					}
				}
				j.whole(t, "on a full disk")
				if err := os.Remove(ballast); err != nil {
					t.Fatal(err)
				}
				j.again(t, "on a full disk")
			}
			if failed == 0 {
				t.Error("there was always room")
			}
		})
	}
}

package main

import (
	"bytes"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dualbank/internal/long"
)

// TestPipes gives a pipe to every command on every path on which it reads a file. One that never ends is refused like
// a file that is too large. While one that says nothing is waited for, Ctrl-C ends the program at once.
func TestPipes(t *testing.T) {
	for n, p := range inputPaths {
		if n%10 != 0 && !long.Enabled() {
			continue
		}
		t.Run(strings.ReplaceAll(p.args+p.via, "/", "|"), func(t *testing.T) {
			t.Parallel()
			for _, endless := range []bool{true, false} {
				if !endless && signal.Ignored(os.Interrupt) {
					continue // in the background of a shell, whose children ignore Ctrl-C
				}
				dir := t.TempDir()
				fifo := filepath.Join(dir, "pipe.toml")
				if err := syscall.Mkfifo(fifo, 0o700); err != nil {
					t.Fatal(err)
				}
				// Opened for both, the pipe has a writer as long as the test wants, and opening it does not wait.
				pipe, err := os.OpenFile(fifo, os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				args, name := p.prepare(t, dir, fifo)
				c := limited(dir, args...)
				var stderr bytes.Buffer
				c.Stderr = &stderr
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				stop := make(chan bool)
				go func() {
					block := bytes.Repeat([]byte("Z"), 1<<16)
					for tries := 0; ; tries++ {
						select {
						case <-stop:
							return
						default:
						}
						if endless {
							_, _ = pipe.Write(block) // until it is closed
							continue
						}
						time.Sleep(20 * time.Millisecond)
						_ = c.Process.Signal(os.Interrupt) // it may have ended
						if tries == 500 {
							_ = c.Process.Kill()
							return
						}
					}
				}()
				_ = c.Wait() // the exit code says more
				close(stop)
				pipe.Close()
				status := c.ProcessState.Sys().(syscall.WaitStatus)
				line := strings.TrimSuffix(stderr.String(), "\n")
				refused := status.ExitStatus() == 2 && p.named(line, name) && !strings.Contains(line, "\n")
				interrupted := status.Signaled() && status.Signal() == syscall.SIGINT || status.ExitStatus() == 130
				if !refused && (endless || !interrupted) {
					t.Errorf("%v, endless %t: %v, %.500s", args, endless, c.ProcessState, line)
				}
				if memory := ofChild(c.ProcessState); memory > 512 {
					t.Errorf("%v: %d MiB", args, memory)
				}
			}
		})
	}
}

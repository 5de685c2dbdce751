package fleet_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dualbank/fuzz"
	"dualbank/fuzz/fleet"
	"dualbank/fuzz/fleet/hub"
	"dualbank/internal/long"
)

// TestFullDisk fills the hub's disk while a worker explores: the worker says so and waits. With room again, without anything
// else being done, everything is explored and the findings are those of one process.
func TestFullDisk(t *testing.T) {
	long.Test(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("a small file system needs root: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	said := make(chan string, 1000)
	say := func(line string) { said <- line }
	h, err := hub.Start(hub.Options{Dir: filepath.Join(dir, "hub"), Port: -1, Say: say})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	ctx, stop := context.WithCancel(context.Background())
	var working sync.WaitGroup
	defer working.Wait()
	defer stop()
	c, d, l := submitted(t, ctx, h.URL(), 1)
	worker, err := fleet.Connect(ctx, fleet.Access{URL: h.URL()}, "w", say)
	if err != nil {
		t.Fatal(err)
	}
	defer worker.Close()
	full := sync.OnceFunc(func() { fill(t, filepath.Join(dir, "ballast")) })
	w := &fleet.Worker{Name: "w", Workers: 1, Say: func(line string) {
		if strings.Contains(line, "explores") {
			full() // before there is a result
		}
	}, Build: func(*fleet.Definition) (*fuzz.Campaign, error) { return small(), nil }}
	working.Go(func() { w.Work(ctx, worker) })
	deadline := time.After(time.Minute)
	for _, want := range []string{"the disk of " + dir, "a result waits for the server: it does not answer: is its disk full?"} {
		for got := ""; !strings.Contains(got, want); {
			select {
			case got = <-said:
			case <-deadline:
				t.Fatalf("not said: %q", want)
			}
		}
	}
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	same(t, ctx, l, d, c)
}

// fill writes a file until there is no room.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for n := 1 << 20; n > 0; {
		if _, err := f.Write(make([]byte, n)); err != nil {
			n /= 2
		}
	}
}

package fleet_test

import (
	"context"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"dualbank/fuzz"
	"dualbank/fuzz/fleet"
	"dualbank/internal/long"
)

// TestLeaks: after many connections, of clients, workers, watchers, and of who sends nonsense, there are as many goroutines
// and open files as before.
func TestLeaks(t *testing.T) {
	connects := 60
	if long.Enabled() {
		connects = 1000
	}
	h := start(t, t.TempDir())
	once := func(i int) {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		if i%4 == 0 {
			c, err := net.Dial("tcp", strings.TrimPrefix(h.URL(), "nats://"))
			if err != nil {
				t.Fatal(err)
			}
			c.Write([]byte("GET / HTTP/1.0\r\n\r\n")) // the server may have closed it
			c.Close()
			return
		}
		l, err := fleet.Connect(ctx, fleet.Access{URL: h.URL()}, "test", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if i%20 == 1 {
			l.Follow(ctx).State()
			w := &fleet.Worker{Name: "w", Workers: 1, Build: func(*fleet.Definition) (*fuzz.Campaign, error) { return small(), nil }}
			var working sync.WaitGroup
			working.Go(func() { w.Work(ctx, l) })
			stop()
			working.Wait()
		}
	}
	count := func() (goroutines, files int) {
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return runtime.NumGoroutine(), len(open)
	}
	for i := range 20 {
		once(i) // what is made once
	}
	time.Sleep(500 * time.Millisecond)
	goroutines, files := count()
	for i := range connects {
		once(i)
	}
	const slack = 10 // timers of the server
	g, f := count()
	for range 100 {
		if g <= goroutines+slack && f <= files+slack {
			return
		}
		time.Sleep(100 * time.Millisecond) // what ends, ends soon
		g, f = count()
	}
	var stacks [1 << 16]byte
	t.Errorf("%d goroutines and %d files before, %d and %d after %d connections\n%s", goroutines, files, g, f, connects, stacks[:runtime.Stack(stacks[:], true)])
}

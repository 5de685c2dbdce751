package fleet_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"dualbank/fuzz"
	"dualbank/fuzz/fleet"
	"dualbank/fuzz/fleet/hub"
	"dualbank/internal/long"
)

// wire is a network that fails: connections to it go on to a server, late, and are cut at random moments.
type wire struct {
	listener net.Listener
	to       string
	mu       sync.Mutex // guards what follows
	r        *rand.Rand
	cuts     int // that are left
	open     sync.WaitGroup
}

// newWire makes a wire that cuts so many connections, and then none.
func newWire(t *testing.T, url string, seed uint64, cuts int) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: listener, to: strings.TrimPrefix(url, "nats://"), r: rand.New(rand.NewPCG(seed, 2)), cuts: cuts}
	w.open.Go(w.accept)
	t.Cleanup(func() { listener.Close(); w.open.Wait() })
	return w
}

func (w *wire) url() string { return "nats://" + w.listener.Addr().String() }

func (w *wire) accept() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", w.to)
		if err != nil {
			near.Close()
			continue
		}
		w.open.Go(func() { w.carry(near, far) })
		w.open.Go(func() { w.carry(far, near) })
	}
}

// carry copies from one end to the other, a little at a time, until either closes or the wire is cut.
func (w *wire) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		w.mu.Lock()
		late := time.Duration(w.r.IntN(3)) * time.Millisecond
		whole := w.cuts == 0 || w.r.IntN(60) > 0
		if !whole {
			w.cuts--
			n = w.r.IntN(n + 1) // in the middle of a message
		}
		w.mu.Unlock()
		time.Sleep(late)
		if _, err := to.Write(buf[:n]); err != nil || !whole {
			return
		}
	}
}

// TestBadNetwork: two workers and the collector reach the hub over connections that are slow and cut in the middle of
// messages, and every message of work and every result comes twice: the findings are those of one process.
func TestBadNetwork(t *testing.T) {
	seeds := uint64(1)
	if long.Enabled() {
		seeds = 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := start(t, t.TempDir())
			ctx, stop := context.WithCancel(context.Background())
			var working sync.WaitGroup
			defer working.Wait()
			defer stop()
			twice(t, h.URL())
			wires := []*wire{}
			through := func() string {
				wires = append(wires, newWire(t, h.URL(), seed<<8|uint64(len(wires)), 5))
				return wires[len(wires)-1].url()
			}
			for i := range 2 {
				l := connected(t, through())
				w := &fleet.Worker{Name: fmt.Sprintf("w%d", i), Workers: 1, Build: func(*fleet.Definition) (*fuzz.Campaign, error) { return small(), nil }}
				working.Go(func() { w.Work(ctx, l) })
			}
			l := connected(t, through())
			c := small()
			c.Dir = t.TempDir()
			d := define(t, c, seed)
			for l.Submit(ctx, d) != nil {
				time.Sleep(100 * time.Millisecond) // the connection was cut
			}
			same(t, ctx, l, d, c)
			cuts := 0
			for _, w := range wires {
				w.mu.Lock()
				cuts += 5 - w.cuts
				w.mu.Unlock()
			}
			if cuts < 3 {
				t.Errorf("the network was cut %d times: the test shows little", cuts)
			}
		})
	}
}

// connected is link where the connection may be cut before there is one: the command ends with an error then, and is started
// again.
func connected(t *testing.T, url string) *fleet.Link {
	t.Helper()
	for n := 0; ; n++ {
		l, err := fleet.Connect(context.Background(), fleet.Access{URL: url}, t.Name(), nil)
		if err == nil {
			t.Cleanup(l.Close)
			return l
		}
		if n == 10 {
			t.Fatal(err)
		}
	}
}

// twice has every message of work and every result delivered once more.
func twice(t *testing.T, url string) {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	for _, subject := range []string{"dualbank.work.>", "dualbank.result.>"} {
		seen := map[string]int{}
		if _, err := nc.Subscribe(subject, func(m *nats.Msg) {
			if seen[m.Subject]++; seen[m.Subject] == 1 {
				nc.Publish(m.Subject, m.Data)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

// one is the outcome of small in one process.
var one = sync.OnceValues(func() (string, error) {
	r, err := small().Sweep(context.Background(), nil)
	if err != nil {
		return "", err
	}
	return all(r)
})

// same collects a campaign that is small, and compares the findings with those of one process.
func same(t *testing.T, ctx context.Context, l *fleet.Link, d *fleet.Definition, c *fuzz.Campaign) {
	t.Helper()
	want, err := one()
	if err != nil {
		t.Fatal(err)
	}
	left := -1
	parked, err := l.Collect(ctx, d, c, func(done, total int) { left = total - done })
	if err != nil || len(parked) != 0 || left != 0 {
		t.Fatalf("%v, %v, %d chunks left", parked, err, left)
	}
	got, err := c.Sweep(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if have := text(t, got); have != want {
		t.Errorf("one process:\n%s\nthe fleet:\n%s", want, have)
	}
}

// TestComeAndGo: workers that are told to stop while they explore, more of them than a piece may end, lose nothing and park
// nothing.
func TestComeAndGo(t *testing.T) {
	h := start(t, t.TempDir())
	c := small()
	c.Dir = t.TempDir()
	d := define(t, c, 1)
	l := link(t, h.URL())
	if err := l.Submit(context.Background(), d); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		ctx, stop := context.WithCancel(context.Background())
		w := &fleet.Worker{Name: fmt.Sprintf("w%d", i), Workers: 1, Say: func(line string) {
			if strings.HasPrefix(line, "explores") && i < 4 {
				stop() // before the piece is explored
			}
		}, Build: func(*fleet.Definition) (*fuzz.Campaign, error) { return small(), nil }}
		var working sync.WaitGroup
		worker := link(t, h.URL())
		working.Go(func() { w.Work(ctx, worker) })
		if i < 4 {
			working.Wait()
			continue
		}
		same(t, ctx, l, d, c)
		stop()
		working.Wait()
	}
}

// TestSmallMessages: results that are larger than the hub's messages wait with their worker, which says so. The hub starts
// again with larger ones, and nothing is lost.
func TestSmallMessages(t *testing.T) {
	long.Test(t)
	dir := t.TempDir()
	o := hub.Options{Dir: dir, Port: -1, MaxPayload: 1200}
	h, err := hub.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var working sync.WaitGroup
	defer working.Wait()
	defer stop()
	said := make(chan string, 1000)
	url := h.URL()
	worker, err := fleet.Connect(ctx, fleet.Access{URL: url}, "w", func(line string) { said <- line })
	if err != nil {
		t.Fatal(err)
	}
	defer worker.Close()
	c, d, l := submitted(t, ctx, url, 1)
	w := &fleet.Worker{Name: "w", Workers: 1, Build: func(*fleet.Definition) (*fuzz.Campaign, error) { return small(), nil }}
	working.Go(func() { w.Work(ctx, worker) })
	for line := range said {
		if strings.Contains(line, "a result waits") && strings.Contains(line, "takes messages of 1200: raise its max_payload") {
			break
		}
	}
	h.Close()
	o.MaxPayload = 0
	if _, err := fmt.Sscanf(url, "nats://127.0.0.1:%d", &o.Port); err != nil {
		t.Fatal(err)
	}
	if h, err = hub.Start(o); err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	same(t, ctx, l, d, c)
}

package fleet_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"dualbank"
	"dualbank/boot"
	"dualbank/fuzz"
	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/fleet"
	"dualbank/fuzz/fleet/hub"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/update"
	"dualbank/kvstore"
)

// small is a campaign of each kind of sweep that is divided, and one that is not.
func small() *fuzz.Campaign {
	d := explore.Device{Sectors: "4x512", Unit: 8, Size: 2048}
	return &fuzz.Campaign{
		Live:    []kv.Sweep{{Device: d, Profile: kvstore.MbedCE, Seed: 1, Collections: 1}},
		KV:      []kv.Sweep{{Device: d, Profile: kvstore.MbedCE, Seed: 1, Collections: 1, Modes: []string{"torn"}, Deep: true, DeepSteps: 1, MaxCuts: 60}},
		Updates: []update.Sweep{{Device: explore.Device{Part: "stm32f429zi", Unit: 1}, Boot: fuzz.F429Guide, Client: boot.ClientOld, Old: 900, New: 1500, Seed: 1, Modes: []string{"after"}, MaxCuts: 30}},
		Guided:  []explore.Guided{{Target: fuzz.Targets[0], Seed: 1, Runs: 32, Round: 1}},
		Workers: 1,
	}
}

func define(t *testing.T, c *fuzz.Campaign, seed uint64) *fleet.Definition {
	t.Helper()
	sweeps, err := c.Divide(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return &fleet.Definition{Program: dualbank.Digest(), Profile: "MbedCE", Seed: seed, Sweeps: sweeps}
}

// own is the program that these tests are.
var own = dualbank.Digest()

// all is everything that a result holds of its findings and coverage.
func all(r *fuzz.CampaignResult) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v\n", r.Stats)
	for i := range r.Findings {
		one, err := r.Findings[i].Text()
		if err != nil {
			return "", err
		}
		b.Write(one)
	}
	for _, s := range r.Sweeps {
		fmt.Fprintf(&b, "%+v\n", s.Map)
	}
	return b.String(), nil
}

// text is all, in a test.
func text(t *testing.T, r *fuzz.CampaignResult) string {
	t.Helper()
	s, err := all(r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func start(t *testing.T, dir string) *hub.Hub {
	t.Helper()
	h, err := hub.Start(hub.Options{Dir: dir, Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func link(t *testing.T, url string) *fleet.Link {
	t.Helper()
	l, err := fleet.Connect(context.Background(), fleet.Access{URL: url}, t.Name(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// submitted is a small campaign whose definition is on the server, with the collector's link.
func submitted(t *testing.T, ctx context.Context, url string, seed uint64) (*fuzz.Campaign, *fleet.Definition, *fleet.Link) {
	t.Helper()
	c := small()
	c.Dir = t.TempDir()
	d := define(t, c, seed)
	l := link(t, url)
	if err := l.Submit(ctx, d); err != nil {
		t.Fatal(err)
	}
	return c, d, l
}

// TestFleet: two workers and two collectors have the findings of one process, byte for byte. Who submits the campaign again
// gets them without any work.
func TestFleet(t *testing.T) {
	h := start(t, t.TempDir())
	ctx, stop := context.WithCancel(context.Background())
	var working sync.WaitGroup
	defer working.Wait()
	defer stop()
	for i := range 2 {
		w := &fleet.Worker{Name: fmt.Sprintf("w%d", i), Workers: 1, Build: func(*fleet.Definition) (*fuzz.Campaign, error) { return small(), nil }}
		l := link(t, h.URL())
		working.Go(func() { w.Work(ctx, l) })
	}
	for range 2 {
		c, d, l := submitted(t, ctx, h.URL(), 1)
		same(t, ctx, l, d, c)
	}
}

// TestLearn: the collector need not find the causes again that a worker has told, and has the same ones.
func TestLearn(t *testing.T) {
	h := start(t, t.TempDir())
	ctx, stop := context.WithCancel(context.Background())
	var working sync.WaitGroup
	defer working.Wait()
	defer stop()
	c, d, l := submitted(t, ctx, h.URL(), 1)
	w := &fleet.Worker{Name: "w", Workers: 1, Build: func(*fleet.Definition) (*fuzz.Campaign, error) { return small(), nil }}
	far := link(t, h.URL())
	working.Go(func() { w.Work(ctx, far) })
	c.Causes = &cause.Memo{}
	if _, err := l.Collect(ctx, d, c, nil); err != nil {
		t.Fatal(err)
	}
	r, err := c.Sweep(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	working.Go(func() { l.Learn(ctx, d, c.Causes) }) // what came after the last piece, too
	learned := func(f explore.Finding) bool {
		return c.Causes.Lesson(f.Variants[0].Case(), f.Symptom) != nil
	}
	for n := 0; !slices.ContainsFunc(r.Findings, learned); n++ {
		if n == 100 {
			t.Fatalf("none of %d causes is learned", len(r.Findings))
		}
		time.Sleep(100 * time.Millisecond)
	}
	again := *r
	r.Attribute(ctx, c.Causes, 1, nil)
	again.Attribute(ctx, nil, 1, nil)
	if have, want := text(t, r), text(t, &again); have != want {
		t.Errorf("learned:\n%s\nfound:\n%s", have, want)
	}
}

// TestAlone: whoever watches sees the causes of sweeps that are not divided, which the collector explores.
func TestAlone(t *testing.T) {
	h := start(t, t.TempDir())
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	_, d, l := submitted(t, ctx, h.URL(), 4)
	c := &fuzz.Campaign{Live: fuzz.DefaultCampaign(kvstore.MbedCE, 1).Live[3:4], Workers: 1}
	var seen fleet.Outcome
	if err := c.Alone(ctx, func(found []explore.Finding) { l.Tell(ctx, d, found, c.Env, nil, &seen) }); err != nil {
		t.Fatal(err)
	}
	watch := l.Follow(ctx)
	for range 100 {
		if s := watch.State(); len(s.Causes) > 0 && s.Causes[0].Findings[0].Story != "" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("the page shows %+v", watch.State())
}

// TestOtherBuild: a worker of another program explores nothing, and says why where everybody looks.
func TestOtherBuild(t *testing.T) {
	h := start(t, t.TempDir())
	l := link(t, h.URL())
	ctx, stop := context.WithCancel(context.Background())
	c := small()
	d := define(t, c, 1)
	d.Program = "0123456789abcdef"
	if err := l.Submit(ctx, d); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 16)
	w := &fleet.Worker{Name: "w", Workers: 1, Say: func(s string) { said <- s }, Build: func(*fleet.Definition) (*fuzz.Campaign, error) {
		t.Error("the campaign is built")
		return small(), nil
	}}
	var working sync.WaitGroup
	working.Go(func() { w.Work(ctx, l) })
	defer working.Wait()
	defer stop()
	for s := range said {
		if strings.Contains(s, "refuses campaign "+d.Name()) && strings.Contains(s, "program 0123456789abcdef") {
			break
		}
	}
	watch := l.Follow(ctx)
	for range 100 {
		s := watch.State()
		if len(s.Workers) == 1 && strings.Contains(s.Workers[0].Does, "refuses") && s.Done == 0 && s.Total > 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("the page shows %+v", watch.State())
}

// TestParked: a piece that fails everywhere is told, and the rest of the campaign has its findings.
func TestParked(t *testing.T) {
	h := start(t, t.TempDir())
	ctx, stop := context.WithCancel(context.Background())
	// The worker's campaign lacks sweeps: pieces of them cannot be explored there.
	broken := func(*fleet.Definition) (*fuzz.Campaign, error) {
		c := small()
		c.KV = nil
		return c, nil
	}
	w := &fleet.Worker{Name: "w", Workers: 1, Build: broken}
	worker := link(t, h.URL())
	var working sync.WaitGroup
	working.Go(func() { w.Work(ctx, worker) })
	defer working.Wait()
	defer stop()
	c, d, l := submitted(t, ctx, h.URL(), 2)
	parked, err := l.Collect(ctx, d, c, nil)
	if err != nil || len(parked) == 0 {
		t.Fatalf("%v, %v", parked, err)
	}
	for _, p := range parked {
		if p.Why == "" || p.Sweep == "" || p.Last < p.First {
			t.Errorf("%+v", p)
		}
	}
	r, err := c.Sweep(ctx, nil)
	if err != nil || len(r.Findings) == 0 {
		t.Errorf("%d findings, %v", len(r.Findings), err)
	}
	if s := l.Follow(ctx); s != nil {
		for range 100 {
			if st := s.State(); len(st.Parked) == len(parked) && st.Total > 0 && st.Done == st.Total {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Errorf("the page shows %+v", s.State())
	}
}

// TestRoundOfParked: where the server has given up a piece already, the round behind it begins without what a worker finds that
// explores the piece all the same.
func TestRoundOfParked(t *testing.T) {
	h := start(t, t.TempDir())
	ctx, stop := context.WithCancel(context.Background())
	searches := func() *fuzz.Campaign {
		return &fuzz.Campaign{Workers: 1, Guided: []explore.Guided{{Target: fuzz.Targets[0], Seed: 1, Runs: 160, Round: 5}}}
	}
	c, l := searches(), link(t, h.URL())
	c.Dir = t.TempDir()
	d := define(t, c, 1)
	at := d.Sweeps[0]
	nc, err := nats.Connect(h.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	first := fmt.Sprintf("%s.%d.0.1", d.Name(), at.Sweep)
	if _, err := js.Publish(ctx, "dualbank.result."+first, []byte("{\"worker\":\"x\",\"nanos\":1,\"parked\":\"gone\"}\n"), jetstream.WithMsgID(first)); err != nil {
		t.Fatal(err)
	}
	if err := l.Submit(ctx, d); err != nil {
		t.Fatal(err)
	}
	// Behind a round whose first chunk came to nothing.
	pool, want := &explore.Pool{}, [][]byte(nil)
	for n := range 17 {
		if n == 16 {
			if err := pool.Merge(want); err != nil {
				t.Fatal(err)
			}
			want = nil
		}
		lines, _, err := searches().Explore(ctx, at.Sweep, n, n+1, pool)
		if n == 0 {
			lines, err = searches().Nothing(ctx, at.Sweep, n, n+1)
		}
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, lines...)
	}
	w := &fleet.Worker{Name: "w", Workers: 1, Build: func(*fleet.Definition) (*fuzz.Campaign, error) { return searches(), nil }}
	worker := link(t, h.URL())
	var working sync.WaitGroup
	working.Go(func() { w.Work(ctx, worker) })
	defer working.Wait()
	defer stop()
	if parked, err := l.Collect(ctx, d, c, nil); err != nil || len(parked) != 1 {
		t.Fatalf("%v, %v", parked, err)
	}
	files, err := filepath.Glob(filepath.Join(c.Dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	kept, err := os.ReadFile(files[0])
	if err != nil || !bytes.Contains(kept, want[0]) {
		t.Errorf("chunk 16 is none that follows what the server has: %v", err)
	}
}

// TestGarbage: messages of nonsense on every subject and in every bucket are dropped with a line each, and the campaign
// comes to its end.
func TestGarbage(t *testing.T) {
	h := start(t, t.TempDir())
	nc, err := nats.Connect(h.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	var mu sync.Mutex
	lines := 0
	say := func(string) { mu.Lock(); lines++; mu.Unlock() }
	l, err := fleet.Connect(context.Background(), fleet.Access{URL: h.URL()}, "collector", say)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, stop := context.WithCancel(context.Background())
	c := small()
	c.Dir = t.TempDir()
	d := define(t, c, 3)
	if err := l.Submit(ctx, d); err != nil {
		t.Fatal(err)
	}
	junk := []string{"", "{", "[]", "null", "{}", "{}\n", "{}\nx", "{}\nx\nx\n", "{}\n{}\n\n", "{\"parked\":\"x\"}\nx\n", "{\"lines\":[]}\nx\n", "{\"worker\":1}\nx\n", strings.Repeat("x", 1<<16), "\x00\xff\u202e"}
	name := d.Name()
	for i, j := range junk {
		for _, subject := range []string{
			"dualbank.work.x", "dualbank.work." + name + ".0.0.99999999999999999999", "dualbank.work." + name + ".99.0.1", fmt.Sprintf("dualbank.work.%s.%d.0.1000000", name, i),
			"dualbank.result.x.y", "dualbank.result." + name + ".0.5.1", fmt.Sprintf("dualbank.result.%s.%d.0.1", name, d.Sweeps[0].Sweep), "$KV.dualbank_campaigns." + fmt.Sprintf("%016x", i), "$KV.dualbank_workers.w" + fmt.Sprint(i),
		} {
			if err := nc.Publish(subject, []byte(j)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	watch := l.Follow(ctx)
	w := &fleet.Worker{Name: "w", Workers: 1, Build: func(*fleet.Definition) (*fuzz.Campaign, error) { return small(), nil }}
	worker, err := fleet.Connect(ctx, fleet.Access{URL: h.URL()}, "w", say)
	if err != nil {
		t.Fatal(err)
	}
	defer worker.Close()
	var working sync.WaitGroup
	working.Go(func() { w.Work(ctx, worker) })
	defer working.Wait()
	defer stop()
	same(t, ctx, l, d, c)
	watch.State()
	mu.Lock()
	defer mu.Unlock()
	if lines < len(junk) {
		t.Errorf("%d lines", lines)
	}
}

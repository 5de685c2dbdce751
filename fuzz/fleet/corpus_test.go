package fleet_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"dualbank/fuzz"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/fleet"
)

// TestCorpus: two folders of one target become the same, also by what comes later; that of another target stays apart. An
// object whose content is not what its name says, or whose name leads out of the folder, is no input.
func TestCorpus(t *testing.T) {
	h := start(t, t.TempDir())
	ctx, stop := context.WithCancel(context.Background())
	var sharing sync.WaitGroup
	defer sharing.Wait()
	defer stop()
	one, two, other := t.TempDir(), t.TempDir(), t.TempDir()
	put := func(dir, name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(one, "a", "first")
	put(two, "b", "second")
	put(two, "c", "first") // of the same content
	put(two, "large", strings.Repeat("x", 1<<20+1))
	worker := &fleet.Worker{Name: "w", Corpora: map[string]string{"FuzzKV": two}} // the other folders are shared without one
	working := link(t, h.URL())
	sharing.Go(func() {
		if err := worker.Work(ctx, working); err != nil {
			t.Error(err)
		}
	})
	for dir, target := range map[string]string{one: "FuzzKV", other: "FuzzUpdate"} {
		l := link(t, h.URL())
		sharing.Go(func() {
			if err := l.Share(ctx, target, dir, 200*time.Millisecond, nil); err != nil {
				t.Error(err)
			}
		})
	}
	inputs := func(dir string) string {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, f := range files {
			text, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil || strings.HasPrefix(f.Name(), ".") {
				continue // on its way
			}
			seen[string(text)] = true
		}
		var have []string
		for _, text := range []string{"first", "second", "third", "forged"} {
			if seen[text] {
				have = append(have, text)
			}
		}
		return strings.Join(have, " ")
	}
	wait := func(want string) {
		t.Helper()
		for range 300 {
			if inputs(one) == want && inputs(two) == want {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Fatalf("%q and %q, want %q", inputs(one), inputs(two), want)
	}
	wait("first second")
	nc, err := nats.Connect(h.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	store, err := js.ObjectStore(ctx, "dualbank_corpora")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"FuzzKV/" + strings.Repeat("0", 64), "FuzzKV/../../x", "/etc/x", "x"} {
		if _, err := store.PutBytes(ctx, name, []byte("forged")); err != nil {
			t.Fatal(err)
		}
	}
	put(one, "later", "third")
	wait("first second third")
	if got := inputs(other); got != "" {
		t.Errorf("another target has %q", got)
	}
	if err := (&fleet.Worker{Name: "bad", Corpora: map[string]string{"../x": one}}).Work(ctx, link(t, h.URL())); err == nil {
		t.Error("a worker shares a target that is a path")
	}
	if err := link(t, h.URL()).Share(ctx, "../x", one, time.Second, nil); err == nil {
		t.Error("a target that is a path is taken")
	}
}

// TestTarget: workers of a target search from the inputs in the object store, others leave it alone. The findings are those of
// one process with the same seeds, new inputs go to the store, and the same search begins with the same seeds again.
func TestTarget(t *testing.T) {
	h := start(t, t.TempDir())
	ctx, stop := context.WithCancel(context.Background())
	var working sync.WaitGroup
	defer working.Wait()
	defer stop()
	share := func(dir string, until func(sent, got int) bool) {
		t.Helper()
		sharing, enough := context.WithTimeout(ctx, 30*time.Second)
		defer enough()
		done := false
		if err := link(t, h.URL()).Share(sharing, "FuzzKV", dir, 20*time.Millisecond, func(sent, got int) {
			if done = until(sent, got); done {
				enough()
			}
		}); err != nil || !done {
			t.Fatalf("the inputs are not shared: %v", err)
		}
	}
	seeds := t.TempDir()
	files, err := filepath.Glob("../testdata/fuzz/FuzzKV/*")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, _, err := explore.ReadInput(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(seeds, filepath.Base(file)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	share(seeds, func(sent, _ int) bool { return sent == len(files) })
	for name, targets := range map[string][]string{"kv": {"FuzzKV"}, "update": {"FuzzUpdate"}} {
		w := &fleet.Worker{Name: name, Workers: 1, Targets: targets, Say: func(line string) {
			if name == "update" && strings.HasPrefix(line, "explores") {
				t.Error("a worker of another target " + line)
			}
		}}
		l := link(t, h.URL())
		working.Go(func() { w.Work(ctx, l) })
	}
	l := link(t, h.URL())
	prepared := func() (*fuzz.Campaign, *fleet.Definition) {
		d := &fleet.Definition{Program: own, Profile: "MbedCE", Seed: 1, Target: "FuzzKV", Runs: 48}
		c, err := d.Search()
		if err == nil {
			err = l.Prepare(ctx, d, c)
		}
		if err == nil {
			d.Sweeps, err = c.Divide(ctx)
		}
		if err != nil || len(c.Guided[0].Seeds) != len(files) {
			t.Fatalf("%d seeds of %d, %v", len(c.Guided[0].Seeds), len(files), err)
		}
		c.Workers = 1
		return c, d
	}
	c, d := prepared()
	want, err := c.Sweep(ctx, nil)
	if err != nil || want.Stats.Judged != 48+uint64(len(files)) {
		t.Fatalf("%+v, %v", want.Stats, err)
	}
	if err := l.Submit(ctx, d); err != nil {
		t.Fatal(err)
	}
	c.Dir = t.TempDir()
	if parked, err := l.Collect(ctx, d, c, nil); err != nil || len(parked) > 0 {
		t.Fatal(parked, err)
	}
	got, err := c.Sweep(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := text(t, want), text(t, got); a != b {
		t.Errorf("one process:\n%s\nthe fleet:\n%s", a, b)
	}
	share(seeds, func(_, got int) bool { return got > 0 })
	if _, again := prepared(); again.Name() != d.Name() {
		t.Errorf("the same search is campaign %s, and then %s", d.Name(), again.Name())
	}
}

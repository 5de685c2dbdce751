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
	put(two, "large", strings.Repeat("x", 2<<20))
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
			if err := l.Share(ctx, target, dir, 20*time.Millisecond, nil); err != nil {
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
			time.Sleep(50 * time.Millisecond)
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

//go:build browser

package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dualbank"
	"dualbank/fuzz"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/fleet"
	"dualbank/fuzz/kv"
	"dualbank/internal/browser"
	"dualbank/kvstore"
)

// serving starts a hub in this process and returns its addresses, and a function that ends it.
func serving(t *testing.T, f flags) (url, page string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := f.serve(ctx, w, os.Stderr); err != nil {
			t.Error(err)
		}
		w.Close()
	})
	in := bufio.NewReader(r)
	for _, to := range []*string{&url, &page} {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		*to, _, _ = strings.Cut(line, " ")
	}
	return url, page, sync.OnceFunc(func() { cancel(); wg.Wait() })
}

// TestHubInBrowser: the hub's page shows causes with stories, the worker, and the end; after the hub has started again on
// its folder the same page shows them again.
func TestHubInBrowser(t *testing.T) {
	f := flags{Dir: filepath.Join(t.TempDir(), "hub"), Listen: "127.0.0.1:0", Page: "127.0.0.1:0", MaxPayload: 1 << 20, MaxStore: 1 << 30, MaxWorkers: 10}
	url, page, stop := serving(t, f)
	defer func() { stop() }()
	c := browser.Start(t)
	c.Size(1024, 900)
	c.Open(page)
	c.Wait(`document.body.innerText.includes("Waits for")`)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	campaign := fuzz.Campaign{Workers: 1, Guided: []explore.Guided{{Target: &kv.Target, Seed: 1, Runs: 320, Planted: kv.PlantProfile(kvstore.MbedOS)}}}
	link, err := fleet.Connect(ctx, fleet.Access{URL: url}, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	d := &fleet.Definition{Program: dualbank.Digest(), Profile: "MbedOS", Seed: 1}
	if d.Sweeps, err = campaign.Divide(ctx); err == nil {
		err = link.Submit(ctx, d)
	}
	if err != nil {
		t.Fatal(err)
	}
	var working sync.WaitGroup
	w := &fleet.Worker{Name: "the-worker", Workers: 1, Build: func(*fleet.Definition) (*fuzz.Campaign, error) { return &campaign, nil }}
	working.Go(func() { w.Work(ctx, link) })
	defer working.Wait()
	defer cancel()
	const shown = `document.body.innerText.includes("Everything is explored.") && document.querySelectorAll("#causes > details").length > 1 && document.getElementById("waiting-section").hidden`
	c.Wait(shown + ` && document.body.innerText.includes("the-worker")`)
	for _, what := range c.Complaints(page, page+"board.css", page+"board.js", page+"state.json") {
		t.Error(what)
	}
	var story string
	c.Eval(`document.querySelector("#causes .finding pre").textContent`, &story)
	if !strings.Contains(story, "outcome  rule ") || !strings.Contains(story, "is broken") {
		t.Errorf("the story is %q", story)
	}
	c.Keep("hub.png", c.Screenshot)

	stop()
	c.Wait(`document.getElementById("status").className === "lost"`)
	f.Listen, f.Page = strings.TrimPrefix(url, "nats://"), strings.TrimSuffix(strings.TrimPrefix(page, "http://"), "/")
	_, _, stop = serving(t, f)
	c.Eval(`document.getElementById("causes").replaceChildren()`, nil)
	c.Wait(shown)
}

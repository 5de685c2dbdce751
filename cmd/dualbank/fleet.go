package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"dualbank"
	"dualbank/fuzz"
	"dualbank/fuzz/fleet"
	"dualbank/fuzz/fleet/board"
	"dualbank/internal/plain"
	"dualbank/kvstore"
)

// accessFlags say how a server of a fleet is reached.
type accessFlags struct {
	TokenFile string `needs:"nats,url" placeholder:"FILE" help:"File with the token that the server wants."`
	NKeyFile  string `needs:"nats,url" name:"nkey-file" placeholder:"FILE" help:"File with the seed of a user nkey that the server knows."`
	CAFile    string `needs:"nats,url" name:"ca-file" placeholder:"FILE" help:"Certificates, in PEM, that the server's is checked by; without it, those of the machine."`
}

func (f *accessFlags) access(url string) fleet.Access {
	return fleet.Access{URL: url, Token: f.TokenFile, NKey: f.NKeyFile, CA: f.CAFile}
}

type workerCommand struct {
	URL     string `arg:"" name:"url" help:"The server: nats://127.0.0.1:4222 on this machine, tls://HOST:4222 on another."`
	Workers int    `range:"0..1024" placeholder:"N" help:"Pieces to explore at a time; 0: one for each processor."`
	Name    string `placeholder:"NAME" help:"Name among the workers; without it, the machine's name and some random digits."`
	accessFlags
}

// Help says how it ends.
func (c *workerCommand) Help() string {
	return "Takes work of `dualbank crash --nats` until Ctrl-C. Any number of workers may come and go. A worker explores campaigns of its own version of the program alone."
}

// mostWorkers bounds pieces at a time.
const mostWorkers = 1024

func (c *workerCommand) Run(t terminal) error {
	if c.Workers < 0 || c.Workers > mostWorkers {
		return badInput(fmt.Errorf("--workers: %d: give 1 to %d", c.Workers, mostWorkers))
	}
	if c.Name == "" {
		c.Name = workerName()
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`).MatchString(c.Name) {
		return badInput(fmt.Errorf("--name: %q: give 1 to 64 letters, digits, dashes and underscores", c.Name))
	}
	ctx, stop := t.interruptible()
	defer stop()
	var one sync.Mutex
	say := func(line string) {
		one.Lock()
		defer one.Unlock()
		for _, line := range plain.Message(line) {
			fmt.Fprintf(t.err, "%s\n", line)
		}
	}
	link, err := fleet.Connect(ctx, c.access(c.URL), "dualbank worker "+c.Name, say)
	if err != nil {
		return badInput(err)
	}
	defer link.Close()
	fmt.Fprintf(t.out, "worker %s of program %s\n", c.Name, dualbank.Digest())
	w := &fleet.Worker{Name: c.Name, Workers: c.Workers, Say: say, Build: campaignOf}
	return w.Work(ctx, link)
}

// workerName is the machine's name with some random digits.
func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	host = regexp.MustCompile(`[^A-Za-z0-9_-]`).ReplaceAllString(host, "-")
	return host[:min(len(host), 40)] + "-" + strings.ToLower(rand.Text()[:8])
}

// campaignOf makes the campaign of a definition.
func campaignOf(d *fleet.Definition) (*fuzz.Campaign, error) {
	p, ok := kvstore.ParseProfile(d.Profile)
	if !ok {
		return nil, fmt.Errorf("profile %.40q is unknown", d.Profile)
	}
	c := fuzz.DefaultCampaign(p, d.Seed)
	return &c, nil
}

// fleetFlags are those of a campaign on many machines.
type fleetFlags struct {
	Nats   string `without:"input" placeholder:"URL" help:"Have the workers of this server explore the campaign: nats://127.0.0.1:4222, or tls://HOST:4222."`
	Detach bool   `needs:"nats" help:"With --nats: publish the work and end. The same command without it collects."`
	Serve  string `without:"input" placeholder:"ADDR" help:"Show the campaign on a page while it runs, at this loopback address, such as 127.0.0.1:8080."`
	accessFlags
}

// check refuses flags that have no effect.
func (f *fleetFlags) check() error {
	if f.Nats == "" && (f.Detach || f.TokenFile != "" || f.NKeyFile != "" || f.CAFile != "") {
		return errors.New("--detach, --token-file, --nkey-file and --ca-file go with --nats: give that too")
	}
	if f.Serve != "" {
		host, _, err := net.SplitHostPort(f.Serve)
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return fmt.Errorf("--serve: %q is no loopback address with a port: give one such as 127.0.0.1:8080", f.Serve)
		}
	}
	return nil
}

// gather has the workers of a server explore what can be divided, and keeps it in the campaign's journals. detached says
// that there is nothing more to do now.
func (f *fleetFlags) gather(ctx context.Context, t terminal, d *fleet.Definition, c *fuzz.Campaign, show func(stage string, done, total uint64)) (parked []fleet.Parked, detached bool, err error) {
	link, err := fleet.Connect(ctx, f.access(f.Nats), "dualbank crash", func(line string) {
		for _, line := range plain.Message(line) {
			fmt.Fprintf(t.err, "%s\n", line)
		}
	})
	if err != nil {
		return nil, false, badInput(err)
	}
	defer link.Close()
	if d.Sweeps, err = c.Divide(ctx); err != nil {
		return nil, false, err
	}
	if err := link.Submit(ctx, d); err != nil {
		return nil, false, err
	}
	if f.Detach {
		_, err := fmt.Fprintf(t.out, "campaign %s is published: `dualbank worker %s` explores it; the same command without --detach collects\n", d.Name(), f.Nats)
		return nil, true, err
	}
	parked, err = link.Collect(ctx, d, c, func(done, total int) {
		if show != nil {
			show("the fleet", uint64(done), uint64(total))
		}
	})
	return parked, false, err
}

// follower keeps the state of a campaign in this process, for the page.
type follower struct {
	mu    sync.Mutex
	began time.Time
	state board.State
}

// serve shows the campaign on a page until stop is called. next is a progress that the page follows too.
func (f *fleetFlags) serve(t terminal, title string, next func(stage string, done, total uint64)) (show func(stage string, done, total uint64), stop func(), err error) {
	if f.Serve == "" {
		return next, func() {}, nil
	}
	listener, err := net.Listen("tcp", f.Serve)
	if err != nil {
		return nil, nil, badInput(fmt.Errorf("--serve: %w: give another address", err))
	}
	w := &follower{began: time.Now(), state: board.State{Title: title, Sweeps: []board.Sweep{}, Findings: []board.Finding{}, Workers: []board.Worker{}, Parked: []string{}}}
	server := &http.Server{Handler: board.Handler(w.now), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener) // ends with Close
	if _, err := fmt.Fprintf(t.err, "http://%s/ shows the campaign\n", listener.Addr()); err != nil {
		return nil, nil, errors.Join(err, server.Close())
	}
	return func(stage string, done, total uint64) {
		w.told(stage, done, total)
		if next != nil {
			next(stage, done, total)
		}
	}, func() { server.Close() }, nil
}

// told takes over a progress.
func (w *follower) told(stage string, done, total uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.state
	i := slices.IndexFunc(s.Sweeps, func(x board.Sweep) bool { return x.Name == stage })
	if i < 0 {
		i = len(s.Sweeps)
		s.Sweeps = append(s.Sweeps, board.Sweep{Name: stage})
	}
	s.Sweeps[i].Done, s.Sweeps[i].Total = int(min(done, 1<<30)), int(min(total, 1<<30))
	s.Note = stage
	s.Cuts, s.Done, s.Total = 0, 0, 0
	for _, x := range s.Sweeps {
		s.Cuts += uint64(x.Done)
		s.Done += x.Done
		s.Total += x.Total
	}
}

// now is the state at this moment.
func (w *follower) now() board.State {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.state
	s.Sweeps = slices.Clone(s.Sweeps)
	s.Seconds = time.Since(w.began).Seconds()
	return s
}

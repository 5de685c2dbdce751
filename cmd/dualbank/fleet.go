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
	"dualbank/bench"
	"dualbank/fuzz"
	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/fleet"
	"dualbank/fuzz/fleet/board"
	"dualbank/fuzz/native"
	"dualbank/internal/plain"
	"dualbank/kvstore"
	"dualbank/results/unit"
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
	URL     string   `arg:"" name:"url" help:"The server: nats://127.0.0.1:4222 on this machine, tls://HOST:4222 on another."`
	Workers int      `range:"0..1024" placeholder:"N" help:"Pieces to explore at a time; 0: one for each processor."`
	Name    string   `placeholder:"NAME" help:"Name among the workers; without it, the machine's name and some random digits."`
	Exec    []string `sep:"none" placeholder:"PROGRAM" help:"Explore campaigns of this program of yours, too: crash --nats --exec with a file of the same content. May be repeated. No other program is ever started."`
	Target  []string `sep:"none" placeholder:"NAME" help:"Explore the searches of crash --nats --target for this one of FuzzKV, FuzzSecure, FuzzUpdate and FuzzLayout, and no other work. May be repeated."`
	Corpus  []string `sep:"none" placeholder:"TARGET=DIR" help:"In place of exploring: keep a folder of inputs of FuzzKV, FuzzSecure, FuzzUpdate or FuzzLayout the same as those of all such workers, for libFuzzer or another engine that searches in it. May be repeated."`
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
	programs := map[string]string{} // files, by the hash of their content
	for _, path := range c.Exec {
		hash, err := (&native.Program{Path: path}).Hash()
		if err != nil {
			return badInput(fmt.Errorf("--exec: %w", err))
		}
		programs[hash] = path
	}
	corpora := map[string]string{} // folders, by their target
	for _, s := range c.Corpus {
		target, dir, _ := strings.Cut(s, "=")
		if _, err := fuzz.TargetByName(target); err != nil || dir == "" {
			return badInput(fmt.Errorf("--corpus: %.100q: give a target and a folder, such as FuzzKV=corpus", s))
		}
		corpora[target] = dir
	}
	for _, name := range c.Target {
		if _, err := fuzz.TargetByName(name); err != nil {
			return badInput(fmt.Errorf("--target: %w", err))
		}
	}
	if len(c.Target) > 0 && len(c.Corpus) > 0 {
		return badInput(errors.New("--target and --corpus: a worker with --corpus explores nothing: leave one of them out"))
	}
	var opened programsOpen
	defer opened.close()
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
	w := &fleet.Worker{Name: c.Name, Workers: c.Workers, Targets: c.Target, Corpora: corpora, Say: say, Build: func(d *fleet.Definition) (*fuzz.Campaign, error) { return campaignOf(d, programs, &opened) }}
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

// programsOpen are programs that run code under test.
type programsOpen struct {
	mu  sync.Mutex
	all []*native.Program
}

func (o *programsOpen) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.all {
		p.Close()
	}
}

// campaignOf makes the campaign of a definition. programs are the files that this worker may start, by their hash.
func campaignOf(d *fleet.Definition, programs map[string]string, opened *programsOpen) (*fuzz.Campaign, error) {
	profile, ok := kvstore.ParseProfile(d.Profile)
	if !ok {
		return nil, fmt.Errorf("profile %.40q is unknown", d.Profile)
	}
	if d.Exec == "" {
		c := fuzz.DefaultCampaign(profile, d.Seed)
		return &c, nil
	}
	path, ok := programs[d.Exec]
	if !ok {
		return nil, fmt.Errorf("it is of a program with SHA-256 %.64q: name its file with --exec", d.Exec)
	}
	// The file may have changed since.
	p := &native.Program{Path: path, Processes: 1}
	if hash, err := p.Hash(); err != nil || hash != d.Exec {
		return nil, fmt.Errorf("%s is not the file that it was: start the worker again", path)
	}
	opened.mu.Lock()
	opened.all = append(opened.all, p)
	opened.mu.Unlock()
	c, _, err := campaignFor(p, d.Board, d.Seed, 0)
	return &c, err
}

// fleetFlags are those of a campaign on many machines.
type fleetFlags struct {
	Nats   string `without:"input" placeholder:"URL" help:"Have the workers of this server explore the campaign: nats://127.0.0.1:4222, or tls://HOST:4222."`
	Runs   uint64 `default:"16000" range:"16..200000" needs:"target" without:"input" placeholder:"N" help:"With --nats and --target: inputs to try (${default})."`
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

// gather has the workers of a server explore what can be divided, and keeps it in the campaign's journals. w follows.
// detached says that there is nothing more to do now.
func (f *fleetFlags) gather(ctx context.Context, t terminal, d *fleet.Definition, c *fuzz.Campaign, w *follower) (parked []fleet.Parked, detached bool, err error) {
	link, err := fleet.Connect(ctx, f.access(f.Nats), "dualbank crash", func(line string) {
		for _, line := range plain.Message(line) {
			fmt.Fprintf(t.err, "%s\n", line)
		}
	})
	if err != nil {
		return nil, false, badInput(err)
	}
	defer link.Close()
	if d.Target != "" {
		if err := link.Prepare(ctx, d, c); err != nil {
			return nil, false, err
		}
	}
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
	following, stop := context.WithCancel(ctx)
	defer stop()
	w.setRemote(link.Follow(following).State)
	defer w.setRemote(nil)
	// The sweeps that are not divided, meanwhile.
	alone := make(chan error, 1)
	go func() {
		var seen fleet.Outcome
		alone <- c.Alone(ctx, func(found []explore.Finding) { link.Tell(ctx, d, found, c.Env, w.causes, &seen) })
	}()
	parked, err = link.Collect(ctx, d, c, func(done, total int) { w.show("the fleet", uint64(done), uint64(total)) })
	if failed := <-alone; err == nil {
		err = failed
	}
	return parked, false, err
}

// follower keeps what is known of a campaign while it runs, for the terminal and for the page.
type follower struct {
	show    bench.Progress // what the campaign and its end tell of their progress
	env     explore.Env
	causes  *cause.Memo
	began   time.Time
	outcome fleet.Outcome

	mu      sync.Mutex
	state   board.State
	sweeps  bool    // it is in the sweeps, not behind them
	sweep   string  // name of the last one
	first   float64 // share that was done when it began
	rate    board.Rate
	remote  func() board.State // of a fleet that explores; nil: this process does
	waiting []explore.Finding  // to be judged
	more    chan struct{}      // something waits
}

// follow returns a follower of a campaign, and has the campaign tell it. It tells the terminal, and serves the page that
// --serve asks for. stop ends both.
func (f *fleetFlags) follow(t terminal, title string, c *fuzz.Campaign) (w *follower, stop func(), err error) {
	w = &follower{env: c.Env, causes: &cause.Memo{}, began: time.Now(), state: board.Empty(title), first: -1, more: make(chan struct{}, 1)}
	c.Tell, c.Causes = w.tell, w.causes
	show, cleared := progressOf(t.err, w.line)
	w.show = func(stage string, done, total uint64) {
		w.told(done, total)
		show(w.stage(stage), done, total)
	}
	var server *http.Server
	if f.Serve != "" {
		listener, err := net.Listen("tcp", f.Serve)
		if err != nil {
			return nil, nil, badInput(fmt.Errorf("--serve: %w: give another address", err))
		}
		server = &http.Server{Handler: board.Handler(w.now), ReadHeaderTimeout: 10 * time.Second}
		go server.Serve(listener) // ends with Close
		if _, err := fmt.Fprintf(t.err, "http://%s/ shows the campaign\n", listener.Addr()); err != nil {
			return nil, nil, errors.Join(err, server.Close())
		}
	}
	ctx, end := context.WithCancel(context.Background())
	var judging sync.WaitGroup
	judging.Go(func() { w.judge(ctx) })
	return w, func() {
		end()
		judging.Wait()
		cleared()
		if server != nil {
			server.Close()
		}
	}, nil
}

// stage names a stage of the campaign, or what comes behind it.
func (w *follower) stage(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.state
	if w.sweeps = name == w.sweep; w.sweeps {
		return fmt.Sprintf("sweep %d of %d", min(s.Done+1, s.Total), s.Total)
	}
	s.Note, w.rate = name, board.Rate{}
	return name
}

// line is what a line on the progress says of speed, causes, and the sweep.
func (w *follower) line() (speed, more string) {
	w.mu.Lock()
	remote, rate, at := w.remote, w.rate.PerSecond(time.Now()), ""
	if w.sweeps {
		at = w.sweep
	}
	w.mu.Unlock()
	n, newest := w.outcome.Causes()
	if remote != nil {
		s := remote()
		rate, n, newest = s.Rate, len(s.Causes), s.Newest
	}
	if rate >= 1 {
		speed = fmt.Sprintf("%.0f cuts/s", rate)
	}
	var parts []string
	if n > 0 {
		parts = append(parts, unit.Plural(n, "cause")+", newest "+newest)
	}
	if at != "" {
		parts = append(parts, "now "+at)
	}
	return speed, strings.Join(parts, ", ")
}

// told takes over how far the campaign is.
func (w *follower) told(done, total uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.state
	s.Share = float64(done) / float64(max(total, 1))
	if w.first < 0 {
		w.first = s.Share
	}
	s.Left = 0
	if since := s.Share - w.first; since > 0 {
		s.Left = time.Since(w.began).Seconds() / since * (1 - s.Share)
	}
}

// tell takes over a stage of the campaign.
func (w *follower) tell(x fuzz.Stage) {
	for i := range x.Findings {
		f := &x.Findings[i]
		w.outcome.Count(board.Finding{Severity: f.Severity, Text: f.Symptom.String(), Place: f.Place.String(), Count: f.Count, Story: "expected " + f.Expected + "; seen " + f.Seen})
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.state
	w.sweep = x.Name
	s.Note, s.Total, s.Done, s.Cuts = x.Name, x.Of, x.At-1, x.Cuts
	for len(s.Sweeps) < x.At {
		s.Sweeps = append(s.Sweeps, board.Sweep{Name: "goes on from its journal", Total: 1, Done: 1})
	}
	s.Sweeps[x.At-1] = board.Sweep{Name: x.Name, Total: 1}
	if x.Over {
		s.Done, s.Sweeps[x.At-1].Done = x.At, 1
	}
	w.rate.Add(time.Now(), x.Cuts)
	w.waiting = append(w.waiting, x.Findings...)
	select {
	case w.more <- struct{}{}:
	default:
	}
}

// judge finds the causes of what waits, until ctx ends.
func (w *follower) judge(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-w.more:
		}
		w.mu.Lock()
		list := w.waiting
		w.waiting = nil
		w.mu.Unlock()
		for _, f := range list {
			if ctx.Err() != nil || !w.outcome.Fresh(f.ID) {
				continue
			}
			if j, ok := fleet.Judge(ctx, f, w.env, w.causes); ok {
				w.outcome.Add(j)
			}
		}
	}
}

// setRemote says who tells the state while a fleet explores; nil: this process.
func (w *follower) setRemote(state func() board.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remote = state
}

// now is the state at this moment.
func (w *follower) now() board.State {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.remote != nil {
		return w.remote()
	}
	s, now := w.state, time.Now()
	s.Sweeps = slices.Clone(s.Sweeps)
	s.Seconds, s.Rate = now.Sub(w.began).Seconds(), w.rate.PerSecond(now)
	w.outcome.Show(&s)
	return s
}

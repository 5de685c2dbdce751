package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/fleet/board"
)

// Watch follows what a server knows of campaigns and workers.
type Watch struct {
	mu      sync.Mutex
	began   time.Time
	defs    catalogue
	done    map[string]map[int]int
	seen    map[string]bool
	cuts    map[string]uint64
	first   map[string]time.Time // when the first result of a campaign came here
	early   map[string]int       // chunks that were there then
	rates   map[string]*board.Rate
	found   map[string]*Outcome
	parked  map[string][]string
	workers map[string]*Word
}

// Follow returns a Watch that follows until ctx ends.
func (l *Link) Follow(ctx context.Context) *Watch {
	w := &Watch{
		began: time.Now(), done: map[string]map[int]int{}, seen: map[string]bool{}, cuts: map[string]uint64{},
		first: map[string]time.Time{}, early: map[string]int{}, rates: map[string]*board.Rate{}, found: map[string]*Outcome{}, parked: map[string][]string{}, workers: map[string]*Word{},
	}
	go w.defs.follow(ctx, l)
	go w.results(ctx, l)
	go l.told(ctx, ">", w.cause)
	go watch(ctx, l.workers, ">", func(e jetstream.KeyValueEntry) { w.worker(l, e) })
	return w
}

// outcome is what was found in a campaign.
func (w *Watch) outcome(campaign string) *Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.found[campaign] == nil {
		w.found[campaign] = &Outcome{}
	}
	return w.found[campaign]
}

// cause takes over the cause of a finding that a worker tells.
func (w *Watch) cause(key string, j Judged) error {
	campaign, id, _ := strings.Cut(key, ".")
	if o := w.outcome(campaign); o.Fresh(id) {
		o.Add(j)
	}
	return nil
}

// worker takes over what a worker says.
func (w *Watch) worker(l *Link, e jetstream.KeyValueEntry) {
	word, err := parseWord(e.Value())
	if err != nil {
		l.say(fmt.Sprintf("dropped: worker %s: %v", short(e.Key()), err))
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	word.at = time.Now()
	w.workers[short(e.Key())] = word
}

// results follows results.
func (w *Watch) results(ctx context.Context, l *Link) {
	strangers := map[string]bool{} // campaigns whose definitions were waited for
	take := func(p *piece, r *Result) (more bool) {
		for n := 0; n < 20 && !strangers[p.Campaign] && w.defs.named(p.Campaign) == nil; n++ {
			pause(ctx, 100*time.Millisecond) // its definition is on the way
		}
		strangers[p.Campaign] = true
		w.add(p, r)
		return true
	}
	for ctx.Err() == nil {
		_ = l.follow(ctx, ">", take)
		pause(ctx, time.Second)
	}
}

// add counts a result.
func (w *Watch) add(p *piece, r *Result) {
	found := w.outcome(p.Campaign)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen[p.id()] {
		return
	}
	w.seen[p.id()] = true
	name := p.Campaign
	if w.done[name] == nil {
		w.done[name], w.first[name], w.rates[name] = map[int]int{}, time.Now(), &board.Rate{}
	}
	w.done[name][p.Sweep] += p.Last - p.First
	now := time.Now()
	early := now.Sub(w.began) < 3*time.Second
	if early {
		w.early[name] += p.Last - p.First // of before
	}
	defer func() {
		if !early {
			w.rates[name].Add(now, w.cuts[name])
		}
	}()
	if r.Parked != "" {
		w.parked[name] = append(w.parked[name], fmt.Sprintf("chunks %d to %d of sweep %d: %s", p.First, p.Last-1, p.Sweep, r.Parked))
	}
	subject := ""
	if d := w.defs.named(name); d != nil {
		for _, s := range d.Sweeps {
			if s.Sweep == p.Sweep {
				subject = s.Subject
			}
		}
	}
	for _, line := range r.Lines {
		s, err := explore.Summarize(line, subject)
		if err != nil {
			continue
		}
		w.cuts[name] += s.Stats.Cuts
		for _, g := range s.Groups {
			found.Count(board.Finding{Severity: g.Severity, Text: g.Text, Place: g.Place, Count: g.Count, Story: short("expected " + g.Expected + "; seen " + g.Seen)})
		}
	}
}

// State is that of the newest campaign.
func (w *Watch) State() board.State {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := board.Empty("No campaign yet")
	for name, word := range w.workers {
		if time.Since(word.at) > 2*ackWait {
			delete(w.workers, name)
			continue
		}
		b := board.Worker{Name: name, Does: word.Does, Pieces: word.Pieces}
		if word.Nanos > 0 {
			b.Rate = float64(word.Pieces) / time.Duration(word.Nanos).Minutes()
		}
		s.Workers = append(s.Workers, b)
	}
	slices.SortFunc(s.Workers, func(a, b board.Worker) int { return strings.Compare(a.Name, b.Name) })
	defs, _ := w.defs.list()
	if len(defs) == 0 {
		s.Note = "Waits for `dualbank crash --nats`."
		return s
	}
	d := defs[len(defs)-1]
	name := d.Name()
	done, total := 0, 0 // chunks
	s.Title = fmt.Sprintf("Power cuts, profile %s, seed %d", short(d.Profile), d.Seed)
	for _, x := range d.Sweeps {
		s.Sweeps = append(s.Sweeps, board.Sweep{Name: short(x.Name), Done: w.done[name][x.Sweep], Total: x.Chunks})
		if s.Total++; w.done[name][x.Sweep] >= x.Chunks {
			s.Done++
		}
		done += w.done[name][x.Sweep]
		total += x.Chunks
	}
	s.Share = float64(done) / float64(max(total, 1))
	s.Cuts = w.cuts[name]
	if at := w.first[name]; !at.IsZero() {
		now := time.Now()
		s.Seconds = now.Sub(at).Seconds()
		s.Rate = w.rates[name].PerSecond(now)
		if n := done - w.early[name]; n > 0 && done < total {
			s.Left = s.Seconds / float64(n) * float64(total-done)
		}
	}
	if o := w.found[name]; o != nil {
		o.Show(&s)
	}
	s.Parked = append(s.Parked, w.parked[name]...)
	return s
}

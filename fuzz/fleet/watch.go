package fleet

import (
	"context"
	"errors"
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
	defs    map[string]*Definition
	order   []string // names of definitions, as they came
	done    map[string]map[int]int
	seen    map[string]bool
	cuts    map[string]uint64
	first   map[string]time.Time // when the first result of a campaign came here
	early   map[string]int       // chunks that were there then
	found   map[string]map[string]*board.Finding
	parked  map[string][]string
	workers map[string]*Word
}

// Follow returns a Watch that follows until ctx ends.
func (l *Link) Follow(ctx context.Context) *Watch {
	w := &Watch{
		began: time.Now(), defs: map[string]*Definition{}, done: map[string]map[int]int{}, seen: map[string]bool{}, cuts: map[string]uint64{},
		first: map[string]time.Time{}, early: map[string]int{}, found: map[string]map[string]*board.Finding{}, parked: map[string][]string{}, workers: map[string]*Word{},
	}
	go w.results(ctx, l)
	go w.names(ctx, l)
	return w
}

// names follows definitions and workers.
func (w *Watch) names(ctx context.Context, l *Link) {
	for {
		w.define(ctx, l)
		words := map[string]*Word{}
		if keys, e := l.workers.Keys(ctx); e == nil {
			for _, k := range keys {
				if entry, e := l.workers.Get(ctx, k); e == nil {
					if word, e := parseWord(entry.Value()); e == nil {
						words[short(k)] = word
					}
				}
			}
		} else if !errors.Is(e, jetstream.ErrNoKeysFound) {
			words = nil
		}
		w.mu.Lock()
		if words != nil {
			w.workers = words
		}
		w.mu.Unlock()
		if !pause(ctx, time.Second) {
			return
		}
	}
}

// define takes over definitions that are new.
func (w *Watch) define(ctx context.Context, l *Link) {
	defs, err := l.definitions(ctx)
	if err != nil {
		return // it is asked again
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range defs {
		if name := d.Name(); w.defs[name] == nil {
			w.defs[name], w.order = d, append(w.order, name)
		}
	}
}

// results follows results.
func (w *Watch) results(ctx context.Context, l *Link) {
	for ctx.Err() == nil {
		consumer, err := l.js.OrderedConsumer(ctx, resultStream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{resultSubject + ".>"}})
		if err != nil {
			pause(ctx, time.Second)
			continue
		}
		for ctx.Err() == nil {
			msg, err := consumer.Next(jetstream.FetchMaxWait(2 * time.Second))
			if err != nil {
				continue
			}
			p, err := parsePiece(msg.Subject(), resultSubject)
			if err != nil {
				l.say("dropped: " + err.Error())
				continue
			}
			r, err := parseResult(msg.Data(), p)
			if err != nil {
				l.say(fmt.Sprintf("dropped: result %s: %v", short(msg.Subject()), err))
				continue
			}
			w.mu.Lock()
			known := w.defs[p.Campaign] != nil
			w.mu.Unlock()
			if !known {
				w.define(ctx, l) // a new one
			}
			w.add(p, r)
		}
	}
}

// add counts a result.
func (w *Watch) add(p *piece, r *Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen[p.id()] {
		return
	}
	w.seen[p.id()] = true
	name := p.Campaign
	if w.done[name] == nil {
		w.done[name], w.found[name], w.first[name] = map[int]int{}, map[string]*board.Finding{}, time.Now()
	}
	w.done[name][p.Sweep] += p.Last - p.First
	if time.Since(w.began) < 3*time.Second {
		w.early[name] += p.Last - p.First // of before
	}
	if r.Parked != "" {
		w.parked[name] = append(w.parked[name], fmt.Sprintf("chunks %d to %d of sweep %d: %s", p.First, p.Last-1, p.Sweep, r.Parked))
	}
	subject := ""
	if d := w.defs[name]; d != nil {
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
			key := g.Text + "|" + g.Place
			f := w.found[name][key]
			if f == nil {
				f = &board.Finding{Severity: g.Severity, Text: short(g.Text), Place: short(g.Place), Story: short("expected " + g.Expected + "; seen " + g.Seen)}
				w.found[name][key] = f
			}
			f.Count += g.Count
		}
	}
}

// State is that of the newest campaign.
func (w *Watch) State() board.State {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := board.State{Title: "No campaign yet", Sweeps: []board.Sweep{}, Findings: []board.Finding{}, Workers: []board.Worker{}, Parked: []string{}}
	for name, word := range w.workers {
		b := board.Worker{Name: name, Does: word.Does, Pieces: word.Pieces}
		if word.Nanos > 0 {
			b.Rate = float64(word.Pieces) / time.Duration(word.Nanos).Minutes()
		}
		s.Workers = append(s.Workers, b)
	}
	slices.SortFunc(s.Workers, func(a, b board.Worker) int { return strings.Compare(a.Name, b.Name) })
	if len(w.order) == 0 {
		s.Note = "Waits for `dualbank crash --nats`."
		return s
	}
	name := w.order[len(w.order)-1]
	d := w.defs[name]
	s.Title = fmt.Sprintf("Power cuts, profile %s, seed %d", short(d.Profile), d.Seed)
	for _, x := range d.Sweeps {
		s.Sweeps = append(s.Sweeps, board.Sweep{Name: short(x.Name), Done: w.done[name][x.Sweep], Total: x.Chunks})
		s.Done += w.done[name][x.Sweep]
		s.Total += x.Chunks
	}
	s.Cuts = w.cuts[name]
	if at := w.first[name]; !at.IsZero() {
		s.Seconds = time.Since(at).Seconds()
		if n := s.Done - w.early[name]; n > 0 && s.Done < s.Total {
			s.Left = s.Seconds / float64(n) * float64(s.Total-s.Done)
		}
	}
	for _, f := range w.found[name] {
		s.Findings = append(s.Findings, *f)
	}
	grave := []string{explore.High, explore.Medium, explore.Low}
	slices.SortFunc(s.Findings, func(a, b board.Finding) int {
		if d := slices.Index(grave, a.Severity) - slices.Index(grave, b.Severity); d != 0 {
			return d
		}
		return strings.Compare(a.Text+a.Place, b.Text+b.Place)
	})
	s.Parked = append(s.Parked, w.parked[name]...)
	return s
}

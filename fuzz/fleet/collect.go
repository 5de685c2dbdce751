package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"dualbank/fuzz"
)

// catalogue are the campaigns that a server has, in the order in which they came.
type catalogue struct {
	mu    sync.Mutex
	all   []*Definition
	names []string      // theirs
	more  chan struct{} // closed when one more is there; nil: no worker waits for it
}

// follow keeps the catalogue up to date until ctx ends.
func (c *catalogue) follow(ctx context.Context, l *Link) {
	watch(ctx, l.defs, ">", func(e jetstream.KeyValueEntry) {
		d, err := parseDefinition(e.Key(), e.Value())
		if err != nil {
			l.say("dropped: " + err.Error())
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if !slices.Contains(c.names, e.Key()) {
			c.all, c.names = append(c.all, d), append(c.names, e.Key())
			if c.more != nil {
				close(c.more)
				c.more = nil
			}
		}
	})
}

// named is the campaign of a name; nil: there is none.
func (c *catalogue) named(name string) *Definition {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, d := range c.all {
		if c.names[i] == name {
			return d
		}
	}
	return nil
}

// list is a copy, and a channel that is closed when there is one more.
func (c *catalogue) list() (all []*Definition, more <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.more == nil {
		c.more = make(chan struct{})
	}
	return slices.Clone(c.all), c.more
}

// Submit publishes a campaign. One that the server has already is published again only as far as it is missing.
func (l *Link) Submit(ctx context.Context, d *Definition) error {
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if len(text) > mostDefinition {
		return fmt.Errorf("the campaign's definition has %d bytes, the most is %d", len(text), mostDefinition)
	}
	done, waiting := map[string]bool{}, map[string]bool{}
	switch _, err := l.defs.Get(ctx, d.Name()); {
	case errors.Is(err, jetstream.ErrKeyNotFound):
	case err != nil:
		return err
	default:
		// Its pieces were published, unless the collector ended before the last one. One that was published and is not
		// explored yet is published once more: that is work twice, and counts once.
		if done, err = l.explored(ctx, d, ">"); err != nil {
			return err
		}
		waits, err := l.js.Stream(ctx, workStream)
		if err != nil {
			return err
		}
		info, err := waits.Info(ctx, jetstream.WithSubjectFilter(workSubject+"."+d.Name()+".>"))
		if err != nil {
			return err
		}
		for subject := range info.State.Subjects {
			if p, err := parsePiece(subject, workSubject); err == nil {
				waiting[p.id()] = true
			}
		}
	}
	for _, p := range d.ready(done) {
		if done[p.id()] || waiting[p.id()] {
			continue
		}
		if _, err := l.js.Publish(ctx, p.work(), nil, jetstream.WithMsgID(p.id())); err != nil {
			return fmt.Errorf("publishing the work: %w", err)
		}
	}
	_, err = l.defs.Put(ctx, d.Name(), text)
	return err
}

// explored are the pieces that have a result, by their identity. which are those asked about, as the end of a subject.
func (l *Link) explored(ctx context.Context, d *Definition, which string) (map[string]bool, error) {
	done := map[string]bool{}
	s, err := l.js.Stream(ctx, resultStream)
	if err != nil {
		return nil, err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(resultSubject+"."+d.Name()+"."+which))
	if err != nil {
		return nil, err
	}
	for subject := range info.State.Subjects {
		if p, err := parsePiece(subject, resultSubject); err == nil && d.has(p) {
			done[p.id()] = true
		}
	}
	return done, nil
}

// Parked is a piece that the workers gave up.
type Parked struct {
	Sweep       string // in words
	First, Last int    // chunks
	Why         string
}

// Collect waits for all pieces of a submitted campaign and keeps their lines in the campaign's journals. show is told how
// many chunks of all are there; it may be nil. c.Causes, if it is not nil, gets the causes that the workers have found. When
// ctx ends, Collect returns ctx's error: the same call goes on.
func (l *Link) Collect(ctx context.Context, d *Definition, c *fuzz.Campaign, show func(done, total int)) (parked []Parked, err error) {
	if c.Causes != nil {
		var learning sync.WaitGroup
		defer learning.Wait()
		learns, stop := context.WithCancel(ctx)
		defer stop()
		learning.Go(func() { l.learn(learns, d, c.Causes) })
	}
	names, total, done := map[int]string{}, 0, 0
	for _, s := range d.Sweeps {
		names[s.Sweep] = s.Name
		total += s.Chunks
	}
	seen := map[string]bool{}
	if total > 0 {
		var failed error
		err = l.follow(ctx, d.Name()+".>", func(p *piece, r *Result) (more bool) {
			if seen[p.id()] {
				return true
			}
			var err error
			if !d.has(p) {
				err = fmt.Errorf("campaign %s has no such piece", d.Name())
			} else if r.Parked == "" {
				err = c.Keep(p.Sweep, p.First, r.Lines)
			}
			if err != nil {
				l.drop(p.result(), err)
				return true
			}
			seen[p.id()] = true
			if r.Parked != "" {
				parked = append(parked, Parked{names[p.Sweep], p.First, p.Last - 1, r.Parked})
				if failed = c.Skip(ctx, p.Sweep, p.First, p.Last); failed != nil {
					return false
				}
			}
			if done += p.Last - p.First; show != nil {
				show(done, total)
			}
			return done < total
		})
		if err = cmp.Or(err, failed); err != nil {
			return parked, err
		}
	}
	slices.SortFunc(parked, func(a, b Parked) int { return slices.Compare([]int{a.First}, []int{b.First}) })
	return parked, nil
}

// drop says that a result is of no use.
func (l *Link) drop(subject string, err error) {
	l.say(fmt.Sprintf("dropped: result %s: %v", short(subject), err))
}

// follow calls take for each result of the pieces under a subject, from the first one on and some perhaps twice, until it
// reports that it needs no more. It waits for a server that is away. When ctx ends, it returns ctx's error.
func (l *Link) follow(ctx context.Context, of string, take func(p *piece, r *Result) (more bool)) error {
	for ctx.Err() == nil {
		more, err := l.results(ctx, of, take)
		switch {
		case !more:
			return nil
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return err
		case ctx.Err() == nil:
			l.say("the results wait for the server: " + refused(err)) // the answer is lost where the connection is
			pause(ctx, time.Second)
		}
	}
	return ctx.Err()
}

// results is follow as long as the server answers.
func (l *Link) results(ctx context.Context, of string, take func(p *piece, r *Result) (more bool)) (more bool, err error) {
	consumer, err := l.js.CreateConsumer(ctx, resultStream, jetstream.ConsumerConfig{
		FilterSubject: resultSubject + "." + of, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait, InactiveThreshold: time.Minute, MemoryStorage: true,
	})
	if err != nil {
		return true, err
	}
	all, err := consumer.Messages(jetstream.PullExpiry(4*time.Second), jetstream.PullHeartbeat(time.Second))
	if err != nil {
		return true, err
	}
	defer all.Stop()
	defer context.AfterFunc(ctx, all.Stop)()
	for silent := 0; ; {
		msg, err := all.Next()
		if errors.Is(err, jetstream.ErrNoHeartbeat) && silent < 2 {
			silent++ // it is asked again
			continue
		}
		if err != nil {
			return true, err
		}
		silent = 0
		p, err := parsePiece(msg.Subject(), resultSubject)
		var r *Result
		if err == nil {
			r, err = parseResult(msg.Data(), p)
		}
		if err != nil {
			l.drop(msg.Subject(), err)
		} else if !take(p, r) {
			return false, nil
		}
		_ = msg.Ack() // one that is lost comes again
	}
}

package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"dualbank"
	"dualbank/fuzz"
	"dualbank/fuzz/explore"
)

// Worker explores pieces until it is told to stop.
type Worker struct {
	Name    string // unique among workers, of letters, digits, dashes and underscores
	Workers int    // pieces at a time; 0: one for each processor
	// Build makes the campaign of a definition. The definition is of this program.
	Build func(d *Definition) (*fuzz.Campaign, error)
	// Say gets a line for people; nil: it is dropped.
	Say func(string)

	mu   sync.Mutex
	word Word
	seen Outcome // findings that this worker has come to, of all campaigns
}

// say tells the operator, and whoever looks at the workers.
func (w *Worker) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	w.mu.Lock()
	changed := w.word.Does != line
	w.word.Does = line
	w.mu.Unlock()
	if changed && w.Say != nil {
		w.Say(line)
	}
}

// Work explores pieces of all campaigns of this program until ctx ends.
func (w *Worker) Work(ctx context.Context, l *Link) error {
	w.word = Word{Program: dualbank.Digest(), Does: "waits for work"}
	n := w.Workers
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { w.announce(ctx, l) })
	for range n {
		wg.Go(func() { w.loop(ctx, l) })
	}
	<-ctx.Done()
	return nil
}

// announce says that the worker lives.
func (w *Worker) announce(ctx context.Context, l *Link) {
	for {
		w.mu.Lock()
		text, _ := json.Marshal(&w.word) // plain data
		w.mu.Unlock()
		if _, err := l.workers.Put(ctx, w.Name, text); err != nil && ctx.Err() == nil {
			l.say("the server does not take this worker's word: " + err.Error())
		}
		if !pause(ctx, ackWait/3) {
			return
		}
	}
}

// pause waits; it reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// loop takes pieces, of one campaign after the other.
func (w *Worker) loop(ctx context.Context, l *Link) {
	built := map[string]*fuzz.Campaign{}
	for ctx.Err() == nil {
		worked := false
		defs, err := l.definitions(ctx)
		if err != nil && ctx.Err() == nil {
			l.say("the campaigns cannot be listed: " + err.Error())
		}
		for _, d := range defs {
			if ctx.Err() != nil {
				return
			}
			name := d.Name()
			if !d.own() {
				w.say("refuses campaign %s: it is of program %s, this worker is program %s", name, short(d.Program), dualbank.Digest())
				continue
			}
			c := built[name]
			if c == nil {
				if c, err = w.Build(d); err != nil {
					w.say("campaign %s cannot be built: %v", name, err)
					continue
				}
				built[name] = c
			}
			worked = w.take(ctx, l, d, c) || worked
		}
		if !worked && !pause(ctx, time.Second) {
			return
		}
	}
}

// take explores pieces of a campaign as long as there are any. It reports whether there was one.
func (w *Worker) take(ctx context.Context, l *Link, d *Definition, c *fuzz.Campaign) (worked bool) {
	consumer, err := l.js.CreateOrUpdateConsumer(ctx, workStream, jetstream.ConsumerConfig{
		Durable: "work-" + d.Name(), FilterSubject: workSubject + "." + d.Name() + ".>", AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: ackWait, MaxDeliver: -1, MaxAckPending: 1 << 16,
	})
	if err != nil {
		if ctx.Err() == nil {
			l.say("campaign " + d.Name() + " waits for the server: " + refused(err))
		}
		return false
	}
	for ctx.Err() == nil {
		msg, err := consumer.Next(jetstream.FetchMaxWait(2 * time.Second))
		if err != nil {
			return worked
		}
		worked = true
		w.explore(ctx, l, d, c, msg)
	}
	return worked
}

// explore explores the piece of a message and publishes what came out.
func (w *Worker) explore(ctx context.Context, l *Link, d *Definition, c *fuzz.Campaign, msg jetstream.Msg) {
	p, err := parsePiece(msg.Subject(), workSubject)
	if err == nil && !d.has(p) {
		err = fmt.Errorf("campaign %s has no chunks %d to %d of sweep %d", p.Campaign, p.First, p.Last, p.Sweep)
	}
	if err != nil {
		l.say("dropped: " + err.Error())
		_ = msg.Term()
		return
	}
	working, end := context.WithCancel(ctx)
	var alive sync.WaitGroup
	alive.Go(func() {
		for pause(working, ackWait/3) {
			_ = msg.InProgress() // if that is lost, another worker explores the piece too
		}
	})
	defer alive.Wait()
	defer end()
	result := Result{Worker: w.Name}
	var found []explore.Finding
	began := time.Now()
	if meta, err := msg.Metadata(); err == nil && meta.NumDelivered > mostDeliveries {
		result.Parked = fmt.Sprintf("%d workers have ended or lost their connection while they explored it", meta.NumDelivered-1)
		w.say("parks chunks %d to %d of sweep %d of campaign %s", p.First, p.Last-1, p.Sweep, p.Campaign)
	} else {
		w.say("explores campaign %s", p.Campaign)
		result.Lines, found, err = c.Explore(ctx, p.Sweep, p.First, p.Last)
		if ctx.Err() != nil {
			l.giveBack(p, msg)
			return
		}
		if err != nil {
			// The same everywhere: the exploration is deterministic.
			result.Parked = short(err.Error())
			w.say("parks chunks %d to %d of sweep %d of campaign %s: %v", p.First, p.Last-1, p.Sweep, p.Campaign, err)
		}
	}
	result.Nanos = int64(time.Since(began))
	text, err := json.Marshal(&result)
	if err != nil {
		panic(err) // plain data
	}
	if !w.publish(ctx, l, p, text) {
		l.giveBack(p, msg)
		return
	}
	if err := msg.DoubleAck(ctx); err != nil && ctx.Err() == nil {
		l.say("an acknowledgement is lost: another worker explores the piece again: " + err.Error())
	}
	w.mu.Lock()
	w.word.Pieces++
	w.word.Nanos += result.Nanos
	w.mu.Unlock()
	w.judge(ctx, l, d, c, found)
}

// giveBack has another worker explore a piece at once. The piece is published anew: a worker that is told to stop is none
// that the piece has ended.
func (l *Link) giveBack(p *piece, msg jetstream.Msg) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if _, err := l.js.Publish(ctx, p.work(), nil); err == nil {
		_ = msg.DoubleAck(ctx) // if that is lost, the piece is explored twice
	}
}

// judge tells the causes of findings that no worker has come to before. They are for whoever watches: the collector finds
// those of the result itself.
func (w *Worker) judge(ctx context.Context, l *Link, d *Definition, c *fuzz.Campaign, found []explore.Finding) {
	for _, f := range found {
		key := d.Name() + "." + f.ID
		if ctx.Err() != nil || !w.seen.Fresh(key) {
			continue
		}
		if _, err := l.causes.Create(ctx, key, nil); err != nil {
			continue // another worker's, or the server is away
		}
		j, ok := Judge(ctx, f, c.Env, nil)
		text, err := json.Marshal(&j)
		if !ok || err != nil || len(text) > mostDefinition {
			continue
		}
		if _, err := l.causes.Put(ctx, key, text); err != nil && ctx.Err() == nil {
			l.say("a cause is not told: " + err.Error())
		}
	}
}

// refused says why a server does not store something.
func refused(err error) string {
	if api := (*jetstream.APIError)(nil); errors.As(err, &api) {
		return err.Error() + ": is its disk full, or a limit reached?"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "it does not answer: is its disk full?"
	}
	return err.Error()
}

// publish stores a result. One that the server does not take, because it is away, or full, or takes smaller messages alone,
// waits until it does. It reports false when ctx has ended before.
func (w *Worker) publish(ctx context.Context, l *Link, p *piece, text []byte) bool {
	for {
		_, err := l.js.Publish(ctx, p.result(), text, jetstream.WithMsgID(p.id()))
		if err == nil || ctx.Err() != nil {
			return err == nil
		}
		why := refused(err)
		if most := l.conn.MaxPayload(); most > 0 && int64(len(text)) > most {
			why = fmt.Sprintf("it has %d bytes, the server takes messages of %d: raise its max_payload", len(text), most)
		} else if !l.conn.IsConnected() {
			why = "the server is away"
		}
		l.say("a result waits for the server: " + why)
		if !pause(ctx, time.Second) {
			return false
		}
	}
}

package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
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
	// Build makes the campaign of a definition that is of this program and of no target.
	Build func(d *Definition) (*fuzz.Campaign, error)
	// Targets are those of the guided search whose pieces the worker explores, and no others; none: it explores all pieces.
	Targets []string
	// Corpora are folders of inputs, by their target. A worker that has some shares them (Link.Share) for the engines that
	// search in them, and explores no pieces.
	Corpora map[string]string
	// Say gets a line for people; nil: it is dropped.
	Say func(string)

	// explore explores a piece, in place of fuzz.Campaign.Explore, for benchmarks.
	explore func(ctx context.Context, c *fuzz.Campaign, p *piece) ([][]byte, []explore.Finding, error)

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
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	wg.Go(func() { w.announce(ctx, l) })
	if len(w.Corpora) > 0 {
		return w.share(ctx, l)
	}
	var defs catalogue
	wg.Go(func() { defs.follow(ctx, l) })
	for range n {
		wg.Go(func() { w.loop(ctx, l, &defs) })
	}
	<-ctx.Done()
	return nil
}

// shareEvery is how often a worker looks at its folders of inputs.
const shareEvery = 5 * time.Second

// share keeps the worker's folders of inputs the same as those of others, until ctx ends.
func (w *Worker) share(ctx context.Context, l *Link) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, len(w.Corpora))
	for target, dir := range w.Corpora {
		all := [2]int{}
		go func() {
			failed <- l.Share(ctx, target, dir, shareEvery, func(sent, got int) {
				all[0], all[1] = all[0]+sent, all[1]+got
				w.say("shares inputs of %s: %d went, %d came", target, all[0], all[1])
			})
		}()
	}
	var err error
	for range w.Corpora {
		if e := <-failed; e != nil {
			err = e
			stop()
		}
	}
	return err
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

// soon is how long a worker that has just worked waits for another piece of the same campaign before it looks at all others
// again; then it waits twice as long each time, up to a second.
const soon = 20 * time.Millisecond

// loop takes pieces, of one campaign after the other.
func (w *Worker) loop(ctx context.Context, l *Link, defs *catalogue) {
	known := map[string]*joined{}
	idle := soon
	var last *joined // whose pieces come next, probably
	for ctx.Err() == nil {
		worked := false
		all, more := defs.list()
		for _, d := range all {
			name := d.Name()
			j := known[name]
			if len(w.Targets) > 0 && !slices.Contains(w.Targets, d.Target) {
				continue
			}
			if j == nil {
				j = &joined{d: d, name: name, pools: map[int]*explore.Pool{}}
				known[name] = j
				if !d.own() {
					w.say("refuses campaign %s: it is of program %s, this worker is program %s", name, short(d.Program), dualbank.Digest())
				} else if c, err := w.build(ctx, l, d); err != nil {
					if d.Target != "" && !errors.Is(err, errSeeds) {
						delete(known, name) // the server may be away
					}
					w.say("campaign %s cannot be built: %v", name, err)
				} else {
					j.c = c
				}
			}
			if j.c != nil && w.take(ctx, l, j, 0) {
				worked, last = true, j
			}
		}
		follows := last != nil && last.consumer != nil
		if worked || follows && w.take(ctx, l, last, idle) {
			idle = soon
			continue
		}
		if !follows {
			select {
			case <-ctx.Done():
			case <-more:
			case <-time.After(idle):
			}
		}
		idle = min(2*idle, time.Second)
	}
}

// build makes the campaign of a definition.
func (w *Worker) build(ctx context.Context, l *Link, d *Definition) (*fuzz.Campaign, error) {
	if d.Target == "" {
		return w.Build(d)
	}
	c, err := d.Search()
	if err != nil {
		return nil, err
	}
	return c, l.seed(ctx, d, c)
}

// joined is a campaign that a worker has come to.
type joined struct {
	d        *Definition
	name     string
	c        *fuzz.Campaign        // nil: the worker does not explore it
	consumer jetstream.Consumer    // of its pieces; nil: it is to be looked for
	results  jetstream.Stream      // nil: it is to be looked for
	pools    map[int]*explore.Pool // of sweeps with rounds
	own      map[string][][]byte   // lines of pieces that were explored here, of the round below alone
	round    [2]int                // sweep and round
}

// take explores pieces of a campaign as long as there are any, and waits so long for the first one. It reports whether there
// was one.
func (w *Worker) take(ctx context.Context, l *Link, j *joined, wait time.Duration) (worked bool) {
	for ctx.Err() == nil {
		if j.consumer == nil {
			var err error
			if j.consumer, err = l.js.CreateOrUpdateConsumer(ctx, workStream, jetstream.ConsumerConfig{
				// In memory: what is explored is no longer in the stream, so that nothing is lost with the server but how often a
				// piece was delivered.
				Durable: "work-" + j.name, FilterSubject: workSubject + "." + j.name + ".>", AckPolicy: jetstream.AckExplicitPolicy,
				AckWait: ackWait, MaxDeliver: -1, MaxAckPending: 1 << 16, MemoryStorage: true,
			}); err != nil {
				if j.consumer = nil; ctx.Err() == nil {
					l.say("campaign " + j.name + " waits for the server: " + refused(err))
				}
				return worked
			}
		}
		var batch jetstream.MessageBatch
		var err error
		if wait > 0 {
			batch, err = j.consumer.Fetch(1, jetstream.FetchMaxWait(wait))
		} else {
			batch, err = j.consumer.FetchNoWait(1)
		}
		wait = 0
		if err != nil {
			j.consumer = nil // the server is away
			return worked
		}
		none := true
		for msg := range batch.Messages() {
			none, worked = false, true
			w.do(ctx, l, j, msg)
		}
		if err := batch.Error(); err != nil {
			j.consumer = nil
		}
		if none {
			return worked
		}
	}
	return worked
}

// do explores the piece of a message and publishes what came out.
func (w *Worker) do(ctx context.Context, l *Link, j *joined, msg jetstream.Msg) {
	d, c := j.d, j.c
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
		if w.explore != nil {
			result.Lines, found, err = w.explore(ctx, c, p)
		} else {
			var pool *explore.Pool
			if pool, err = l.pool(ctx, j, p); err == nil {
				result.Lines, found, err = c.Explore(ctx, p.Sweep, p.First, p.Last, pool)
			}
		}
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
	counts, ok := w.publish(ctx, l, p, result.message())
	if counts && result.Parked == "" {
		j.keep(p, result.Lines)
	}
	if !ok || !l.begin(ctx, d, p) || !l.give(ctx, d, result.Lines) {
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
	l.Tell(ctx, d, found, c.Env, nil, &w.seen)
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
// waits until it does. counts is false if the server may have another result of the piece, which counts. ok is false when ctx
// has ended before.
func (w *Worker) publish(ctx context.Context, l *Link, p *piece, text []byte) (counts, ok bool) {
	for {
		ack, err := l.js.Publish(ctx, p.result(), text, jetstream.WithMsgID(p.id()))
		if err == nil {
			return !ack.Duplicate, true
		}
		if ctx.Err() != nil {
			return false, false
		}
		why := refused(err)
		if most := l.conn.MaxPayload(); most > 0 && int64(len(text)) > most {
			why = fmt.Sprintf("it has %d bytes, the server takes messages of %d: raise its max_payload", len(text), most)
		} else if !l.conn.IsConnected() {
			why = "the server is away"
		}
		l.say("a result waits for the server: " + why)
		if !pause(ctx, time.Second) {
			return false, false
		}
	}
}

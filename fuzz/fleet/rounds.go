package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"dualbank/fuzz/explore"
)

// pool is what the rounds before a piece have found, out of their results; nil: they do not matter. A chunk without a result
// that makes sense is explored here.
func (l *Link) pool(ctx context.Context, j *joined, p *piece) (*explore.Pool, error) {
	s := j.d.sweep(p.Sweep)
	if s.Round == 0 {
		return nil, nil
	}
	first := p.First - p.First%s.Round
	pool := j.pools[p.Sweep]
	if pool == nil || pool.Chunks() > first {
		pool = &explore.Pool{}
	}
	for pool.Chunks() < first {
		var round [][]byte
		for n := range s.Round {
			at := &piece{p.Campaign, p.Sweep, pool.Chunks() + n, pool.Chunks() + n + 1}
			lines, err := l.lines(ctx, j, at, pool)
			if err != nil {
				return nil, err
			}
			round = append(round, lines...)
		}
		if err := pool.Merge(round); err != nil {
			delete(j.pools, p.Sweep)
			return nil, err
		}
	}
	j.pools[p.Sweep] = pool
	return pool, nil
}

// keep keeps the lines of a piece that was explored here, and whose result counts, for the round behind its own. Those of
// another round go.
func (j *joined) keep(p *piece, lines [][]byte) {
	s := j.d.sweep(p.Sweep)
	if s.Round == 0 {
		return
	}
	if round := [2]int{p.Sweep, p.First / s.Round}; j.own == nil || j.round != round {
		j.own, j.round = map[string][][]byte{}, round
	}
	j.own[p.id()] = lines
}

// lines are those of a piece of a round before, whose pool is given.
func (l *Link) lines(ctx context.Context, j *joined, p *piece, pool *explore.Pool) ([][]byte, error) {
	if own, ok := j.own[p.id()]; ok {
		return own, nil
	}
	for ctx.Err() == nil {
		var err error
		if j.results == nil {
			j.results, err = l.js.Stream(ctx, resultStream)
		}
		var msg *jetstream.RawStreamMsg
		if err == nil {
			msg, err = j.results.GetLastMsgForSubject(ctx, p.result())
		}
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			if ctx.Err() == nil {
				l.say("a piece waits for the round before: " + refused(err))
				pause(ctx, time.Second)
			}
			continue
		}
		if err == nil {
			r, err := parseResult(msg.Data, p)
			if err == nil && r.Parked != "" {
				return j.c.Nothing(ctx, p.Sweep, p.First, p.Last)
			}
			if err == nil {
				if n, err := explore.ParseLine(r.Lines[0]); err == nil && n == p.First {
					return r.Lines, nil
				}
			}
		}
		lines, _, err := j.c.Explore(ctx, p.Sweep, p.First, p.Last, pool)
		return lines, err
	}
	return nil, ctx.Err()
}

// begin publishes the round behind that of a piece whose result is stored, if the piece's is complete. Where two workers
// come to that at the same time, both do, and the pieces count once. It reports false when ctx has ended before.
func (l *Link) begin(ctx context.Context, d *Definition, p *piece) bool {
	s := d.sweep(p.Sweep)
	if s.Round == 0 || p.First/s.Round == (s.Chunks-1)/s.Round {
		return true
	}
	for ctx.Err() == nil {
		err := l.beginOnce(ctx, d, p, s.Round)
		if err == nil {
			return true
		}
		l.say(fmt.Sprintf("the next round of %s waits for the server: %s", short(s.Name), refused(err)))
		pause(ctx, time.Second)
	}
	return false
}

func (l *Link) beginOnce(ctx context.Context, d *Definition, p *piece, round int) error {
	done, err := l.explored(ctx, d, fmt.Sprintf("%d.>", p.Sweep))
	if err != nil {
		return err
	}
	next := slices.DeleteFunc(d.ready(done), func(o piece) bool {
		return o.Sweep != p.Sweep || o.First/round <= p.First/round || done[o.id()]
	})
	for _, o := range next {
		if _, err := l.js.Publish(ctx, o.work(), nil, jetstream.WithMsgID(o.id())); err != nil {
			return err
		}
	}
	return nil
}

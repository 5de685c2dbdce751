package fuzz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"dualbank/fuzz/explore"
)

// Divided is a sweep of a campaign that can be explored piece by piece.
type Divided struct {
	Sweep   int    `json:"sweep"`   // its number in the campaign, from 0
	Name    string `json:"name"`    // in words
	Subject string `json:"subject"` // name of an explore.Subject
	Chunks  int    `json:"chunks"`
	Round   int    `json:"round,omitempty"` // chunks of a round, which begins when all of those before are explored; 0: in any order
}

// Divide lists the sweeps that can be explored piece by piece, and counts their chunks. The others take seconds: Sweep
// explores them.
func (c *Campaign) Divide(ctx context.Context) ([]Divided, error) {
	if c.Most > 0 {
		return nil, fmt.Errorf("a campaign with a bound on all states is not divided: each sweep's share depends on those before it")
	}
	var out []Divided
	for i, t := range c.tasks() {
		if t.divides == "" {
			continue
		}
		p := &explore.Piece{}
		if _, err := t.run(ctx, setting{workers: 1, piece: p}); err != nil {
			return nil, err
		}
		out = append(out, Divided{i, t.name, t.divides, p.Chunks, p.Round})
	}
	return out, nil
}

// undivided is what a sweep came to.
type undivided struct {
	sweep *explore.Sweep
	err   error
}

// Alone runs the sweeps that are not divided, and keeps what they come to: Sweep does not run them again. told gets the
// findings of each as those of a Stage.
func (c *Campaign) Alone(ctx context.Context, told func([]explore.Finding)) error {
	all := map[int]undivided{}
	for i, t := range c.tasks() {
		if t.divides != "" {
			continue
		}
		s, err := t.run(ctx, setting{workers: c.Workers})
		if _, alone := errors.AsType[*explore.NoCutError](err); err != nil && !alone {
			return err
		}
		if all[i] = (undivided{s, err}); s != nil {
			told(firstSeen(s.Findings))
		}
	}
	c.alone = all
	return nil
}

// divided is the sweep of a number, which Divide lists.
func (c *Campaign) divided(sweep int) (*task, error) {
	tasks := c.tasks()
	if sweep < 0 || sweep >= len(tasks) || tasks[sweep].divides == "" {
		return nil, fmt.Errorf("the campaign has no sweep %d that is divided", sweep)
	}
	return &tasks[sweep], nil
}

// Explore explores the chunks from first to before last of a sweep, and returns a line of the sweep's journal for each.
// The lines are the same on every machine. found are their findings as those of a Stage. Chunks of a sweep with rounds are of
// one round, and pool has the lines of those before; nil: it is the first one, or there are none. Calls for one sweep after
// another share the recorded run: one call at a time, and the campaign must not change between them.
func (c *Campaign) Explore(ctx context.Context, sweep, first, last int, pool *explore.Pool) (lines [][]byte, found []explore.Finding, err error) {
	t, err := c.divided(sweep)
	if err != nil {
		return nil, nil, err
	}
	if first < 0 || last <= first {
		return nil, nil, fmt.Errorf("chunks %d to %d: there are none", first, last)
	}
	if c.begun == nil || c.begun.sweep != sweep {
		c.begun = &begun{sweep, &explore.Piece{}}
	}
	p := c.begun.piece
	p.From, p.To, p.Pool = first, last, pool
	s, err := t.run(ctx, setting{workers: max(c.Workers, 1), piece: p})
	if err == nil && p.Chunks < last {
		err = fmt.Errorf("sweep %d has %d chunks: there is no chunk %d", sweep, p.Chunks, last-1)
	}
	if err != nil {
		c.begun = nil
		return nil, nil, err
	}
	return p.Lines, firstSeen(s.Findings), nil
}

// begun is the sweep that Explore was last called for, with what it has made ready.
type begun struct {
	sweep int
	piece *explore.Piece
}

// Keep adds lines that Explore returned for the chunks from first on, here or elsewhere, to the sweep's journal in Dir.
// What Sweep finds there it does not explore again. None is added unless all are lines of these chunks.
func (c *Campaign) Keep(sweep, first int, lines [][]byte) error {
	if sweep < 0 || sweep >= len(c.tasks()) {
		return fmt.Errorf("the campaign has no sweep %d", sweep)
	}
	for i, line := range lines {
		n, err := explore.ParseLine(line)
		if err == nil && n != first+i {
			err = fmt.Errorf("%w: it is about chunk %d, not about %d", explore.ErrLine, n, first+i)
		}
		if err != nil {
			return err
		}
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(c.journal(sweep), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(bytes.Join(lines, nil))
	return errors.Join(err, f.Close())
}

// Nothing are the lines of chunks that nothing came out of.
func (c *Campaign) Nothing(ctx context.Context, sweep, first, last int) ([][]byte, error) {
	t, err := c.divided(sweep)
	if err != nil {
		return nil, err
	}
	p := &explore.Piece{From: first, To: last, Empty: true}
	if _, err := t.run(ctx, setting{workers: 1, piece: p}); err != nil {
		return nil, err
	}
	return p.Lines, nil
}

// Skip takes chunks of a sweep for explored, without any outcome: exploring them fails.
func (c *Campaign) Skip(ctx context.Context, sweep, first, last int) error {
	lines, err := c.Nothing(ctx, sweep, first, last)
	if err != nil {
		return err
	}
	return c.Keep(sweep, first, lines)
}

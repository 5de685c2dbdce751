package fleet

import (
	"bytes"
	"context"
	"time"

	"dualbank/fuzz/cause"

	"dualbank/fuzz"
	"dualbank/fuzz/explore"
)

// Hurry makes a piece of a worker that is silent go to another one after this time, for tests.
func Hurry(after time.Duration) { ackWait = after }

// Idle makes a worker explore nothing, and call a piece done with lines of so many bytes, at least 1.
func (w *Worker) Idle(line int) {
	w.explore = func(_ context.Context, _ *fuzz.Campaign, p *piece) ([][]byte, []explore.Finding, error) {
		lines := make([][]byte, p.Last-p.First)
		for i := range lines {
			lines[i] = append(bytes.Repeat([]byte("x"), line-1), '\n')
		}
		return lines, nil, nil
	}
}

// Learn keeps the causes that workers tell of a campaign, until ctx ends.
func (l *Link) Learn(ctx context.Context, d *Definition, m *cause.Memo) { l.learn(ctx, d, m) }

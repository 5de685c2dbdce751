package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"dualbank/bench"
	"dualbank/internal/plain"
)

// quiet bounds what a command prints of a result that is in files too.
type quiet struct {
	Verbose bool `short:"v" help:"Print everything, not only the first lines."`
	jsonFlag
}

// mostPrinted are the lines that a command prints of its result, if it is not verbose.
const mostPrinted = 15

// print writes the lines of text that a command prints, and then last, which says where the result is.
func (q *quiet) print(w io.Writer, text, last string) error {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if most := mostPrinted - 3; !q.Verbose && len(lines) > mostPrinted-2 {
		lines = append(lines[:most], fmt.Sprintf("... %d more lines: add -v", len(lines)-most))
	}
	_, err := fmt.Fprintf(w, "%s\n\n%s\n", strings.Join(lines, "\n"), last)
	return err
}

// silence is how long nothing is said of a job without a terminal.
const silence = 30 * time.Second

// reporter tells how far a job is: with a bar on a terminal, elsewhere with a line from time to time.
type reporter struct {
	w        io.Writer
	now      func() time.Time
	terminal bool

	stage       string
	done, total uint64
	from        uint64    // done when the job began
	start, last time.Time // of the job; when it was told of
	bar         *progressbar.ProgressBar

	also func() (speed, more string) // of the job; nil: its speed is in % a minute, and there is no more
}

// progress returns a bench.Progress that tells w of a job, and a function that ends it. A job is all stages with the
// same total.
func progress(w io.Writer) (show bench.Progress, end func()) { return progressOf(w, nil) }

// progressOf is progress of a job of which also tells more.
func progressOf(w io.Writer, also func() (speed, more string)) (show bench.Progress, end func()) {
	r := &reporter{w: w, now: time.Now, also: also}
	if p, ok := w.(*plain.Writer); ok {
		w = p.Unwrap() // bars move the cursor
	}
	if plain.IsTerminal(w) {
		r.w, r.terminal = w, true
	}
	r.start, r.last = r.now(), r.now()
	var one sync.Mutex // sweeps report from several goroutines
	return func(stage string, done, total uint64) {
		one.Lock()
		defer one.Unlock()
		r.show(stage, done, total)
	}, r.end
}

// show is a bench.Progress. It is called by one goroutine at a time.
func (r *reporter) show(stage string, done, total uint64) {
	now := r.now()
	if total != r.total || done < r.done {
		r.end()
		r.start, r.from = now, done
	}
	r.stage, r.done, r.total = stage, done, total
	if !r.terminal {
		if now.Sub(r.last) >= silence {
			r.last = now
			fmt.Fprintf(r.w, "dualbank: %s\n", r.line(now))
		}
		return
	}
	if r.bar == nil {
		r.bar = progressbar.NewOptions64(int64(total),
			progressbar.OptionSetWriter(r.w),
			progressbar.OptionFullWidth(),
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(100e6),
		)
	}
	line := r.line(now)
	if columns := width(r.w); columns > 0 && len(line) > columns-barLeast {
		line = line[:max(columns-barLeast, 0)] // a line that wraps is not cleared
	}
	r.bar.Describe(line)
	// The bar fails only if the terminal does.
	_ = r.bar.Set64(int64(done))
}

// barLeast are the columns that are left for the bar itself.
const barLeast = 12

// line says how far the job is, how fast it goes and how long it may take yet.
func (r *reporter) line(now time.Time) string {
	share := float64(r.done) / float64(max(r.total, 1))
	parts := []string{fmt.Sprintf("%s: %.0f %%", r.stage, 100*share)}
	spent := now.Sub(r.start)
	since := float64(r.done-r.from) / float64(max(r.total, 1))
	speed, more, left := "", "", ""
	if spent >= time.Second && since > 0 {
		rate := 100 * since / spent.Minutes()
		digits := 0
		if rate < 10 {
			digits = 2
		}
		speed = fmt.Sprintf("%.*f %% a minute", digits, rate)
		left = fmt.Sprintf("%v left", time.Duration(float64(spent)*(1-share)/since).Round(time.Second))
	}
	if r.also != nil {
		speed, more = r.also()
	}
	for _, part := range []string{speed, left, more} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// end removes the bar.
func (r *reporter) end() {
	if r.bar != nil {
		_ = r.bar.Finish()
		_ = r.bar.Clear()
		r.bar = nil
	}
}

package main

import (
	"io"
	"os"
	"sync"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"dualbank/bench"
	"dualbank/internal/plain"
)

// bars draws a progress bar for each stage of a run, if w is a terminal.
type bars struct {
	w     io.Writer
	stage string
	bar   *progressbar.ProgressBar
}

// newBars returns nil unless w is a terminal.
func newBars(w io.Writer) *bars {
	if p, ok := w.(*plain.Writer); ok {
		w = p.Unwrap() // bars move the cursor
	}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return &bars{w: f}
}

// progress returns a bench.Progress that draws bars on w, and a function that removes them. Without a terminal show is
// nil.
func progress(w io.Writer) (show bench.Progress, end func()) {
	watch := newBars(w)
	if watch == nil {
		return nil, func() {}
	}
	var one sync.Mutex // sweeps report from several goroutines
	return func(stage string, done, total uint64) {
		one.Lock()
		defer one.Unlock()
		watch.show(stage, done, total)
	}, watch.end
}

// show is a bench.Progress. It is called by one goroutine at a time.
func (b *bars) show(stage string, done, total uint64) {
	if stage != b.stage {
		b.end()
		b.stage = stage
		b.bar = progressbar.NewOptions64(int64(total),
			progressbar.OptionSetWriter(b.w),
			progressbar.OptionSetDescription(stage),
			progressbar.OptionFullWidth(),
			progressbar.OptionShowCount(),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(100e6),
		)
	}
	// The bar fails only if the terminal does.
	_ = b.bar.Set64(int64(done))
}

// end removes the present bar.
func (b *bars) end() {
	if b.bar != nil {
		_ = b.bar.Finish()
		_ = b.bar.Clear()
		b.bar = nil
	}
}

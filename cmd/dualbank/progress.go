package main

import (
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// bars draws a progress bar for each stage of a run, if w is a terminal.
type bars struct {
	w     io.Writer
	stage string
	bar   *progressbar.ProgressBar
}

// newBars is nil where nobody watches.
func newBars(w io.Writer) *bars {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return &bars{w: w}
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
	// The bar fails only if the terminal does, and then nobody watches.
	_ = b.bar.Set64(int64(done))
}

// end takes the present bar away.
func (b *bars) end() {
	if b.bar != nil {
		_ = b.bar.Finish()
		_ = b.bar.Clear()
		b.bar = nil
	}
}

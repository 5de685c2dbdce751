package fuzz

import (
	"fmt"
	"io"
	"sort"

	"dualbank/model"
	"dualbank/model/cell"
)

// recording is what one undisturbed run did to the flash, step by step, and which operation of the
// run each step belongs to. It is all that an exploration needs: the run is not repeated.
type recording struct {
	start *cell.Snapshot // cells before the first step
	calls []call
	ops   []uint64 // first step of operation i; the last entry is the number of steps
	steps uint64
}

// call is one program or erase call: consecutive steps of one kind.
type call struct {
	first uint64 // number of its first step
	kind  model.Kind
	addr  uint32
	size  uint32
	data  []byte // of a program
	step  uint32 // bytes of one step
}

// record starts to record what reaches f.
func record(f *model.Flash) *recording {
	r := &recording{start: f.Snapshot()}
	f.Observe(func(e *model.Event) {
		if e.Kind == model.Read {
			return
		}
		c := call{first: r.steps, kind: e.Kind, addr: e.Addr, size: e.Size, step: e.Size / uint32(e.Steps)}
		if e.Kind == model.Program {
			c.data = append([]byte(nil), e.Data...)
		}
		r.calls = append(r.calls, c)
		r.steps += e.Steps
	})
	return r
}

// operation marks the start of the next operation of the run.
func (r *recording) operation() { r.ops = append(r.ops, r.steps) }

// op is the operation that step belongs to.
func (r *recording) op(step uint64) int {
	return sort.Search(len(r.ops), func(i int) bool { return r.ops[i] > step }) - 1
}

// at is the index of the call that step belongs to.
func (r *recording) at(step uint64) int {
	return sort.Search(len(r.calls), func(i int) bool { return r.calls[i].first > step }) - 1
}

// steps of the call.
func (c *call) steps() uint64 { return uint64(c.size / c.step) }

// do gives f the steps from first to before last of the run. f holds the cells before first.
func (r *recording) do(f *model.Flash, first, last uint64) error {
	for i := r.at(first); first < last; i++ {
		c := &r.calls[i]
		from := uint32(first-c.first) * c.step
		to := min(c.size, uint32(last-c.first)*c.step)
		var err error
		if c.kind == model.Program {
			err = f.Program(c.addr+from, c.data[from:to])
		} else {
			err = f.Erase(c.addr+from, to-from)
		}
		if err != nil {
			return err
		}
		first = c.first + uint64(to/c.step)
	}
	return nil
}

// tell writes the calls before a step, and the one that it belongs to, no further back than from.
func (r *recording) tell(w io.Writer, step, from uint64) {
	const most = 4
	last := r.at(step)
	for i := max(0, r.at(from), last-most); i <= last; i++ {
		c := &r.calls[i]
		fmt.Fprintf(w, "         %-7v 0x%08X %5d bytes", c.kind, c.addr, c.size)
		if i == last {
			fmt.Fprintf(w, "  <- cut at 0x%08X, after %d of %d steps", c.addr+uint32(step-c.first)*c.step, step-c.first, c.steps())
		}
		fmt.Fprintln(w)
	}
}

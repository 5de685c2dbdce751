package explore

import (
	"fmt"
	"sort"
	"strings"

	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/random"
	"dualbank/results/unit"
)

// Recording is what one undisturbed run did to the flash, step by step, and which operation of the run each
// step belongs to. It is all that a sweep needs: the run is not repeated.
type Recording struct {
	Start *cell.Snapshot // cells before the first step
	Calls []Call
	Ops   []uint64 // first step of operation i; the last entry is the number of steps
	Steps uint64
	data  []byte // of the calls of a recording that is used again
}

// Call is one program or erase call: consecutive steps of one kind.
type Call struct {
	First uint64 // number of its first step
	Kind  model.Kind
	Addr  uint32
	Size  uint32 // bytes; 1 of the option bytes
	Data  []byte // of a program
	step  uint32 // bytes of one step
}

// Record starts to record what reaches f.
func Record(f *model.Flash) *Recording {
	r := &Recording{Start: f.Snapshot()}
	r.follow(f)
	return r
}

// Again records what reaches f from now on, in place of what r holds, and without the cells.
func (r *Recording) Again(f *model.Flash) {
	*r = Recording{Calls: r.Calls[:0], data: r.data[:0]}
	r.follow(f)
}

func (r *Recording) follow(f *model.Flash) {
	f.Observe(func(e *model.Event) {
		if e.Kind == model.Read {
			return
		}
		c := Call{First: r.Steps, Kind: e.Kind, Addr: e.Addr, Size: e.Size, step: e.Size / uint32(e.Steps)}
		switch e.Kind {
		case model.Program:
			n := len(r.data)
			r.data = append(r.data, e.Data...)
			c.Data = r.data[n:len(r.data):len(r.data)]
		case model.WriteOptions, model.LoadOptions:
			c.Size, c.step = 1, 1
		}
		r.Calls = append(r.Calls, c)
		r.Steps += e.Steps
	})
}

// Operation marks the start of the next operation of the run.
func (r *Recording) Operation() { r.Ops = append(r.Ops, r.Steps) }

// Op is the operation that step belongs to.
func (r *Recording) Op(step uint64) int {
	return sort.Search(len(r.Ops), func(i int) bool { return r.Ops[i] > step }) - 1
}

// Call is the call that step belongs to.
func (r *Recording) Call(step uint64) *Call { return &r.Calls[r.at(step)] }

// at is the index of the call that step belongs to.
func (r *Recording) at(step uint64) int {
	return sort.Search(len(r.Calls), func(i int) bool { return r.Calls[i].First > step }) - 1
}

// StepSize is the number of bytes of one step.
func (c *Call) StepSize() uint32 { return c.step }

// Steps of the call.
func (c *Call) Steps() uint64 { return uint64(c.Size / c.step) }

// Do gives f the steps from first to before last of the run. f holds the cells before first.
func (r *Recording) Do(f *model.Flash, first, last uint64) error {
	for i := r.at(first); first < last; i++ {
		c := &r.Calls[i]
		from := uint32(first-c.First) * c.step
		to := uint32(min(uint64(c.Size), (last-c.First)*uint64(c.step))) // last may be far behind a large erase
		var err error
		switch c.Kind {
		case model.Program:
			err = f.Program(c.Addr+from, c.Data[from:to])
		case model.WriteOptions:
			err = f.SwapBanks()
		case model.LoadOptions:
			err = f.LoadOptions()
		default:
			err = f.Erase(c.Addr+from, to-from)
		}
		if err != nil {
			return err
		}
		first = c.First + uint64(to/c.step)
	}
	return nil
}

// Tell lists the calls before a step, and the one that it belongs to, no further back than from: a line each.
func (r *Recording) Tell(step, from uint64) string {
	w := new(strings.Builder)
	const most = 4
	last := r.at(step)
	for i := max(0, r.at(from), last-most); i <= last; i++ {
		c := &r.Calls[i]
		fmt.Fprintf(w, "         %-7v 0x%08X %5d bytes", c.Kind, c.Addr, c.Size)
		if i == last {
			fmt.Fprintf(w, "  <- cut at 0x%08X, after %d of %d steps", c.Addr+uint32(step-c.First)*c.step, step-c.First, c.Steps())
		}
		fmt.Fprintln(w)
	}
	return w.String()
}

// weigh returns for each of steps, which are ascending, the time in nanoseconds that it stands for: its own, and that of the
// steps before it that are not among them; the last one also that of those after it. took is the time of one step of a call.
func (r *Recording) weigh(steps []uint64, took func(*Call) uint64) []uint64 {
	w := make([]uint64, len(steps))
	at, from, each := 0, uint64(0), uint64(0)
	for i := range r.Calls {
		c := &r.Calls[i]
		each = took(c)
		for end := c.First + c.Steps(); from < end && at < len(steps); {
			to := end
			if at < len(steps)-1 {
				to = min(end, steps[at]+1)
			}
			w[at] += (to - from) * each
			if from = to; at < len(steps)-1 && to == steps[at]+1 {
				at++
			}
		}
	}
	return w
}

// Pick chooses the steps to cut: all of them, or with most above 0 about most: every erase, the first and
// last few steps of every call, and evenly spread ones in between. sampling says which, for people.
func (r *Recording) Pick(most, seed uint64) (steps []uint64, sampling string) {
	if most == 0 || r.Steps <= most {
		all := make([]uint64, r.Steps)
		for i := range all {
			all[i] = uint64(i)
		}
		return all, "every step"
	}
	const edge = 4
	every := max(r.Steps/most, 1)
	shift := random.New(seed).Uint64() % every
	for i := range r.Calls {
		c := &r.Calls[i]
		last := c.First + c.Steps()
		for s := c.First; s < last; {
			if s < c.First+edge || s+edge >= last || (s+shift)%every == 0 {
				steps = append(steps, s)
				s++
				continue
			}
			s = min(s+every-(s+shift)%every, last-edge)
		}
	}
	return steps, fmt.Sprintf("every erase, the first and last %d steps of every call, and every %s step", edge, unit.Ordinal(every))
}

// short is every step of the calls that have up to most: headers and marks, on which all that was written before them
// depends.
func (r *Recording) short(most uint64) (steps []uint64, sampling string) {
	for i := range r.Calls {
		if c := &r.Calls[i]; c.Steps() <= most {
			for s := range c.Steps() {
				steps = append(steps, c.First+s)
			}
		}
	}
	return steps, fmt.Sprintf("every step of calls with up to %d", most)
}

package explore

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"dualbank/model/random"
	"dualbank/results"
)

// Guided looks for runs that no list of steps leads to: inputs of a target are changed at random, and those
// are kept to be changed further that bring the software where none before has: an operation with another
// outcome, a fault in another place, a log that ends at another edge. Whatever is broken is a finding.
type Guided struct {
	Target  *Target
	Seed    uint64
	Runs    uint64 // inputs to try
	Planted Planted
	Workers int    // 0: one for each processor
	Journal string // file that keeps what is explored; a sweep that was stopped resumes from it. "": none
	Piece   *Piece // some islands alone, into it; nil: all
}

// islands search on their own, so that what is found does not depend on the number of workers.
const islands = 16

// Search runs the sweep. When ctx ends, it returns what was explored until then together with ctx's
// error. The result is a function of c, whatever the number of workers.
func (c *Guided) Search(ctx context.Context, progress func(done, total uint64)) (*Sweep, error) {
	var j *journal
	identity := []any{"guided", c.Target.Name, c.Seed, c.Runs, c.Planted}
	if c.Journal != "" {
		var err error
		if j, err = openJournal(c.Journal, identity); err != nil {
			return nil, err
		}
		defer j.close()
	}
	if c.Piece != nil {
		c.Piece.Chunks, c.Piece.Lines = islands, nil
	}
	found, err := c.search(ctx, j, progress)
	if c.Piece != nil && err == nil {
		for i := c.Piece.From; i < min(c.Piece.To, islands) && err == nil; i++ {
			err = c.Piece.keep(identity, i, &found[i])
		}
	}
	s := &Sweep{Map: results.CutMap{Name: "guided search " + c.Target.Name}}
	g := NewGroups()
	kept := uint64(0)
	for i := range found {
		r := &found[i]
		s.Stats.Add(r.Stats)
		kept += r.Kept
		for _, gr := range r.Groups {
			g.merge(gr)
		}
	}
	s.Map.Sampling = fmt.Sprintf("%d runs kept for where they led", kept)
	s.Findings = g.Findings(c.Target.Subject, func(at Hit) Case {
		return c.Target.Decode(NewChoices(found[at.Op].Inputs[at.Step])).Case(c.Planted)
	})
	return s, err
}

// islandResult is what a journal keeps of an island.
type islandResult struct {
	Stats  Stats    `json:"stats"`
	Groups []*group `json:"groups"`
	Inputs [][]byte `json:"inputs,omitempty"` // that broke a rule: a group's case is its island and the index here
	Kept   uint64   `json:"kept"`
}

// search lets all islands search that the journal does not have.
func (c *Guided) search(ctx context.Context, j *journal, progress func(done, total uint64)) ([]islandResult, error) {
	found := make([]islandResult, islands)
	runs := c.Runs / islands
	if c.Piece != nil && c.Piece.Empty {
		runs = 0
	}
	var next atomic.Int32
	var mu sync.Mutex // guards done, failed and the journal
	var failed error
	done := uint64(0)
	finish := func(i int, l *island, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			err = j.save(i, &l.islandResult)
		}
		if err != nil {
			failed = err
			return
		}
		found[i] = l.islandResult
		if done++; progress != nil {
			progress(done*runs, islands*runs)
		}
	}
	workers := c.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= islands {
					return
				}
				if !c.Piece.asks(i) || j.load(i, &found[i]) {
					continue
				}
				l := newIsland(c.Target, c.Planted, c.Seed, i)
				finish(i, l, l.search(ctx, runs))
			}
		})
	}
	wg.Wait()
	return found, failed
}

// island is a population of inputs.
type island struct {
	islandResult
	target  *Target
	planted Planted
	index   int
	r       *random.Source
	been    map[uint64]bool // places that the software was brought to
	places  []arrival       // the same, in the order of discovery
	blind   bool            // for comparison: every input is random bytes
	g       *Groups
}

// arrival is how a place was reached for the first time.
type arrival struct {
	data []byte
	end  int // offset behind the step that led there
}

func newIsland(t *Target, p Planted, seed uint64, i int) *island {
	return &island{target: t, planted: p, index: i, r: random.New(seed*islands + uint64(i)), been: map[uint64]bool{}, g: NewGroups()}
}

// search tries so many inputs.
func (l *island) search(ctx context.Context, runs uint64) error {
	for n := range runs {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		data := l.next()
		o := Outcome{Planted: l.planted, guided: true}
		if err := Examine(l.target.Decode(NewChoices(data)), &o); err != nil {
			return fmt.Errorf("guided search %s, island %d, input %d: %w", l.target.Name, l.index, n, err)
		}
		l.Stats.Cuts++
		l.Stats.Judged++
		l.keep(data, &o)
		l.report(data, &o)
	}
	l.Groups = l.g.order
	return nil
}

// keep keeps an input for the places that it was the first to reach.
func (l *island) keep(data []byte, o *Outcome) {
	var starts []int
	for _, v := range o.visits {
		if l.been[v.place] {
			continue
		}
		if starts == nil {
			starts = l.target.starts(data)
			l.Kept++
		}
		l.been[v.place] = true
		l.places = append(l.places, arrival{data, starts[min(v.steps, len(starts)-1)]})
	}
}

// report groups what an input broke. An input is kept that shows something for the first time, or on another device or
// with other faults.
func (l *island) report(data []byte, o *Outcome) {
	device, kept := "", false
	for i := range o.Bad {
		if device == "" {
			device = l.target.Decode(NewChoices(data)).Case(l.planted).Device()
		}
		b := &o.Bad[i]
		n := len(l.Inputs)
		if kept {
			n--
		}
		if l.g.Add(b.Violation, b.Place, Hit{Op: l.index, Step: uint64(n), Mode: NoCut, Device: device}, o.Hit...) && !kept {
			l.Inputs, kept = append(l.Inputs, data), true
		}
	}
}

// next returns random bytes, a prefix that reached a known place followed by random steps, or a mutation of
// such a prefix.
func (l *island) next() []byte {
	if l.blind || len(l.places) == 0 || l.r.Intn(8) == 0 {
		return l.some(16 + l.r.Intn(400))
	}
	p := l.place()
	if l.r.Intn(8) > 0 && p.end < longestChanged {
		return slices.Concat(p.data[:p.end], l.some(16+l.r.Intn(400)))
	}
	data := slices.Clone(p.data)
	for range 1 + l.r.Intn(4) {
		data = l.change(data)
	}
	return data[:min(len(data), longestChanged)]
}

// some returns n random bytes.
func (l *island) some(n int) []byte {
	data := make([]byte, n)
	l.r.Fill(data)
	return data
}

// place is one of the last that were found, or any of them.
func (l *island) place() arrival {
	n := len(l.places)
	if l.r.Intn(2) == 0 {
		n = min(n, 64)
	}
	return l.places[len(l.places)-1-l.r.Intn(n)]
}

// longestChanged keeps runs short, in bytes: some hundred steps.
const longestChanged = 1200

// change changes a byte, or leaves out, repeats, adds or takes over whole steps.
func (l *island) change(data []byte) []byte {
	starts := l.target.starts(data)
	step := func() int { return starts[l.r.Intn(len(starts))] }
	switch l.r.Intn(8) {
	default:
		if len(data) > 0 {
			i := l.r.Intn(len(data))
			switch l.r.Intn(4) {
			case 0:
				data[i] = byte(l.r.Uint64())
			case 1:
				data[i]++
			case 2:
				data[i]--
			case 3:
				data[i] = []byte{0, 1, 16, 31, 63, 127, 128, 255}[l.r.Intn(8)]
			}
		}
	case 3: // without some steps
		from, to := step(), step()
		return slices.Delete(data, min(from, to), max(from, to))
	case 4: // some steps once more
		from, to, at := step(), step(), step()
		return slices.Insert(data, at, slices.Clone(data[min(from, to):max(from, to)])...)
	case 5: // a new step
		return slices.Insert(data, step(), l.some(2+l.r.Intn(8))...)
	case 6: // the end of another
		other := l.place().data
		ends := l.target.starts(other)
		return append(data[:step():len(data)], other[ends[l.r.Intn(len(ends))]:]...)
	}
	return data
}

// starts are the offsets at which the steps of an input begin, and its end.
func (t *Target) starts(data []byte) []int {
	c := NewChoices(data)
	t.Decode(c)
	return append(c.starts, len(data))
}

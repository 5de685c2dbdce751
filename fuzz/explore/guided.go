package explore

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"dualbank/model/random"
	"dualbank/results"
)

// Guided looks for runs that no list of steps leads to: inputs of a target are changed at random, and those
// are kept to be changed further that bring the software where none before has: an operation with another
// outcome, a fault in another place, a log that ends at another edge. Whatever is broken is a finding.
type Guided struct {
	Target  *Target
	Seed    uint64
	Runs    uint64   // inputs to try
	Round   uint64   // of them that an island tries until the islands exchange what they have found; 0: 500
	Seeds   [][]byte // inputs to try before: the islands share them
	Planted Planted
	Workers int    // 0: one for each processor
	Journal string // file that keeps what is explored; a sweep that was stopped resumes from it. "": none
	Piece   *Piece // some chunks alone, into it; nil: all
}

// islands search on their own within a round, so that what is found does not depend on the number of workers.
const islands = 16

// mostRounds bounds the rounds of a search. What is longer has longer ones.
const mostRounds = 64

// rounds are how many rounds there are. each is how many inputs an island tries in one, and whole in all.
func (c *Guided) rounds() (n int, each, whole uint64) {
	whole, each = c.Runs/islands, c.Round
	if each == 0 {
		each = max(500, (whole+mostRounds-1)/mostRounds)
	}
	return int(min(max((whole+each-1)/each, 1), math.MaxInt32)), each, whole
}

// identity is what the chunks depend on.
func (c *Guided) identity() any {
	_, each, _ := c.rounds()
	h := xxhash.New()
	for _, data := range c.Seeds {
		fmt.Fprintf(h, "%d %s", len(data), data) // a hash takes everything
	}
	return []any{"guided", c.Target.Name, c.Seed, c.Runs, each, len(c.Seeds), h.Sum64(), c.Planted}
}

// Search runs the sweep. When ctx ends, it returns what was explored until then together with ctx's
// error. The result is a function of c, whatever the number of workers.
func (c *Guided) Search(ctx context.Context, progress func(done, total uint64)) (*Sweep, error) {
	var j *journal
	if c.Journal != "" {
		var err error
		if j, err = openJournal(c.Journal, c.identity()); err != nil {
			return nil, err
		}
		defer j.close()
	}
	found, err := c.search(ctx, j, progress)
	if c.Piece != nil && err == nil {
		for i := c.Piece.From; i < min(c.Piece.To, len(found)) && err == nil; i++ {
			err = c.Piece.keep(c.identity(), i, &found[i])
		}
	}
	s := &Sweep{Map: results.CutMap{Name: "guided search " + c.Target.Name}}
	g := NewGroups()
	kept := 0
	for i := range found {
		r := &found[i]
		s.Stats.Add(r.Stats)
		kept += len(r.Kept)
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

// search lets the islands search, round by round, that the journal does not have.
func (c *Guided) search(ctx context.Context, j *journal, progress func(done, total uint64)) ([]islandResult, error) {
	rounds, each, whole := c.rounds()
	found := make([]islandResult, rounds*islands)
	pool := &Pool{}
	if p := c.Piece; p != nil {
		if p.Chunks, p.Round, p.Lines = len(found), islands, nil; p.To == 0 {
			return found, nil
		}
		if first := p.From - p.From%islands; !p.Empty {
			if p.Pool != nil {
				pool = p.Pool
			}
			text, err := json.Marshal(c.identity())
			if err != nil {
				return nil, err
			}
			if pool.chunks != first || first > 0 && pool.config != xxhash.Sum64(text) {
				return nil, fmt.Errorf("chunk %d needs the chunks before %d of the same search", p.From, first)
			}
			if min(p.To, len(found)) > first+islands {
				return nil, fmt.Errorf("chunks %d to %d are of more than one round", p.From, p.To-1)
			}
		}
	}
	done := uint64(0)
	for n := range rounds {
		from := uint64(n) * each
		runs := min(each, whole-min(from, whole))
		err := c.round(ctx, j, pool, n, runs, found, func() {
			if done++; progress != nil {
				progress(done*whole/uint64(rounds), islands*whole)
			}
		})
		if err != nil {
			return found, err
		}
		if c.Piece != nil {
			continue // the pool is that of its round
		}
		for i := range islands {
			if err := pool.add(found[n*islands+i].Kept); err != nil {
				return found, err
			}
		}
	}
	return found, nil
}

// round lets the islands of a round search, each so many inputs.
func (c *Guided) round(ctx context.Context, j *journal, pool *Pool, n int, runs uint64, found []islandResult, over func()) error {
	var next atomic.Int32
	var mu sync.Mutex // guards failed, the journal and over
	var failed error
	workers := c.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	for range min(workers, islands) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= islands {
					return
				}
				chunk := n*islands + i
				if !c.Piece.asks(chunk) || j.load(chunk, &found[chunk]) {
					continue
				}
				l, err := newIsland(c.Target, c.Planted, c.Seed, chunk, pool), error(nil)
				if c.Piece == nil || !c.Piece.Empty {
					err = l.search(ctx, runs, c.seeds(chunk))
				}
				mu.Lock()
				if err == nil {
					err = j.save(chunk, &l.islandResult)
				}
				if err != nil {
					failed = err
				} else {
					found[chunk] = l.islandResult
					over()
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return failed
}

// seeds are those that a chunk tries.
func (c *Guided) seeds(chunk int) (mine [][]byte) {
	for i := chunk; chunk < islands && i < len(c.Seeds); i += islands {
		mine = append(mine, c.Seeds[i])
	}
	return mine
}

// island is a population of inputs.
type island struct {
	islandResult
	target  *Target
	planted Planted
	chunk   int
	r       *random.Source
	pool    *Pool           // of the rounds before
	been    map[uint64]bool // places that the software was brought to in this round
	places  []arrival       // the same, in the order of discovery
	blind   bool            // for comparison: every input is random bytes
	g       *Groups
}

func newIsland(t *Target, p Planted, seed uint64, chunk int, pool *Pool) *island {
	from := seed*islands + uint64(chunk%islands)
	if round := chunk / islands; round > 0 {
		from = random.Mix(round, from)
	}
	return &island{target: t, planted: p, chunk: chunk, r: random.New(from), pool: pool, been: map[uint64]bool{}, g: NewGroups()}
}

// search tries the seeds, and so many inputs more.
func (l *island) search(ctx context.Context, runs uint64, seeds [][]byte) error {
	for n := range uint64(len(seeds)) + runs {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var data []byte
		if n < uint64(len(seeds)) {
			data = seeds[n]
		} else {
			data = l.next()
		}
		o := Outcome{Planted: l.planted, guided: true}
		if err := Examine(l.target.Decode(NewChoices(data)), &o); err != nil {
			return fmt.Errorf("guided search %s, chunk %d, input %d: %w", l.target.Name, l.chunk, n, err)
		}
		l.Stats.Cuts++
		l.Stats.Judged++
		l.keep(data, &o)
		l.report(data, &o)
	}
	l.Groups, l.Kept = l.g.order, keptOf(l.places)
	return nil
}

// keep keeps an input for the places that it was the first to reach.
func (l *island) keep(data []byte, o *Outcome) {
	var starts []int
	for _, v := range o.visits {
		if l.been[v.place] || l.pool.been[v.place] {
			continue
		}
		if starts == nil {
			starts = l.target.starts(data)
		}
		l.been[v.place] = true
		l.places = append(l.places, arrival{v.place, data, starts[min(v.steps, len(starts)-1)]})
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
		if l.g.Add(b.Violation, b.Place, Hit{Op: l.chunk, Step: uint64(n), Mode: NoCut, Device: device}, o.Hit...) && !kept {
			l.Inputs, kept = append(l.Inputs, data), true
		}
	}
}

// next returns random bytes, a prefix that reached a known place followed by random steps, or a mutation of
// such a prefix.
func (l *island) next() []byte {
	if l.blind || len(l.places)+len(l.pool.places) == 0 || l.r.Intn(8) == 0 {
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

// place is one of the last that the island has found in this round, or any of them and of the pool.
func (l *island) place() arrival {
	own := len(l.places)
	if l.r.Intn(2) == 0 && own > 0 {
		return l.places[own-1-l.r.Intn(min(own, 64))]
	}
	i := l.r.Intn(own + len(l.pool.places))
	if i < own {
		return l.places[own-1-i]
	}
	return l.pool.places[i-own]
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

// islandResult is what a journal keeps of an island in a round.
type islandResult struct {
	Stats  Stats       `json:"stats"`
	Groups []*group    `json:"groups"`
	Inputs [][]byte    `json:"inputs,omitempty"` // that broke a rule: a group's case is its chunk and the index here
	Kept   []keptInput `json:"kept,omitempty"`
}

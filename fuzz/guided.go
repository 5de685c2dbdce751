package fuzz

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"dualbank/model/random"
	"dualbank/results"
)

// GuidedSweep looks for runs that no list of steps leads to: inputs of a target (Targets) are changed at
// random, and those are kept to be changed further that bring the software where none before has: an
// operation with another outcome, a fault in another place, a log that ends at another edge. What the
// reference is known for is counted, what else is broken is a finding.
type GuidedSweep struct {
	Target  string
	Seed    uint64
	Runs    uint64 // inputs to try
	Planted Planted
	Workers int    // 0: one for each processor
	Journal string // file that keeps what is explored; a sweep that was stopped goes on from it. "": none
}

// islands search on their own, so that what is found does not depend on the number of workers.
const islands = 16

// SweepGuided runs the sweep. When ctx ends, it returns what was explored until then together with ctx's
// error. The result is a function of c, whatever the number of workers.
func SweepGuided(ctx context.Context, c GuidedSweep, progress func(done, total uint64)) (*Sweep, error) {
	target, err := TargetByName(c.Target)
	if err != nil {
		return nil, err
	}
	var j *journal
	if c.Journal != "" {
		if j, err = openJournal(c.Journal, []any{"guided", c.Target, c.Seed, c.Runs, c.Planted}); err != nil {
			return nil, err
		}
		defer j.close()
	}
	found, err := c.search(ctx, target, j, progress)
	s := &Sweep{Map: results.CutMap{Name: "guided search " + c.Target}}
	g := newGroups()
	all := islandResult{Known: map[string]uint64{}}
	for i := range found {
		r := &found[i]
		s.Stats.add(r.Stats)
		if r.Island == nil {
			continue // stopped before it was there
		}
		all.Kept += r.Island.Kept
		for name, n := range r.Island.Known {
			all.Known[name] += n
		}
		for _, gr := range r.Groups {
			g.merge(gr)
		}
	}
	s.Map.Sampling = fmt.Sprintf("%d runs kept for where they led", all.Kept)
	for _, name := range slices.Sorted(maps.Keys(all.Known)) {
		s.Map.Sampling += fmt.Sprintf(", %d showed %s", all.Known[name], name)
	}
	s.Findings = g.findings(func(f *Finding, at CutCase) {
		f.Subject = target.Subject
		f.Input = target.newCase(found[at.Op].Island.Inputs[at.Step], c.Planted)
	})
	return s, err
}

// islandResult is what came of one island.
type islandResult struct {
	Inputs [][]byte          `json:"inputs,omitempty"` // that broke a rule: a group's case is its island and the index here
	Kept   uint64            `json:"kept"`
	Known  map[string]uint64 `json:"known,omitempty"` // runs that showed a known defect, by its name
}

// search lets all islands search that the journal does not have.
func (c *GuidedSweep) search(ctx context.Context, t *Target, j *journal, progress func(done, total uint64)) ([]chunkResult, error) {
	found := make([]chunkResult, islands)
	var next atomic.Int64
	var mu sync.Mutex // guards done, failed and the journal
	var failed error
	done := uint64(0)
	finish := func(i int, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			err = j.save(i, &found[i])
		}
		if err != nil {
			found[i], failed = chunkResult{}, err
			return
		}
		if done++; progress != nil {
			progress(done, islands)
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
				if j.load(i, &found[i]) {
					continue
				}
				l := newIsland(t, c.Planted, c.Seed, i)
				found[i].Island = &l.islandResult
				finish(i, l.search(ctx, c.Runs/islands, &found[i]))
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
	blind   bool            // for comparison: every input is one of no meaning
	g       *groups
}

// arrival is how a place was reached for the first time.
type arrival struct {
	data []byte
	end  int // offset behind the step that led there
}

func newIsland(t *Target, p Planted, seed uint64, i int) *island {
	return &island{target: t, planted: p, index: i, r: random.New(seed*islands + uint64(i)), been: map[uint64]bool{}, g: newGroups()}
}

// search tries so many inputs.
func (l *island) search(ctx context.Context, runs uint64, r *chunkResult) error {
	l.Known = map[string]uint64{}
	for n := range runs {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		data := l.next()
		o := outcome{planted: l.planted, guided: true}
		if _, err := l.target.examine(data, &o); err != nil {
			return fmt.Errorf("guided search %s, island %d, input %d: %w", l.target.Name, l.index, n, err)
		}
		r.Stats.Cuts++
		r.Stats.Judged++
		l.keep(data, &o)
		l.report(data, &o)
	}
	r.Groups = l.g.order
	return nil
}

// keep keeps an input for the places that it was the first to reach.
func (l *island) keep(data []byte, o *outcome) {
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

// report groups what an input broke.
func (l *island) report(data []byte, o *outcome) {
	kept := false
	for i := range o.bad {
		b := &o.bad[i]
		if name, known := l.target.knows(b, o); known {
			l.Known[name]++
			continue
		}
		if !kept {
			l.Inputs, kept = append(l.Inputs, data), true
		}
		modes := slices.Clone(o.hit)
		slices.Sort(modes)
		l.g.merge(&group{
			V: b.Violation, Place: b.Place, At: CutCase{Op: l.index, Step: uint64(len(l.Inputs) - 1), Mode: noCut}, Count: 1, Modes: modes,
		})
	}
}

// next is the next input: one of no meaning; the way to some place, and new steps from there; or such a way
// with changes.
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

// some bytes of no meaning.
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
	c := &choices{data: data}
	t.decode(c)
	return append(c.starts, len(data))
}

// visit is a place that a run got to, after so many steps.
type visit struct {
	place uint64
	steps int
}

// visit notes that the software was brought to a place, told by small numbers.
func (o *outcome) visit(place ...uint64) {
	h := uint64(len(place))
	for _, n := range place {
		h = (h ^ n) * 0x9E3779B97F4A7C15
		h ^= h >> 29
	}
	o.visits = append(o.visits, visit{h, o.steps})
}

// text is a small number that tells texts apart.
func text(s string) (n uint64) {
	for _, c := range []byte(s) {
		n = n*31 + uint64(c)
	}
	return n
}

// edge tells how near to an edge n bytes are, in program units.
func edge(n, unit uint32) uint64 {
	switch {
	case n < 4*unit:
		return uint64(n / unit)
	case n < 64:
		return 8
	case n < 512:
		return 9
	}
	return 10
}

// visited notes where a step of a store has led.
func (t *trial) visited(s *KVStep, err error, sound bool) {
	if t.o.steps++; !t.o.guided {
		return
	}
	what := []uint64{text(string(s.Kind)), 0, 0, uint64(len(s.Then)), 0}
	if err != nil {
		what[1] = text(name(err))
	}
	if s.Mode != nil {
		what[2] = text(s.Mode.String())
	}
	if sound {
		what[4] = 1
	}
	t.o.visit(what...)
	for i := range t.logs {
		l := &t.logs[i]
		now := l.end()
		if now.Unit == 0 {
			continue
		}
		collected := min(now.collections-l.was.collections, 2)
		t.o.visit(append(slices.Clone(what), uint64(i), collected, uint64(now.Active), edge(now.Size-now.Free, now.Unit))...)
	}
}

// visited notes where a step of a life has led.
func (l *updateTrial) visited(s *UpdateStep, sound bool) {
	if l.o.steps++; !l.o.guided {
		return
	}
	flag := func(is bool) uint64 {
		if is {
			return 1
		}
		return 0
	}
	what := []uint64{flag(s.Download), text(string(s.Bad)), flag(s.Leave), 0, uint64(len(s.Then)), flag(sound), flag(l.f.Off())}
	if s.Mode != nil {
		what[3] = text(s.Mode.String())
	}
	if !s.Download {
		what[1] = uint64(s.Reason)
	}
	l.o.visit(what...)
	// What runs, beside what was downloaded last.
	now := uint64(0)
	if l.running != nil {
		now = 2 + flag(l.running.Version > l.run.new.Version) + 2*flag(l.running == l.run.new)
	}
	l.o.visit(append(what, now, text(l.in.Device.Sectors), uint64(l.in.Client), uint64(len(l.run.images)))...)
}

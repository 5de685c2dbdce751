package explore

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/cespare/xxhash/v2"

	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/random"
	"dualbank/results"
)

// Runner boots, uses and judges the software of a subject on a flash, as a cut left it. Equal cells under
// the same operation give equal answers. A runner serves one worker.
type Runner interface {
	// Begin says that the cuts that follow hit operation op.
	Begin(op int)
	// Judge is called with the power on again; hash is that of the cells as the cut left them. second
	// counts the further cuts that it explored.
	Judge(op int, mode model.Mode, hash uint64) (bad []Violation, second uint64, err error)
}

// Plan is a sweep of cuts over a recording.
type Plan struct {
	Recording *Recording
	Steps     []uint64 // to be cut, ascending: see Recording.Pick
	Modes     []model.Mode
	Seed      uint64
	Chunk     int // steps that a worker takes at a time: ChunkSteps, or less where a step takes long
	Workers   int // 0: one for each processor
	NewFlash  func() (*model.Flash, error)
	NewRunner func(*model.Flash) (Runner, error)
	Where     func(v Violation, step uint64) Place
	Plain     bool   // judge equal states again, for comparison
	Journal   string // file that keeps what is explored; "": nothing is kept
	Identity  any    // what the outcome depends on, for the journal
	Piece     *Piece // some chunks alone, into it; nil: all

	Took func(*Call) uint64 // nanoseconds of one step of a call, which cuts are weighed by; nil: they are counted alone

	// What one piece leaves for the next.
	times []uint64     // that Took gives
	ahead *model.Flash // the recorded run, up to step at
	at    uint64
	idle  []*worker
}

// Sweep is what a sweep found, and what it covered.
type Sweep struct {
	Map      results.CutMap
	Findings []Finding
	Stats    Stats
}

// Stats says how much work a sweep was.
type Stats struct {
	Cuts   uint64 `json:"cuts"`   // cuts explored
	Judged uint64 `json:"judged"` // of these, recovered and judged
	Equal  uint64 `json:"equal"`  // of these, the cells and the operation were those of a cut judged before
	Second uint64 `json:"second"` // second cuts explored beside the one that every judgement ends with
}

// Add adds the work of another sweep.
func (s *Stats) Add(o Stats) {
	s.Cuts += o.Cuts
	s.Judged += o.Judged
	s.Equal += o.Equal
	s.Second += o.Second
}

// chunk is what a worker takes at a time: consecutive steps to be cut, and what came out.
type chunk struct {
	steps []uint64
	times []uint64       // nanoseconds that each stands for; nil: not known
	start *cell.Snapshot // cells before the first of steps
	done  bool
	chunkResult
}

// chunkResult is what a journal keeps of a chunk.
type chunkResult struct {
	Stats  Stats              `json:"stats"`
	Groups []*group           `json:"groups"`
	Rows   [][]results.CutRun `json:"rows"` // by mode
}

// Steps of a chunk. They are constants, so that what is judged and what is recognised as equal does not
// depend on the number of workers. A kill loses the chunks that are being explored, no more.
const (
	ChunkSteps     = 2048
	DeepChunkSteps = 128 // where second cuts follow every first one
	// BatchChunkSteps is for many workers at once, whose software gains from neighbouring cells.
	BatchChunkSteps = 16
)

// CutSeed is the seed of the randomness in one cut.
func CutSeed(seed, step uint64, mode int) uint64 {
	return random.New(seed ^ step*0x9E3779B97F4A7C15 ^ uint64(mode)<<56).Uint64()
}

// NoCutError is that software fails in the run that was to be cut, or attacked, without that.
type NoCutError struct{ Err error }

func (e *NoCutError) Error() string { return e.Err.Error() }
func (e *NoCutError) Unwrap() error { return e.Err }

// FailsAlone is a NoCutError of this text.
func FailsAlone(format string, args ...any) error { return &NoCutError{fmt.Errorf(format, args...)} }

// Run explores the plan, and adds what comes out to s and g. When ctx ends early it adds what is complete
// until then, and returns ctx's error.
func (x *Plan) Run(ctx context.Context, s *Sweep, g *Groups, progress func(done, total uint64)) error {
	var j *journal
	if x.Journal != "" {
		var err error
		if j, err = openJournal(x.Journal, []any{x.Identity, x.Chunk}); err != nil {
			return err
		}
		defer j.close()
	}
	var chunks []*chunk
	if x.Took != nil && x.times == nil {
		x.times = x.Recording.weigh(x.Steps, x.Took)
	}
	times := x.times
	for rest := x.Steps; len(rest) > 0; {
		n := min(len(rest), x.Chunk)
		c := &chunk{steps: rest[:n]}
		if times != nil {
			c.times, times = times[:n], times[n:]
		}
		c.done = j.load(len(chunks), &c.chunkResult)
		chunks = append(chunks, c)
		rest = rest[n:]
	}
	if x.Piece != nil {
		return x.piece(ctx, chunks, g, progress)
	}
	if err := x.snapshots(chunks); err != nil {
		return err
	}
	err := x.work(ctx, chunks, j, progress)
	s.Map.Steps = x.Recording.Steps
	rows := make([][]results.CutRun, len(x.Modes))
	for _, c := range chunks {
		if !c.done {
			break
		}
		s.Stats.Add(c.Stats)
		s.Map.Explored += c.Stats.Cuts
		for _, gr := range c.Groups {
			g.merge(gr)
		}
		for m, runs := range c.Rows {
			for _, r := range runs {
				rows[m] = appendRun(rows[m], r)
			}
		}
	}
	for m, runs := range rows {
		s.Map.Rows = append(s.Map.Rows, results.CutRow{Mode: x.Modes[m].String(), Runs: runs})
	}
	return err
}

// piece explores the chunks that are asked for.
func (x *Plan) piece(ctx context.Context, chunks []*chunk, g *Groups, progress func(done, total uint64)) error {
	x.Piece.Chunks, x.Piece.Lines = len(chunks), nil
	for i, c := range chunks {
		if c.done = !x.Piece.asks(i) || x.Piece.Empty; x.Piece.Empty {
			c.chunkResult = chunkResult{Rows: make([][]results.CutRun, len(x.Modes))}
		}
	}
	if err := x.snapshots(chunks); err != nil {
		return err
	}
	if err := x.work(ctx, chunks, nil, progress); err != nil {
		return err
	}
	for i, c := range chunks {
		if !x.Piece.asks(i) {
			continue
		}
		if err := x.Piece.keep([]any{x.Identity, x.Chunk}, i, &c.chunkResult); err != nil {
			return err
		}
		for _, gr := range c.Groups {
			g.merge(gr)
		}
	}
	return nil
}

// Pick chooses what is cut: about the number of cuts that is asked for, 0 for every step, and no more than most if
// that is not 0. With short they are every step of the calls that have up to so many. m is told which.
func (x *Plan) Pick(about, most, short uint64, m *results.CutMap) {
	if most > 0 {
		x.Modes = x.Modes[:min(uint64(len(x.Modes)), most)]
	}
	modes := uint64(len(x.Modes))
	if about > 0 {
		about = max(about/modes, 1)
	}
	if short > 0 {
		x.Steps, m.Sampling = x.Recording.short(short)
	} else {
		x.Steps, m.Sampling = x.Recording.Pick(about, x.Seed)
	}
	if n := most / modes; most > 0 && uint64(len(x.Steps)) > n {
		all := uint64(len(x.Steps))
		steps := make([]uint64, n)
		for i := range n {
			steps[i] = x.Steps[(2*i+1)*all/(2*n)]
		}
		x.Steps, m.Sampling = steps, fmt.Sprintf("%d steps of these: %s", n, m.Sampling)
	}
}

// Drawn is modes, each so often, at least once: each time has a seed of its own.
func Drawn(modes []model.Mode, times int) (drawn []model.Mode) {
	for _, m := range modes {
		drawn = append(drawn, slices.Repeat([]model.Mode{m}, max(times, 1))...)
	}
	return drawn
}

// snapshots runs the recording once and keeps the cells before each chunk that is to be explored.
func (x *Plan) snapshots(chunks []*chunk) error {
	for _, c := range chunks {
		if c.done {
			continue
		}
		if x.ahead == nil || x.at > c.steps[0] {
			f, err := x.NewFlash()
			if err != nil {
				return err
			}
			f.Restore(x.Recording.Start)
			x.ahead, x.at = f, 0
		}
		if err := x.Recording.Do(x.ahead, x.at, c.steps[0]); err != nil {
			return fmt.Errorf("fuzz: the recorded run does not repeat at step %d: %w", x.at, err)
		}
		x.at = c.steps[0]
		c.start = x.ahead.Snapshot()
	}
	return nil
}

// work has the workers explore all chunks that are not done.
func (x *Plan) work(ctx context.Context, chunks []*chunk, j *journal, progress func(done, total uint64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	total := uint64(len(x.Steps)) * uint64(len(x.Modes))
	var mu sync.Mutex // guards what follows and the journal
	next, cuts := 0, uint64(0)
	take := func() (int, *chunk) {
		mu.Lock()
		defer mu.Unlock()
		for ; next < len(chunks); next++ {
			if c := chunks[next]; !c.done {
				next++
				return next - 1, c
			}
			cuts += chunks[next].Stats.Cuts
		}
		return 0, nil
	}
	finish := func(i int, c *chunk) error {
		mu.Lock()
		defer mu.Unlock()
		c.done, c.start = true, nil
		if cuts += c.Stats.Cuts; progress != nil {
			progress(cuts, total)
		}
		return j.save(i, &c.chunkResult)
	}
	var wg sync.WaitGroup
	n := x.Workers
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	hire := func() (*worker, error) {
		mu.Lock()
		defer mu.Unlock()
		if n := len(x.idle); n > 0 {
			w := x.idle[n-1]
			x.idle = x.idle[:n-1]
			return w, nil
		}
		return x.worker()
	}
	release := func(w *worker) {
		mu.Lock()
		defer mu.Unlock()
		x.idle = append(x.idle, w)
	}
	for range n {
		wg.Go(func() {
			w, err := hire()
			for err == nil && ctx.Err() == nil {
				i, c := take()
				if c == nil {
					release(w)
					return
				}
				if err = w.explore(ctx, c); err == nil {
					err = finish(i, c)
				}
			}
			if err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	for _, c := range chunks {
		if !c.done {
			return context.Cause(ctx)
		}
	}
	return nil
}

type worker struct {
	x    *Plan
	f    *model.Flash
	j    Runner
	seen map[state][]Violation
	told map[Symptom]string // words for symptoms, which the map of cuts shows
}

// state is the key of the judgement cache: a verdict depends on the cells and on what is expected, which the
// operation determines.
type state struct {
	hash uint64
	op   int
}

func (x *Plan) worker() (*worker, error) {
	f, err := x.NewFlash()
	if err != nil {
		return nil, err
	}
	j, err := x.NewRunner(f)
	return &worker{x: x, f: f, j: j, seen: map[state][]Violation{}, told: map[Symptom]string{}}, err
}

// explore cuts at each step of c.
func (w *worker) explore(ctx context.Context, c *chunk) error {
	x := w.x
	c.chunkResult = chunkResult{Rows: make([][]results.CutRun, len(x.Modes))}
	g := NewGroups()
	clear(w.seen)
	w.f.Restore(c.start)
	now, last := c.steps[0], -1
	for i, step := range c.steps {
		time := uint64(0)
		if c.times != nil {
			time = c.times[i]
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := x.Recording.Do(w.f, now, step); err != nil {
			return fmt.Errorf("fuzz: the recorded run does not repeat at step %d: %w", now, err)
		}
		now = step
		op := x.Recording.Op(step)
		if op != last {
			w.j.Begin(op)
			last = op
		}
		for m, mode := range x.Modes {
			seed := CutSeed(x.Seed, step, m)
			bad, second, equal, err := w.cut(step, mode, seed, op)
			if err != nil {
				return fmt.Errorf("fuzz: step %d, mode %v: %w", step, mode, err)
			}
			c.Stats.Cuts++
			c.Stats.Second += second
			if equal {
				c.Stats.Equal++
			} else {
				c.Stats.Judged++
			}
			at := Hit{Op: op, Step: step - x.Recording.Ops[op], Mode: mode.String(), Seed: seed}
			for _, v := range bad {
				g.AddFor(time, v, x.Where(v, step), at, at.Mode)
			}
			run := w.cutRun(step, bad)
			run.Time = time
			c.Rows[m] = appendRun(c.Rows[m], run)
		}
	}
	c.Groups = g.order
	return nil
}

// cut forks the cells, leaves step as the mode says, and judges. equal reports whether the same state was
// judged before.
func (w *worker) cut(step uint64, mode model.Mode, seed uint64, op int) (bad []Violation, second uint64, equal bool, err error) {
	f := w.f
	f.Mark()
	defer f.Rollback()
	f.Arm(model.Cut{Mode: mode, Seed: seed})
	err = w.x.Recording.Do(f, step, step+1)
	if !f.Off() {
		return nil, 0, false, fmt.Errorf("the cut did not hit: %w", err)
	}
	f.Boot()
	at := state{f.Hash(), op}
	if bad, equal = w.seen[at]; equal && !w.x.Plain {
		return bad, 0, true, nil
	}
	if bad, second, err = w.j.Judge(op, mode, at.hash); err != nil {
		return nil, 0, false, err
	}
	w.seen[at] = bad
	return bad, second, false, nil
}

// cutRun is the outcome of one cut: the first of the rules that it breaks.
func (w *worker) cutRun(step uint64, bad []Violation) results.CutRun {
	r := results.CutRun{First: step, Last: step, Cuts: 1, Outcome: "ok"}
	for i := range bad {
		s := &bad[i].Symptom
		if r.Rule != 0 && s.Rule >= r.Rule {
			continue
		}
		text, ok := w.told[*s]
		if !ok {
			text = s.String()
			w.told[*s] = text
		}
		r.Rule, r.Outcome = s.Rule, text
	}
	return r
}

// appendRun codes outcomes by run length. r follows the runs in the order of steps explored.
func appendRun(runs []results.CutRun, r results.CutRun) []results.CutRun {
	if n := len(runs); n > 0 && runs[n-1].Rule == r.Rule && runs[n-1].Outcome == r.Outcome {
		runs[n-1].Last = r.Last
		runs[n-1].Cuts += r.Cuts
		runs[n-1].Time += r.Time
		return runs
	}
	return append(runs, r)
}

// Summary is what a line of a journal says, for people who watch a campaign.
type Summary struct {
	Stats  Stats
	Groups []GroupSummary
}

// GroupSummary is a violation at one place.
type GroupSummary struct {
	Severity, Text, Place, Expected, Seen string
	Count                                 uint64
}

// Summarize reads a line of a journal of this program, of a sweep over a subject.
func Summarize(text []byte, subject string) (s Summary, err error) {
	var r struct {
		Stats  Stats    `json:"stats"`
		Groups []*group `json:"groups"`
	}
	if _, err := parseResult(text, &r); err != nil {
		return s, err
	}
	s.Stats = r.Stats
	for _, g := range r.Groups {
		if g == nil {
			continue
		}
		for _, in := range g.Shown {
			s.Groups = append(s.Groups, GroupSummary{severity(subject, g.V.Symptom, in.Modes), g.V.Symptom.String(), g.Place.String(), g.V.Expected, g.V.Seen, in.Count})
		}
	}
	return s, nil
}

// Piece asks a sweep for some of its chunks alone, as lines of its journal: whoever appends the lines of all chunks to
// the journal has the whole sweep. It is how a sweep is divided among processes.
type Piece struct {
	From, To int   // chunks, To excluded; To 0: the sweep only counts its chunks
	Empty    bool  // the lines say that nothing came out: the chunks are given up
	Pool     *Pool // of a guided search: what the rounds before have found; nil: it is the first one

	Chunks int      // of the whole sweep; set by the sweep
	Round  int      // chunks that need those of all rounds before; 0: none needs another; likewise
	Lines  [][]byte // of the chunks asked for, in order, each with its end; likewise

	ready any
}

// Ready is what the sweep has made ready for an earlier piece; nil: nothing yet, or p is nil.
func (p *Piece) Ready() any {
	if p == nil {
		return nil
	}
	return p.ready
}

// Prepare keeps what a sweep has made ready, its recorded run for one, for the next piece: the same Piece with other chunks.
func (p *Piece) Prepare(ready any) {
	if p != nil {
		p.ready = ready
	}
}

// asks reports whether the piece has chunk i.
func (p *Piece) asks(i int) bool { return p == nil || i >= p.From && i < p.To }

// keep adds the line of chunk i. config is what the journal would have been opened with.
func (p *Piece) keep(config any, i int, result any) error {
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	line, err := encodeLine(xxhash.Sum64(text), i, result)
	p.Lines = append(p.Lines, line)
	return err
}

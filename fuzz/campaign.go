package fuzz

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"dualbank/fuzz/cause"
	"dualbank/fuzz/edge"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/update"
)

// Campaign is a list of sweeps whose findings are put together: the same defect on several devices is
// one finding.
type Campaign struct {
	Live     []kv.Sweep // by kv.Live
	Attacked []kv.Sweep // by kv.Attack
	Failing  []kv.Sweep // by kv.Fail
	KV       []kv.Sweep // by kv.Cut
	Stores   []kv.Watched
	Lives    []update.LifeSweep
	Updates  []update.Sweep
	Installs []update.Watched
	Guided   []explore.Guided
	Edges    []edge.Sweep
	Layouts  bool        // layout.Edges
	Workers  int         // 0: one for each processor
	Dir      string      // folder for the journals; "": a campaign that is stopped starts anew
	Env      explore.Env // what the cases of its findings need
	Tries    int         // replays spent on making each finding smaller
	Most     uint64      // states judged in all sweeps together, second cuts too; 0: any number

	// Causes keeps the causes of cases, for who wants to know some of them before the end; nil: nothing is kept.
	Causes *cause.Memo
	// Tell, if it is not nil, is told of each stage from time to time, before the progress, and when it is over.
	Tell func(Stage)

	alone map[int]undivided // what Alone has explored, by tasks
	begun *begun            // nil: none
}

// Stage is a sweep of a campaign, or a first look at one.
type Stage struct {
	At, Of   int    // its number, from 1, and how many there are
	Name     string // in words
	Cuts     uint64 // first cuts, or inputs, of all stages until now
	Over     bool
	Findings []explore.Finding // of one that is over: its own, without causes, each with its first variant alone
}

// shallow leaves out the second cuts at the steps of recoveries.
func (c *Campaign) shallow() {
	c.KV = slices.Clone(c.KV)
	for i := range c.KV {
		c.KV[i].Deep, c.KV[i].DeepSteps = false, 0
	}
}

// deepUpdates is how many cuts of a large update are followed by others at every step of the boot after them.
const deepUpdates = 4

// Deepen makes second cuts follow every cut: in stores and in small updates at every step of every recovery, in others at
// every step of some recoveries.
func (c *Campaign) Deepen() {
	for i := range c.KV {
		s := &c.KV[i]
		s.Deep, s.DeepSteps = true, 0
	}
	for i := range c.Updates {
		s := &c.Updates[i]
		if s.Deep = deepUpdates; s.Device.Part == "" {
			s.Deep = math.MaxInt
		}
	}
}

// Small leaves the small geometries, without cuts in recoveries, judges at most so many states in all, and leaves
// little time for making findings small. most is at least 1.
func (c *Campaign) Small(most uint64) {
	large := func(s kv.Sweep) bool { return s.Device.Part != "" }
	c.KV, c.Live = slices.DeleteFunc(c.KV, large), slices.DeleteFunc(c.Live, large)
	c.shallow()
	c.Stores, c.Installs = nil, nil
	c.Edges = nil // a trial of a probe judges more states than a share has
	c.Tries, c.Most = 20, most
	for i := range c.Updates {
		c.Updates[i].Deep = 0
	}
}

// CampaignResult is what a campaign found, and what it covered.
type CampaignResult struct {
	Planned  int // sweeps of the whole campaign
	Sweeps   []*explore.Sweep
	Findings []explore.Finding
	Stats    explore.Stats
	Env      explore.Env // what the cases of the findings need
	Failed   []error     // why sweeps were left out: software fails in them before it is cut, in a way that no other sweep shows
	Aside    []string    // journals of another program, under the names that they have now
}

// Run sweeps, finds the causes of the findings and makes them small.
func (c *Campaign) Run(ctx context.Context, progress func(sweep string, done, total uint64)) (*CampaignResult, error) {
	r, err := c.Sweep(ctx, progress)
	if err != nil {
		return r, err
	}
	r.Attribute(ctx, c.Causes, c.Workers, progress)
	return r, r.Minimize(ctx, c.Tries, progress)
}

// weight is about how long a turn takes beside others, for the progress. With Most all take alike.
func (c *Campaign) weight(of turn) uint64 {
	if c.Most > 0 || of.most > 0 {
		return 1
	}
	return [...]uint64{noCutsAtAll: 1, fewCuts: 40, deepCuts: 600, allCuts: 2400}[of.cost]
}

// turn is a sweep, whole or a first look.
type turn struct {
	task
	at   int    // its place among the tasks
	most uint64 // states that a first look judges; 0: the sweep is whole
}

// firstLook is how many states a first look at a sweep judges.
const firstLook = 400

// turns are the sweeps in their order: those that take little or come early; a first look at each of the others, which
// shows nearly every cause; and the others. A sweep judges all that a first look at it does, so that such a look only
// counts where the campaign does not come to the sweep.
func (c *Campaign) turns(tasks []task) (list []turn) {
	var rest []turn
	for i, t := range tasks {
		if c.Most == 0 && t.cost > noCutsAtAll && !t.early {
			rest = append(rest, turn{task: t, at: i})
			continue
		}
		list = append(list, turn{task: t, at: i})
	}
	for _, t := range rest {
		t.most = firstLook
		list = append(list, t)
	}
	return append(list, rest...)
}

// progressOf is what a weight of 1 is divided into.
const progressOf = 1000

// Sweep runs the sweeps, telling progress which one it is at, and how much of the whole campaign is done. When ctx ends, it returns what is complete
// until then together with ctx's error. The result is a function of c without Workers. With Most the sweeps share it:
// each has an equal part of what those before it have left, and one without a part is left out.
func (c *Campaign) Sweep(ctx context.Context, progress func(sweep string, done, total uint64)) (*CampaignResult, error) {
	r := &CampaignResult{Env: c.Env}
	if c.Dir != "" {
		if st, err := os.Lstat(c.Dir); err == nil && !st.IsDir() {
			return nil, fmt.Errorf("%s: is no folder: remove it", c.Dir)
		}
		if err := os.MkdirAll(c.Dir, 0o755); err != nil {
			return nil, err
		}
		for i := range c.tasks() {
			for _, path := range []string{c.journal(i), c.lookJournal(i)} {
				aside, err := explore.SetAside(path)
				if err != nil {
					return nil, err
				}
				if aside != "" {
					r.Aside = append(r.Aside, aside)
				}
			}
		}
	}
	tasks := c.tasks()
	turns := c.turns(tasks)
	var whole, before uint64 // work of all turns, and of those that are over
	for _, t := range turns {
		whole += c.weight(t)
	}
	cuts := uint64(0) // of the turns that are over
	tell := func(t turn, n int) func(done, total uint64) {
		if progress == nil && c.Tell == nil {
			return nil
		}
		from, of := before, c.weight(t)
		return func(done, total uint64) {
			if c.Tell != nil {
				c.Tell(Stage{At: n, Of: len(turns), Name: t.name, Cuts: cuts + min(done, total)})
			}
			if progress != nil {
				progress(t.name, progressOf*from+progressOf*of*min(done, total)/max(total, 1), progressOf*whole)
			}
		}
	}
	var err error
	r.Planned = len(tasks)
	looks := make([]*explore.Sweep, len(tasks))
	for n, t := range turns {
		at := setting{workers: c.Workers, journal: c.journal(t.at), progress: tell(t, n+1), most: t.most}
		before += c.weight(t)
		run, kept := c.alone[t.at]
		if kept && t.most > 0 {
			continue
		}
		if t.most > 0 {
			if at.journal != "" {
				if _, err := os.Stat(at.journal); err == nil {
					continue // the whole sweep has begun, here or on other machines
				}
			}
			at.journal = c.lookJournal(t.at)
		}
		if c.Most > 0 {
			judged := r.Stats.Cuts + r.Stats.Second
			if at.most = (c.Most - min(judged, c.Most)) / uint64(len(tasks)-t.at); at.most == 0 {
				continue
			}
		}
		var done *explore.Sweep
		if done, err = run.sweep, run.err; !kept {
			done, err = t.run(ctx, at)
		}
		if t.most > 0 {
			looks[t.at] = done
		} else {
			looks[t.at] = nil
			r.add(done)
		}
		if done != nil {
			cuts += done.Stats.Cuts
		}
		if _, alone := errors.AsType[*explore.NoCutError](err); alone {
			if t.most == 0 {
				r.Failed = append(r.Failed, fmt.Errorf("%s: %w", t.name, err))
			}
			err = nil
		}
		if done != nil && c.Tell != nil {
			c.Tell(Stage{n + 1, len(turns), t.name, cuts, true, firstSeen(done.Findings)})
		}
		if err != nil {
			break
		}
		if progress != nil {
			progress(t.name, progressOf*before, progressOf*whole)
		}
	}
	for _, s := range looks {
		r.add(s) // of a sweep that the campaign did not come to
	}
	explore.SortFindings(r.Findings)
	return r, err
}

// firstSeen are copies of findings with their first variants alone: enough to tell a cause while a campaign runs.
func firstSeen(of []explore.Finding) []explore.Finding {
	of = slices.Clone(of)
	for i := range of {
		of[i].Variants = slices.Clone(of[i].Variants[:1])
	}
	return of
}

// Attribute finds the causes of the findings. A finding of several causes becomes one for each.
// m and workers are as in Campaign. When ctx ends, the findings stay as they are.
func (r *CampaignResult) Attribute(ctx context.Context, m *cause.Memo, workers int, progress func(sweep string, done, total uint64)) {
	r.Findings = m.Attribute(ctx, r.Findings, r.Env, workers, func(done, total uint64) {
		if progress != nil {
			progress("finding causes", done, total)
		}
	})
}

// Confirm replays each finding in an environment of its own, such as one with a new process for each boot. One that
// does not show there is of software that keeps state over a boot: it is no longer among the findings, and told in a
// line of its own.
func (r *CampaignResult) Confirm(env explore.Env) (told []string) {
	r.Findings = slices.DeleteFunc(r.Findings, func(f explore.Finding) bool {
		_, broken, err := f.ReplayIn(io.Discard, env)
		if err == nil && broken {
			return false
		}
		why := ""
		if err != nil {
			why = ": " + err.Error()
		}
		told = append(told, fmt.Sprintf("high    %s: state survives a boot: %s (%v) shows where processes are used again, and not in fresh ones%s", f.Subject, f.Symptom, f.Place, why))
		return true
	})
	return told
}

// Minimize makes the findings small, with so many replays for each, and keeps their causes. When ctx ends, the rest stay as they
// are.
func (r *CampaignResult) Minimize(ctx context.Context, tries int, progress func(sweep string, done, total uint64)) error {
	for i := range r.Findings {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		cause.Minimize(&r.Findings[i], tries, r.Env)
		r.Findings[i].Weigh(r.Env)
		if progress != nil {
			progress("making findings small", uint64(i+1), uint64(len(r.Findings)))
		}
	}
	return nil
}

func (c *Campaign) journal(i int) string {
	if c.Dir == "" {
		return ""
	}
	return filepath.Join(c.Dir, fmt.Sprintf("sweep%02d.journal", i))
}

// lookJournal is the journal of a first look at a sweep.
func (c *Campaign) lookJournal(i int) string {
	if c.Dir == "" {
		return ""
	}
	return filepath.Join(c.Dir, fmt.Sprintf("look%02d.journal", i))
}

// add puts the findings of a sweep to those of the others: the case of the first is kept.
func (r *CampaignResult) add(s *explore.Sweep) {
	if s == nil {
		return
	}
	r.Sweeps = append(r.Sweeps, s)
	r.Stats.Add(s.Stats)
	for _, f := range s.Findings {
		i := slices.IndexFunc(r.Findings, func(o explore.Finding) bool { return o.ID == f.ID })
		if i < 0 {
			r.Findings = append(r.Findings, f)
			continue
		}
		r.Findings[i].Merge(&f)
	}
}

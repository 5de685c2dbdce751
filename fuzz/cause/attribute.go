package cause

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"

	"dualbank/fuzz/explore"
)

// picked is how many variants of a finding are replayed.
const picked = 3

// freeTries is how many replays make a case short whose faults may be anywhere.
const freeTries = 150

// Unknown begins the names of causes that nothing removes.
const Unknown = "unknown"

// judged is one case, and what removes what it shows.
type judged struct {
	finding int
	of      int               // index of its variant
	replays bool              // the case shows what the finding does
	shows   explore.Violation // as it is
	short   explore.Case      // the same, made short; nil: it is as it was
	within  string
	cures   []string // each alone
	pair    []string // together, where none does alone
	cause   string
}

// Attribute finds the cause of each finding, on so many workers; 0: one for each processor. A finding whose variants
// have different causes becomes one finding for each. env is what the cases need. progress is told how many cases are
// done; it may be nil. When ctx ends, the findings stay as they are.
func Attribute(ctx context.Context, findings []explore.Finding, env explore.Env, workers int, progress func(done, total uint64)) []explore.Finding {
	return (*Memo)(nil).Attribute(ctx, findings, env, workers, progress)
}

// Attribute is the function Attribute with a memory.
func (m *Memo) Attribute(ctx context.Context, findings []explore.Finding, env explore.Env, workers int, progress func(done, total uint64)) []explore.Finding {
	var all []judged
	for i := range findings {
		for _, v := range pick(findings[i].Variants) {
			all = append(all, judged{finding: i, of: v})
		}
	}
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex // guards next and done
	next, done := 0, uint64(0)
	take := func() int {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1
	}
	for range workers {
		wg.Go(func() {
			for i := take(); i < len(all) && ctx.Err() == nil; i = take() {
				f := &findings[all[i].finding]
				m.judge(&all[i], f.Variants[all[i].of].Case(), f.Symptom, env)
				mu.Lock()
				if done++; progress != nil {
					progress(done, uint64(len(all)))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return findings
	}
	all = speaking(all)
	name(all)
	var out []explore.Finding
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].finding == all[0].finding {
			n++
		}
		out = append(out, split(&findings[all[0].finding], all[:n])...)
		all = all[n:]
	}
	explore.SortFindings(out)
	return out
}

// speaking are the cases that speak for their findings. A sweep takes a verdict over where the cells are those of an
// earlier cut. What follows from the mode alone, as the second cut does, may not show in the variant's own case: another
// variant speaks for it.
func speaking(all []judged) []judged {
	replays := map[int]bool{}
	for i := range all {
		replays[all[i].finding] = replays[all[i].finding] || all[i].replays
	}
	return slices.DeleteFunc(all, func(j judged) bool { return replays[j.finding] && !j.replays })
}

// Of is the cause of what one case shows, as far as its own remedies tell it, and what removes it in the environment.
func Of(c explore.Case, want explore.Symptom, env explore.Env) (cause, within string) {
	all := make([]judged, 1)
	all[0].judge(c, want, env)
	name(all)
	return all[0].cause, all[0].within
}

// Cures are the repairs that remove what a case shows, each alone.
func Cures(c explore.Case, want explore.Symptom, env explore.Env) []string {
	var j judged
	j.judge(c, want, env)
	return j.cures
}

// Known reports whether a cause is one that a remedy removes.
func Known(cause string) bool { return cause != "" && !strings.HasPrefix(cause, Unknown) }

// pick chooses variants to be replayed: each of another class of modes if possible, then each on another device.
func pick(of []explore.Variant) (at []int) {
	for _, better := range []func(a, b *explore.Variant) bool{
		func(a, b *explore.Variant) bool { return class(a.Modes) == class(b.Modes) },
		func(a, b *explore.Variant) bool { return a.Device == b.Device },
		func(a, b *explore.Variant) bool { return false },
	} {
		for i := range of {
			if len(at) < picked && !slices.ContainsFunc(at, func(k int) bool { return k == i || better(&of[k], &of[i]) }) {
				at = append(at, i)
			}
		}
	}
	slices.Sort(at)
	return at
}

// class is what the modes of faults need of the cells.
func class(modes []string) string {
	for _, m := range []string{"weak", "ecc", "stray", "fail"} {
		if slices.Contains(modes, m) {
			return m
		}
	}
	if len(modes) == 0 {
		return "no fault"
	}
	return "cut"
}

// judge tries the remedies of a case.
func (j *judged) judge(c explore.Case, want explore.Symptom, env explore.Env) {
	j.cause = unknown(c, want)
	curable, ok := c.(explore.Curable)
	if !ok {
		return
	}
	t, ok := newTrial(curable, want, env)
	if !ok {
		return
	}
	j.shows, j.replays = t.as, true
	if t.free {
		// Repairs change all that follows. In a short run that is little.
		f := explore.Finding{Symptom: want, Case: c, Expected: t.as.Expected, Seen: t.as.Seen}
		f.Minimize(freeTries, env)
		if t, ok = newTrial(f.Case.(explore.Curable), want, env); !ok {
			return
		}
		j.short, j.shows = f.Case, t.as
	}
	j.within = t.environment()
	if j.cures = t.cures(j.within); j.cures == nil && j.within == "" {
		j.pair = t.pair(j.within)
	}
}

// unknown is the name of a cause that nothing removes.
func unknown(c explore.Case, s explore.Symptom) string {
	of := []string{Unknown, "no fault", cmp.Or(s.Error, s.Kind), "no ECC"}
	if c, ok := c.(explore.Curable); ok {
		of[1] = class(c.Modes())
		if c.ECC() {
			of[3] = "ECC"
		}
	}
	return strings.Join(of, "/")
}

// name gives each case its cause: of the repairs that remove it one that is for the environment that does, too, or the
// most specific one; but none that stands for a case already which two repairs tell from this one.
func name(all []judged) {
	likely(all)
	members := map[string][][]string{} // cures of the cases of a cause
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(all[a].cures) - len(all[b].cures) })
	for _, i := range order {
		j := &all[i]
		switch {
		case len(j.cures) > 0:
			by := slices.Clone(j.cures)
			slices.SortFunc(by, func(a, b string) int { return cmp.Or(meant(b)-meant(a), explore.MoreSpecific(a, b)) })
			at := slices.IndexFunc(by, func(c string) bool {
				return !slices.ContainsFunc(members[c], func(o []string) bool { return apart(o, j.cures) })
			})
			j.cause = by[max(at, 0)]
			members[j.cause] = append(members[j.cause], j.cures)
		case j.within != "":
			j.cause = j.within
		case len(j.pair) > 0:
			j.cause = strings.Join(j.pair, "+")
		}
	}
}

// meant is 1 for a repair that is for an environment, else 0.
func meant(name string) int {
	if r := explore.RemedyByName(name); r != nil && r.For != "" {
		return 1
	}
	return 0
}

// likely leaves, of what removes a case that shows after a second cut alone, the repairs that remove the same symptom where
// there is no second cut, if there are any. Any repair may move the step that the second cut hits.
func likely(all []judged) {
	for i := range all {
		j := &all[i]
		if !j.shows.Second {
			continue
		}
		var left []string
		for _, c := range j.cures {
			if slices.ContainsFunc(all, func(o judged) bool {
				return !o.shows.Second && o.shows.Symptom.Kind == j.shows.Symptom.Kind && o.shows.Symptom.Error == j.shows.Symptom.Error && slices.Contains(o.cures, c)
			}) {
				left = append(left, c)
			}
		}
		if left != nil {
			j.cures = left
		}
	}
}

// apart reports whether two repairs tell two cases apart: each removes one of them alone.
func apart(a, b []string) bool {
	in := func(of []string) func(string) bool { return func(c string) bool { return !slices.Contains(of, c) } }
	return slices.ContainsFunc(a, in(b)) && slices.ContainsFunc(b, in(a))
}

// split divides a finding by the causes of its cases. A variant that was not replayed has the cause of one in the same
// modes, of the same class of modes, or of the first.
func split(f *explore.Finding, cases []judged) (out []explore.Finding) {
	by := map[string]*explore.Finding{}
	var order []string
	for i, v := range f.Variants {
		at := slices.IndexFunc(cases, func(j judged) bool { return j.of == i })
		for _, like := range []func(o *explore.Variant) bool{
			func(o *explore.Variant) bool { return slices.Equal(o.Modes, v.Modes) },
			func(o *explore.Variant) bool { return class(o.Modes) == class(v.Modes) },
			func(*explore.Variant) bool { return true },
		} {
			if at < 0 {
				at = slices.IndexFunc(cases, func(j judged) bool { return like(&f.Variants[j.of]) })
			}
		}
		j := &cases[at]
		own := by[j.cause]
		if own == nil {
			c := *f
			c.Cause, c.Within, c.Variants = j.cause, j.within, nil
			switch {
			case j.short != nil:
				c.Case, c.Expected, c.Seen = j.short, j.shows.Expected, j.shows.Seen
			case j.of > 0:
				c.Case, c.Expected, c.Seen = f.Variants[j.of].Case(), j.shows.Expected, j.shows.Seen
			}
			own = &c
			by[j.cause] = own
			order = append(order, j.cause)
		}
		if own.Within != j.within {
			own.Within = "" // some of its cases do not need it
		}
		own.Variants = append(own.Variants, v)
	}
	for _, c := range order {
		by[c].Sum()
		out = append(out, *by[c])
	}
	return out
}

// Minimize is Finding.Minimize with the cases alone that have the finding's cause: what removes it removes them.
func Minimize(f *explore.Finding, tries int, env explore.Env) int {
	return f.MinimizeIf(tries, env, func(c explore.Case) bool { return f.Cause == "" || has(c, f, env) })
}

// has reports whether a case has the cause of a finding.
func has(c explore.Case, f *explore.Finding, env explore.Env) bool {
	curable, ok := c.(explore.Curable)
	if !ok || !Known(f.Cause) {
		return !ok || unknown(c, f.Symptom) == f.Cause
	}
	t, ok := newTrial(curable, f.Symptom, env)
	if !ok {
		return false
	}
	by := strings.Split(f.Cause, "+")
	if environmental(by[0]) {
		return t.environment() == f.Cause
	}
	return t.late(by...) || t.early(by...)
}

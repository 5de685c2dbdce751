package kv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/film"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/results"
)

// Cut runs the sweep. When ctx ends, it returns what was explored until then together with ctx's error. The
// result is a function of c, whatever the number of workers.
func Cut(ctx context.Context, c Sweep, progress func(done, total uint64)) (*explore.Sweep, error) {
	t, ready := c.Piece.Ready().(*cuts)
	if !ready {
		var err error
		if t, err = c.cuts(); err != nil {
			return uncut(ctx, c, err)
		}
		c.Piece.Prepare(t)
	}
	s := &explore.Sweep{Map: t.shown}
	g := explore.NewGroups()
	for _, v := range t.bad {
		where := explore.Place{Op: string(script.Reboot), Part: "no-cut"}
		if v.Second {
			where = afterRecovery
		}
		g.Add(v, where, explore.Hit{Op: len(t.w.ops), Mode: explore.NoCut})
	}
	t.plan.Piece = c.Piece
	err := t.plan.Run(ctx, s, g, progress)
	s.Findings = g.Findings(sut.SubjectName, func(at explore.Hit) explore.Case {
		k := t.w.cfg.caseOf(JudgeCut, faulted(script.Steps(t.w.ops), at), t.own)
		k.Keys, k.Once = t.w.keys, t.w.once
		return k
	})
	return s, err
}

// cuts is a sweep that is ready to be explored, whole or piece by piece.
type cuts struct {
	w     *recorded
	own   map[string]bool     // keys that the store lists of its own accord
	bad   []explore.Violation // without a cut
	plan  explore.Plan
	shown results.CutMap // of nothing explored
}

// cuts records the run that is to be cut.
func (c *Sweep) cuts() (*cuts, error) {
	modes, err := explore.ParseModes(c.Modes)
	if err != nil {
		return nil, err
	}
	w, err := record(c, nil, nil)
	if err != nil {
		return nil, err
	}
	own, bad, err := w.undisturbed(nil)
	if err != nil {
		return nil, err
	}
	t := &cuts{w: w, own: own, bad: bad, plan: explore.Plan{
		Recording: w.rec, Modes: explore.Drawn(modes, c.Draws), Seed: c.Seed, Workers: c.Workers, Chunk: explore.ChunkSteps,
		NewFlash:  c.Device.Flash,
		NewRunner: func(f *model.Flash) (explore.Runner, error) { return newRecovery(w, f, own) },
		Where:     w.of, Journal: c.Journal, Identity: c.identity(), Took: c.Took,
	}}
	t.shown = results.CutMap{Name: fmt.Sprintf("KVStore workload, profile %s, %v", c.profile(), &c.Device) + c.depth(), Marks: w.collections}
	t.plan.Pick(c.MaxCuts, c.Most, c.Short, &t.shown)
	if c.Deep {
		t.plan.Chunk = explore.DeepChunkSteps
	}
	if w.batch > 0 {
		t.plan.Chunk = explore.BatchChunkSteps
		if t.plan.Workers == 0 {
			t.plan.Workers = w.batch
		}
	}
	return t, nil
}

// uncut is a sweep whose run fails without any cut, for which cause says why: what Live finds in it.
func uncut(ctx context.Context, c Sweep, cause error) (*explore.Sweep, error) {
	if _, alone := errors.AsType[*explore.NoCutError](cause); !alone || c.Piece != nil {
		return nil, cause
	}
	s, err := Live(ctx, c)
	if err == nil && len(s.Findings) == 0 {
		err = cause
	}
	return s, err
}

// undisturbed judges the end of the run without any cut. A key that the store lists of its own
// accord is one violation, and is expected from then on: it is no matter of power.
func (w *recorded) undisturbed(cam *film.Camera) (own map[string]bool, bad []explore.Violation, err error) {
	f, err := w.end()
	if err != nil {
		return nil, nil, err
	}
	j, err := newRecovery(w, f, nil)
	if err != nil {
		return nil, nil, err
	}
	j.filmed(cam)
	own = map[string]bool{}
	if err := j.Store.Open(); err != nil {
		return nil, nil, explore.FailsAlone("the store does not open at the end of the run, without any cut: %w", err)
	}
	it, err := j.Store.Iterate("")
	if err != nil {
		return nil, nil, explore.FailsAlone("the store cannot be listed at the end of the run, without any cut: %w", err)
	}
	for range len(w.keys) + 16 {
		key, err := it.Next()
		if err != nil {
			break
		}
		if _, ok := w.before[0].Index[key]; !ok && !own[key] {
			own[key] = true
			bad = append(bad, explore.Violation{
				Symptom:  explore.Symptom{Rule: sut.RuleNoMore, Kind: "own-key", Op: strconv.Quote(key)},
				Expected: "the keys that were set", Seen: fmt.Sprintf("%q is listed too", key),
			})
		}
	}
	if err := it.Close(); err != nil {
		return nil, nil, err
	}
	j.Own = own
	j.Begin(len(w.ops))
	v, _, err := j.Judge(len(w.ops), model.Before, f.Hash())
	return own, append(bad, v...), err
}

// replayCut runs a case with a cut in its last step, or with none, again.
func replayCut(c *Case, w io.Writer, sweep *Sweep, env explore.Env) (*explore.Replayed, error) {
	run, err := record(sweep, c.Keys, c.Once)
	if err != nil {
		return nil, err
	}
	last := len(c.Steps) - 1
	c.tell(w, len(run.ops), fmt.Sprintf(", %d steps", run.rec.Steps), c.Steps)
	fault := c.Steps[last].Fault
	if fault.Mode == nil {
		f, err := run.end()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(w, "cut      none\n")
		re := found(w, run, f)
		_, re.Bad, err = run.undisturbed(env.Film)
		return re, err
	}
	f, err := c.On.Flash()
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	for _, k := range c.Own {
		own[k] = true
	}
	j, err := newRecovery(run, f, own)
	if err != nil {
		return nil, err
	}
	if err := j.Store.Open(); err != nil {
		return nil, err
	}
	for i := range last {
		// What fails here failed when the run was recorded, and is expected.
		_ = sut.Do(&c.Steps[i].Op, j.Store, f)
	}
	j.filmed(env.Film)
	j.Exp.CopyFrom(&run.before[last])
	j.Begins(&c.Steps[last].Op, j.Exp.Wanted)
	err = sut.DoCut(&c.Steps[last].Op, j.Store, f, fault.Cut())
	j.Ends(err, f.Off(), true)
	if !f.Off() {
		return nil, fmt.Errorf("kv.script: operation %d has no step %d (it ends with %v): the file does not fit this store", last, fault.At, err)
	}
	at := run.rec.Ops[last] + fault.At
	fmt.Fprintf(w, "cut      in operation %d, after %d of its steps, mode %s: %s\n", last, fault.At, fault.Mode, run.at(at).PartWords())
	fmt.Fprint(w, run.rec.Tell(at, run.rec.Ops[last]))
	if d, ok := j.Store.(sut.Doer); ok && d.Doing() != "" {
		fmt.Fprintf(w, "         the store was at: %s\n", d.Doing())
	}
	f.Boot()
	re := found(w, run, f)
	re.Where = func(v explore.Violation) (explore.Place, bool) { return run.of(v, at), true }
	if c.After != 0 {
		later := *run
		later.cfg = c.after(sweep)
		if j, err = newRecovery(&later, f, own); err != nil {
			return nil, err
		}
	}
	j.Begin(last)
	re.Bad, _, err = j.Judge(last, fault.Mode, f.Hash())
	return re, err
}

// found keeps the cells as the store finds them at its next open, and shows them.
func found(w io.Writer, run *recorded, f *model.Flash) *explore.Replayed {
	d := &run.cfg.Device
	re := &explore.Replayed{Base: d.Base, Image: make([]byte, d.Size)}
	f.Peek(d.Base, re.Image)
	if run.layout == nil {
		return re
	}
	if dev, err := f.Region(d.Base, d.Size); err == nil {
		if p, err := kvstore.Inspect(dev, run.cfg.Profile); err == nil {
			fmt.Fprintf(w, "then     the store finds this, is opened, read and used:\n%s", p.Text(6))
		}
	}
	return re
}

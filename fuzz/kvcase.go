package fuzz

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/results"
)

// KVCase is one cut of a KVStore workload that can be run again from nothing.
type KVCase struct {
	Device  Device          `json:"device"`
	Profile string          `json:"profile"`
	Own     []string        `json:"own,omitempty"`  // keys that the store lists of its own accord after a reopen
	Keys    []string        `json:"keys"`           // that the judge looks for and writes to
	Once    []string        `json:"once,omitempty"` // of these, the ones that it must not write to
	Ops     []Op            `json:"ops"`            // from an erased device
	Cut     CutCase         `json:"cut"`
	Deep    bool            `json:"deep,omitempty"`       // the second cut hits every step of the recovery and of the set after it
	Steps   uint64          `json:"deep_steps,omitempty"` // with Deep: about so many of these steps
	Live    bool            `json:"live,omitempty"`       // no cut: the store is looked at between the operations (LiveKV)
	Secure  bool            `json:"secure,omitempty"`     // the store is a SecureStore over two TDBStores
	Attack  string          `json:"attack,omitempty"`     // what somebody with access to the external store does after the last operation
	Defects kvstore.Defects `json:"defects,omitempty"`    // defects of the past that the store shows
}

// describe fills in what a finding of this run says.
func (run *kvRun) describe(f *Finding, at CutCase, own map[string]bool) {
	f.Subject = "KVStore"
	ops := run.ops[:min(at.Op+1, len(run.ops))]
	c := &KVCase{Device: run.cfg.Device, Profile: run.cfg.profile(), Ops: slices.Clone(ops), Cut: at, Deep: run.cfg.Deep, Steps: run.cfg.DeepSteps, Secure: run.cfg.Secure, Defects: run.cfg.Defects}
	for i, k := range run.before[0].keys {
		c.Keys = append(c.Keys, k.name)
		if slices.Contains(run.once, i) {
			c.Once = append(c.Once, k.name)
		}
	}
	if at.Mode != noCut {
		for k := range own {
			c.Own = append(c.Own, k)
		}
		slices.Sort(c.Own)
	}
	f.KV = c
}

// secondCut is the place of what shows after a second cut only.
var secondCut = Place{Op: "set", Part: "second cut, in a set after the recovery"}

// where is the place that matters for a violation.
func (run *kvRun) where(v Violation, step uint64) Place {
	if v.Second {
		return secondCut
	}
	return run.place(step)
}

// place says what the step changes.
func (run *kvRun) place(step uint64) Place {
	op := run.rec.op(step)
	c := &run.rec.calls[run.rec.at(step)]
	p := Place{Op: string(run.ops[op].Kind)}
	switch run.ops[op].Kind {
	case OpPieces, OpRemove, OpAbandon:
		p.Op = string(OpSet) // the same on flash
	}
	gc := slices.ContainsFunc(run.marks, func(m results.Span) bool { return float64(step) >= m.Start && float64(step) < m.End })
	if gc {
		p.Op += " that collects garbage"
	}
	if run.layout == nil {
		p.Part = c.kind.String()
		if run.cfg.Secure {
			p.Part += " in the " + run.cfg.securePart(c.addr-run.cfg.Device.Base)
		}
		return p
	}
	l := run.layout[op]
	addr := c.addr - run.cfg.Device.Base
	area, which := l.Active, "active"
	if addr >= l.Base[1-l.Active] && addr < l.Base[1-l.Active]+l.Size {
		area, which = 1-l.Active, "standby"
	}
	off := addr - l.Base[area]
	switch {
	case c.kind == model.Erase:
		p.Part = "erase in the " + which + " area"
	case off < l.Master:
		p.Part = "reserved data in the " + which + " area"
	case off < l.First:
		p.Part = "master record in the " + which + " area"
	case len(c.data) >= 4 && binary.LittleEndian.Uint32(c.data) == recordMagic:
		p.Part = "record header in the " + which + " area"
	default:
		p.Part = "key and data in the " + which + " area"
	}
	return p
}

// recordMagic starts every record (tdbstore.md).
const recordMagic = 0x54686683

// ownStore is the profile of a store that is not part of this program.
const ownStore = "own"

func (c *KVSweep) profile() string {
	if c.New != nil {
		return ownStore
	}
	return c.Profile.String()
}

// replay runs the case from an erased device, tells w what happens, and returns what is broken. own
// makes the store of a case of profile "own".
func (c *KVCase) replay(w io.Writer, own func(kvstore.BlockDevice) kvstore.Store) (*replayed, error) {
	cfg := &KVSweep{Device: c.Device, Ops: c.Ops, Deep: c.Deep, DeepSteps: c.Steps, Secure: c.Secure, Defects: c.Defects}
	var ok bool
	if cfg.Profile, ok = kvstore.ParseProfile(c.Profile); !ok && c.Profile != ownStore {
		return nil, fmt.Errorf("kv.profile: %q is unknown: use MbedCE or MbedOS", c.Profile)
	}
	if !ok {
		if own == nil {
			return nil, fmt.Errorf("kv.profile: the store is not part of dualbank: replay the finding with ReplayOn in a test of your own")
		}
		cfg.New = own
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	switch {
	case c.Attack != "":
		return c.replayAttack(w, cfg)
	case c.Live:
		return c.replayLive(w, cfg)
	case c.Cut.Mode == model.Fail.String():
		return c.replayFail(w, cfg)
	}
	run, err := recordKV(cfg, c.Keys, c.Once)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(w, "device   %v\nprofile  %s\nworkload %d operations, %d steps, from an erased device\n", &c.Device, c.Profile, len(run.ops), run.rec.steps)
	run.tellOps(w, c.Cut.Op)
	if c.Cut.Mode == noCut {
		f, err := run.end()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(w, "cut      none\n")
		re := run.found(w, f)
		_, re.bad, err = run.undisturbed()
		return re, err
	}
	mode, ok := model.ModeByName(c.Cut.Mode)
	if !ok {
		return nil, fmt.Errorf("kv.cut.mode: %q is unknown: use none, before, after, torn, prefix, weak or ecc", c.Cut.Mode)
	}
	f, err := c.Device.flash()
	if err != nil {
		return nil, err
	}
	listed := map[string]bool{}
	for _, k := range c.Own {
		listed[k] = true
	}
	j, err := newKVJudge(run, f, listed)
	if err != nil {
		return nil, err
	}
	if err := j.store.Open(); err != nil {
		return nil, err
	}
	for i := range c.Cut.Op {
		// What fails here failed when the run was recorded, and is expected.
		_ = c.Ops[i].do(j.store, f)
	}
	op := &c.Ops[c.Cut.Op]
	if err := op.doCut(j.store, f, model.Cut{Step: c.Cut.Step, Mode: mode, Seed: c.Cut.Seed}); !f.Off() {
		return nil, fmt.Errorf("kv.cut: operation %d has no step %d (it ends with %v): the file does not fit this store", c.Cut.Op, c.Cut.Step, err)
	}
	at := run.rec.ops[c.Cut.Op] + c.Cut.Step
	fmt.Fprintf(w, "cut      in operation %d, after %d of its steps, mode %s: %s\n", c.Cut.Op, c.Cut.Step, mode, run.place(at).Part)
	run.rec.tell(w, at, run.rec.ops[c.Cut.Op])
	f.Boot()
	re := run.found(w, f)
	re.where = func(v Violation) (Place, bool) { return run.where(v, at), true }
	j.begin(c.Cut.Op)
	re.bad, _, err = j.judge(f, c.Cut.Op, mode, f.Hash())
	return re, err
}

// tellOps lists the operations up to the one that is cut: all of them where the case is small, as it mostly is.
func (run *kvRun) tellOps(w io.Writer, last int) {
	const most = 100
	last = min(last, len(run.ops)-1)
	for i := max(0, last-most+1); i <= last; i++ {
		fmt.Fprintf(w, "%8d %v\n", i, &run.ops[i])
	}
}

// end is a flash with the cells at the end of the run.
func (run *kvRun) end() (*model.Flash, error) {
	f, err := run.cfg.Device.flash()
	if err != nil {
		return nil, err
	}
	f.Restore(run.rec.start)
	return f, run.rec.do(f, 0, run.rec.steps)
}

// found keeps the cells as the store finds them at its next open, and shows them.
func (run *kvRun) found(w io.Writer, f *model.Flash) *replayed {
	d := &run.cfg.Device
	re := &replayed{base: d.Base, image: make([]byte, d.Size)}
	f.Peek(d.Base, re.image)
	if run.layout != nil {
		if dev, err := f.Region(d.Base, d.Size); err == nil {
			if p, err := kvstore.Inspect(dev, run.cfg.Profile); err == nil {
				fmt.Fprintln(w, "then     the store finds this, is opened, read and used:")
				p.Print(w, 6)
			}
		}
	}
	return re
}

// check finds what would make a case impossible to run.
func (c *KVCase) check() error {
	if len(c.Ops) == 0 {
		return fmt.Errorf("kv.ops: is empty: a case has at least one operation")
	}
	for i, o := range c.Ops {
		if !o.Kind.known() {
			return fmt.Errorf("kv.ops[%d].op: %q is unknown: use set, pieces, abandon, remove, reserved, reset or reboot", i, o.Kind)
		}
		if o.Size < 0 || o.Size > 1<<24 {
			return fmt.Errorf("kv.ops[%d].size: %d is out of range: use 0 to 16777216", i, o.Size)
		}
		if o.Piece < 0 || o.Kind == OpPieces && o.Size/max(o.Piece, 1) > 1<<16 {
			return fmt.Errorf("kv.ops[%d].piece: %d is out of range: use up to 65536 pieces", i, o.Piece)
		}
		if o.Kind.keyed() != (o.Key != "") {
			return fmt.Errorf("kv.ops[%d].key: %q does not fit %q: sets and removes have a key, others have none", i, o.Key, o.Kind)
		}
	}
	for _, k := range append(keysOf(c.Ops), c.Once...) {
		if !slices.Contains(c.Keys, k) {
			return fmt.Errorf("kv.keys: %q is missing: list every key of ops and once", k)
		}
	}
	if !c.Live && !slices.ContainsFunc(c.Keys, func(k string) bool { return !slices.Contains(c.Once, k) }) {
		return fmt.Errorf("kv.keys: all are in once: the judge needs a key to write to")
	}
	if c.Cut.Mode != noCut && (c.Cut.Op < 0 || c.Cut.Op >= len(c.Ops)) {
		return fmt.Errorf("kv.cut.op: %d is none of the %d operations", c.Cut.Op, len(c.Ops))
	}
	return nil
}

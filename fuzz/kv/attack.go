package kv

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/results"
)

// stored is a record of the external store as an attacker sees it.
type stored struct {
	key   string
	value []byte
	flags kvstore.Flags
}

// The attacks on a record that are told apart by what they may lead to.
const (
	attackRemove   = "remove"
	attackFirst    = "put the first record that it had back"
	attackPrevious = "put the record before this one back"
)

// forgeries are what an attacker with access to the external store, but not to the internal one and not to
// the device key, can do to the record of one key, by their names in script.RecordAttacks. They get all
// records, the index of the one attacked, and earlier values of it, and return all records as they are to be.
var forgeries = map[string]func(all []stored, at int, earlier [][]byte) []stored{
	attackRemove:                func(all []stored, at int, _ [][]byte) []stored { return slices.Delete(all, at, at+1) },
	"change a byte of the data": change(func(v []byte) []byte { v[20] ^= 0x10; return v }),
	"change the last byte":      change(func(v []byte) []byte { v[len(v)-1] ^= 1; return v }),
	"clear the flags":           change(func(v []byte) []byte { clear(v[8:12]); return v }),
	"ask for less protection":   change(func(v []byte) []byte { v[8] &^= byte(kvstore.FlagReplayProtection); return v }),
	"shorten the size": change(func(v []byte) []byte {
		binary.LittleEndian.PutUint32(v[4:], binary.LittleEndian.Uint32(v[4:])-1)
		return v
	}),
	"cut the record short": change(func(v []byte) []byte { return v[:11] }),
	"put another key's record in its place": func(all []stored, at int, _ [][]byte) []stored {
		all[at].value = all[(at+1)%len(all)].value
		return all
	},
	attackFirst: func(all []stored, at int, earlier [][]byte) []stored {
		if len(earlier) > 0 {
			all[at].value = earlier[0]
		}
		return all
	},
	attackPrevious: func(all []stored, at int, earlier [][]byte) []stored {
		if len(earlier) > 0 {
			all[at].value = earlier[len(earlier)-1]
		}
		return all
	},
}

func change(fn func([]byte) []byte) func([]stored, int, [][]byte) []stored {
	return func(all []stored, at int, _ [][]byte) []stored {
		all[at].value = fn(bytes.Clone(all[at].value))
		return all
	}
}

// Attack runs the workload of c on a SecureStore, and after every few operations lets each attack hit each
// key: what the store then gives out must be what was stored last, or an error that tells of the attack.
// It also looks for confidential values in the image. The result is a function of c.
func Attack(ctx context.Context, c Sweep) (*explore.Sweep, error) {
	ops, err := c.workload()
	if err != nil {
		return nil, err
	}
	steps := script.Steps(ops)
	a, err := newAttacker(&c, steps)
	if err != nil {
		return nil, err
	}
	s := &explore.Sweep{Map: results.CutMap{Name: fmt.Sprintf("SecureStore under attack, profile %s, %v", c.profile(), &c.Device)}}
	g := explore.NewGroups()
	var cases []*Case
	note := func(v explore.Violation, part string, steps []script.Step) {
		g.Add(v, explore.Place{Op: "attack", Part: part}, explore.Hit{Op: len(cases), Mode: explore.NoCut})
		cases = append(cases, c.caseOf(JudgeAttack, steps, nil))
	}
	const every = 9
	for i := range steps {
		if err := a.step(&steps[i]); err != nil || ctx.Err() != nil {
			break
		}
		if i%every != every-1 {
			continue
		}
		for _, what := range script.RecordAttacks {
			for _, k := range a.Exp.Keys {
				if k.Now == nil || k.Either || c.Most > 0 && s.Stats.Cuts == c.Most {
					continue
				}
				s.Stats.Cuts++
				s.Stats.Judged++
				at := script.Step{Attack: &script.Attack{What: what, Key: k.Name}}
				for _, v := range a.attack(at.Attack) {
					note(v, what, append(slices.Clone(steps[:i+1]), at))
				}
			}
		}
	}
	if v, found := sut.Leaks(a.Image(), steps); found {
		note(v, "read-image", steps)
	}
	s.Findings = g.Findings(sut.SubjectName, func(at explore.Hit) explore.Case { return cases[at.Op] })
	return s, ctx.Err()
}

// attacker is a device whose external store an attacker can write: a store at work, and one that is opened on
// the attacked flash.
type attacker struct {
	*sut.Run
	forger
	fork    *sut.Run
	earlier map[string][][]byte // by key: the records that it had
}

// forger rewrites the external store record by record.
type forger struct {
	raw *kvstore.TDBStore // the attacker's own view of the external store
}

func newForger(f *model.Flash, d *explore.Device, p kvstore.Profile) (*forger, error) {
	dev, err := f.Region(d.Base, d.Size)
	if err != nil {
		return nil, err
	}
	return &forger{kvstore.NewTDB(sut.External(dev), kvstore.Options{Profile: p})}, nil
}

func newAttacker(c *Sweep, steps []script.Step) (*attacker, error) {
	if !c.Secure {
		return nil, fmt.Errorf("the store is no SecureStore: there is nothing to attack")
	}
	f, err := c.Device.Flash()
	if err != nil {
		return nil, err
	}
	a := &attacker{earlier: map[string][][]byte{}}
	for _, r := range []**sut.Run{&a.Run, &a.fork} {
		if *r, err = sut.NewRun(f, &c.Device, c.software(), script.Keys(steps), script.Once(steps), sut.LongestValue(steps)); err != nil {
			return nil, err
		}
	}
	g, err := newForger(f, &c.Device, c.Profile)
	if err != nil {
		return nil, err
	}
	a.forger = *g
	return a, a.Store.Open()
}

// step performs an operation; what it replaces is the attacker's to keep.
func (a *attacker) step(s *script.Step) error {
	if s.Key != "" && a.raw.Open() == nil {
		buf := make([]byte, 256)
		if n, err := a.raw.Get(s.Key, buf, 0); err == nil {
			a.earlier[s.Key] = append(a.earlier[s.Key], buf[:n])
		}
	}
	d := a.Perform(s)
	a.Expect(s, d)
	if s.Kind == script.Reboot {
		return d.Err
	}
	return nil
}

// attack lets an attack hit its key on a fork, and judges.
func (a *attacker) attack(at *script.Attack) []explore.Violation {
	a.F.Mark()
	defer a.F.Rollback()
	if !a.hit(at.Key, at.What, a.earlier[at.Key]) {
		return nil
	}
	a.judge(at)
	bad := a.fork.Bad
	a.fork.Bad = nil
	return bad
}

// hit lets the attack of that name hit key, which had the records earlier before. It reports whether it could.
func (a *forger) hit(key, what string, earlier [][]byte) bool {
	if a.raw.Open() != nil {
		return false
	}
	it, err := a.raw.Iterate("")
	if err != nil {
		return false
	}
	var all []stored
	at := -1
	for {
		k, err := it.Next()
		if err != nil {
			break
		}
		info, err := a.raw.Info(k)
		if err != nil || k == sut.MasterKey {
			continue
		}
		v := make([]byte, info.Size)
		if _, err := a.raw.Get(k, v, 0); err != nil {
			return false
		}
		if k == key {
			at = len(all)
		}
		all = append(all, stored{k, v, info.Flags})
	}
	if at < 0 || len(all[at].value) < 37 {
		return false
	}
	if forge := forgeries[what]; forge != nil {
		all = forge(all, at, earlier)
	}
	if a.raw.Reset() != nil {
		return false
	}
	for _, s := range all {
		if a.raw.Set(s.key, s.value, s.flags) != nil {
			return false
		}
	}
	return true
}

// judge looks at what the store makes of an attack that has hit.
func (a *attacker) judge(at *script.Attack) {
	j := a.fork
	if err := j.Store.Open(); err != nil {
		j.Report(explore.Symptom{Rule: sut.RuleOpens, Kind: sut.KindNotOpen, When: "attack", Error: sut.ErrorName(err)}, "open succeeds", err.Error())
		return
	}
	key := a.Exp.Keys[a.Exp.Index[at.Key]]
	key.Flags |= script.Protection(key.Name)
	replayed := at.What == attackFirst || at.What == attackPrevious
	j.Believes(&key, sut.Leeway{Missing: at.What == attackRemove, Other: func([]byte) bool { return replayed }})
}

// replayAttack runs a case with an attack again.
func replayAttack(c *Case, w io.Writer, sweep *Sweep, env explore.Env) (*explore.Replayed, error) {
	a, err := newAttacker(sweep, c.Steps)
	if err != nil {
		return nil, err
	}
	if c.After != 0 {
		a.fork.Replace(c.after(sweep).software())
	}
	steps := c.Steps
	at := steps[len(steps)-1].Attack
	if at != nil {
		steps = steps[:len(steps)-1]
	}
	for i := range steps {
		if err := a.step(&steps[i]); err != nil {
			return nil, fmt.Errorf("operation %d fails before the attack: %w", i, err)
		}
	}
	c.tell(w, len(steps), "", steps)
	re := &explore.Replayed{Base: c.On.Base, Image: a.Image()}
	if at == nil {
		fmt.Fprintf(w, "attack   %s\n", sut.Subject.Words["read-image"])
		if v, found := sut.Leaks(re.Image, steps); found {
			re.Bad = append(re.Bad, v)
		}
		return re, nil
	}
	fmt.Fprintf(w, "attack   %s of key %s\n", at.What, at.Key)
	a.F.Mark()
	a.fork.Film(env.Film, sweep.Profile)
	env.Film.Scene("attack: %s of key %q", at.What, at.Key)
	if k, ok := a.Exp.Index[at.Key]; ok && a.Exp.Keys[k].Now != nil && a.hit(at.Key, at.What, a.earlier[at.Key]) {
		re.Image = a.Image()
		a.judge(at)
		re.Bad = a.fork.Bad
	}
	return re, nil
}

package fuzz

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/results"
)

// stored is a record of the external store as somebody with access to it sees it.
type stored struct {
	key   string
	value []byte
	flags kvstore.Flags
}

// attacks are what somebody with access to the external store, but not to the internal one and not to the
// device key, can do to the record of one key. They get all records, the index of the one attacked, and
// earlier values of it, and return all records as they are to be.
var attacks = []struct {
	name string
	do   func(all []stored, at int, earlier [][]byte) []stored
}{
	{"remove", func(all []stored, at int, _ [][]byte) []stored { return slices.Delete(all, at, at+1) }},
	{"change a byte of the data", change(func(v []byte) []byte { v[20] ^= 0x10; return v })},
	{"change the last byte", change(func(v []byte) []byte { v[len(v)-1] ^= 1; return v })},
	{"clear the flags", change(func(v []byte) []byte { clear(v[8:12]); return v })},
	{"ask for less protection", change(func(v []byte) []byte { v[8] &^= byte(kvstore.FlagReplayProtection); return v })},
	{"shorten the size", change(func(v []byte) []byte {
		binary.LittleEndian.PutUint32(v[4:], binary.LittleEndian.Uint32(v[4:])-1)
		return v
	})},
	{"cut the record short", change(func(v []byte) []byte { return v[:11] })},
	{"put another key's record in its place", func(all []stored, at int, _ [][]byte) []stored {
		all[at].value = all[(at+1)%len(all)].value
		return all
	}},
	{"put the first record that it had back", func(all []stored, at int, earlier [][]byte) []stored {
		if len(earlier) > 0 {
			all[at].value = earlier[0]
		}
		return all
	}},
	{"put the record before this one back", func(all []stored, at int, earlier [][]byte) []stored {
		if len(earlier) > 0 {
			all[at].value = earlier[len(earlier)-1]
		}
		return all
	}},
}

func change(fn func([]byte) []byte) func([]stored, int, [][]byte) []stored {
	return func(all []stored, at int, _ [][]byte) []stored {
		all[at].value = fn(bytes.Clone(all[at].value))
		return all
	}
}

// AttackKV runs the workload of c on a SecureStore, and after every few operations lets each attack hit each
// key: what the store then gives out must be what was stored last, or an error that tells of the attack.
// It also looks for confidential values in the image. The result is a function of c.
func AttackKV(ctx context.Context, c KVSweep) (*Sweep, error) {
	ops, err := c.workload()
	if err != nil {
		return nil, err
	}
	a, err := newAttacker(&c, ops)
	if err != nil {
		return nil, err
	}
	const every = 9
	for i := range ops {
		if err := a.step(i); err != nil || ctx.Err() != nil {
			break
		}
		if i%every != every-1 {
			continue
		}
		for _, at := range attacks {
			for k := range a.j.exp.keys {
				a.attack(i, k, at.name)
			}
		}
	}
	a.leak(len(ops) - 1)
	s := &Sweep{Map: results.CutMap{Name: fmt.Sprintf("SecureStore under attack, profile %s, %v", c.profile(), &c.Device)}, Stats: a.stats}
	s.Findings = a.g.findings(func(f *Finding, at CutCase) {
		a.run.describe(f, at, nil)
		f.KV.Attack, f.KV.Live = f.Place.Part, true
		if _, what, ok := strings.Cut(f.Seen, attackedKey); ok {
			f.KV.Attack += attackedKey + what
		}
	})
	return s, ctx.Err()
}

// attackedKey stands between the name of an attack and the key that it hits.
const attackedKey = " of key "

// attacker is a device whose external store somebody else can write.
type attacker struct {
	*live
	forger
	earlier map[string][][]byte
}

// forger rewrites the external store record by record.
type forger struct {
	raw *kvstore.TDBStore // the attacker's own view of the external store
}

func newForger(f *model.Flash, d *Device, p kvstore.Profile) (*forger, error) {
	dev, err := f.Region(d.Base, d.Size)
	if err != nil {
		return nil, err
	}
	split, skip := secureSplit(dev)
	return &forger{kvstore.NewTDB(window{dev, split + skip, dev.Size() - split - skip}, kvstore.Options{Profile: p})}, nil
}

func newAttacker(c *KVSweep, ops []Op) (*attacker, error) {
	l, err := newLive(c, ops)
	if err != nil {
		return nil, err
	}
	s, ok := l.j.store.(*secureStore)
	if !ok {
		return nil, fmt.Errorf("the store is no SecureStore: nobody can attack it")
	}
	g, err := newForger(l.f, &c.Device, c.Profile)
	if err != nil {
		return nil, err
	}
	return &attacker{live: l, forger: *g, earlier: map[string][][]byte{}}, s.Open()
}

// step performs operation i; what it replaces is the attacker's to keep.
func (a *attacker) step(i int) error {
	op := &a.run.ops[i]
	if op.Key != "" && a.raw.Open() == nil {
		buf := make([]byte, 256)
		if n, err := a.raw.Get(op.Key, buf, 0); err == nil {
			a.earlier[op.Key] = append(a.earlier[op.Key], buf[:n])
		}
	}
	err := op.do(a.j.store, a.f)
	switch {
	case err == nil:
		a.j.exp.apply(op, op.value(), succeeded)
	case op.Kind == OpReboot:
		return err
	default:
		a.j.exp.apply(op, op.value(), maybe)
	}
	return nil
}

// attack lets an attack hit key k on a fork, and judges.
func (a *attacker) attack(i, k int, what string) {
	if a.j.exp.keys[k].now == nil || a.j.exp.keys[k].either {
		return
	}
	a.stats.Cuts++
	a.stats.Judged++
	a.f.Mark()
	defer a.f.Rollback()
	key := a.j.exp.keys[k].name
	if !a.hit(key, what, a.earlier[key]) {
		return
	}
	a.judgeAttack(k, what)
	for _, v := range a.fork.bad {
		v.Seen += attackedKey + key
		a.g.add(v, Place{Op: "attack", Part: what}, CutCase{Op: i, Mode: noCut})
	}
	a.fork.bad = nil
}

// hit lets the attack of that name hit key, which had the records earlier before. It tells whether it could.
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
		if err != nil || k == "TDBS" {
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
	for _, attack := range attacks {
		if attack.name == what {
			all = attack.do(all, at, earlier)
		}
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

// judgeAttack looks at what the store makes of an attack on key k.
func (a *attacker) judgeAttack(k int, what string) {
	j := a.fork
	if err := j.store.Open(); err != nil {
		j.report(RuleOpens, "the store does not open after an attack: "+name(err), "open succeeds", err.Error())
		return
	}
	key := a.j.exp.keys[k]
	key.flags |= protection(key.name)
	replayed := strings.HasPrefix(what, "put the")
	j.believes(&key, leeway{missing: what == "remove", other: func([]byte) bool { return replayed }})
}

// leeway is what an attack may lead to with a value that nothing protects from a replay.
type leeway struct {
	missing  bool                // it is gone
	other    func(v []byte) bool // it is an older one
	failures bool                // a failure need not tell of the attack: the store below is damaged
}

// guards are the flags of values that are protected from a replay.
const guards = kvstore.FlagReplayProtection | kvstore.FlagWriteOnce

// believes judges what the store gives out for a key after an attack: what was stored last, or an
// error that tells of the attack.
func (j *kvJudge) believes(key *keyState, may leeway) {
	guarded := key.now != nil && key.flags&guards != 0
	v, err := j.get(key.name)
	switch {
	case err == nil && v == nil && (key.now == nil || !guarded && may.missing):
	case err == nil && v == nil:
		j.report(RuleSecret, "a record that somebody removed or changed reads as missing", "an error that tells of the attack", "item not found")
	case err == nil && same(v, key.now):
	case err == nil && !guarded && may.other(v): // nothing protects it from a replay
	case err == nil:
		j.report(RuleSecret, "a record that somebody changed or replayed is believed", describe(key.now)+", or an error", fmt.Sprintf("%d bytes that are not those stored last", len(v)))
	case may.failures, errors.Is(err, kvstore.ErrAuthentication), errors.Is(err, kvstore.ErrRBPAuthentication):
	default:
		j.report(RuleSecret, "an attack is not told from a failure: "+name(err), "an authentication error", err.Error())
	}
	if guarded && key.flags&kvstore.FlagWriteOnce != 0 {
		if err := j.store.Set(key.name, []byte("another value"), 0); err == nil {
			j.report(RuleSecret, "a write-once key takes another value after an attack", "write protected", "success")
		}
	}
}

// leak looks for confidential values in the image.
func (a *attacker) leak(i int) {
	image := make([]byte, a.run.cfg.Device.Size)
	a.f.Peek(a.run.cfg.Device.Base, image)
	if v, found := leaks(image, a.run.ops[:i+1]); found {
		a.g.add(v, Place{Op: "attack", Part: "read the image"}, CutCase{Op: i, Mode: noCut})
	}
}

// replayAttack runs the case again.
func (c *KVCase) replayAttack(w io.Writer, cfg *KVSweep) (*replayed, error) {
	if !cfg.Secure {
		return nil, fmt.Errorf("kv.attack: only a SecureStore (kv.secure) can be attacked")
	}
	a, err := newAttacker(cfg, c.Ops)
	if err != nil {
		return nil, err
	}
	for i := range c.Ops {
		if err := a.step(i); err != nil {
			return nil, fmt.Errorf("operation %d fails before the attack: %w", i, err)
		}
	}
	fmt.Fprintf(w, "device   %v\nprofile  %s\nworkload %d operations from an erased device\n", &c.Device, c.Profile, len(c.Ops))
	a.run.tellOps(w, len(c.Ops)-1)
	what, key, _ := strings.Cut(c.Attack, attackedKey)
	fmt.Fprintf(w, "attack   %s\n", c.Attack)
	re := &replayed{base: c.Device.Base, image: make([]byte, c.Device.Size)}
	a.f.Mark()
	if k, ok := a.j.exp.index[key]; ok && a.j.exp.keys[k].now != nil && a.hit(key, what, a.earlier[key]) {
		a.f.Peek(re.base, re.image)
		a.judgeAttack(k, what)
		re.bad = a.fork.bad
	} else if !ok {
		a.f.Peek(re.base, re.image)
		if v, found := leaks(re.image, c.Ops); found {
			re.bad = append(re.bad, v)
		}
	}
	return re, nil
}

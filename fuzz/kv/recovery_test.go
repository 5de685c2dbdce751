package kv

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/model"
)

// broken is a TDBStore in which one thing is wrong.
type broken struct {
	*kvstore.TDBStore
	options  kvstore.Options
	dev      kvstore.BlockDevice
	touch    func(kvstore.BlockDevice) // in every open
	open     func() error
	get      func(key string, v []byte, err error) ([]byte, error)
	set      func(key string, v []byte) (done bool, err error)
	list     func(keys []string) []string
	reserved func(v []byte, err error) ([]byte, error)
	info     func(i kvstore.Info) kvstore.Info
	from     func(offset uint32, v []byte) []byte // of a get
}

func (b *broken) Info(key string) (kvstore.Info, error) {
	i, err := b.TDBStore.Info(key)
	if b.info != nil && err == nil {
		i = b.info(i)
	}
	return i, err
}

func (b *broken) Open() error {
	if b.touch != nil {
		b.touch(b.dev)
	}
	if b.open != nil {
		if err := b.open(); err != nil {
			return err
		}
	}
	return b.TDBStore.Open()
}

func (b *broken) Get(key string, buf []byte, offset uint32) (int, error) {
	n, err := b.TDBStore.Get(key, buf, offset)
	if b.from != nil && err == nil {
		return copy(buf, b.from(offset, buf[:n])), nil
	}
	if b.get == nil {
		return n, err
	}
	v, err := b.get(key, slices.Clone(buf[:n]), err)
	return copy(buf, v), err
}

func (b *broken) Set(key string, v []byte, flags kvstore.Flags) error {
	if b.set != nil {
		if done, err := b.set(key, v); done {
			return err
		}
	}
	return b.TDBStore.Set(key, v, flags)
}

func (b *broken) Reserved(buf []byte) (int, error) {
	n, err := b.TDBStore.Reserved(buf)
	if b.reserved == nil {
		return n, err
	}
	v, err := b.reserved(slices.Clone(buf[:n]), err)
	return copy(buf, v), err
}

func (b *broken) Iterate(prefix string) (kvstore.Iterator, error) {
	it, err := b.TDBStore.Iterate(prefix)
	if err != nil || b.list == nil {
		return it, err
	}
	var keys []string
	for {
		k, err := it.Next()
		if err != nil {
			break
		}
		keys = append(keys, k)
	}
	return sut.List(b.list(keys)), it.Close()
}

// TestKVRulesAreJudged breaks one thing at a time and looks for the rule that forbids it, alone.
func TestKVRulesAreJudged(t *testing.T) {
	ops := []script.Op{
		{Kind: script.Reserved, Size: 64, Seed: 1},
		{Kind: script.Set, Key: "once", Size: 20, Seed: 2, Flags: kvstore.FlagWriteOnce},
		{Kind: script.Set, Key: "a", Size: 30, Seed: 3},
		{Kind: script.Set, Key: "b", Size: 40, Seed: 4},
		{Kind: script.Set, Key: "c", Size: 40, Seed: 5},
		{Kind: script.Remove, Key: "c"},
		{Kind: script.Set, Key: "a", Size: 35, Seed: 6},
	}
	last := len(ops) - 1
	none := func([]byte, error) ([]byte, error) { return nil, kvstore.ErrItemNotFound }
	only := func(key string, fn func([]byte, error) ([]byte, error)) func(string, []byte, error) ([]byte, error) {
		return func(k string, v []byte, err error) ([]byte, error) {
			if k == key {
				return fn(v, err)
			}
			return v, err
		}
	}
	flip := func(v []byte, err error) ([]byte, error) {
		if len(v) > 0 {
			v[len(v)/2] ^= 4
		}
		return v, err
	}
	reads := 0
	for _, tt := range []struct {
		name  string
		rule  int // 0: none
		store broken
	}{
		{"nothing", 0, broken{}},
		{"open fails", sut.RuleOpens, broken{open: func() error { return kvstore.ErrReadFailed }}},
		{"a value is lost", sut.RuleDurable, broken{get: only("b", none)}},
		{"a value is damaged", sut.RuleDurable, broken{get: only("b", flip)}},
		{"a value cannot be read", sut.RuleDurable, broken{get: only("b", func(v []byte, _ error) ([]byte, error) { return v, kvstore.ErrInvalidData })}},
		{"a removed key is back", sut.RuleDurable, broken{get: only("c", func([]byte, error) ([]byte, error) { return ops[4].Value(), nil })}},
		{"half old, half new", sut.RuleAtomic, broken{get: only("a", func([]byte, error) ([]byte, error) {
			return append(ops[2].Value()[:15], ops[6].Value()[15:]...), nil
		})}},
		{"neither old nor new", sut.RuleAtomic, broken{get: only("a", none)}},
		{"a key too many", sut.RuleNoMore, broken{list: func(k []string) []string { return append(k, "ghost") }}},
		{"a removed key is listed", sut.RuleNoMore, broken{list: func(k []string) []string { return append(k, "c") }}},
		{"a key too few", sut.RuleNoMore, broken{list: func(k []string) []string { return k[1:] }}},
		{"a key twice", sut.RuleNoMore, broken{list: func(k []string) []string { return append(k, k[0]) }}},
		{"a list without an end", sut.RuleNoMore, broken{list: func(k []string) []string { return append(k, slices.Repeat([]string{"ghost"}, 1e5)...) }}},
		{"reserved data is lost", sut.RuleReserved, broken{reserved: none}},
		{"reserved data is damaged", sut.RuleReserved, broken{reserved: flip}},
		{"a write-once key changes", sut.RuleWriteOnce, broken{get: only("once", flip)}},
		{"sets fail", sut.RuleWorks, broken{set: func(string, []byte) (bool, error) { return true, kvstore.ErrWriteFailed }}},
		{"the next set fails once", sut.RuleWorks, broken{set: func() func(string, []byte) (bool, error) {
			n := 0
			return func(string, []byte) (bool, error) {
				n++
				return n == 1, kvstore.ErrInvalidData
			}
		}()}},
		{"open fails the second time", sut.RuleWorks, broken{open: func() func() error {
			n := 0
			return func() error {
				if n++; n == 2 {
					return kvstore.ErrReadFailed
				}
				return nil
			}
		}()}},
		{"an erase outside the region", sut.RuleRegion, broken{touch: func(d kvstore.BlockDevice) { _ = d.Erase(d.Size(), 512) }}},
		{"an erase that is not aligned", sut.RuleRegion, broken{touch: func(d kvstore.BlockDevice) { _ = d.Erase(1, 512) }}},
		{"an open that takes too long", sut.RuleBounded, broken{touch: func(d kvstore.BlockDevice) {
			for range 3 * d.Size() {
				_ = d.Program(0, []byte{0xFF})
			}
			_ = d.Program(0, bytes.Repeat([]byte{0xFF}, 64))
			_ = d.Program(0, []byte{0xFF})
		}}},
		{"an open that takes nearly as long as it may", 0, broken{options: sound, touch: func(d kvstore.BlockDevice) {
			for range d.Size() / 2 * 5 {
				_ = d.Program(0, []byte{0xFF})
			}
		}}},
		{"the key in flight changes its mind", sut.RuleAtomic, broken{get: only("b", func(v []byte, err error) ([]byte, error) {
			// b is in flight here (see below): first the old value, then the new one.
			if reads++; reads == 1 {
				return nil, kvstore.ErrItemNotFound
			}
			return v, err
		}), list: func(k []string) []string {
			if reads == 1 {
				k = slices.DeleteFunc(k, func(s string) bool { return s == "b" })
			}
			return k
		}}},
		{"an info tells another size", sut.RuleDurable, broken{options: sound, info: func(i kvstore.Info) kvstore.Info {
			i.Size++
			return i
		}}},
		{"an info tells other flags", sut.RuleDurable, broken{options: sound, info: func(i kvstore.Info) kvstore.Info {
			i.Flags ^= kvstore.FlagWriteOnce
			return i
		}}},
		{"a get inside a value begins late", sut.RuleDurable, broken{options: sound, from: func(offset uint32, v []byte) []byte {
			return v[min(offset, 1, uint32(len(v))):]
		}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run, f, j := judgeOf(t, ops, &tt.store)
			op := last
			if tt.name == "the key in flight changes its mind" {
				op = 3
				j.Begin(op)
				// Only what was there when b was set is expected: judge on the cells of that moment.
				f.Restore(run.rec.Start)
				if err := run.rec.Do(f, 0, run.rec.Ops[op+1]); err != nil {
					t.Fatal(err)
				}
			}
			// The seed is one whose second cut TDBStore survives: it does not survive all.
			bad, _, err := j.Judge(op, model.Before, 2)
			if err != nil {
				t.Fatal(err)
			}
			rules := map[int]bool{}
			for _, v := range bad {
				rules[v.Symptom.Rule] = true
			}
			if tt.rule == 0 && len(bad) > 0 || tt.rule != 0 && (len(rules) != 1 || !rules[tt.rule]) {
				t.Errorf("violations %+v, want rule %d alone", bad, tt.rule)
			}
		})
	}
}

// sound is a TDBStore whose sets after a cut do not fail.
var sound = kvstore.Options{Repairs: kvstore.RepairLogTail}

// TestKeysToWrite: a judge writes on with another key than the one in flight, with that one if it is the only one, and
// never a write-once key.
func TestKeysToWrite(t *testing.T) {
	once := script.Op{Kind: script.Set, Key: "once", Size: 20, Seed: 2, Flags: kvstore.FlagWriteOnce}
	a := script.Op{Kind: script.Set, Key: "a", Size: 30, Seed: 3}
	b := script.Op{Kind: script.Set, Key: "b", Size: 40, Seed: 4}
	for _, tt := range []struct {
		name string
		ops  []script.Op
		want []string // keys that are set: the next one, and the one that is cut and set again
	}{
		{"another key, then the one in flight", []script.Op{a, b}, []string{"a", "b", "b"}},
		{"the only key", []script.Op{a}, []string{"a", "a", "a"}},
		{"a write-once key in flight", []script.Op{a, once}, []string{"a", "a", "a"}},
		{"write-once keys alone", []script.Op{once}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var keys []string
			_, _, j := judgeOf(t, tt.ops, &broken{options: sound, set: func(key string, _ []byte) (bool, error) {
				keys = append(keys, key)
				return false, nil
			}})
			bad, _, err := j.Judge(len(tt.ops)-1, model.Before, 2)
			if err != nil || len(bad) > 0 || !slices.Equal(keys, tt.want) {
				t.Errorf("sets of %q, want %q; violations %+v, %v", keys, tt.want, bad, err)
			}
		})
	}
}

// TestExpectReset: a reset that succeeds leaves neither keys nor reserved data, one that may have leaves both open.
func TestExpectReset(t *testing.T) {
	e := sut.NewExpectation([]string{"a"})
	for _, op := range []script.Op{{Kind: script.Set, Key: "a", Size: 3}, {Kind: script.Reserved, Size: 3}} {
		e.Apply(&op, []byte("abc"), sut.Succeeded)
	}
	reset := script.Op{Kind: script.Reset}
	e.Apply(&reset, nil, sut.Maybe)
	if !e.Keys[0].Either || !e.Reserved.Either {
		t.Errorf("after a reset that may have been: %+v", e)
	}
	e.Apply(&reset, nil, sut.Succeeded)
	if e.Keys[0].Now != nil || e.Keys[0].Either || e.Reserved.Now != nil || e.Reserved.Either {
		t.Errorf("after a reset: %+v", e)
	}
}

// TestResetIsWhole: after a reset in flight all keys are there or none. What is set later has nothing to do with it.
func TestResetIsWhole(t *testing.T) {
	ops := []script.Op{
		{Kind: script.Set, Key: "a", Size: 30, Seed: 3},
		{Kind: script.Set, Key: "b", Size: 40, Seed: 4},
		{Kind: script.Reset},
	}
	judge := func(store broken, cells int) map[int]bool {
		t.Helper()
		run, f, j := judgeOf(t, ops, &store)
		f.Restore(run.rec.Start)
		if err := run.rec.Do(f, 0, run.rec.Ops[cells]); err != nil {
			t.Fatal(err)
		}
		bad, _, err := j.Judge(2, model.Before, 2)
		if err != nil {
			t.Fatal(err)
		}
		rules := map[int]bool{}
		for _, v := range bad {
			rules[v.Symptom.Rule] = true
		}
		return rules
	}
	if rules := judge(broken{options: sound}, 2); len(rules) > 0 {
		t.Errorf("before the reset: rules %v", rules)
	}
	if rules := judge(broken{options: sound}, 3); len(rules) > 0 {
		t.Errorf("after the reset: rules %v", rules)
	}
	half := broken{
		options: sound,
		get: func(k string, v []byte, err error) ([]byte, error) {
			if k == "b" {
				return nil, kvstore.ErrItemNotFound
			}
			return v, err
		},
		list: func(keys []string) []string { return slices.DeleteFunc(keys, func(k string) bool { return k == "b" }) },
	}
	if rules := judge(half, 2); len(rules) != 1 || !rules[sut.RuleAtomic] {
		t.Errorf("half a reset: rules %v, want %d alone", rules, sut.RuleAtomic)
	}
}

// judgeOf records ops on a sound store and makes a judge of the broken one, on the cells at the end.
func judgeOf(t *testing.T, ops []script.Op, store *broken) (*recorded, *model.Flash, *recovery) {
	t.Helper()
	cfg := &Sweep{Device: small, Ops: ops}
	run, err := record(cfg, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	own, _, err := run.undisturbed(nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := cfg.Device.Flash()
	if err != nil {
		t.Fatal(err)
	}
	f.Restore(run.rec.Start)
	if err := run.rec.Do(f, 0, run.rec.Steps); err != nil {
		t.Fatal(err)
	}
	cfg.New = func(dev kvstore.BlockDevice) sut.Store {
		store.TDBStore, store.dev = kvstore.NewTDB(dev, store.options), dev
		return store
	}
	j, err := newRecovery(run, f, own)
	if err != nil {
		t.Fatal(err)
	}
	j.Begin(len(ops) - 1)
	return run, f, j
}

// TestInterrupted: a sweep that is ended early says what it explored until then.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s, err := Cut(ctx, Sweep{Device: small, Seed: 1, Collections: 1, Modes: []string{"before", "torn"}, Workers: 1}, func(done, total uint64) {
		if done > total/4 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if s.Stats.Cuts == 0 || s.Stats.Cuts >= 2*s.Map.Steps || s.Map.Explored != s.Stats.Cuts {
		t.Errorf("%d cuts of %d, %d in the map", s.Stats.Cuts, 2*s.Map.Steps, s.Map.Explored)
	}
	covered := uint64(0)
	for _, r := range s.Map.Rows {
		for _, run := range r.Runs {
			covered += run.Last - run.First + 1
		}
	}
	if covered != s.Stats.Cuts {
		t.Errorf("the map shows %d cuts, %d were explored", covered, s.Stats.Cuts)
	}
}

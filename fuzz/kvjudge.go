package fuzz

import (
	"errors"
	"fmt"
	"slices"

	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/random"
)

// The rules for a KVStore, at every reboot.
const (
	RuleOpens     = 1  // it opens
	RuleDurable   = 2  // what was acknowledged reads back
	RuleAtomic    = 3  // the operation in flight is entirely done or not at all, and stays so
	RuleNoMore    = 4  // nothing else exists
	RuleReserved  = 5  // reserved data stays
	RuleWriteOnce = 6  // write-once keys stay
	RuleWorks     = 7  // the next set succeeds, and survives a reboot and a second cut
	RuleRegion    = 8  // no operation outside the store's region, or against the part's rules
	RuleBounded   = 9  // an open and a set take no more steps than they need; the areas wear evenly
	RuleSecret    = 10 // SecureStore: nothing readable, nothing forged is believed, no key lost to a cut
)

// reserver is a store that keeps reserved data, as TDBStore does. Others are judged without rule 5.
type reserver interface {
	SetReserved(data []byte) error
	Reserved(buf []byte) (int, error)
}

// kvJudge judges a KVStore after a cut by rules 1 to 9.
type kvJudge struct {
	w     *kvRun
	store kvstore.Store
	f     *model.Flash
	limit uint64          // steps that an open or a set may take
	own   map[string]bool // keys that the store itself lists after a clean reopen: no matter of cuts

	before expectation    // of the operation that begin named, before it starts
	exp    expectation    // of the fork under judgement
	first  expectation    // of it, after the recovery from the first cut
	deep   map[state]bool // states after a second cut that were judged
	flight int            // key in flight, or -1
	// resetting is true until the first look after a cut of a reset.
	resetting bool
	bad       []Violation
	second    bool // the second cut is over
	then      cutAt
	seconds   uint64 // second cuts of deeper
	counted   model.Counters
	buf       []byte
	name      [256]byte
	listed    []int // by key: generation in which it was listed
	gen       int
	order     []int // key by its place in the latest lists
}

// cutAt says where a second cut was, for what is told of a violation.
type cutAt struct {
	what string
	key  int
	model.Cut
}

func newKVJudge(w *kvRun, f *model.Flash, own map[string]bool) (*kvJudge, error) {
	dev, err := f.Region(w.cfg.Device.Base, w.cfg.Device.Size)
	if err != nil {
		return nil, err
	}
	j := &kvJudge{w: w, f: f, limit: w.cfg.Device.stepsAllowed(), own: own, store: w.cfg.newStore(dev), deep: map[state]bool{}}
	j.listed = make([]int, len(w.before[0].keys))
	j.buf = make([]byte, w.longest+1)
	return j, nil
}

func (j *kvJudge) begin(op int) {
	j.before.copyFrom(&j.w.before[op])
	clear(j.deep)
}

func (j *kvJudge) judge(f *model.Flash, op int, mode model.Mode, hash uint64) (bad []Violation, second uint64, err error) {
	j.bad, j.seconds = nil, 0
	j.second = false
	j.counted = f.Counters()
	j.recover(op, mode, hash)
	j.inside()
	return j.bad, j.seconds, nil
}

// recover lets the store recover from the cut, looks at it, and lets it work on.
func (j *kvJudge) recover(op int, mode model.Mode, hash uint64) {
	j.exp.copyFrom(&j.before)
	j.flight, j.resetting = -1, false
	if op < len(j.w.ops) {
		o := &j.w.ops[op]
		j.resetting = o.Kind == OpReset
		j.exp.apply(o, j.w.values[op], maybe)
		if o.Key != "" {
			j.flight = j.exp.index[o.Key]
		}
	}
	r := random.New(hash ^ uint64(op))
	if !j.reopen(RuleOpens, "") {
		return
	}
	if !j.look("") {
		if j.w.cfg.Secure && j.flight >= 0 {
			j.mend()
		}
		return
	}
	if j.w.cfg.Deep {
		j.deeper(op, mode, hash)
		if !j.reopen(RuleOpens, "") { // what the store has in RAM is of a fork
			return
		}
	}
	j.use(r, mode)
}

// inside is rule 8, by what the flash has counted since it was looked at last.
func (j *kvJudge) inside() {
	before, after := j.counted, j.f.Counters()
	j.counted = after
	again := after.NotErased - before.NotErased
	if again > 0 {
		j.report(RuleRegion, "the store programs units that are not erased, where they have to be", "units that are erased", fmt.Sprintf("%d times", again))
	}
	if n := after.Refused - before.Refused; n > again {
		j.report(RuleRegion, "the store asks the device for what it cannot do", "programs and erases within the region, on its units", fmt.Sprintf("%d refused", n))
	}
}

// bounded is rule 9: what was done since step first.
func (j *kvJudge) bounded(what string, first uint64) {
	if n := j.f.Steps() - first; n > j.limit {
		j.report(RuleBounded, what+" takes too many steps", fmt.Sprintf("at most %d", j.limit), fmt.Sprintf("%d steps", n))
	}
}

// report notes a violation; the same symptom once for each cut.
func (j *kvJudge) report(rule int, symptom, expected, seen string) {
	for _, v := range j.bad {
		if v.Rule == rule && v.Symptom == symptom {
			return
		}
	}
	if j.second {
		seen += fmt.Sprintf("; the second cut came in %s %q, after %d steps, mode %v", j.then.what, j.exp.keys[j.then.key].name, j.then.Step, j.then.Mode)
	}
	j.bad = append(j.bad, Violation{rule, symptom, expected, seen, j.second})
}

// reopen powers up and opens the store.
func (j *kvJudge) reopen(rule int, when string) bool {
	j.f.Boot()
	err := j.store.Open()
	j.bounded("an open", 0)
	if err != nil {
		j.report(rule, "the store does not open"+when+": "+name(err), "open succeeds", "open fails: "+err.Error())
		return false
	}
	return true
}

// look reads everything back. It tells whether the store is sound enough to go on.
func (j *kvJudge) look(when string) bool {
	sound := true
	for i := range j.exp.keys {
		k := &j.exp.keys[i]
		v, err := j.get(k.name)
		if err == nil && k.allows(v) {
			continue
		}
		sound = false
		j.wrong(i, k, v, err, when)
		if err == nil {
			k.valueState = valueState{now: slices.Clone(v)} // what follows is to be judged by what is there
		}
	}
	if sound && j.resetting {
		sound = j.allOrNothing(when)
	}
	if sound {
		j.list(when) // beside a wrong value it would say the same again
	}
	j.reservedData(when)
	return sound
}

// allOrNothing looks at a reset that was in flight: all keys are gone, or none is.
func (j *kvJudge) allOrNothing(when string) bool {
	gone, kept := -1, -1
	for i := range j.exp.keys {
		switch {
		case j.before.keys[i].now == nil || j.before.keys[i].either:
		case j.exp.keys[i].now == nil:
			gone = i
		default:
			kept = i
		}
	}
	j.resetting = false
	if gone < 0 || kept < 0 {
		return true
	}
	j.report(RuleAtomic, "a reset in flight has removed some keys and kept others"+when, "all keys or none",
		fmt.Sprintf("%q is missing, %q is there", j.exp.keys[gone].name, j.exp.keys[kept].name))
	return false
}

// get reads a value; missing is nil without an error. The bytes are valid until the next call.
func (j *kvJudge) get(key string) ([]byte, error) {
	n, err := j.store.Get(key, j.buf, 0)
	switch {
	case err == nil:
		return j.buf[:n:n], nil
	case errors.Is(err, kvstore.ErrItemNotFound):
		return nil, nil
	}
	return nil, err
}

func (j *kvJudge) wrong(i int, k *keyState, v []byte, err error, when string) {
	rule, what := RuleDurable, "a key that was stored"
	switch {
	case i == j.flight:
		rule, what = RuleAtomic, "the key in flight"
	case k.flags&kvstore.FlagWriteOnce != 0:
		rule, what = RuleWriteOnce, "a write-once key"
	case k.now == nil:
		what = "a key that was removed"
	}
	how, seen := "", ""
	switch {
	case err != nil:
		how, seen = "cannot be read: "+name(err), fmt.Sprintf("get %q: %v", k.name, err)
	case v == nil:
		how, seen = "is missing", fmt.Sprintf("%q is missing", k.name)
	case k.now == nil && !k.either:
		how, seen = "is back", fmt.Sprintf("%q has %d bytes", k.name, len(v))
	default:
		how, seen = "has another value", fmt.Sprintf("%q has %d bytes that nobody stored", k.name, len(v))
		if len(v) == len(k.now) && len(v) > 0 {
			at := 0
			for at < len(v) && v[at] == k.now[at] {
				at++
			}
			seen = fmt.Sprintf("%q has %d bytes that differ from byte %d on", k.name, len(v), at)
		}
	}
	want := describe(k.now)
	if k.either {
		want += " or " + describe(k.other)
	}
	j.report(rule, what+" "+how+when, fmt.Sprintf("%q: %s", k.name, want), seen)
}

func describe(v []byte) string {
	if v == nil {
		return "missing"
	}
	return fmt.Sprintf("the %d bytes stored", len(v))
}

// keyIterator is an iterator that needs no new string for each key.
type keyIterator interface {
	NextKey(buf []byte) (int, error)
}

type copying struct{ kvstore.Iterator }

func (c copying) NextKey(buf []byte) (int, error) {
	key, err := c.Next()
	return copy(buf, key), err
}

// list walks the iterator: exactly the keys that exist, each once.
func (j *kvJudge) list(when string) {
	it, err := j.store.Iterate("")
	if err != nil {
		j.report(RuleNoMore, "the keys cannot be listed"+when+": "+name(err), "the list of keys", "iterator: "+err.Error())
		return
	}
	defer it.Close()
	j.gen++
	want := 0
	for i := range j.exp.keys {
		if j.exp.keys[i].now != nil {
			want++
		}
	}
	got, nth := 0, 0
	keys, ok := it.(keyIterator)
	if !ok {
		keys = copying{it}
	}
	for {
		n, err := keys.NextKey(j.name[:])
		key := j.name[:n]
		if errors.Is(err, kvstore.ErrItemNotFound) {
			break
		}
		if err != nil {
			j.report(RuleNoMore, "the list of keys ends early"+when+": "+name(err), "the list of keys", "next: "+err.Error())
			return
		}
		i, ok := j.indexOf(key, nth)
		nth++
		switch {
		case !ok && j.own[string(key)]:
			continue
		case !ok || j.exp.keys[i].now == nil:
			j.report(RuleNoMore, "a key is listed that does not exist"+when, "keys that were set", fmt.Sprintf("%q is listed", key))
			if got++; got > len(j.exp.keys) {
				return // a list without an end
			}
		case j.listed[i] == j.gen:
			j.report(RuleNoMore, "a key is listed twice"+when, "each key once", fmt.Sprintf("%q is listed again", key))
		default:
			j.listed[i] = j.gen
			got++
		}
	}
	if got < want {
		for i := range j.exp.keys {
			if k := &j.exp.keys[i]; k.now != nil && j.listed[i] != j.gen {
				j.report(RuleNoMore, "a key is not listed"+when, fmt.Sprintf("%q is listed", k.name), fmt.Sprintf("%d of %d keys are listed", got, want))
				return
			}
		}
	}
}

// indexOf finds a key that is listed in place nth. Lists are mostly alike: it is the key that was listed there
// before.
func (j *kvJudge) indexOf(key []byte, nth int) (i int, ok bool) {
	if nth < len(j.order) {
		if i = j.order[nth]; j.exp.keys[i].name == string(key) {
			return i, true
		}
	}
	if i, ok = j.exp.index[string(key)]; !ok {
		return 0, false
	}
	for len(j.order) <= nth {
		j.order = append(j.order, i)
	}
	j.order[nth] = i
	return i, true
}

func (j *kvJudge) reservedData(when string) {
	s := &j.exp.reserved
	if s.now == nil && !s.either {
		return
	}
	n, err := j.store.(reserver).Reserved(j.buf)
	v := j.buf[:n]
	if errors.Is(err, kvstore.ErrItemNotFound) {
		v, err = nil, nil
	}
	if err != nil {
		j.report(RuleReserved, "reserved data cannot be read"+when+": "+name(err), describe(s.now), err.Error())
		return
	}
	want := describe(s.now)
	if !s.allows(v) {
		seen := "missing"
		if v != nil {
			seen = fmt.Sprintf("%d bytes that nobody stored", len(v))
		}
		j.report(RuleReserved, "reserved data is lost or changed"+when, want, seen)
	}
}

// use makes the store work on: a set of another key survives a clean reboot, and so does the key in
// flight, which is then set again and survives a second cut.
func (j *kvJudge) use(r *random.Source, mode model.Mode) {
	first := j.pick(r, j.flight)
	steps := j.f.Steps()
	if !j.set(first, r, "the next set") {
		return
	}
	steps = j.f.Steps() - steps
	if !j.reopen(RuleWorks, " after the next set") || !j.look(" after the next set and a reboot") {
		return
	}

	second := j.flight
	if second < 0 || j.fixed(second) {
		second = j.pick(r, -1)
	}
	j.inside()
	j.then = cutAt{"a set of", second, model.Cut{Step: r.Uint64() % max(steps, 1), Mode: mode, Seed: r.Uint64()}}
	j.f.Arm(j.then.Cut)
	v := value(r)
	err := j.store.Set(j.exp.keys[second].name, v, 0)
	k := &j.exp.keys[second]
	k.other, k.either = v, true
	switch {
	case err == nil:
		k.valueState = valueState{now: v}
	case !j.f.Off():
		j.report(RuleWorks, "a set fails although one succeeded before: "+name(err), "set succeeds", fmt.Sprintf("set %q: %v", k.name, err))
	}
	j.f.Disarm()
	j.second = true
	j.flight = second
	if !j.reopen(RuleWorks, " after a second cut") || !j.look(" after a second cut") {
		return
	}
	j.set(second, r, "the set after a second cut")
}

// deeper cuts every step of a recovery and of the set that follows it, each on the cells that the first
// cut left; or about DeepSteps of them, evenly spread from a place that the cells decide.
func (j *kvJudge) deeper(op int, mode model.Mode, hash uint64) {
	// The value depends on the operation alone, so that different first cuts lead to equal states.
	r := random.New(uint64(op))
	i := j.pick(r, j.flight)
	v := value(r)
	j.first.copyFrom(&j.exp)
	step, every := uint64(0), uint64(1)
	if most := j.w.cfg.DeepSteps; most > 0 {
		every = max(j.recovery(i, v)/most, 1)
		step = hash % every
	}
	flight := j.flight
	for ; ; step += every {
		j.f.Mark()
		j.f.Boot()
		j.then = cutAt{"a boot, or the set behind it, of", i, model.Cut{Step: step, Mode: mode, Seed: r.Uint64()}}
		j.f.Arm(j.then.Cut)
		err := j.store.Open()
		if err == nil {
			err = j.store.Set(j.exp.keys[i].name, v, 0)
		}
		cut := j.f.Off()
		if cut {
			j.seconds++
		}
		if at := (state{j.f.Hash(), op}); cut && !j.deep[at] {
			j.deep[at] = true
			k := &j.exp.keys[i]
			k.other, k.either = v, true
			if err == nil {
				k.valueState = valueState{now: v}
			}
			j.flight, j.second = i, true
			if j.reopen(RuleWorks, " after a second cut") {
				j.look(" after a second cut")
			}
			j.exp.copyFrom(&j.first)
			j.flight, j.second = flight, false
		}
		j.f.Disarm()
		j.f.Rollback()
		if !cut {
			return
		}
	}
}

// recovery is the number of steps that an open and a set take.
func (j *kvJudge) recovery(key int, v []byte) uint64 {
	j.f.Mark()
	defer j.f.Rollback()
	j.f.Boot()
	if j.store.Open() == nil {
		_ = j.store.Set(j.exp.keys[key].name, v, 0) // use judges what it returns
	}
	return j.f.Steps()
}

// pick draws a key that may be rewritten, not the one to leave alone if there is another.
func (j *kvJudge) pick(r *random.Source, leave int) int {
	start, found := r.Intn(len(j.exp.keys)), leave
	for n := range j.exp.keys {
		i := (start + n) % len(j.exp.keys)
		if i != leave && !j.fixed(i) {
			return i
		}
		if found < 0 && !j.fixed(i) {
			found = i
		}
	}
	return found
}

// fixed tells that a key can no longer be set, or may not be: write-once keys, set or in flight.
func (j *kvJudge) fixed(i int) bool { return slices.Contains(j.w.once, i) }

// value is a small one, as most are.
func value(r *random.Source) []byte {
	v := make([]byte, 8+r.Intn(56))
	r.Fill(v)
	return v
}

// set writes a key. A set that fails is tried once more, to tell a store that has lost its balance
// from one that has lost its life.
func (j *kvJudge) set(i int, r *random.Source, which string) bool {
	k := &j.exp.keys[i]
	v := value(r)
	first := j.f.Steps()
	err := j.store.Set(k.name, v, 0)
	j.bounded("a set", first)
	if err == nil {
		k.valueState = valueState{now: v}
		return true
	}
	again := j.store.Set(k.name, v, 0)
	if again == nil {
		k.valueState = valueState{now: v}
		j.report(RuleWorks, which+" fails once: "+name(err), "set succeeds", fmt.Sprintf("set %q: %v; the same set again succeeds", k.name, err))
		return true
	}
	k.other, k.either = v, true
	j.report(RuleWorks, which+" fails, and so does another: "+name(err), "set succeeds", fmt.Sprintf("set %q: %v; the same set again: %v", k.name, err, again))
	return true
}

// name is the short name of an error of the KVStore API.
func name(err error) string {
	var e *kvstore.Error
	if errors.As(err, &e) {
		return e.Name
	}
	return err.Error()
}

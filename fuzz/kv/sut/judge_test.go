package sut

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/random"
)

// told is a store in RAM that a test has lie.
type told struct {
	dev      kvstore.BlockDevice
	values   map[string][]byte
	flags    map[string]kvstore.Flags
	reserved []byte
	own      []string // keys listed beside those that are there

	get      func(key string, off uint32) ([]byte, error) // nil: what was set
	set      func(key string) error
	info     func(key string, i *kvstore.Info) error
	list     func(keys []string) ([]string, error)
	ends     error // of a list, instead of its end
	open     error
	held     int
	readBack error // of reserved data
}

func (s *told) Open() error    { return s.open }
func (s *told) LocksHeld() int { return s.held }

func (s *told) Set(key string, v []byte, flags kvstore.Flags) error {
	if s.set != nil {
		if err := s.set(key); err != nil {
			return err
		}
	}
	s.values[key], s.flags[key] = bytes.Clone(v), flags
	return nil
}

func (s *told) Remove(key string) error {
	delete(s.values, key)
	return nil
}

func (s *told) Get(key string, buf []byte, off uint32) (int, error) {
	v, ok := s.values[key]
	if s.get != nil {
		var err error
		if v, err = s.get(key, off); err != nil {
			return 0, err
		}
		return copy(buf, v), nil
	}
	if !ok {
		return 0, kvstore.ErrItemNotFound
	}
	if int(off) > len(v) {
		return 0, kvstore.ErrInvalidSize
	}
	return copy(buf, v[off:]), nil
}

func (s *told) Info(key string) (kvstore.Info, error) {
	i := kvstore.Info{Size: uint32(len(s.values[key])), Flags: s.flags[key]}
	if s.info != nil {
		return i, s.info(key, &i)
	}
	return i, nil
}

func (s *told) Iterate(prefix string) (kvstore.Iterator, error) {
	var keys []string
	for k := range s.values {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	keys = append(keys, s.own...)
	var err error
	if s.list != nil {
		keys, err = s.list(keys)
	}
	return &ending{listed{keys}, s.ends}, err
}

// ending is a list that may end in an error.
type ending struct {
	listed
	err error
}

func (e *ending) Next() (string, error) {
	k, err := e.listed.Next()
	if err != nil && e.err != nil {
		err = e.err
	}
	return k, err
}

func (s *told) SetReserved(data []byte) error {
	s.reserved = bytes.Clone(data)
	return nil
}

func (s *told) Reserved(buf []byte) (int, error) {
	if s.readBack != nil {
		return 0, s.readBack
	}
	if s.reserved == nil {
		return 0, kvstore.ErrItemNotFound
	}
	return copy(buf, s.reserved), nil
}

var ram = explore.Device{Sectors: "8x512", Unit: 8, Size: 4096}

// newTold is a run of a store on which a and b are set, once is write-once, gone is removed, and new was never set.
func newTold(t *testing.T, d explore.Device) (*Run, *told) {
	t.Helper()
	f, _, err := d.Region()
	if err != nil {
		t.Fatal(err)
	}
	s := &told{values: map[string][]byte{}, flags: map[string]kvstore.Flags{}}
	r, err := NewRun(f, &d, func(dev kvstore.BlockDevice) Store { s.dev = dev; return s }, []string{"a", "b", "once", "gone", "new"}, []string{"once"}, 64)
	if err != nil {
		t.Fatal(err)
	}
	steps := []script.Op{
		{Kind: script.Set, Key: "a", Size: 20, Seed: 1},
		{Kind: script.Set, Key: "b", Size: 5, Seed: 2},
		{Kind: script.Set, Key: "once", Size: 7, Seed: 3, Flags: kvstore.FlagWriteOnce},
		{Kind: script.Set, Key: "gone", Size: 3, Seed: 4},
		{Kind: script.Remove, Key: "gone"},
		{Kind: script.Reserved, Size: 9, Seed: 5},
	}
	for i := range steps {
		r.Expect(&script.Step{Op: steps[i]}, r.Perform(&script.Step{Op: steps[i]}))
	}
	if !r.Look("end") || len(r.Bad) > 0 {
		t.Fatalf("a store that is right: %v", r.Bad)
	}
	return r, s
}

// symptoms are those that a run has noted.
func symptoms(r *Run) (all []explore.Symptom) {
	for i := range r.Bad {
		all = append(all, r.Bad[i].Symptom)
	}
	return all
}

var errTold = &kvstore.Error{Name: "TOLD"}

// TestLook: each wrong answer is one symptom, with the rule that it breaks and the key that it is about.
func TestLook(t *testing.T) {
	other := bytes.Repeat([]byte{7}, 20)
	for name, tt := range map[string]struct {
		lie  func(r *Run, s *told)
		want explore.Symptom
		seen string
	}{
		"missing":    {func(_ *Run, s *told) { delete(s.values, "a") }, explore.Symptom{Rule: RuleDurable, Kind: "missing", Op: "key-stored"}, `"a" is missing`},
		"changed":    {func(_ *Run, s *told) { s.values["a"][4]++ }, explore.Symptom{Rule: RuleDurable, Kind: "changed", Op: "key-stored"}, `"a" has 20 bytes that differ from byte 4 on`},
		"longer":     {func(_ *Run, s *told) { s.values["b"] = other }, explore.Symptom{Rule: RuleDurable, Kind: "changed", Op: "key-stored"}, `"b" has 20 bytes that were never stored`},
		"back":       {func(_ *Run, s *told) { s.values["gone"] = other }, explore.Symptom{Rule: RuleDurable, Kind: "back", Op: "key-removed"}, `"gone" has 20 bytes`},
		"empty":      {func(_ *Run, s *told) { s.values["a"] = []byte{} }, explore.Symptom{Rule: RuleDurable, Kind: "changed", Op: "key-stored"}, `"a" has 0 bytes that were never stored`},
		"write-once": {func(_ *Run, s *told) { s.values["once"] = other }, explore.Symptom{Rule: RuleWriteOnce, Kind: "changed", Op: "key-once"}, `"once" has 20 bytes that were never stored`},
		"in flight":  {func(r *Run, s *told) { r.Flight = 1; delete(s.values, "b") }, explore.Symptom{Rule: RuleAtomic, Kind: "missing", Op: InFlight}, `"b" is missing`},
		"neither": {func(r *Run, s *told) {
			r.Flight = 1
			r.Exp.Keys[1].May(other[:3], 0)
			s.values["b"] = []byte{1, 2}
		}, explore.Symptom{Rule: RuleAtomic, Kind: "changed", Op: InFlight}, `"b" has 2 bytes that were never stored`},
		"neither of a removed": {func(r *Run, s *told) {
			r.Exp.Keys[3].May(other[:3], 0)
			s.values["gone"] = []byte{1, 2}
		}, explore.Symptom{Rule: RuleDurable, Kind: "changed", Op: "key-removed"}, `"gone" has 2 bytes that were never stored`},
		"unreadable": {func(_ *Run, s *told) {
			s.get = func(key string, off uint32) ([]byte, error) { return s.pick(key, off, "a", nil, errTold) }
		}, explore.Symptom{Rule: RuleDurable, Kind: KindUnreadable, Op: "key-stored", Error: "TOLD"}, `get "a": `},
		"no list":    {func(_ *Run, s *told) { s.list = func([]string) ([]string, error) { return nil, errTold } }, explore.Symptom{Rule: RuleNoMore, Kind: "no-list", Error: "TOLD"}, "iterator: "},
		"short list": {func(_ *Run, s *told) { s.ends = errTold }, explore.Symptom{Rule: RuleNoMore, Kind: "short-list", Error: "TOLD"}, "next: "},
		"ghost": {func(_ *Run, s *told) {
			s.list = func(k []string) ([]string, error) { return onlyAll(k, append(k, "gone")), nil }
		}, explore.Symptom{Rule: RuleNoMore, Kind: "ghost-key"}, `"gone" is listed`},
		"stranger": {func(_ *Run, s *told) {
			s.list = func(k []string) ([]string, error) { return onlyAll(k, append(k, "x")), nil }
		}, explore.Symptom{Rule: RuleNoMore, Kind: "ghost-key"}, `"x" is listed`},
		"twice": {func(_ *Run, s *told) {
			s.list = func(k []string) ([]string, error) { return onlyAll(k, append(k, "a")), nil }
		}, explore.Symptom{Rule: RuleNoMore, Kind: "listed-twice"}, `"a" is listed again`},
		"unlisted": {func(_ *Run, s *told) {
			s.list = func(k []string) ([]string, error) { return onlyAll(k, k[:len(k)-1]), nil }
		}, explore.Symptom{Rule: RuleNoMore, Kind: "unlisted"}, "2 of 3 keys are listed"},
		"prefix": {func(_ *Run, s *told) {
			s.list = func(k []string) ([]string, error) {
				if len(k) < 3 {
					k = nil
				}
				return k, nil
			}
		}, explore.Symptom{Rule: RuleNoMore, Kind: "prefix-wrong"}, `with prefix "a": []`},
		"no info":    {func(_ *Run, s *told) { s.info = func(string, *kvstore.Info) error { return errTold } }, explore.Symptom{Rule: RuleDurable, Kind: "info-fails", Error: "TOLD"}, `info "a": `},
		"info size":  {func(_ *Run, s *told) { s.info = func(_ string, i *kvstore.Info) error { i.Size++; return nil } }, explore.Symptom{Rule: RuleDurable, Kind: "info-size"}, `info "a": 21 bytes`},
		"info flags": {func(_ *Run, s *told) { s.flags["a"] = kvstore.FlagWriteOnce }, explore.Symptom{Rule: RuleDurable, Kind: "info-flags"}, `info "a": flags 0x1`},
		"offset": {func(_ *Run, s *told) {
			s.get = func(key string, off uint32) ([]byte, error) { return s.pick(key, off, "", other[:3], nil) }
		}, explore.Symptom{Rule: RuleDurable, Kind: "offset-wrong"}, `get "a" of 20 bytes from offset 10: 3 bytes`},
		"offset fails": {func(_ *Run, s *told) {
			s.get = func(key string, off uint32) ([]byte, error) { return s.pick(key, off, "", nil, errTold) }
		}, explore.Symptom{Rule: RuleDurable, Kind: "offset-fails", Error: "TOLD"}, `get "a" of 20 bytes from offset 10: `},
		"reserved lost":    {func(_ *Run, s *told) { s.readBack = errTold }, explore.Symptom{Rule: RuleReserved, Kind: "reserved-lost", Error: "TOLD"}, ""},
		"reserved missing": {func(_ *Run, s *told) { s.reserved = nil }, explore.Symptom{Rule: RuleReserved, Kind: "reserved-changed"}, "missing"},
		"reserved changed": {func(_ *Run, s *told) { s.reserved[8]++ }, explore.Symptom{Rule: RuleReserved, Kind: "reserved-changed"}, "9 bytes that were never stored"},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := newTold(t, ram)
			tt.lie(r, s)
			sound := r.Look("end")
			tt.want.When = "end"
			if got := symptoms(r); len(got) != 1 || got[0] != tt.want || !strings.Contains(r.Bad[0].Seen, tt.seen) {
				t.Fatalf("%+v, want %+v, seen %q", r.Bad, tt.want, tt.seen)
			}
			// What a key holds, or a reset that is half done, ends the trial; a list or an answer does not.
			if want := tt.want.Op == ""; sound != want {
				t.Errorf("sound: %v, want %v", sound, want)
			}
			// What was read is expected from now on, and the same again is no second violation.
			s.get = nil
			if r.Look("end"); len(r.Bad) != 1 {
				t.Errorf("the second look: %v", r.Bad)
			}
		})
	}
}

// pick reads a key as it is, but for one key, or any that is read from an offset on if key is empty.
func (s *told) pick(key string, off uint32, which string, v []byte, err error) ([]byte, error) {
	switch was, ok := s.values[key]; {
	case key == which, which == "" && off > 0:
		return v, err
	case !ok:
		return nil, kvstore.ErrItemNotFound
	default:
		return was[min(int(off), len(was)):], nil
	}
}

// onlyAll is another list in the place of that of all keys; lists with a prefix stay.
func onlyAll(was, other []string) []string {
	if len(was) < 3 {
		return was
	}
	return other
}

// TestLookInFlight: after an operation that may be done or not each of both may be read, and after that only this.
func TestLookInFlight(t *testing.T) {
	step := &script.Step{Op: script.Op{Kind: script.Set, Key: "b", Size: 6, Seed: 9}}
	for _, done := range []bool{false, true} {
		r, s := newTold(t, ram)
		was := s.values["b"]
		r.inFlight(step)
		if done {
			s.values["b"] = step.Value()
		}
		if !r.Look("end") || r.Flight != 1 {
			t.Errorf("done %v: %v, in flight %d", done, r.Bad, r.Flight)
		}
		if s.values["b"] = step.Value(); done {
			s.values["b"] = was
		}
		if r.Look("end") {
			t.Errorf("done %v: the other value is believed after one was read", done)
		}
	}
}

// TestHalfReset: a reset in flight leaves all keys or none. What was missing before it says nothing.
func TestHalfReset(t *testing.T) {
	reset := &script.Step{Op: script.Op{Kind: script.Reset}}
	for removed, want := range map[string]bool{"": true, "a b once": true, "a": false, "b once": false} {
		r, s := newTold(t, ram)
		r.Before.CopyFrom(&r.Exp)
		r.inFlight(reset)
		r.Resetting = true
		for key := range strings.FieldsSeq(removed) {
			delete(s.values, key)
		}
		if got := r.Look("end"); got != want || r.Resetting && got {
			t.Errorf("%q removed: %v, want %v: %v", removed, got, want, r.Bad)
		}
		if !want && (len(r.Bad) != 1 || r.Bad[0].Symptom != explore.Symptom{Rule: RuleAtomic, Kind: "half-reset", When: "end"}) {
			t.Errorf("%q removed: %v", removed, r.Bad)
		}
	}
}

// TestRunning: what a running store answers wrongly is one violation, and what it was to hold stays.
func TestRunning(t *testing.T) {
	r, s := newTold(t, ram)
	if !r.LookRunning("end") {
		t.Fatal(r.Bad)
	}
	was := s.values["a"]
	s.values = map[string][]byte{"a": {1}}
	if r.LookRunning("end") || len(r.Bad) != 1 || r.Bad[0].Symptom != (explore.Symptom{Rule: RuleDurable, Kind: "running-wrong", When: "end"}) {
		t.Errorf("%v", r.Bad)
	}
	if !bytes.Equal(r.Exp.Keys[0].Now, was) {
		t.Error("what the running store says is expected after a reboot")
	}
}

// TestStops: a read of a unit that the ECC cannot correct stops the device, wherever it comes; what stops it is named.
func TestStops(t *testing.T) {
	for name, want := range map[string]string{"stm32l476rg": "NMI", "stm32h743zi": "bus fault"} {
		d := explore.Device{Part: name, Unit: 8, Base: 0x08080000, Size: 128 << 10}
		if name == "stm32h743zi" {
			d.Unit, d.Base, d.Size = 32, 0x08100000, 512<<10
		}
		r, s := newTold(t, d)
		r.F.Flip(d.Base, 3)
		stop := func(key string) error { return s.dev.Read(0, make([]byte, 4)) }
		s.set = stop
		if r.Set(1, random.New(1), "next-set") {
			t.Error("a set that stops the device goes on")
		}
		r.F.Boot()
		s.get = func(key string, off uint32) ([]byte, error) { return nil, stop(key) }
		if r.Look("end") {
			t.Error("a read that stops the device goes on")
		}
		s.open = stop("")
		if r.Reopen(RuleOpens, "end") {
			r.Bad = nil
			t.Error("an open that fails is none")
		}
		wanted := []explore.Symptom{
			{Rule: RuleWorks, Kind: kindFaults, Op: "next-set", Error: want},
			{Rule: RuleDurable, Kind: kindFaults, Op: "key-stored", When: "end", Error: want},
		}
		if got := symptoms(r); len(got) < 2 || !slices.Equal(got[:2], wanted) {
			t.Errorf("%s: %v, want %v", name, got, wanted)
		}
	}
}

// TestSets: a set that fails is tried once more, and what the key may hold then is known.
func TestSets(t *testing.T) {
	for _, tt := range []struct {
		fails int
		kind  string
		now   bool // the new value is what the key holds
	}{{0, "", true}, {1, kindSetFailsOnce, true}, {2, "set-fails-twice", false}} {
		r, s := newTold(t, ram)
		n := 0
		s.set = func(string) error {
			if n++; n <= tt.fails {
				return errTold
			}
			return nil
		}
		was := r.Exp.Keys[0].Now
		if !r.Set(0, random.New(1), "next-set") {
			t.Errorf("%d fail: the device has stopped", tt.fails)
		}
		k := &r.Exp.Keys[0]
		switch {
		case tt.kind == "" && len(r.Bad) > 0, tt.kind != "" && !slices.Equal(symptoms(r), []explore.Symptom{{Rule: RuleWorks, Kind: tt.kind, Op: "next-set", Error: "TOLD"}}):
			t.Errorf("%d fail: %v", tt.fails, r.Bad)
		case k.Either == tt.now, bytes.Equal(k.Now, was) == tt.now, tt.now && !bytes.Equal(k.Now, s.values["a"]):
			t.Errorf("%d fail: expected %+v", tt.fails, k.ValueState)
		case n != min(tt.fails+1, 2):
			t.Errorf("%d fail: %d sets", tt.fails, n)
		}
	}
}

// TestPick: any key that may be written is drawn, the one to leave alone only if there is no other, and no write-once key.
func TestPick(t *testing.T) {
	for _, tt := range []struct {
		keys, once []string
		leave      int
		want       []int
	}{
		{[]string{"a", "b", "c"}, nil, -1, []int{0, 1, 2}},
		{[]string{"a", "b", "c"}, nil, 1, []int{0, 2}},
		{[]string{"a", "b", "c"}, []string{"c"}, 1, []int{0}},
		{[]string{"a", "b"}, []string{"b"}, 0, []int{0}},
		{[]string{"a", "b"}, []string{"a", "b"}, 0, []int{-1}},
		{[]string{"a"}, []string{"a"}, -1, []int{-1}},
	} {
		f, _, err := ram.Region()
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewRun(f, &ram, func(kvstore.BlockDevice) Store { return &told{} }, tt.keys, tt.once, 64)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[int]bool{}
		for seed := range uint64(40) {
			seen[r.Pick(random.New(seed), tt.leave)] = true
		}
		for _, i := range tt.want {
			if !seen[i] {
				t.Errorf("%+v: %d is never drawn", tt, i)
			}
			delete(seen, i)
		}
		if len(seen) > 0 {
			t.Errorf("%+v: %v are drawn, too", tt, seen)
		}
	}
}

// TestAnswers: sizes, flags and offsets are asked for each key, and a key that may be one or the other for none.
func TestAnswers(t *testing.T) {
	r, s := newTold(t, ram)
	var offs []uint32
	s.get = func(key string, off uint32) ([]byte, error) {
		if v := s.values[key]; int(off) <= len(v) {
			if key == "a" {
				offs = append(offs, off)
			}
			return v[off:], nil
		}
		offs = append(offs, off)
		return nil, kvstore.ErrInvalidSize
	}
	r.Exp.Keys[1].Either = true
	if r.Answers("end"); len(r.Bad) > 0 {
		t.Fatal(r.Bad)
	}
	if want := []uint32{1, 10, 19, 20, 21, 8}; !slices.Equal(offs, want) {
		t.Errorf("offsets %v, want %v", offs, want)
	}
	r.Exp.Keys[1].Either = false
	s.get = func(key string, off uint32) ([]byte, error) {
		return s.values[key][min(int(off), len(s.values[key])):], nil
	}
	r.Answers("end")
	if got := symptoms(r); !slices.Equal(got, []explore.Symptom{{Rule: RuleDurable, Kind: "offset-beyond", When: "end"}}) {
		t.Errorf("a read from beyond the end succeeds: %v", r.Bad)
	}
}

// TestPrefixes: a list of the keys with a prefix has those and no other ones, but for keys of the store's own.
func TestPrefixes(t *testing.T) {
	for _, c := range []struct {
		name string
		list []string
		want []string // kinds of symptoms
	}{
		{"as it is", []string{"a"}, nil},
		{"one of its own", []string{"a", "mine"}, nil},
		{"a ghost", []string{"a", "ab"}, []string{"prefix-wrong"}},
		{"another key", []string{"a", "b"}, []string{"prefix-wrong"}},
		{"one is missing", nil, []string{"prefix-wrong"}},
		{"one that was removed", []string{"a", "gone"}, []string{"prefix-wrong"}},
	} {
		r, s := newTold(t, ram)
		r.Own = map[string]bool{"mine": true}
		s.list = func([]string) ([]string, error) { return c.list, nil }
		r.prefixed("a", "end")
		var got []string
		for _, x := range symptoms(r) {
			got = append(got, x.Kind)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %q", c.name, r.Bad, c.want)
		}
	}
}

// TestReopen: an open that fails, halts, takes too long or keeps the lock is told from one that does not.
func TestReopen(t *testing.T) {
	for name, tt := range map[string]struct {
		lie   func(*Run, *told)
		opens bool
		want  explore.Symptom
	}{
		"opens": {func(*Run, *told) {}, true, explore.Symptom{}},
		"fails": {func(_ *Run, s *told) { s.open = errTold }, false, explore.Symptom{Rule: RuleDurable, Kind: KindNotOpen, When: "end", Error: "TOLD"}},
		"halts": {func(_ *Run, s *told) { s.open = &kvstore.FatalError{Err: errTold} }, false, explore.Symptom{Rule: RuleDurable, Kind: KindHalts, When: "end", Error: "TOLD"}},
		"held":  {func(_ *Run, s *told) { s.held = 1 }, true, explore.Symptom{Rule: RuleWorks, Kind: "lock-held", Op: "open"}},
		"freed": {func(_ *Run, s *told) { s.held = -1 }, true, explore.Symptom{Rule: RuleWorks, Kind: "lock-released", Op: "open"}},
	} {
		r, s := newTold(t, ram)
		tt.lie(r, s)
		if r.Reopen(RuleDurable, "end") != tt.opens {
			t.Errorf("%s: opens: %v", name, !tt.opens)
		}
		if got := symptoms(r); tt.want.Kind == "" && len(got) > 0 || tt.want.Kind != "" && !slices.Equal(got, []explore.Symptom{tt.want}) {
			t.Errorf("%s: %v, want %v", name, r.Bad, tt.want)
		}
	}
}

// TestBounds: an operation may take three times the steps that program the region once, and 64.
func TestBounds(t *testing.T) {
	r, _ := newTold(t, ram)
	most := uint64(3*4096/8 + 64)
	if r.Bounded("set", most); len(r.Bad) > 0 {
		t.Errorf("%d steps: %v", most, r.Bad)
	}
	r.Bounded("set", most+1)
	if got := symptoms(r); !slices.Equal(got, []explore.Symptom{{Rule: RuleBounded, Kind: "too-long", Op: "set"}}) {
		t.Errorf("%d steps: %v", most+1, r.Bad)
	}
}

// TestInside: what the device refuses, and units that are programmed although they are not erased, are told apart.
func TestInside(t *testing.T) {
	d := explore.Device{Part: "stm32l476rg", Unit: 8, Base: 0x08080000, Size: 128 << 10}
	r, s := newTold(t, d)
	if r.Inside(); len(r.Bad) > 0 {
		t.Fatal(r.Bad)
	}
	_ = s.dev.Erase(d.Size, 2048)
	r.Inside()
	refused := explore.Symptom{Rule: RuleRegion, Kind: "refused"}
	if got := symptoms(r); !slices.Equal(got, []explore.Symptom{refused}) {
		t.Errorf("an erase outside: %v", r.Bad)
	}
	r.Bad = nil
	for i := range byte(2) {
		_ = s.dev.Program(0, bytes.Repeat([]byte{i + 1}, 8))
	}
	r.Inside()
	if got := symptoms(r); !slices.Equal(got, []explore.Symptom{{Rule: RuleRegion, Kind: KindNotErased}}) {
		t.Errorf("a program of a unit that is not erased: %v", r.Bad)
	}
	r.Bad = nil
	if r.Inside(); len(r.Bad) > 0 {
		t.Errorf("nothing since then: %v", r.Bad)
	}
}

// TestRefusable: a store may refuse the longest key, the master record's, and one whose hash a key has that is there.
func TestRefusable(t *testing.T) {
	r, _ := newTold(t, ram)
	for key, want := range map[string]bool{
		"a": false, "z": false, MasterKey: true,
		strings.Repeat("k", kvstore.MaxKey): true, strings.Repeat("k", kvstore.MaxKey-1): false,
	} {
		if r.Refusable(key) != want {
			t.Errorf("%q: %v", key, !want)
		}
	}
}

// TestRefused: only what the store turned down before it touched anything was refused.
func TestRefused(t *testing.T) {
	set, reserved := script.Step{Op: script.Op{Kind: script.Set}}, script.Step{Op: script.Op{Kind: script.Reserved}}
	cut := reserved
	cut.Fault.Mode = model.Torn
	for _, tt := range []struct {
		err  error
		s    *script.Step
		want bool
	}{
		{kvstore.ErrWriteProtected, &set, true},
		{kvstore.ErrInvalidArgument, &set, true},
		{kvstore.ErrWriteFailed, &set, false},
		{kvstore.ErrWriteFailed, &reserved, true},
		{kvstore.ErrWriteFailed, &cut, false},
		{errors.New("other"), &reserved, false},
	} {
		if Refused(tt.err, tt.s) != tt.want {
			t.Errorf("%v of %v: %v", tt.err, tt.s.Kind, !tt.want)
		}
	}
}

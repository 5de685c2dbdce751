package kv

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/film"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/model"
)

// atWork is a run of a TDBStore on a device of two areas of 2 KiB, on which keys are set; none: a and b.
func atWork(t *testing.T, unit uint32, software sut.Software, keys ...string) *sut.Run {
	t.Helper()
	d := explore.Device{Sectors: "8x512", Unit: unit, Size: 4096}
	f, err := d.Flash()
	if err != nil {
		t.Fatal(err)
	}
	if software == nil {
		software = func(dev kvstore.BlockDevice) sut.Store { return kvstore.NewTDB(dev, kvstore.Options{}) }
	}
	if keys == nil {
		keys = []string{"a", "b"}
	}
	r, err := sut.NewRun(f, &d, software, keys, nil, 64)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Store.Open(); err != nil {
		t.Fatal(err)
	}
	for i, k := range keys {
		s := &script.Step{Op: script.Op{Kind: script.Set, Key: k, Size: 20, Seed: uint64(i)}}
		r.Expect(s, r.Perform(s))
	}
	return r
}

// kinds are those of the symptoms that a run has noted.
func kinds(bad []explore.Violation) (all []string) {
	for i := range bad {
		all = append(all, bad[i].Symptom.Kind)
	}
	return all
}

// TestPadding: between header and key there may be zeros or erased bytes, in every record up to the free space.
func TestPadding(t *testing.T) {
	for _, c := range []struct {
		name   string
		record uint32 // which one
		gap    []byte
		bad    bool
	}{
		{"zeros", 0, []byte{0, 0, 0, 0, 0, 0, 0, 0}, false},
		{"erased", 0, bytes.Repeat([]byte{0xFF}, 8), false},
		{"both", 0, []byte{0xFF, 0, 0, 0, 0, 0, 0, 0}, true},
		{"another last byte", 0, []byte{0, 0, 0, 0, 0, 0, 0, 1}, true},
		{"ones", 0, bytes.Repeat([]byte{1}, 8), true},
		{"almost erased", 1, bytes.Repeat([]byte{0xFE}, 8), true},
		{"behind the log", 2, bytes.Repeat([]byte{1}, 8), false},
	} {
		r := atWork(t, 32, nil)
		at := r.Store.(*kvstore.TDBStore).Layout()
		r.F.Poke(r.Device.Base+at.Base[at.Active]+at.First+c.record*64+sut.RecordHeader, c.gap)
		if checkPadding(r); (len(r.Bad) > 0) != c.bad || c.bad && (len(r.Bad) != 1 || r.Bad[0].Symptom != explore.Symptom{Rule: sut.RuleNoMore, Kind: "padding"}) {
			t.Errorf("%s: %+v, want a symptom: %v", c.name, r.Bad, c.bad)
		}
	}
	r := atWork(t, 8, nil)
	if checkPadding(r); len(r.Bad) > 0 {
		t.Errorf("headers without padding: %+v", r.Bad)
	}
}

// TestEvenWear: one area may be erased twice as often as the other, and four times more. Erases on forks do not count.
func TestEvenWear(t *testing.T) {
	for _, c := range []struct {
		lower, upper uint32 // erases
		forked       uint32 // of the lower area, beside those
		bad          bool
	}{{4, 0, 0, false}, {5, 0, 0, true}, {0, 4, 0, false}, {0, 5, 0, true}, {10, 3, 0, false}, {11, 3, 0, true}, {4, 0, 3, false}, {5, 0, 3, true}} {
		r := atWork(t, 8, nil)
		at := r.Store.(*kvstore.TDBStore).Layout()
		forked := map[uint32]uint32{}
		first, second := r.Device.Base+at.Base[0]+1024, r.Device.Base+at.Base[1]+1536 // not erased so far
		for area, addr := range []uint32{first, second} {
			for range []uint32{c.lower + c.forked, c.upper}[area] {
				if err := r.F.Erase(addr, 512); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, w := range r.F.Wear() {
			if w.Addr != first && w.Addr != second {
				forked[w.Addr] = w.Erases // what the store has done so far
			}
		}
		forked[first] = c.forked
		if checkWear(r, forked); (len(r.Bad) > 0) != c.bad {
			t.Errorf("%+v: %+v", c, r.Bad)
		}
	}
}

// TestLocks: an operation leaves the lock as it found it; a reboot leaves none held, and a set that is left unfinished
// keeps its own.
func TestLocks(t *testing.T) {
	for _, c := range []struct {
		kind         script.OpKind
		before, held int
		want         []string
	}{
		{script.Set, 0, 0, nil},
		{script.Set, 1, 1, nil},
		{script.Set, 0, 1, []string{"lock-held"}},
		{script.Remove, 1, 0, []string{"lock-released"}},
		{script.Reboot, 1, 0, nil},
		{script.Reboot, 1, 1, []string{"lock-held"}},
		{script.Abandon, 0, 1, nil},
	} {
		r := atWork(t, 8, nil)
		checkLock(r, &moment{step: &script.Step{Op: script.Op{Kind: c.kind}}, locks: c.before, held: c.held})
		if got := kinds(r.Bad); !slices.Equal(got, c.want) {
			t.Errorf("%s, held %d times before it and %d after it: %q, want %q", c.kind, c.before, c.held, got, c.want)
		}
	}
}

// refusing is a TDBStore whose sets return some errors first.
type refusing struct {
	*kvstore.TDBStore
	errs []error
}

func (s *refusing) Set(key string, v []byte, flags kvstore.Flags) error {
	if len(s.errs) > 0 {
		err := s.errs[0]
		if s.errs = s.errs[1:]; err != nil {
			return err
		}
	}
	return s.TDBStore.Set(key, v, flags)
}

// TestSetAtTheEnd: at the end of a run a set succeeds, if not the first then the next one. A key that may not be written to
// is passed over, and a full store excuses.
func TestSetAtTheEnd(t *testing.T) {
	fails, full, once := kvstore.ErrWriteFailed, kvstore.ErrMediaFull, kvstore.ErrWriteProtected
	for _, c := range []struct {
		name string
		errs []error
		want []string // kinds of symptoms
		set  string   // the key that has the new value
	}{
		{"succeeds", nil, nil, "a"},
		{"fails once", []error{fails}, nil, "a"},
		{"fails twice", []error{fails, fails}, []string{sut.KindEndSetFails}, ""},
		{"full", []error{full, full}, nil, ""},
		{"write-once", []error{once, once}, nil, "b"},
		{"another argument", []error{kvstore.ErrInvalidArgument, kvstore.ErrInvalidArgument}, []string{sut.KindEndSetFails}, ""},
	} {
		var store *refusing
		r := atWork(t, 8, func(dev kvstore.BlockDevice) sut.Store {
			store = &refusing{TDBStore: kvstore.NewTDB(dev, kvstore.Options{})}
			return store
		})
		o := new(explore.Outcome)
		w := newWalk(r, []sut.Log{{Store: store.TDBStore}}, o)
		store.errs = c.errs
		w.works()
		for _, b := range o.Bad {
			w.Bad = append(w.Bad, b.Violation)
		}
		if got := kinds(w.Bad); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		for _, k := range []string{"a", "b"} {
			info, err := store.Info(k)
			if want := map[bool]uint32{true: 18, false: 20}[k == c.set]; err != nil || info.Size != want {
				t.Errorf("%s: %s has %d bytes, %v, want %d", c.name, k, info.Size, err, want)
			}
		}
	}
}

// TestRefusableAtTheEnd: a key that a store may refuse is passed over at the end of a run if it is refused as that.
func TestRefusableAtTheEnd(t *testing.T) {
	r := atWork(t, 8, func(dev kvstore.BlockDevice) sut.Store {
		return kvstore.NewTDB(dev, kvstore.Options{Profile: kvstore.Hardened})
	}, strings.Repeat("k", kvstore.MaxKey), "b")
	o := new(explore.Outcome)
	w := newWalk(r, nil, o)
	w.works()
	if info, err := r.Store.(*kvstore.TDBStore).Info("b"); err != nil || info.Size != 18 || len(o.Bad) > 0 || len(w.Bad) > 0 {
		t.Errorf("b has %d bytes, %v; %+v, %+v", info.Size, err, o.Bad, w.Bad)
	}
}

// TestReplacedOnce: the store of a case with later repairs is replaced after the first fault, once.
func TestReplacedOnce(t *testing.T) {
	r := atWork(t, 8, nil)
	w := newWalk(r, []sut.Log{{Store: r.Store.(*kvstore.TDBStore)}}, new(explore.Outcome))
	replaced := 0
	w.repair = func() { replaced++ }
	for i, want := range []int{0, 1, 1} {
		s := &script.Step{Op: script.Op{Kind: script.Set, Key: "a", Size: 20, Seed: 7}}
		if i > 0 {
			s.Fault = explore.Fault{Mode: model.Before, At: 2}
		}
		if sound, _ := w.step(s); !sound || replaced != want {
			t.Errorf("step %d: sound %v, replaced %d times, want %d", i, sound, replaced, want)
		}
	}
}

// TestFilmBegins: a film of a run begins with its first fault or attack, or with its last step.
func TestFilmBegins(t *testing.T) {
	plain := script.Step{Op: script.Op{Kind: script.Set, Key: "a", Size: 20}}
	fault, attack := plain, plain
	fault.Fault = explore.Fault{Mode: model.Before, At: 2}
	attack.Attack = &script.Attack{What: script.AttackZero}
	for _, c := range []struct {
		name  string
		steps []script.Step
		want  int
	}{
		{"plain", []script.Step{plain, plain, plain}, 2},
		{"a fault", []script.Step{plain, fault, plain}, 1},
		{"an attack", []script.Step{attack, plain, plain}, 0},
		{"both", []script.Step{plain, attack, fault}, 1},
	} {
		r := atWork(t, 8, nil)
		w := newWalk(r, nil, &explore.Outcome{Film: new(film.Camera)})
		began := -1
		for i := range c.steps {
			if w.filmed(&Case{Profile: kvstore.MbedCE.String(), Steps: c.steps}, i); w.filming && began < 0 {
				began = i
			}
		}
		if began != c.want {
			t.Errorf("%s: the film begins at step %d, want %d", c.name, began, c.want)
		}
		none := newWalk(r, nil, new(explore.Outcome))
		if none.filmed(&Case{Steps: c.steps}, c.want); none.filming {
			t.Errorf("%s: a film that was not asked for", c.name)
		}
	}
}

package kv

import (
	"io"
	"slices"
	"strings"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
	"dualbank/model"
)

// TestCleanCase: a clean case is the same without what its store has beside the reference, and leaves the case as it is.
func TestCleanCase(t *testing.T) {
	c := &Case{Profile: "MbedCE", Defects: kvstore.DefectNoReadBack, Repairs: kvstore.RepairLock, After: kvstore.RepairLogTail, Judge: JudgeWalk}
	clean := c.Clean().(*Case)
	if clean.Defects != 0 || clean.Repairs != 0 || clean.After != 0 || clean.Judge != JudgeWalk || c.Defects == 0 || c.Repairs == 0 || c.After == 0 {
		t.Errorf("%+v of %+v", clean, c)
	}
}

// TestRepairsAfter: only a case that is judged after a fault or an attack has repairs after it.
func TestRepairsAfter(t *testing.T) {
	for _, judge := range judges {
		c := &Case{Judge: judge}
		want := judge != JudgeLive && judge != JudgeWatchdog
		if _, ok := c.With([]string{kvstore.RepairLock.String()}, true); ok != want {
			t.Errorf("judge %s: %v, want %v", judge, ok, want)
		}
		with, ok := c.With([]string{kvstore.RepairLock.String()}, false)
		if !ok || with.(*Case).Repairs != kvstore.RepairLock || with.(*Case).After != 0 {
			t.Errorf("judge %s: %+v", judge, with)
		}
	}
}

// TestShrinkKeepsTheLast: however small a case gets, the step that is judged stays, with its fault if it has to have one.
func TestShrinkKeepsTheLast(t *testing.T) {
	plain := func(key string) script.Step {
		return script.Step{Op: script.Op{Kind: script.Set, Key: key, Size: 100}}
	}
	fault := plain("last")
	fault.Fault = explore.Fault{Mode: model.Fail, At: 7}
	attack := script.Step{Attack: &script.Attack{What: attackRemove, Key: "a"}}
	for _, c := range []struct {
		name  string
		judge string
		last  script.Step
		left  int
	}{
		{"error", JudgeError, fault, 1},
		{"cut", JudgeCut, fault, 1},
		{"cut without a fault", JudgeCut, plain("last"), 0},
		{"live", JudgeLive, plain("last"), 1},
		{"attack", JudgeAttack, attack, 1},
		{"walk", JudgeWalk, fault, 0},
		{"watchdog", JudgeWatchdog, plain("last"), 1},
	} {
		k := &Case{Judge: c.judge, Keys: []string{"a", "b", "last"}, Steps: []script.Step{plain("a"), plain("b"), c.last}}
		var got *Case
		k.Shrink(func(o explore.Case) bool {
			got = o.(*Case)
			if n := len(got.Steps); c.left == 1 && (n == 0 || got.Steps[n-1].Key != c.last.Key || (got.Steps[n-1].Fault.Mode == nil) != (c.last.Fault.Mode == nil) && c.judge == JudgeError) {
				t.Errorf("%s: a case without its last step is tried: %v", c.name, got.Steps)
			}
			return true
		})
		if got == nil || len(got.Steps) != c.left || len(k.Steps) != 3 {
			t.Errorf("%s: %v is left, want %d steps", c.name, got, c.left)
			continue
		}
		if want := script.Keys(got.Steps); len(want) > 0 && !slices.Equal(got.Keys, want) {
			t.Errorf("%s: keys %q are left, want %q", c.name, got.Keys, want)
		}
	}
}

// TestBadCases: a case that cannot be run is an error of one line that names the field; each judge has one that can.
func TestBadCases(t *testing.T) {
	step := func(line string) (s script.Step) {
		if err := s.UnmarshalText([]byte(line)); err != nil {
			t.Fatal(err)
		}
		return s
	}
	set, failing, torn := step(`set "a", 9 bytes, seed 1`), step(`set "a", 9 bytes, seed 1; fail at step 3`), step(`set "a", 9 bytes, seed 1; torn at step 3, seed 2`)
	attack := script.Step{Attack: &script.Attack{What: attackRemove, Key: "a"}}
	then := torn
	then.Then = []explore.Fault{{Mode: model.Before, At: 1}}
	good := func(judge string, last script.Step) Case {
		return Case{On: small, Profile: "MbedCE", Judge: judge, Keys: []string{"a"}, Steps: []script.Step{set, last}}
	}
	secure := func(c Case) Case { c.Secure = true; return c }
	dog := good(JudgeWatchdog, set)
	dog.Watchdog = &explore.Watchdog{Driver: "word", Corner: "typ", Period: "1s"}
	for i, c := range []Case{
		good(JudgeCut, torn), good(JudgeCut, set), good(JudgeLive, set), good(JudgeError, failing), good(JudgeWalk, torn), good(JudgeWalk, then),
		secure(good(JudgeAttack, attack)), secure(good(JudgeAttack, set)), secure(good(JudgeWalk, attack)), dog,
	} {
		if err := c.check(); err != nil {
			t.Errorf("good case %d: %v", i, err)
		}
	}
	with := func(c Case, change func(*Case)) Case { change(&c); return c }
	for _, tt := range []struct {
		want string
		c    Case
	}{
		{"kv.profile", with(good(JudgeCut, torn), func(c *Case) { c.Profile = "X" })},
		{"kv.judge", good("X", set)},
		{"kv.watchdog", good(JudgeWatchdog, set)},
		{"kv.watchdog", with(good(JudgeCut, torn), func(c *Case) { c.Watchdog = dog.Watchdog })},
		{"kv.repairs_after", with(good(JudgeLive, set), func(c *Case) { c.After = kvstore.RepairLock })},
		{"kv.script: is empty", with(good(JudgeCut, torn), func(c *Case) { c.Steps = nil })},
		{"kv.script[1]: an attack", good(JudgeWalk, attack)},
		{"kv.script[1]: an attack", secure(good(JudgeCut, attack))},
		{"kv.script[0]: an attack", secure(with(good(JudgeAttack, attack), func(c *Case) { c.Steps[0] = attack }))},
		{"kv.script[1]: a fault", good(JudgeLive, torn)},
		{"kv.script[0]: a fault", with(good(JudgeCut, torn), func(c *Case) { c.Steps[0] = torn })},
		{"kv.script[1]: only judge", good(JudgeCut, then)},
		{"kv.script: the last step needs a fault", good(JudgeError, set)},
		{"kv.judge: only a SecureStore", good(JudgeAttack, set)},
		{"kv.keys: \"a\" is missing", with(good(JudgeCut, torn), func(c *Case) { c.Keys = []string{"b"} })},
		{"kv.keys: \"b\" is missing", with(good(JudgeCut, torn), func(c *Case) { c.Once = []string{"b"} })},
		{"kv.keys: all are in once", with(good(JudgeCut, torn), func(c *Case) { c.Once = []string{"a"} })},
	} {
		_, err := tt.c.Replay(io.Discard, explore.Env{})
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
	own := good(JudgeCut, torn)
	own.Profile = ownProfile
	if _, err := own.Replay(io.Discard, explore.Env{}); err == nil || !own.OfOwn() {
		t.Errorf("a store that is not at hand: %v", err)
	}
	longest := strings.Repeat("k", kvstore.MaxKey)
	for _, tt := range []struct {
		key     string
		profile string
		good    bool
	}{{"a", "MbedCE", true}, {longest, "MbedCE", true}, {longest + "k", "MbedCE", false}, {"a b", "MbedCE", false}, {"a b", ownProfile, true}, {longest + "k", ownProfile, true}, {"", ownProfile, false}, {"a\x00", ownProfile, false}} {
		for name, c := range map[string]Case{
			"keys": {Keys: []string{tt.key}}, "once": {Once: []string{tt.key}}, "own": {Own: []string{tt.key}},
		} {
			c.Profile = tt.profile
			if err := c.CheckKeys(); (err == nil) != tt.good || err != nil && !strings.HasPrefix(err.Error(), "kv."+name+": ") {
				t.Errorf("%s %q, profile %s: %v", name, tt.key, tt.profile, err)
			}
		}
	}
}

// TestPlantedCase: what a case has beside the reference comes back from what is planted.
func TestPlantedCase(t *testing.T) {
	for _, p := range kvstore.Profiles {
		was := Case{Profile: p.String(), Defects: kvstore.DefectNoReadBack, Repairs: kvstore.RepairLock}
		var c Case
		if c.plant(was.planted()); c.Profile != was.Profile || c.Defects != was.Defects || c.Repairs != was.Repairs {
			t.Errorf("%+v became %+v", was, c)
		}
		if planted := PlantProfile(p); (planted != nil) != (p == kvstore.Hardened) {
			t.Errorf("%v plants %v", p, planted)
		}
	}
}

// TestOutcomes: what an operation that nothing is wrong with may return, and what follows from it.
func TestOutcomes(t *testing.T) {
	twin := script.Twins
	for _, c := range []struct {
		name string
		op   script.Op
		err  error
		want string // kind of symptom; "": none
	}{
		{"a set", script.Op{Kind: script.Set, Key: "a", Size: 5}, nil, ""},
		{"a set that fails", script.Op{Kind: script.Set, Key: "a", Size: 5}, kvstore.ErrWriteFailed, "op-fails"},
		{"a set of a write-once key", script.Op{Kind: script.Set, Key: "once", Size: 5}, kvstore.ErrWriteProtected, ""},
		{"one that succeeds", script.Op{Kind: script.Set, Key: "once", Size: 5}, nil, "once-taken"},
		{"a remove of it that succeeds", script.Op{Kind: script.Remove, Key: "once"}, nil, "once-taken"},
		{"a set of it that is left unfinished", script.Op{Kind: script.Abandon, Key: "once", Size: 5}, nil, ""},
		{"a write-once error of another key", script.Op{Kind: script.Set, Key: "a", Size: 5}, kvstore.ErrWriteProtected, "op-fails"},
		{"reserved data a second time", script.Op{Kind: script.Reserved, Size: 5}, kvstore.ErrWriteFailed, ""},
		{"a key with the hash of another", script.Op{Kind: script.Set, Key: twin[1], Size: 5}, kvstore.ErrInvalidArgument, ""},
		{"a key with a hash of its own", script.Op{Kind: script.Set, Key: "a", Size: 5}, kvstore.ErrInvalidArgument, "op-fails"},
		{"no room, of which there is enough", script.Op{Kind: script.Set, Key: "a", Size: 5}, kvstore.ErrMediaFull, "op-fails"},
		{"no room for what is too large", script.Op{Kind: script.Set, Key: "a", Size: 4000}, kvstore.ErrMediaFull, ""},
		{"a reboot", script.Op{Kind: script.Reboot}, kvstore.ErrReadFailed, ""}, // it is judged elsewhere
	} {
		ops := []script.Op{
			{Kind: script.Set, Key: "once", Size: 4, Flags: kvstore.FlagWriteOnce},
			{Kind: script.Set, Key: twin[0], Size: 4},
			{Kind: script.Reserved, Size: 4},
			c.op,
		}
		l, err := newLive(&Sweep{Device: small, Profile: kvstore.Hardened}, script.Steps(append(ops, script.Op{Kind: script.Set, Key: "a", Size: 1}, script.Op{Kind: script.Set, Key: twin[1]})))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			if !l.step(i) {
				t.Fatalf("%s: step %d", c.name, i)
			}
		}
		m := moment{step: &l.steps[3], layout: l.layout(), done: sut.Done{Err: c.err}}
		if l.outcome(&m); c.want == "" && len(l.Run.Bad) > 0 || c.want != "" && !slices.Equal(kinds(l.Run.Bad), []string{c.want}) {
			t.Errorf("%s, %v: %q, want %q", c.name, c.err, kinds(l.Run.Bad), c.want)
		}
		if want := c.op.Kind == script.Abandon; l.pending != want {
			t.Errorf("%s: a set is pending: %v", c.name, l.pending)
		}
	}
}

// TestRoomOfAStore: the records of all keys with the longest of their values have to fit beside a new one, to the byte.
func TestRoomOfAStore(t *testing.T) {
	l, err := newLive(&Sweep{Device: small}, script.Steps([]script.Op{{Kind: script.Set, Key: "a", Size: 100}, {Kind: script.Set, Key: "b", Size: 1}}))
	if err != nil || !l.step(0) {
		t.Fatal(err)
	}
	at := l.layout()
	left := int(at.Limit-at.First) - (24 + 1 + 100) - (24 + 1)
	for size, want := range map[int]bool{left: true, left + 1: false} {
		if got := l.fits(&script.Op{Kind: script.Set, Key: "b", Size: size}, &at); got != want {
			t.Errorf("%d bytes where %d are left: %v", size, left, got)
		}
	}
	if l.fits(&script.Op{Kind: script.Set, Key: "b"}, new(kvstore.Layout)) {
		t.Error("a store of which nothing is known has room")
	}
}

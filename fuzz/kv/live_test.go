package kv

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
)

// plainOps are sets and removes that TDBStore does without any fault.
func plainOps() []script.Op {
	ops := []script.Op{{Kind: script.Reserved, Size: 40, Seed: 9}}
	for i := range 40 {
		ops = append(ops, script.Op{Kind: script.Set, Key: string(rune('a' + i%5)), Size: 20 + i%3, Seed: uint64(i)})
		if i%7 == 6 {
			ops = append(ops, script.Op{Kind: script.Remove, Key: string(rune('a' + i%5))})
		}
	}
	return append(ops, script.Op{Kind: script.Reboot}, script.Op{Kind: script.Set, Key: "a", Size: 9})
}

// rules lists those that a sweep breaks, and replays every finding.
func rules(t *testing.T, s *explore.Sweep, software sut.Software) (list []int) {
	t.Helper()
	for i := range s.Findings {
		f := &s.Findings[i]
		if !slices.Contains(list, f.Symptom.Rule) {
			list = append(list, f.Symptom.Rule)
		}
		shows(t, f, software)
	}
	return list
}

// meddler is a TDBStore that does something to its device, or to its lock, with every set.
type meddler struct {
	*kvstore.TDBStore
	set  func() error
	open func() error
	held int
}

func (m *meddler) Set(key string, v []byte, flags kvstore.Flags) error {
	if err := m.set(); err != nil {
		return err
	}
	return m.TDBStore.Set(key, v, flags)
}

func (m *meddler) Open() error {
	if err := m.TDBStore.Open(); err != nil {
		return err
	}
	return m.open()
}

func (m *meddler) LocksHeld() int { return m.held }

// TestLiveRules breaks one rule at a time and looks for that one alone.
func TestLiveRules(t *testing.T) {
	none := func() error { return nil }
	meddling := func(do func(m *meddler, dev kvstore.BlockDevice)) sut.Software {
		return func(dev kvstore.BlockDevice) sut.Store {
			m := &meddler{TDBStore: kvstore.NewTDB(dev, kvstore.Options{}), set: none, open: none}
			do(m, dev)
			return m
		}
	}
	small32 := small
	small32.Unit = 32
	for _, tt := range []struct {
		name    string
		rule    int // 0: none
		symptom string
		sweep   Sweep
	}{
		{"nothing", 0, "", Sweep{Device: small}},
		{"a set fails", sut.RuleWorks, "fails although nothing is wrong", Sweep{Device: small, New: meddling(func(m *meddler, _ kvstore.BlockDevice) {
			n := 0
			m.set = func() error {
				if n++; n%10 == 5 {
					return kvstore.ErrWriteFailed
				}
				return nil
			}
		})}},
		{"a lock is held", sut.RuleWorks, "lock is still held", Sweep{Device: small, New: meddling(func(m *meddler, _ kvstore.BlockDevice) {
			m.set = func() error { m.held++; return nil }
		})}},
		{"an operation outside the region", sut.RuleRegion, "what it cannot do", Sweep{Device: small, New: meddling(func(m *meddler, dev kvstore.BlockDevice) {
			m.set = func() error {
				if dev.Program(dev.Size(), []byte{0}) == nil {
					return kvstore.ErrWriteFailed
				}
				return nil
			}
		})}},
		{"too many steps", sut.RuleBounded, "too many steps", Sweep{Device: small, New: meddling(func(m *meddler, dev kvstore.BlockDevice) {
			m.set = func() error { return dev.Program(0x7F0, make([]byte, 1)) }
			for range 4 {
				inner := m.set
				m.set = func() error {
					for range 11 {
						if err := inner(); err != nil {
							return err
						}
					}
					return nil
				}
			}
		})}},
		{"an open that writes", sut.RuleBounded, "an open changes", Sweep{Device: small, New: meddling(func(m *meddler, dev kvstore.BlockDevice) {
			m.open = func() error { return dev.Program(0x7F0, make([]byte, 1)) }
		})}},
		{"iterators that are not moved", sut.RuleNoMore, "open iterator", Sweep{Device: small, Defects: kvstore.DefectIteratorIndex}},
		{"padding that leaks", sut.RuleNoMore, "padding", Sweep{Device: small32, Defects: kvstore.DefectHeaderPadding}},
		{"one copy of reserved data", sut.RuleReserved, "one of its copies", Sweep{Device: small, Defects: kvstore.DefectSingleReserved}},
		{"a buffer that is overrun", sut.RuleReserved, "past the end", Sweep{Device: small, Defects: kvstore.DefectReservedOverrun}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.sweep
			c.Ops = plainOps()
			s, err := Live(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			if broken := rules(t, s, c.New); tt.rule == 0 && len(broken) > 0 || tt.rule != 0 && (len(broken) != 1 || broken[0] != tt.rule) {
				t.Errorf("rules %v are broken, want %d alone", broken, tt.rule)
			}
			for _, f := range s.Findings {
				if !strings.Contains(f.Symptom.String(), tt.symptom) {
					t.Errorf("symptom %q, want %q", f.Symptom, tt.symptom)
				}
			}
		})
	}
}

// TestLiveOpens: a store that does not open on an erased device is a finding, and the end of the run.
func TestLiveOpens(t *testing.T) {
	closed := func(dev kvstore.BlockDevice) sut.Store {
		return &meddler{
			TDBStore: kvstore.NewTDB(dev, kvstore.Options{}),
			set:      func() error { return nil },
			open:     func() error { return kvstore.ErrReadFailed },
		}
	}
	s, err := Live(context.Background(), Sweep{Device: small, New: closed, Ops: plainOps()})
	if err != nil {
		t.Fatal(err)
	}
	want := explore.Symptom{Rule: sut.RuleOpens, Kind: sut.KindNotOpen, When: "erased", Error: "READ_FAILED"}
	if len(s.Findings) != 1 || s.Findings[0].Symptom != want {
		t.Errorf("findings %+v, want %v alone", s.Findings, want)
	}
}

// TestWear erases one of the areas behind the store's back.
func TestWear(t *testing.T) {
	c := Sweep{Device: small, Ops: plainOps()}
	l, err := newLive(&c, script.Steps(c.Ops))
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Ops {
		l.step(i)
	}
	l.end(len(c.Ops) - 1)
	if all := l.g.All(); len(all) != 0 {
		t.Fatalf("a sound store breaks a rule: %+v", all[0])
	}
	for range 20 {
		if err := l.F.Erase(l.F.Start(), 512); err != nil {
			t.Fatal(err)
		}
	}
	l.end(len(c.Ops) - 1)
	if all := l.g.All(); len(all) != 1 || all[0].Symptom.Rule != sut.RuleBounded {
		t.Errorf("20 erases more of one area: %+v", all)
	}
}

// TestSecureRules: a sound SecureStore withstands every attack, and one that does not authenticate, guards
// too little or believes the untrusted store breaks rule 10 alone.
func TestSecureRules(t *testing.T) {
	c := Sweep{Device: explore.Device{Sectors: "24x512", Unit: 8, Size: 12288}, Secure: true, Ops: script.Attacked(1, 60)}
	for _, tt := range []struct {
		name string
		d    kvstore.Defects
		want bool
	}{
		{"sound", 0, false},
		{"no authentication", kvstore.DefectOptionalIntegrity, true},
		{"no guard of write-once values", kvstore.DefectWriteOnceUnguarded, true},
		{"trusted flags", kvstore.DefectTrustedFlags, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.Defects = tt.d
			s, err := Attack(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			broken := rules(t, s, nil)
			if tt.want != slices.Equal(broken, []int{sut.RuleSecret}) || !tt.want && len(broken) > 0 {
				t.Errorf("rules %v are broken", broken)
			}
		})
	}
}

// TestFailsUncut: a store that fails in the run that was to be cut is a finding that replays, and no error.
func TestFailsUncut(t *testing.T) {
	broken := func(dev kvstore.BlockDevice) sut.Store {
		sets := 0
		return &meddler{
			TDBStore: kvstore.NewTDB(dev, kvstore.Options{}),
			set:      func() error { sets++; return nil },
			open: func() error {
				if sets > 3 {
					return kvstore.ErrReadFailed
				}
				return nil
			},
		}
	}
	s := sweep(t, Sweep{Device: small, New: broken, Ops: append(plainOps(), script.Op{Kind: script.Reboot})})
	if len(s.Findings) == 0 || s.Findings[0].Symptom.Kind != sut.KindNotOpen {
		t.Fatalf("findings %+v", s.Findings)
	}
	shows(t, &s.Findings[0], broken)
	// One that the judge of running stores has nothing to say of is an error of its kind.
	_, err := Cut(context.Background(), Sweep{Device: explore.Device{Sectors: "1x512", Unit: 1, Size: 512}, Ops: []script.Op{}}, nil)
	if _, alone := errors.AsType[*explore.NoCutError](err); !alone {
		t.Errorf("error %v", err)
	}
}

// TestLeak: a confidential value in the image is found, and only there.
func TestLeak(t *testing.T) {
	ops := []script.Op{{Kind: script.Set, Key: "n", Size: 30, Seed: 1}, {Kind: script.Set, Key: "c", Size: 40, Seed: 2}}
	image := append(make([]byte, 100), ops[0].Value()...)
	if v, found := sut.Leaks(image, script.Steps(ops)); found {
		t.Errorf("a value that is not confidential: %+v", v)
	}
	if v, found := sut.Leaks(append(image, ops[1].Value()[24:36]...), script.Steps(ops)); !found || v.Symptom.Rule != sut.RuleSecret {
		t.Error("12 bytes of a confidential value are not found")
	}
	// Wherever it lies.
	for _, lead := range []int{0, 1, 7, 64} {
		image := append(make([]byte, lead), ops[1].Value()[:12]...)
		if v, found := sut.Leaks(image, script.Steps(ops)); !found {
			t.Errorf("at %d, the end of the image: %+v", lead, v)
		}
		if v, found := sut.Leaks(image[:len(image)-1], script.Steps(ops)); found {
			t.Errorf("11 bytes of it: %+v", v)
		}
	}
}

// TestMendedByRemove: what a cut makes unreadable can be removed, but not where the check forbids it.
func TestMendedByRemove(t *testing.T) {
	c := Sweep{
		Device: explore.Device{Sectors: "24x512", Unit: 8, Size: 12288}, Secure: true, Modes: []string{"after"},
		Ops: []script.Op{{Kind: script.Set, Key: "n0", Size: 20}, {Kind: script.Set, Key: "r0", Size: 20, Seed: 1}, {Kind: script.Set, Key: "n0", Size: 20, Seed: 2}},
	}
	refused := func(d kvstore.Defects) bool {
		c.Defects = d
		s := sweep(t, c)
		rules(t, s, nil)
		return slices.ContainsFunc(s.Findings, func(f explore.Finding) bool {
			return f.Symptom.Rule == sut.RuleSecret && strings.Contains(f.Symptom.String(), "cannot be removed")
		})
	}
	if refused(0) {
		t.Error("a key that was never entered into the rollback protection cannot be removed")
	}
	if !refused(kvstore.DefectRemoveRefused) {
		t.Error("a refused remove was not found")
	}
}

// TestFailRules: device errors that a sound store survives but for what is known of it, and a store that
// loses its balance for ever.
func TestFailRules(t *testing.T) {
	c := Sweep{Device: explore.Device{Sectors: "8x512", Unit: 8, Size: 4096}, Ops: plainOps()}
	for _, tt := range []struct {
		name  string
		d     kvstore.Defects
		worse string
	}{
		{"sound", 0, ""},
		{"no collection", kvstore.DefectNoCollection, "the next set after a device error fails, and so does another"},
		{"lock held", kvstore.DefectLockHeld, "lock is still held"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.Defects = tt.d
			s, err := Fail(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			rules(t, s, nil)
			found := slices.ContainsFunc(s.Findings, func(f explore.Finding) bool {
				return tt.worse != "" && strings.Contains(f.Symptom.String(), tt.worse) && strings.Contains(f.Place.Part, "header")
			})
			worst := slices.ContainsFunc(s.Findings, func(f explore.Finding) bool {
				return strings.Contains(f.Symptom.String(), "fails, and so does another")
			})
			if tt.worse != "" && !found || tt.worse == "" && worst {
				t.Errorf("found %v; %d findings", found, len(s.Findings))
			}
		})
	}
}

// TestFailOfMended: a store with all repairs survives an error at any step.
func TestFailOfMended(t *testing.T) {
	s, err := Fail(context.Background(), Sweep{Device: explore.Device{Sectors: "8x512", Unit: 8, Size: 4096}, Ops: plainOps(), Profile: kvstore.Hardened})
	if err != nil || s.Stats.Cuts < 300 || len(s.Findings) > 0 {
		t.Errorf("%d errors, %d findings, %v", s.Stats.Cuts, len(s.Findings), err)
	}
	for i := range s.Findings {
		t.Errorf("%v at %v", s.Findings[i].Symptom, s.Findings[i].Place)
	}
}

// TestFailOfMost: errors at a few steps are spread over the whole workload, which ends in a reset.
func TestFailOfMost(t *testing.T) {
	c := Sweep{Device: explore.Device{Sectors: "8x512", Unit: 8, Size: 4096}, Seed: 1, Ops: script.ToReset(1, 1, script.ResetKeys), MaxCuts: 400, Most: 120}
	s, err := Fail(context.Background(), c)
	if err != nil || s.Stats.Cuts > c.Most || s.Stats.Cuts < c.Most/2 {
		t.Fatalf("%d cuts, %v", s.Stats.Cuts, err)
	}
	if !slices.ContainsFunc(s.Findings, func(f explore.Finding) bool { return f.Place.Op == string(script.Reset) }) {
		t.Errorf("none of %d findings is of the reset", len(s.Findings))
	}
}

// grudge is a store that refuses the key "last" once a set has failed.
type grudge struct {
	*kvstore.TDBStore
	failed bool
}

func (g *grudge) Open() error {
	g.failed = false
	return g.TDBStore.Open()
}

func (g *grudge) Set(key string, value []byte, flags kvstore.Flags) error {
	if g.failed && key == "last" {
		return kvstore.ErrNotReady
	}
	err := g.TDBStore.Set(key, value, flags)
	g.failed = g.failed || err != nil
	return err
}

// TestFailReplays: after an error the judge may write to a key that only a later operation names; the finding knows it.
func TestFailReplays(t *testing.T) {
	c := Sweep{Device: explore.Device{Sectors: "8x512", Unit: 8, Size: 4096}, New: func(dev kvstore.BlockDevice) Store {
		return &grudge{TDBStore: kvstore.NewTDB(dev, kvstore.Options{Profile: kvstore.Hardened})}
	}}
	for _, key := range []string{"a", "b", "last"} {
		c.Ops = append(c.Ops, script.Op{Kind: script.Set, Key: key, Size: 20, Seed: 1})
	}
	s, err := Fail(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range s.Findings {
		f := &s.Findings[i]
		if f.Symptom.Op == "set-after-error" {
			refused++
		}
		if _, broken, err := f.ReplayIn(io.Discard, explore.Env{Software: c.New}); err != nil || !broken {
			t.Errorf("%v: it does not replay, %v", f.Symptom, err)
		}
	}
	if refused == 0 {
		t.Errorf("%d findings, none of a refused set", len(s.Findings))
	}
}

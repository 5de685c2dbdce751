package fuzz

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"dualbank/boot"
	"dualbank/kvstore"
)

// plainOps are sets and removes that TDBStore does without any fault.
func plainOps() []Op {
	ops := []Op{{Kind: OpReserved, Size: 40, Seed: 9}}
	for i := range 40 {
		ops = append(ops, Op{Kind: OpSet, Key: string(rune('a' + i%5)), Size: 20 + i%3, Seed: uint64(i)})
		if i%7 == 6 {
			ops = append(ops, Op{Kind: OpRemove, Key: string(rune('a' + i%5))})
		}
	}
	return append(ops, Op{Kind: OpReboot}, Op{Kind: OpSet, Key: "a", Size: 9})
}

// rules lists those that a sweep breaks, and replays every finding.
func rules(t *testing.T, s *Sweep, store func(kvstore.BlockDevice) kvstore.Store) (list []int) {
	t.Helper()
	for i := range s.Findings {
		f := &s.Findings[i]
		if !slices.Contains(list, f.Rule) {
			list = append(list, f.Rule)
		}
		if broken, err := f.ReplayOn(store, io.Discard); err != nil || !broken {
			t.Errorf("%s (%v): replayed: %v, %v", f.Symptom, f.Place, broken, err)
		}
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
	meddling := func(do func(m *meddler, dev kvstore.BlockDevice)) func(kvstore.BlockDevice) kvstore.Store {
		return func(dev kvstore.BlockDevice) kvstore.Store {
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
		sweep   KVSweep
	}{
		{"nothing", 0, "", KVSweep{Device: small}},
		{"a set fails", RuleWorks, "fails although nothing is wrong", KVSweep{Device: small, New: meddling(func(m *meddler, _ kvstore.BlockDevice) {
			n := 0
			m.set = func() error {
				if n++; n%10 == 5 {
					return kvstore.ErrWriteFailed
				}
				return nil
			}
		})}},
		{"a lock is held", RuleWorks, "lock is still held", KVSweep{Device: small, New: meddling(func(m *meddler, _ kvstore.BlockDevice) {
			m.set = func() error { m.held++; return nil }
		})}},
		{"an operation outside the region", RuleRegion, "what it cannot do", KVSweep{Device: small, New: meddling(func(m *meddler, dev kvstore.BlockDevice) {
			m.set = func() error {
				if dev.Program(dev.Size(), []byte{0}) == nil {
					return kvstore.ErrWriteFailed
				}
				return nil
			}
		})}},
		{"too many steps", RuleBounded, "too many steps", KVSweep{Device: small, New: meddling(func(m *meddler, dev kvstore.BlockDevice) {
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
		{"an open that writes", RuleBounded, "an open changes", KVSweep{Device: small, New: meddling(func(m *meddler, dev kvstore.BlockDevice) {
			m.open = func() error { return dev.Program(0x7F0, make([]byte, 1)) }
		})}},
		{"iterators that are not moved", RuleNoMore, "open iterator", KVSweep{Device: small, Defects: kvstore.DefectIteratorIndex}},
		{"padding that leaks", RuleNoMore, "padding", KVSweep{Device: small32, Defects: kvstore.DefectHeaderPadding}},
		{"one copy of reserved data", RuleReserved, "one of its copies", KVSweep{Device: small, Defects: kvstore.DefectSingleReserved}},
		{"a buffer that is overrun", RuleReserved, "past the end", KVSweep{Device: small, Defects: kvstore.DefectReservedOverrun}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.sweep
			c.Ops = plainOps()
			s, err := LiveKV(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			if broken := rules(t, s, c.New); tt.rule == 0 && len(broken) > 0 || tt.rule != 0 && (len(broken) != 1 || broken[0] != tt.rule) {
				t.Errorf("rules %v are broken, want %d alone", broken, tt.rule)
			}
			for _, f := range s.Findings {
				if !strings.Contains(f.Symptom, tt.symptom) {
					t.Errorf("symptom %q, want %q", f.Symptom, tt.symptom)
				}
			}
		})
	}
}

// TestWear erases one of the areas behind the store's back.
func TestWear(t *testing.T) {
	c := KVSweep{Device: small, Ops: plainOps()}
	l, err := newLive(&c, c.Ops)
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Ops {
		l.step(i)
	}
	l.wear(len(c.Ops) - 1)
	if len(l.g.order) != 0 {
		t.Fatalf("a sound store breaks a rule: %+v", l.g.order[0].V)
	}
	for range 20 {
		if err := l.f.Erase(l.f.Start(), 512); err != nil {
			t.Fatal(err)
		}
	}
	l.wear(len(c.Ops) - 1)
	if len(l.g.order) != 1 || l.g.order[0].V.Rule != RuleBounded {
		t.Errorf("20 erases more of one area: %d violations", len(l.g.order))
	}
}

// TestSecureRules: a sound SecureStore withstands every attack, and one that does not authenticate, guards
// too little or believes the untrusted store breaks rule 10 alone.
func TestSecureRules(t *testing.T) {
	c := KVSweep{Device: Device{Sectors: "24x512", Unit: 8, Size: 12288}, Secure: true, Ops: attackedOps(1, 60)}
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
			s, err := AttackKV(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			broken := rules(t, s, nil)
			if tt.want != slices.Equal(broken, []int{RuleSecret}) || !tt.want && len(broken) > 0 {
				t.Errorf("rules %v are broken", broken)
			}
		})
	}
}

// TestLeak: a confidential value in the image is found, and only there.
func TestLeak(t *testing.T) {
	ops := []Op{{Kind: OpSet, Key: "n", Size: 30, Seed: 1}, {Kind: OpSet, Key: "c", Size: 40, Seed: 2}}
	image := append(make([]byte, 100), ops[0].value()...)
	if v, found := leaks(image, ops); found {
		t.Errorf("a value that is not confidential: %+v", v)
	}
	if v, found := leaks(append(image, ops[1].value()[24:36]...), ops); !found || v.Rule != RuleSecret {
		t.Error("12 bytes of a confidential value are not found")
	}
}

// TestMendedByRemove: what a cut makes unreadable can be removed, but not where the check forbids it.
func TestMendedByRemove(t *testing.T) {
	c := KVSweep{
		Device: Device{Sectors: "24x512", Unit: 8, Size: 12288}, Secure: true, Modes: []string{"after"},
		Ops: []Op{{Kind: OpSet, Key: "n0", Size: 20}, {Kind: OpSet, Key: "r0", Size: 20, Seed: 1}, {Kind: OpSet, Key: "n0", Size: 20, Seed: 2}},
	}
	refused := func(d kvstore.Defects) bool {
		c.Defects = d
		s := sweep(t, c)
		rules(t, s, nil)
		return slices.ContainsFunc(s.Findings, func(f Finding) bool {
			return f.Rule == RuleSecret && strings.Contains(f.Symptom, "cannot be removed")
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
// loses its balance for good.
func TestFailRules(t *testing.T) {
	c := KVSweep{Device: Device{Sectors: "8x512", Unit: 8, Size: 4096}, Ops: plainOps()}
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
			s, err := FailKV(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			rules(t, s, nil)
			found := slices.ContainsFunc(s.Findings, func(f Finding) bool {
				return tt.worse != "" && strings.Contains(f.Symptom, tt.worse) && strings.Contains(f.Place.Part, "header")
			})
			worst := slices.ContainsFunc(s.Findings, func(f Finding) bool { return strings.Contains(f.Symptom, "fails, and so does another") })
			if tt.worse != "" && !found || tt.worse == "" && worst {
				t.Errorf("found %v; %d findings", found, len(s.Findings))
			}
		})
	}
}

// TestLives: the newer client's lives break no rule on any layout; the older one installs what was never
// activated, which is what it is known for; each defect breaks its rule.
func TestLives(t *testing.T) {
	c := Campaign{}
	c.check(kvstore.MbedCE, 1)
	layout := func(i int) LifeSweep { return c.Lives[i] }
	for i := range c.Lives {
		s, err := SweepLives(context.Background(), layout(i))
		if err != nil {
			t.Fatal(err)
		}
		want := []int(nil)
		if layout(i).Client == boot.ClientOld {
			want = []int{RuleSound}
		}
		if broken := rules(t, s, nil); !slices.Equal(broken, want) {
			t.Errorf("%s: rules %v are broken, want %v", s.Map.Name, broken, want)
		}
	}
	for _, tt := range []struct {
		d    boot.Defects
		want []int
	}{
		{boot.DefectSoftwareResets, []int{RuleRuns, RuleInside}}, // it gives the image up, and installs it again if it is still there
		{boot.DefectHeaderFirst, []int{RuleSound}},
		{boot.DefectIntentLost, []int{RuleInside}},
	} {
		l := layout(0)
		l.Boot.Defects = tt.d
		s, err := SweepLives(context.Background(), l)
		if err != nil {
			t.Fatal(err)
		}
		if broken := rules(t, s, nil); !slices.Equal(broken, tt.want) {
			t.Errorf("defect %b: rules %v are broken, want %v", tt.d, broken, tt.want)
		}
	}
}

package kv

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/fuzz/kv/sut"
	"dualbank/internal/long"
	"dualbank/kvstore"
	"dualbank/model"
)

var f429 = explore.Device{Part: "stm32f429zi", Unit: 1, Base: 0x08100000, Size: 128 << 10}

// shows fails the test unless a finding shows again when its case runs from nothing.
func shows(t *testing.T, f *explore.Finding, software sut.Software) {
	t.Helper()
	if _, broken, err := f.ReplayIn(io.Discard, explore.Env{Software: software}); err != nil || !broken {
		t.Errorf("%s (%v at %v): replayed: %v, %v", f.ID, f.Symptom, f.Place, broken, err)
	}
}

var small = explore.Device{Sectors: "8x512", Unit: 1, Size: 4096}

func sweep(t testing.TB, c Sweep) *explore.Sweep {
	t.Helper()
	s, err := Cut(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestKVFindingsReplay: every finding of a sweep breaks the same rule when its case runs from
// nothing, with the store itself instead of the recording.
func TestKVFindingsReplay(t *testing.T) {
	long.Test(t)
	for _, p := range []kvstore.Profile{kvstore.MbedCE, kvstore.MbedOS} {
		for _, unit := range []uint32{1, 8} {
			d := small
			d.Unit = unit
			s := sweep(t, Sweep{Device: d, Profile: p, Seed: 1, Collections: 1, MaxCuts: 1500})
			if len(s.Findings) == 0 {
				t.Errorf("%v: no findings, but the reference has defects", p)
			}
			for _, f := range s.Findings {
				shows(t, &f, nil)
			}
		}
	}
}

// batched is a store that gains from others at work at the same time.
type batched struct{ *kvstore.TDBStore }

func (batched) Batch() int { return 3 }

// TestPlanOfASweep: as many workers as the software asks for, unless the user says how many, and chunks of their size.
func TestPlanOfASweep(t *testing.T) {
	many := func(dev kvstore.BlockDevice) sut.Store { return batched{kvstore.NewTDB(dev, kvstore.Options{})} }
	for _, c := range []struct {
		sweep   Sweep
		workers int
		chunk   int
	}{
		{Sweep{}, 0, explore.ChunkSteps},
		{Sweep{Deep: true, Workers: 2}, 2, explore.DeepChunkSteps},
		{Sweep{New: many}, 3, explore.BatchChunkSteps},
		{Sweep{New: many, Workers: 2}, 2, explore.BatchChunkSteps},
	} {
		c.sweep.Device, c.sweep.Ops = small, []script.Op{{Kind: script.Set, Key: "a", Size: 9}}
		got, err := c.sweep.cuts()
		if err != nil || got.plan.Workers != c.workers || got.plan.Chunk != c.chunk {
			t.Errorf("%+v: %d workers, chunks of %d, %v; want %d, %d", c.sweep, got.plan.Workers, got.plan.Chunk, err, c.workers, c.chunk)
		}
	}
}

// TestReplayOpens: a replay makes a store for the run, one for the cut, and one more if that is to have further repairs. One
// that does not open is an error.
func TestReplayOpens(t *testing.T) {
	step := script.Step{Op: script.Op{Kind: script.Set, Key: "a", Size: 9}, Fault: explore.Fault{Mode: model.Before, At: 2}}
	for _, c := range []struct {
		after  kvstore.Repairs
		closed int // which of the stores does not open; 0: none
		made   int
		err    error
	}{
		{0, 0, 2, nil},
		{0, 2, 2, kvstore.ErrReadFailed},
		{0, 1, 1, kvstore.ErrReadFailed},
		{kvstore.RepairLock, 0, 3, nil},
		{kvstore.RepairWrappedSizes, 0, 3, nil},
	} {
		made := 0
		software := func(dev kvstore.BlockDevice) sut.Store {
			made++
			m := &meddler{TDBStore: kvstore.NewTDB(dev, kvstore.Options{}), set: func() error { return nil }, open: func() error { return nil }}
			if made == c.closed {
				m.open = func() error { return kvstore.ErrReadFailed }
			}
			return m
		}
		sw := &Sweep{Device: small, New: software, Ops: []script.Op{step.Op}}
		k := sw.caseOf(JudgeCut, []script.Step{step}, nil)
		k.After = c.after
		_, err := replayCut(k, io.Discard, sw, explore.Env{})
		if made != c.made || (err == nil) != (c.err == nil) || !errors.Is(err, c.err) {
			t.Errorf("%+v: %d stores, %v", c, made, err)
		}
	}
}

// TestWorkersDoNotMatter: the same sweep with one worker and with several is the same.
func TestWorkersDoNotMatter(t *testing.T) {
	one := sweep(t, Sweep{Device: small, Seed: 7, Collections: 1, MaxCuts: 150, Workers: 1})
	many := sweep(t, Sweep{Device: small, Seed: 7, Collections: 1, MaxCuts: 150, Workers: 4})
	if d := cmp.Diff(one, many); d != "" {
		t.Errorf("one worker against four:\n%s", d)
	}
}

// TestMemo: that the store does not read again what has not changed makes no difference, whatever the
// cut leaves.
func TestMemo(t *testing.T) {
	long.Test(t)
	for _, on := range []struct {
		explore.Device
		modes []string
	}{
		{small, []string{"before", "torn"}},
		{explore.Device{Part: "stm32l496zg", Unit: 8, Base: 0x080F0000, Size: 8192}, []string{"weak", "ecc"}},
	} {
		d := on.Device
		c := Sweep{Device: d, Seed: 3, Collections: 1, Modes: on.modes, MaxCuts: 200}
		fast := sweep(t, c)
		c.plain = true
		if diff := cmp.Diff(sweep(t, c), fast); diff != "" {
			t.Errorf("%v: reading everything against reading what changed:\n%s", &d, diff)
		}
	}
}

// TestOnce: that what many cuts have in common is done once makes no difference, with second cuts or without.
func TestOnce(t *testing.T) {
	for i, c := range []Sweep{
		{Device: small, Profile: kvstore.MbedCE, Modes: []string{"before", "torn"}, MaxCuts: 160},
		{Device: explore.Device{Sectors: "8x512", Unit: 8, Size: 4096}, Profile: kvstore.Hardened, Modes: []string{"torn", "prefix"}, MaxCuts: 60, Deep: true, DeepSteps: 12},
		{Device: explore.Device{Sectors: "8x512", Unit: 8, Size: 4096}, Profile: kvstore.MbedOS, Modes: []string{"after"}, MaxCuts: 30, Deep: true, DeepSteps: 12},
	} {
		c.Seed, c.Collections = 3, 1
		if !long.Enabled() {
			if i != 1 {
				continue
			}
			c.MaxCuts, c.DeepSteps = c.MaxCuts/8, c.DeepSteps/4
		}
		once := sweep(t, c)
		c.plain = true
		if diff := cmp.Diff(sweep(t, c), once); diff != "" {
			t.Errorf("%v, %v: everything done anew, and what is alike done once:\n%s", &c.Device, c.Profile, diff)
		}
	}
}

// TestDeep: a deep sweep finds what a plain one finds, with the same counts, and what shows after
// a second cut at a step that the plain one did not draw.
func TestDeep(t *testing.T) {
	c := Sweep{Device: explore.Device{Sectors: "4x512", Unit: 8, Size: 2048}, Seed: 1, Collections: 1, Modes: []string{"torn"}}
	plain := sweep(t, c)
	c.Deep = true
	deep := sweep(t, c)
	counts := map[string]uint64{}
	for _, f := range deep.Findings {
		counts[f.Symptom.String()+f.Place.String()] = f.Count
		shows(t, &f, nil)
	}
	for _, f := range plain.Findings {
		if n := counts[f.Symptom.String()+f.Place.String()]; n < f.Count || n > f.Count && f.Place != afterRecovery {
			t.Errorf("%s at %v: %d cuts when deep, %d when not", f.Symptom, f.Place, n, f.Count)
		}
	}
}

// TestReplayCutInReboot: a store that lost both areas makes a new one when it is opened, and a cut in
// that is replayed like any other. On an L4 the workload comes to such a state by itself.
func TestReplayCutInReboot(t *testing.T) {
	c := &Sweep{Device: explore.Device{Part: "stm32l496zg", Unit: 8, Base: 0x0808_0000, Size: 64 << 10}, Profile: kvstore.MbedCE, Seed: 1, Collections: 1}
	run, err := record(c, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	replayed := 0
	for i := range run.ops {
		if run.ops[i].Kind != script.Reboot || run.rec.Ops[i] == run.rec.Ops[i+1] {
			continue
		}
		var out strings.Builder
		k := c.caseOf(JudgeCut, script.Steps(run.ops[:i+1]), map[string]bool{sut.MasterKey: true})
		k.Keys, k.Once = run.keys, run.once
		k.Steps[i].Fault = explore.Fault{Mode: model.Before, Seed: 1}
		if _, err := k.Replay(&out, explore.Env{}); err != nil || !strings.Contains(out.String(), "<- cut at 0x0808") {
			t.Errorf("operation %d: %v\n%s", i, err, out.String())
		}
		replayed++
	}
	if replayed == 0 {
		t.Error("no reboot of the workload changes the flash")
	}
}

// TestPlaceThatMatters: where the next set fails after a cut in a collection, the place is not what the collection was
// writing in the standby area, but the rest of a set that it was to remove, or the area that counts by then.
func TestPlaceThatMatters(t *testing.T) {
	c := Sweep{Device: explore.Device{Sectors: "8x512", Unit: 8, Size: 4096}, Seed: 1, Collections: 12, Modes: []string{"before", "torn"}, MaxCuts: 800}
	s := sweep(t, c)
	parts := map[string]bool{}
	for i := range s.Findings {
		f := &s.Findings[i]
		if f.Place == afterRecovery || !sut.SetFails(f.Symptom) {
			continue
		}
		parts[f.Place.Part] = true
		if strings.HasSuffix(f.Place.Part, "/standby") {
			t.Errorf("%v at %v", f.Symptom, f.Place)
		}
		shows(t, f, nil)
	}
	for _, want := range []string{restOfSet, "data/new", "header/new", "data/active"} {
		if !parts[want] {
			t.Errorf("no set fails because of %s: %v", want, parts)
		}
	}
}

package fuzz

import (
	"context"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dualbank/boot"
)

func sweepUpdate(t testing.TB, c UpdateSweep) *Sweep {
	t.Helper()
	s, err := SweepUpdate(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestUpdateSweep: the guide's layout survives every cut of a small update, with both clients: what
// the reference does is sound here, and the sweep raises no false alarm.
func TestUpdateSweep(t *testing.T) {
	for _, client := range []boot.Generation{boot.ClientNew, boot.ClientOld} {
		s := sweepUpdate(t, UpdateSweep{Device: Device{Part: "stm32f429zi", Unit: 1}, Boot: F429Guide, Client: client, Old: 3000, New: 2000, Seed: 1})
		if want := uint64(3 * (2*(2000+112) + 2)); s.Stats.Cuts != want {
			t.Errorf("%v client: %d cuts, want %d: every step in three modes", client, s.Stats.Cuts, want)
		}
		for _, f := range s.Findings {
			t.Errorf("%v client: %s at %v: expected %s, seen %s", client, f.Symptom, f.Place, f.Expected, f.Seen)
		}
	}
}

func TestUpdateWorkersDoNotMatter(t *testing.T) {
	c := UpdateSweep{Device: Device{Part: "stm32f429zi", Unit: 1}, Boot: F429Guide, Old: 3000, New: 4000, Seed: 3, MaxCuts: 3000, Workers: 1}
	one := sweepUpdate(t, c)
	c.Workers = 3
	if d := cmp.Diff(one, sweepUpdate(t, c)); d != "" {
		t.Errorf("one worker against three:\n%s", d)
	}
}

// TestUpdateRulesAreJudged plants what each rule forbids and looks for that rule alone.
func TestUpdateRulesAreJudged(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rule  int
		plant func(j *updateJudge)
	}{
		{"both headers gone", RuleRuns, func(j *updateJudge) {
			j.f.Poke(F429Guide.Details, make([]byte, boot.HeaderSize))
		}},
		{"another image under the same header hash", RuleComplete, func(j *updateJudge) {
			j.run.old.bytes[7] ^= 1 // the judge's knowledge, so that the bootloader accepts what runs
		}},
		{"a version nobody made", RuleNoOlder, func(j *updateJudge) {
			d := j.run.old.Details
			d.Version = 77
			h := make([]byte, boot.HeaderSize)
			boot.EncodeHeader(h, &d)
			j.f.Poke(F429Guide.Details, h)
		}},
		{"the application lies where it may not", RuleUntouched, func(j *updateJudge) {
			j.run.inside[0] = span{}
			j.run.inside[1] = span{0x08000000, 0x08100000}
		}},
		{"the client writes into the active image's place", RuleInside, func(j *updateJudge) {
			j.run.inside[1] = span{0x08000000, 0x08200000}
			j.run.inside[0] = span{}
		}},
		{"no room for the update", RuleProgress, func(j *updateJudge) {
			j.run.new.Size = 4 << 20
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &UpdateSweep{Device: Device{Part: "stm32f429zi", Unit: 1}, Boot: F429Guide, Old: 3000, New: 2000, Seed: 1}
			run, f, err := newUpdateRun(c)
			if err != nil {
				t.Fatal(err)
			}
			j := newUpdateJudge(run, f)
			tt.plant(j)
			bad, err := j.judge(f, opWrite, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(bad) != 1 || bad[0].Rule != tt.rule {
				t.Errorf("violations %+v, want one of rule %d", bad, tt.rule)
			}
		})
	}
}

// TestUpdateFindingsReplay: a bootloader built to give up on an image at once, on a target that cannot
// tell a power-on, never starts the old image after a cut. Each finding of that replays.
func TestUpdateFindingsReplay(t *testing.T) {
	bad := F429Guide
	bad.BootRetries, bad.ResetReason = 0, false
	s := sweepUpdate(t, UpdateSweep{Device: Device{Part: "stm32f429zi", Unit: 1}, Boot: bad, Old: 3000, New: 2000, Seed: 1, MaxCuts: 900})
	if len(s.Findings) == 0 {
		t.Error("no findings")
	}
	for _, f := range s.Findings {
		broken, err := f.Replay(io.Discard)
		if err != nil || !broken {
			t.Errorf("%s (%s at %v): broken %v, %v", f.ID, f.Symptom, f.Place, broken, err)
		}
	}
}

func BenchmarkUpdateSweep(b *testing.B) {
	for _, bm := range []struct {
		name string
		size uint32
		cuts uint64
	}{{"size=20K", 20000, 12000}, {"size=400K", 400 << 10, 1500}} {
		b.Run(bm.name, func(b *testing.B) {
			var st Stats
			for b.Loop() {
				s := sweepUpdate(b, UpdateSweep{Device: Device{Part: "stm32f429zi", Unit: 1}, Boot: F429Guide, Old: bm.size, New: bm.size, Seed: 1, MaxCuts: bm.cuts, Workers: 1})
				st.Cuts += s.Stats.Cuts
				st.Judged += s.Stats.Judged
			}
			b.ReportMetric(float64(st.Judged)/b.Elapsed().Seconds(), "judged/s")
			b.ReportMetric(float64(st.Cuts)/b.Elapsed().Seconds(), "cuts/s")
		})
	}
}

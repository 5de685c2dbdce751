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

// configurations are those of the recorded traces, and the device each runs on.
func configurations() map[string]UpdateSweep {
	f429 := func(change func(*boot.Config)) UpdateSweep {
		c := F429Guide
		change(&c)
		return UpdateSweep{Device: Device{Part: "stm32f429zi", Unit: 1}, Boot: c}
	}
	l4 := func(app, most uint32) UpdateSweep {
		return UpdateSweep{Device: Device{Sectors: "256x2K", Start: 0x08000000, Unit: 8}, Boot: boot.Config{
			Details: 0x08008000, AppStart: app, MaxAppSize: most, StorageAddr: 0x08050000, StorageSize: 0x30000,
			Locations: 1, StoragePage: 8, BootRetries: 3, CopyRetries: 1, ResetReason: true,
		}}
	}
	return map[string]UpdateSweep{
		"f429_1":         f429(func(*boot.Config) {}),
		"f429_3":         f429(func(c *boot.Config) { c.Locations = 3 }),
		"l4_8800":        l4(0x08008800, 0x37800),
		"l4_8400":        l4(0x08008400, 0x37C00),
		"l4_9000":        l4(0x08009000, 0x37000),
		"f429_max31k":    f429(func(c *boot.Config) { c.MaxAppSize = 31744 }),
		"f429_maxodd":    f429(func(c *boot.Config) { c.MaxAppSize = 100000 }),
		"l4_9000_maxodd": l4(0x08009000, 100000),
		"f429_default": f429(func(c *boot.Config) {
			c.MaxAppSize, c.StorageAddr, c.StorageSize = 0x08200000-0x08008400, 0x08100000, 0x100000
		}),
		"f429_1_norr": f429(func(c *boot.Config) { c.ResetReason = false }),
	}
}

// TestEveryConfiguration: a small install survives every cut in every configuration, and every cut of
// the boot after some of them.
func TestEveryConfiguration(t *testing.T) {
	for name, c := range configurations() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.Old, c.New, c.Seed, c.Workers, c.Deep = 500, 600, 2, 1, 2
			c.Modes = []string{"before", "after", "torn", "prefix"}
			for _, c.Client = range []boot.Generation{boot.ClientNew, boot.ClientOld} {
				s := sweepUpdate(t, c)
				if s.Stats.Cuts <= 4*s.Map.Steps {
					t.Errorf("%d cuts of %d steps: no second cuts", s.Stats.Cuts, s.Map.Steps)
				}
				for _, f := range s.Findings {
					broken, err := f.Replay(io.Discard)
					t.Errorf("%v client: rule %d, %s at %v: expected %s, seen %s; replays: %v, %v", c.Client, f.Rule, f.Symptom, f.Place, f.Expected, f.Seen, broken, err)
				}
			}
		})
	}
}

// TestEqualStates: that equal states are judged once makes no difference, neither where everything is
// sound nor where much is not.
func TestEqualStates(t *testing.T) {
	sound := configurations()["l4_8400"]
	broken := configurations()["f429_1"]
	broken.Boot.BootRetries, broken.Boot.ResetReason = 0, false
	for _, c := range []UpdateSweep{sound, broken} {
		c.Old, c.New, c.Seed, c.Deep, c.Modes = 300, 400, 4, 2, []string{"before", "after", "torn", "prefix"}
		once := sweepUpdate(t, c)
		c.plain = true
		plain := sweepUpdate(t, c)
		if plain.Stats.Cuts != once.Stats.Cuts || plain.Stats.Equal != 0 || once.Stats.Equal == 0 {
			t.Errorf("%+v against %+v", plain.Stats, once.Stats)
		}
		plain.Stats = once.Stats
		if d := cmp.Diff(plain, once); d != "" {
			t.Errorf("every state against equal states once:\n%s", d)
		}
	}
}

// TestBadCandidates: whatever is cut while a bad candidate is downloaded, it never runs.
func TestBadCandidates(t *testing.T) {
	for _, bad := range []BadCandidate{BadHash, OlderVersion, SameVersion, EmptyCandidate, TruncatedSize} {
		for _, client := range []boot.Generation{boot.ClientNew, boot.ClientOld} {
			c := configurations()["f429_1"]
			c.Old, c.New, c.Seed, c.Bad, c.Client = 700, 600, 1, bad, client
			for _, f := range sweepUpdate(t, c).Findings {
				t.Errorf("%s, %v client: %s at %v", bad, client, f.Symptom, f.Place)
			}
		}
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
		{"a bad candidate", RuleSound, func(j *updateJudge) {
			if err := j.run.do(j.client, j.loader, opPrepare); err != nil {
				t.Fatal(err)
			}
			for _, op := range []int{opWrite, opActivate} {
				if err := j.run.do(j.client, j.loader, op); err != nil {
					t.Fatal(err)
				}
			}
			j.run.cfg.Bad = BadHash // it is not: the bootloader takes it
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
			bad, _, err := j.judge(f, opWrite, nil, 0)
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

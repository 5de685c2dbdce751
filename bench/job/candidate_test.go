package job

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"dualbank/bench"
	"dualbank/internal/long"
	"dualbank/results"
)

// TestUpdatesOnExternalFlash: a report on updates over external flash says so in its board, its settings, its names and its
// facts. Sizes that no slot holds are left out.
func TestUpdatesOnExternalFlash(t *testing.T) {
	s := bench.Guide()
	s.Update.Candidate, s.Update.ExternalBytes, s.Update.Interruptions = bench.ExternalCandidate, 128<<10, 1
	v, err := NewVariants(s, []string{"50000", "200K"}, []string{"mbed"}, nil, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	r := updates(t, s, v)
	if !strings.HasSuffix(r.Board, ", candidate on Macronix MX25R6435F, 8 MiB serial NOR, ultra low power") ||
		!slices.Contains(r.Config, results.Setting{Key: "candidate", Value: "external"}) || !slices.Contains(r.Config, results.Setting{Key: "external", Value: "mx25r6435f"}) {
		t.Errorf("board %q, settings %v", r.Board, r.Config)
	}
	if len(r.Bench) != 2 || !strings.HasPrefix(r.Bench[0].Name, "Update/part=stm32f429zi/driver=mbed/layout=guide/candidate=external/corner=typ/bytes=50000") {
		t.Errorf("benchmarks %+v", r.Bench)
	}
	note := ""
	for _, f := range r.Facts {
		if note += f.Name + ": " + f.Note + "\n"; f.Name == "Left out" && f.Value != "2" {
			t.Errorf("%+v", f)
		}
	}
	for _, want := range []string{"; 1 power cuts in the download, which begins anew after each; the candidate is on external flash, which erases 12 times and takes ", "Left out: too large for the slot or the application's region: 200 KiB"} {
		if !strings.Contains(note, want) {
			t.Errorf("no %q in\n%s", want, note)
		}
	}
	if !slices.ContainsFunc(r.Sources, func(s results.Source) bool { return strings.HasPrefix(s.Fact, "Macronix MX25R6435F") }) {
		t.Error("the facts of the external flash are not among the sources")
	}
	if v, err = NewVariants(s, nil, []string{"mbed"}, nil, nil, false); err != nil || !slices.Equal(v.sizes, []uint32{64 << 10, s.Update.Bytes}) {
		t.Errorf("sizes %v, %v", v.sizes, err)
	}
	if err := v.Strategies(s, []string{"copy", "swap"}); err != nil {
		t.Fatal(err)
	}
	if _, err := RunUpdates(context.Background(), s, v, "out", nil); err == nil || !strings.HasPrefix(err.Error(), `update.strategy: "swap": a swap of the banks needs the candidate in the other bank`) {
		t.Errorf("a swap: %v", err)
	}
}

// TestRunWithExternalCandidate: a run explores no power cuts of such an update, and says so before it does anything else.
func TestRunWithExternalCandidate(t *testing.T) {
	s := small()
	s.Update.Candidate = bench.ExternalCandidate
	for _, c := range []struct {
		update    uint64
		everyByte bool
		want      string
	}{
		{100, true, `cuts.update: power cuts of an update are not explored with the candidate on external flash: set it to 0, or update.candidate to "internal"`},
		{0, true, `cuts.every_byte: power cuts of an update are not explored with the candidate on external flash: set it to false, or update.candidate to "internal"`},
	} {
		s.Cuts.Update, s.Cuts.EveryByte = c.update, c.everyByte
		_, _, err := Run(context.Background(), s, "out", func(stage string, _, _ uint64) { t.Errorf("stage %s", stage) })
		if _, ok := errors.AsType[*bench.ScenarioError](err); !ok || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// TestExternalCandidateRun: the rest of a run is as ever, with the keys on the same flash too.
func TestExternalCandidateRun(t *testing.T) {
	long.Test(t)
	for _, storage := range []bench.StorageType{"", "TDB_EXTERNAL"} {
		s := small()
		s.Update.Candidate, s.Store.Type, s.Update.Campaigns = bench.ExternalCandidate, storage, 2
		s.Cuts.Collections, s.Cuts.Update = 0, 0
		r, _, err := run(context.Background(), s, "out", nil, fewSets)
		if err != nil {
			t.Fatal(err)
		}
		if err := results.Check(r); err != nil {
			t.Error(err)
		}
		regions := map[string]int{}
		for _, w := range r.Wear {
			if regions[w.Region]++; w.Region == "external candidate" && (w.Erases != 2) != (regions[w.Region] > 6) {
				t.Errorf("%d erases of the candidate's unit %d after two updates of 20 KiB", w.Erases, regions[w.Region])
			}
		}
		if regions["external candidate"] != 248 || regions["candidate"] != 0 || (regions["external KVStore"] > 0) != (storage != "") {
			t.Errorf("regions %v", regions)
		}
		if r.Timeline == nil || len(r.Timeline.Tracks) != 5 {
			t.Errorf("time line %+v", r.Timeline)
		}
	}
}

package job

import (
	"context"
	"math"
	"strings"
	"testing"

	"dualbank/bench"
	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/update"
	"dualbank/model"
)

// TestStrategies: the report of both strategies has time, erases, risk, and what a swap means for KVStore and driver.
func TestStrategies(t *testing.T) {
	s := bench.Guide()
	s.Update.Bytes = 20_000
	v, err := NewVariants(s, []string{"20000"}, []string{"mbed"}, nil, nil, false)
	if err == nil {
		err = v.Strategies(s, []string{"copy", "swap"})
	}
	if err != nil {
		t.Fatal(err)
	}
	r := updates(t, s, v)
	facts := map[string]string{}
	for _, f := range r.Facts {
		facts[f.Name] = f.Value
	}
	for name, want := range map[string]string{
		"Bricked by a cut, copy": "never", "Driver mbed": "ignores the swap", "KVStore": "moves with a swap", "Write of the option bytes": "350 ms",
	} {
		if facts[name] != want {
			t.Errorf("%s: %q, want %q", name, facts[name], want)
		}
	}
	for _, name := range []string{"Strategy swap", "Erases, copy", "Erases, swap"} {
		if facts[name] == "" {
			t.Errorf("no fact %q", name)
		}
	}
	if risk := facts["Bricked by a cut, swap"]; !strings.HasSuffix(risk, "%") {
		t.Errorf("bricked by a cut, swap: %q", risk)
	}
	for _, names := range [][]string{{"swap", "swap"}, {"mirror"}} {
		if err := v.Strategies(s, names); err == nil || !strings.HasPrefix(err.Error(), "--strategy: ") {
			t.Errorf("%v: %v", names, err)
		}
	}
}

// TestBrickedTime: the only moment in which a cut bricks a device that swaps is the write of the option bytes. In one of
// three modes it does, so that its share is a third of that write's of all flash time.
func TestBrickedTime(t *testing.T) {
	s := bench.Guide()
	s.Update.Strategy, s.Update.Bytes = bench.Swap, 20_000
	d, err := s.Device("mbed", model.Typ)
	if err != nil {
		t.Fatal(err)
	}
	var sum uint64
	sweep, err := update.Cut(context.Background(), update.Sweep{
		Device: explore.Device{Part: "stm32f429zi", Unit: 1, Swap: explore.SwapFollowed}, Boot: d.Layout.Config, Client: boot.ClientNew,
		Old: 20_000, New: 20_000, MaxCuts: 600, Took: took(d),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range sweep.Map.Rows {
		var time uint64
		for _, run := range row.Runs {
			time += run.Time
		}
		if sum != 0 && time != sum {
			t.Errorf("mode %s has %d ns, another one %d", row.Mode, time, sum)
		}
		sum = time
	}
	// Two sectors of 16 KiB are erased; header and firmware are programmed byte by byte.
	program := d.Flash.StepCycles(model.Program, d.Flash.Start(), 1)
	want := 2*d.Flash.Seconds(d.Flash.StepCycles(model.Erase, d.Layout.Config.StorageAddr, 0)) + (20_000+boot.HeaderSize)*d.Flash.Seconds(program) + 0.350
	if got := float64(sum) / 1e9; math.Abs(got-want) > 0.001*want {
		t.Errorf("the flash works for %.4f s, want %.4f s", got, want)
	}
	all, by, of := sweep.Map.TimeShares()
	if got := float64(by[update.RuleRuns]) / float64(all); math.Abs(got-0.350/3/want) > 1e-4 || of != "of the time that the flash works" {
		t.Errorf("bricked in %.5f %s, want %.5f", got, of, 0.350/3/want)
	}
	if f := sweep.Findings[0]; len(sweep.Findings) != 1 || f.Time != by[update.RuleRuns] {
		t.Errorf("%d findings, the first one shows for %d ns, the map says %d", len(sweep.Findings), f.Time, by[update.RuleRuns])
	}
}

package job

import (
	"context"
	"math"
	"strings"
	"testing"

	"dualbank/bench"
	"dualbank/model"
	"dualbank/results"
)

// felt runs the workload of a scenario in each of its cases.
func felt(t *testing.T, s *bench.Scenario) (cases []AppCase, devices []*bench.Device, sets []*bench.Sets, gcs []*bench.Collection) {
	t.Helper()
	d, err := s.Device(s.Board.Driver, model.Corner(s.Board.Corner))
	if err != nil {
		t.Fatal(err)
	}
	cases = AppCases(s, d)
	for _, c := range cases {
		d, run, gc, err := c.Run(context.Background(), s, model.Corner(s.Board.Corner), nil)
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		devices, sets, gcs = append(devices, d), append(sets, run), append(gcs, gc)
	}
	return cases, devices, sets, gcs
}

// What the guide says of its layout, "reading and writing storage does not halt execution", is true of
// the application's code with every driver, of its interrupts only if the driver does not mask them,
// and of neither with the store in the bank of the code.
func TestDoesStorageHaltExecution(t *testing.T) {
	s := bench.Guide()
	s.Workload.Hours = 100
	cases, devices, sets, _ := felt(t, s)
	if len(cases) != 4 {
		t.Fatalf("cases %+v", cases)
	}
	entry := sets[1].Latencies[0].Quantile(0)
	for i, want := range []struct {
		name           string
		stalls, masked bool
	}{
		{"driver mbed", false, true},
		{"driver word", false, false},
		{"driver ram-code", false, false},
		{"driver mbed, KVStore beside code", true, true},
	} {
		c, l, f := sets[i].Counters, sets[i].Latencies[0], devices[i].Flash
		if cases[i].Name != want.name {
			t.Errorf("case %d: %s, want %s", i, cases[i].Name, want.name)
		}
		if busy := c.Busy[0] + c.Busy[1]; want.stalls && c.Stall != busy || !want.stalls && c.Stall != 0 {
			t.Errorf("%s: stalled for %d cycles of %d in which the flash is busy", want.name, c.Stall, busy)
		}
		// 550 ms for the erase of 64 KiB, in which the second activation comes 100 us after the first.
		if longest := f.Seconds(l.Worst); want.masked != (c.Masked > 0) || want.masked && (longest < 0.5499 || longest > 0.5501) || !want.masked && l.Worst != entry {
			t.Errorf("%s: masked for %d cycles, an interrupt waits for %v s", want.name, c.Masked, longest)
		}
		if want.masked != (l.Late > 0) {
			t.Errorf("%s: %d deadlines missed", want.name, l.Late)
		}
	}
	if sets[0].Counters.Masked != sets[3].Counters.Masked || sets[0].Cycles != sets[3].Cycles {
		t.Error("the code's place changes what the store does")
	}
}

// The garbage collection that is shown adds up to what it takes.
func TestCollectionAddsUp(t *testing.T) {
	s := bench.Guide()
	s.Workload.Hours = 24
	cases, devices, _, gcs := felt(t, s)
	var report results.Report
	for i, gc := range gcs {
		if timed := cases[i].timed; timed != (gc != nil) {
			t.Fatalf("%s: collection %v", cases[i].Name, gc)
		}
		if gc == nil {
			continue
		}
		r := gc.Record(cases[i].Name, devices[i].Flash)
		report.Collections = append(report.Collections, r)
		took := map[string]float64{}
		for _, tr := range r.Tracks {
			for _, sp := range tr.Spans {
				took[tr.Name] += (sp.End - sp.Start) * sp.Share
			}
		}
		// An area of one sector of 64 KiB or of four of 16, of which the live records need one.
		erase := 0.25
		if took["bank 2 busy"] > 0.55 {
			erase = 0.55
		}
		beside := strings.Contains(cases[i].Name, "beside")
		stalled := 0.0
		if beside {
			stalled = took["bank 2 busy"]
		}
		for name, want := range map[string]float64{"bank 1 busy": 0, "CPU stalled": stalled, "CPU running": r.End - stalled, "interrupts masked": erase} {
			if math.Abs(took[name]-want) > 1e-3*want {
				t.Errorf("%s: %s for %v s, want %v", r.Name, name, took[name], want)
			}
		}
		// Interrupts wait through the erase; beside the store, through most accesses of the programs too.
		late, short := uint64(0), uint64(0)
		for _, d := range r.Interrupts[0].Delays {
			if d.Count > 1 {
				late += d.Count
			} else {
				short++
			}
		}
		if math.Abs(float64(late)-erase/100e-6) > 2 || beside != (short > 100) {
			t.Errorf("%s: %d activations wait for an erase, %d for an access", r.Name, late, short)
		}
	}
	if err := results.Check(&report); err != nil {
		t.Error(err)
	}
}

// A part with one bank has no other bank to compare with; a store that is beside the code is compared
// with one that is not.
func TestCasesOfOtherDevices(t *testing.T) {
	names := func(s *bench.Scenario) string {
		d, err := s.Device(s.Board.Driver, model.Typ)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, c := range AppCases(s, d) {
			all = append(all, c.Name+" "+c.Code.String())
		}
		return strings.Join(all, "; ")
	}
	s := bench.Guide()
	s.App.Code, s.App.Drivers = 1, []string{"mbed", "word", "word"}
	if got, want := names(s), "driver mbed bank2; driver word bank2; driver mbed, KVStore away from code bank1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	s, err := bench.BoardScenario("nucleo-g474re")
	if err != nil {
		t.Fatal(err)
	}
	s.Board.Part, s.App.Drivers, s.Update.Bytes = "stm32g474re-single", nil, 20<<10
	if got, want := names(s), "driver mbed bank1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

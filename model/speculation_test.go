package model

import (
	"testing"
	"time"

	"dualbank/model/part"
)

// TestSpeculation: on a Cortex-M7 a share of the erases of one bank stalls code of the other one, none, or each;
// on other cores and for code in RAM none does.
func TestSpeculation(t *testing.T) {
	const erases = 400
	run := func(board string, mode Speculation, code Code, driver string, seed uint64) (stalled int, worst uint64, f *Flash) {
		b, err := part.BoardByName(board)
		if err != nil {
			t.Fatal(err)
		}
		c, err := BoardConfig(b)
		if err != nil {
			t.Fatal(err)
		}
		if c.Driver, err = part.DriverByName(driver); err != nil {
			t.Fatal(err)
		}
		c.Speculation, c.Code, c.Seed = mode, code, seed
		c.App.Interrupts = []Interrupt{{Name: "tick", Period: 10 * time.Millisecond, Handler: code}}
		if f, err = New(c); err != nil {
			t.Fatal(err)
		}
		last := f.Part().Sectors()
		at := last[len(last)-1]
		f.Observe(func(e *Event) {
			if e.Stalled {
				stalled++
			}
		})
		for range erases {
			if err := f.Erase(at.Addr, at.Size); err != nil {
				t.Fatal(err)
			}
		}
		return stalled, f.Latencies()[0].Worst, f
	}
	for _, tt := range []struct {
		board     string
		mode      Speculation
		code      Code
		low, high int
	}{
		{"nucleo-h743zi2", SpeculationReported, 0, erases * 15 / 100, erases * 25 / 100},
		{"disco-f769ni-dual", SpeculationReported, 0, erases * 15 / 100, erases * 25 / 100},
		{"nucleo-h743zi2", SpeculationOff, 0, 0, 0},
		{"nucleo-h743zi2", SpeculationAlways, 0, erases, erases},
		{"nucleo-h743zi2", SpeculationAlways, CodeInRAM, 0, 0},
		{"disco-f769ni", SpeculationOff, 0, erases, erases}, // one bank: its own code waits anyway
		{"nucleo-f429zi", SpeculationAlways, 0, 0, 0},
	} {
		got, worst, f := run(tt.board, tt.mode, tt.code, "word", 1)
		if got < tt.low || got > tt.high {
			t.Errorf("%s, %v, code %d: %d of %d erases stall, want %d to %d", tt.board, tt.mode, tt.code, got, erases, tt.low, tt.high)
		}
		long := f.Cycles(100 * time.Millisecond)
		if (got > 0) != (worst > long) || (got > 0) != (f.Counters().LongestStall > long) {
			t.Errorf("%s, %v, code %d: %d erases stall, an interrupt waits %d cycles", tt.board, tt.mode, tt.code, got, worst)
		}
	}
	a, _, _ := run("nucleo-h743zi2", SpeculationReported, 0, "word", 7)
	if b, _, _ := run("nucleo-h743zi2", SpeculationReported, 0, "word", 7); a != b {
		t.Error("the same seed stalls other erases")
	}
	if _, worst, f := run("nucleo-h743zi2", SpeculationAlways, 0, "ram-code", 1); worst > f.Cycles(time.Millisecond) {
		t.Errorf("a handler in RAM waits %d cycles", worst)
	}
}

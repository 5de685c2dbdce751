package bench

import (
	"context"
	"strings"
	"testing"
	"time"

	"dualbank/model"
)

// swapBoards are the boards of the porting guide's readers whose banks can be swapped.
var swapBoards = []string{"nucleo-f429zi", "nucleo-u575zi-q", "nucleo-h743zi2", "nucleo-l4r5zi", "nucleo-g474re", "nucleo-h563zi"}

// TestSwapBoards: on every board an update that swaps the banks ends in the new image, and takes the time of an install
// that copies out of the one in which the application does not run. The store has its keys afterwards.
func TestSwapBoards(t *testing.T) {
	for _, board := range swapBoards {
		var down [2]float64
		for i, strategy := range []Strategy{Copy, Swap} {
			s, err := BoardScenario(board)
			if err != nil {
				t.Fatal(err)
			}
			s.Update.Strategy, s.Update.Bytes, s.Update.Slots = strategy, 40_000, 0
			d, err := s.Device(s.Board.Driver, model.Typ)
			if err != nil {
				t.Fatalf("%s, %s: %v", board, strategy, err)
			}
			if err := NewLoad(&s.Workload, s.Seed).Provision(d.KV); err != nil {
				t.Fatalf("%s, %s: %v", board, strategy, err)
			}
			run, err := d.RunUpdate(context.Background(), &s.Update, 1, nil)
			if err != nil {
				t.Fatalf("%s, %s: %v", board, strategy, err)
			}
			down[i] = d.Flash.Seconds(run.Down())
			swapped := strategy == Swap
			if d.Flash.Swapped() != swapped || (run.Phases[PhaseSwap].Cycles > 0) != swapped || (run.Phases[PhaseErase].Cycles > 0) == swapped {
				t.Errorf("%s, %s: swapped %v, phases %v", board, strategy, d.Flash.Swapped(), run.Phases)
			}
			if write := d.Flash.Cycles(time.Duration(d.Flash.Part().Swap.Typ.Time)); swapped && run.Phases[PhaseSwap].Cycles < write {
				t.Errorf("%s: the swap takes %d cycles, a write of the options %d", board, run.Phases[PhaseSwap].Cycles, write)
			}
			if n, err := d.KV.Get(s.Workload.Keys[0].Name, make([]byte, 1<<16), 0); err != nil || n == 0 {
				t.Errorf("%s, %s: the first key has %d bytes after the update, %v", board, strategy, n, err)
			}
		}
		if down[1] >= down[0] {
			t.Errorf("%s: the application does not run for %.3f s with a swap, %.3f s with a copy", board, down[1], down[0])
		}
	}
}

// TestSwapAgain: updates that swap go on with a driver that looks at the swap. With Mbed's on the F429 the second one
// erases the image that runs.
func TestSwapAgain(t *testing.T) {
	for driver, fails := range map[string]bool{"word": false, "mbed": true} {
		s := Guide()
		s.Update.Strategy, s.Update.Bytes = Swap, 20_000
		d, err := s.Device(driver, model.Typ)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.KV.Open(); err != nil {
			t.Fatal(err)
		}
		if d.IgnoresSwap() != fails {
			t.Errorf("driver %s ignores the swap: %v", driver, d.IgnoresSwap())
		}
		for n := range 3 {
			_, err := d.RunUpdate(context.Background(), &s.Update, 1, nil)
			if wrong := fails && n > 0; (err != nil) != wrong {
				t.Errorf("driver %s, update %d: %v", driver, n+1, err)
			} else if wrong {
				break
			}
		}
	}
}

// TestSwapErrors: what cannot swap says so on one line.
func TestSwapErrors(t *testing.T) {
	for text, want := range map[string]string{
		"[board]\nname = \"frdm-k64f\"\n[update]\nstrategy = \"swap\"": "part mk64fn1m0 are not swapped by option bytes",
		"[update]\nstrategy = \"swap\"\nslots = 2":                     "update.slots: 2 slots",
		"[update]\nstrategy = \"mirror\"":                              `"mirror" is no strategy: use copy or swap`,
	} {
		s, err := Parse("own.toml", []byte(text))
		if err == nil {
			_, err = s.Device(s.Board.Driver, model.Typ)
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want one line with %q", text, err, want)
		}
	}
	s, err := Parse("own.toml", []byte("[update]\nstrategy = \"swap\""))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Parse("again.toml", []byte(s.TOML())); err != nil || again.Update.Strategy != Swap || strings.Contains(Guide().TOML(), "strategy") {
		t.Errorf("%v: the strategy is lost on its way through a file, or stands in the guide's", err)
	}
}

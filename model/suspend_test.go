package model

import (
	"testing"
	"time"

	"dualbank/model/part"
)

// TestSuspend: with a driver that suspends erases an interrupt beside the erase waits for the suspend and not for
// the erase, which takes longer for each; deadlines that a whole erase misses are met.
func TestSuspend(t *testing.T) {
	run := func(name, driver string, period time.Duration) (Latency, Counters, *Flash) {
		p, err := part.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		d, err := part.DriverByName(driver)
		if err != nil {
			t.Fatal(err)
		}
		app := App{Interrupts: []Interrupt{{Name: "tick", Period: period, Offset: period / 3, Deadline: 200 * time.Microsecond}}}
		app.Watchdog = &Watchdog{Period: 15 * time.Millisecond, By: "tick", Mode: Before}
		if driver == "word" {
			app.Watchdog = nil // it would reset the device
		}
		f, err := New(Config{Part: p, Driver: d, App: app})
		if err != nil {
			t.Fatal(err)
		}
		at := f.Part().Sectors()[3]
		if err := f.Erase(at.Addr, at.Size); err != nil {
			t.Fatal(err)
		}
		return f.Latencies()[0], f.Counters(), f
	}
	for _, name := range []string{"stm32wb55rg", "mk66fn2m0"} {
		waits, plain, f := run(name, "word", time.Millisecond)
		served, c, _ := run(name, "suspend", time.Millisecond)
		if waits.Worst < f.Cycles(10*time.Millisecond) || served.Worst > f.Cycles(51*time.Microsecond) || served.Worst < f.Cycles(50*time.Microsecond) {
			t.Errorf("%s: an interrupt waits %d cycles for an erase, %d for a suspend", name, waits.Worst, served.Worst)
		}
		if waits.Late == 0 || waits.Lost == 0 || served.Late != 0 || served.Lost != 0 {
			t.Errorf("%s: late %d and %d, lost %d and %d", name, waits.Late, served.Late, waits.Lost, served.Lost)
		}
		if want := plain.Erasing + served.Delayed*f.Cycles(100*time.Microsecond); c.Erasing != want || served.Delayed == 0 {
			t.Errorf("%s: erases for %d cycles with %d suspends, want %d", name, c.Erasing, served.Delayed, want)
		}
		if often, _, _ := run(name, "suspend", 300*time.Microsecond); often.Delayed <= served.Delayed {
			t.Errorf("%s: %d suspends at 300 us, %d at 1 ms", name, often.Delayed, served.Delayed)
		}
	}
}

package bench

import (
	"reflect"
	"testing"
	"time"

	"dualbank/internal/long"
	"dualbank/model"
)

// watched is a device whose watchdog waits so long, fed by the application, and a workload on it.
func watched(t *testing.T, period time.Duration, mode model.Mode, hours uint32) (*Device, *Sets) {
	t.Helper()
	s := Guide()
	s.App.Watchdog.Period, s.App.Watchdog.Feed = Duration(period), Duration(50*time.Millisecond)
	s.App.Watchdog.Mode = Mode{mode}
	s.Update.Bytes = 4 << 10 // which the bootloader hashes after each reset
	s.Workload.Hours = hours
	return lives(t, s)
}

// Mbed's driver masks interrupts for 250 ms while it erases 16 KiB and for 550 ms while it erases 64 KiB,
// and a watchdog between the two resets the device in the latter only: in the first garbage collection into the
// second area, which is one sector, and in every set after it, since each has to collect. The
// bootloader starts an application again as often as it is built to, and then no more.
func TestWatchdogResetsInGC(t *testing.T) {
	long.Test(t)
	long, calm := watched(t, 700*time.Millisecond, model.Before, 12)
	if calm.Resets != (Resets{}) || calm.Counters.Resets != 0 {
		t.Errorf("a watchdog of 700 ms: %+v", calm.Resets)
	}
	_, s := watched(t, 400*time.Millisecond, model.Before, 12)
	r := s.Resets
	if r.Count == 0 || r.Count != s.Counters.Resets || r.Count+s.Count() != calm.Count() || len(s.GC) != 0 {
		t.Errorf("%d resets, the flash says %d; %d of %d sets done", r.Count, s.Counters.Resets, s.Count(), calm.Count())
	}
	if r.Undone != r.Count || r.Done != 0 || r.Damaged != 0 {
		t.Errorf("a reset before the area is erased leaves all as it was: %+v", r)
	}
	if retries := uint64(long.Layout.Config.BootRetries); r.Halts != r.Count/(retries+1) {
		t.Errorf("the bootloader, with %d retries, gave up after %d of %d resets", retries, r.Halts, r.Count)
	}
	for _, w := range s.Wear {
		if w.Addr == 0x0811_0000 && w.Erases != 0 {
			t.Errorf("the sector whose erases were all cut short counts %d", w.Erases)
		}
	}
	_, again := watched(t, 400*time.Millisecond, model.Before, 12)
	if !reflect.DeepEqual(s, again) {
		t.Error("a second run differs")
	}
}

// Whatever a reset leaves, the device goes on with it, and what was lost is told.
func TestWatchdogTearsErases(t *testing.T) {
	long.Test(t)
	for _, mode := range []model.Mode{model.Torn, model.Prefix, model.After} {
		_, s := watched(t, 100*time.Millisecond, mode, 10)
		// No erase is more than a copy's beginning: the store goes on as before.
		if r := s.Resets; r.Count == 0 || r.Undone != r.Count || r.Done != 0 || r.Damaged != 0 {
			t.Errorf("%v: %+v", mode, r)
		}
	}
}

package edge

import (
	"fmt"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/update"
)

// retries resets a device again and again for one reason: an image is run as often as it may fail, and no more.
func retries(t *trial, n int) (bool, error) {
	slots := []string{"nothing", "an older image", "the same image"}
	counts := []uint8{0, 1, 2, 127, 254, 255} // of retries; 0: as configured by default
	reasons := int(boot.Unknown) + 1
	if n >= len(slots)*(reasons+len(counts)-1) {
		return false, nil
	}
	reason, slot, count := boot.Watchdog, n%len(slots), uint8(0)
	if n /= len(slots); n < reasons {
		reason = boot.ResetReason(n)
	} else {
		count = counts[n-reasons+1]
	}
	t.part("%s in the slot", slots[slot])
	t.tell("reset reason %v, %d retries", reason, count)
	first, older := newImage(5, 300), newImage(3, 280)
	l := onePage(8, 1)
	l.boot.BootRetries = count
	b, err := t.board(l, boot.ClientNew, first)
	if err != nil {
		return false, err
	}
	switch slot {
	case 1:
		err = b.download(0, older)
	case 2:
		err = b.download(0, first)
	}
	if err != nil {
		return false, err
	}
	runs := int(b.cfg.BootRetries) // resets after which it is run
	if reason < boot.Watchdog {
		runs = 8
	}
	for range runs {
		if !b.runs(reason, first, explore.Symptom{Rule: update.RuleRuns, Kind: "given-up-early"}) {
			return true, nil
		}
	}
	if reason < boot.Watchdog {
		return true, nil
	}
	over := 0
	for i := range 4 {
		was := b.active(first)
		out := b.boot(reason)
		if i == 0 && out.Result == boot.Jumped && !out.Installed {
			b.report(explore.Symptom{Rule: update.RuleRuns, Kind: "given-up-late"}, fmt.Sprintf("given up after %d resets", runs), "version 5 runs")
		}
		if was && out.Installed && b.active(first) {
			over++
		}
	}
	if over > 1 {
		b.report(explore.Symptom{Rule: update.RuleProgress, Kind: "over-itself"}, "once at most", fmt.Sprintf("%d times", over))
	}
	return true, nil
}

package bench

import (
	"bytes"
	"fmt"

	"dualbank/boot"
	"dualbank/kvstore"
)

// Resets counts resets by the watchdog during sets and removes, and their outcomes. RAM survives them, so the
// bootloader counts them too.
type Resets struct {
	Count   uint64 // resets; each interrupted one set or remove
	Halts   uint64 // resets after which the bootloader halted until a power cycle
	Undone  uint64 // interrupted operations that left the old state
	Done    uint64 // interrupted operations that took effect
	Damaged uint64 // keys that were lost or read back wrong
}

// remember copies what key i holds, if a watchdog may interrupt the next operation.
func (d *Device) remember(l *Load, i int) held {
	if d.app.Watchdog == nil {
		return held{}
	}
	l.before = append(l.before[:0], l.held[i].value...)
	return held{l.before, l.held[i].present}
}

// maxRestarts bounds how often in a row a device is reset before its store is open.
const maxRestarts = 10

// revive starts the device after a reset by its watchdog: bootloader, application, store. was is what key i
// held before the interrupted operation. Afterwards l expects what the store holds. A store that does not open
// is an error.
func (d *Device) revive(l *Load, i int, was held, r *Resets) error {
	f := d.Flash
	r.Count++
	for n := 0; ; n++ {
		o := d.reset(boot.Watchdog, nil)
		if o.Result == boot.Halted {
			r.Halts++
			d.ram = boot.RAM{}
			o = d.reset(boot.PowerOn, nil)
		}
		if o.Result != boot.Jumped {
			return fmt.Errorf("reset %d by the watchdog: the bootloader ends in %v", r.Count, o.Result)
		}
		err := d.start()
		if err == nil {
			break
		}
		if !f.Off() || n == maxRestarts {
			return fmt.Errorf("reset %d by the watchdog: %w: give the watchdog more time, or see `dualbank crash` on such cuts", r.Count, err)
		}
	}
	for k := range l.held {
		if err := d.reread(l, k, k == i, was, r); err != nil {
			return fmt.Errorf("reset %d by the watchdog: %w", r.Count, err)
		}
	}
	return nil
}

// reread compares key k with what l expects and makes l expect what was read. The key of the interrupted
// operation may hold its old value.
func (d *Device) reread(l *Load, k int, inFlight bool, was held, r *Resets) error {
	h, name := &l.held[k], l.w.Keys[k].Name
	n, err := d.KV.Get(name, l.buf, 0)
	got := held{l.buf[:n], err == nil}
	if err != nil && err != kvstore.ErrItemNotFound {
		return fmt.Errorf("get of %s: %w", name, err)
	}
	switch {
	case got.equal(*h):
		if inFlight {
			r.Done++
		}
		return nil
	case inFlight && got.equal(was):
		r.Undone++
	default:
		r.Damaged++
	}
	h.present = got.present
	h.value = append(h.value[:0], got.value...)
	return nil
}

// equal reports whether both are absent or have equal values.
func (h held) equal(o held) bool {
	return h.present == o.present && (!h.present || bytes.Equal(h.value, o.value))
}

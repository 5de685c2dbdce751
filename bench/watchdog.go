package bench

import (
	"bytes"
	"fmt"

	"dualbank/boot"
	"dualbank/kvstore"
)

// Resets is what the watchdog did to a device in the middle of sets and removes, and what that left.
// RAM is kept, so that the bootloader counts them.
type Resets struct {
	Count   uint64 // each is a set or remove that was not finished
	Halts   uint64 // after which the bootloader started the application no more, until the power was switched off and on
	Undone  uint64 // operations of which the store shows nothing
	Done    uint64 // that it shows as done
	Damaged uint64 // keys that hold what they should not, or are gone
}

// remember keeps what key i holds, if a watchdog may come in between.
func (d *Device) remember(l *Load, i int) held {
	if d.app.Watchdog == nil {
		return held{}
	}
	d.before = append(d.before[:0], l.held[i].value...)
	return held{d.before, l.held[i].present}
}

// maxRestarts bounds how often in a row a device is reset before its store is open.
const maxRestarts = 10

// revive brings the device up again after its watchdog has reset it: bootloader, application, store.
// was is what key i held before the operation that was under way. From then on l knows what the store
// holds. A store that does not open is an error.
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

// reread compares key k with what it should hold, and takes what it does. A key in flight may hold what
// it did before.
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

func (h held) equal(o held) bool {
	return h.present == o.present && (!h.present || bytes.Equal(h.value, o.value))
}

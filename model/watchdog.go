package model

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"dualbank/model/random"
)

// Who may feed a watchdog, beside an interrupt by its name.
const (
	// FedByApplication: a thread of the application that runs from Config.Code whenever it can.
	FedByApplication = "application"
	// FedByCaller: the caller of the flash, between calls.
	FedByCaller = "caller"
	// FedByNobody: not at all after the boot, as in a bootloader that does not know of the watchdog.
	FedByNobody = "nobody"
)

// Watchdog resets the device when it was not fed for Period.
type Watchdog struct {
	Period time.Duration
	Feed   time.Duration // how often it is fed while nothing is in the way; unused for FedByCaller, FedByNobody and an interrupt
	By     string        // FedByApplication, FedByCaller, FedByNobody or the name of an interrupt
	// ByOption: an option byte starts it at every reset. Without it a reset stops an STM32's independent
	// watchdog until the application starts it again: with FedByNobody it does not run after Boot.
	ByOption bool
	Mode     Mode   // how a step is left that the reset hits; nil: Torn
	Seed     uint64 // of what the step is left as
}

// dog is a Watchdog in cycles.
type dog struct {
	period uint64
	feed   uint64
	offset uint64
	caller bool
	unfed  bool
	stops  bool   // a reset stops it, and nothing starts it again
	asleep bool   // stopped by a reset
	stalls []bool // by bank: it cannot be fed while the bank is busy
	masked bool   // it cannot be fed while interrupts are masked
	inRAM  bool   // what feeds it runs from there

	interrupt bool // it is fed by one
	mode      Mode
	rand      random.Source

	start uint64 // of the time in which it is fed
	fed   uint64 // last time it was, as far as it was not on time
}

func (f *Flash) newDog(w *Watchdog, app *running) (*dog, error) {
	d := &dog{
		period: f.Cycles(w.Period), feed: f.Cycles(w.Feed), mode: w.Mode, rand: *random.New(w.Seed),
		start: f.now, fed: f.now, masked: true, stalls: f.stallsOf(f.code),
	}
	if d.mode == nil {
		d.mode = Torn
	}
	switch w.By {
	case FedByApplication:
	case FedByCaller:
		d.caller, d.feed = true, 1
	case FedByNobody:
		d.unfed, d.feed = true, 1
		d.stops = !w.ByOption && strings.HasPrefix(f.part.Family, "stm32")
	default:
		found := false
		for i := range app.irqs {
			if q := &app.irqs[i]; q.Name == w.By {
				found = true
				d.feed, d.offset, d.stalls, d.inRAM, d.interrupt = q.period, q.offset, q.stalls, q.Handler == CodeInRAM, true
			}
		}
		if !found {
			return nil, fmt.Errorf("watchdog: there is no interrupt %q: give the name of one, or %q, %q or %q", w.By, FedByApplication, FedByCaller, FedByNobody)
		}
	}
	if d.feed == 0 || d.period <= d.feed {
		return nil, fmt.Errorf("watchdog: fed every %v it must wait longer than that, and has a period of %v", time.Duration(d.feed)*time.Second/time.Duration(f.timing.hz), w.Period)
	}
	return d, nil
}

// resets reports whether the watchdog resets the device between cycles from and to, in which it is not fed,
// and at which cycle.
func (d *dog) resets(from, to uint64) (at uint64, yes bool) {
	at = d.lastFed(from) + d.period
	return max(at, from), at < to
}

// lastFed is when the watchdog was last fed before cycle from.
func (d *dog) lastFed(from uint64) uint64 {
	switch {
	case d.caller:
		return from
	case d.unfed:
		return d.fed
	}
	last := d.fed
	if first := d.start + d.offset; from > first {
		last = max(last, from-1-(from-1-first)%d.feed)
	}
	return last
}

// missed notes that the watchdog was not fed from from to to, and is then if it should have been
// before.
func (d *dog) missed(from, to uint64) {
	if !d.caller && !d.unfed && to-d.lastFed(from) > d.feed {
		d.fed = to
	}
}

// stretch is the part of an operation in which the watchdog is not fed.
func (d *dog) stretch(o *operation, called uint64) (from, to uint64, ok bool) {
	switch {
	case d.asleep:
		return 0, 0, false
	case d.caller, d.unfed:
		return called, o.end(), true
	case o.masked && !o.apart:
		return o.start, o.end(), true
	case !o.masked && o.yields > 0 && d.interrupt:
		// The erase makes way for the interrupt that feeds it.
	case !o.masked && (d.stalls[o.bank] || o.ahead && !d.inRAM) && o.count == 1:
		return o.start + o.gap, o.end(), true
	}
	// Between two accesses there is time to feed it.
	return 0, 0, false
}

// survives reports whether the watchdog stays fed during o, which a call made at cycle called; if not, at is
// the cycle of its reset.
func (d *dog) survives(o *operation, called uint64) (at uint64, ok bool) {
	from, to, unfed := d.stretch(o, called)
	if !unfed {
		return 0, true
	}
	at, resets := d.resets(from, to)
	if !resets {
		d.missed(from, to)
	}
	return at, !resets
}

// resetIn arms the watchdog's reset as the cut that hits after step further steps, before that step has begun
// or in it.
func (f *Flash) resetIn(step uint64, before bool) {
	d := f.app.dog
	f.planned, f.plannedAt = f.cut, f.cutAt
	f.cut = Cut{Mode: d.mode, Seed: d.rand.Uint64()}
	if before {
		f.cut.Mode = Before
	}
	f.cutAt = f.steps + step
	f.dogReset = true
}

// reset takes the device down at cycle at, unless the operation failed with another error before it came so
// far: then the caller's fault plan holds again.
func (f *Flash) reset(at uint64, err error) error {
	f.dogReset = false
	if !f.off {
		f.cut, f.cutAt = f.planned, f.plannedAt
		return err
	}
	f.now = max(f.now, at)
	f.down = ErrReset
	f.count.Resets++
	return f.down
}

// resetDuring looks ahead at n bytes that are programmed at addr. If the watchdog does not survive them its
// reset is armed, unless a planned fault comes first; at is the cycle at which it is due.
func (f *Flash) resetDuring(addr uint32, n int) (at uint64) {
	t, d, rand := &f.timing, f.app.dog, f.rand
	defer func() { f.rand = rand }()
	now, steps := f.now+t.program.call, uint64(0)
	for n > 0 {
		i := f.sectorAt(addr)
		k := min(n, int(f.sectors[i].Addr+f.sectors[i].Size-addr))
		if t.program.row > 0 {
			pieces := t.program.pieces(addr, k)
			k = cmp.Or(pieces[0], min(pieces[1], int(t.program.row)), pieces[2]) // row by row
		}
		count := t.Count(addr, k)
		var o operation
		f.chunk(&o, i, addr, k, count, now)
		if at, ok := d.survives(&o, f.now); !ok {
			each := o.gap + o.busy/o.count
			into := max(at, o.start) - o.start
			in := min(into/each, o.count-1) * (count / o.count)
			if steps+in < f.cutAt-f.steps {
				f.resetIn(steps+in, at < o.start || into%each < o.gap)
			}
			return at
		}
		now = o.end()
		steps += count
		addr += uint32(k)
		n -= k
	}
	return 0
}

// wakeDog starts the watchdog anew after a boot, if it runs then.
func (f *Flash) wakeDog() {
	if f.app != nil && f.app.dog != nil {
		d := f.app.dog
		d.start, d.fed, d.asleep = f.now, f.now, d.stops
	}
}

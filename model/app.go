package model

import (
	"fmt"
	"slices"
	"time"

	"dualbank/model/random"
)

// App is what runs beside the storage: periodic interrupts, and a watchdog that must be fed. Where its code
// runs from is Config.Code.
type App struct {
	Interrupts []Interrupt
	Watchdog   *Watchdog
}

// Interrupt comes every Period, for the first time Offset after the application starts. Its handler
// takes no time itself.
type Interrupt struct {
	Name     string
	Period   time.Duration
	Offset   time.Duration
	Deadline time.Duration // from the activation to the handler's first instruction; 0: none
	Handler  Code          // bank in which handler and vector table are, or CodeInRAM
}

// application is where the application runs from, and what it feels.
type application struct {
	code          Code
	stalls        []bool        // by bank: the application cannot be fetched while it is busy
	handlersInRAM bool          // the driver has put interrupt handlers there
	speculation   float64       // share of erases that stall code of another bank
	ahead         random.Source // of the erases that do
	app           *running
	quick         bool // nothing observes or perturbs this flash: programTime may take its fast path
}

// Speculation is whether erases of one bank stall code of another one, on a core that fetches ahead into the bank
// that is busy (Cortex-M7).
type Speculation int

// The settings. They change nothing on other cores, without a core, and for code in RAM.
const (
	SpeculationReported Speculation = iota // a share of erases does, as field reports have it: Core.Speculation
	SpeculationOff                         // none does, as the manual has it
	SpeculationAlways                      // every one does
)

var speculationNames = []string{"reported", "off", "always"}

func (s Speculation) String() string { return speculationNames[s] }

// StallRange reports whether erases of bank stall code that could be read meanwhile now and then only, so that a run
// shows one draw of them: between not at all and the whole erase.
func (f *Flash) StallRange(bank int) bool {
	return f.speculation > 0 && f.speculation < 1 && f.code != CodeInRAM && !f.stalls[bank]
}

// StalledShare is the share of erases that stall code of another bank.
func (f *Flash) StalledShare() float64 { return f.speculation }

// speculates reports whether the erase of bank that begins now stalls code that could be read meanwhile.
func (f *Flash) speculates(bank int) bool {
	if f.speculation == 0 || f.code == CodeInRAM || f.stalls[bank] {
		return false
	}
	return f.speculation >= 1 || f.ahead.Float64() < f.speculation
}

// running is an App in cycles.
type running struct {
	start uint64
	irqs  []irq
	dog   *dog
	entry uint64 // from an activation to the first instruction when nothing is in the way

	observe func(*Delay)
}

// Delay is a stretch in which activations of an interrupt had to wait for its handler. Times are in core
// cycles since the flash was made.
type Delay struct {
	Interrupt *Interrupt
	First     uint64 // the first of them; the others follow in its period
	Count     uint64
	Until     uint64 // the handler's first instruction
}

// ObserveDelays calls fn for every delay of an interrupt of the present application; nil ends it. The
// delay is valid during the call only. Activations that nothing delays are not reported.
func (f *Flash) ObserveDelays(fn func(*Delay)) {
	f.delays = fn
	if f.app != nil {
		f.app.observe = fn
	}
}

type irq struct {
	Latency
	period, offset, deadline uint64
	stalls                   []bool // by bank: the handler cannot be fetched while the bank is busy
}

// Run lets an application run from now on, in place of the one before: after a bootloader, say. Its
// latencies start anew; what is left of the operation under way is not felt. The error names the
// interrupt or the watchdog and what is wrong with it.
func (f *Flash) Run(a App) error {
	t := &f.timing
	f.quick = false
	if len(a.Interrupts) == 0 && a.Watchdog == nil {
		f.app = nil
		f.quick = t.program.each > 0 && !t.program.unaligned && !t.program.masked && !f.part.ReadCollision.Value
		return nil
	}
	app := &running{start: f.now, entry: f.timing.core.interrupt, observe: f.delays}
	names := map[string]bool{"": true, FedByCaller: true, FedByApplication: true, FedByNobody: true}
	for _, in := range a.Interrupts {
		if names[in.Name] {
			return fmt.Errorf("interrupt %q: give it a name of its own", in.Name)
		}
		names[in.Name] = true
		q := irq{
			Latency: Latency{Interrupt: in},
			period:  f.Cycles(in.Period), offset: f.Cycles(in.Offset), deadline: f.Cycles(in.Deadline),
		}
		if q.period <= app.entry {
			return fmt.Errorf("interrupt %s: a period of %v is %d cycles, and entering its handler takes %d: give a longer one", in.Name, in.Period, q.period, app.entry)
		}
		if int(in.Handler) >= len(f.part.Banks) || in.Handler < CodeInRAM {
			return fmt.Errorf("interrupt %s: part %s has no bank %d to run its handler from: it has %d", in.Name, f.part.Name, in.Handler, len(f.part.Banks))
		}
		if f.handlersInRAM {
			in.Handler = CodeInRAM
			q.Handler = CodeInRAM
		}
		q.stalls = f.stallsOf(in.Handler)
		app.irqs = append(app.irqs, q)
	}
	if a.Watchdog != nil {
		dog, err := f.newDog(a.Watchdog, app)
		if err != nil {
			return err
		}
		app.dog = dog
	}
	f.app = app
	return nil
}

// stallsOf returns by bank whether code at a place cannot be fetched while the bank is busy.
func (f *Flash) stallsOf(code Code) []bool {
	code = f.bankOf(code)
	stalls := make([]bool, len(f.part.Banks))
	for b := range stalls {
		stalls[b] = code != CodeInRAM && (int(code) == b || !f.part.ReadWhileWrite.Value)
	}
	return stalls
}

// Latencies is what the application's interrupts waited for since it started, in their order.
func (f *Flash) Latencies() []Latency {
	if f.app == nil {
		return nil
	}
	var list []Latency
	for i := range f.app.irqs {
		q := &f.app.irqs[i]
		l := q.Latency
		l.counts = slices.Clone(l.counts)
		// Those that met nothing were not counted one by one.
		if total := ticksBefore(q, f.app.start, f.now); total > l.Ticks {
			l.add(f.app.entry, 0, total-l.Ticks)
		}
		list = append(list, l)
	}
	return list
}

// ticksBefore is the number of activations before cycle end.
func ticksBefore(q *irq, start, end uint64) uint64 {
	first := start + q.offset
	if end <= first {
		return 0
	}
	return (end-1-first)/q.period + 1
}

// feel adds what an operation, over or planned, delays of each interrupt.
func (a *running) feel(o *operation) {
	for i := range a.irqs {
		q := &a.irqs[i]
		switch {
		case o.masked && !o.apart:
			a.window(q, o.start, o.end())
		case !o.masked && !q.stalls[o.bank] && (!o.ahead || q.Handler == CodeInRAM):
		case !o.masked && o.count == 1 && o.yields > 0:
			a.yield(q, o.start+o.gap, o.end(), o.yields)
		case !o.masked && o.count == 1:
			a.window(q, o.start+o.gap, o.end())
		case o.masked:
			a.windows(q, o, 0)
		default:
			a.windows(q, o, o.gap)
		}
	}
}

// yielded is how long an erase of bank takes that begins at cycle from and gives way to each activation that it
// stalls, which makes it so many cycles longer. An application whose interrupts leave it no time gets none.
func (a *running) yielded(bank int, from, cycles, each uint64) uint64 {
	limit := 1000 * cycles
	for took := cycles; ; {
		n := uint64(0)
		for i := range a.irqs {
			if q := &a.irqs[i]; q.stalls[bank] {
				n += ticksBefore(q, a.start, from+took) - ticksBefore(q, a.start, from)
			}
		}
		longer := min(cycles+n*each, limit)
		if longer == took {
			return took
		}
		took = longer
	}
}

// yield delays each activation from cycle from on, until before cycle to, by latency: the erase makes way.
func (a *running) yield(q *irq, from, to, latency uint64) {
	k := ticksBefore(q, a.start, from)
	n := ticksBefore(q, a.start, to) - k
	if n == 0 {
		return
	}
	delay := latency + a.entry
	q.Delayed += n
	if q.deadline > 0 && delay > q.deadline {
		q.Late += n
	}
	q.add(delay, 0, n)
	if a.observe != nil {
		for i := range n {
			at := a.start + q.offset + (k+i)*q.period
			a.observe(&Delay{&q.Interrupt, at, 1, at + delay})
		}
	}
}

// window delays the activations from cycle from on, until before cycle to, to then.
func (a *running) window(q *irq, from, to uint64) {
	k := ticksBefore(q, a.start, from)
	first := a.start + q.offset + k*q.period
	if first >= to {
		return
	}
	n := (to-1-first)/q.period + 1
	low := to - (first + (n-1)*q.period) + a.entry
	q.Delayed += n
	q.Lost += n - 1
	if worst := to - first + a.entry; q.deadline > 0 && worst > q.deadline {
		q.Late += min(n, (worst-q.deadline-1)/q.period+1)
	}
	q.add(low, q.period, n)
	if a.observe != nil {
		a.observe(&Delay{&q.Interrupt, first, n, to + a.entry})
	}
}

// windows delays activations by a run of accesses, each but for its first free cycles. Their lengths are
// taken as equal.
func (a *running) windows(q *irq, o *operation, free uint64) {
	each := o.gap + o.busy/o.count
	if q.period <= each {
		for k := range o.count {
			at := o.start + k*each
			a.window(q, at+free, at+each)
		}
		return
	}
	// At most one activation in each: go from one to the next.
	for t := a.start + q.offset + ticksBefore(q, a.start, o.start)*q.period; t < o.end(); t += q.period {
		at := (t - o.start) / each
		if at >= o.count {
			break
		}
		from := o.start + at*each
		if t >= from+free {
			a.window(q, t, from+each)
		}
	}
}

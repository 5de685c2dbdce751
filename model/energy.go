package model

// Energy is what the flash and the waiting core have drawn, in joule.
type Energy struct {
	Erase   float64 // by the flash while it erased
	Program float64 // by the flash while it programmed
	Core    float64 // by the core while it waited for both
	CoreOK  bool    // Core is known
}

// Flash is what the flash itself has drawn.
func (e Energy) Flash() float64 { return e.Erase + e.Program }

// supply is what a part draws at its supply voltage.
type supply struct {
	volts          float64
	erase, program float64 // ampere; 0: not known
	core           float64 // ampere while it waits; 0: not known
}

// setSupply takes the currents for the widths that a driver uses.
func (f *Flash) setSupply(mv, eraseWidth, programWidth uint32) {
	f.supply.volts = float64(mv) / 1000
	for _, t := range f.part.Program {
		if t.Parallel > 0 {
			programWidth = eraseWidth // an access leaves a choice, and the driver has made it
		}
	}
	if c, ok := f.part.Current(eraseWidth); ok {
		f.supply.erase = float64(c.Erase.UA) * 1e-6
	}
	if c, ok := f.part.Current(programWidth); ok {
		f.supply.program = float64(c.Program.UA) * 1e-6
	}
	f.supply.core = f.part.CoreWait.UA * float64(f.timing.hz) * 1e-12
}

// Energy is what the operations that c counted have drawn: the current times the voltage times the time in which
// the flash was busy. ok is false if the part's currents are not known, or if there is no driver.
func (f *Flash) Energy(c *Counters) (e Energy, ok bool) { return f.EnergyOf(c.Erasing, c.Programming) }

// EnergyOf is Energy for so many cycles of erasing and of programming.
func (f *Flash) EnergyOf(erasing, programming uint64) (e Energy, ok bool) {
	s := &f.supply
	if s.erase == 0 || s.program == 0 {
		return Energy{}, false
	}
	e.Erase = s.erase * s.volts * f.Seconds(erasing)
	e.Program = s.program * s.volts * f.Seconds(programming)
	e.Core, e.CoreOK = s.core*s.volts*f.Seconds(erasing+programming), s.core > 0
	return e, true
}

// Spent is the time that the flash has erased and programmed so far, in core cycles.
func (f *Flash) Spent() (erasing, programming uint64) { return f.count.Erasing, f.count.Programming }

// Energy is what the commands that c counted have drawn, in joule. ok is false if the part's current is not known.
func (n *NOR) Energy(c *NORCounters) (joule float64, ok bool) {
	volts := n.host.supply.volts
	return float64(n.part.Active.UA) * 1e-6 * volts * n.host.Seconds(c.Busy), n.part.Active.UA > 0 && volts > 0
}

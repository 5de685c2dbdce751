package model

import (
	"errors"
	"fmt"
	"slices"

	"dualbank/model/part"
)

// ErrLocked: the option bytes do not fit their complements. The part keeps to itself from the next power-on on:
// every operation fails, and no Boot ends that.
var ErrLocked = errors.New("model: locked, its option bytes do not match")

// ErrOptions: the part has no option bytes that swap its banks, or Config.Options does not ask for them.
var ErrOptions = errors.New("model: no option bytes that swap the banks")

// Option is what the option bytes say of the two banks.
type Option byte

// The states of the option bytes. A cut of a write leaves no other.
const (
	BankOne  Option = 0xFF // bank 1 is at the start of the flash: as delivered
	BankTwo  Option = 0xFE // the banks are swapped
	Mismatch Option = 0x00 // the bytes do not fit their complements
)

func (o Option) String() string {
	return map[Option]string{BankOne: "bank 1 at the start", BankTwo: "bank 2 at the start", Mismatch: "mismatch"}[o]
}

// options is the option bytes. What they hold is kept in cells behind the flash, so that marks, snapshots and hashes
// have it: first what is written, then what was loaded last.
type options struct {
	at     uint32 // offset of these cells; 0: there are none
	half   uint32 // size of a bank
	naive  bool   // the driver does not look at the swap when it chooses the bank of an erase
	swap   bool   // what is loaded swaps the banks
	locked bool
	time   span // of a write
}

// setOptions prepares the option bytes of a flash whose cells have room for them from f.size on.
func (f *Flash) setOptions(c Config) error {
	o := &f.options
	s := &f.part.Swap
	if s.Option.Value == "" {
		return fmt.Errorf("part %s: its banks are not swapped by option bytes: choose another part, or add [swap] to its file", f.part.Name)
	}
	o.at, o.half = f.size, f.size/2
	o.naive = c.IgnoresSwap
	if c.Driver != nil {
		d, err := c.Driver.For(f.part.Family)
		if err != nil {
			return err
		}
		o.naive = o.naive || d.IgnoresSwap.Value
		o.time = f.timing.span(s.Typ, s.Typ, s.Max)
	}
	o.naive = o.naive && s.Erase.Value == part.ErasePhysical
	return nil
}

// HasOptions reports whether the flash has option bytes that swap its banks.
func (f *Flash) HasOptions() bool { return f.options.at != 0 }

// option reads one of the two states.
func (f *Flash) option(i uint32) Option {
	var p [1]byte
	f.cells.Peek(f.options.at+i, p[:])
	return Option(p[0])
}

// Written is what the option bytes hold. It is in force once they are loaded.
func (f *Flash) Written() Option { return f.option(0) }

// Swapped reports whether the banks are swapped now: bank 2 has the addresses from the start on.
func (f *Flash) Swapped() bool { return f.options.swap }

// Locked reports whether a mismatch was loaded.
func (f *Flash) Locked() bool { return f.options.locked }

// SwapBanks writes the option bytes so that the other bank than now is at the start of the flash once they are loaded.
// It is one step, of the kind WriteOptions. A cut leaves the options of before, the new ones, or what the part has
// for it. Errors: ErrPowerCut, ErrOptions, ErrInjected.
func (f *Flash) SwapBanks() error {
	o := &f.options
	if f.off {
		return f.down
	}
	if o.at == 0 {
		return f.refuse(ErrOptions)
	}
	to := BankTwo
	if o.swap {
		to = BankOne
	}
	start := f.now
	busy := o.time.at(f.timing.corner, 0, &f.rand)
	if f.steps == f.cutAt {
		switch f.cut.Mode {
		case Fail:
			f.steps++
			f.cutAt = noCut
			return ErrInjected
		case Before:
			to = f.Written()
		case After:
			f.steps++
		default:
			if f.part.Swap.AfterCut.Value == part.CutMismatch {
				to = Mismatch
			} else {
				to = f.Written()
			}
		}
		f.cells.Poke(o.at, []byte{byte(to)})
		f.cutAt = noCut
		f.off, f.down = true, ErrPowerCut
		return ErrPowerCut
	}
	f.cells.Poke(o.at, []byte{byte(to)})
	f.now += busy
	f.steps++
	f.tell(Event{Kind: WriteOptions, Addr: f.base, Steps: 1, Start: start, End: f.now, Busy: busy})
	return nil
}

// LoadOptions loads the option bytes, as a power-on and the reset do that software asks for (OBL_LAUNCH). It is a step,
// of the kind LoadOptions, which a cut does not change: the power-on after it loads them. Boot follows. Errors:
// ErrPowerCut, ErrOptions, ErrInjected.
func (f *Flash) LoadOptions() error {
	if f.off {
		return f.down
	}
	if f.options.at == 0 {
		return f.refuse(ErrOptions)
	}
	if f.steps == f.cutAt {
		f.cutAt = noCut
		if f.cut.Mode == Fail {
			f.steps++
			return ErrInjected
		}
		f.off, f.down = true, ErrPowerCut
		return ErrPowerCut
	}
	f.steps++
	f.load()
	f.tell(Event{Kind: LoadOptions, Addr: f.base, Steps: 1, Start: f.now, End: f.now})
	return nil
}

// load puts the option bytes in force.
func (f *Flash) load() {
	f.cells.Poke(f.options.at+1, []byte{byte(f.Written())})
	f.obey()
}

// bootOptions loads the option bytes at a boot, where the reset before it does: after a loss of power, or after any
// reset on a part of that kind.
func (f *Flash) bootOptions() {
	if f.options.at != 0 && (f.off && f.down == ErrPowerCut || f.part.Swap.Load.Value == part.LoadReset) {
		f.load()
	}
}

// obey acts as the loaded options say.
func (f *Flash) obey() {
	o := &f.options
	if o.at == 0 {
		return
	}
	loaded := f.option(1)
	if o.swap != (loaded == BankTwo) {
		o.swap = !o.swap
		f.cache.flush()
		f.follow()
	}
	o.locked = loaded == Mismatch
	if o.locked {
		f.off, f.down = true, ErrLocked
	}
}

// follow says which banks the application's code stands still for. Code keeps its addresses when the banks are swapped.
func (f *Flash) follow() {
	f.stalls = f.stallsOf(f.code)
	if f.app == nil {
		return
	}
	for i := range f.app.irqs {
		f.app.irqs[i].stalls = f.stallsOf(f.app.irqs[i].Handler)
	}
	if d := f.app.dog; d != nil {
		d.stalls = slices.Clone(d.stalls)
		slices.Reverse(d.stalls)
	}
}

// bankOf is the physical bank of code at a place.
func (f *Flash) bankOf(code Code) Code {
	if f.options.swap && code != CodeInRAM {
		return 1 - code
	}
	return code
}

// physical is where the cells of addr are while the banks are swapped, and the other way round: an address of the chip.
func (f *Flash) physical(addr uint32) uint32 { return f.base + (addr - f.base) ^ f.options.half }

// halves calls fn for the parts of n bytes at addr that lie in one bank each, with their physical addresses, until it
// fails.
func (f *Flash) halves(addr uint32, n int, fn func(addr uint32, from, to int) error) error {
	for from := 0; from < n; {
		to := min(n, from+int(f.options.half-(addr+uint32(from)-f.base)%f.options.half))
		if err := fn(f.physical(addr+uint32(from)), from, to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// tell hands an event to the observer, if there is one.
func (f *Flash) tell(e Event) {
	if f.observe != nil {
		e.Hit = e.Addr
		f.event = e
		f.observe(&f.event)
	}
}

package model

import (
	"fmt"
	"math/bits"
	"time"
)

// timing is what a part, a driver and a clock come to in core cycles.
type timing struct {
	on    bool // false: no driver, so that only CPU work takes time
	hz    uint64
	width uint32 // bytes of the widest program access; the unit where there is no driver

	readCall  uint64
	readLine  uint   // log2 of the bytes of one flash access
	readState uint64 // cycles of one flash access: wait states + 1
	copyByte  perByte

	programCall   uint64 // with the cache reset
	programAccess uint64 // driver's share of one access
	program       [9]uint64
	programMasked bool

	eraseCall   uint64 // with the cache reset
	eraseSector uint64
	eraseMasked bool

	call, aesKey       uint64
	crc32, sha256, aes perByte
}

// perByte is a cost in 1/1024 cycles a byte, so that the clock stays an integer.
type perByte uint64

func toPerByte(b PerByte) perByte { return perByte(b.Cycles*1024 + 0.5) }

func (b perByte) of(n int) uint64 { return uint64(b) * uint64(n) >> 10 }

// setTiming turns a configuration into cycles.
func (f *Flash) setTiming(c Config) error {
	t := &f.timing
	t.hz = c.Hz
	if t.hz == 0 {
		t.hz = f.part.MaxHz
	}
	f.unit = c.Unit
	if f.unit == 0 {
		f.unit = f.part.programUnit()
	}
	t.width = f.unit
	if t.hz > f.part.MaxHz || t.hz < 1000 {
		return fmt.Errorf("part %s: a clock of %d Hz is out of range: use up to %d Hz", f.part.Name, t.hz, f.part.MaxHz)
	}
	if core := c.Core; core != nil {
		t.call, t.aesKey = core.Call.Cycles, core.AESKey.Cycles
		t.crc32, t.sha256, t.aes = toPerByte(core.CRC32), toPerByte(core.SHA256), toPerByte(core.AES)
		t.copyByte = toPerByte(core.Copy)
	}
	if c.Driver == nil {
		return nil
	}
	d, err := c.Driver.For(f.part.Family)
	if err != nil {
		return err
	}
	mv := c.MV
	if mv == 0 {
		mv = 3300
	}
	states, err := f.part.States(t.hz, mv)
	if err != nil {
		return err
	}
	t.on = true
	f.unit = d.Unit.Value
	t.width = d.ProgramWidth.Value
	t.readCall = d.ReadCall.Cycles
	t.readState = states + 1
	t.readLine = uint(bits.TrailingZeros32(max(f.part.ReadLine.Bytes, 1)))
	t.programCall = d.ProgramCall.Cycles + d.ProgramCacheReset.Cycles
	t.programAccess = d.ProgramAccess.Cycles
	t.programMasked = d.ProgramMasked.Value
	t.eraseCall = d.EraseCall.Cycles + d.EraseCacheReset.Cycles
	t.eraseSector = d.EraseSector.Cycles
	t.eraseMasked = d.EraseMasked.Value

	for w := f.unit; w <= t.width; w *= 2 {
		pt, err := f.part.programTime(w, mv)
		if err != nil {
			return fmt.Errorf("driver %s: %w", c.Driver.Name, err)
		}
		t.program[bits.TrailingZeros32(w)] = t.cycles(corner(c.Corner, pt.Typ, pt.Max))
	}
	if _, err := f.part.programTime(d.EraseWidth.Value, mv); err != nil {
		return fmt.Errorf("driver %s: %w", c.Driver.Name, err)
	}
	for i := range f.sectors {
		et, err := f.part.eraseTime(f.sectors[i].Size, d.EraseWidth.Value)
		if err != nil {
			return fmt.Errorf("driver %s: %w", c.Driver.Name, err)
		}
		f.sectors[i].cycles = t.cycles(corner(c.Corner, et.Typ, et.Max))
	}
	return nil
}

func corner(c Corner, typ, max Duration) Time {
	if c == Max {
		return max.Time
	}
	return typ.Time
}

func (p *Part) programTime(width, mv uint32) (ProgramTime, error) {
	for _, t := range p.Program {
		if t.Width == width {
			if mv < t.MinMV {
				return t, fmt.Errorf("accesses of %d bytes need %d mV on part %s, have %d: use a narrower driver or a higher supply", width, t.MinMV, p.Name, mv)
			}
			return t, nil
		}
	}
	return ProgramTime{}, fmt.Errorf("part %s has no program access of %d bytes", p.Name, width)
}

func (p *Part) eraseTime(size, width uint32) (EraseTime, error) {
	for _, t := range p.Erase {
		if t.Bytes == size && t.Width == width {
			return t, nil
		}
	}
	return EraseTime{}, fmt.Errorf("part %s has no erase time for sectors of %d bytes at a width of %d bytes", p.Name, size, width)
}

// cycles is d at the clock, rounded up to whole cycles.
func (t *timing) cycles(d Time) uint64 {
	hi, lo := bits.Mul64(uint64(d), t.hz)
	q, r := bits.Div64(hi, lo, uint64(time.Second))
	if r > 0 {
		q++
	}
	return q
}

// access is the number of bytes of the first program access for n bytes at addr: the widest that is
// aligned and fits.
func (t *timing) access(addr uint32, n int) uint32 {
	w := t.width
	for addr&(w-1) != 0 || uint64(w) > uint64(n) {
		w /= 2
	}
	return w
}

// accesses is the number of program accesses for n bytes at addr.
func (t *timing) accesses(addr uint32, n int) uint64 {
	if t.width == 1 {
		return uint64(n)
	}
	count, _ := t.split(addr, n)
	return count
}

// split counts the accesses for n bytes at addr and the cycles in which the bank is busy with them.
func (t *timing) split(addr uint32, n int) (count, busy uint64) {
	for n > 0 {
		w := t.access(addr, n)
		k := uint64(1)
		if w == t.width {
			k = uint64(n) / uint64(w)
		}
		count += k
		busy += k * t.program[bits.TrailingZeros32(w)]
		addr += uint32(k) * w
		n -= int(k) * int(w)
	}
	return count, busy
}

func (t *timing) programBusy(addr uint32, n int) uint64 {
	if t.width == 1 {
		return uint64(n) * t.program[0]
	}
	_, busy := t.split(addr, n)
	return busy
}

// read is the time of one read call of n bytes at addr: the call, every flash line once, and the
// copy. The driver resets the data cache around every change, and the store hardly reads a line
// twice before the next one, so that no line is taken to be cached.
func (t *timing) read(addr uint32, n int) uint64 {
	if !t.on {
		return 0
	}
	lines := uint64(0)
	if n > 0 {
		lines = uint64((addr+uint32(n)-1)>>t.readLine-addr>>t.readLine) + 1
	}
	return t.readCall + lines*t.readState + t.copyByte.of(n)
}

// programTime puts n bytes at addr, programmed in steps accesses, on the clock.
func (f *Flash) programTime(addr uint32, n int, steps uint64) {
	f.count.Programs += steps
	f.count.ProgramBytes += uint64(n)
	t := &f.timing
	if !t.on {
		return
	}
	busy := t.programBusy(addr, n)
	bank := f.sectors[f.index[(addr-f.base)>>f.granule]].Bank
	f.count.Busy[bank] += busy
	f.now += t.programCall + steps*t.programAccess + busy
	if f.feel[bank].Stalls {
		f.stall(busy, t.program[bits.TrailingZeros32(t.width)])
	}
	if t.programMasked {
		f.mask(busy+steps*t.programAccess, busy+steps*t.programAccess)
	}
}

// eraseTime puts the erase of s on the clock.
func (f *Flash) eraseTime(s *sector) {
	f.count.Erases++
	t := &f.timing
	if !t.on {
		return
	}
	all := t.eraseSector + s.cycles
	f.count.Busy[s.Bank] += s.cycles
	f.now += all
	if f.feel[s.Bank].Stalls {
		f.stall(s.cycles, s.cycles)
	}
	if t.eraseMasked {
		f.mask(all, all)
	}
}

func (f *Flash) stall(all, longest uint64) {
	f.count.Stall += all
	f.count.LongestStall = max(f.count.LongestStall, longest)
}

func (f *Flash) mask(all, longest uint64) {
	f.count.Masked += all
	f.count.LongestMasked = max(f.count.LongestMasked, longest)
}

// Now is the virtual time in core cycles since the flash was made.
func (f *Flash) Now() uint64 { return f.now }

// Hz is the core clock.
func (f *Flash) Hz() uint64 { return f.timing.hz }

// Wait lets virtual time pass in which the flash is idle.
func (f *Flash) Wait(cycles uint64) { f.now += cycles }

// Seconds is a number of cycles at the clock, in seconds.
func (f *Flash) Seconds(cycles uint64) float64 { return float64(cycles) / float64(f.timing.hz) }

// Cycles is a duration at the clock, rounded up to whole cycles.
func (f *Flash) Cycles(d time.Duration) uint64 { return f.timing.cycles(Time(d)) }

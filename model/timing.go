package model

import (
	"fmt"
	"math"
	"math/bits"
	"time"

	"dualbank/model/cell"
	"dualbank/model/part"
	"dualbank/model/random"
)

// timing is what a part, a driver and a clock come to in core cycles.
type timing struct {
	on     bool // false: no driver, so that only CPU work takes time
	hz     uint64
	corner Corner

	cell.Access // of programs; where there is no driver, of one unit

	tries uint64 // of a failing operation

	read    readTiming
	program programTiming
	erase   eraseTiming
	core    coreTiming
}

// readTiming is what a read costs.
type readTiming struct {
	call     uint64
	line     uint   // log2 of the bytes fetched at once, a line of the cache where there is one
	fetch    uint64 // cycles of fetching them
	word     uint64 // cycles of reading a word with the caches off; 0: they are on
	copyByte perByte
}

// programTiming is what a program costs.
type programTiming struct {
	call      uint64
	chunk     uint64   // with the cache reset
	access    uint64   // driver's share of one access
	busy      [14]span // by log2 of an access's bytes
	each      uint64   // of every access, where they all take the same; else 0
	masked    bool     // interrupts are, for a chunk
	verified  bool     // programs are read back
	unaligned bool     // sources are handed over unit by unit

	row       uint32 // bytes that are programmed fast when whole; 0: none are
	rowTime   span
	rowMasked bool
}

// eraseTiming is what an erase costs beside the sector's own time.
type eraseTiming struct {
	call     uint64
	sector   uint64
	reset    uint64 // of the cache, felt when interrupts are let in again
	bank     []span // by bank, of all its sectors at once; 0: the part has none
	masked   bool
	verified bool

	suspend, resume uint64 // of an erase that makes way for an interrupt; suspend 0: it does not
}

// coreTiming is what work of the processor costs.
type coreTiming struct {
	interrupt          uint64
	call, aesKey       uint64
	crc32, sha256, aes perByte
}

// perByte is a cost in 1/1024 cycles a byte, so that the clock stays an integer.
type perByte uint64

func toPerByte(cycles float64) perByte { return perByte(float64(cycles*1024) + 0.5) }

func (b perByte) of(n int) uint64 { return uint64(b) * uint64(n) >> 10 }

// span is a duration in cycles at its three corners.
type span struct{ low, typ, high uint64 }

// fullAge is the age of a sector at the end of its rated life.
const fullAge = 1024

// at is the duration at a corner in a sector of that age; r is for the draw.
func (s span) at(c Corner, age uint64, r *random.Source) uint64 {
	switch c {
	case Max:
		return s.high
	case Sampled:
		return s.draw(age, r)
	}
	return s.typ
}

// draw is a duration as often below typ as above it. When the sector is new it lies as far above as below, from
// low on; the upper end grows with age and reaches the maximum at the end of the rated life.
func (s span) draw(age uint64, r *random.Source) uint64 {
	v := r.Uint64()
	from, to := s.low, s.typ
	if v>>63 == 1 {
		hi, lo := bits.Mul64(s.high-s.typ, age)
		from, to = s.typ, s.typ+max(hi<<54|lo>>10, min(s.typ-s.low, s.high-s.typ))
	}
	hi, _ := bits.Mul64(v<<1, to-from+1)
	return from + hi
}

func (t *timing) span(low, typ, high part.Duration) span {
	if low.Time == 0 {
		low = typ
	}
	return span{t.cycles(low.Time), t.cycles(typ.Time), t.cycles(high.Time)}
}

// setTiming turns a configuration into cycles.
func (f *Flash) setTiming(c Config) error {
	t := &f.timing
	t.corner = c.Corner
	t.hz = c.Hz
	if t.hz == 0 {
		t.hz = f.part.MaxHz
	}
	f.unit = c.Unit
	if f.unit == 0 {
		f.unit = f.part.ProgramUnit()
	}
	t.Access = cell.Access{Unit: f.unit, Width: f.unit}
	if t.hz > f.part.MaxHz || t.hz < 1000 {
		return fmt.Errorf("part %s: a clock of %d Hz is out of range: use up to %d Hz", f.part.Name, t.hz, f.part.MaxHz)
	}
	mv := c.MV
	if mv == 0 {
		mv = 3300
	}
	states, err := f.states(c, mv)
	if err != nil && (c.Driver != nil || c.Core != nil) {
		return err
	}
	f.setCore(c, states)
	if c.Driver == nil {
		return nil
	}
	d, err := c.Driver.For(f.part.Family)
	if err != nil {
		return err
	}
	t.on = true
	f.setReads(c, d, states)
	f.unit = d.Unit.Value
	t.Access = cell.Access{Unit: f.unit, Width: d.ProgramWidth.Value}
	t.program.call = d.ProgramCall.Cycles
	t.program.chunk = d.ProgramChunk.Cycles + d.ProgramCacheReset.Cycles
	t.program.access = d.ProgramAccess.Cycles
	t.program.masked = d.ProgramMasked.Value
	t.program.verified, t.erase.verified = d.ProgramVerified.Value, d.EraseVerified.Value
	t.tries = uint64(max(d.Tries.Value, 1))
	t.program.unaligned = c.Unaligned
	t.erase.call = d.EraseCall.Cycles
	t.erase.sector, t.erase.reset = d.EraseSector.Cycles, d.EraseCacheReset.Cycles
	t.erase.masked = d.EraseMasked.Value
	f.handlersInRAM = d.InRAM.Value
	f.setSupply(mv, d.EraseWidth.Value, d.ProgramWidth.Value)
	return f.setDurations(c, d, mv)
}

// states is the number of wait states that the firmware has set.
func (f *Flash) states(c Config, mv uint32) (uint64, error) {
	states, err := f.part.States(f.timing.hz, mv)
	if err == nil && c.WaitStates > 0 {
		if c.WaitStates < states {
			return 0, fmt.Errorf("part %s: %d wait states are too few for %d Hz at %d mV: it needs %d", f.part.Name, c.WaitStates, f.timing.hz, mv, states)
		}
		states = c.WaitStates
	}
	return states, err
}

// setCore sets what work of the processor costs: its cost at zero wait states, and what it waits for
// code.
func (f *Flash) setCore(c Config, states uint64) {
	core := c.Core
	if core == nil {
		return
	}
	t := &f.timing
	wait := 1.0
	if c.Code != CodeInRAM {
		hit := 0.0
		switch c.Cache {
		case CacheOn:
			hit = f.part.Fetch.Cached.Share
		case PrefetchOnly:
			hit = f.part.Fetch.Prefetched.Share
		}
		stall := float64(states * uint64(max(f.part.BusDivider.Value, 1)))
		wait += (1 - hit) * stall * core.Code.Bytes / float64(max(f.part.ReadLine.Bytes, 4))
	}
	scale := func(cycles uint64) uint64 { return uint64(float64(float64(cycles)*wait) + 0.5) }
	t.core.interrupt = core.Interrupt.Cycles
	t.core.call, t.core.aesKey = scale(core.Call.Cycles), scale(core.AESKey.Cycles)
	t.core.crc32, t.core.sha256 = toPerByte(core.CRC32.Cycles*wait), toPerByte(core.SHA256.Cycles*wait)
	t.core.aes = toPerByte(core.AES.Cycles * wait)
	t.read.copyByte = toPerByte(core.Copy.Cycles * wait)
}

// setReads sets what data reads cost.
func (f *Flash) setReads(c Config, d *part.DriverFamily, states uint64) {
	t, p := &f.timing, f.part
	fetch := (states + 1) * uint64(max(p.BusDivider.Value, 1))
	line := max(p.ReadLine.Bytes, 4)
	t.read.call = d.ReadCall.Cycles
	t.read.fetch = fetch
	switch {
	case c.Cache != CacheOn:
		t.read.word = fetch
	case p.DataCache.Lines > 0:
		f.cache.size = p.DataCache.Lines
		t.read.fetch = fetch * uint64(p.DataCache.Bytes/line)
		line = p.DataCache.Bytes
	}
	t.read.line = uint(bits.TrailingZeros32(line))
}

// setDurations sets what programs and erases take.
func (f *Flash) setDurations(c Config, d *part.DriverFamily, mv uint32) error {
	t := &f.timing
	parallel := d.EraseWidth.Value
	for w := f.unit; w <= t.Width; w *= 2 {
		pt, err := f.part.ProgramTime(w, parallel, mv)
		if err != nil {
			return fmt.Errorf("driver %s: %w", c.Driver.Name, err)
		}
		t.program.busy[bits.TrailingZeros32(w)] = t.span(pt.Min, pt.Typ, pt.Max)
	}
	if t.corner != Sampled {
		t.program.each = t.program.busy[bits.TrailingZeros32(t.Width)].at(t.corner, 0, nil)
		for w := f.unit; w < t.Width; w *= 2 {
			if t.program.busy[bits.TrailingZeros32(w)].at(t.corner, 0, nil) != t.program.each {
				t.program.each = 0
			}
		}
	}
	if u := f.part.Suspend; d.Suspend.Value && u.Latency.Time > 0 {
		t.erase.suspend, t.erase.resume = t.cycles(u.Latency.Time), t.cycles(u.Resume.Time)
	}
	if b := f.part.Burst; d.Burst.Value && b.Bytes > 0 {
		t.program.row, t.program.rowTime, t.program.rowMasked = b.Bytes, t.span(b.Typ, b.Typ, b.Max), b.Masked.Value
		t.program.each = 0 // accesses differ
	}
	// The width of an erase is bound to the supply as that of a program, where a program has it.
	for _, pt := range f.part.Program {
		if pt.Parallel == 0 && pt.Width == parallel && mv < pt.MinMV {
			_, err := f.part.ProgramTime(parallel, parallel, mv)
			return fmt.Errorf("driver %s: %w", c.Driver.Name, err)
		}
	}
	for i := range f.sectors {
		et, err := f.part.EraseTime(f.sectors[i].Size, parallel)
		if err != nil {
			return fmt.Errorf("driver %s: %w", c.Driver.Name, err)
		}
		f.sectors[i].time = t.span(et.Min, et.Typ, et.Max)
	}
	t.erase.bank = make([]span, len(f.part.Banks))
	for b := range f.part.Banks {
		for _, et := range f.part.BankErase {
			if et.Bytes == f.part.Banks[b].Size() && et.Width == parallel {
				t.erase.bank[b] = t.span(et.Min, et.Typ, et.Max)
			}
		}
	}
	return nil
}

// cycles is d at the clock, rounded up to whole cycles; not below 0, and not above what fits.
func (t *timing) cycles(d part.Time) uint64 {
	hi, lo := bits.Mul64(uint64(max(d, 0)), t.hz)
	if hi >= uint64(time.Second) {
		return math.MaxUint64
	}
	q, r := bits.Div64(hi, lo, uint64(time.Second))
	if r > 0 {
		q++
	}
	return q
}

// programBusy is the time in which the bank is busy with n bytes at addr in sector i, and with the longest of its
// accesses.
func (f *Flash) programBusy(i int, addr uint32, n int, steps uint64) (all, longest uint64) {
	t := &f.timing
	if row := t.program.row; row > 0 && addr&(row-1) == 0 && uint32(n)&(row-1) == 0 {
		for range uint32(n) / row {
			d := t.program.rowTime.at(t.corner, f.ageOf(i), &f.rand)
			all += d
			longest = max(longest, d)
		}
		return all, longest
	}
	if t.program.each > 0 {
		return steps * t.program.each, t.program.each
	}
	for n > 0 {
		w, k := t.Run(addr, n)
		s := t.program.busy[bits.TrailingZeros32(w)]
		if t.corner == Sampled {
			age := f.ageOf(i)
			for range k {
				d := s.draw(age, &f.rand)
				all += d
				longest = max(longest, d)
			}
		} else {
			d := s.at(t.corner, 0, nil)
			all += k * d
			longest = max(longest, d)
		}
		addr += uint32(k) * w
		n -= int(min(k*uint64(w), uint64(n)))
	}
	return all, longest
}

// readTime is the time of one read call of n bytes at addr: the call, every line that is not in the data
// cache, and the copy.
func (f *Flash) readTime(addr uint32, n int) uint64 {
	t := &f.timing
	if !t.on || n == 0 {
		return t.read.call
	}
	first, last := addr>>t.read.line, (addr+uint32(n)-1)>>t.read.line
	var fetches uint64
	switch {
	case t.read.word > 0:
		fetches = uint64((addr+uint32(n)+3)>>2 - addr>>2)
	case f.cache.size > 0:
		fetches = f.cache.read(first, last)
	default:
		fetches = uint64(last-first) + 1
	}
	return t.read.call + fetches*t.read.fetch + t.read.copyByte.of(n)
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
func (f *Flash) Cycles(d time.Duration) uint64 { return f.timing.cycles(part.Time(d)) }

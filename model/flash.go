// Package model is a cycle-approximate model of the internal flash of a microcontroller: cells,
// sectors and banks, the duration of every operation on a virtual clock, what the running
// application feels of it, wear, and power cuts at every step.
//
// It knows nothing of who uses the flash. Its clock counts core cycles and moves only when the
// flash is used or the processor's work is told (CPU), so that a run is a function of its inputs.
package model

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Flash is a part with its driver, running at a clock. It is not safe for concurrent use.
type Flash struct {
	part    *Part
	base    uint32
	size    uint32
	unit    uint32 // bytes of the driver's program unit
	rule    CellRule
	cells   *image
	sectors []sector
	granule uint   // log2 of the smallest sector
	index   []int  // sector by offset >> granule
	have    []byte // cells and aim of the step that a cut hits
	want    []byte

	timing timing
	feel   []Feel // by bank: what the application feels of an operation there
	count  Counters
	now    uint64

	steps   uint64 // since the last boot
	cutAt   uint64 // step at which cut hits; MaxUint64: none
	cut     Cut
	off     bool
	observe func(*Event)
	event   Event
}

type sector struct {
	Sector
	erases uint32
	cycles uint64 // of one erase, by the flash alone
}

// Config chooses what New builds.
type Config struct {
	Part   *Part
	Driver *Driver // nil: no driver, no timing
	Core   *Core   // nil: CPU work costs nothing
	Unit   uint32  // program unit without a driver; 0 means 1
	Hz     uint64  // core clock; 0: the part's highest
	MV     uint32  // supply voltage in mV; 0: 3300
	Corner Corner
	Code   Code // where the application runs
}

// Corner chooses among the times of a part.
type Corner int

// The corners: typical and maximum times of the data sheet.
const (
	Typ Corner = iota
	Max
)

func (c Corner) String() string { return [...]string{"typ", "max"}[c] }

// Code is the bank, from 0, from which the application is fetched while storage is used.
type Code int

// CodeInRAM is an application that never needs the flash to run on.
const CodeInRAM Code = -1

// Counters is what a flash counted since it was made. Times are in core cycles.
type Counters struct {
	ReadCalls    uint64
	ReadBytes    uint64
	Programs     uint64 // program steps
	ProgramBytes uint64
	Erases       uint64
	Refused      uint64   // operations that the flash refused: range, alignment, not erased
	Reprogrammed uint64   // bytes that were programmed while not erased
	Busy         []uint64 // by bank

	Stall         uint64 // time in which the application's code could not be fetched
	LongestStall  uint64
	Masked        uint64 // time in which interrupts were masked
	LongestMasked uint64
}

// Feel is what an application feels of operations on one bank.
type Feel struct {
	Stalls bool // it cannot be fetched while the bank is busy
}

// Kind is the kind of an operation.
type Kind uint8

// The kinds of operations.
const (
	Read Kind = iota
	Program
	Erase
)

func (k Kind) String() string { return [...]string{"read", "program", "erase"}[k] }

// Event is one call that the flash served, told to an observer when it is over. Steps that were
// torn or failed are not in it.
type Event struct {
	Kind    Kind
	Addr    uint32
	Size    uint32 // bytes read, programmed or erased
	Data    []byte // what was programmed; valid during the call only
	Steps   uint64 // program accesses or sector erases done
	Bank    int
	Start   uint64 // cycles, call overhead included
	End     uint64
	Busy    uint64 // cycles of it in which the bank was busy
	Stalled bool   // the application stood still while the bank was busy
	Masked  bool   // interrupts were masked while the bank was busy
}

// New makes an erased flash. The error names what does not fit together.
func New(c Config) (*Flash, error) {
	p := c.Part
	if p == nil {
		return nil, fmt.Errorf("model: no part given")
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("part %s: %w", p.Name, err)
	}
	f := &Flash{part: p, base: p.Base, size: p.Size(), unit: max(c.Unit, 1), rule: p.Cells.Rule, cutAt: math.MaxUint64}
	smallest := uint32(math.MaxUint32)
	for _, s := range p.Sectors() {
		f.sectors = append(f.sectors, sector{Sector: s})
		smallest = min(smallest, s.Size)
	}
	f.granule = uint(bits.TrailingZeros32(smallest))
	for i, s := range f.sectors {
		for range s.Size >> f.granule {
			f.index = append(f.index, i)
		}
	}
	pageSize := min(smallest, maxPage)
	if f.size <= 16<<10 {
		pageSize = min(smallest, 256)
	}
	f.cells = newImage(f.size, pageSize)
	f.count.Busy = make([]uint64, len(p.Banks))
	f.feel = make([]Feel, len(p.Banks))
	if int(c.Code) >= len(p.Banks) || c.Code < CodeInRAM {
		return nil, fmt.Errorf("part %s: no bank %d to run the application from: it has %d", p.Name, c.Code, len(p.Banks))
	}
	for b := range f.feel {
		f.feel[b].Stalls = c.Code != CodeInRAM && (int(c.Code) == b || !p.ReadWhileWrite.Value)
	}
	return f, f.setTiming(c)
}

// Start is the address of the first byte of flash.
func (f *Flash) Start() uint32 { return f.base }

// Size is the number of bytes.
func (f *Flash) Size() uint32 { return f.size }

// PageSize is the program unit that the driver offers, in bytes.
func (f *Flash) PageSize() uint32 { return f.unit }

// SectorSize is the size of the sector that holds addr, or 0xFFFFFFFF outside the flash.
func (f *Flash) SectorSize(addr uint32) uint32 {
	off := addr - f.base
	if off >= f.size {
		return math.MaxUint32
	}
	return f.sectors[f.index[off>>f.granule]].Size
}

// Part is the part that was given to New.
func (f *Flash) Part() *Part { return f.part }

// inside tells whether size bytes at addr lie in the flash.
func (f *Flash) inside(addr uint32, size int) bool {
	off := addr - f.base
	return off <= f.size && uint64(size) <= uint64(f.size-off)
}

// refuse counts an operation that has no effect.
func (f *Flash) refuse(err error) error {
	f.count.Refused++
	return err
}

// Read fills p from addr on. It is no step. Errors: ErrPowerCut, ErrRange.
func (f *Flash) Read(addr uint32, p []byte) error {
	if f.off {
		return ErrPowerCut
	}
	if !f.inside(addr, len(p)) {
		return f.refuse(ErrRange)
	}
	f.cells.read(addr-f.base, p)
	f.count.ReadCalls++
	f.count.ReadBytes += uint64(len(p))
	start := f.now
	f.now += f.timing.read(addr, len(p))
	if f.observe != nil {
		f.tell(Event{Kind: Read, Addr: addr, Size: uint32(len(p)), Start: start})
	}
	return nil
}

// Program programs p at addr, both multiples of the program unit; every access of the driver is one
// step, in address order. Errors: ErrPowerCut, ErrRange and ErrAlign before the first step,
// ErrProgram and ErrInjected with the steps before it done.
func (f *Flash) Program(addr uint32, p []byte) error {
	if f.off {
		return ErrPowerCut
	}
	if !f.inside(addr, len(p)) {
		return f.refuse(ErrRange)
	}
	if (addr|uint32(len(p)))&(f.unit-1) != 0 {
		return f.refuse(ErrAlign)
	}
	if len(p) == 0 {
		return nil
	}
	done, steps := len(p), f.timing.accesses(addr, len(p))
	start := f.now
	var err error
	if steps > f.cutAt-f.steps || f.rule == CellReject {
		done, steps, err = f.programSlowly(addr, p)
	} else {
		f.put(addr, p)
		f.steps += steps
	}
	f.programTime(addr, done, steps)
	if f.observe != nil && done > 0 {
		f.tell(Event{Kind: Program, Addr: addr, Size: uint32(done), Data: p[:done], Steps: steps, Start: start})
	}
	return err
}

// put gives the cells the data of complete accesses.
func (f *Flash) put(addr uint32, p []byte) {
	if f.rule == CellCopy {
		f.cells.write(addr-f.base, p)
		return
	}
	f.count.Reprogrammed += uint64(f.cells.and(addr-f.base, p))
}

// programSlowly goes access by access, for cells that may refuse and for a fault within the call.
// It returns the bytes and steps that were done before an error.
func (f *Flash) programSlowly(addr uint32, p []byte) (done int, steps uint64, err error) {
	for done < len(p) {
		a := addr + uint32(done)
		n := int(f.timing.access(a, len(p)-done))
		data := p[done : done+n]
		cells := f.old(a, uint32(n))
		if f.rule == CellReject && !slices.Equal(cells, data) && slices.ContainsFunc(cells, func(b byte) bool { return b != 0xFF }) {
			return done, steps, f.refuse(ErrProgram)
		}
		if f.steps == f.cutAt {
			f.want = append(f.want[:0], data...)
			if f.rule != CellCopy {
				for i, b := range cells {
					f.want[i] &= b
				}
			}
			out, err := f.hit(a, cells, f.want, false)
			if out == Done {
				done += n
				steps++
			}
			return done, steps, err
		}
		f.put(a, data)
		f.steps++
		steps++
		done += n
	}
	return done, steps, nil
}

// old reads n cells at addr into the buffer kept for that.
func (f *Flash) old(addr, n uint32) []byte {
	if uint32(cap(f.have)) < n {
		f.have = make([]byte, n)
	}
	f.have = f.have[:n]
	f.cells.read(addr-f.base, f.have)
	return f.have
}

// hit leaves the present step as the fault plan says.
func (f *Flash) hit(addr uint32, cells, want []byte, erase bool) (Outcome, error) {
	out := f.cut.Mode.Leave(cells, want, erase, f.cut.Seed)
	if out == Failed {
		f.steps++
		f.cutAt = math.MaxUint64
		return out, ErrInjected
	}
	f.cells.write(addr-f.base, cells)
	if out == Done {
		f.steps++
	}
	f.off = true
	return out, ErrPowerCut
}

// Erase erases the sectors from addr to addr+size, one step each, in address order. Errors:
// ErrPowerCut, ErrRange, ErrAlign, ErrInjected.
func (f *Flash) Erase(addr, size uint32) error {
	if f.off {
		return ErrPowerCut
	}
	if !f.inside(addr, int(size)) {
		return f.refuse(ErrRange)
	}
	if size == 0 {
		return nil
	}
	first := f.index[(addr-f.base)>>f.granule]
	last := f.index[(addr+size-1-f.base)>>f.granule]
	if f.sectors[first].Addr != addr || f.sectors[last].Addr+f.sectors[last].Size != addr+size {
		return f.refuse(ErrAlign)
	}
	f.now += f.timing.eraseCall
	for i := first; i <= last; i++ {
		if err := f.eraseSector(i); err != nil {
			return err
		}
	}
	return nil
}

func (f *Flash) eraseSector(i int) error {
	s := &f.sectors[i]
	start := f.now
	var err error
	done := true
	if f.steps == f.cutAt {
		f.want = f.want[:0]
		for range s.Size {
			f.want = append(f.want, 0xFF)
		}
		var out Outcome
		out, err = f.hit(s.Addr, f.old(s.Addr, s.Size), f.want, true)
		done = out == Done
	} else {
		f.cells.erase(s.Addr-f.base, s.Size)
		f.steps++
	}
	if !done {
		return err
	}
	s.erases++
	f.eraseTime(s)
	if f.observe != nil {
		f.tell(Event{Kind: Erase, Addr: s.Addr, Size: s.Size, Steps: 1, Start: start})
	}
	return err
}

// tell completes an event and hands it to the observer.
func (f *Flash) tell(e Event) {
	f.event = e
	e2 := &f.event
	if off := e.Addr - f.base; off < f.size {
		e2.Bank = f.sectors[f.index[off>>f.granule]].Bank
	}
	e2.End = f.now
	switch e.Kind {
	case Program:
		e2.Busy = f.timing.programBusy(e.Addr, int(e.Size))
		e2.Stalled, e2.Masked = f.feel[e2.Bank].Stalls, f.timing.programMasked
	case Erase:
		e2.Busy = f.sectors[f.index[(e.Addr-f.base)>>f.granule]].cycles
		e2.Stalled, e2.Masked = f.feel[e2.Bank].Stalls, f.timing.eraseMasked
	}
	f.observe(e2)
}

// Observe has fn told of every call that is served; nil ends it. The event is valid during the call
// only.
func (f *Flash) Observe(fn func(*Event)) { f.observe = fn }

// Steps is the number of steps since the last boot: program accesses and sector erases that
// completed or failed.
func (f *Flash) Steps() uint64 { return f.steps }

// Arm sets the fault plan: c.Step further steps complete, then c.Mode hits. It replaces an earlier
// plan.
func (f *Flash) Arm(c Cut) {
	f.cut = c
	f.cutAt = f.steps + c.Step
}

// Disarm removes the fault plan.
func (f *Flash) Disarm() { f.cutAt = math.MaxUint64 }

// Off tells whether a power cut has hit.
func (f *Flash) Off() bool { return f.off }

// Boot switches the power on: steps count from 0 again, the fault plan is empty. Cells, wear, clock
// and counters go on.
func (f *Flash) Boot() {
	f.off = false
	f.steps = 0
	f.cutAt = math.MaxUint64
}

// Peek fills p from addr on, without time or trace, whether the power is on or not. Outside the flash it
// reports false.
func (f *Flash) Peek(addr uint32, p []byte) bool {
	if !f.inside(addr, len(p)) {
		return false
	}
	f.cells.read(addr-f.base, p)
	return true
}

// Poke overwrites the cells from addr on, without time, step or trace, as a programmer on the bench
// would. Outside the flash it reports false.
func (f *Flash) Poke(addr uint32, p []byte) bool {
	if !f.inside(addr, len(p)) {
		return false
	}
	f.cells.write(addr-f.base, p)
	return true
}

// Hash is a hash of all cells. It costs as much as changed since it was last asked for.
func (f *Flash) Hash() uint64 { return f.cells.hash() }

// Snapshot keeps the cells as they are now. Clock, wear and counters are not in it.
func (f *Flash) Snapshot() *Snapshot { return f.cells.snapshot() }

// Restore brings the cells of s back; s may come from another flash of the same part.
func (f *Flash) Restore(s *Snapshot) { f.cells.restore(s) }

// Mark remembers the cells; Rollback returns to the latest mark and forgets it. Marks nest. Both cost
// only what changes in between, which makes a fork at every step affordable.
func (f *Flash) Mark() { f.cells.mark() }

// Rollback undoes all changes to the cells since the latest Mark.
func (f *Flash) Rollback() { f.cells.rollback() }

// Counters is what was counted so far.
func (f *Flash) Counters() Counters {
	c := f.count
	c.Busy = slices.Clone(c.Busy)
	return c
}

// Wear is one sector with its erase count.
type Wear struct {
	Sector
	Erases uint32
}

// Wear lists all sectors in address order with their erase counts.
func (f *Flash) Wear() []Wear {
	w := make([]Wear, len(f.sectors))
	for i, s := range f.sectors {
		w[i] = Wear{s.Sector, s.erases}
	}
	return w
}

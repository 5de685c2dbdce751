// Package model is a cycle-approximate model of the internal flash of a microcontroller, on a virtual clock.
//
// A run goes through these steps:
//
//  1. The caller picks data files from package part: a part, a driver, a core, perhaps a wear law; or a
//     board, which BoardConfig turns into a Config.
//  2. New checks that they fit together, turns times into core cycles, and makes an erased Flash. The cells
//     are a cell.Array.
//  3. The storage software calls Flash or a Region of it: Read, Program, Erase. Each call changes the cells as
//     the part's rule says and moves the clock by what part, driver and caches need. Work of the processor
//     between calls goes through CPU. A NOR is a second, external device on the same clock.
//  4. What the application feels is accounted on the way (App): stalls while its bank is busy, masked
//     interrupts, the latency of periodic interrupts, a watchdog that resets the device.
//  5. Counters, Wear and Latencies say what happened; Observe reports every call.
//
// Every program access and every erase is a step. Arm sets a fault plan: after so many further steps one is
// left as a Mode says, and the power is gone until Boot, or the step fails with an error. Mark and Rollback,
// Snapshot and Restore fork a device at any step; only cells are part of them.
//
// Invariants:
//
//   - A run is a function of its Config and its calls: no wall clock, no global random source.
//   - The clock counts core cycles and never runs backwards; Wait and calls alone move it.
//   - Nothing outside the step that a fault hits changes its cells.
//   - While the power is off every operation fails with ErrPowerCut and changes nothing. The same holds with
//     ErrFault after a read that raised an exception.
package model

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"dualbank/model/cell"
	"dualbank/model/part"
	"dualbank/model/random"
)

// Flash is a part with its driver, running at a clock. It is not safe for concurrent use.
type Flash struct {
	geometry
	faults
	application
	ageing
	listeners
	options

	cells    *cell.Array
	timing   timing
	supply   supply
	cache    dataCache
	rand     random.Source // of the draws of corner Sampled
	count    Counters
	restored bool // the cells were those of another flash
	now      uint64
}

// geometry is where sectors and units lie.
type geometry struct {
	part    *part.Part
	base    uint32
	size    uint32
	unit    uint32 // bytes of the driver's program unit
	sectors []sector
	granule uint  // log2 of the smallest sector
	index   []int // sector by offset >> granule; noSector between banks
	gaps    bool  // there are such
}

// noSector is the index of what lies between two banks.
const noSector = -1

// listeners are told of what happens.
type listeners struct {
	observe func(*Event)
	event   Event
	delays  func(*Delay)
}

type sector struct {
	part.Sector
	erases uint32
	rated  uint32 // erases; 0: not known
	life   uint32 // erases after which it fails; 0: never
	time   span   // of one erase, by the flash alone, when it is new
}

// sectorAt is the index of the sector that holds addr, which is inside the flash.
func (g *geometry) sectorAt(addr uint32) int { return g.index[(addr-g.base)>>g.granule] }

// inside reports whether size bytes at addr lie in the flash.
func (g *geometry) inside(addr uint32, size int) bool {
	off := addr - g.base
	return off <= g.size && uint64(size) <= uint64(g.size-off) && (!g.gaps || size == 0 || g.whole(off, size))
}

// whole reports whether no byte of size bytes from off on lies between two banks.
func (g *geometry) whole(off uint32, size int) bool {
	for i := off >> g.granule; i <= (off+uint32(size)-1)>>g.granule; i++ {
		if g.index[i] == noSector {
			return false
		}
	}
	return true
}

// Config chooses what New builds.
type Config struct {
	Part   *part.Part
	Driver *part.Driver // nil: no driver, no timing
	Core   *part.Core   // nil: CPU work costs nothing
	Unit   uint32       // program unit without a driver; 0: the smallest that the cells take
	Hz     uint64       // core clock; 0: the part's highest
	MV     uint32       // supply voltage in mV; 0: 3300
	Corner Corner
	Code   Code // where the application runs

	WaitStates uint64        // that the firmware sets; 0: as few as the part needs
	Cache      Cache         // which caches it has switched on
	OnECC      string        // what a read of an uncorrectable ECC unit does: part.ECCFault, ...; "": as the part has it
	Unaligned  bool          // what is programmed does not stand on word boundaries in RAM: FlashIAP then hands it over unit by unit
	App        App           // what runs beside the storage and feels it
	Wear       *part.WearLaw // how sectors age; nil: they only count their erases
	Seed       uint64        // of the draws of corner Sampled, of Wear and of Speculation

	Speculation Speculation // whether erases of one bank stall code of another one; needs Core

	Options     bool // the option bytes that swap the banks are part of the flash
	IgnoresSwap bool // the driver takes the bank of an erase from the address, also while banks are swapped, where the part leaves it that
}

// Corner chooses among the times of a part.
type Corner int

// The corners: typical and maximum times of the data sheet, and draws around typ for every operation, half of
// them below it. A draw in a new sector lies between the minimum and as far above typ; the range grows with the
// sector's erases, and reaches the maximum at the end of its rated life. A minimum that is not known is typ; on
// a part without a rating draws reach the maximum from the start.
const (
	Typ Corner = iota
	Max
	Sampled
)

var cornerNames = []string{"typ", "max", "sampled"}

func (c Corner) String() string { return cornerNames[c] }

// CornerByName finds a corner by what its String method says.
func CornerByName(name string) (Corner, bool) {
	for i, n := range cornerNames {
		if strings.EqualFold(n, name) {
			return Corner(i), true
		}
	}
	return 0, false
}

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
	Refused      uint64   // programs and erases that the flash refused: range, alignment, not erased
	RefusedReads uint64   // reads outside the flash or the region
	NotErased    uint64   // programs of units that have to be erased first, and were not: refused, or their ECC is damaged
	Reprogrammed uint64   // bytes that were programmed while not erased
	Corrected    uint64   // ECC units read with one wrong bit
	BadReads     uint64   // reads that failed with ErrECC
	Resets       uint64   // by the watchdog, in the middle of an operation
	Collisions   uint64   // operations during which the application's code was in the busy bank, on a part where reading that is a fault
	Busy         []uint64 // by bank
	Erasing      uint64   // of that, erases
	Programming  uint64   // and programs

	Stall         uint64 // time in which the application's code could not be fetched
	LongestStall  uint64
	Masked        uint64 // time in which interrupts were masked
	LongestMasked uint64
}

// Since returns what was counted after before. The longest stall and masking are those of the flash's whole
// life, or 0 if there was none after before.
func (c Counters) Since(before Counters) Counters {
	c.ReadCalls -= before.ReadCalls
	c.ReadBytes -= before.ReadBytes
	c.Programs -= before.Programs
	c.ProgramBytes -= before.ProgramBytes
	c.Erases -= before.Erases
	c.Refused -= before.Refused
	c.RefusedReads -= before.RefusedReads
	c.NotErased -= before.NotErased
	c.Reprogrammed -= before.Reprogrammed
	c.Corrected -= before.Corrected
	c.BadReads -= before.BadReads
	c.Resets -= before.Resets
	c.Collisions -= before.Collisions
	c.Stall -= before.Stall
	c.Masked -= before.Masked
	c.Erasing -= before.Erasing
	c.Programming -= before.Programming
	c.Busy = slices.Clone(c.Busy)
	for i := range c.Busy {
		c.Busy[i] -= before.Busy[i]
	}
	if c.Stall == 0 {
		c.LongestStall = 0
	}
	if c.Masked == 0 {
		c.LongestMasked = 0
	}
	return c
}

// Kind is the kind of an operation.
type Kind uint8

// The kinds of operations.
const (
	Read Kind = iota
	Program
	Erase
	WriteOptions // of the option bytes
	LoadOptions  // likewise, with a reset
)

func (k Kind) String() string {
	return [...]string{"read", "program", "erase", "write of the options", "load of the options"}[k]
}

// Event is one call that the flash served, as an observer gets it when it is over. Steps that were
// torn or failed are not in it.
type Event struct {
	Kind    Kind
	Addr    uint32
	Hit     uint32 // address of what was read or changed: Addr, unless the driver has erased the wrong bank
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
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("part %s: %w", p.Name, err)
	}
	f := &Flash{geometry: geometry{part: p, base: p.Base, size: p.Span()}, faults: faults{cutAt: noCut, onECC: cmp.Or(c.OnECC, p.ECCError.Value)}}
	switch f.onECC {
	case "", part.ECCFault, part.ECCNMI, part.ECCFlag, part.ECCStatus:
	default:
		return nil, fmt.Errorf("part %s: OnECC %q is unknown: use %q, %q, %q or %q", p.Name, c.OnECC, part.ECCFault, part.ECCNMI, part.ECCFlag, part.ECCStatus)
	}
	smallest := uint32(math.MaxUint32)
	sectors := p.Sectors()
	f.sectors = make([]sector, len(sectors))
	for i, s := range sectors {
		f.sectors[i] = sector{Sector: s, rated: p.Endurance.Erases}
		smallest = min(smallest, s.Size)
	}
	f.granule = uint(bits.TrailingZeros32(smallest))
	f.index = make([]int, f.size>>f.granule)
	for i := range f.index {
		f.index[i] = noSector
	}
	for i, s := range f.sectors {
		for k := range s.Size >> f.granule {
			f.index[(s.Addr-f.base)>>f.granule+k] = i
		}
	}
	f.gaps = p.Span() != p.Size()
	f.count.Busy = make([]uint64, len(p.Banks))
	if int(c.Code) >= len(p.Banks) || c.Code < CodeInRAM {
		return nil, fmt.Errorf("part %s: no bank %d to run the application from: it has %d", p.Name, c.Code, len(p.Banks))
	}
	f.code = c.Code
	f.follow()
	f.law, f.seed, f.rand = c.Wear, c.Seed, *random.New(c.Seed)
	if c.Core != nil && c.Core.Speculation.Share > 0 && p.ReadWhileWrite.Value {
		switch c.Speculation {
		case SpeculationReported:
			f.speculation = c.Core.Speculation.Share
		case SpeculationAlways:
			f.speculation = 1
		}
		f.ahead = *random.New(c.Seed ^ 0xA4EAD)
	}
	if err := f.setTiming(c); err != nil {
		return nil, err
	}
	if f.unit > smallest || f.unit%p.ProgramUnit() != 0 {
		return nil, fmt.Errorf("part %s: a program unit of %d bytes does not fit its cells: use a multiple of %d, up to %d", p.Name, f.unit, p.ProgramUnit(), smallest)
	}
	page := min(smallest, cell.MaxPage)
	if f.size <= 16<<10 {
		page = min(smallest, max(256, p.RowWrites.Bytes))
	}
	cells := f.size
	if c.Options {
		if err := f.setOptions(c); err != nil {
			return nil, err
		}
		cells += page
	}
	f.cells = cell.New(cell.Config{
		Bytes: cells, Page: page, Rule: p.Cells.Rule, ECC: p.ECC.Bytes, Limit: byte(p.Writes.Value), Access: f.timing.Access,
		Inverted: ^p.ErasedValue(), RowBytes: p.RowWrites.Bytes, RowWrites: uint16(p.RowWrites.Value),
	})
	if f.law != nil && p.Endurance.Erases > 0 {
		if err := f.law.Check(); err != nil {
			return nil, fmt.Errorf("wear law %s: %w", f.law.Name, err)
		}
		lives := random.New(f.seed ^ 0x11FE)
		for i := range f.sectors {
			f.sectors[i].life = f.law.Draw(p.Endurance.Erases, lives)
		}
	}
	return f, f.Run(c.App)
}

// Start is the address of the first byte of flash.
func (f *Flash) Start() uint32 { return f.base }

// Size is the number of bytes from the start to the end, with what lies between banks.
func (f *Flash) Size() uint32 { return f.size }

// PageSize is the program unit that the driver offers, in bytes.
func (f *Flash) PageSize() uint32 { return f.unit }

// SectorSize is the size of the sector that holds addr, or 0xFFFFFFFF outside the flash and between banks.
func (f *Flash) SectorSize(addr uint32) uint32 {
	if !f.inside(addr, 1) {
		return math.MaxUint32
	}
	return f.sectors[f.sectorAt(addr)].Size
}

// Part is the part that was given to New.
func (f *Flash) Part() *part.Part { return f.part }

// refuse counts a program or an erase that has no effect.
func (f *Flash) refuse(err error) error {
	f.count.Refused++
	return err
}

// Read fills p from addr on. It is no step. Errors: ErrPowerCut, ErrRange, ErrECC, ErrFault; after the last
// two p holds what the cells hold. Config.OnECC chooses between them.
func (f *Flash) Read(addr uint32, p []byte) error {
	if f.off {
		return f.down
	}
	if !f.inside(addr, len(p)) {
		f.count.RefusedReads++
		return ErrRange
	}
	if f.swap {
		return f.halves(addr, len(p), func(at uint32, from, to int) error { return f.read(at, p[from:to]) })
	}
	return f.read(addr, p)
}

// read is Read at a physical address inside the flash.
func (f *Flash) read(addr uint32, p []byte) error {
	var err error
	if f.cells.Clean() {
		f.cells.Copy(addr-f.base, p)
	} else if !f.cells.Read(addr-f.base, p) {
		err = f.uncorrectable()
	}
	f.count.ReadCalls++
	f.count.ReadBytes += uint64(len(p))
	start := f.now
	f.now += f.readTime(addr, len(p))
	if f.observe != nil && len(p) > 0 {
		f.report(Event{Kind: Read, Addr: addr, Size: uint32(len(p)), Start: start}, 0, false)
	}
	return err
}

// report hands an event to the observer, if there is one.
func (f *Flash) report(e Event, busy uint64, ahead bool) {
	if f.observe == nil {
		return
	}
	f.event = e
	e2 := &f.event
	e2.End, e2.Busy = f.now, busy
	e2.Bank, e2.Hit = f.sectors[f.sectorAt(e.Addr)].Bank, e.Addr
	if f.swap {
		// Software knows addresses. That of an erase is the one that it has asked for, so that it can be repeated.
		e2.Hit = f.physical(e.Addr)
		if e.Kind != Erase || !f.naive {
			e2.Addr = e2.Hit
		}
	}
	switch e.Kind {
	case Program:
		e2.Stalled, e2.Masked = f.stalls[e2.Bank], f.timing.program.masked
	case Erase:
		e2.Stalled, e2.Masked = f.stalls[e2.Bank] || ahead, f.timing.erase.masked
	}
	f.observe(e2)
}

// Observe calls fn after every call that is served; nil ends it. The event is valid during the call
// only.
func (f *Flash) Observe(fn func(*Event)) { f.observe = fn }

// Boot switches the power on, or starts the device after a reset: steps count from 0 again, the fault
// plan is empty, the watchdog starts anew. Cells, wear, clock and counters go on.
func (f *Flash) Boot() {
	f.bootOptions()
	f.off = false
	f.cells.Boot()
	f.steps = 0
	f.cutAt = noCut
	f.cache.flush()
	f.wakeDog()
	f.obey()
}

// Counters is what was counted so far.
func (f *Flash) Counters() Counters {
	c, cells := f.count, f.cells.Count()
	c.NotErased, c.Reprogrammed = cells.NotErased, cells.Reprogrammed
	c.Corrected, c.BadReads = cells.Corrected, cells.BadReads
	c.Busy = slices.Clone(c.Busy)
	return c
}

// BoardConfig is a board as New takes it: part, driver, core, clock, supply, wait states; the application
// runs from bank 0. The error names the file that does not fit.
func BoardConfig(b *part.Board) (Config, error) {
	c := Config{Hz: b.Clock.Hz, MV: b.Supply.MV, WaitStates: uint64(b.WaitStates.Value)}
	var err error
	if c.Part, err = part.ByName(b.PartName); err != nil {
		return c, fmt.Errorf("board %s: part: %w", b.Name, err)
	}
	if c.Driver, err = part.DriverByName(b.DriverName); err != nil {
		return c, fmt.Errorf("board %s: driver: %w", b.Name, err)
	}
	if c.Core, err = part.CoreByName(c.Part.Core); err != nil {
		return c, fmt.Errorf("board %s: core: %w", b.Name, err)
	}
	return c, nil
}

// Package part reads what is known of microcontrollers: parts with their flash, drivers, cores, boards, wear
// laws and serial NOR flashes. It is data files and their facts; nothing here runs.
//
// A data file goes through these steps:
//
//  1. ByName, DriverByName, CoreByName, BoardByName, WearLawByName, NORByName and NORDriverByName find a file
//     by name among those that are embedded, or read the user's own if the name ends in ".toml".
//  2. The text is decoded strictly: an unknown key is an error with its line.
//  3. A part with extends takes over what it does not say itself from another part or from a family; a
//     driver's families take over the common facts.
//  4. Check finds what cannot be true. The error names file, line and key on one line.
//  5. Callers read the fields, or ask Sectors, States, ProgramTime, EraseTime. Facts lists every figure with
//     its confidence mark and source; Describe prints them.
//
// Every figure stands beside its Source: a mark (C read in a primary source, C2 in a transcription, M measured
// by a third party, R recalled, D derived, A assumed) and where it comes from.
//
// Invariants:
//
//   - A value that a ByName function returns has passed its Check.
//   - Sizes are bytes, clocks Hz, voltages mV; times are durations, never cycles. Cycles belong to drivers
//     and cores.
//   - Sectors are in address order; between two banks there may be a gap.
package part

import (
	"fmt"
	"slices"
	"time"

	"dualbank/model/cell"
)

// Part is a microcontroller's flash, as its data file in parts/ describes it. Every fact in it has
// a confidence mark (C, C2, M, R, D; A for an assumption) and a source.
type Part struct {
	Name    string   `toml:"name"`
	Title   string   `toml:"title"`
	Extends string   `toml:"extends"` // a part or a file in families/, whose facts hold unless the part has its own
	Covers  []string `toml:"covers"`  // other parts with the same flash; "?" is any package: "stm32f437?i"
	Family  string   `toml:"family"`  // what drivers are written for: "stm32f4"
	Core    string   `toml:"core"`    // file name in cores/
	Base    uint32   `toml:"base"`    // address of the first byte
	MaxHz   uint64   `toml:"max_hz"`
	Vectors int      `toml:"vectors"` // entries of the vector table, system exceptions included; 0: not known

	Cells          CellFact  `toml:"cells"`
	ECC            Bytes     `toml:"ecc"`              // bytes of an ECC unit; 0: no ECC
	ECCError       ECCFact   `toml:"ecc_error"`        // what a read of a unit does that the ECC cannot correct; without it: ECCStatus
	Erased         Pattern   `toml:"erased"`           // what erased cells read as, where it is not all ones
	Writes         Count     `toml:"writes"`           // programs of a word between erases, for cells "limited"
	RowWrites      RowFact   `toml:"row_writes"`       // programs of a row between erases, after which bits elsewhere in it may change
	ReadWhileWrite BoolFact  `toml:"read_while_write"` // one bank can be read while another one is busy
	ReadCollision  BoolFact  `toml:"read_collision"`   // reading a busy bank is a fault, not a wait
	ReadLine       Bytes     `toml:"read_line"`        // bytes fetched by one flash access
	DataCache      CacheFact `toml:"data_cache"`       // for data reads; 0 lines: none, or none that outlives a change
	Fetch          Fetch     `toml:"fetch"`
	BusDivider     Count     `toml:"bus_divider"`   // core cycles in one cycle of the flash's bus; 0: 1
	BrownOutOff    BoolFact  `toml:"brown_out_off"` // as delivered no brown-out reset stops the processor before it leaves its range
	Row            Bytes     `toml:"row"`           // no program access may cross a multiple of it; 0: no such rule
	Endurance      Erases    `toml:"endurance"`

	Banks      []Bank        `toml:"bank"`
	Program    []ProgramTime `toml:"program"`
	Suspend    Suspend       `toml:"suspend"` // of an erase, for a driver that uses it
	Burst      Burst         `toml:"burst"`   // fast programming, for a driver that uses it
	Swap       Swap          `toml:"swap"`    // of the two banks, by option bytes
	Erase      []EraseTime   `toml:"erase"`
	BankErase  []EraseTime   `toml:"bank_erase"` // of all sectors of a bank at once; Bytes is the size of the bank
	WaitStates []WaitStates  `toml:"wait_states"`
	Retention  []Retention   `toml:"retention"`
	Areas      []Area        `toml:"area"`      // that take more erases than Endurance, wherever they are chosen
	Currents   []Current     `toml:"current"`   // by width; none: not known
	CoreWait   PerMHz        `toml:"core_wait"` // of the core while it waits for the flash
}

// Source is where a fact comes from and how sure it is.
type Source struct {
	Mark string `toml:"mark"`
	From string `toml:"from"`
}

// CellFact is the cell rule with its source.
type CellFact struct {
	Rule cell.Rule `toml:"rule"`
	Source
}

// What a read of a unit does that the ECC cannot correct.
const (
	ECCFault  = "fault"  // a bus fault: the code that reads does not go on
	ECCNMI    = "nmi"    // a non-maskable interrupt: as a fault, where the application has no handler that mends it
	ECCFlag   = "flag"   // a flag is set, and the read returns what the cells hold
	ECCStatus = "status" // the read fails with an error code
)

// ECCFact is one of the above with its source.
type ECCFact struct {
	Value string `toml:"value"`
	Source
}

// BoolFact is a yes or no with its source.
type BoolFact struct {
	Value bool `toml:"value"`
	Source
}

// Count is a number with its source.
type Count struct {
	Value uint32 `toml:"value"`
	Source
}

// Bytes is a size in bytes with its source.
type Bytes struct {
	Bytes uint32 `toml:"bytes"`
	Source
}

// CacheFact is a cache of Lines lines of Bytes bytes, replaced by least recent use, with its source.
type CacheFact struct {
	Lines uint32 `toml:"lines"`
	Bytes uint32 `toml:"bytes"`
	Source
}

// Fetch says how code gets out of the flash: the share of line fetches that cost no wait states.
type Fetch struct {
	Cached     Share `toml:"cached"`     // with instruction cache and prefetch
	Prefetched Share `toml:"prefetched"` // with prefetch alone
}

// Share is a number from 0 to 1 with its source.
type Share struct {
	Share float64 `toml:"share"`
	Source
}

// Erases is a number of erase cycles with its source.
type Erases struct {
	Erases uint32 `toml:"erases"`
	Source
}

// Duration is a time with its source, in the file as "16us" or "81.69us".
type Duration struct {
	Time Time `toml:"time"`
	Source
}

// Time is a duration with a resolution of a nanosecond, written as time.ParseDuration takes it.
type Time time.Duration

// UnmarshalText reads "16us", "81.69us", "1s".
func (t *Time) UnmarshalText(b []byte) error {
	d, err := time.ParseDuration(string(b))
	*t = Time(d)
	return err
}

func (t Time) String() string { return time.Duration(t).String() }

// Pattern is what erased cells read as, a little-endian word, with its source.
type Pattern struct {
	Value uint32 `toml:"value"`
	Source
}

// RowFact is a number of programs of a row of Bytes bytes, with its source.
type RowFact struct {
	Bytes uint32 `toml:"bytes"`
	Value uint32 `toml:"value"`
	Source
}

// ErasedValue is what erased cells read as, a little-endian word.
func (p *Part) ErasedValue() uint32 {
	if p.Erased == (Pattern{}) {
		return 0xFFFF_FFFF
	}
	return p.Erased.Value
}

// Bank is one bank: runs of equal sectors in address order.
type Bank struct {
	At      uint32      `toml:"at"` // its first address; 0: right behind the bank before
	Sectors []SectorRun `toml:"sectors"`
	Source
}

// SectorRun is Count sectors of Bytes each.
type SectorRun struct {
	Count uint32 `toml:"count"`
	Bytes uint32 `toml:"bytes"`
}

// ProgramTime is the duration of one program access of Width bytes.
type ProgramTime struct {
	Width    uint32   `toml:"width"`
	Parallel uint32   `toml:"parallel"` // bytes programmed at once, where an access leaves a choice; 0: it leaves none
	MinMV    uint32   `toml:"min_mv"`   // lowest supply voltage in mV for this width
	Min      Duration `toml:"min"`      // 0: not known
	Typ      Duration `toml:"typ"`
	Max      Duration `toml:"max"`
}

// Suspend is how an erase makes way for an interrupt and goes on behind it. No latency: the part cannot.
type Suspend struct {
	Latency Duration `toml:"latency"` // from the request to the first fetch from the bank
	Resume  Duration `toml:"resume"`  // that the erase takes longer for each time, beside the latency
}

// Burst is fast programming of a whole aligned row of Bytes bytes, in one go. 0 bytes: the part has none.
type Burst struct {
	Bytes  uint32   `toml:"bytes"`
	Typ    Duration `toml:"typ"`
	Max    Duration `toml:"max"`
	Masked BoolFact `toml:"masked"` // interrupts are masked for a row, since a fetch from the flash ends it
}

// EraseTime is the duration of the erase of a sector of Bytes bytes at a parallelism of Width
// bytes.
type EraseTime struct {
	Bytes uint32   `toml:"bytes"`
	Width uint32   `toml:"width"`
	Min   Duration `toml:"min"` // 0: not known
	Typ   Duration `toml:"typ"`
	Max   Duration `toml:"max"`
}

// Retention is what the vendor promises: that data stay for Years at Celsius, after Erases erases of their sector.
type Retention struct {
	Erases  uint32  `toml:"erases"`
	Celsius int     `toml:"celsius"`
	Years   float64 `toml:"years"`
	Source
}

// Area is what may be erased more often than the rest: any Bytes bytes of a bank.
type Area struct {
	Bytes  uint32 `toml:"bytes"`
	Erases uint32 `toml:"erases"`
	Source
}

// Retained returns the promise that holds at a temperature after so many erases and lasts longest. It reports
// false if nothing is promised there; then the one that is nearest comes back, if there is any.
func (p *Part) Retained(erases uint32, celsius int) (Retention, bool) {
	best, near := -1, -1
	for i, r := range p.Retention {
		if r.Erases >= erases && r.Celsius >= celsius && (best < 0 || r.Years > p.Retention[best].Years) {
			best = i
		}
		if r.Erases >= erases && (near < 0 || r.Celsius > p.Retention[near].Celsius) {
			near = i
		}
	}
	switch {
	case best >= 0:
		return p.Retention[best], true
	case near >= 0:
		return p.Retention[near], false
	}
	return Retention{}, false
}

// Rating is the number of erases that size bytes of one bank are rated for if they are what the application
// erases most: those of the area with the highest rating that holds them, else Endurance. 0: not known.
func (p *Part) Rating(size uint32) uint32 {
	rated := p.Endurance.Erases
	for _, a := range p.Areas {
		if size <= a.Bytes {
			rated = max(rated, a.Erases)
		}
	}
	return rated
}

// Current is the supply current that the flash draws, beside the core's, while it programs or erases Width bytes
// at once.
type Current struct {
	Width   uint32   `toml:"width"` // 0: any
	Erase   Microamp `toml:"erase"`
	Program Microamp `toml:"program"`
}

// Microamp is a current in microampere with its source.
type Microamp struct {
	UA uint32 `toml:"ua"`
	Source
}

// PerMHz is a current in microampere for each MHz of core clock, with its source.
type PerMHz struct {
	UA float64 `toml:"ua_per_mhz"`
	Source
}

// Current returns what the flash draws at a width of bytes. It reports false if that is not known.
func (p *Part) Current(width uint32) (Current, bool) {
	for _, c := range p.Currents {
		if c.Width == 0 || c.Width == width {
			return c, true
		}
	}
	return Current{}, false
}

// WaitStates says how many wait states a flash read needs in the range of supply voltages from MinMV
// to MaxMV: one more for each HzPerState of bus clock, up to Most; or, where the steps are not equal, as
// many as there are clocks in Hz below the bus clock.
type WaitStates struct {
	MinMV      uint32   `toml:"min_mv"`
	MaxMV      uint32   `toml:"max_mv"`
	HzPerState uint64   `toml:"hz_per_state"`
	Most       uint64   `toml:"most"`
	Hz         []uint64 `toml:"hz"` // highest bus clock for 0, 1, 2 ... wait states
	Source
}

// Sector is one erase unit.
type Sector struct {
	Addr uint32 // absolute
	Size uint32 // bytes
	Bank int    // from 0
}

// Knowledge is how sure the typical and maximum times of a part's own sectors are.
type Knowledge int

// The kinds of knowledge. A time is unsure if its mark is R or A.
const (
	Known         Knowledge = iota // all are read, measured or derived
	MaximumUnsure                  // a maximum is recalled or assumed
	TimesUnsure                    // a typical time is
)

func (k Knowledge) String() string {
	return [...]string{"", "maximum times assumed or recalled", "times recalled or assumed: read the data sheet"}[k]
}

// Knowledge is that of the least sure time of the part.
func (p *Part) Knowledge() Knowledge {
	k := Known
	add := func(typ, high Duration) {
		unsure := func(d Duration) bool { return d.Mark == "R" || d.Mark == "A" }
		switch {
		case unsure(typ):
			k = TimesUnsure
		case unsure(high):
			k = max(k, MaximumUnsure)
		}
	}
	for _, t := range p.Program {
		add(t.Typ, t.Max)
	}
	for _, t := range p.Erase {
		for i := range p.Banks {
			if slices.ContainsFunc(p.Banks[i].Sectors, func(run SectorRun) bool { return run.Bytes == t.Bytes }) {
				add(t.Typ, t.Max)
				break
			}
		}
	}
	return k
}

// Sectors lists the sectors of all banks in address order.
func (p *Part) Sectors() []Sector {
	n := uint32(0)
	for _, bank := range p.Banks {
		for _, run := range bank.Sectors {
			n += run.Count
		}
	}
	s := make([]Sector, 0, n)
	addr := p.Base
	for b, bank := range p.Banks {
		addr = max(addr, bank.At)
		for _, run := range bank.Sectors {
			for range run.Count {
				s = append(s, Sector{addr, run.Bytes, b})
				addr += run.Bytes
			}
		}
	}
	return s
}

// Size is the size of the flash in bytes, without what lies between banks.
func (p *Part) Size() uint32 {
	var n uint32
	for i := range p.Banks {
		n += p.Banks[i].Size()
	}
	return n
}

// Span is the number of bytes from the first of the flash to the last, with what lies between banks.
func (p *Part) Span() uint32 {
	end := uint64(p.Base)
	for i := range p.Banks {
		end = max(end, uint64(p.Banks[i].At)) + uint64(p.Banks[i].Size())
	}
	return uint32(end - uint64(p.Base))
}

// Size is the size of the bank in bytes.
func (b *Bank) Size() uint32 {
	var n uint32
	for _, run := range b.Sectors {
		n += run.Count * run.Bytes
	}
	return n
}

// ProgramUnit is the smallest number of bytes that the cells take at once.
func (p *Part) ProgramUnit() uint32 {
	if p.Cells.Rule == cell.Limited {
		return max(p.ECC.Bytes, cell.LimitWord)
	}
	return max(p.ECC.Bytes, 1)
}

// States is the number of wait states of a read at a core clock of hz and a supply of mv; an error
// says which range is missed.
func (p *Part) States(hz uint64, mv uint32) (uint64, error) {
	bus := hz / uint64(max(p.BusDivider.Value, 1))
	for _, w := range p.WaitStates {
		if mv < w.MinMV || mv > w.MaxMV {
			continue
		}
		n, most := uint64(0), w.Most
		if len(w.Hz) > 0 {
			most = uint64(len(w.Hz) - 1)
			for n <= most && bus > w.Hz[n] {
				n++
			}
		} else {
			n = (bus - 1) / w.HzPerState
		}
		if n > most {
			return 0, fmt.Errorf("part %s: a clock of %d Hz needs more than %d wait states at %d mV: lower the clock", p.Name, hz, most, mv)
		}
		return n, nil
	}
	if len(p.WaitStates) == 0 {
		return 0, nil
	}
	return 0, fmt.Errorf("part %s: no wait states known for %d mV: choose a supply voltage of the part", p.Name, mv)
}

// ProgramTime is the time of one access of width bytes, parallel of them at once, at a supply of mv. The error
// says what the part has no time for, or what voltage it needs.
func (p *Part) ProgramTime(width, parallel, mv uint32) (ProgramTime, error) {
	for _, t := range p.Program {
		if t.Width == width && (t.Parallel == 0 || t.Parallel == parallel) {
			if mv < t.MinMV {
				return t, fmt.Errorf("accesses of %d bytes need %d mV on part %s, have %d: use a narrower driver or a higher supply", width, t.MinMV, p.Name, mv)
			}
			return t, nil
		}
	}
	return ProgramTime{}, fmt.Errorf("part %s has no time for a program access of %d bytes, %d at once: add a [[program]] or change the driver", p.Name, width, parallel)
}

// EraseTime is the time of the erase of a sector of size bytes at a parallelism of width bytes. The error says
// what the part has no time for.
func (p *Part) EraseTime(size, width uint32) (EraseTime, error) {
	for _, t := range p.Erase {
		if t.Bytes == size && t.Width == width {
			return t, nil
		}
	}
	return EraseTime{}, fmt.Errorf("part %s has no erase time for sectors of %d bytes at a width of %d bytes: add an [[erase]] or change the driver", p.Name, size, width)
}

// Plain is a part without times, for tests and for geometries no real part has: one bank of sectors
// of the given sizes from base on, cells by rule.
func Plain(name string, base uint32, sectors []uint32, rule cell.Rule) *Part {
	p := &Part{Name: name, Title: name, Base: base, MaxHz: 1e9, Cells: CellFact{Rule: rule}}
	var bank Bank
	for _, s := range sectors {
		if n := len(bank.Sectors); n > 0 && bank.Sectors[n-1].Bytes == s {
			bank.Sectors[n-1].Count++
		} else {
			bank.Sectors = append(bank.Sectors, SectorRun{1, s})
		}
	}
	p.Banks = []Bank{bank}
	return p
}

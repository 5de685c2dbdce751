package model

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Part is a microcontroller's flash, as its data file in parts/ describes it. Every fact in it has
// a confidence mark (C, C2, M, R, D; A for an assumption) and a source.
type Part struct {
	Name    string `toml:"name"`
	Title   string `toml:"title"`
	Family  string `toml:"family"` // what drivers are written for: "stm32f4"
	Core    string `toml:"core"`   // file name in cores/
	Base    uint32 `toml:"base"`   // address of the first byte
	MaxHz   uint64 `toml:"max_hz"`
	Vectors int    `toml:"vectors"` // entries of the vector table, system exceptions included

	Cells          CellFact `toml:"cells"`
	ECC            Bytes    `toml:"ecc"`    // bytes of an ECC unit; 0: no ECC
	Writes         Count    `toml:"writes"` // programs of a word between erases, for cells "limited"
	ReadWhileWrite BoolFact `toml:"read_while_write"`
	ReadLine       Bytes    `toml:"read_line"` // bytes fetched by one flash access
	Row            Bytes    `toml:"row"`       // no program access may cross a multiple of it; 0: no such rule
	Endurance      Erases   `toml:"endurance"`

	Banks      []Bank        `toml:"bank"`
	Program    []ProgramTime `toml:"program"`
	Erase      []EraseTime   `toml:"erase"`
	WaitStates []WaitStates  `toml:"wait_states"`
}

// Source is where a fact comes from and how sure it is.
type Source struct {
	Mark string `toml:"mark"`
	From string `toml:"from"`
}

// CellRule says what programming a byte that is not erased does.
type CellRule string

const (
	// CellAND clears bits, silently: STM32F4 and F7.
	CellAND CellRule = "and"
	// CellReject refuses to program a unit that is not erased, unless it already holds just these
	// bytes.
	CellReject CellRule = "reject"
	// CellRejectNonblank refuses to program a unit that is not erased unless with all zeros: STM32L4,
	// G4, L5, WB.
	CellRejectNonblank CellRule = "reject-nonblank"
	// CellCorruptECC lets a second program of a unit damage its ECC: STM32H7, U5, H5, Kinetis K6x.
	CellCorruptECC CellRule = "corrupt-ecc"
	// CellLimited clears bits, and refuses a word that was programmed as often as is allowed between
	// erases: nRF52.
	CellLimited CellRule = "limited"
	// CellCopy overwrites, as a simulated medium may.
	CellCopy CellRule = "copy"
)

// CellFact is the cell rule with its source.
type CellFact struct {
	Rule CellRule `toml:"rule"`
	Source
}

// BoolFact is a yes or no with its source.
type BoolFact struct {
	Value bool `toml:"value"`
	Source
}

// Bytes is a size in bytes with its source.
type Bytes struct {
	Bytes uint32 `toml:"bytes"`
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

// Bank is one bank: runs of equal sectors in address order.
type Bank struct {
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
	Width uint32   `toml:"width"`
	MinMV uint32   `toml:"min_mv"` // lowest supply voltage in mV for this width
	Typ   Duration `toml:"typ"`
	Max   Duration `toml:"max"`
}

// EraseTime is the duration of the erase of a sector of Bytes bytes at a parallelism of Width
// bytes.
type EraseTime struct {
	Bytes uint32   `toml:"bytes"`
	Width uint32   `toml:"width"`
	Typ   Duration `toml:"typ"`
	Max   Duration `toml:"max"`
}

// WaitStates says how many wait states a flash read needs: one more for each HzPerState of core
// clock, in the range of supply voltages from MinMV to MaxMV.
type WaitStates struct {
	MinMV      uint32 `toml:"min_mv"`
	MaxMV      uint32 `toml:"max_mv"`
	HzPerState uint64 `toml:"hz_per_state"`
	Most       uint64 `toml:"most"`
	Source
}

// Sector is one erase unit.
type Sector struct {
	Addr uint32 // absolute
	Size uint32 // bytes
	Bank int    // from 0
}

// Sectors lists the sectors of all banks in address order.
func (p *Part) Sectors() []Sector {
	var s []Sector
	addr := p.Base
	for b, bank := range p.Banks {
		for _, run := range bank.Sectors {
			for range run.Count {
				s = append(s, Sector{addr, run.Bytes, b})
				addr += run.Bytes
			}
		}
	}
	return s
}

// Size is the size of the flash in bytes.
func (p *Part) Size() uint32 {
	var n uint32
	for _, bank := range p.Banks {
		for _, run := range bank.Sectors {
			n += run.Count * run.Bytes
		}
	}
	return n
}

// programUnit is the smallest number of bytes that the cells take at once.
func (p *Part) programUnit() uint32 {
	if p.Cells.Rule == CellLimited {
		return max(p.ECC.Bytes, limitWord)
	}
	return max(p.ECC.Bytes, 1)
}

// States is the number of wait states of a read at hz and mv; an error says which range is missed.
func (p *Part) States(hz uint64, mv uint32) (uint64, error) {
	for _, w := range p.WaitStates {
		if mv < w.MinMV || mv > w.MaxMV {
			continue
		}
		n := (hz - 1) / w.HzPerState
		if n > w.Most {
			return 0, fmt.Errorf("part %s: a clock of %d Hz needs more than %d wait states at %d mV: lower the clock", p.Name, hz, w.Most, mv)
		}
		return n, nil
	}
	if len(p.WaitStates) == 0 {
		return 0, nil
	}
	return 0, fmt.Errorf("part %s: no wait states known for %d mV: choose a supply voltage of the part", p.Name, mv)
}

// Plain is a part without times, for tests and for geometries no real part has: one bank of sectors
// of the given sizes from base on, cells by rule.
func Plain(name string, base uint32, sectors []uint32, rule CellRule) *Part {
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

// check finds what cannot be true of any part.
func (p *Part) check() error {
	bad := func(key, format string, args ...any) error {
		return fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...))
	}
	if p.Name == "" {
		return bad("name", "is missing: give the part a name")
	}
	if p.MaxHz == 0 || p.MaxHz > 10_000_000_000 {
		return bad("max_hz", "%d is no core clock: give the highest one in Hz", p.MaxHz)
	}
	switch p.Cells.Rule {
	case CellAND, CellReject, CellRejectNonblank, CellCorruptECC, CellLimited, CellCopy:
	default:
		return bad("cells.rule", "%q is unknown: use %q, %q, %q, %q, %q or %q", p.Cells.Rule,
			CellAND, CellRejectNonblank, CellCorruptECC, CellLimited, CellReject, CellCopy)
	}
	if e := p.ECC.Bytes; e&(e-1) != 0 || e > 64 {
		return bad("ecc.bytes", "%d is no ECC unit: give a power of two of bytes up to 64, or 0 for none", e)
	}
	if p.Cells.Rule == CellCorruptECC && p.ECC.Bytes == 0 {
		return bad("ecc.bytes", "is missing: cells of rule %q have an ECC to corrupt", CellCorruptECC)
	}
	if w := p.Writes.Value; p.Cells.Rule == CellLimited && (w == 0 || w > 255) {
		return bad("writes.value", "%d is out of range: cells of rule %q take 1 to 255 programs of a word between erases", w, CellLimited)
	}
	if len(p.Banks) == 0 {
		return bad("bank", "is missing: a part has at least one bank")
	}
	total := uint64(0)
	sizes := map[uint32]bool{}
	for i, b := range p.Banks {
		if len(b.Sectors) == 0 {
			return bad("bank", "bank %d has no sectors", i+1)
		}
		for _, run := range b.Sectors {
			if run.Count == 0 || run.Bytes < 64 || run.Bytes&(run.Bytes-1) != 0 || run.Bytes > 1<<24 {
				return bad("bank.sectors", "bank %d: %d x %d bytes: a sector is a power of two from 64 bytes to 16 MiB, at least once", i+1, run.Count, run.Bytes)
			}
			if total += uint64(run.Count) * uint64(run.Bytes); total > 1<<28 {
				return bad("bank.sectors", "the sectors up to bank %d come to more than 256 MiB", i+1)
			}
			sizes[run.Bytes] = true
		}
	}
	if uint64(p.Base)+total > 1<<32 {
		return bad("base", "0x%08X and %d bytes do not fit in 32 bits of address", p.Base, total)
	}
	if p.Base&(maxPage-1) != 0 {
		return bad("base", "0x%08X is not a multiple of %d", p.Base, maxPage)
	}
	for _, t := range p.Program {
		if t.Width == 0 || t.Width&(t.Width-1) != 0 || t.Width > 256 {
			return bad("program.width", "%d is no access width in bytes", t.Width)
		}
		if err := checkTimes(fmt.Sprintf("program (width %d)", t.Width), t.Typ, t.Max); err != nil {
			return err
		}
	}
	for _, t := range p.Erase {
		key := fmt.Sprintf("erase (%d bytes, width %d)", t.Bytes, t.Width)
		if !sizes[t.Bytes] {
			return bad(key, "the part has no sector of this size")
		}
		if err := checkTimes(key, t.Typ, t.Max); err != nil {
			return err
		}
	}
	for _, w := range p.WaitStates {
		if w.HzPerState == 0 || w.MinMV > w.MaxMV {
			return bad("wait_states", "%d to %d mV at %d Hz a state is no range", w.MinMV, w.MaxMV, w.HzPerState)
		}
	}
	if l := p.ReadLine.Bytes; l&(l-1) != 0 {
		return bad("read_line.bytes", "%d is not a power of two", l)
	}
	slices.SortStableFunc(p.WaitStates, func(a, b WaitStates) int { return cmp.Compare(b.MinMV, a.MinMV) })
	return nil
}

func checkTimes(key string, typ, max Duration) error {
	for _, d := range []Duration{typ, max} {
		if d.Time <= 0 || d.Time > Time(time.Hour) {
			return fmt.Errorf("%s: times must be given as typ and max, above 0 and below an hour: have %v and %v", key, typ.Time, max.Time)
		}
	}
	if typ.Time > max.Time {
		return fmt.Errorf("%s: typ %v is above max %v", key, typ.Time, max.Time)
	}
	return nil
}

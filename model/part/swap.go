package part

import (
	"slices"
	"time"

	"dualbank/model/cell"
)

// Swap is how option bytes exchange the addresses of a part's two banks. A part without an option cannot.
type Swap struct {
	Option   Text     `toml:"option"`    // name of the bit
	Load     Text     `toml:"load"`      // which resets load the options beside a power-on: LoadLaunch or LoadReset
	Erase    Text     `toml:"erase"`     // what an erase takes for the bank: ErasePhysical or EraseMapped
	Typ      Duration `toml:"typ"`       // of a write of the option bytes
	Max      Duration `toml:"max"`       // likewise
	AfterCut Text     `toml:"after_cut"` // what a write that a cut interrupts leaves: CutOld or CutMismatch
}

// The resets that load the options. Every power-on and every brown-out does.
const (
	LoadLaunch = "launch" // only the one that software asks for: OBL_LAUNCH
	LoadReset  = "reset"  // all
)

// What an erase takes for the bank.
const (
	ErasePhysical = "physical" // the bank as it is built, wherever its addresses are: the driver must look at the swap
	EraseMapped   = "mapped"   // the bank that the address is in
)

// What a cut leaves of a write of the option bytes.
const (
	CutOld      = "old"      // the options as they were
	CutMismatch = "mismatch" // options and complements that do not fit: the part is locked from the next power-on on
)

// Text is a word with its source.
type Text struct {
	Value string `toml:"value"`
	Source
}

func (t Text) value() string { return t.Value }

// checkSwap finds what cannot be true of a swap.
func (p *Part) checkSwap() error {
	s := &p.Swap
	if *s == (Swap{}) {
		return nil
	}
	if s.Option.Value == "" {
		return badKey("swap.option", "is missing: name the option that swaps the banks")
	}
	for _, w := range []struct {
		key, have, a, b string
	}{{"load", s.Load.Value, LoadLaunch, LoadReset}, {"erase", s.Erase.Value, ErasePhysical, EraseMapped}, {"after_cut", s.AfterCut.Value, CutOld, CutMismatch}} {
		if w.have != w.a && w.have != w.b {
			return badKey("swap."+w.key, "%q is unknown: use %q or %q", w.have, w.a, w.b)
		}
	}
	if s.Max.Time > Time(time.Minute) {
		return badKey("swap.max", "%v is no time of a write of option bytes: give up to a minute", s.Max.Time)
	}
	if err := checkTime("swap", Duration{}, s.Typ, s.Max); err != nil {
		return err
	}
	if !p.hasHalves() {
		return badKey("swap.option", "%q swaps two banks of equal sectors without a gap, and the part has others: leave it out", s.Option.Value)
	}
	return nil
}

// hasHalves reports whether the flash is two banks of equal sectors without a gap, a power of two of bytes in all.
func (p *Part) hasHalves() bool {
	return len(p.Banks) == 2 && slices.Equal(p.Banks[0].Sectors, p.Banks[1].Sectors) && p.Span() == p.Size() && p.Size()&(p.Size()-1) == 0
}

// Halves is Plain with two banks, each of sectors of the given sizes, that option bytes swap: an interrupted write
// leaves a mismatch, and an erase takes the physical bank.
func Halves(name string, base uint32, sectors []uint32, rule cell.Rule) *Part {
	p := Plain(name, base, sectors, rule)
	p.Banks = append(p.Banks, p.Banks[0])
	p.Swap = Swap{
		Option: Text{Value: "swap"}, Load: Text{Value: LoadLaunch}, Erase: Text{Value: ErasePhysical}, AfterCut: Text{Value: CutMismatch},
		Typ: Duration{Time: Time(time.Millisecond)}, Max: Duration{Time: Time(time.Millisecond)},
	}
	return p
}

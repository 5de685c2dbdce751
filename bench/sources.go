package bench

import (
	"fmt"

	"dualbank/model"
	"dualbank/results"
)

// sources lists the facts that a run on this device depends on, each with its confidence mark.
func (d *Device) sources(mv uint32) ([]results.Source, error) {
	p := d.Flash.Part()
	var out []results.Source
	add := func(s model.Source, fact, format string, args ...any) {
		out = append(out, results.Source{Fact: fact, Value: fmt.Sprintf(format, args...), Mark: s.Mark, From: s.From})
	}
	partFacts(p, add)

	used := d.driver
	for _, t := range p.Program {
		if t.Width >= used.Unit.Value && t.Width <= used.ProgramWidth.Value {
			at := pick(d.Corner, t.Typ, t.Max)
			add(at.Source, fmt.Sprintf("program at x%d, %v", 8*t.Width, d.Corner), "%v", at.Time)
		}
	}
	for _, t := range p.Erase {
		if t.Width == used.EraseWidth.Value {
			at := pick(d.Corner, t.Typ, t.Max)
			add(at.Source, fmt.Sprintf("erase of %d KiB at x%d, %v", t.Bytes/1024, 8*t.Width, d.Corner), "%v", at.Time)
		}
	}
	states, err := p.States(d.Flash.Hz(), mv)
	if err != nil {
		return nil, err
	}
	for _, w := range p.WaitStates {
		if mv >= w.MinMV && mv <= w.MaxMV {
			add(w.Source, fmt.Sprintf("wait states at %d MHz, %d mV", d.Flash.Hz()/1_000_000, mv), "%d", states)
			break
		}
	}

	drv := "driver " + d.Driver + ": "
	for _, c := range []struct {
		fact string
		v    model.Count
	}{{"program unit", used.Unit}, {"bytes of one program access", used.ProgramWidth}, {"erase parallelism", used.EraseWidth}} {
		add(c.v.Source, drv+c.fact, "%d", c.v.Value)
	}
	add(used.EraseMasked.Source, drv+"interrupts masked while a sector is erased", "%s", yesNo(used.EraseMasked.Value))
	add(used.ProgramMasked.Source, drv+"interrupts masked while programming", "%s", yesNo(used.ProgramMasked.Value))
	for _, c := range []struct {
		fact string
		v    model.Cycles
	}{
		{"a read call", used.ReadCall},
		{"a program call", used.ProgramCall},
		{"cache reset of a program call", used.ProgramCacheReset},
		{"a program access", used.ProgramAccess},
		{"an erase call", used.EraseCall},
		{"cache reset of an erase call", used.EraseCacheReset},
		{"a sector's erase", used.EraseSector},
	} {
		add(c.v.Source, drv+c.fact, "%d cycles", c.v.Cycles)
	}
	core := d.core
	if core == nil {
		return out, nil
	}
	add(core.Call.Source, core.Title+": a call of the store", "%d cycles", core.Call.Cycles)
	for _, c := range []struct {
		fact string
		v    model.PerByte
	}{{"copying", core.Copy}, {"CRC-32", core.CRC32}, {"SHA-256", core.SHA256}} {
		add(c.v.Source, core.Title+": "+c.fact, "%g cycles a byte", c.v.Cycles)
	}
	return out, nil
}

func pick(c model.Corner, typ, max model.Duration) model.Duration {
	if c == model.Max {
		return max
	}
	return typ
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

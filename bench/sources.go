package bench

import (
	"slices"

	"dualbank/model/part"
	"dualbank/results"
)

// Sources lists the facts that a run on this device depends on, each with its confidence mark: those of
// the part at the supply voltage mv and the widths that the driver uses, the driver's, the core's.
func (d *Device) Sources(mv uint32) []results.Source {
	p := *d.Flash.Part()
	p.Program = slices.Clone(p.Program)
	p.Program = slices.DeleteFunc(p.Program, func(t part.ProgramTime) bool {
		return t.Width < d.driver.Unit.Value || t.Width > d.driver.ProgramWidth.Value || t.MinMV > mv
	})
	p.Erase = slices.Clone(p.Erase)
	p.Erase = slices.DeleteFunc(p.Erase, func(t part.EraseTime) bool { return t.Width != d.driver.EraseWidth.Value })
	p.BankErase = nil
	p.WaitStates = slices.Clone(p.WaitStates)
	p.WaitStates = slices.DeleteFunc(p.WaitStates, func(w part.WaitStates) bool { return mv < w.MinMV || mv > w.MaxMV })

	var out []results.Source
	add := func(prefix string, facts []part.Fact) {
		for _, f := range facts {
			out = append(out, results.Source{Fact: prefix + f.Name, Value: f.Value, Mark: f.Mark, From: f.From})
		}
	}
	add("", part.Facts(&p))
	add("driver "+d.Driver+": ", part.Facts(d.driver))
	if d.core != nil {
		add(d.core.Title+": ", part.Facts(d.core))
	}
	if e := d.external; e != nil {
		add(e.part.Title+": ", part.Facts(e.part))
		add(e.driver.Title+": ", part.Facts(e.driver))
	}
	if d.law != nil {
		add("wear law "+d.law.Name+": ", part.Facts(d.law))
	}
	return out
}

package bench

import (
	"slices"

	"dualbank/model"
	"dualbank/results"
)

// Sources lists the facts that a run on this device depends on, each with its confidence mark: those of
// the part at the supply voltage mv and the widths that the driver uses, the driver's, the core's.
func (d *Device) Sources(mv uint32) []results.Source {
	p := *d.Flash.Part()
	p.Program = slices.Clone(p.Program)
	p.Program = slices.DeleteFunc(p.Program, func(t model.ProgramTime) bool {
		return t.Width < d.driver.Unit.Value || t.Width > d.driver.ProgramWidth.Value || t.MinMV > mv
	})
	p.Erase = slices.Clone(p.Erase)
	p.Erase = slices.DeleteFunc(p.Erase, func(t model.EraseTime) bool { return t.Width != d.driver.EraseWidth.Value })
	p.BankErase = nil
	p.WaitStates = slices.Clone(p.WaitStates)
	p.WaitStates = slices.DeleteFunc(p.WaitStates, func(w model.WaitStates) bool { return mv < w.MinMV || mv > w.MaxMV })

	var out []results.Source
	add := func(prefix string, facts []model.Fact) {
		for _, f := range facts {
			out = append(out, results.Source{Fact: prefix + f.Name, Value: f.Value, Mark: f.Mark, From: f.From})
		}
	}
	add("", model.Facts(&p))
	add("driver "+d.Driver+": ", model.Facts(d.driver))
	if d.core != nil {
		add(d.core.Title+": ", model.Facts(d.core))
	}
	if e := d.external; e != nil {
		add(e.part.Title+": ", model.Facts(e.part))
		add(e.driver.Title+": ", model.Facts(e.driver))
	}
	if d.law != nil {
		add("wear law "+d.law.Name+": ", model.Facts(d.law))
	}
	return out
}

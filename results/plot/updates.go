package plot

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"

	"dualbank/results"
	"dualbank/results/unit"
)

// maxBars is the largest number of updates that the picture has a bar for.
const maxBars = 12

// barred returns the updates that get a bar: all, or if there are too many the largest of each name.
func barred(all []results.UpdateTime) []results.UpdateTime {
	if len(all) <= maxBars {
		return all
	}
	var out []results.UpdateTime
	for _, u := range all {
		i := slices.IndexFunc(out, func(o results.UpdateTime) bool { return o.Name == u.Name })
		switch {
		case i < 0:
			out = append(out, u)
		case u.Size > out[i].Size:
			out[i] = u
		}
	}
	return out[:min(len(out), maxBars)]
}

func updatesPicture(of []results.UpdateTime) *Picture {
	all := barred(of)
	most := 0.0
	for _, u := range all {
		most = max(most, u.Total())
	}
	if most < shortest {
		return nil
	}
	title := "Update time by driver and phase, in simulated time"
	if one := all[0].Size; all[0].Label(all) == all[0].Name && one > 0 {
		title = fmt.Sprintf("Update time of %s by driver and phase, in simulated time", unit.Size(float64(one)))
	}
	note := "Below each bar: how long the application could not run for want of its code, and how long interrupts were masked."
	if n := len(of) - len(all); n > 0 {
		note += fmt.Sprintf(" The tables have %d more.", n)
	}
	return &Picture{
		Name:  "updates",
		Title: title,
		note:  note,
		words: updatesWords(all),
		body:  func(w vg.Length) part { return updatesBody(all, most, w) },
	}
}

// phaseLegend returns a legend entry for each colour, with its phases, and the shade of each phase.
func phaseLegend(names []string) (entries []entry, shadeOf map[string]*shade) {
	shadeOf = map[string]*shade{}
	for i, n := range names {
		s := phaseShade(n, i)
		shadeOf[n] = s
		at := slices.IndexFunc(entries, func(e entry) bool { return e.shade == s })
		if at >= 0 && phaseShades[n] != nil {
			entries[at].label += ", " + n
		} else {
			entries = append(entries, entry{s, n})
		}
	}
	return entries, shadeOf
}

func updatesWords(all []results.UpdateTime) []string {
	var out []string
	for _, u := range all {
		var phases []string
		for _, ph := range u.Phases {
			phases = append(phases, ph.Name+" "+unit.Duration(ph.Seconds))
		}
		stall, masked := u.Felt()
		out = append(out, fmt.Sprintf("%s: %s in all (%s), CPU stalled for %s, interrupts masked for %s.",
			u.Label(all), unit.Duration(u.Total()), strings.Join(phases, ", "), unit.Duration(stall), unit.Duration(masked)))
	}
	return out
}

func updatesBody(all []results.UpdateTime, most float64, w vg.Length) part {
	const (
		bar = 28
		row = 74
		gap = 1 // between segments
	)
	entries, shadeOf := phaseLegend(results.PhaseNames(all))
	key := pen{}.legend(0, w, entries)
	rows := vg.Length(len(all)) * row
	return part{height: key + 8 + rows + 24, draw: func(p pen) {
		p.legend(0, p.w, entries)
		top := key + 8
		small, bold := lettering(smallSize, false, muted), lettering(bodySize, true, ink)
		x := func(v float64) vg.Length { return p.w * vg.Length(v/most) }
		ticks := timeTicks(most, max(2, int(p.w/90)))
		for i, u := range all {
			y := top + vg.Length(i)*row
			p.text(0, y+14, left, bold, fitted(u.Label(all), bold, p.w-90))
			p.text(p.w, y+14, right, bold, unit.Duration(u.Total()))
			at := 0.0
			for _, ph := range u.Phases {
				x0, x1 := x(at), x(at+ph.Seconds)
				at += ph.Seconds
				if ph.Seconds == 0 {
					continue
				}
				s := shadeOf[ph.Name]
				if x1-x0 > 4 {
					x1 -= gap
				}
				p.box(min(x0, p.w-1.5), y+20, max(x1, min(x0+1.5, p.w)), y+20+bar, s)
				in := lettering(smallSize, true, onFill(s))
				for _, label := range []string{ph.Name + " " + unit.Duration(ph.Seconds), unit.Duration(ph.Seconds)} {
					if in.Width(label)+10 <= x1-x0 {
						p.text(x0+6, y+38, left, in, label)
						break
					}
				}
			}
			stall, masked := u.Felt()
			p.text(0, y+61, left, small, fmt.Sprintf("CPU stalled %s, interrupts masked %s", unit.Duration(stall), unit.Duration(masked)))
		}
		p.underneath(top+rows, ticks, x)
		p.line(0, top+rows, p.w, top+rows, 1.5, ink)
	}}
}

package results

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg"
)

// total is the duration of a whole update in seconds.
func (u UpdateTime) total() float64 {
	var sum float64
	for _, ph := range u.Phases {
		sum += ph.Seconds
	}
	return sum
}

// felt is the time that the application is stalled, and that interrupts are masked, in seconds.
func (u UpdateTime) felt() (stall, masked float64) {
	for _, ph := range u.Phases {
		stall += ph.Stall
		masked += ph.Masked
	}
	return stall, masked
}

// label names an update, with its size where sizes differ.
func (u UpdateTime) label(all []UpdateTime) string {
	for _, o := range all {
		if o.Size != u.Size {
			return fmt.Sprintf("%s, %s", u.Name, size(float64(u.Size)))
		}
	}
	return u.Name
}

// phaseNames are the names of all phases, in the order in which they first appear.
func phaseNames(all []UpdateTime) []string {
	var out []string
	seen := map[string]bool{}
	for _, u := range all {
		for _, ph := range u.Phases {
			if !seen[ph.Name] {
				seen[ph.Name] = true
				out = append(out, ph.Name)
			}
		}
	}
	return out
}

func updatesPicture(all []UpdateTime) *picture {
	most := 0.0
	for _, u := range all {
		most = max(most, u.total())
	}
	if most < shortest {
		return nil
	}
	title := "Update time by driver and phase, in simulated time"
	if one := all[0].Size; all[0].label(all) == all[0].Name && one > 0 {
		title = fmt.Sprintf("Update time of %s by driver and phase, in simulated time", size(float64(one)))
	}
	return &picture{
		name:  "updates",
		title: title,
		note:  "Below each bar: how long the application could not run for want of its code, and how long interrupts were masked.",
		words: updatesWords(all),
		body:  func(w vg.Length) part { return updatesBody(all, most, w) },
	}
}

func updatesWords(all []UpdateTime) []string {
	var out []string
	for _, u := range all {
		var phases []string
		for _, ph := range u.Phases {
			phases = append(phases, ph.Name+" "+duration(ph.Seconds))
		}
		stall, masked := u.felt()
		out = append(out, fmt.Sprintf("%s: %s in all (%s), CPU stalled for %s, interrupts masked for %s.",
			u.label(all), duration(u.total()), strings.Join(phases, ", "), duration(stall), duration(masked)))
	}
	return out
}

func updatesBody(all []UpdateTime, most float64, w vg.Length) part {
	const (
		bar = 28
		row = 74
		gap = 1 // between segments
	)
	names := phaseNames(all)
	var entries []entry
	shadeOf := map[string]*shade{}
	for i, n := range names {
		shadeOf[n] = phaseShade(n, i)
		entries = append(entries, entry{shadeOf[n], n})
	}
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
			p.text(0, y+14, left, bold, fitted(u.label(all), bold, p.w-90))
			p.text(p.w, y+14, right, bold, duration(u.total()))
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
				for _, label := range []string{ph.Name + " " + duration(ph.Seconds), duration(ph.Seconds)} {
					if in.Width(label)+10 <= x1-x0 {
						p.text(x0+6, y+38, left, in, label)
						break
					}
				}
			}
			stall, masked := u.felt()
			p.text(0, y+61, left, small, fmt.Sprintf("CPU stalled %s, interrupts masked %s", duration(stall), duration(masked)))
		}
		p.underneath(top+rows, ticks, x)
		p.line(0, top+rows, p.w, top+rows, 1.5, ink)
	}}
}

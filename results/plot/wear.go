package plot

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"

	"dualbank/results"
	"dualbank/results/unit"
)

// region is a run of neighbouring sectors with one purpose.
type region struct {
	name        string
	first, last int // sectors
	shade       *shade
}

// regionShades are the colours of the regions of a dual-bank layout, the same in every report. Other regions
// take the remaining colours.
var regionShades = map[string]*shade{
	"":            quiet,
	"bootloader":  purple,
	"application": blue,
	"KVStore":     orange,
	"candidate":   green,
}

func regions(wear []results.SectorWear) []region {
	var out []region
	given := map[string]*shade{}
	spare := []*shade{sky, vermillion, yellow, ink}
	for i, s := range wear {
		if n := len(out); n > 0 && out[n-1].name == s.Region {
			out[n-1].last = i
			continue
		}
		sh := regionShades[s.Region]
		if sh == nil {
			sh = given[s.Region]
		}
		if sh == nil {
			sh = spare[len(given)%len(spare)]
			given[s.Region] = sh
		}
		out = append(out, region{s.Region, i, i, sh})
	}
	return out
}

// most returns the sector from first to last that was erased most often.
func most(wear []results.SectorWear, first, last int) int {
	top := first
	for i := first; i <= last; i++ {
		if wear[i].Erases > wear[top].Erases {
			top = i
		}
	}
	return top
}

// wearScale maps a number of erases to a height: a logarithm that begins at zero.
func wearScale(n float64) float64 { return math.Log10(1 + n) }

func wearPicture(wear []results.SectorWear) *Picture {
	if len(wear) == 0 {
		return nil
	}
	return &Picture{
		Name:  "wear",
		Title: "Wear: erases of each flash sector",
		note:  "One bar a sector, in address order; logarithmic scale. The dashed line is the rated endurance.",
		words: wearWords(wear),
		body:  func(w vg.Length) part { return wearBody(wear, w) },
	}
}

func wearWords(wear []results.SectorWear) []string {
	var b strings.Builder
	top := most(wear, 0, len(wear)-1)
	s := wear[top]
	if s.Erases == 0 {
		return []string{fmt.Sprintf("None of the %s was erased.", unit.Plural(len(wear), "sector"))}
	}
	fmt.Fprintf(&b, "Sector %d at %s%s was erased most often: %s", top, unit.Address(s.Addr), inRegion(s.Region), unit.Plural(s.Erases, "time"))
	if s.Endurance > 0 {
		fmt.Fprintf(&b, ", %s of the rated %s", unit.Percent(float64(s.Erases)/float64(s.Endurance)), unit.Count(s.Endurance))
	}
	b.WriteString(". Most erases of one sector by region: ")
	for i, r := range regions(wear) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", results.RegionName(r.name), unit.Count(wear[most(wear, r.first, r.last)].Erases))
	}
	b.WriteString(".")
	return []string{b.String()}
}

func inRegion(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func wearBody(wear []results.SectorWear, w vg.Length) part {
	const (
		bars  = 210
		strip = 22
	)
	peak := 1.0
	for _, s := range wear {
		peak = max(peak, float64(s.Erases), float64(s.Endurance))
	}
	axis := vg.Length(44) // left of the bars, for 10,000
	if peak >= 100_000 {
		axis = 52
	}
	regs := regions(wear)
	col := (w - axis) / vg.Length(len(wear))
	sizes := col >= 24 // room for a sector's number and size below its bar
	var entries []entry
	for _, r := range regs {
		entries = append(entries, entry{r.shade, fmt.Sprintf("%s: %s, %s", results.RegionName(r.name), unit.Address(wear[r.first].Addr), unit.Plural(r.last-r.first+1, "sector"))})
	}
	top := vg.Length(34)
	below := vg.Length(8)
	if sizes {
		below += 36
	}
	under := 8 + pen{}.legend(0, w, entries)
	return part{height: top + bars + below + strip + under, draw: func(p pen) {
		base := top + bars
		ceiling := wearScale(peak * 1.35)
		y := func(n float64) vg.Length { return base - bars*vg.Length(wearScale(n)/ceiling) }
		x := func(i int) vg.Length { return axis + col*vg.Length(i) }

		tickStyle := lettering(smallSize, false, muted)
		for n := 0.0; n <= peak; n = max(1, n*10) {
			p.line(axis, y(n), p.w, y(n), 1, grid)
			p.text(axis-6, y(n)+4, right, tickStyle, unit.Grouped(fmt.Sprintf("%.0f", n)))
		}
		bankStyle, end := lettering(smallSize, true, muted), vg.Length(0)
		for i := range wear {
			if i == 0 || wear[i].BankName() != wear[i-1].BankName() {
				if i > 0 {
					p.line(snap(x(i)), 4, snap(x(i)), base, 1, muted, 2, 3)
				}
				at := max(x(i)+4, end) // a bank narrower than its name moves the next name on
				p.text(at, 14, left, bankStyle, wear[i].BankName())
				end = at + bankStyle.Width(wear[i].BankName()) + 10
			}
		}
		for _, r := range regs {
			p.wearBars(wear, r, x, y, base, col)
		}
		p.enduranceLine(wear, x, y)
		p.wearCounts(wear, regs, x, y, col)
		p.line(axis, base, p.w, base, 1.5, ink)
		if sizes {
			for i, s := range wear {
				mid := x(i) + col/2
				p.text(mid, base+16, center, tickStyle, fmt.Sprint(i))
				p.text(mid, base+31, center, tickStyle, unit.Digits(float64(s.Size)/1024, 4))
			}
			p.text(axis-6, base+16, right, tickStyle, "sector")
			p.text(axis-6, base+31, right, tickStyle, "KiB")
		}
		at := base + below
		for _, r := range regs {
			x0, x1 := x(r.first), x(r.last+1)
			p.box(x0+0.5, at, x1-0.5, at+strip, r.shade)
			if st := lettering(smallSize, true, onFill(r.shade)); st.Width(results.RegionName(r.name))+6 <= x1-x0 {
				p.text((x0+x1)/2, at+15, center, st, results.RegionName(r.name))
			}
		}
		p.legend(at+strip+8, p.w, entries)
	}}
}

// wearBars draws the bars of one region, as one shape if they are narrow: bars of a pixel's width with gaps
// between them shimmer.
func (p pen) wearBars(wear []results.SectorWear, r region, x func(int) vg.Length, y func(float64) vg.Length, base, col vg.Length) {
	if col >= 6 {
		for i := r.first; i <= r.last; i++ {
			if n := wear[i].Erases; n > 0 {
				p.tip(fmt.Sprintf("sector %d at %s: erased %s", i, unit.Address(wear[i].Addr), unit.Plural(n, "time")))
				p.box(x(i)+1, y(float64(n)), x(i+1)-1, base, r.shade)
			}
		}
		p.tip("")
		return
	}
	pts := []vg.Point{p.at(x(r.first), base)}
	for i := r.first; i <= r.last; i++ {
		h := snap(y(float64(wear[i].Erases)))
		pts = append(pts, p.at(x(i), h), p.at(x(i+1), h))
	}
	p.area(r.shade, append(pts, p.at(x(r.last+1), base))...)
}

// enduranceLine draws the rated endurance, in steps where it differs from sector to sector.
func (p pen) enduranceLine(wear []results.SectorWear, x func(int) vg.Length, y func(float64) vg.Length) {
	st := lettering(smallSize, true, ink)
	for i := 0; i < len(wear); {
		j := i
		for j < len(wear) && wear[j].Endurance == wear[i].Endurance {
			j++
		}
		if e := wear[i].Endurance; e > 0 {
			p.line(x(i), y(float64(e)), x(j), y(float64(e)), 2, vermillion, 6, 4)
			p.text(x(i)+4, y(float64(e))-6, left, st, "rated "+unit.Count(e)+" erases")
		}
		i = j
	}
}

// wearCounts writes the number of erases over each bar, or over the highest of each region if there is no
// room.
func (p pen) wearCounts(wear []results.SectorWear, regs []region, x func(int) vg.Length, y func(float64) vg.Length, col vg.Length) {
	st := lettering(smallSize, false, ink)
	end := vg.Length(-1e9)
	put := func(i int) {
		label := unit.Count(wear[i].Erases)
		wide := st.Width(label)
		bank := i
		for bank > 0 && wear[bank-1].BankName() == wear[i].BankName() {
			bank--
		}
		at := min(max(x(i)+col/2-wide/2, x(bank)+3), p.w-wide)
		if wear[i].Erases == 0 || at < end+3 {
			return
		}
		top, st := y(float64(wear[i].Erases)), st
		// If the line of the rating would cross it, the number goes into the bar, or above the line.
		if line := y(float64(wear[i].Endurance)); wear[i].Endurance > 0 && line < top+2 && line > top-18 {
			if wide+2 <= col {
				for _, r := range regs {
					if i >= r.first && i <= r.last {
						st = lettering(smallSize, false, onFill(r.shade))
					}
				}
				top += 19
			} else {
				top = line - 2
			}
		}
		p.text(at, top-4, left, st, label)
		end = at + wide
	}
	each := true
	for i := range wear {
		each = each && st.Width(unit.Count(wear[i].Erases))+2 <= col
	}
	for _, r := range regs {
		if !each {
			put(most(wear, r.first, r.last))
			continue
		}
		for i := r.first; i <= r.last; i++ {
			put(i)
		}
	}
}

package plot

import (
	"fmt"
	"slices"

	"gonum.org/v1/plot/vg"

	"dualbank/results"
	"dualbank/results/unit"
)

// sizeCurve is the time of updates of one name by their size.
type sizeCurve struct {
	name   string
	points []sizePoint
}

// sizePoint is one update: its size in bytes, its total time and the time down in seconds.
type sizePoint struct{ size, total, down float64 }

// sizeCurves returns a curve for each name that has more than one size, in order.
func sizeCurves(all []results.UpdateTime) (curves []sizeCurve) {
	for _, u := range all {
		p := sizePoint{size: float64(u.Size), total: u.Total(), down: u.Down()}
		i := slices.IndexFunc(curves, func(c sizeCurve) bool { return c.name == u.Name })
		if i < 0 {
			i = len(curves)
			curves = append(curves, sizeCurve{name: u.Name})
		}
		curves[i].points = append(curves[i].points, p)
	}
	curves = slices.DeleteFunc(curves, func(c sizeCurve) bool { return len(c.points) < 2 })
	for _, c := range curves {
		slices.SortStableFunc(c.points, func(a, b sizePoint) int { return int(a.size) - int(b.size) })
	}
	return curves
}

func updateSizesPicture(all []results.UpdateTime) *Picture {
	curves := sizeCurves(all)
	most := 0.0
	for _, c := range curves {
		for _, p := range c.points {
			most = max(most, p.total)
		}
	}
	if most < shortest {
		return nil
	}
	note := "The whole update, and the part of it from the reset until the new application starts, in which the application is down."
	drawn := curves[:min(len(curves), len(series))]
	if n := len(curves) - len(drawn); n > 0 {
		note += fmt.Sprintf(" The tables have %d more.", n)
	}
	return &Picture{
		Name:  "updates-size",
		Title: "Update time against the firmware's size, in simulated time",
		note:  note,
		words: sizeWords(curves),
		body:  func(w vg.Length) part { return sizesBody(drawn, w) },
	}
}

func sizeWords(curves []sizeCurve) (out []string) {
	for _, c := range curves {
		a, b := c.points[0], c.points[len(c.points)-1]
		out = append(out, fmt.Sprintf("%s: from %s for %s to %s for %s; of it down %s to %s.",
			c.name, unit.Duration(a.total), unit.Size(a.size), unit.Duration(b.total), unit.Size(b.size), unit.Duration(a.down), unit.Duration(b.down)))
	}
	return out
}

func sizesBody(curves []sizeCurve, w vg.Length) part {
	const (
		height = 240
		head   = 24 // title of a panel
		foot   = 44
		gap    = 28
	)
	var entries []entry
	var down float64
	for i, c := range curves {
		entries = append(entries, entry{series[i], c.name})
		for _, pt := range c.points {
			down = max(down, pt.down)
		}
	}
	type view struct {
		title string
		value func(sizePoint) float64
	}
	views := []view{{"whole update", func(p sizePoint) float64 { return p.total }}}
	if down >= shortest {
		views = append(views, view{"application down", func(p sizePoint) float64 { return p.down }})
	}
	key := pen{}.legend(0, w, entries)
	across := len(views)
	if narrow(w) {
		across = 1
	}
	panel := (w - gap*vg.Length(across-1)) / vg.Length(across)
	return part{height: key + 8 + vg.Length(len(views)/across)*(head+height+foot), draw: func(p pen) {
		p.legend(0, p.w, entries)
		for i, v := range views {
			x, y := vg.Length(i%across)*(panel+gap), key+8+vg.Length(i/across)*(head+height+foot)
			p.inner(x, y, panel, head+height+foot).sizePanel(v.title, curves, v.value, head, height)
		}
	}}
}

// sizePanel draws the curves of one value.
func (p pen) sizePanel(title string, curves []sizeCurve, value func(sizePoint) float64, head, height vg.Length) {
	// A browser may draw the first letter a little to the left of where it begins.
	p.text(2, 12, left, lettering(bodySize, true, ink), title)
	var most, widest float64
	var sizes []float64
	for _, c := range curves {
		for _, pt := range c.points {
			most, widest = max(most, value(pt)), max(widest, pt.size)
			if !slices.Contains(sizes, pt.size) {
				sizes = append(sizes, pt.size)
			}
		}
	}
	slices.Sort(sizes)
	most, widest = max(most, shortest), max(widest, 1)
	c := newChart(p.w, 64, head, height, linear(widest), linear(most))
	c.wide, c.high = c.wide-6, c.high-6
	p.levels(c, timeTicks(most, 5))
	var ticks []tick
	for _, s := range sizes {
		ticks = append(ticks, tick{s, unit.Size(s)})
	}
	p.underneath(c.foot(), ticks, c.x)
	p.below(c, "size of the firmware")
	p.base(c)
	for i, s := range curves {
		var path vg.Path
		for k, pt := range s.points {
			at := p.at(c.x(pt.size), c.y(value(pt)))
			if k == 0 {
				path.Move(at)
			} else {
				path.Line(at)
			}
		}
		// Later curves are thinner, so that all show where they coincide.
		p.c.SetLineWidth(max(1.5, 4-vg.Length(i)))
		p.c.SetLineDash(nil, 0)
		p.c.SetColor(series[i])
		p.c.Stroke(path)
		for _, pt := range s.points {
			p.ring(c.x(pt.size), c.y(value(pt)), 3.5, series[i])
		}
	}
}

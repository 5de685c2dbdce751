package plot

import (
	"fmt"
	"slices"

	"gonum.org/v1/plot/vg"

	"dualbank/results"
	"dualbank/results/unit"
)

// sizeCurve is how long updates of one name take by their size.
type sizeCurve struct {
	name   string
	points []sizePoint
}

// sizePoint is one update: its size in bytes, the whole of it and the part in which the application does
// not run, in seconds.
type sizePoint struct{ size, total, down float64 }

// sizeCurves are the names that have more than one size, in their order.
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
	const axis = 64
	small := lettering(smallSize, false, muted)
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
	x := func(v float64) vg.Length { return axis + (p.w-axis-6)*vg.Length(v/widest) }
	y := func(v float64) vg.Length { return head + height - (height-6)*vg.Length(v/most) }
	for _, t := range timeTicks(most, 5) {
		p.line(axis, y(t.value), p.w, y(t.value), 1, grid)
		p.text(axis-6, y(t.value)+4, right, small, t.label)
	}
	var ticks []tick
	for _, s := range sizes {
		ticks = append(ticks, tick{s, unit.Size(s)})
	}
	p.underneath(head+height, ticks, x)
	p.text(axis+(p.w-axis)/2, head+height+33, center, lettering(smallSize, false, ink), "size of the firmware")
	p.line(axis, head+height, p.w, head+height, 1.5, ink)
	for i, c := range curves {
		var path vg.Path
		for k, pt := range c.points {
			at := p.at(x(pt.size), y(value(pt)))
			if k == 0 {
				path.Move(at)
			} else {
				path.Line(at)
			}
		}
		// Later curves are thinner, so that those show that coincide.
		p.c.SetLineWidth(max(1.5, 4-vg.Length(i)))
		p.c.SetLineDash(nil, 0)
		p.c.SetColor(series[i])
		p.c.Stroke(path)
		for _, pt := range c.points {
			p.ring(x(pt.size), y(value(pt)), 3.5, series[i])
		}
	}
}

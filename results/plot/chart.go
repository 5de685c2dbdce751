package plot

import (
	"math"

	"gonum.org/v1/plot/vg"
)

// scale maps a value to its place on an axis: 0 at the axis's beginning, 1 at its end.
type scale func(v float64) float64

// linear returns the scale from 0 to hi.
func linear(hi float64) scale { return func(v float64) float64 { return v / hi } }

// logarithmic returns the logarithmic scale from lo to hi. Values below lo are at its beginning.
func logarithmic(lo, hi float64) scale {
	return func(v float64) float64 { return math.Log(max(v, lo)/lo) / math.Log(hi/lo) }
}

// chart is a rectangle with two axes. It maps values to lengths, and draws the grid, the axes and their labels.
// The curves are drawn by the picture.
type chart struct {
	w                   vg.Length // of the picture; grid lines end there
	axis                vg.Length // x of the vertical axis; its labels are to the left
	top, height         vg.Length // of the rectangle
	from, wide          vg.Length // x of the horizontal scale's beginning, and its length
	high                vg.Length // length of the vertical scale, from the foot up; at most height
	horizontal, upwards scale
}

// newChart returns a chart for a picture of width w, with scales as long as the axes.
func newChart(w, axis, top, height vg.Length, horizontal, upwards scale) *chart {
	return &chart{w: w, axis: axis, top: top, height: height, from: axis, wide: w - axis, high: height, horizontal: horizontal, upwards: upwards}
}

func (c *chart) x(v float64) vg.Length { return c.from + c.wide*vg.Length(c.horizontal(v)) }

func (c *chart) y(v float64) vg.Length { return c.foot() - c.high*vg.Length(c.upwards(v)) }

// foot returns the y of the horizontal axis.
func (c *chart) foot() vg.Length { return c.top + c.height }

// levels draws horizontal grid lines with their labels.
func (p pen) levels(c *chart, ticks []tick) {
	st := lettering(smallSize, false, muted)
	for _, t := range ticks {
		y := c.y(t.value)
		p.line(c.axis, y, c.w, y, 1, grid)
		p.text(c.axis-6, y+4, right, st, t.label)
	}
}

// columns draws vertical grid lines.
func (p pen) columns(c *chart, ticks []tick) {
	for _, t := range ticks {
		p.line(c.x(t.value), c.top, c.x(t.value), c.foot(), 1, grid)
	}
}

// base draws the horizontal axis.
func (p pen) base(c *chart) { p.line(c.axis, c.foot(), c.w, c.foot(), 1.5, ink) }

// below writes s, the meaning of the horizontal axis, below the tick labels.
func (p pen) below(c *chart, s string) {
	p.text(c.axis+(c.w-c.axis)/2, c.foot()+33, center, lettering(smallSize, false, ink), s)
}

// decades returns ticks of a logarithmic scale: powers of ten, and 2 and 5 times each if the range is short.
func decades(lo, hi float64, label func(v float64) string) (out []tick) {
	steps := []float64{1}
	if math.Log10(hi/lo) < 2.5 {
		steps = []float64{1, 2, 5}
	}
	for e := math.Floor(math.Log10(lo)); e <= math.Log10(hi); e++ {
		for _, m := range steps {
			if v := m * math.Pow(10, e); v >= lo*(1-1e-9) && v <= hi*(1+1e-9) {
				out = append(out, tick{v, label(v)})
			}
		}
	}
	return out
}

// column is one column of a chart's legend.
type column struct {
	head  string
	right vg.Length // x of its right edge
	mark  int       // drawn before the head; noMark: none
}

// legendTable writes a legend with figures from y down: a row of 20 points for each curve, with its line, its
// name cut to the width name, and its figures. first is the head of the names.
func (p pen) legendTable(y, name vg.Length, first string, columns []column, rows [][]string) {
	head, body, bold := lettering(smallSize, false, muted), lettering(bodySize, false, ink), lettering(bodySize, true, ink)
	p.text(28, y+14, left, head, first)
	for _, c := range columns {
		p.text(c.right, y+14, right, head, c.head)
		if c.mark != noMark {
			p.mark(c.right-head.Width(c.head)-12, y+10, c.mark, quiet)
		}
	}
	p.line(0, y+20, p.w, y+20, 1, grid)
	for i, row := range rows {
		at := y + 36 + vg.Length(i)*20
		p.swatch(at, i)
		p.text(28, at, left, bold, fitted(row[0], bold, name))
		for k, v := range row[1:] {
			p.text(columns[k].right, at, right, body, v)
		}
	}
}

// swatch draws the line of curve i before text with its base line at y.
func (p pen) swatch(y vg.Length, i int) { p.line(0, y-4, 22, y-4, 3, series[i%len(series)]) }

// curve is a series of points from left to right, drawn as a line with marks.
type curve struct {
	name  string
	shade *shade
	mark  int // at each point
	dash  []vg.Length
	x, y  []float64
	aside []vg.Length // how far right of its x each point is drawn; nil: not at all
}

// at returns where point i is drawn.
func (k *curve) at(c *chart, i int) (x, y vg.Length) {
	x, y = c.x(k.x[i]), c.y(k.y[i])
	if k.aside != nil {
		x += k.aside[i]
	}
	return x, y
}

// curve draws the line, then the marks.
func (p pen) curve(c *chart, k curve) {
	for i := 1; i < len(k.x); i++ {
		x0, y0 := k.at(c, i-1)
		x1, y1 := k.at(c, i)
		p.line(x0, y0, x1, y1, 2.5, k.shade, k.dash...)
	}
	for i := range k.x {
		x, y := k.at(c, i)
		p.mark(x, y, k.mark, k.shade)
	}
}

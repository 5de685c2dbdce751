package plot

import (
	"math"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Text sizes in points; on the web page a point of a picture is a CSS pixel or a little less.
const (
	titleSize = 15
	bodySize  = 12
	smallSize = 11
)

// lettering returns a style of text.
func lettering(points float64, bold bool, s *shade) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans"}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return text.Style{Color: s, Font: font.From(f, vg.Points(points)), Handler: plot.DefaultTextHandler}
}

// pen draws on a rectangle of a canvas whose origin is the top left corner, y down, in points.
type pen struct {
	c      draw.Canvas
	x0, y0 vg.Length // top left, in the canvas's own coordinates
	w, h   vg.Length
}

func newPen(c draw.Canvas) pen {
	return pen{c: c, x0: c.Min.X, y0: c.Max.Y, w: c.Max.X - c.Min.X, h: c.Max.Y - c.Min.Y}
}

func (p pen) at(x, y vg.Length) vg.Point { return vg.Point{X: p.x0 + x, Y: p.y0 - y} }

// snap rounds a length to the pixels of the PNG files, two a point, so that edges are sharp and neighbours
// leave no hairline between them.
func snap(v vg.Length) vg.Length { return vg.Length(math.Round(float64(v)*2) / 2) }

// box fills a rectangle, snapped, at least half a point wide and high.
func (p pen) box(x0, y0, x1, y1 vg.Length, s *shade) {
	x0, y0, x1, y1 = snap(x0), snap(y0), snap(x1), snap(y1)
	if x1 <= x0 {
		x1 = x0 + 0.5
	}
	if y1 <= y0 {
		y1 = y0 + 0.5
	}
	p.area(s, p.at(x0, y0), p.at(x1, y0), p.at(x1, y1), p.at(x0, y1))
}

// area fills a polygon given in canvas coordinates.
func (p pen) area(s *shade, pts ...vg.Point) {
	var path vg.Path
	polygon(&path, pts...)
	p.c.SetColor(s)
	p.c.Fill(path)
}

// polygon adds a closed polygon to path.
func polygon(path *vg.Path, pts ...vg.Point) {
	path.Move(pts[0])
	for _, pt := range pts[1:] {
		path.Line(pt)
	}
	path.Close()
}

// line strokes from (x0, y0) to (x1, y1).
func (p pen) line(x0, y0, x1, y1, width vg.Length, s *shade, dash ...vg.Length) {
	p.c.SetLineWidth(width)
	p.c.SetLineDash(dash, 0)
	p.c.SetColor(s)
	var path vg.Path
	path.Move(p.at(x0, y0))
	path.Line(p.at(x1, y1))
	p.c.Stroke(path)
}

// Alignments of text.
const (
	left   = text.XLeft
	center = text.XCenter
	right  = text.XRight
)

// tip says what a person who points at the shapes that follow is told; "" ends it. Only an SVG can tell.
func (p pen) tip(s string) {
	if c, ok := p.c.Canvas.(*svgCanvas); ok {
		c.tip = s
	}
}

// text writes s with its base line at y.
func (p pen) text(x, y vg.Length, align text.XAlignment, st text.Style, s string) {
	if s == "" {
		return
	}
	face := st.Handler.Cache().Lookup(st.Font, st.Font.Size)
	p.c.SetColor(st.Color)
	p.c.FillString(face, p.at(x+vg.Length(align)*face.Width(s), y), s)
}

// wrapped breaks s at spaces into lines no wider than w. A wider word has a line of its own.
func wrapped(s string, st text.Style, w vg.Length) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		next := word
		if line != "" {
			next = line + " " + word
		}
		if line != "" && st.Width(next) > w {
			lines = append(lines, line)
			next = word
		}
		line = next
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// fitted returns s, cut with an ellipsis if it is wider than w.
func fitted(s string, st text.Style, w vg.Length) string {
	if st.Width(s) <= w {
		return s
	}
	r := []rune(s)
	r = r[:min(len(r), 300)] // more than any width holds
	for len(r) > 0 && st.Width(string(r)+"…") > w {
		r = r[:len(r)-1]
	}
	return strings.TrimRight(string(r), " ") + "…"
}

// entry is one item of a legend.
type entry struct {
	shade *shade
	label string
}

// legend lays entries out in lines no wider than w, and returns their height. It draws them from y down if p
// has a canvas.
func (p pen) legend(y, w vg.Length, entries []entry) vg.Length {
	const swatch, gap, between, leading = 10, 6, 18, 18
	st := lettering(smallSize, false, ink)
	x, top := vg.Length(0), y
	for _, e := range entries {
		label := fitted(e.label, st, w-swatch-gap)
		wide := swatch + gap + st.Width(label)
		if x > 0 && x+wide > w {
			x, y = 0, y+leading
		}
		if p.c.Canvas != nil {
			p.box(x, y+3, x+swatch, y+13, e.shade)
			p.text(x+swatch+gap, y+12, left, st, label)
		}
		x += wide + between
	}
	return y + leading - top
}

// stair draws a step function of n points from base up. Steps below 0.4 points are skipped.
func (p pen) stair(n int, width vg.Length, s *shade, base vg.Length, at func(i int) (x, y vg.Length)) {
	var path vg.Path
	px, _ := at(0)
	py := base
	path.Move(p.at(px, py))
	for i := range n {
		cx, cy := at(i)
		if i < n-1 && cx-px < 0.4 && py-cy < 0.4 {
			continue
		}
		path.Line(p.at(cx, py))
		path.Line(p.at(cx, cy))
		px, py = cx, cy
	}
	p.c.SetLineWidth(width)
	p.c.SetLineDash(nil, 0)
	p.c.SetColor(s)
	p.c.Stroke(path)
}

// ring draws a circle filled with the background.
func (p pen) ring(x, y, r vg.Length, s *shade) {
	var path vg.Path
	path.Arc(p.at(x, y), r, 0, 2*math.Pi)
	path.Close()
	p.c.SetColor(surface)
	p.c.Fill(path)
	p.c.SetLineWidth(1.5)
	p.c.SetLineDash(nil, 0)
	p.c.SetColor(s)
	p.c.Stroke(path)
}

// Marks, each with a shape of its own.
const (
	markP50 = iota // a triangle
	markP99        // a diamond
	markMax        // a square
	noMark
)

func (p pen) mark(x, y vg.Length, kind int, s *shade) {
	corners := func(r vg.Length) []vg.Point {
		switch kind {
		case markP50:
			return []vg.Point{p.at(x, y-r), p.at(x+r, y+r*0.8), p.at(x-r, y+r*0.8)}
		case markP99:
			return []vg.Point{p.at(x, y-r), p.at(x+r, y), p.at(x, y+r), p.at(x-r, y)}
		default:
			r *= 0.8
			return []vg.Point{p.at(x-r, y-r), p.at(x+r, y-r), p.at(x+r, y+r), p.at(x-r, y+r)}
		}
	}
	p.area(surface, corners(8.5)...)
	p.area(ink, corners(7)...)
	p.area(s, corners(4.5)...)
}

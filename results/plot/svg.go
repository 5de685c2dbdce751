package plot

import (
	"fmt"
	"html"
	"image"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// svgFonts are the families asked for, in order. gonum measures text with Liberation Sans; Arimo,
// Helvetica and Arial have the same widths. textLength fits any other font to them.
const svgFonts = `Liberation Sans, Arimo, Helvetica, Arial, sans-serif`

// svgCanvas is a vg.Canvas that writes SVG for the web: one coordinate system in points with y
// down, presentation attributes that any viewer understands, and for each shade a class that a
// style sheet can turn dark. gonum's own SVG canvas has neither classes nor fallback fonts.
type svgCanvas struct {
	w, h  vg.Length
	body  strings.Builder
	state svgState
	stack []svgState
	tip   string // of the shapes that follow
}

// svgState is what Push saves: the pen and the affine map (a c e; b d f) to the canvas with y up.
type svgState struct {
	color            color.Color
	width            vg.Length
	dash             []vg.Length
	offset           vg.Length
	a, b, c, d, e, f float64
}

func newSVG(w, h vg.Length) *svgCanvas {
	return &svgCanvas{w: w, h: h, state: svgState{color: ink, width: vg.Points(1), a: 1, d: 1}}
}

// Size implements vg.CanvasSizer.
func (s *svgCanvas) Size() (w, h vg.Length) { return s.w, s.h }

// SetLineWidth implements vg.Canvas.
func (s *svgCanvas) SetLineWidth(w vg.Length) { s.state.width = w }

// SetLineDash implements vg.Canvas.
func (s *svgCanvas) SetLineDash(pattern []vg.Length, offset vg.Length) {
	s.state.dash, s.state.offset = pattern, offset
}

// SetColor implements vg.Canvas.
func (s *svgCanvas) SetColor(c color.Color) {
	if c == nil {
		c = color.Black
	}
	s.state.color = c
}

// Rotate implements vg.Canvas.
func (s *svgCanvas) Rotate(rad float64) {
	sin, cos := math.Sincos(rad)
	t := &s.state
	t.a, t.b, t.c, t.d = t.a*cos+t.c*sin, t.b*cos+t.d*sin, t.c*cos-t.a*sin, t.d*cos-t.b*sin
}

// Translate implements vg.Canvas.
func (s *svgCanvas) Translate(pt vg.Point) {
	t := &s.state
	x, y := pt.X.Points(), pt.Y.Points()
	t.e, t.f = t.a*x+t.c*y+t.e, t.b*x+t.d*y+t.f
}

// Scale implements vg.Canvas.
func (s *svgCanvas) Scale(x, y float64) {
	t := &s.state
	t.a, t.b, t.c, t.d = t.a*x, t.b*x, t.c*y, t.d*y
}

// Push implements vg.Canvas.
func (s *svgCanvas) Push() { s.stack = append(s.stack, s.state) }

// Pop implements vg.Canvas.
func (s *svgCanvas) Pop() {
	s.state = s.stack[len(s.stack)-1]
	s.stack = s.stack[:len(s.stack)-1]
}

// at returns a point in SVG coordinates.
func (s *svgCanvas) at(pt vg.Point) (x, y float64) {
	t := &s.state
	px, py := pt.X.Points(), pt.Y.Points()
	return t.a*px + t.c*py + t.e, s.h.Points() - (t.b*px + t.d*py + t.f)
}

// scale returns the factor by which the current map stretches lengths.
func (s *svgCanvas) scale() float64 {
	t := &s.state
	return math.Sqrt(math.Abs(t.a*t.d - t.b*t.c))
}

// num prints a coordinate, rounded to a hundredth of a point.
func num(v float64) string {
	v = math.Round(v*100) / 100
	if v == 0 {
		v = 0 // no "-0"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// paint returns the attributes that colour what ("fill" or "stroke").
func (s *svgCanvas) paint(what string) string {
	var class string
	if sh, ok := s.state.color.(*shade); ok {
		class = ` class="` + what[:1] + "-" + sh.name + `"`
	}
	r, g, b, a := s.state.color.RGBA()
	if a == 0 {
		return ` ` + what + `="none"`
	}
	out := fmt.Sprintf(`%s %s="#%02x%02x%02x"`, class, what, uint8(r*0xff/a), uint8(g*0xff/a), uint8(b*0xff/a))
	if a < 0xffff {
		out += fmt.Sprintf(` %s-opacity="%s"`, what, num(float64(a)/0xffff))
	}
	return out
}

// Stroke implements vg.Canvas.
func (s *svgCanvas) Stroke(p vg.Path) {
	if s.state.width <= 0 {
		return
	}
	k := s.scale()
	var b strings.Builder
	fmt.Fprintf(&b, `<path d="%s" fill="none"%s stroke-width="%s"`, s.path(p), s.paint("stroke"), num(s.state.width.Points()*k))
	if len(s.state.dash) > 0 {
		lens := make([]string, len(s.state.dash))
		for i, d := range s.state.dash {
			lens[i] = num(d.Points() * k)
		}
		fmt.Fprintf(&b, ` stroke-dasharray="%s"`, strings.Join(lens, " "))
		if s.state.offset != 0 {
			fmt.Fprintf(&b, ` stroke-dashoffset="%s"`, num(s.state.offset.Points()*k))
		}
	}
	s.shape(b.String())
}

// Fill implements vg.Canvas.
func (s *svgCanvas) Fill(p vg.Path) {
	s.shape(fmt.Sprintf("<path d=\"%s\"%s", s.path(p), s.paint("fill")))
}

// shape ends an element, with its tip.
func (s *svgCanvas) shape(begun string) {
	if s.tip == "" {
		s.body.WriteString(begun + "/>\n")
		return
	}
	s.body.WriteString(begun + "><title>" + escaped(s.tip) + "</title></path>\n")
}

// path writes path data. A whole circle is two arcs; other arcs become chords of at most five
// degrees.
func (s *svgCanvas) path(p vg.Path) string {
	var d strings.Builder
	put := func(cmd byte, pts ...vg.Point) {
		d.WriteByte(cmd)
		for i, pt := range pts {
			if i > 0 {
				d.WriteByte(' ')
			}
			x, y := s.at(pt)
			d.WriteString(num(x))
			d.WriteByte(' ')
			d.WriteString(num(y))
		}
	}
	for _, c := range p {
		switch c.Type {
		case vg.MoveComp:
			put('M', c.Pos)
		case vg.LineComp:
			put('L', c.Pos)
		case vg.ArcComp:
			if c.Angle == 2*math.Pi {
				x, y := s.at(c.Pos)
				r := c.Radius.Points() * s.scale()
				fmt.Fprintf(&d, "M%s %sA%s %s 0 1 1 %s %sA%s %s 0 1 1 %s %s", num(x+r), num(y), num(r), num(r), num(x-r), num(y), num(r), num(r), num(x+r), num(y))
				continue
			}
			n := max(1, int(math.Ceil(math.Abs(c.Angle)/(math.Pi/36))))
			for i := 0; i <= n; i++ {
				cmd := byte('L')
				if i == 0 && d.Len() == 0 {
					cmd = 'M'
				}
				sin, cos := math.Sincos(c.Start + c.Angle*float64(i)/float64(n))
				put(cmd, vg.Point{X: c.Pos.X + c.Radius*vg.Length(cos), Y: c.Pos.Y + c.Radius*vg.Length(sin)})
			}
		case vg.CurveComp:
			if len(c.Control) == 1 {
				put('Q', c.Control[0], c.Pos)
			} else {
				put('C', c.Control[0], c.Control[1], c.Pos)
			}
		case vg.CloseComp:
			d.WriteByte('Z')
		}
	}
	return d.String()
}

// FillString implements vg.Canvas.
func (s *svgCanvas) FillString(f font.Face, pt vg.Point, text string) {
	if f.Font.Size == 0 || strings.TrimSpace(text) == "" {
		return
	}
	x, y := s.at(pt)
	k := s.scale()
	fmt.Fprintf(&s.body, `<text x="%s" y="%s" font-size="%s"`, num(x), num(y), num(f.Font.Size.Points()*k))
	if f.Font.Weight > 0 {
		s.body.WriteString(` font-weight="700"`)
	}
	if len(text) > 1 {
		fmt.Fprintf(&s.body, ` textLength="%s" lengthAdjust="spacingAndGlyphs"`, num(f.Width(text).Points()*k))
	}
	if turn := math.Atan2(s.state.b, s.state.a); turn != 0 {
		fmt.Fprintf(&s.body, ` transform="rotate(%s %s %s)"`, num(-turn*180/math.Pi), num(x), num(y))
	}
	fmt.Fprintf(&s.body, "%s>%s</text>\n", s.paint("fill"), escaped(text))
}

// escaped returns s as XML text. Characters that XML does not allow become U+FFFD.
func escaped(s string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return 0xfffd
		}
		return r
	}, s))
}

// DrawImage implements vg.Canvas. No picture of this package has an image.
func (s *svgCanvas) DrawImage(vg.Rectangle, image.Image) {
	panic("results: image in an SVG picture")
}

// markup returns the SVG element. The id must be unique on the page; style adds the style sheet that a file of
// its own needs.
func (s *svgCanvas) markup(id, title, desc string, style bool) string {
	var b strings.Builder
	if style {
		b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	}
	w, h := num(s.w.Points()), num(s.h.Points())
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" role="img" aria-labelledby="%s-t %s-d" font-family="%s">`+"\n",
		w, h, w, h, id, id, svgFonts)
	fmt.Fprintf(&b, "<title id=\"%s-t\">%s</title>\n<desc id=\"%s-d\">%s</desc>\n", id, escaped(title), id, escaped(desc))
	if style {
		fmt.Fprintf(&b, "<style>@media screen and (prefers-color-scheme: dark){%s}</style>\n", DarkRules())
	}
	b.WriteString(s.body.String())
	b.WriteString("</svg>\n")
	return b.String()
}

// DarkRules returns the style rules that turn the shades of a picture dark.
func DarkRules() string {
	var b strings.Builder
	for _, s := range shades {
		v := fmt.Sprintf("#%02x%02x%02x", s.dark.R, s.dark.G, s.dark.B)
		fmt.Fprintf(&b, ".f-%s{fill:%s}.s-%s{stroke:%s}", s.name, v, s.name, v)
	}
	return b.String()
}

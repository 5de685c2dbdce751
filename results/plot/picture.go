// Package plot draws the pictures of a report, as SVG and as PNG.
//
// A picture is made in these steps:
//
//  1. Pictures takes a results.Report that results.Check accepts, and returns a Picture for each record that
//     can be drawn: life of the store, wear, latency of sets and interrupts, garbage collections, updates over
//     time, by phase and by size, power cuts. Each has a file of its own in this package.
//  2. A Picture has a title, a note on how to read it, sentences that say what it shows, and a body. A body is
//     laid out for a width: it says how high it is (part), and draws on a pen.
//  3. Bodies with two axes use a chart, which maps values to lengths and draws grid, axes and legend. Bodies
//     over time use pen.trace.
//  4. SVG draws on svgCanvas, for a file or as an element of the page; PNG draws on a canvas of gonum. Package
//     page puts both where they belong.
//
// The sentences (Caption, and the description inside the SVG) say what the picture shows to people who cannot
// see it. The colours are those of Okabe and Ito; each shade has a second value for dark screens (DarkRules).
//
// Invariants:
//
//   - The same records give the same bytes.
//   - A coordinate is always a number, however short, long or equal the values are.
//   - Whatever happened shows: a single cut among a million, a span of a nanosecond, a share of almost 0.
//   - Names of pictures are unique in a report, and IsFile knows them.
package plot

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"regexp"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"dualbank/results"
	"dualbank/results/unit"
)

// Widths of pictures in points: wide for screens, paper and files, narrow for phones. A phone would shrink the
// text of a wide one below what can be read.
const (
	WideWidth   = 760
	NarrowWidth = 350
)

// pngDPI gives two pixels a point.
const pngDPI = 144

// Picture is one plot. It is laid out for the width that it is drawn in.
type Picture struct {
	Name  string   // file name without extension, unique in a report
	Title string   // what is seen, and in which unit
	note  string   // how to read it, one sentence
	words []string // what it shows, in sentences; the first ones are the caption
	body  func(w vg.Length) part
}

// desc returns the text alternative: everything that the picture shows.
func (pic *Picture) desc() string { return strings.Join(pic.words, " ") }

// Caption returns the text below the picture: the first sentences of the text alternative.
func (pic *Picture) Caption() string {
	const most = 3
	if len(pic.words) <= most {
		return pic.desc()
	}
	return strings.Join(pic.words[:most], " ") + " The tables below have the rest."
}

// part is a laid-out picture, or its body below the title: its height, and how to draw it.
type part struct {
	height vg.Length
	draw   func(p pen)
}

// narrow reports whether a width is that of a phone.
func narrow(w vg.Length) bool { return w < 500 }

// layout lays the whole picture out: title, note and body.
func (pic *Picture) layout(w vg.Length) part {
	const titleLeading, noteLeading = 20, 16
	head, sub := lettering(titleSize, true, ink), lettering(bodySize, false, muted)
	titles, notes := wrapped(pic.Title, head, w), wrapped(pic.note, sub, w)
	top := vg.Length(len(titles))*titleLeading + vg.Length(len(notes))*noteLeading + 10
	body := pic.body(w)
	return part{height: top + body.height, draw: func(p pen) {
		y := vg.Length(0)
		for _, l := range titles {
			p.text(0, y+titleSize, left, head, l)
			y += titleLeading
		}
		for _, l := range notes {
			p.text(0, y+bodySize, left, sub, l)
			y += noteLeading
		}
		body.draw(p.inner(0, top, p.w, body.height))
	}}
}

// inner returns a pen for the rectangle of p at (x, y), w wide and h high.
func (p pen) inner(x, y, w, h vg.Length) pen {
	p.x0, p.y0, p.w, p.h = p.x0+x, p.y0-y, w, h
	p.c = draw.Canvas{Canvas: p.c.Canvas, Rectangle: vg.Rectangle{
		Min: vg.Point{X: p.x0, Y: p.y0 - h},
		Max: vg.Point{X: p.x0 + w, Y: p.y0},
	}}
	return p
}

// Space around a picture. In a file of its own it is a margin. On the page it is what letters need: a browser
// stretches the text of another font to its width, and the first letter then begins a pixel early.
const (
	margin = 16
	bleed  = 2
)

// SVG returns the picture as an SVG element, width points wide: a file with margin and style sheet, or an
// element of the page. The id must be unique on the page.
func (pic *Picture) SVG(width vg.Length, id string, file bool) string {
	m := vg.Length(bleed)
	if file {
		m = margin
	}
	l := pic.layout(width - 2*m)
	c := newSVG(width, snap(l.height+2*m))
	p := newPen(draw.New(c))
	if file {
		p.box(0, 0, p.w, p.h, surface)
	}
	l.draw(p.inner(m, m, width-2*m, l.height))
	return c.markup(id, pic.Title, pic.desc(), file)
}

// raster draws the picture as opaque pixels in the light colours, with dpi pixels an inch.
func (pic *Picture) raster(dpi int) image.Image {
	l := pic.layout(WideWidth - 2*margin)
	c := vgimg.NewWith(vgimg.UseWH(WideWidth, snap(l.height+2*margin)), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(surface.light))
	l.draw(newPen(draw.New(oneByOne{c})).inner(margin, margin, WideWidth-2*margin, l.height))
	return c.Image()
}

// oneByOne fills the polygons of a path one by one. They never overlap, so the pixels are those of the whole path;
// but the rasterizer looks up each cell in a list by row, which takes quadratic time for hundreds of polygons.
type oneByOne struct{ *vgimg.Canvas }

func (c oneByOne) Fill(path vg.Path) {
	for len(path) > 0 {
		n := 1
		for n < len(path) && path[n].Type != vg.MoveComp {
			n++
		}
		c.Canvas.Fill(path[:n])
		path = path[n:]
	}
}

// PNG returns the picture as a PNG file, two pixels a point.
func (pic *Picture) PNG() ([]byte, error) {
	var buf bytes.Buffer
	if err := png.Encode(&buf, pic.raster(pngDPI)); err != nil {
		return nil, fmt.Errorf("picture %s: %w", pic.Name, err)
	}
	return buf.Bytes(), nil
}

// Pictures returns the pictures of r in the order of the page. Records that are missing or empty have none.
func Pictures(r *results.Report) []*Picture {
	wear := wearPicture(r.Wear)
	if wear != nil && r.Plan != nil {
		wear.Title = fmt.Sprintf("Wear after %s: erases of each flash sector, extrapolated", unit.Years(r.Plan.Years))
	}
	all := []*Picture{lifetimePicture(r.Plan), livePicture(r.Plan), wear, latencyPicture(r.Sets)}
	all = append(all, collectionPictures(r.Collections)...)
	all = append(all, interruptPictures(r.Application)...)
	all = append(all, timelinePicture(r.Timeline), updateSizesPicture(r.Updates), updatesPicture(r.Updates))
	all = append(all, cutPictures(r.Cuts, r.Findings)...)
	return slices.DeleteFunc(all, func(p *Picture) bool { return p == nil })
}

// fileNames makes unique file names for the pictures of one kind: the kind and a slug of the title, with a
// number if two slugs are equal.
type fileNames map[string]bool

func (used fileNames) next(kind, title string) string {
	base := kind + "-" + slug(title)
	name := base
	for n := 2; used[name]; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	used[name] = true
	return name
}

// own matches the names of pictures.
var own = regexp.MustCompile(`^(wear|lifetime|live|latency|timeline|updates|updates-size|(cuts|interrupts|gc)-[a-z0-9-]+)\.(png|svg)$`)

// IsFile reports whether name is that of a picture's file. Files of an earlier run with such a name must not
// stay beside the pictures of this one.
func IsFile(name string) bool { return own.MatchString(name) }

// slug makes a name for files and page anchors: letters and digits, with hyphens between.
func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 40 {
			break
		}
	}
	if out := strings.Trim(b.String(), "-"); out != "" {
		return out
	}
	return "map"
}

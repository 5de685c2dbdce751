package plot

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"regexp"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"dualbank/results"
	"dualbank/results/unit"
)

// Widths of pictures in points: wide for screens, paper and files, narrow for phones, where a wide
// one would shrink its text below what can be read.
const (
	WideWidth   = 760
	NarrowWidth = 350
)

// pngDPI gives two pixels a point.
const pngDPI = 144

// Picture is one plot. It is drawn for a width: the parts arrange themselves.
type Picture struct {
	Name  string   // file name without extension, unique in a report
	Title string   // what is seen, and in which unit
	note  string   // how to read it, one sentence
	words []string // what it shows, in sentences: the text alternative, and its beginning the caption
	body  func(w vg.Length) part
}

// desc is the text alternative: everything that the picture shows.
func (pic *Picture) desc() string { return strings.Join(pic.words, " ") }

// Caption is what stands below the picture: the beginning of the same. The tables have the rest.
func (pic *Picture) Caption() string {
	const most = 3
	if len(pic.words) <= most {
		return pic.desc()
	}
	return strings.Join(pic.words[:most], " ") + " The tables below have the rest."
}

// part is the picture below its title: how high it is and how to draw it.
type part struct {
	height vg.Length
	draw   func(p pen)
}

// narrow tells whether a width is that of a phone.
func narrow(w vg.Length) bool { return w < 500 }

// layout sets title and note, and returns the whole picture's height and how to draw it.
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

// inner is the rectangle of p from (x, y), w wide and h high.
func (p pen) inner(x, y, w, h vg.Length) pen {
	p.x0, p.y0, p.w, p.h = p.x0+x, p.y0-y, w, h
	p.c = draw.Canvas{Canvas: p.c.Canvas, Rectangle: vg.Rectangle{
		Min: vg.Point{X: p.x0, Y: p.y0 - h},
		Max: vg.Point{X: p.x0 + w, Y: p.y0},
	}}
	return p
}

// margin is the space around a picture in a file of its own.
const margin = 16

// SVG draws the picture as an SVG element, width points wide: a file of its own with margin and
// style, or an element of the page.
func (pic *Picture) SVG(width vg.Length, id string, file bool) string {
	var m vg.Length
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

// raster draws the picture as pixels in the light colours, opaque.
func (pic *Picture) raster() image.Image {
	l := pic.layout(WideWidth - 2*margin)
	c := vgimg.NewWith(vgimg.UseWH(WideWidth, snap(l.height+2*margin)), vgimg.UseDPI(pngDPI), vgimg.UseBackgroundColor(surface.light))
	l.draw(newPen(draw.New(c)).inner(margin, margin, WideWidth-2*margin, l.height))
	return c.Image()
}

// PNG is the raster as a PNG file.
func (pic *Picture) PNG() ([]byte, error) {
	var buf bytes.Buffer
	if err := png.Encode(&buf, pic.raster()); err != nil {
		return nil, fmt.Errorf("picture %s: %w", pic.Name, err)
	}
	return buf.Bytes(), nil
}

// Pictures are the plots that the records of r give, in the order of the page.
func Pictures(r *results.Report) []*Picture {
	var all []*Picture
	for _, p := range []*Picture{lifetimePicture(r.Plan), livePicture(r.Plan)} {
		if p != nil {
			all = append(all, p)
		}
	}
	if p := wearPicture(r.Wear); p != nil {
		if r.Plan != nil {
			p.Title = fmt.Sprintf("Wear after %s: erases of each flash sector, extrapolated", unit.Years(r.Plan.Years))
		}
		all = append(all, p)
	}
	if p := latencyPicture(r.Sets); p != nil {
		all = append(all, p)
	}
	all = append(all, collectionPictures(r.Collections)...)
	all = append(all, interruptPictures(r.Application)...)
	if p := timelinePicture(r.Timeline); p != nil {
		all = append(all, p)
	}
	if p := updateSizesPicture(r.Updates); p != nil {
		all = append(all, p)
	}
	if p := updatesPicture(r.Updates); p != nil {
		all = append(all, p)
	}
	return append(all, cutPictures(r.Cuts)...)
}

// own are the names that pictures have.
var own = regexp.MustCompile(`^(wear|lifetime|live|latency|timeline|updates|updates-size|(cuts|interrupts|gc)-[a-z0-9-]+)\.(png|svg)$`)

// IsFile reports whether a file has the name of a picture. What a run before left under such a name and
// this one does not draw would be taken for this run's.
func IsFile(name string) bool { return own.MatchString(name) }

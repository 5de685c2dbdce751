package plot

import (
	"image/color"
	"math"
)

// A shade is a colour of the pictures, with one value for paper and light screens and one for dark screens.
// PNG files have the light one, SVG files both.
type shade struct {
	name  string // class in SVG and CSS
	light color.RGBA
	dark  color.RGBA
}

// RGBA implements color.Color with the light value.
func (s *shade) RGBA() (r, g, b, a uint32) { return s.light.RGBA() }

func rgb(v uint32) color.RGBA {
	return color.RGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

func newShade(name string, light, dark uint32) *shade {
	return &shade{name: name, light: rgb(light), dark: rgb(dark)}
}

// The series colours are those of Okabe and Ito (Color Universal Design, 2008), which stay apart
// for all common kinds of colour blindness; their dark values are lighter where the original has
// less than 3:1 against the dark surface (WCAG 2.2, 1.4.11).
var (
	surface = newShade("surface", 0xffffff, 0x15191f)
	ink     = newShade("ink", 0x1b2027, 0xe8ebef)
	muted   = newShade("muted", 0x545d69, 0xa3adb9)
	grid    = newShade("grid", 0xe2e6ea, 0x2d343d)
	lane    = newShade("lane", 0xf1f3f5, 0x20262d) // background of a row or a strip
	quiet   = newShade("quiet", 0x7d91a2, 0x708090)

	blue       = newShade("blue", 0x0072b2, 0x3f9fdb)
	orange     = newShade("orange", 0xe69f00, 0xe69f00)
	green      = newShade("green", 0x009e73, 0x12b886)
	vermillion = newShade("vermillion", 0xd55e00, 0xf0803c)
	purple     = newShade("purple", 0xcc79a7, 0xd68fb6)
	sky        = newShade("sky", 0x56b4e9, 0x7cc6ef)
	yellow     = newShade("yellow", 0xf0e442, 0xf0e442)
)

// Text on a coloured area.
var (
	darkText = newShade("darktext", 0x101418, 0x101418)
	paleText = newShade("paletext", 0xffffff, 0x101418)
)

// shades are all shades, for the style sheets.
var shades = []*shade{
	surface, ink, muted, grid, lane, quiet, darkText, paleText,
	blue, orange, green, vermillion, purple, sky, yellow,
}

// series are the colours of things that are compared, in the order in which they are used.
var series = []*shade{blue, orange, green, purple, vermillion, sky, yellow, ink}

// onFill returns the shade of text on an area of shade s, so that the contrast is at least 4.5:1.
func onFill(s *shade) *shade {
	if luminance(s.light) < 0.18 {
		return paleText
	}
	return darkText
}

// luminance returns the relative luminance of WCAG 2.2, from 0 to 1.
func luminance(c color.RGBA) float64 {
	return 0.2126*decoded(c.R) + 0.7152*decoded(c.G) + 0.0722*decoded(c.B)
}

// decoded undoes the transfer curve of sRGB.
func decoded(v uint8) float64 {
	c := float64(v) / 255
	if c <= 0.04045 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}

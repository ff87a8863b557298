package render

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// ink is a colour by its meaning. It passes through gonum/plot as a color.Color
// and comes out as a class and, for a picture that stands alone, as a colour that
// is readable on white and on black.
type ink string

const (
	inkText  ink = "t"
	inkMuted ink = "m" // tick labels, notes
	inkAxis  ink = "a"
	inkGrid  ink = "g"
)

// The colours of columns: those of Okabe and Ito, which people with colour vision
// deficiencies can tell apart (https://jfly.uni-koeln.de/color/), made so dark or
// light that each has a contrast of at least 3 to white and to #0d1117.
var palette = [...]string{"#0072b2", "#d55e00", "#009371", "#c2649a", "#a97500", "#3a8fc9", "#8a6fd1", "#7c8087"}

// dashes tell columns apart without colours.
var dashes = [...][]vg.Length{nil, {7, 2.5}, {2, 2}, {9, 2, 2, 2}}

// shade is the ink of the i-th column.
func shade(i int) ink { return ink("c" + strconv.Itoa(i%len(palette))) }

func dash(i int) []vg.Length { return dashes[i%len(dashes)] }

// hex is the colour of an ink that is readable on white and on black.
func (i ink) hex() string {
	switch i {
	case inkText:
		return "#737b85"
	case inkMuted, "":
		return "#787f89"
	case inkAxis:
		return "#838a93"
	case inkGrid:
		return "#868d97"
	}
	n, err := strconv.Atoi(string(i[1:]))
	if err != nil || n < 0 || n >= len(palette) {
		return "#787f89"
	}
	return palette[n]
}

// RGBA makes an ink a color.Color.
func (i ink) RGBA() (r, g, b, a uint32) { return 0, 0, 0, 0xffff }

// canvas is a vg.Canvas that writes SVG: text as text, a class for each ink, one
// decimal, nothing of the time or the machine. One point is one pixel; y grows
// upwards, as gonum/plot has it.
type canvas struct {
	b             bytes.Buffer
	width, height vg.Length
	state         state
	stack         []state
}

type state struct {
	ink      ink
	width    vg.Length
	dash     []vg.Length
	x, y     vg.Length // translation
	rotation float64   // radians, counter-clockwise
}

var _ vg.Canvas = (*canvas)(nil)

func newCanvas(width, height vg.Length) *canvas {
	return &canvas{width: width, height: height, state: state{ink: inkText, width: 1}}
}

func (c *canvas) SetLineWidth(w vg.Length)               { c.state.width = w }
func (c *canvas) SetLineDash(d []vg.Length, _ vg.Length) { c.state.dash = d }

func (c *canvas) SetColor(col color.Color) {
	c.state.ink = inkText
	if i, ok := col.(ink); ok {
		c.state.ink = i
	}
}

func (c *canvas) Rotate(rad float64) { c.state.rotation += rad }

func (c *canvas) Translate(p vg.Point) {
	sin, cos := math.Sincos(c.state.rotation)
	c.state.x += p.X*vg.Length(cos) - p.Y*vg.Length(sin)
	c.state.y += p.X*vg.Length(sin) + p.Y*vg.Length(cos)
}

// Scale does nothing: no plotter here scales.
func (c *canvas) Scale(_, _ float64) {}

func (c *canvas) Push() { c.stack = append(c.stack, c.state) }

func (c *canvas) Pop() {
	if n := len(c.stack); n > 0 {
		c.state, c.stack = c.stack[n-1], c.stack[:n-1]
	}
}

// DrawImage does nothing: no plotter here has images.
func (c *canvas) DrawImage(vg.Rectangle, image.Image) {}

// at returns where a point is in the picture, y downwards.
func (c *canvas) at(p vg.Point) (x, y float64) {
	sin, cos := math.Sincos(c.state.rotation)
	x = float64(c.state.x) + float64(p.X)*cos - float64(p.Y)*sin
	y = float64(c.state.y) + float64(p.X)*sin + float64(p.Y)*cos
	return x, float64(c.height) - y
}

func (c *canvas) Stroke(p vg.Path) {
	if c.state.width <= 0 || len(p) == 0 {
		return
	}
	fmt.Fprintf(&c.b, `<path class="s%s" fill="none" stroke="%s" stroke-width="%s"`, c.state.ink, c.state.ink.hex(), tenth(float64(c.state.width)))
	if c.state.ink == inkGrid {
		c.b.WriteString(` stroke-opacity=".3"`)
	}
	if len(c.state.dash) > 0 {
		c.b.WriteString(` stroke-dasharray="`)
		for i, d := range c.state.dash {
			if i > 0 {
				c.b.WriteByte(' ')
			}
			c.b.WriteString(tenth(float64(d)))
		}
		c.b.WriteByte('"')
	}
	c.b.WriteString(` stroke-linejoin="round" d="`)
	c.path(p)
	c.b.WriteString("\"/>\n")
}

func (c *canvas) Fill(p vg.Path) {
	if len(p) == 0 {
		return
	}
	fmt.Fprintf(&c.b, `<path class="f%s" fill="%s" d="`, c.state.ink, c.state.ink.hex())
	c.path(p)
	c.b.WriteString("\"/>\n")
}

// path writes moves and lines; arcs and curves, which no plotter here draws, end
// where they would.
func (c *canvas) path(p vg.Path) {
	lastX, lastY := "", ""
	for _, part := range p {
		px, py := c.at(part.Pos)
		x, y := tenth(px), tenth(py)
		switch {
		case part.Type == vg.CloseComp:
			c.b.WriteByte('Z')
		case part.Type == vg.MoveComp:
			c.b.WriteString("M" + x + " " + y)
		case x == lastX && y == lastY:
		case x == lastX:
			c.b.WriteString("V" + y)
		case y == lastY:
			c.b.WriteString("H" + x)
		default:
			c.b.WriteString("L" + x + " " + y)
		}
		lastX, lastY = x, y
	}
}

// dots draws points of a radius, see-through where there are several. Of points on
// the same pixel one is drawn, of very many one of those within two pixels: a dot
// is wider than that.
func (c *canvas) dots(points []vg.Point, radius vg.Length) {
	if len(points) == 0 {
		return
	}
	faint := ""
	if len(points) > 1 {
		faint = ` stroke-opacity=".7"`
	}
	fmt.Fprintf(&c.b, `<path class="s%s" fill="none" stroke="%s" stroke-width="%s"%s stroke-linecap="round" d="`,
		c.state.ink, c.state.ink.hex(), tenth(float64(2*radius)), faint)
	seen := map[[2]int]bool{}
	apart := 1.0
	if len(points) > 5000 {
		apart = 2
	}
	for _, p := range points {
		x, y := c.at(p)
		pixel := [2]int{int(math.Round(x / apart)), int(math.Round(y / apart))}
		if seen[pixel] {
			continue
		}
		seen[pixel] = true
		c.b.WriteString("M" + tenth(x) + " " + tenth(y) + "h0")
	}
	c.b.WriteString("\"/>\n")
}

// FillString writes a text whose baseline begins at a point.
func (c *canvas) FillString(f font.Face, p vg.Point, text string) { c.text(f, p, text, "") }

// text writes a text whose baseline begins at a point, or ends there where anchor
// is "end".
func (c *canvas) text(f font.Face, p vg.Point, text, anchor string) {
	if text == "" || f.Font.Size <= 0 {
		return
	}
	if t := strings.TrimLeft(text, figureSpace); t != text { // which not every viewer keeps
		p.X += f.Width(text[:len(text)-len(t)])
		text = t
	}
	x, y := c.at(p)
	fmt.Fprintf(&c.b, `<text class="f%s" fill="%s" x="%s" y="%s"`, c.state.ink, c.state.ink.hex(), tenth(x), tenth(y))
	if size := float64(f.Font.Size); size != textSize {
		fmt.Fprintf(&c.b, ` font-size="%s"`, tenth(size))
	}
	if f.Font.Weight > 0 {
		c.b.WriteString(` font-weight="600"`)
	}
	if anchor != "" {
		fmt.Fprintf(&c.b, ` text-anchor="%s"`, anchor)
	}
	if r := c.state.rotation; r != 0 {
		fmt.Fprintf(&c.b, ` transform="rotate(%s %s %s)"`, tenth(-r*180/math.Pi), tenth(x), tenth(y))
	}
	c.b.WriteByte('>')
	c.b.WriteString(xmlText(text))
	c.b.WriteString("</text>\n")
}

// figureSpace is as wide as a digit.
const figureSpace = "\u2007"

// tenth prints a coordinate.
func tenth(v float64) string {
	s := strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	if s == "-0" {
		return "0"
	}
	return s
}

// xmlText is a text without markup and control characters.
func xmlText(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(printable(s))) // a bytes.Buffer does not fail
	return b.String()
}

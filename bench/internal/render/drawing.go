package render

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ink is a colour by its meaning: a class in the page, and for a picture that
// stands alone a colour that is readable on white and on black.
type ink string

const (
	inkText  ink = "t"
	inkMuted ink = "m" // tick labels, notes
	inkAxis  ink = "a"
	inkGrid  ink = "g"
)

var inks = map[ink]string{inkText: "#737b85", inkMuted: "#787f89", inkAxis: "#838a93", inkGrid: "#868d97"}

// The colours of columns: Okabe and Ito's (https://jfly.uni-koeln.de/color/), with a
// contrast of at least 3 to white and to #0d1117.
var palette = [...]string{"#0072b2", "#d55e00", "#009371", "#c2649a", "#a97500", "#3a8fc9", "#8a6fd1", "#7c8087"}

// dashes tell columns apart without colours.
var dashes = [...]string{"", "7 2.5", "2 2", "9 2 2 2"}

// shade is the ink of the i-th column, dash its stroke.
func shade(i int) ink   { return ink("c" + strconv.Itoa(i%len(palette))) }
func dash(i int) string { return dashes[i%len(dashes)] }

func (i ink) hex() string {
	if n, err := strconv.Atoi(strings.TrimPrefix(string(i), "c")); err == nil {
		return palette[n]
	}
	return inks[i]
}

// point is in pixels, y downwards.
type point struct{ x, y float64 }

// drawing is SVG: text as text, a class for each ink, one decimal.
type drawing struct{ bytes.Buffer }

// line strokes each of the parts from point to point.
func (d *drawing) line(i ink, width float64, dash string, parts ...[]point) {
	fmt.Fprintf(d, `<path class="s%s" fill="none" stroke="%s" stroke-width="%s"`, i, i.hex(), tenth(width))
	if i == inkGrid {
		d.WriteString(` stroke-opacity=".3"`)
	}
	if dash != "" {
		d.WriteString(` stroke-dasharray="` + dash + `"`)
	}
	d.WriteString(` stroke-linejoin="round" d="`)
	for _, part := range parts {
		lastX, lastY := "", ""
		for k, p := range part {
			x, y := tenth(p.x), tenth(p.y)
			switch {
			case k == 0:
				d.WriteString("M" + x + " " + y)
			case x == lastX && y == lastY:
			case x == lastX:
				d.WriteString("V" + y)
			case y == lastY:
				d.WriteString("H" + x)
			default:
				d.WriteString("L" + x + " " + y)
			}
			lastX, lastY = x, y
		}
	}
	d.WriteString("\"/>\n")
}

func (d *drawing) box(i ink, x, y, width, height float64) {
	fmt.Fprintf(d, `<rect class="f%s" fill="%s" x="%s" y="%s" width="%s" height="%s"/>`+"\n", i, i.hex(), tenth(x), tenth(y), tenth(width), tenth(height))
}

// dots draws points of a radius, see-through if there are several. Of points on the
// same pixel one is drawn, of very many one of those within two pixels.
func (d *drawing) dots(i ink, radius float64, points ...point) {
	faint := ""
	if len(points) > 1 {
		faint = ` stroke-opacity=".7"`
	}
	fmt.Fprintf(d, `<path class="s%s" fill="none" stroke="%s" stroke-width="%s"%s stroke-linecap="round" d="`, i, i.hex(), tenth(2*radius), faint)
	seen := map[[2]int]bool{}
	apart := 1.0
	if len(points) > 5000 {
		apart = 2
	}
	for _, p := range points {
		pixel := [2]int{int(math.Round(p.x / apart)), int(math.Round(p.y / apart))}
		if !seen[pixel] {
			seen[pixel] = true
			d.WriteString("M" + tenth(p.x) + " " + tenth(p.y) + "h0")
		}
	}
	d.WriteString("\"/>\n")
}

// textSize is that of labels: a picture is drawn as wide as it is shown.
const textSize = 12

// text writes a text whose baseline begins at a point.
func (d *drawing) text(i ink, x, y float64, text, attributes string) {
	if attributes != "" {
		attributes = " " + attributes
	}
	fmt.Fprintf(d, `<text class="f%s" fill="%s" x="%s" y="%s"%s>%s</text>`+"\n", i, i.hex(), tenth(x), tenth(y), attributes, xmlText(text))
}

// What text is given besides its place.
const (
	middle = `text-anchor="middle"`
	end    = `text-anchor="end"`
	bold   = `font-weight="600"`
)

// fonts are metrically alike.
const fonts = "Helvetica Neue,Helvetica,Arial,Liberation Sans,sans-serif"

// widthOf is about how many pixels a text takes at most, in Helvetica and in the
// wider fonts that a reader may have in its place.
func widthOf(text string, size float64) float64 {
	sum := 0.0
	for _, r := range text {
		switch {
		case strings.ContainsRune(" .,:;'!|()[]/-fijlrtI", r):
			sum += 0.36
		case r >= 'A' && r <= 'Z' || strings.ContainsRune("mw%@", r):
			sum += 0.84
		case r < 0x3000:
			sum += 0.64
		default:
			sum++
		}
	}
	return sum * size
}

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

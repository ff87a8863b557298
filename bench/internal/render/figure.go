package render

import (
	"bytes"
	"fmt"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"coldbench/bench/internal/analysis"
)

// Plot is a picture of a section.
type Plot struct {
	// Name is what --plot calls it, and part of the names of files.
	Name string
	// Title is its heading.
	Title string
	draw  func(s *analysis.Section, width vg.Length) *figure
}

// Plots lists the pictures in the order in which they are shown.
func Plots() []Plot {
	return []Plot{
		{"ecdf", "How long starts took", ecdf},
		{"order", "In the order of time", order},
		{"phases", "Phases of a cold start", phases},
		{"memory", "Against memory size", memory},
		{"deployment", curveTitle, deployment},
	}
}

// PlotNamed finds a picture by its name.
func PlotNamed(name string) (Plot, bool) {
	for _, p := range Plots() {
		if p.Name == name {
			return p, true
		}
	}
	return Plot{}, false
}

// Of reports whether there is anything to draw of a section.
func (p Plot) Of(s *analysis.Section) bool { return p.draw(s, wide) != nil }

// The widths of pictures in pixels: beside text, and on a phone.
const (
	wide   = 720
	narrow = 350
)

// figure is a picture before it is laid out.
type figure struct {
	title, note string
	// desc says in words what is drawn, for those who can't see it.
	desc   []string
	legend []key
	panels []panel
}

// key is an entry of the legend.
type key struct {
	text string
	ink  ink
	dash []vg.Length
	// mark is "line", "dot" or "box".
	mark string
}

// panel is a plot and its height, with a heading where that is not empty.
type panel struct {
	heading string
	ink     ink
	plot    *plot.Plot
	height  vg.Length
}

const (
	titleSize = 15
	lineStep  = 17
	margin    = 4
)

// drawn lays the figure out on a canvas of a width, and of the height that it
// takes.
func (f *figure) drawn(width vg.Length) *canvas {
	notes := folded(f.note, width-2*margin, textSize)
	titles := folded(f.title, width-2*margin, titleSize)
	rows := f.legendRows(width - 2*margin)
	height := vg.Length(len(titles))*20 + vg.Length(len(notes)+len(rows))*lineStep + 3*margin
	for _, p := range f.panels {
		height += p.height
		if p.heading != "" {
			height += lineStep + 4
		}
	}
	c := newCanvas(width, height)
	top := height - margin
	line := func(text string, i ink, size vg.Length, bold bool, step vg.Length) {
		top -= step
		c.SetColor(i)
		c.FillString(fontFace(size, bold), vg.Point{X: margin, Y: top + 4}, text)
	}
	for _, t := range titles {
		line(t, inkText, titleSize, true, 20)
	}
	for _, t := range notes {
		line(t, inkMuted, textSize, false, lineStep)
	}
	for _, row := range rows {
		top -= lineStep
		x := vg.Length(margin)
		for _, k := range row {
			k.draw(c, x, top+4)
			x += k.width()
		}
	}
	top -= margin
	for _, p := range f.panels {
		if p.heading != "" {
			top -= lineStep + 4
			c.SetColor(inkText)
			x := vg.Length(margin)
			if p.ink != "" {
				key{ink: p.ink, mark: "dot"}.draw(c, x, top+6)
				x += 18
				c.SetColor(inkText)
			}
			c.FillString(fontFace(textSize, true), vg.Point{X: x, Y: top + 6}, p.heading)
		}
		area := draw.Canvas{Canvas: c, Rectangle: vg.Rectangle{Min: vg.Point{X: 2 * margin, Y: top - p.height + margin}, Max: vg.Point{X: width - 3*margin, Y: top - margin}}}
		p.plot.Draw(area)
		top -= p.height
	}
	return c
}

// svg writes the figure as an element. id is unique in the document; standalone
// is for a file of its own.
func (f *figure) svg(b *bytes.Buffer, width vg.Length, id string) {
	c := f.drawn(width)
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s" role="img" aria-labelledby="%s-t %s-d" font-family="%s" font-size="%d">`+"\n",
		tenth(float64(c.width)), tenth(float64(c.height)), tenth(float64(c.width)), tenth(float64(c.height)), id, id, svgFonts, textSize)
	fmt.Fprintf(b, "<title id=\"%s-t\">%s</title>\n<desc id=\"%s-d\">%s</desc>\n", id, xmlText(f.title), id, xmlText(strings.Join(f.desc, " ")))
	b.Write(c.b.Bytes())
	b.WriteString("</svg>\n")
}

// width is what an entry takes in the legend.
func (k key) width() vg.Length { return 26 + width(k.text, textSize, false) + 16 }

// draw draws an entry whose text's baseline is at y.
func (k key) draw(c *canvas, x, y vg.Length) {
	c.SetColor(k.ink)
	middle := y + 4
	switch k.mark {
	case "box":
		c.Fill(rectangle(x+4, y-1, x+16, y+9))
	case "dot":
		c.SetLineDash(nil, 0)
		c.dots([]vg.Point{{X: x + 7, Y: middle}}, 4)
	default:
		c.SetLineWidth(2)
		c.SetLineDash(k.dash, 0)
		var p vg.Path
		p.Move(vg.Point{X: x, Y: middle})
		p.Line(vg.Point{X: x + 21, Y: middle})
		c.Stroke(p)
	}
	c.SetLineDash(nil, 0)
	c.SetColor(inkText)
	c.FillString(fontFace(textSize, false), vg.Point{X: x + 26, Y: y}, k.text)
}

// legendRows breaks the legend into rows of a width.
func (f *figure) legendRows(most vg.Length) [][]key {
	var rows [][]key
	var at vg.Length
	for _, k := range f.legend {
		if len(rows) == 0 || at+k.width() > most && at > 0 {
			rows, at = append(rows, nil), 0
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], k)
		at += k.width()
	}
	return rows
}

func rectangle(x0, y0, x1, y1 vg.Length) vg.Path {
	var p vg.Path
	p.Move(vg.Point{X: x0, Y: y0})
	p.Line(vg.Point{X: x1, Y: y0})
	p.Line(vg.Point{X: x1, Y: y1})
	p.Line(vg.Point{X: x0, Y: y1})
	p.Close()
	return p
}

// folded breaks a text into lines of a width.
func folded(text string, most, size vg.Length) []string {
	var lines []string
	for _, w := range words(text) {
		if n := len(lines); n > 0 && width(lines[n-1]+" "+w, size, size == titleSize) <= most {
			lines[n-1] += " " + w
			continue
		}
		lines = append(lines, w)
	}
	return lines
}

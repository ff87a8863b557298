package render

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"coldbench/bench/internal/analysis"
)

// Plot is a picture of a section.
type Plot struct {
	// Name is what --plot calls it, and part of the names of files.
	Name string
	draw func(s *analysis.Section, width float64) *figure
}

// Plots lists the pictures in the order in which they are shown.
func Plots() []Plot {
	return []Plot{
		{"ecdf", ecdf}, {"order", order}, {"phases", phases}, {"memory", memory}, {"deployment", deployment},
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

// SVG writes every plot of every run, below one another.
func SVG(w io.Writer, r *analysis.Report) error { return writePlots(w, r, Plots()...) }

// Only returns the format that writes one plot of every run.
func (p Plot) Only() Format {
	return Format{Name: "svg", Ext: ".svg", Write: func(w io.Writer, r *analysis.Report) error { return writePlots(w, r, p) }}
}

// Picture writes the plot of one run, as the file that a page links to.
func (p Plot) Picture(w io.Writer, s *analysis.Section) error {
	return writePlots(w, &analysis.Report{Title: s.Heading, Sections: []analysis.Section{*s}}, p)
}

// File names the file that Picture writes, beside the page that links to it.
func (p Plot) File(s *analysis.Section) string { return s.Pictures + "-" + p.Name + ".svg" }

func writePlots(w io.Writer, r *analysis.Report, plots ...Plot) error {
	var figures []*figure
	for i := range r.Sections {
		s := &r.Sections[i]
		for _, p := range plots {
			f := p.draw(s, wide)
			if f == nil {
				continue
			}
			if len(r.Sections) > 1 {
				f.title = s.Heading + ": " + f.title
			}
			figures = append(figures, f)
		}
	}
	if len(figures) == 0 {
		figures = []*figure{{title: r.Title, note: "There is nothing to draw.", desc: []string{"There is nothing to draw."}}}
	}
	var d drawing
	height := 0.0
	for i, f := range figures {
		if i > 0 {
			height += 24
		}
		height += f.svg(&d.Buffer, wide, "p"+strconv.Itoa(i+1), height)
	}
	var out bytes.Buffer
	if len(figures) > 1 {
		fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[2]s" width="%[1]d" height="%[2]s" aria-labelledby="p0-t">`+"\n<title id=\"p0-t\">%[3]s</title>\n",
			wide, tenth(height), xmlText(r.Title))
		d.WriteString("</svg>\n")
	}
	out.Write(d.Bytes())
	_, err := w.Write(out.Bytes())
	return err
}

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

// key is an entry of the legend: a box, or a line where dash is not nil.
type key struct {
	text string
	ink  ink
	dash *string
}

func lineKey(text string, hue int) key {
	d := dash(hue)
	return key{text, shade(hue), &d}
}

func (k key) width() float64 { return 26 + widthOf(k.text, textSize) + 16 }

// panel is a chart and its height, with an optional heading, behind a dot of ink.
type panel struct {
	heading string
	ink     ink
	height  float64
	chart
}

const (
	titleSize   = 15
	lineStep    = 17
	titleStep   = 20
	headingStep = lineStep + 4
	margin      = 4
)

// svg writes the figure, which begins at y, as an element and returns its height.
func (f *figure) svg(b *bytes.Buffer, width float64, id string, y float64) float64 {
	var d drawing
	at := float64(margin)
	for _, t := range folded(f.title, width-2*margin, titleSize) {
		at += titleStep
		d.text(inkText, margin, at-4, t, `font-size="`+strconv.Itoa(titleSize)+`" `+bold)
	}
	for _, t := range folded(f.note, width-2*margin, textSize) {
		at += lineStep
		d.text(inkMuted, margin, at-4, t, "")
	}
	x := width
	for _, k := range f.legend {
		if x > margin && x+k.width() > width-margin {
			x, at = margin, at+lineStep
		}
		if k.dash != nil {
			d.line(k.ink, 2, *k.dash, []point{{x, at - 8}, {x + 21, at - 8}})
		} else {
			d.box(k.ink, x+4, at-13, 12, 10)
		}
		d.text(inkText, x+26, at-4, k.text, "")
		x += k.width()
	}
	at += margin
	for _, p := range f.panels {
		if p.heading != "" {
			at += headingStep
			x := float64(margin)
			if p.ink != "" {
				d.dots(p.ink, 4, point{x + 7, at - 10})
				x += 18
			}
			d.text(inkText, x, at-6, p.heading, bold)
		}
		p.draw(&d, 2*margin, at+2*margin, width-5*margin, at+p.height-margin)
		at += p.height
	}
	at += margin
	place := ""
	if y > 0 {
		place = ` y="` + tenth(y) + `"`
	}
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg"%[1]s viewBox="0 0 %[2]s %[3]s" width="%[2]s" height="%[3]s" role="img" aria-labelledby="%[4]s-t %[4]s-d" font-family="%[5]s" font-size="%[6]d">`+
		"\n<title id=\"%[4]s-t\">%[7]s</title>\n<desc id=\"%[4]s-d\">%[8]s</desc>\n",
		place, tenth(width), tenth(at), id, fonts, textSize, xmlText(f.title), xmlText(strings.Join(f.desc, " ")))
	b.Write(d.Bytes())
	b.WriteString("</svg>\n")
	return at
}

func folded(text string, most, size float64) []string {
	var lines []string
	for _, w := range words(text) {
		if n := len(lines); n > 0 && widthOf(lines[n-1]+" "+w, size) <= most {
			lines[n-1] += " " + w
			continue
		}
		lines = append(lines, w)
	}
	return lines
}

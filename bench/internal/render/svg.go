package render

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"coldbench/bench/internal/analysis"
)

// SVG writes every plot of every run, below one another.
func SVG(w io.Writer, r *analysis.Report) error {
	return writePlots(w, r.Title, all(r), Plots())
}

// Only returns the format that writes one plot of every run.
func (p Plot) Only() Format {
	return Format{Name: "svg", Ext: ".svg", Write: func(w io.Writer, r *analysis.Report) error {
		return writePlots(w, r.Title, all(r), []Plot{p})
	}}
}

// Picture writes the plot of one run, as the file that a page links to.
func (p Plot) Picture(w io.Writer, s *analysis.Section) error {
	return writePlots(w, s.Heading, []*analysis.Section{s}, []Plot{p})
}

// File names the file that Picture writes, beside the page that links to it.
func (p Plot) File(s *analysis.Section) string { return s.Pictures + "-" + p.Name + ".svg" }

func all(r *analysis.Report) []*analysis.Section {
	var list []*analysis.Section
	for i := range r.Sections {
		list = append(list, &r.Sections[i])
	}
	return list
}

// writePlots writes a document that holds pictures below one another.
func writePlots(w io.Writer, title string, sections []*analysis.Section, plots []Plot) error {
	var figures []*figure
	for _, s := range sections {
		for _, p := range plots {
			f := p.draw(s, wide)
			if f == nil {
				continue
			}
			if len(sections) > 1 {
				f.title = s.Heading + ": " + f.title
			}
			figures = append(figures, f)
		}
	}
	if len(figures) == 0 {
		figures = []*figure{{title: title, note: "There is nothing to draw.", desc: []string{"There is nothing to draw."}}}
	}
	var out bytes.Buffer
	if len(figures) == 1 {
		figures[0].svg(&out, wide, "p1")
	} else {
		below(&out, title, figures)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// below writes figures as elements of one, at their heights.
func below(out *bytes.Buffer, title string, figures []*figure) {
	const gap = 24
	var inside bytes.Buffer
	height := 0.0
	for i, f := range figures {
		if i > 0 {
			height += gap
		}
		var one bytes.Buffer
		f.svg(&one, wide, "p"+strconv.Itoa(i+1))
		size := heightOf.FindSubmatch(one.Bytes())
		inside.WriteString(fmt.Sprintf(`<svg y="%s" `, tenth(height)))
		inside.Write(one.Bytes()[len("<svg "):])
		h, _ := strconv.ParseFloat(string(size[1]), 64) // written a line above
		height += h
	}
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %s" width="%d" height="%s" aria-labelledby="p0-t">`+"\n<title id=\"p0-t\">%s</title>\n",
		wide, tenth(height), wide, tenth(height), xmlText(title))
	out.Write(inside.Bytes())
	out.WriteString("</svg>\n")
}

var heightOf = regexp.MustCompile(`height="([0-9.]+)"`)

package render

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"coldbench/bench/internal/analysis"
)

// order draws the values in the order in which they were taken, a strip for each
// column.
func order(s *analysis.Section, w vg.Length) *figure {
	list, class, metric, why := shownSeries(s)
	if len(list) == 0 {
		return nil
	}
	axis, things := kindOf(class, metric)
	f := &figure{title: upper(things) + " in the order of time",
		note: strings.TrimSpace(why + " Each strip has a scale of its own, " + axis + "; the line is the median. A drift of the host rises or falls in every strip.")}
	last := int32(1)
	for _, d := range list {
		last = max(last, slices.Max(d.rounds))
	}
	x := scaleOf(1, float64(last), int(w)/90, true)
	x.min, x.max = 0, float64(last)+0.5
	x.ticks = slices.DeleteFunc(x.ticks, func(v float64) bool { return v > x.max || v != float64(int(v)) })
	for i, d := range list {
		label := ""
		height := vg.Length(84)
		if i == len(list)-1 {
			label, height = "round", 104
		}
		p := newPlot(label, "")
		x.set(&p.X, tickLabel)
		y := scaleOf(d.sorted[0], d.sorted[len(d.sorted)-1], 3, false)
		y.set(&p.Y, padded)
		p.Add(gridLines(nil, y.ticks), d.strip(float64(last)))
		heading := d.title
		if y.log {
			heading += ", logarithmic"
		}
		f.panels = append(f.panels, panel{heading: heading, ink: shade(d.hue), plot: p, height: height})
		f.desc = append(f.desc, d.described())
	}
	f.desc = append([]string{fmt.Sprintf("Strips of points over %d rounds, one for each of %d columns. %s", last, len(list), f.note)}, f.desc...)
	return f
}

// padded makes the labels of strips below one another about as wide, so that
// their rounds are, too.
func padded(v float64) string {
	s := tickLabel(v)
	return strings.Repeat(figureSpace, max(0, 5-len(s))) + s
}

// strip draws the points and the median.
func (d drawnSeries) strip(to float64) drawer {
	return func(c *canvas, area draw.Canvas, x, y func(float64) vg.Length) {
		c.SetColor(shade(d.hue))
		points := make([]vg.Point, len(d.values))
		for i, v := range d.values {
			points[i] = vg.Point{X: x(float64(d.rounds[i])), Y: y(v)}
		}
		radius := vg.Length(2.5)
		if len(points) > 200 {
			radius = 1.5
		}
		c.dots(points, radius)
		if m := d.median.Value; m != nil {
			c.SetLineWidth(1)
			c.SetLineDash(nil, 0)
			var p vg.Path
			p.Move(vg.Point{X: area.Min.X, Y: y(*m)})
			p.Line(vg.Point{X: area.Max.X, Y: y(*m)})
			c.Stroke(p)
		}
	}
}

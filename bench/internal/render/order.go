package render

import (
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/analysis"
)

// order draws the values as they were taken, a strip for each column.
func order(s *analysis.Section, width float64) *figure {
	list, class, metric, why := shownSeries(s)
	if len(list) == 0 {
		return nil
	}
	axis, things := kindOf(class, metric)
	f := &figure{title: strings.ToUpper(things[:1]) + things[1:] + " in the order of time",
		note: strings.TrimSpace(why + " Each strip has a scale of its own, " + axis + "; the line is the median. A drift of the host rises or falls in every strip.")}
	last := int32(1)
	for _, d := range list {
		last = max(last, slices.Max(d.rounds))
	}
	f.desc = []string{fmt.Sprintf("Strips of points over %d rounds, one for each of %d columns. %s", last, len(list), f.note)}
	x := scaleOf(1, float64(last), int(width)/90, true)
	x.min, x.max = 0, float64(last)+0.5
	x.ticks = slices.DeleteFunc(x.ticks, func(v float64) bool { return v > x.max || v != float64(int(v)) })
	for i, d := range list {
		y := scaleOf(d.sorted[0], d.sorted[len(d.sorted)-1], 3, false)
		p := panel{heading: logarithmic(d.title, y), ink: shade(d.hue), height: 84, chart: chart{x: x, y: y, noX: true, data: d.strip}}
		if i == len(list)-1 {
			p.xLabel, p.height = "round", 104
		}
		f.panels = append(f.panels, p)
		f.desc = append(f.desc, d.described())
	}
	return f
}

// logarithmic adds to a heading what kind of scale it has.
func logarithmic(heading string, s scale) string {
	if s.log {
		heading += ", logarithmic"
	}
	return heading
}

func (d drawnSeries) strip(to *drawing, p plane) {
	points := make([]point, len(d.values))
	for i, v := range d.values {
		points[i] = p.at(float64(d.rounds[i]), v)
	}
	radius := 2.5
	if len(points) > 200 {
		radius = 1.5
	}
	to.dots(shade(d.hue), radius, points...)
	if m := d.median.Value; m != nil {
		to.line(shade(d.hue), 1, "", []point{p.at(p.chart.x.min, *m), p.at(p.chart.x.max, *m)})
	}
}

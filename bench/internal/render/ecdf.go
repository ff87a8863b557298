package render

import (
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/analysis"
)

// ecdf draws of each column the share of starts that took at most so long.
func ecdf(s *analysis.Section, width float64) *figure {
	list, class, metric, why := shownSeries(s)
	if len(list) == 0 {
		return nil
	}
	axis, things := kindOf(class, metric)
	f := &figure{title: "Distribution of " + things, note: strings.TrimSpace(why + " Dots and bars: medians and their 95 % intervals.")}
	lo, hi := rangeOf(list)
	x := scaleOf(lo, hi, int(width)/90, false)
	if x.log {
		f.note += " The axis is logarithmic."
		axis += ", logarithmic"
	}
	y := scale{max: 1, ticks: []float64{0, 0.25, 0.5, 0.75, 1}, label: func(v float64) string { return tickLabel(100*v) + " %" }}
	sizes := memorySizes(s, list)
	shown := map[int]bool{}
	for i, mb := range sizes {
		p := panel{height: 300, chart: chart{x: x, y: y, xLabel: axis, yLabel: "share that took at most x"}}
		if len(sizes) > 1 {
			p.heading, p.height = fmt.Sprintf("%d MB", mb), 220
			if i < len(sizes)-1 {
				p.xLabel, p.height = "", 200
			}
		}
		of := slices.DeleteFunc(slices.Clone(list), func(d drawnSeries) bool { return s.Columns[d.column].MemoryMB != mb })
		p.data = func(d *drawing, p plane) {
			for _, c := range of {
				d.line(shade(c.hue), 2, dash(c.hue), c.steps(p))
				c.medianBar(d, p)
			}
		}
		for _, d := range of {
			f.desc = append(f.desc, d.described())
			if shown[d.hue] {
				continue
			}
			shown[d.hue] = true
			title := d.title
			if len(sizes) > 1 {
				title = sweepTitle(s, d.column)
			}
			f.legend = append(f.legend, lineKey(title, d.hue))
		}
		f.panels = append(f.panels, p)
	}
	f.desc = append([]string{fmt.Sprintf("Empirical distribution functions, one for each of %d columns. %s", len(list), f.note)}, f.desc...)
	return f
}

// memorySizes are those of the columns that are drawn, in order: each is a picture
// of its own, for a dozen lines in one can't be told apart.
func memorySizes(s *analysis.Section, list []drawnSeries) []int {
	var sizes []int
	for _, d := range list {
		sizes = append(sizes, s.Columns[d.column].MemoryMB)
	}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

// steps are a column's distribution function; what can't be told apart is one step.
func (d drawnSeries) steps(p plane) []point {
	steps := []point{p.at(d.sorted[0], 0)}
	for i, v := range d.sorted {
		at := p.at(v, float64(i+1)/float64(len(d.sorted)))
		last := &steps[len(steps)-1]
		if i > 0 && tenth(at.x) == tenth(last.x) {
			last.y = at.y
			continue
		}
		steps = append(steps, point{at.x, last.y}, at)
	}
	return steps
}

// medianBar draws the median and its interval half way up.
func (d drawnSeries) medianBar(to *drawing, p plane) {
	m := d.median
	if m.Value == nil {
		return
	}
	if m.Bounded() {
		to.line(shade(d.hue), 3, "", []point{p.at(*m.Low, 0.5), p.at(*m.High, 0.5)})
	}
	to.dots(shade(d.hue), 5, p.at(*m.Value, 0.5))
}

package render

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"coldbench/bench/internal/analysis"
)

func fontFace(size vg.Length, bold bool) font.Face {
	return font.DefaultCache.Lookup(face(size, bold), size)
}

// drawnSeries are the values of a column that pictures show.
type drawnSeries struct {
	column int
	// hue is the number of its colour and its dash.
	hue    int
	title  string
	rounds []int32
	// values are in the order in which they were taken, sorted ones the same.
	values, sorted []float64
	// median is the one of the tables, with its interval.
	median analysis.Estimate
	phases analysis.Phases
}

// shownSeries picks what a section's pictures show: cold starts, or warm
// invocations where there are none; Billed Duration, or init + duration where
// Billed Durations take too few different values to draw.
func shownSeries(s *analysis.Section) (list []drawnSeries, class, metric, why string) {
	for _, class = range []string{"cold", "suppressed-init", "warm", "first-warm"} {
		if slices.ContainsFunc(s.Series, func(x analysis.Series) bool { return x.Class == class }) {
			break
		}
	}
	const enough = 10
	metric = "billed"
	for _, x := range s.Series {
		if x.Class == class {
			if !distinct(x.BilledMs, enough) {
				metric = "total"
				why = fmt.Sprintf("Billed Durations take fewer than %d different values, so init + duration before the ceiling is drawn.", enough)
			}
		}
	}
	for _, x := range s.Series {
		if x.Class != class {
			continue
		}
		from := x.BilledMs
		if metric == "total" {
			from = x.TotalMs
		}
		d := drawnSeries{column: x.Column, hue: hue(s, x.Column), title: s.Columns[x.Column].Title, phases: x.Phases}
		for i, v := range from {
			if !math.IsNaN(v) {
				d.values, d.rounds = append(d.values, v), append(d.rounds, x.Rounds[i])
			}
		}
		if len(d.values) == 0 {
			continue
		}
		d.sorted = slices.Clone(d.values)
		slices.Sort(d.sorted)
		d.median = medianOf(s, metric, class, x.Column)
		list = append(list, d)
	}
	return list, class, metric, why
}

// medianOf finds a median in the tables.
func medianOf(s *analysis.Section, metric, class string, column int) analysis.Estimate {
	for _, t := range s.Metrics {
		for _, l := range t.Lines {
			if t.Metric == metric && l.Class == class && l.Column == column {
				return l.Median
			}
		}
	}
	return analysis.Estimate{}
}

// distinct reports whether there are at least n different values.
func distinct(values []float64, n int) bool {
	seen := map[float64]bool{}
	for _, v := range values {
		if !math.IsNaN(v) {
			seen[v] = true
		}
		if len(seen) >= n {
			return true
		}
	}
	return false
}

// kindOf names a metric on an axis, and what a class is made of.
func kindOf(class, metric string) (axis, things string) {
	axis, things = "Billed Duration, ms", "cold starts"
	if metric == "total" {
		axis = "init + duration, ms"
	}
	switch class {
	case "suppressed-init":
		things = "cold starts whose init ran inside the invocation"
	case "warm", "first-warm":
		things = "warm invocations"
		if metric == "total" {
			axis = "duration, ms"
		}
	}
	return axis, things
}

// described says in words what a column's values are.
func (d drawnSeries) described() string {
	text := fmt.Sprintf("%s: median %s ms", d.title, optional(d.median.Value, digits))
	if d.median.Bounded() {
		text += " (95 % interval " + interval(d.median, digits) + ")"
	}
	return text + fmt.Sprintf(", from %s to %s, n = %d.", digits(d.sorted[0]), digits(d.sorted[len(d.sorted)-1]), len(d.sorted))
}

// rangeOf returns the least and the greatest value of all columns.
func rangeOf(list []drawnSeries) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, d := range list {
		lo, hi = min(lo, d.sorted[0]), max(hi, d.sorted[len(d.sorted)-1])
	}
	return lo, hi
}

// ecdf draws of each column the share of starts that took at most so long.
func ecdf(s *analysis.Section, w vg.Length) *figure {
	list, class, metric, why := shownSeries(s)
	if len(list) == 0 {
		return nil
	}
	axis, things := kindOf(class, metric)
	f := &figure{title: "Distribution of " + things, note: strings.TrimSpace(why + " Dots and bars: medians and their 95 % intervals.")}
	lo, hi := rangeOf(list)
	x := scaleOf(lo, hi, int(w)/90, false)
	if x.log {
		f.note += " The axis is logarithmic."
		axis += ", logarithmic"
	}
	y := scale{min: 0, max: 1, ticks: []float64{0, 0.25, 0.5, 0.75, 1}}
	sizes := memorySizes(s, list)
	shown := map[int]bool{}
	for i, mb := range sizes {
		label, height, heading := axis, vg.Length(300), ""
		if len(sizes) > 1 {
			height, heading = 220, fmt.Sprintf("%d MB", mb)
			if i < len(sizes)-1 {
				label, height = "", 200
			}
		}
		p := newPlot(label, "share that took at most x")
		x.set(&p.X, tickLabel)
		y.set(&p.Y, func(v float64) string { return tickLabel(100*v) + " %" })
		p.Add(gridLines(x.ticks, y.ticks))
		for _, d := range list {
			if s.Columns[d.column].MemoryMB != mb {
				continue
			}
			f.desc = append(f.desc, d.described())
			p.Add(d.steps(), d.medianBar(0.5))
			if shown[d.hue] {
				continue
			}
			shown[d.hue] = true
			title := d.title
			if len(sizes) > 1 {
				title = sweepTitle(s, d.column)
			}
			f.legend = append(f.legend, key{title, shade(d.hue), dash(d.hue), "line"})
		}
		f.panels = append(f.panels, panel{heading: heading, plot: p, height: height})
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

// upper begins a text with a capital.
func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// steps draws the distribution function of a column.
func (d drawnSeries) steps() drawer {
	return func(c *canvas, _ draw.Canvas, x, y func(float64) vg.Length) {
		c.SetColor(shade(d.hue))
		c.SetLineWidth(2)
		c.SetLineDash(dash(d.hue), 0)
		var p vg.Path
		p.Move(vg.Point{X: x(d.sorted[0]), Y: y(0)})
		n := float64(len(d.sorted))
		last := y(0)
		for i := 0; i < len(d.sorted); {
			k := i + 1
			for k < len(d.sorted) && tenth(float64(x(d.sorted[k]))) == tenth(float64(x(d.sorted[i]))) {
				k++ // what can't be told apart is one step
			}
			at, next := x(d.sorted[i]), y(float64(k)/n)
			p.Line(vg.Point{X: at, Y: last})
			p.Line(vg.Point{X: at, Y: next})
			last, i = next, k
		}
		c.Stroke(p)
		c.SetLineDash(nil, 0)
	}
}

// medianBar draws the median and its interval at a height.
func (d drawnSeries) medianBar(at float64) drawer {
	return func(c *canvas, _ draw.Canvas, x, y func(float64) vg.Length) {
		if d.median.Value == nil {
			return
		}
		c.SetColor(shade(d.hue))
		c.SetLineDash(nil, 0)
		if d.median.Bounded() {
			c.SetLineWidth(3)
			var p vg.Path
			p.Move(vg.Point{X: x(*d.median.Low), Y: y(at)})
			p.Line(vg.Point{X: x(*d.median.High), Y: y(at)})
			c.Stroke(p)
		}
		c.dots([]vg.Point{{X: x(*d.median.Value), Y: y(at)}}, 5)
	}
}

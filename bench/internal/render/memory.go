package render

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"coldbench/bench/internal/analysis"
)

// sweep is one variant and architecture at several memory sizes.
type sweep struct {
	title string
	// hue is the number of its colour and its dash.
	hue    int
	points []sweepPoint
}

type sweepPoint struct {
	memoryMB int
	total    analysis.Estimate
	usd      *float64
}

// memory draws the cold start and its cost against the memory size, where more
// than one was measured.
func memory(s *analysis.Section, w vg.Length) *figure {
	list, sizes, priced := sweeps(s)
	if len(sizes) < 2 || len(list) == 0 {
		return nil
	}
	f := &figure{title: "Cold starts against memory size",
		note: "Medians of init + duration with their 95 % intervals. More memory is more CPU and a higher price a millisecond."}
	for _, l := range list {
		f.legend = append(f.legend, key{l.title, shade(l.hue), dash(l.hue), "line"})
		text := l.title + ":"
		for _, p := range l.points {
			text += fmt.Sprintf(" %s ms at %d MB", optional(p.total.Value, digits), p.memoryMB)
			if p.usd != nil {
				text += ", " + dollars(*p.usd) + " USD per million"
			}
			text += ";"
		}
		f.desc = append(f.desc, text)
	}
	f.panels = append(f.panels, swept("init + duration, ms", list, sizes, w, func(p sweepPoint) analysis.Estimate { return p.total }))
	if priced {
		f.panels = append(f.panels, swept("USD per million cold starts", list, sizes, w, func(p sweepPoint) analysis.Estimate { return analysis.Estimate{Value: p.usd} }))
	}
	f.desc = append([]string{f.note}, f.desc...)
	return f
}

// hue numbers the colour of a column: one for each variant and architecture, at
// whatever memory size.
func hue(s *analysis.Section, column int) int {
	type lot struct{ variant, arch string }
	var seen []lot
	for _, c := range s.Columns[:column+1] {
		if l := (lot{c.Variant, c.Arch}); !slices.Contains(seen, l) {
			seen = append(seen, l)
		}
	}
	c := s.Columns[column]
	return slices.Index(seen, lot{c.Variant, c.Arch})
}

// sweepTitle names a column without its memory size.
func sweepTitle(s *analysis.Section, column int) string {
	c := s.Columns[column]
	title := c.Variant
	if slices.ContainsFunc(s.Columns, func(o analysis.Column) bool { return o.Arch != c.Arch }) {
		title += " " + c.Arch
	}
	if c.StandIn {
		title += " (stand-in base)"
	}
	return title
}

// sweeps gathers the columns of the same variant and architecture.
func sweeps(s *analysis.Section) (list []sweep, sizes []int, priced bool) {
	place := map[string]int{}
	for i, c := range s.Columns {
		m := medianOf(s, "total", "cold", i)
		if m.Value == nil || c.MemoryMB <= 0 {
			continue // a logarithmic axis has no place for it
		}
		title := sweepTitle(s, i)
		at, ok := place[title]
		if !ok {
			at = len(list)
			place[title] = at
			list = append(list, sweep{title: title, hue: hue(s, i)})
		}
		p := sweepPoint{memoryMB: c.MemoryMB, total: m}
		if s.Costs != nil {
			for _, l := range s.Costs.Lines {
				if l.Class == "cold" && i < len(l.Cells) {
					p.usd = l.Cells[i].USD
					priced = priced || p.usd != nil
				}
			}
		}
		list[at].points = append(list[at].points, p)
		if !slices.Contains(sizes, c.MemoryMB) {
			sizes = append(sizes, c.MemoryMB)
		}
	}
	slices.Sort(sizes)
	for _, l := range list {
		slices.SortFunc(l.points, func(a, b sweepPoint) int { return a.memoryMB - b.memoryMB })
	}
	return list, sizes, priced
}

// swept draws a line for each sweep.
func swept(heading string, list []sweep, sizes []int, w vg.Length, of func(sweepPoint) analysis.Estimate) panel {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, l := range list {
		for _, p := range l.points {
			e := of(p)
			for _, v := range []*float64{e.Value, e.Low, e.High} {
				if v != nil {
					lo, hi = min(lo, *v), max(hi, *v)
				}
			}
		}
	}
	y := scaleOf(lo, hi, 5, hi < 10*lo)
	p := newPlot("memory size, MB", "")
	first, last := float64(sizes[0]), float64(sizes[len(sizes)-1])
	p.X.Min, p.X.Max, p.X.Scale = first/1.1, last*1.1, plot.LogScale{}
	p.X.Tick.Marker = sizeTicks(sizes, first/1.1, last*1.1, w-60)
	y.set(&p.Y, padded)
	p.Add(gridLines(nil, y.ticks))
	for i, l := range list {
		var marks []mark
		for _, q := range l.points {
			marks = append(marks, mark{float64(q.memoryMB), of(q)})
		}
		p.Add(marked(marks, l.hue, vg.Length(2*i)-vg.Length(len(list)-1)))
	}
	if y.log {
		heading += ", logarithmic"
	}
	return panel{heading: heading, plot: p, height: 220}
}

// mark is an estimate at a place of the x axis.
type mark struct {
	at float64
	analysis.Estimate
}

// marked draws estimates with their intervals and a line through them, moved to
// the right by some pixels so that the intervals of several lines lie beside one
// another.
func marked(marks []mark, hue int, by vg.Length) drawer {
	return func(c *canvas, _ draw.Canvas, x, y func(float64) vg.Length) {
		c.SetColor(shade(hue))
		var line, bars vg.Path
		var points []vg.Point
		for _, m := range marks {
			if m.Value == nil {
				continue
			}
			at := vg.Point{X: x(m.at) + by, Y: y(*m.Value)}
			if len(points) == 0 {
				line.Move(at)
			} else {
				line.Line(at)
			}
			points = append(points, at)
			if m.Bounded() {
				bars.Move(vg.Point{X: at.X, Y: y(*m.Low)})
				bars.Line(vg.Point{X: at.X, Y: y(*m.High)})
			}
		}
		c.SetLineWidth(2)
		c.SetLineDash(dash(hue), 0)
		c.Stroke(line)
		c.SetLineDash(nil, 0)
		c.SetLineWidth(1.5)
		c.Stroke(bars)
		c.dots(points, 3.5)
	}
}

// sizeTicks labels the sizes that have the room.
func sizeTicks(sizes []int, lo, hi float64, room vg.Length) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	free := math.Inf(-1)
	for _, mb := range sizes {
		at := float64(room) * math.Log(float64(mb)/lo) / math.Log(hi/lo)
		label := strconv.Itoa(mb)
		half := float64(width(label, textSize, false))/2 + 4
		if at-half < free {
			label = ""
		} else {
			free = at + half
		}
		ticks = append(ticks, plot.Tick{Value: float64(mb), Label: label})
	}
	return ticks
}

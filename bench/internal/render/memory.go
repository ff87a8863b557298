package render

import (
	"fmt"
	"math"
	"slices"
	"strconv"

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

// memory draws the cold start and its cost against several memory sizes.
func memory(s *analysis.Section, width float64) *figure {
	list, sizes, priced := sweeps(s)
	if len(sizes) < 2 || len(list) == 0 {
		return nil
	}
	f := &figure{title: "Cold starts against memory size",
		note: "Medians of init + duration with their 95 % intervals. More memory is more CPU and a higher price a millisecond."}
	f.desc = []string{f.note}
	var totals, costs []curve
	for _, l := range list {
		f.legend = append(f.legend, lineKey(l.title, l.hue))
		text := l.title + ":"
		total, cost := curve{hue: l.hue}, curve{hue: l.hue}
		for _, p := range l.points {
			at := float64(p.memoryMB)
			total.marks = append(total.marks, mark{at, p.total})
			cost.marks = append(cost.marks, mark{at, analysis.Estimate{Value: p.usd}})
			text += fmt.Sprintf(" %s ms at %d MB", optional(p.total.Value, digits), p.memoryMB)
			if p.usd != nil {
				text += ", " + dollars(*p.usd) + " USD per million"
			}
			text += ";"
		}
		totals, costs = append(totals, total), append(costs, cost)
		f.desc = append(f.desc, text)
	}
	x := sizeScale(sizes, width-60)
	f.panels = append(f.panels, curves("init + duration, ms", "memory size, MB", x, totals))
	if priced {
		f.panels = append(f.panels, curves("USD per million cold starts", "memory size, MB", x, costs))
	}
	return f
}

func sweeps(s *analysis.Section) (list []sweep, sizes []int, priced bool) {
	place := map[string]int{}
	for i, c := range s.Columns {
		m := lineOf(s, "total", "cold", i).Median
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

// sizeScale labels the sizes that have the room.
func sizeScale(sizes []int, room float64) scale {
	x := scale{min: float64(sizes[0]) / 1.1, max: float64(sizes[len(sizes)-1]) * 1.1, log: true}
	labels := map[float64]string{}
	free := math.Inf(-1)
	for _, mb := range sizes {
		v := float64(mb)
		x.ticks = append(x.ticks, v)
		at, half := room*x.share(v), widthOf(strconv.Itoa(mb), textSize)/2+4
		if at-half >= free {
			labels[v], free = strconv.Itoa(mb), at+half
		}
	}
	x.label = func(v float64) string { return labels[v] }
	return x
}

// curve is a line through estimates, in the colour and dash of a number.
type curve struct {
	hue   int
	marks []mark
}

// mark is an estimate at a place of the x axis.
type mark struct {
	at float64
	analysis.Estimate
}

// curves draws lines through estimates with their intervals, moved by some pixels
// so that the intervals of several lines lie beside one another.
func curves(heading, xLabel string, x scale, list []curve) panel {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, c := range list {
		for _, m := range c.marks {
			for _, v := range []*float64{m.Value, m.Low, m.High} {
				if v != nil {
					lo, hi = min(lo, *v), max(hi, *v)
				}
			}
		}
	}
	y := scaleOf(lo, hi, 5, hi < 10*lo)
	data := func(d *drawing, p plane) {
		for i, c := range list {
			var line []point
			var bars [][]point
			place := func(at, v float64) point {
				to := p.at(at, v)
				return point{to.x + float64(2*i-len(list)+1), to.y}
			}
			for _, m := range c.marks {
				if m.Value == nil {
					continue
				}
				line = append(line, place(m.at, *m.Value))
				if m.Bounded() {
					bars = append(bars, []point{place(m.at, *m.Low), place(m.at, *m.High)})
				}
			}
			d.line(shade(c.hue), 2, dash(c.hue), line)
			d.line(shade(c.hue), 1.5, "", bars...)
			d.dots(shade(c.hue), 3.5, line...)
		}
	}
	return panel{heading: logarithmic(heading, y), height: 220, chart: chart{x: x, y: y, xLabel: xLabel, noX: true, data: data}}
}

package render

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"coldbench/bench/internal/analysis"
)

// deployment draws the cold starts after a deployment in their order, a line for
// each config.
func deployment(s *analysis.Section, w vg.Length) *figure {
	lo, hi, last := math.Inf(1), math.Inf(-1), 0
	longest := analysis.Curve{}
	for _, c := range s.Curves {
		for _, p := range c.Points {
			for _, v := range []*float64{p.Total.Value, p.Total.Low, p.Total.High} {
				if v != nil {
					lo, hi = min(lo, *v), max(hi, *v)
				}
			}
		}
		if n := len(c.Points); n > last {
			last, longest = n, c
		}
	}
	if last < 2 || hi < lo {
		return nil
	}
	f := &figure{title: "Cold starts in their order after a deployment",
		note: "Medians of init + duration with their 95 % intervals. The first is that of an image which the function never had."}
	y := scaleOf(lo, hi, 5, hi < 10*lo)
	plotted := newPlot("cold start after the deployment", "")
	plotted.X.Min, plotted.X.Max = 0.5, float64(last)+0.5
	plotted.X.Tick.Marker = placeTicks(longest.Points)
	y.set(&plotted.Y, padded)
	plotted.Add(gridLines(nil, y.ticks))
	for i, c := range s.Curves {
		title := s.Columns[c.Column].Title
		f.legend = append(f.legend, key{title, shade(c.Column), dash(c.Column), "line"})
		text := title + ":"
		var marks []mark
		for k, p := range c.Points {
			marks = append(marks, mark{float64(k + 1), p.Total})
			if p.Total.Value != nil {
				text += fmt.Sprintf(" %s %s ms;", placeName(p), digits(*p.Total.Value))
			}
		}
		f.desc = append(f.desc, text)
		plotted.Add(marked(marks, c.Column, vg.Length(2*i)-vg.Length(len(s.Curves)-1)))
	}
	heading := "init + duration, ms"
	if y.log {
		heading += ", logarithmic"
	}
	f.panels = append(f.panels, panel{heading: heading, plot: plotted, height: 220})
	f.desc = append([]string{f.note}, f.desc...)
	return f
}

// placeTicks counts the cold starts; a last point that holds several begins with
// its first.
func placeTicks(points []analysis.CurvePoint) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for k, p := range points {
		label := strconv.Itoa(p.From + 1)
		if p.To > p.From {
			label += "+"
		}
		ticks = append(ticks, plot.Tick{Value: float64(k + 1), Label: label})
	}
	return ticks
}

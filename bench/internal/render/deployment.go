package render

import (
	"fmt"
	"strconv"

	"coldbench/bench/internal/analysis"
)

// deployment draws the cold starts after a deployment in their order, a line for
// each config.
func deployment(s *analysis.Section, _ float64) *figure {
	f := &figure{title: "Cold starts in their order after a deployment",
		note: "Medians of init + duration with their 95 % intervals. The first is that of an image which the function never had."}
	f.desc = []string{f.note}
	var list []curve
	var longest []analysis.CurvePoint
	known := false
	for _, c := range s.Curves {
		title := s.Columns[c.Column].Title
		f.legend = append(f.legend, lineKey(title, c.Column))
		text := title + ":"
		line := curve{hue: c.Column}
		for k, p := range c.Points {
			line.marks = append(line.marks, mark{float64(k + 1), p.Total})
			if p.Total.Value != nil {
				known = true
				text += fmt.Sprintf(" %s %s ms;", placeName(p), digits(*p.Total.Value))
			}
		}
		list = append(list, line)
		f.desc = append(f.desc, text)
		if len(c.Points) > len(longest) {
			longest = c.Points
		}
	}
	if len(longest) < 2 || !known {
		return nil
	}
	x := scale{min: 0.5, max: float64(len(longest)) + 0.5}
	for k := range longest {
		x.ticks = append(x.ticks, float64(k+1))
	}
	// A last point that holds several begins with its first.
	x.label = func(v float64) string {
		p := longest[int(v)-1]
		label := strconv.Itoa(p.From + 1)
		if p.To > p.From {
			label += "+"
		}
		return label
	}
	f.panels = []panel{curves("init + duration, ms", "cold start after the deployment", x, list)}
	return f
}

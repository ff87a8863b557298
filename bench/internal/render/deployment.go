package render

import (
	"fmt"
	"slices"
	"strconv"

	"coldbench/bench/internal/analysis"
)

// deployment draws a line for each config.
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

// What the table of cold starts after a deployment holds.
const (
	curveTitle = "After a deployment"
	curveDoc   = "The median of init + duration of the cold starts in their order after a deployment, each image one that the function never had. The first is of the class `first-after-deploy`, forced by the deployment alone; those after it are of the class `cold` and of the same image, each forced by `config-update`. Of each image 1 KiB is new, so that what a platform keeps of others by their content it may have already. This describes: nothing is judged by it."
)

// curveGrid has a row for each place and a column for each config.
func curveGrid(s *analysis.Section) *grid {
	g := &grid{align: "l", header: []string{"cold start"}, fixed: true}
	places := 0
	for _, c := range s.Curves {
		g.header = append(g.header, s.Columns[c.Column].Title)
		places = max(places, len(c.Points))
	}
	if places == 0 {
		return g
	}
	for i := range places {
		row := []string{""}
		for _, c := range s.Curves {
			if i >= len(c.Points) {
				row = append(row, unknown)
				continue
			}
			p := c.Points[i]
			if label := placeName(p); len(label) > len(row[0]) {
				row[0] = label
			}
			cell := unknown
			if p.Total.Value != nil {
				cell = estimate(p.Total, " ms", digits) + ", n = " + strconv.Itoa(p.N)
			}
			row = append(row, cell)
		}
		g.add(row...)
	}
	factor := []string{"1st over all later ones"}
	for _, c := range s.Curves {
		factor = append(factor, times(c.Factor))
	}
	g.add(factor...)
	return g
}

// placeName counts cold starts as people do.
func placeName(p analysis.CurvePoint) string {
	switch {
	case p.From == 0:
		return "1st after a deployment"
	case p.To > p.From:
		return ordinal(p.From+1) + " to " + ordinal(p.To+1)
	}
	return ordinal(p.From + 1)
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

// curveRows are the lines of CSV for a section's curves: those of the tables
// for the metric total, and the place after the deployment.
func curveRows(s *analysis.Section) [][]string {
	var rows [][]string
	for _, c := range s.Curves {
		of := s.Columns[c.Column]
		for _, p := range c.Points {
			class, place := "cold", strconv.Itoa(p.From)
			if p.From == 0 {
				class = "first-after-deploy"
			}
			if p.To > p.From {
				place = fmt.Sprintf("%d-%d", p.From, p.To)
			}
			row := make([]string, len(csvHeader))
			copy(row, []string{s.Run, s.Place, s.Engine, of.Variant, strconv.Itoa(of.MemoryMB), of.Arch, class, "total", "ms",
				strconv.Itoa(p.N), strconv.Itoa(p.N), "", "", exact(p.Total.Value), exact(p.Total.Low), exact(p.Total.High)})
			row[slices.Index(csvHeader, "position")] = place
			rows = append(rows, row)
		}
	}
	return rows
}

package render

import "coldbench/bench/internal/analysis"

// costGrid has a row for each class and a column for each config.
func costGrid(s *analysis.Section) *grid {
	g := &grid{align: "l", header: []string{"USD per million"}}
	if s.Costs == nil {
		return g
	}
	for _, c := range s.Columns {
		g.header = append(g.header, c.Title)
	}
	for _, l := range s.Costs.Lines {
		cells := []string{l.Class}
		for _, c := range l.Cells {
			cells = append(cells, optional(c.USD, dollars))
		}
		g.add(cells...)
	}
	return g
}

// costNote says what the numbers are; empty where there are none.
func costNote(s *analysis.Section) string {
	switch {
	case s.Costs == nil:
		return ""
	case s.Costs.Unknown != "":
		return "What invocations cost is not known: " + s.Costs.Unknown + "."
	}
	note := "USD per million invocations at the prices of " + s.Costs.Region + " (" + s.Costs.Date + "): the request and the mean Billed Duration at the memory size, without free tier, volume tiers and logs."
	if s.Backend == "local" {
		note += " It is the price of the times measured here, which are not Lambda's."
	}
	return note
}

func dollars(v float64) string {
	if v >= 9.9995 {
		return fixed(v, 2)
	}
	return fixed(v, 3)
}

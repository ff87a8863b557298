package render

import (
	"fmt"
	"math"
	"slices"

	"coldbench/bench/internal/analysis"
)

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
}

// shownSeries picks what pictures show: cold starts, else warm invocations; Billed
// Duration, or init + duration if the former takes too few different values.
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
		d := drawnSeries{column: x.Column, hue: hue(s, x.Column), title: s.Columns[x.Column].Title}
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
		d.median = lineOf(s, metric, class, x.Column).Median
		list = append(list, d)
	}
	return list, class, metric, why
}

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

func rangeOf(list []drawnSeries) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, d := range list {
		lo, hi = min(lo, d.sorted[0]), max(hi, d.sorted[len(d.sorted)-1])
	}
	return lo, hi
}

// hue numbers the colour of a column: one for each variant and architecture.
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

package render

import (
	"math"
	"strings"

	"coldbench/bench/internal/analysis"
)

const sparkWidth = 32

// sparkGrid has a histogram of each column, on one scale for all.
func sparkGrid(s *analysis.Section) *grid {
	list, class, metric, _ := shownSeries(s)
	axis, _ := kindOf(class, metric)
	g := &grid{align: "lrll", header: []string{class + ": " + axis, "min", "", "max"}}
	if len(list) == 0 {
		return g
	}
	lo, hi := rangeOf(list)
	if hi <= lo {
		return g
	}
	position := func(v float64) float64 { return (v - lo) / (hi - lo) }
	if lo > 0 && hi >= 10*lo {
		position = func(v float64) float64 { return math.Log(v/lo) / math.Log(hi/lo) }
		g.header[2] = "logarithmic"
	}
	for _, d := range list {
		if len(d.sorted) < 6 {
			continue // a few points are no histogram
		}
		g.add(d.title, digits(d.sorted[0]), spark(d.sorted, position), digits(d.sorted[len(d.sorted)-1]))
	}
	return g
}

// spark draws a histogram of values whose position is from 0 to 1. The highest
// bin is full, one that holds anything is seen.
func spark(values []float64, position func(float64) float64) string {
	var bins [sparkWidth]int
	most := 0
	for _, v := range values {
		k := min(max(int(position(v)*sparkWidth), 0), sparkWidth-1)
		bins[k]++
		most = max(most, bins[k])
	}
	blocks := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, n := range bins {
		if n == 0 {
			b.WriteRune('·')
			continue
		}
		b.WriteRune(blocks[(n*len(blocks)-1)/most])
	}
	return b.String()
}

package analysis

import (
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/stats"
)

// compare sets each column against the baseline of its memory size and
// architecture, cold and warm, at the median, and at p90 and p99 where both
// sides have an interval there.
func compare(columns []Column, o observed, only string) []Comparison {
	total := metricOf("total")
	list := []Comparison{}
	for _, class := range []coldstart.Class{coldstart.ClassCold, coldstart.ClassWarm} {
		if !shown(class, only) || !o.any(len(columns), class) {
			continue
		}
		ordered := make([]stats.Ordered, len(columns))
		for i := range columns {
			v, _, _ := values(o.environments(i, class), total)
			ordered[i] = stats.Order(v)
		}
		for i, c := range columns {
			b := baselineColumn(columns, c)
			if b < 0 || b == i {
				continue
			}
			for _, q := range []float64{0.5, 0.9, 0.99} {
				enough := stats.Enough(q, Confidence)
				if q > 0.5 && (ordered[i].N() < enough || ordered[b].N() < enough) {
					continue
				}
				list = append(list, comparison(i, b, class, q, ordered[i], ordered[b]))
			}
		}
	}
	return list
}

func comparison(column, baseline int, class coldstart.Class, q float64, a, b stats.Ordered) Comparison {
	c := Comparison{Column: column, Baseline: baseline, Class: string(class), Quantile: q}
	ratio, ok := stats.RatioOf(a, b, q, Confidence)
	if !ok {
		return c
	}
	c.Ratio = Estimate{Value: &ratio.Value, Low: bound(ratio.Lo), High: bound(ratio.Hi)}
	verdict, within := stats.Judge(ratio, Margin)
	c.Within = within
	switch verdict {
	case stats.Less:
		c.Verdict = "faster"
	case stats.Greater:
		c.Verdict = "slower"
	default:
		c.Verdict = string(verdict)
	}
	return c
}

// baselineColumn finds the baseline of a column's memory size and
// architecture; -1 where it was not measured.
func baselineColumn(columns []Column, c Column) int {
	for i, b := range columns {
		if b.Baseline && b.MemoryMB == c.MemoryMB && b.Arch == c.Arch {
			return i
		}
	}
	return -1
}

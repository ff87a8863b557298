package analysis

import (
	"slices"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/stats"
)

// compare sets each column against the baseline of its memory size and
// architecture, and against the image that its variant had before, cold and warm,
// at the median, and at p90 and p99 where both sides have an interval there.
func compare(columns []Column, o observed, only string) []ColumnComparison {
	list := []ColumnComparison{}
	for _, class := range o.among(only, coldstart.ClassCold, coldstart.ClassWarm) {
		of := make([]*units, len(columns))
		for i := range columns {
			of[i] = o.of(i, class)
		}
		for i := range columns {
			for _, b := range opposite(columns, i) {
				for _, q := range []float64{0.5, 0.9, 0.99} {
					if q > 0.5 && !(of[i].estimate("total", q).Bounded() && of[b].estimate("total", q).Bounded()) {
						continue
					}
					c := comparison(i, b, class, q, of[i], of[b])
					if columns[i].Control {
						c.Needed = 0 // nobody waits for a difference between equals
					}
					list = append(list, c)
				}
			}
		}
	}
	tests := make([]*Difference, len(list))
	for i := range list {
		tests[i] = list[i].Whole
	}
	adjust(tests)
	return list
}

// adjust corrects the p-values of a family by Holm's method; nil is no test.
func adjust(family []*Difference) {
	var p []float64
	for _, d := range family {
		if d != nil {
			p = append(p, d.P)
		}
	}
	p = stats.Holm(p)
	for _, d := range family {
		if d != nil {
			d.PHolm, p = p[0], p[1:]
		}
	}
}

// wholly compares two sides as distributions, not at a quantile; nil where one
// has no values.
func wholly(a, b stats.Ordered) *Difference {
	w, ok := stats.MannWhitneyU(a, b)
	if !ok {
		return nil
	}
	s, _ := stats.ShiftOf(a, b, Confidence)
	return &Difference{P: w.P, Delta: w.Delta, ShiftMs: estimated(s.Value, s.Interval)}
}

// wordOf is the verdict in the words of a report.
func wordOf(v stats.Verdict) string {
	switch v {
	case stats.Less:
		return "faster"
	case stats.Greater:
		return "slower"
	}
	return string(v)
}

// ratioOf returns the ratio of a quantile of two sides, over groups where both have
// any; false where a side has no values.
func ratioOf(of, against *units, metric string, q, confidence float64) (r stats.Ratio, grouped, ok bool) {
	a, grouped := of.groups(metric)
	if b, also := against.groups(metric); grouped && also {
		r, ok = stats.GroupRatio(a, b, q, confidence)
		return r, true, ok
	}
	r, ok = stats.RatioOf(of.ordered(metric), against.ordered(metric), q, confidence)
	return r, grouped, ok
}

func comparison(column, baseline int, class coldstart.Class, q float64, of, against *units) ColumnComparison {
	c := ColumnComparison{Column: column, Baseline: baseline, Class: string(class), Quantile: q}
	a, b := of.ordered("total"), against.ordered("total")
	ratio, grouped, ok := ratioOf(of, against, "total", q, Confidence)
	if !ok {
		return c
	}
	c.Ratio = estimated(ratio.Value, ratio.Interval)
	verdict, within := stats.Judge(ratio, Margin)
	c.Within, c.Verdict = within, wordOf(verdict)
	if verdict == stats.Unclear && !grouped {
		c.Needed = stats.SamplesNeeded(ratio, min(a.N(), b.N()), Margin)
	}
	if q == 0.5 {
		c.Whole = wholly(a, b)
	}
	return c
}

// opposite lists what a column is set against. The image that a variant had before
// is the other side of that variant alone.
func opposite(columns []Column, i int) []int {
	c := columns[i]
	var list []int
	if c.Before != "" {
		return nil
	}
	if b := baselineColumn(columns, c); b >= 0 && b != i {
		list = append(list, b)
	}
	if b := beforeColumn(columns, c); b >= 0 {
		list = append(list, b)
	}
	return list
}

// beforeColumn finds the image that a column's variant had before; -1 where it was
// not measured.
func beforeColumn(columns []Column, c Column) int {
	return slices.IndexFunc(columns, func(b Column) bool { return b.Before == c.Variant && b.MemoryMB == c.MemoryMB && b.Arch == c.Arch })
}

// baselineColumn finds the baseline of a column's memory size and
// architecture; -1 where it was not measured.
func baselineColumn(columns []Column, c Column) int {
	return slices.IndexFunc(columns, func(b Column) bool { return b.Baseline && b.MemoryMB == c.MemoryMB && b.Arch == c.Arch })
}

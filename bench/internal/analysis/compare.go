package analysis

import (
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
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

// wholly compares two sides as distributions; nil if one has no values.
func wholly(a, b stats.Ordered) *Difference {
	w, ok := stats.MannWhitneyU(a, b)
	if !ok {
		return nil
	}
	s, _ := stats.ShiftOf(a, b, Confidence)
	return &Difference{P: w.P, Delta: w.Delta, ShiftMs: estimated(s.Value, s.Interval)}
}

// judgementOf judges a ratio of times; n counts environments of the smaller side.
func judgementOf(ratio stats.Ratio, grouped bool, n int) Judgement {
	verdict, within := stats.Judge(ratio, Margin)
	j := Judgement{Verdict: string(verdict), Within: within}
	switch {
	case verdict == stats.Less:
		j.Verdict = "faster"
	case verdict == stats.Greater:
		j.Verdict = "slower"
	case verdict == stats.Unclear && !grouped:
		j.Needed = stats.SamplesNeeded(ratio, n, Margin)
	}
	return j
}

// ratioOf returns the ratio of a quantile, over groups if both sides have any.
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
	c.Judgement = judgementOf(ratio, grouped, min(a.N(), b.N()))
	if q == 0.5 {
		c.Whole = wholly(a, b)
	}
	return c
}

// opposite lists what a column is set against: the baseline, its image before.
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

// beforeColumn finds the image that a column's variant had before; -1 for none.
func beforeColumn(columns []Column, c Column) int {
	return slices.IndexFunc(columns, func(b Column) bool { return b.Before == c.Variant && b.MemoryMB == c.MemoryMB && b.Arch == c.Arch })
}

// baselineColumn finds the baseline of a column's memory size and
// architecture; -1 where it was not measured.
func baselineColumn(columns []Column, c Column) int {
	return slices.IndexFunc(columns, func(b Column) bool { return b.Baseline && b.MemoryMB == c.MemoryMB && b.Arch == c.Arch })
}

// controlAlerts warns if the baseline differs from itself.
func controlAlerts(h runfile.Header, list []ColumnComparison, columns []Column) []string {
	if h.Plan.Control == "" {
		return nil
	}
	var alerts []string
	for _, c := range list {
		if columns[c.Column].Control && (c.Verdict == "faster" || c.Verdict == "slower") {
			alerts = append(alerts, fmt.Sprintf("The control differs: the baseline, measured once more under the name %s, is %s than itself (%s, %s). Differences of that size are noise here.",
				columns[c.Column].Title, c.Verdict, c.Class, QuantileName(c.Quantile)))
		}
	}
	return alerts
}

// noiseFloor says how much the control differs from the baseline at the median, and
// how far its intervals reach: all of it is noise.
func noiseFloor(h runfile.Header, list []ColumnComparison, columns []Column) string {
	var parts []string
	for _, c := range list {
		if columns[c.Column].Control && c.Quantile == 0.5 && c.Ratio.Bounded() {
			parts = append(parts, fmt.Sprintf("%s %s by %s (95 %%: %s to %s)",
				columns[c.Column].Title, c.Class, percent(*c.Ratio.Value), percent(*c.Ratio.Low), percent(*c.Ratio.High)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	of := "Both are of one image"
	if h.Backend == "aws" {
		of = "Both are of one deployed function, so this is the noise of sampling, not that between two deployments"
	}
	return fmt.Sprintf("Noise floor: the baseline was measured twice a round, and the medians of its second sample differ from the first's: %s. %s: a difference between variants that lies within such an interval may be noise.", strings.Join(parts, ", "), of)
}

// percent prints a ratio as what it is more or less than 1.
func percent(ratio float64) string { return fmt.Sprintf("%+.1f %%", 100*(ratio-1)) }

// QuantileName returns "median", "p90" and the like.
func QuantileName(q float64) string {
	if q == 0.5 {
		return "median"
	}
	return fmt.Sprintf("p%g", 100*q)
}

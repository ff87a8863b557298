package stats

import (
	"cmp"
	"math"
	"slices"
)

// Trend is Spearman's rank correlation of values with their order, -1 to 1,
// and its two-sided p by the normal approximation. It is false for fewer than
// ten values and where all are the same.
//
// Source: C. Spearman, "The Proof and Measurement of Association between Two
// Things", American Journal of Psychology 15 (1904).
func Trend(inOrder []float64) (rho, p float64, ok bool) {
	n := len(inOrder)
	if n < 10 {
		return 0, 1, false
	}
	by := make([]int, n)
	for i := range by {
		by[i] = i
	}
	slices.SortStableFunc(by, func(i, j int) int { return cmp.Compare(inOrder[i], inOrder[j]) })
	middle := float64(n-1) / 2
	var xy, yy float64
	for i := 0; i < n; {
		j := i
		for j < n && inOrder[by[j]] == inOrder[by[i]] {
			j++
		}
		rank := float64(i+j-1)/2 - middle // tied values share the middle of their ranks
		for ; i < j; i++ {
			xy += rank * (float64(by[i]) - middle)
			yy += rank * rank
		}
	}
	xx := float64(n) * (float64(n)*float64(n) - 1) / 12
	if yy == 0 {
		return 0, 1, false
	}
	rho = xy / math.Sqrt(xx*yy)
	return rho, math.Erfc(math.Abs(rho) * math.Sqrt(float64(n-1)) / math.Sqrt2), true
}

// outlierScore is the modified z-score, 0.6745 |x - median| / MAD, above which
// a value is an outlier: ten standard deviations of a normal distribution.
const outlierScore = 14.826 * 0.6745

// Outliers returns the indexes of the values that lie far from the rest. They
// are to be named, never removed. None is one where half of the values are the
// same, or where there are fewer than ten: of a few, two lie close together by
// chance, and the rest looks far away.
//
// Source: B. Iglewicz and D. C. Hoaglin, "How to Detect and Handle Outliers"
// (1993); the threshold is the one that hyperfine takes.
func Outliers(values []float64) []int {
	o := Order(values)
	m, _ := o.Median()
	mad, ok := o.MAD()
	if !ok || mad == 0 || o.N() < 10 {
		return nil
	}
	var list []int
	for i, v := range values {
		if 0.6745*math.Abs(v-m)/mad > outlierScore {
			list = append(list, i)
		}
	}
	return list
}

// TwoModes splits values where the gap between two neighbours, on a log scale,
// is widest, and reports whether the parts look like modes of their own: each
// holds at least a tenth of the values and five of them, and the gap is half as
// wide again as both parts' inner half, twice as wide for fewer than 20 values:
// one of fifty sets with a single mode is taken for two. It is a hint for the
// reader, not a test. Lower and upper are the medians of the parts.
func (o Ordered) TwoModes() (lower, upper float64, ok bool) {
	n := len(o.x)
	least := max(5, (n+9)/10)
	if n < 2*least || o.x[0] <= 0 {
		return 0, 0, false
	}
	at, widest := 0, 0.0
	for i := least; i <= n-least; i++ {
		if gap := math.Log(o.x[i] / o.x[i-1]); gap > widest {
			at, widest = i, gap
		}
	}
	if at == 0 {
		return 0, 0, false
	}
	wider := 1.5
	if n < 20 {
		wider = 2
	}
	a, b := Ordered{x: o.x[:at]}, Ordered{x: o.x[at:]}
	for _, part := range []Ordered{a, b} {
		lo, _ := part.Quantile(0.25)
		hi, _ := part.Quantile(0.75)
		if wider*math.Log(hi/lo) >= widest {
			return 0, 0, false
		}
	}
	lower, _ = a.Median()
	upper, _ = b.Median()
	return lower, upper, true
}

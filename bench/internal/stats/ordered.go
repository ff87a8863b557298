package stats

import (
	"math"
	"slices"
)

// Ordered is a set of values in ascending order. The zero value is empty.
type Ordered struct{ x []float64 }

// Order copies the finite values and sorts the copy.
func Order(values []float64) Ordered { return Sort(slices.Clone(values)) }

// Sort is Order without a copy: it takes the slice over and changes it.
func Sort(values []float64) Ordered {
	finite := slices.DeleteFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	slices.Sort(finite)
	return Ordered{x: finite}
}

// N is the number of values.
func (o Ordered) N() int { return len(o.x) }

// Distinct is the number of different values.
func (o Ordered) Distinct() int {
	n := 0
	for i, v := range o.x {
		if i == 0 || v != o.x[i-1] {
			n++
		}
	}
	return n
}

// Min returns the smallest value; false where there is none.
func (o Ordered) Min() (float64, bool) { return o.Quantile(0) }

// Max returns the greatest value; false where there is none.
func (o Ordered) Max() (float64, bool) { return o.Quantile(1) }

// Median returns the middle value, or the mean of the middle two; false for none.
func (o Ordered) Median() (float64, bool) { return o.Quantile(0.5) }

// Quantile returns the value below which the share q of the values lies, as R
// and NumPy do unless told otherwise: linear between the values of rank 1+(n-1)q
// rounded down and up. It is false for no values and for a q outside 0 to 1.
//
// Source: R. J. Hyndman and Y. Fan, "Sample Quantiles in Statistical Packages",
// The American Statistician 50 (1996), definition 7.
func (o Ordered) Quantile(q float64) (float64, bool) {
	n := len(o.x)
	if n == 0 || !(q >= 0 && q <= 1) {
		return 0, false
	}
	h := float64(n-1) * q
	i := int(h)
	if i >= n-1 {
		return o.x[n-1], true
	}
	return between(o.x[i], o.x[i+1], h-float64(i)), true
}

// between is the value at the share f of the way from lo to hi.
func between(lo, hi, f float64) float64 {
	if f <= 0 || lo == hi {
		return lo
	}
	// Each term apart: hi-lo would overflow for values of opposite sign near the
	// end of the range, and this keeps scaling by 2 exact.
	return min(max(lo*(1-f)+hi*f, lo), hi)
}

// MAD is the median absolute deviation from the median, unscaled; false where
// there are no values. F. R. Hampel, "The Influence Curve and its Role in
// Robust Estimation", JASA 69 (1974).
func (o Ordered) MAD() (float64, bool) {
	m, ok := o.Median()
	if !ok {
		return 0, false
	}
	d := make([]float64, len(o.x))
	for i, v := range o.x {
		d[i] = math.Abs(v - m)
	}
	return Order(d).Median()
}

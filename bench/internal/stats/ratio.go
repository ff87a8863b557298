package stats

import (
	"math"
	"sort"
)

// Ratio is how many times as great one quantile is as another.
type Ratio struct {
	Value float64
	Interval
}

// RatioOf returns the ratio of the quantile q of a to that of b, and its
// interval. It is false where either is empty or not positive; the interval is
// unbounded where the values of a side are too few for an interval of their
// own, or where that reaches down to 0.
//
// The interval is that of the difference of two confidence distributions. The
// number of values below a quantile is binomial whatever the distribution of
// the values, and so each rank has its probability to be the last one below:
// the true quantile lies between that value and the next (see Ranks, whose
// interval cuts the tails of the same distribution off). Spread evenly over
// the gap on a log scale, and the two sides taken as independent, they give
// the ratio a distribution of which the interval is the middle part. It is
// computed, not resampled: it needs no seed, costs the same at any n, and
// where resampling the median of ten values covers too little, it covers.
//
// Source: T. Schweder and N. L. Hjort, "Confidence, Likelihood, Probability"
// (2016), sections 3.2 and 11.3; of the interpolation, T. P. Hettmansperger
// and S. J. Sheather, "Confidence intervals based on interpolated order
// statistics", Statistics and Probability Letters 4 (1986).
func RatioOf(a, b Ordered, q, confidence float64) (Ratio, bool) {
	va, oka := a.Quantile(q)
	vb, okb := b.Quantile(q)
	if !oka || !okb || va <= 0 || vb <= 0 {
		return Ratio{Interval: Unbounded()}, false
	}
	r := Ratio{Value: va / vb, Interval: Unbounded()}
	ia, ib := a.Interval(q, confidence), b.Interval(q, confidence)
	if !ia.Finite() || !ib.Finite() || ia.Lo <= 0 || ib.Lo <= 0 {
		return r, true
	}
	da, db := a.confidence(q, va), b.confidence(q, vb)
	tail := (1 - confidence) / 2
	r.Lo = r.Value * math.Exp(min(0, lowerEnd(da, db, tail)))
	r.Hi = r.Value * math.Exp(max(0, -lowerEnd(db, da, tail)))
	return r, true
}

// Over divides a ratio by another that is independent of it, with the interval
// by MOVER on a log scale: with l and u the distances of an interval's ends
// from its estimate, the ends of the difference are d - sqrt(l_a^2 + u_b^2) and
// d + sqrt(u_a^2 + l_b^2). It is unbounded where one of them is.
//
// Source: G. Y. Zou and A. Donner, "Construction of confidence limits about
// effect measures: a general approach", Statistics in Medicine 27 (2008).
func Over(a, b Ratio) Ratio {
	r := Ratio{Value: a.Value / b.Value, Interval: Unbounded()}
	if !a.Finite() || !b.Finite() || a.Lo <= 0 || b.Lo <= 0 {
		return r
	}
	la, ua := math.Log(a.Value/a.Lo), math.Log(a.Hi/a.Value)
	lb, ub := math.Log(b.Value/b.Lo), math.Log(b.Hi/b.Value)
	r.Lo = r.Value * math.Exp(-math.Hypot(la, ub))
	r.Hi = r.Value * math.Exp(math.Hypot(ua, lb))
	return r
}

// distribution is one of finitely many points in ascending order.
type distribution struct {
	at []float64
	// below holds the probability of all points before each one, and 1 at the end.
	below []float64
}

// confidence returns the confidence distribution of the quantile q, as
// logarithms of what it is divided by its estimate. What lies below 0 has no
// logarithm, and counts as the least value that has one; what lies beyond the
// outermost values counts as those, which in both tails together is less
// probable than an interval with two ends may miss.
func (o Ordered) confidence(q, estimate float64) distribution {
	const parts = 8 // of the gap between two values
	n := len(o.x)
	p, first := binomial(n, q)
	least := o.x[sort.Search(n, func(i int) bool { return o.x[i] > 0 })]
	d := distribution{at: make([]float64, 0, parts*len(p)), below: make([]float64, 1, parts*len(p)+1)}
	sum := 0.0
	for i, w := range p {
		rank := first + i // values below the quantile
		lo := math.Log(max(least, o.x[max(rank-1, 0)]) / estimate)
		hi := math.Log(max(least, o.x[min(rank, n-1)]) / estimate)
		for k := range parts {
			sum += w / parts
			d.at = append(d.at, lo+(hi-lo)*(float64(k)+0.5)/parts)
			d.below = append(d.below, sum)
		}
	}
	return d
}

// lowerEnd returns the greatest t with P(a - b < t) <= tail, to the last bits,
// by bisection: as t grows, the pairs below it are counted in one walk along
// both sides.
func lowerEnd(a, b distribution, tail float64) float64 {
	total := b.below[len(b.below)-1]
	below := func(t float64) float64 {
		sum, j := 0.0, 0
		for i, x := range a.at {
			for j < len(b.at) && b.at[j] <= x-t {
				j++
			}
			sum += (a.below[i+1] - a.below[i]) * (total - b.below[j])
		}
		return sum
	}
	lo := a.at[0] - b.at[len(b.at)-1]
	hi := a.at[len(a.at)-1] - b.at[0]
	for range 60 {
		if t := lo + (hi-lo)/2; below(t) <= tail {
			lo = t
		} else {
			hi = t
		}
	}
	return lo
}

// Verdict is a word for how a compares with b.
type Verdict string

// The verdicts. Less and Greater are said when the interval of the ratio lies
// wholly on one side of 1; Same when it lies within the margin; Unclear
// otherwise.
const (
	Less    Verdict = "less"
	Greater Verdict = "greater"
	Same    Verdict = "same"
	Unclear Verdict = "unclear"
)

// Judge decides the verdict on a ratio, margin being the difference that does
// not matter (0.05 for 5 %). within reports whether the whole interval lies
// inside the margin, which with Less and Greater means: real, but small.
func Judge(r Ratio, margin float64) (v Verdict, within bool) {
	if !r.Finite() {
		return Unclear, false
	}
	within = r.Lo >= 1/(1+margin) && r.Hi <= 1+margin
	switch {
	case r.Hi < 1:
		return Less, within
	case r.Lo > 1:
		return Greater, within
	case within:
		return Same, true
	}
	return Unclear, false
}

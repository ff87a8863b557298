package stats

import "math"

// Ratio is how many times as great one quantile is as another, with its
// interval.
type Ratio struct {
	Value float64
	Interval
}

// RatioOf returns the ratio of the quantile q of a to that of b, and its
// interval. It is false where either is empty or not positive; the interval is
// unbounded where the values of a side are too few for an interval of their
// own, or where that reaches down to 0.
//
// The interval is made from the two order-statistic intervals on a log scale
// by MOVER (Zou and Donner): with l and u the distances of an interval's ends
// from its estimate, the lower end of the difference of logs is
// d - sqrt(l_a^2 + u_b^2), the upper one d + sqrt(u_a^2 + l_b^2). It needs no
// resampling, so it costs nothing and equal values give equal bytes; it is a
// little too wide rather than too narrow because its parts are.
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
	la, ua := math.Log(va/ia.Lo), math.Log(ia.Hi/va)
	lb, ub := math.Log(vb/ib.Lo), math.Log(ib.Hi/vb)
	r.Lo = r.Value * math.Exp(-math.Hypot(la, ub))
	r.Hi = r.Value * math.Exp(math.Hypot(ua, lb))
	return r, true
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

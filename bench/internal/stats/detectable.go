package stats

import "math"

// Detectable returns how many times as great one median has to be as another
// for the interval of their ratio, at a confidence, to lie beyond 1 with the
// probability power, where n values a side are taken and lie as those of a and b
// do. It is greater than 1, and by its inverse as much less. It is false where a
// or b have too few values to tell, or none that differ at their median, and
// where n are too few for an interval.
//
// The interval of n values a side is taken to be as wide as that of values which
// lie evenly at the quantiles of those at hand: that is, with h half its width on
// a log scale, h = z e, where e is the standard error of the logarithm of the
// ratio and z the quantile of the normal distribution at (1+confidence)/2. The
// interval clears 1 with the probability power where the true logarithm is
// (z + z_power) e, so that it is h (1 + z_power/z). Told from 50 values for a
// power of 0.8, the difference is found in 0.73 to 0.83 of simulated runs of 50
// and more values, and of 20 skewed ones in 0.65 and more.
//
// Source: H. S. Bloom, "Minimum detectable effects", Evaluation Review 19
// (1995), of the multiple of the standard error; that a median's interval tells
// its standard error, J. W. McKean and R. M. Schrader, "A comparison of methods
// for Studentizing the sample median", Communications in Statistics B 13 (1984).
func Detectable(a, b Ordered, n int, confidence, power float64) (float64, bool) {
	enough := MinSamples(0.5, confidence)
	if n < enough || a.N() < enough || b.N() < enough || !(power > 0 && power < 1) {
		return 0, false
	}
	r, ok := RatioOf(a.spaced(n), b.spaced(n), 0.5, confidence)
	if !ok || !r.Finite() || r.Lo <= 0 || r.Hi <= r.Lo {
		return 0, false
	}
	h := math.Log(r.Hi/r.Lo) / 2
	return math.Exp(h * (1 + math.Erfinv(2*power-1)/math.Erfinv(confidence))), true
}

// HalfWidth returns by what share of its value the interval of a median of n
// values will about reach to either side, where they lie as those at hand do: 0.05
// for 5 %. It is false where that can't be told, see Detectable.
func (o Ordered) HalfWidth(n int, confidence float64) (float64, bool) {
	if n < MinSamples(0.5, confidence) || o.N() < MinSamples(0.5, confidence) {
		return 0, false
	}
	iv := o.spaced(n).Interval(0.5, confidence)
	if iv.Lo <= 0 || iv.Hi <= iv.Lo {
		return 0, false
	}
	return math.Expm1(math.Log(iv.Hi/iv.Lo) / 2), true
}

// spaced returns n values at the quantiles 1/(n+1), 2/(n+1), …: where n values
// like these lie on average. The quantiles are those of definition 6 of Hyndman
// and Fan, by which as many as there are are the values themselves.
func (o Ordered) spaced(n int) Ordered {
	if n == len(o.x) {
		return o
	}
	x := make([]float64, n)
	last := len(o.x) - 1
	for i := range x {
		h := float64(i+1)/float64(n+1)*float64(len(o.x)+1) - 1
		k := min(max(int(h), 0), max(last-1, 0))
		f := min(max(h-float64(k), 0), 1)
		x[i] = o.x[k]*(1-f) + o.x[min(k+1, last)]*f
	}
	return Ordered{x: x}
}

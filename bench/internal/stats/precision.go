package stats

// Precision is a rule for when there are enough values: the interval of a
// quantile is narrow enough for what was asked.
//
// It looks at the width of the interval and at nothing else, never at which
// side is ahead: stopping at the first significant p-value would raise the
// false alarms of a comparison of equals from 5 to 24 %. It looks after every
// fifth value, from the twentieth on, and at an interval of 97 %, so that the
// one of 95 % that is reported still covers: looking often picks moments at
// which it happens to be narrow, which costs up to two points.
//
// Source: Y. S. Chow and H. Robbins, "On the asymptotic theory of fixed-width
// sequential confidence intervals for the mean", Annals of Mathematical
// Statistics 36 (1965), the idea; A. Maricq et al., "Taming Performance
// Variability", OSDI '18, for medians of benchmarks.
type Precision struct {
	// Quantile is 0.5 for the median.
	Quantile float64
	// HalfWidth is that of the interval over the estimate: 0.05 for 5 %.
	HalfWidth float64
}

// The fewest values at which Precision looks, how often it does after that,
// and the confidence of the interval it looks at.
const (
	precisionLeast      = 20
	precisionEvery      = 5
	precisionConfidence = 0.97
)

// Enough reports whether the values up to the last look are enough.
func (p Precision) Enough(values []float64) bool {
	n := len(values) - len(values)%precisionEvery
	if n < precisionLeast {
		return false
	}
	o := Order(values[:n])
	v, ok := o.Quantile(p.Quantile)
	iv := o.Interval(p.Quantile, precisionConfidence)
	return ok && v > 0 && iv.Finite() && (iv.Hi-iv.Lo)/2 <= p.HalfWidth*v
}

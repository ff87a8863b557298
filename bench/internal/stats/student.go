package stats

import "math"

// studentT is the quantile of Student's t that holds the confidence in the
// middle, by bisection on the distribution function. That is exact for a whole
// number of degrees of freedom: M. Abramowitz and I. A. Stegun, "Handbook of
// Mathematical Functions" (1964), 26.7.3 and 26.7.4.
func studentT(confidence float64, freedom int) float64 {
	within := func(t float64) float64 { // P(|T| < t)
		theta := math.Atan(t / math.Sqrt(float64(freedom)))
		c := math.Cos(theta) * math.Cos(theta)
		if freedom%2 == 1 {
			sum, term := 0.0, math.Cos(theta)
			for k := 1; k < freedom; k += 2 {
				sum += term
				term *= c * float64(k+1) / float64(k+2)
			}
			return 2 / math.Pi * (theta + math.Sin(theta)*sum)
		}
		sum, term := 0.0, 1.0
		for k := 0; k < freedom; k += 2 {
			sum += term
			term *= c * float64(k+1) / float64(k+2)
		}
		return math.Sin(theta) * sum
	}
	lo, hi := 0.0, 1.0
	for within(hi) < confidence && hi < 1e6 {
		hi *= 2
	}
	for range 60 {
		if mid := lo + (hi-lo)/2; within(mid) < confidence {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

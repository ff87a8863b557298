package stats

import "math"

// Interval holds the true value of what was estimated with at least the
// confidence asked for. An end that the values cannot bound is infinite.
type Interval struct {
	Lo, Hi float64
}

// Finite reports whether both ends are known.
func (i Interval) Finite() bool { return !math.IsInf(i.Lo, 0) && !math.IsInf(i.Hi, 0) }

// Unbounded is the interval that nothing is known about.
func Unbounded() Interval { return Interval{math.Inf(-1), math.Inf(1)} }

// Interval returns the interval of the quantile q (between 0 and 1) at a
// confidence (e.g. 0.95) from order statistics. It assumes nothing of the
// distribution, and that the values are independent of one another.
//
// Sources: J.-Y. Le Boudec, "Performance Evaluation of Computer and Communication
// Systems" (2010), theorem 2.1; H. A. David and H. N. Nagaraja, "Order
// Statistics" (2003), section 7.1.
func (o Ordered) Interval(q, confidence float64) Interval {
	iv := Unbounded()
	lo, hi := Ranks(len(o.x), q, confidence)
	if lo >= 1 {
		iv.Lo = o.x[lo-1]
	}
	if hi <= len(o.x) {
		iv.Hi = o.x[hi-1]
	}
	return iv
}

// Ranks returns the ranks, counted from 1, of the values among n that bound
// the quantile q: the greatest lo and the smallest hi with
//
//	P(B < lo) <= (1-confidence)/2   and   P(B >= hi) <= (1-confidence)/2
//
// where B, the number of values below the quantile, is binomial in n and q.
// lo is 0 and hi is n+1 where no rank does: that end is open. Each tail is
// held to its half, so that neither end leans outward at the other's expense,
// and the probabilities are summed exactly at any n, not approximated.
//
// golang.org/x/perf's interval of the median is a different one: up to n = 30
// it spends the error of both tails together and may be lopsided, above that
// it is a normal approximation, which errs for p99.
//
// The ranks count from 1 as in the books; used as indexes into an array they
// shift the interval up by a rank.
func Ranks(n int, q, confidence float64) (lo, hi int) {
	if n <= 0 || !(q > 0 && q < 1) || !(confidence > 0 && confidence < 1) {
		return 0, max(n, 0) + 1
	}
	p, first := binomial(n, q)
	tail := (1 - confidence) / 2
	// P(B < lo) is the sum of the probabilities of 0 to lo-1. Those below
	// first are too small to matter, so that lo = first is always allowed.
	lo, sum := first, 0.0
	for lo-first < len(p) && sum+p[lo-first] <= tail {
		sum += p[lo-first]
		lo++
	}
	hi, sum = first+len(p), 0
	for hi > first && sum+p[hi-1-first] <= tail {
		hi--
		sum += p[hi-first]
	}
	return lo, hi
}

// MinSamples is the smallest number of values whose interval for the quantile q
// has two finite ends: 6 for the median at 95 %, 36 for p90, 368 for p99. It
// is 0 for a q or confidence outside 0 to 1.
func MinSamples(q, confidence float64) int {
	if !(q > 0 && q < 1) || !(confidence > 0 && confidence < 1) {
		return 0
	}
	// The outermost ranks do when both q^n, the probability that every value
	// lies below the quantile, and (1-q)^n fit into a tail.
	tail := (1 - confidence) / 2
	n := int(math.Log(tail) / math.Log(max(q, 1-q)))
	for n = max(n-1, 1); ; n++ {
		if lo, hi := Ranks(n, q, confidence); lo >= 1 && hi <= n {
			return n
		}
	}
}

// binomial returns the probabilities of first, first+1, … successes in n
// trials of probability q; those left out at either side are below 1e-18 of
// the greatest. Starting at the mode, each is had from its neighbour, so that
// nothing underflows at any n; the sum of all is 1 by construction.
func binomial(n int, q float64) (p []float64, first int) {
	const negligible = 1e-18
	mode := min(int(float64(n+1)*q), n)
	odds := q / (1 - q)
	var below, above []float64
	for k, w := mode, 1.0; k > 0; k-- {
		w *= float64(k) / (float64(n-k+1) * odds)
		if w < negligible {
			break
		}
		below = append(below, w)
	}
	for k, w := mode, 1.0; k < n; k++ {
		w *= float64(n-k) * odds / float64(k+1)
		if w < negligible {
			break
		}
		above = append(above, w)
	}
	first = mode - len(below)
	p = make([]float64, 0, len(below)+1+len(above))
	for i := len(below) - 1; i >= 0; i-- {
		p = append(p, below[i])
	}
	p = append(append(p, 1), above...)
	sum := 0.0
	for _, w := range p {
		sum += w
	}
	for i := range p {
		p[i] /= sum
	}
	return p, first
}

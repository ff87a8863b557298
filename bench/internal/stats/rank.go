package stats

import (
	"cmp"
	"math"
	"slices"
)

// MannWhitney is the test of whether values of one side tend to be greater.
type MannWhitney struct {
	// P is the two-sided probability of ranks at least as uneven as these where
	// both sides are drawn from one distribution.
	P float64
	// Delta is Cliff's delta, the probability that a value of a is greater than
	// one of b less the probability that it is smaller: -1 to 1. By custom less
	// than 0.147 is negligible, 0.33 small, 0.474 medium.
	Delta float64
}

// exactRanks is the greatest n_a + n_b for which the test is counted out; the
// normal approximation does above it, and with ties.
const exactRanks = 50

// MannWhitneyU compares two sides with the Mann-Whitney U test: exactly where no
// values tie and there are at most 50, else by the normal approximation with
// corrections for ties and continuity. It is false where a side is empty.
//
// Sources: H. B. Mann and D. R. Whitney, "On a test of whether one of two
// random variables is stochastically larger than the other", Annals of
// Mathematical Statistics 18 (1947); N. Cliff, "Dominance statistics",
// Psychological Bulletin 114 (1993), whose delta is 2U/(n_a n_b) - 1.
func MannWhitneyU(a, b Ordered) (MannWhitney, bool) {
	n, m := len(a.x), len(b.x)
	if n == 0 || m == 0 {
		return MannWhitney{P: 1}, false
	}
	// One walk over both: twice U, so that a tie's half stays whole, and the
	// sum of t^3 - t over groups of t tied values.
	var twiceU, ties float64
	tied := false
	for i, j := 0, 0; i < n || j < m; {
		var v float64
		if j == m || i < n && a.x[i] <= b.x[j] {
			v = a.x[i]
		} else {
			v = b.x[j]
		}
		i0, j0 := i, j
		for i < n && a.x[i] == v {
			i++
		}
		for j < m && b.x[j] == v {
			j++
		}
		twiceU += float64(i-i0) * float64(2*j0+(j-j0))
		if t := float64(i - i0 + j - j0); t > 1 {
			tied = true
			ties += t*t*t - t
		}
	}
	fn, fm := float64(n), float64(m)
	w := MannWhitney{P: 1, Delta: (twiceU - fn*fm) / (fn * fm)}
	if !tied && n+m <= exactRanks {
		w.P = exactP(n, m, int(twiceU/2))
		return w, true
	}
	total := fn + fm
	variance := fn * fm / 12 * (total + 1 - ties/(total*(total-1)))
	if variance <= 0 {
		return w, true // all values are the same
	}
	z := (math.Abs(twiceU/2-fn*fm/2) - 0.5) / math.Sqrt(variance)
	w.P = min(1, math.Erfc(max(0, z)/math.Sqrt2))
	return w, true
}

// exactP is the two-sided probability of a U at least as far from its middle.
// The number of orders that give each U is counted one value of a at a time:
// the coefficients of the Gaussian binomial.
func exactP(n, m, u int) float64 {
	u = min(u, n*m-u)
	count := make([]float64, n*m+1)
	count[0] = 1
	for i := 1; i <= n; i++ {
		for k := n * m; k >= m+i; k-- {
			count[k] -= count[k-m-i]
		}
		for k := i; k <= n*m; k++ {
			count[k] += count[k-i]
		}
	}
	var tail, all float64
	for k, c := range count {
		all += c
		if k <= u {
			tail += c
		}
	}
	return min(1, 2*tail/all)
}

// Holm returns the p-values adjusted for their number: each below alpha is
// significant with the probability of any false one held to alpha. S. Holm, "A
// simple sequentially rejective multiple test procedure", Scandinavian Journal
// of Statistics 6 (1979).
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	adjusted := make([]float64, len(p))
	least := 0.0
	for k, i := range order {
		least = max(least, min(1, p[i]*float64(len(p)-k)))
		adjusted[i] = least
	}
	return adjusted
}

// Shift is the Hodges-Lehmann estimate of how much greater a is than b.
type Shift struct {
	Value float64
	Interval
}

// ShiftOf returns the median of all differences of a value of a and one of b.
// The interval's ends are the differences of the ranks that the Mann-Whitney
// test would just not reject (normal approximation), unbounded where there
// are none. No list of the differences is made: they are counted. It is false
// where a side is empty.
//
// Source: M. Hollander, D. A. Wolfe and E. Chicken, "Nonparametric Statistical
// Methods" (2014), sections 4.2 and 4.3.
func ShiftOf(a, b Ordered, confidence float64) (Shift, bool) {
	n, m := float64(len(a.x)), float64(len(b.x))
	if n == 0 || m == 0 {
		return Shift{Interval: Unbounded()}, false
	}
	pairs := n * m
	s := Shift{Interval: Unbounded()}
	lo, hi := difference(a, b, math.Floor((pairs-1)/2)+1), difference(a, b, math.Floor(pairs/2)+1)
	s.Value = lo/2 + hi/2
	z := math.Sqrt2 * math.Erfinv(confidence)
	if rank := math.Floor(pairs/2 - z*math.Sqrt(pairs*(n+m+1)/12)); rank >= 1 {
		s.Lo, s.Hi = difference(a, b, rank), difference(a, b, pairs+1-rank)
	}
	return s, true
}

// difference returns the difference of the rank among all of a value of a and
// one of b, counted from 1, by bisection between the least and the greatest.
func difference(a, b Ordered, rank float64) float64 {
	n, m := len(a.x), len(b.x)
	lo, hi := a.x[0]-b.x[m-1], a.x[n-1]-b.x[0]
	count := func(d float64) (c float64) { // pairs with a - b <= d
		j := 0
		for _, x := range a.x {
			for j < m && x-b.x[j] > d {
				j++
			}
			c += float64(m - j)
		}
		return c
	}
	for range 100 {
		mid := lo/2 + hi/2
		if mid <= lo || mid >= hi {
			break
		}
		if count(mid) >= rank {
			hi = mid
		} else {
			lo = mid
		}
	}
	if count(lo) >= rank {
		return lo
	}
	return hi
}

// SamplesNeeded says how many values a side would do for the interval of a ratio to
// clear 1, or to lie within the margin, if the values go on as they are: the
// interval narrows with the root of their number. n is that of the smaller
// side now. It is 0 where nothing can be said.
func SamplesNeeded(r Ratio, n int, margin float64) int {
	if !r.Finite() || n <= 0 || r.Value <= 0 || r.Lo <= 0 {
		return 0
	}
	at := math.Log(r.Value)
	half := (math.Log(r.Hi) - math.Log(r.Lo)) / 2
	// Beyond 1 the interval has to shrink to the estimate's distance from 1;
	// to be the same, to what the margin leaves.
	room := max(math.Abs(at), math.Log1p(margin)-math.Abs(at))
	if room <= 0 || half <= room {
		return n + 1
	}
	needed := float64(n) * (half / room) * (half / room)
	if needed > 1e6 {
		return 0
	}
	return int(math.Ceil(needed))
}

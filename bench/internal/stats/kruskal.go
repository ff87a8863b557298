package stats

import "math"

// Differ is the two-sided probability of ranks at least as unlike from group to
// group as these where all groups are drawn from one distribution; 1 where there
// are fewer than two.
//
// Source: W. H. Kruskal and W. A. Wallis, "Use of ranks in one-criterion variance
// analysis", Journal of the American Statistical Association 47 (1952), with
// their correction for ties and approximation by chi-squared.
func (g Groups) Differ() float64 {
	n, groups := float64(len(g.all.x)), g.N()
	if groups < 2 {
		return 1
	}
	sums := make([]float64, len(g.size))
	ties := 0.0
	for i := 0; i < len(g.all.x); {
		j := i
		for j < len(g.all.x) && g.all.x[j] == g.all.x[i] {
			j++
		}
		t := float64(j - i)
		ties += t*t*t - t
		for k := i; k < j; k++ {
			sums[g.owner[k]] += float64(i+j+1) / 2 // the middle of their ranks
		}
		i = j
	}
	h := 0.0
	for i, s := range sums {
		if g.size[i] > 0 {
			d := s/float64(g.size[i]) - (n+1)/2
			h += float64(g.size[i]) * d * d
		}
	}
	correction := 1 - ties/(n*n*n-n)
	if correction <= 0 {
		return 1 // all values are the same
	}
	return beyondChiSquared(12/(n*(n+1))*h/correction, groups-1)
}

// beyondChiSquared is the probability that chi-squared exceeds x. Exact:
// Abramowitz and Stegun, 26.4.4 and 26.4.5.
func beyondChiSquared(x float64, freedom int) float64 {
	if x <= 0 {
		return 1
	}
	p, term := 0.0, math.Exp(-x/2)
	k := 2
	if freedom%2 == 1 {
		p = math.Erfc(math.Sqrt(x / 2))
		term *= math.Sqrt(2 * x / math.Pi)
		k = 3
	}
	for ; k <= freedom; k += 2 {
		p += term
		term *= x / float64(k)
	}
	return min(1, p)
}

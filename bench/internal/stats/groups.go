package stats

import (
	"cmp"
	"math"
	"slices"
)

// Groups are values in groups whose members are alike for reasons of their own:
// the starts of one burst, the environments of one session.
type Groups struct {
	all Ordered
	// owner is the group of each value of all, size the number of each group's.
	owner, size []int32
	// marks counts, for every step-th value of all, those of each group before it.
	marks []int32
	step  int
}

// MinGroups is the number of groups below which the spread between them is
// not known, and no interval is made from it.
const MinGroups = 3

// Group takes values and the number, from 0, of each one's group. Values that are
// not finite are left out.
func Group(values []float64, group []int32) Groups {
	var g Groups
	order := make([]int32, 0, len(values))
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		order = append(order, int32(i))
		for int(group[i]) >= len(g.size) {
			g.size = append(g.size, 0)
		}
		g.size[group[i]]++
	}
	// Equal values in order of their groups: the same whatever order they came in.
	slices.SortFunc(order, func(i, j int32) int {
		return cmp.Or(cmp.Compare(values[i], values[j]), cmp.Compare(group[i], group[j]))
	})
	g.step = max(1, len(g.size))
	count := make([]int32, len(g.size))
	for at, i := range order {
		if at%g.step == 0 {
			g.marks = append(g.marks, count...)
		}
		g.all.x, g.owner = append(g.all.x, values[i]), append(g.owner, group[i])
		count[group[i]]++
	}
	return g
}

// N is the number of groups that hold a value.
func (g Groups) N() int { return len(g.among(g)) }

// among lists the groups that hold a value here and in other.
func (g Groups) among(other Groups) []int {
	var list []int
	for i := range min(len(g.size), len(other.size)) {
		if g.size[i] > 0 && other.size[i] > 0 {
			list = append(list, i)
		}
	}
	return list
}

// Medians returns the least and the greatest median of a group; false for none.
func (g Groups) Medians() (least, greatest float64, ok bool) {
	of := make([][]float64, len(g.size))
	for i, v := range g.all.x {
		of[g.owner[i]] = append(of[g.owner[i]], v)
	}
	least, greatest = math.Inf(1), math.Inf(-1)
	for _, x := range of {
		if m, some := (Ordered{x: x}).Median(); some {
			least, greatest, ok = min(least, m), max(greatest, m), true
		}
	}
	return least, greatest, ok
}

// Interval returns the interval of the quantile q where values of one group are
// not independent of one another, at a confidence; it is never narrower than
// the one of Ordered.Interval, open where that is, and the same where there are
// fewer than MinGroups groups.
//
// Groups are drawn again, with replacement, each with its members as they are:
// to draw those again, too, would count their spread twice. The spread of the
// logarithm of the quantile over the draws (of the quantile itself where it may
// be 0 or less), times sqrt(G/(G-1)) because it is that of a sample of G groups
// about its own centre, and Student's t of G-1 degrees of freedom make the
// interval; the percentiles of the draws would be far too narrow for a few groups.
//
// Where groups differ (see Differ, at 5 %), a quantile in the tail is that of the
// groups more than of their members: its interval is the one that as many
// independent values as there are groups would have, and open for as few.
//
// Sources: A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their
// Application" (1997), section 3.8, of drawing whole groups; T. C. Hesterberg,
// "What Teachers Should Know About the Bootstrap", The American Statistician 69
// (2015), of the factor and of t in place of percentiles.
func (g Groups) Interval(q, confidence float64) Interval {
	iv := g.all.Interval(q, confidence)
	v, ok := g.all.Quantile(q)
	groups := g.among(g)
	if !ok || len(groups) < MinGroups {
		return iv
	}
	if q != 0.5 && g.Differ() < 0.05 {
		lo, hi := Ranks(len(groups), q, confidence)
		share := func(rank int) (float64, bool) { return g.all.Quantile(float64(rank-1) / float64(len(groups)-1)) }
		if v, ok := share(lo); ok {
			iv.Lo = min(iv.Lo, v)
		} else {
			iv.Lo = math.Inf(-1)
		}
		if v, ok := share(hi); ok {
			iv.Hi = max(iv.Hi, v)
		} else {
			iv.Hi = math.Inf(1)
		}
		return iv
	}
	drawn := g.draw(groups, func(weights []int32) (float64, bool) { return g.quantile(q, weights) })
	if half, ok := halfOfLogs(drawn, len(groups), confidence); ok && v > 0 {
		return Interval{min(iv.Lo, v*math.Exp(-half)), max(iv.Hi, v*math.Exp(half))}
	}
	// What is not positive has no logarithm.
	half := half(drawn, len(groups), confidence)
	return Interval{min(iv.Lo, v-half), max(iv.Hi, v+half)}
}

// GroupRatio is RatioOf where the values are in groups, and groups of the same
// number belong together: what was taken in the same session, the same round of
// bursts. They are drawn together, so that what a session does to both sides
// cancels out. See Groups.Interval.
func GroupRatio(a, b Groups, q, confidence float64) (Ratio, bool) {
	r, there := RatioOf(a.all, b.all, q, confidence)
	if !there || !r.Finite() {
		return r, there
	}
	groups := a.among(b)
	if len(groups) < MinGroups {
		return r, true
	}
	half, ok := halfOfLogs(a.draw(groups, func(weights []int32) (float64, bool) {
		x, okx := a.quantile(q, weights)
		y, oky := b.quantile(q, weights)
		return x / y, okx && oky && y > 0
	}), len(groups), confidence)
	if !ok {
		r.Interval = Unbounded()
		return r, true
	}
	r.Lo, r.Hi = min(r.Lo, r.Value*math.Exp(-half)), max(r.Hi, r.Value*math.Exp(half))
	return r, true
}

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

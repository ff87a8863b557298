package stats

import (
	"math"
	"math/rand/v2"
	"sort"
)

// draws is how often groups are drawn again, groupSeed the seed.
const (
	draws     = 400
	groupSeed = 1
)

// draw draws groups again, and returns the statistic of each draw that has one.
func (g Groups) draw(groups []int, statistic func(weights []int32) (float64, bool)) []float64 {
	r := rand.New(rand.NewPCG(groupSeed, uint64(len(groups))))
	weights := make([]int32, groups[len(groups)-1]+1)
	var drawn []float64
	for range draws {
		clear(weights)
		for range groups {
			weights[groups[r.IntN(len(groups))]]++
		}
		if v, ok := statistic(weights); ok {
			drawn = append(drawn, v)
		}
	}
	return drawn
}

// half is half the width of the interval of what was drawn of n groups.
func half(drawn []float64, n int, confidence float64) float64 {
	var mean, squares float64
	for i, x := range drawn {
		d := x - mean
		mean += d / float64(i+1)
		squares += d * (x - mean)
	}
	correction := float64(n) / float64(n-1)
	return studentT(confidence, n-1) * math.Sqrt(correction*squares/float64(len(drawn)-1))
}

// halfOfLogs is half the width for logarithms; false if a value has none.
func halfOfLogs(drawn []float64, n int, confidence float64) (float64, bool) {
	logs := make([]float64, len(drawn))
	for i, v := range drawn {
		if v <= 0 {
			return 0, false
		}
		logs[i] = math.Log(v)
	}
	return half(logs, n, confidence), len(logs) == draws
}

// quantile returns the quantile of the values of all groups, each as often as
// its group's weight says; see Ordered.Quantile.
func (g Groups) quantile(q float64, weights []int32) (float64, bool) {
	n := 0
	for i, w := range weights {
		n += int(w) * int(g.size[i])
	}
	if n == 0 {
		return 0, false
	}
	h := float64(n-1) * q
	rank := int(h)
	i, above := g.ranked(rank, weights)
	lo := g.all.x[i]
	f := h - float64(rank)
	if f == 0 || rank+1 >= n {
		return lo, true
	}
	for above <= rank+1 { // the value of the next rank
		i++
		if at := int(g.owner[i]); at < len(weights) {
			above += int(weights[at])
		}
	}
	return between(lo, g.all.x[i], f), true
}

// ranked finds the value of a rank, from 0, and how many there are up to it.
func (g Groups) ranked(rank int, weights []int32) (index, above int) {
	k := len(g.size)
	before := func(mark int) int {
		n := 0
		for i, c := range g.marks[mark*k : mark*k+len(weights)] {
			n += int(c) * int(weights[i])
		}
		return n
	}
	mark := sort.Search(len(g.marks)/k, func(m int) bool { return before(m) > rank }) - 1
	above = before(mark)
	for i := mark * g.step; ; i++ {
		if at := int(g.owner[i]); at < len(weights) {
			above += int(weights[at])
		}
		if above > rank {
			return i, above
		}
	}
}

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

package runner

import "slices"

// Order returns the order of a round: a permutation of 0 to n-1 that follows
// from the seed, the round and n alone, on every machine and with every version
// of Go.
//
// Rounds with an even number are drawn at random by themselves. Those with an
// odd number are drawn at random from the permutations that neither neighbour
// has: for n >= 3 no round is like the one before it, and each permutation is
// as likely as any other in every round. (For n = 2 that can't be had without
// giving up chance.)
func Order(seed uint64, round, n int) []int {
	g := splitmix{seed ^ mix(uint64(round)+golden)}
	if round%2 == 0 || n < 3 {
		return g.permutation(n)
	}
	before, after := Order(seed, round-1, n), Order(seed, round+1, n)
	for {
		if p := g.permutation(n); !slices.Equal(p, before) && !slices.Equal(p, after) {
			return p
		}
	}
}

// golden is 2^64 divided by the golden ratio, SplitMix64's increment.
const golden = 0x9e3779b97f4a7c15

// splitmix is SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom
// number generators", OOPSLA 2014): small, and never to change, which is not
// promised of the shuffles of math/rand.
type splitmix struct{ state uint64 }

func (g *splitmix) next() uint64 {
	g.state += golden
	return mix(g.state)
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1, each as likely: the draws that would
// favour the small ones are thrown away.
func (g *splitmix) below(n uint64) uint64 {
	limit := -n % n // 2^64 mod n
	for {
		if v := g.next(); v >= limit {
			return v % n
		}
	}
}

// permutation shuffles 0 to n-1 (Fisher and Yates, as Durstenfeld wrote it
// down).
func (g *splitmix) permutation(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := g.below(uint64(i + 1))
		p[i], p[j] = p[j], p[i]
	}
	return p
}

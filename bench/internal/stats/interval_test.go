package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestRanks(t *testing.T) {
	tests := []struct {
		n, lo, hi int
		q         float64
	}{
		{5, 0, 6, 0.5},
		{6, 1, 6, 0.5},
		{8, 1, 8, 0.5},
		{9, 2, 8, 0.5},
		{10, 2, 9, 0.5},
		{20, 6, 15, 0.5},
		{30, 10, 21, 0.5},
		{50, 18, 33, 0.5},
		{70, 27, 44, 0.5},
		{35, 28, 36, 0.9},
		{36, 29, 36, 0.9},
		{367, 359, 368, 0.99},
		{368, 360, 368, 0.99},
		{0, 0, 1, 0.5},
	}
	for _, tt := range tests {
		lo, hi := Ranks(tt.n, tt.q, 0.95)
		if lo != tt.lo || hi != tt.hi {
			t.Errorf("n = %d, q = %v: ranks %d and %d, want %d and %d", tt.n, tt.q, lo, hi, tt.lo, tt.hi)
		}
	}
}

func TestMinSamples(t *testing.T) {
	tests := []struct {
		q, confidence float64
		want          int
	}{
		{0.5, 0.95, 6}, {0.5, 0.99, 8}, {0.9, 0.95, 36}, {0.1, 0.95, 36}, {0.95, 0.95, 72}, {0.99, 0.95, 368},
		{0, 0.95, 0}, {1, 0.95, 0}, {0.5, 1, 0}, {math.NaN(), 0.95, 0},
	}
	for _, tt := range tests {
		if got := MinSamples(tt.q, tt.confidence); got != tt.want {
			t.Errorf("MinSamples(%v, %v) = %d, want %d", tt.q, tt.confidence, got, tt.want)
		}
	}
}

// TestRanksAgainstBinomial sums the binomial distribution by another road,
// logarithms of factorials, and asks for the same ranks.
func TestRanksAgainstBinomial(t *testing.T) {
	lfact := func(n int) float64 { v, _ := math.Lgamma(float64(n + 1)); return v }
	for _, n := range []int{1, 2, 7, 50, 333, 2000} {
		for _, q := range []float64{0.01, 0.1, 0.5, 0.9, 0.99} {
			pmf := func(k int) float64 {
				return math.Exp(lfact(n) - lfact(k) - lfact(n-k) + float64(k)*math.Log(q) + float64(n-k)*math.Log1p(-q))
			}
			lo, hi := Ranks(n, q, 0.95)
			below := func(k int) float64 { // P(B < k)
				s := 0.0
				for i := 0; i < k; i++ {
					s += pmf(i)
				}
				return s
			}
			const tail, e = 0.025, 1e-9
			if lo > 0 && below(lo) > tail+e || lo < n && below(lo+1) <= tail-e {
				t.Errorf("n = %d, q = %v: lower rank %d: P(B<lo) = %v, next %v", n, q, lo, below(lo), below(lo+1))
			}
			if hi <= n && 1-below(hi) > tail+e || hi > 1 && 1-below(hi-1) <= tail-e {
				t.Errorf("n = %d, q = %v: upper rank %d: P(B>=hi) = %v, next %v", n, q, hi, 1-below(hi), 1-below(hi-1))
			}
		}
	}
}

func TestRanksOfAMillion(t *testing.T) {
	lo, hi := Ranks(1_000_000, 0.5, 0.95)
	// 500,000 ± 1.96 * 500.
	if math.Abs(float64(lo)-499_020) > 2 || math.Abs(float64(hi)-500_981) > 2 {
		t.Errorf("ranks %d and %d", lo, hi)
	}
	if lo+hi != 1_000_001 {
		t.Errorf("ranks %d and %d are not symmetrical", lo, hi)
	}
}

func TestIntervalLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Order(finite(t, 0))
		q := rapid.SampledFrom([]float64{0.1, 0.5, 0.9, 0.99}).Draw(t, "q")
		narrow, wide := o.Interval(q, 0.9), o.Interval(q, 0.99)
		if wide.Lo > narrow.Lo || wide.Hi < narrow.Hi {
			t.Fatalf("99 %% interval %v does not hold the 90 %% one %v", wide, narrow)
		}
		// With one end open the estimate may lie outside: of two values the
		// greater is already a lower bound of p99, and the estimate is less.
		if v, ok := o.Quantile(q); ok && narrow.Finite() && (v < narrow.Lo || v > narrow.Hi) {
			t.Fatalf("estimate %v lies outside its interval %v", v, narrow)
		}
		if enough := o.N() >= MinSamples(q, 0.9); enough != narrow.Finite() {
			t.Fatalf("n = %d, enough is %d, interval %v", o.N(), MinSamples(q, 0.9), narrow)
		}
	})
}

// probit is the quantile function of the standard normal distribution.
func probit(q float64) float64 { return math.Sqrt2 * math.Erfinv(2*q-1) }

// floor is the least share that replications of a 95 % interval may cover:
// three standard errors below the promise.
func floor(promise float64, replications int) float64 {
	return promise - 3*math.Sqrt(promise*(1-promise)/float64(replications))
}

func draw(r *rand.Rand, f func(*rand.Rand) float64, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = f(r)
	}
	return x
}

// TestCoverageNoticesShiftedRanks shows that the coverage test has teeth: an
// interval whose ranks are one too high misses more below than its half.
func TestCoverageNoticesShiftedRanks(t *testing.T) {
	const n, replications = 20, 4000
	r := rand.New(rand.NewPCG(7, 7))
	lo, hi := Ranks(n, 0.5, 0.95)
	var below, above, shifted int
	for range replications {
		o := Order(draw(r, (*rand.Rand).ExpFloat64, n))
		if o.x[lo-1] > math.Ln2 {
			below++
		}
		if o.x[hi-1] < math.Ln2 {
			above++
		}
		if o.x[lo] > math.Ln2 {
			shifted++
		}
	}
	most := 0.025 + 3*math.Sqrt(0.025*0.975/replications)
	if b, a := float64(below)/replications, float64(above)/replications; b > most || a > most {
		t.Errorf("missed below %.4f, above %.4f, each may be %.4f", b, a, most)
	}
	if s := float64(shifted) / replications; s <= most {
		t.Errorf("ranks shifted by one go unnoticed: %.4f", s)
	}
}

package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestTrend(t *testing.T) {
	up := make([]float64, 30)
	for i := range up {
		up[i] = float64(i)
	}
	if rho, p, ok := Trend(up); !ok || math.Abs(rho-1) > 1e-12 || p > 1e-6 {
		t.Errorf("rising: %v, %v, %v", rho, p, ok)
	}
	if _, _, ok := Trend(make([]float64, 30)); ok {
		t.Error("a trend of equal values")
	}
	r, seen := rand.New(rand.NewPCG(1, 1)), 0
	const repetitions = 2000
	for range repetitions {
		if _, p, _ := Trend(draw(r, (*rand.Rand).NormFloat64, 30)); p < 0.05 {
			seen++
		}
	}
	if share := float64(seen) / repetitions; share > 0.05+3*math.Sqrt(0.05*0.95/repetitions) {
		t.Errorf("trends of noise in %.3f", share)
	}
}

func TestOutliersAndModes(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	x := draw(r, func(r *rand.Rand) float64 { return 4 * math.Exp(0.1*r.NormFloat64()) }, 50)
	if got := Outliers(x); len(got) != 0 {
		t.Errorf("outliers %v", got)
	}
	if _, _, ok := Order(x).TwoModes(); ok {
		t.Error("two modes of one")
	}
	x[7] = 40
	if got := Outliers(x); len(got) != 1 || got[0] != 7 {
		t.Errorf("outliers %v", got)
	}
	if got := Outliers([]float64{15.4, 15.8, 7.3}); len(got) != 0 {
		t.Errorf("outliers %v of three values", got)
	}
	for i := 20; i < 35; i++ {
		x[i] *= 3
	}
	lo, hi, ok := Order(x).TwoModes()
	if !ok || math.Abs(lo-4) > 0.4 || math.Abs(hi-12) > 1.5 {
		t.Errorf("modes %v and %v, %v", lo, hi, ok)
	}
}

// TestModesOfOne: few sets with a single mode are taken for two, at any number of
// values, and most with two are seen.
func TestModesOfOne(t *testing.T) {
	const repetitions = 1000
	for _, n := range []int{10, 12, 16, 20, 30, 50} {
		r := rand.New(rand.NewPCG(3, uint64(n)))
		one, skewed, two := 0, 0, 0
		for range repetitions {
			seen := func(f func(*rand.Rand) float64) int {
				if _, _, ok := Order(draw(r, f, n)).TwoModes(); ok {
					return 1
				}
				return 0
			}
			one += seen(func(r *rand.Rand) float64 { return math.Exp(0.25 * r.NormFloat64()) })
			skewed += seen(func(r *rand.Rand) float64 { return 1 + 0.25*r.ExpFloat64() })
			two += seen(func(r *rand.Rand) float64 { return math.Exp(0.1*r.NormFloat64()) * float64(1+2*r.IntN(2)) })
		}
		if most := repetitions/50 + 3*int(math.Sqrt(repetitions/50)); one > most || skewed > most {
			t.Errorf("n = %d: two modes in %d and %d of %d sets with one", n, one, skewed, repetitions)
		}
		if n >= 20 && two < repetitions*9/10 {
			t.Errorf("n = %d: two modes are seen in %d of %d sets", n, two, repetitions)
		}
	}
}

package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestDetectable takes the difference that an earlier sample of 50 says can be
// seen 4 times of 5, and asks that about so often the word is said of it.
func TestDetectable(t *testing.T) {
	repetitions := repetitions(t)
	tested := 0
	for _, p := range populations(t) {
		if p.name == "lognormal in steps of 1" {
			continue // its median has no density
		}
		for _, n := range sizes() {
			if n < 20 || n == 100 && repetitions == 300 {
				continue
			}
			r := rand.New(rand.NewPCG(21, uint64(n)))
			said := 0
			var widths, foretold []float64
			for range repetitions {
				before := Order(draw(r, p.draw, 50))
				times, ok := Detectable(before, Order(draw(r, p.draw, 50)), n, 0.95, 0.8)
				width, also := before.HalfWidth(n, 0.95)
				if !ok || !also || times <= 1 {
					t.Fatalf("%s, n = %d: %v, %v, %v, %v", p.name, n, times, ok, width, also)
				}
				a := Order(draw(r, func(r *rand.Rand) float64 { return times * p.draw(r) }, n))
				b := Order(draw(r, p.draw, n))
				ratio, _ := RatioOf(a, b, 0.5, 0.95)
				if v, _ := Judge(ratio, 0.05); v == Greater {
					said++
				}
				iv := b.Interval(0.5, 0.95)
				widths, foretold = append(widths, math.Log(iv.Hi/iv.Lo)/2), append(foretold, math.Log1p(width))
			}
			tested++
			power := float64(said) / float64(repetitions)
			seen, _ := Order(widths).Median()
			expected, _ := Order(foretold).Median()
			t.Logf("%s, n = %d: power %.3f, half width %.3f foretold %.3f", p.name, n, power, seen, expected)
			// Of 20 values of a skewed distribution a little less is found.
			least := 0.72
			if n < 50 {
				least = 0.62
			}
			if power < floor(least, repetitions) || power > 0.9 {
				t.Errorf("%s, n = %d: found in %.3f, foretold 0.80", p.name, n, power)
			}
			if ratio := seen / expected; ratio < 0.85 || ratio > 1.2 {
				t.Errorf("%s, n = %d: intervals are %.2f times as wide as foretold", p.name, n, ratio)
			}
		}
	}
	if tested < 15 {
		t.Errorf("%d cells", tested)
	}
}

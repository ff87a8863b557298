package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestPrecisionKeepsCoverage stops at 5 % and asks the reported interval still
// to cover, less what looking often may cost.
func TestPrecisionKeepsCoverage(t *testing.T) {
	repetitions := repetitions(t)
	for _, p := range populations(t) {
		if p.name == "lognormal in steps of 1" {
			continue // ties make its interval a point at once
		}
		rule := Precision{Quantile: 0.5, HalfWidth: 0.05}
		r := rand.New(rand.NewPCG(11, 11))
		covered := 0
		for range repetitions {
			var x []float64
			for !rule.Enough(x) && len(x) < 400 {
				x = append(x, p.draw(r))
			}
			if len(x) < 20 {
				t.Fatalf("%s: stopped at %d", p.name, len(x))
			}
			if iv := Order(x).Interval(0.5, 0.95); iv.Lo <= p.truth(0.5) && p.truth(0.5) <= iv.Hi {
				covered++
			}
		}
		if share := float64(covered) / float64(repetitions); share < floor(0.94, repetitions) {
			t.Errorf("%s: covers %.3f", p.name, share)
		}
	}
}

func TestPrecision(t *testing.T) {
	same := make([]float64, 24)
	for i := range same {
		same[i] = 3
	}
	rule := Precision{0.5, 0.05}
	if rule.Enough(same[:19]) || !rule.Enough(same[:20]) {
		t.Error("equal values are enough from the twentieth on")
	}
	if rule.Enough([]float64{math.NaN()}) || (Precision{0.9, 0.05}).Enough(same) {
		t.Error("24 values are not enough for p90, one for nothing")
	}
}
